"""Fit a classifier: cross-validated by coin, calibrated, then on everything.

Each fold keeps its probabilities for the coins it had not seen; from these come the
accuracy, the temperature and the threshold. The classifier that is handed back has
learnt from all coins. Everything is checkpointed in the run's folder, so that a run
that was killed goes on where it was and ends as it would have.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from coin_core.classifiers import get_classifier
from coin_core.classifiers._labelled import to_columns
from coin_core.classifiers._net import NetClassifier
from coin_core.errors import TrainingDataError
from coin_core.evaluation import Report, evaluate
from coin_core.learning.augmentation import augment, augment_mirrored
from coin_core.learning.calibration import (
    Threshold,
    apply_temperature,
    find_threshold,
    fit_temperature,
)
from coin_core.learning.checkpoints import load_tensors, save_tensors
from coin_core.learning.epochs import NetTraining
from coin_core.learning.history import Run
from coin_core.learning.splits import hold_out_by_coin, split_by_coin
from coin_core.preprocessing import Preprocessing
from coin_core.rulers import DEFAULT_CLASSES

logger = logging.getLogger(__name__)

# Epochs that suffice for a few hundred photos; early stopping ends most before.
EPOCHS = {"resnet": 16, "vgg": 12, "alexnet": 40, "mlp": 30}
_HELD_OUT = 0.15
# A crop is the flan and a little around it.
WHOLE_FLAN = 0.96


@dataclass(slots=True, kw_only=True, eq=False)
class Fitted:
    """A classifier that learnt from everything, and what its folds measured.

    Attributes:
        classifier: Fitted on all coins.
        probabilities: Of each coin from the fold that had not seen it, calibrated on
            the other folds, float32 (N, C).
        temperature: From all folds together.
        threshold: Where to stop answering.
        report: Accuracy and calibration of `probabilities`.
        epochs: Epochs the final net was trained; 0 for other estimators.
        seconds: Time of all folds and the final fit, over all sittings.
    """

    classifier: Any
    probabilities: NDArray[np.float32]
    temperature: float
    threshold: Threshold
    report: Report
    epochs: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Task:
    """What every fold of a fitting shares."""

    name: str
    classes: tuple[str, ...]
    init: str
    epochs: int
    seed: int
    run: Run
    size_px: int | None
    bar: Any


def fit_classifier(
    name: str,
    X: NDArray[Any],
    y: NDArray[Any],
    groups: NDArray[Any],
    *,
    classes: tuple[str, ...],
    init: str = "rendered",
    epochs: int | None = None,
    folds: int = 5,
    seed: int = 0,
    size_px: int | None = None,
    run: Run,
) -> Fitted:
    """Cross-validate a classifier by coin, calibrate it, fit it on everything.

    Args:
        name: A registered classifier.
        X: Crops uint8 (N, S, S, 3), or features float32 (N, D), as it takes them.
        y: Label names, (N,).
        groups: The coin of each row, (N,).
        classes: The labels in the order of the probabilities.
        init: Where nets start: "rendered", "imagenet" or "scratch".
        epochs: At most this many per fold; a good number for the classifier if None.
        folds: 2 or more; every coin is measured by the fold that had not seen it.
        seed: Fixes splits, first weights and augmentation.
        size_px: Side of a net's input; as the classifier has it if None.
        run: Where to keep history and checkpoints; an unfinished one is gone on with.

    Raises:
        TrainingDataError: There are too few coins, or of one class only.
        UnknownClassifierError: There is no such classifier.
        WeightsMissingError: The weights to start from are not there.
    """
    get_classifier(name)
    if not len(X) == len(y) == len(groups):
        raise TrainingDataError(
            f"{len(X)} coins, {len(y)} labels and {len(groups)} coin numbers "
            "do not belong together."
        )
    epochs = epochs or EPOCHS.get(name, 20)
    splits = list(split_by_coin(y, groups, folds=folds, seed=seed))
    columns = to_columns(y, classes)
    with tqdm(total=(folds + 1) * epochs, desc=name, unit="epoch") as bar:
        task = _Task(
            name=name,
            classes=classes,
            init=init,
            epochs=epochs,
            seed=seed,
            run=run,
            size_px=size_px,
            bar=bar,
        )
        raw = np.zeros((len(X), len(classes)), dtype=np.float32)
        fold_of = np.zeros(len(X), dtype=np.int64)
        lengths, seconds = [], 0.0
        for fold, (learn, measure) in enumerate(splits):
            p, notes = _run_fold(task, fold, X, y, groups, learn, measure)
            raw[measure], fold_of[measure] = p, fold
            lengths.append(int(notes["epochs"]))
            seconds += float(notes["seconds"])
            bar.update((fold + 1) * epochs - bar.n)
        final_epochs = max(1, round(float(np.mean(lengths)))) if any(lengths) else 0
        classifier, took = _fit_all(task, X, y, final_epochs)
        bar.update(bar.total - bar.n)
    calibrated = _calibrate_across(raw, columns, fold_of)
    threshold = find_threshold(calibrated, columns)
    answered = calibrated.max(axis=1) >= threshold.value
    return Fitted(
        classifier=classifier,
        probabilities=calibrated,
        temperature=fit_temperature(raw, columns),
        threshold=threshold,
        report=evaluate(name, y, calibrated, classes, answered),
        epochs=final_epochs,
        seconds=round(seconds + took, 1),
    )


def _calibrate_across(
    raw: NDArray[np.float32], columns: NDArray[np.int64], fold_of: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Calibrate each fold by the temperature of the others, so none judges itself."""
    calibrated = raw.copy()
    for fold in np.unique(fold_of):
        here = fold_of == fold
        temperature = fit_temperature(raw[~here], columns[~here])
        calibrated[here] = apply_temperature(raw[here], temperature)
    return calibrated


def _run_fold(
    task: _Task,
    fold: int,
    X: NDArray[Any],
    y: NDArray[Any],
    groups: NDArray[Any],
    learn: NDArray[np.int64],
    measure: NDArray[np.int64],
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """The probabilities of the held-out coins; a fold that was over is only read."""
    folder = task.run.folder / "checkpoints" / f"fold-{fold}"
    kept, notes = load_tensors(folder / "result.safetensors")
    if notes:
        return kept["probabilities"].numpy(), notes
    classifier = _build(task, y[learn])
    started = time.monotonic()
    if isinstance(classifier, NetClassifier):
        # The epoch is chosen on coins of the learning side, never on measured ones.
        inner, valid = hold_out_by_coin(
            y[learn], groups[learn], share=_HELD_OUT, seed=task.seed
        )
        rows = (learn[inner], learn[valid])
        notes = _training(task, fold, folder).run(classifier, X, y, *rows)
    else:
        classifier.fit(X[learn], y[learn])
        notes = {"epochs": 0, "seconds": time.monotonic() - started}
    probabilities = classifier.predict_proba(X[measure])
    right = classifier.classes_[probabilities.argmax(axis=1)] == y[measure]
    if not notes["epochs"]:
        task.run.log({"fold": fold, "epoch": 0, "test_accuracy": float(right.mean())})
    notes["test_accuracy"] = float(right.mean())
    save_tensors(
        folder / "result.safetensors",
        {"probabilities": torch.from_numpy(probabilities)},
        notes,
    )
    for name in ("latest", "best"):
        (folder / f"{name}.safetensors").unlink(missing_ok=True)
    logger.info("fold %d: %.1f %% right", fold + 1, 100 * right.mean())
    return probabilities, notes


def _sight(task: _Task, usual: Preprocessing) -> dict[str, Any]:
    """How a net sees coins of these classes while it learns.

    The rulers' names stand in the middle of the flan and are not mirrored; what tells
    other coins apart may reach to the rim, so they are shown whole.
    """
    sized = replace(usual, size_px=task.size_px or usual.size_px)
    if set(task.classes) <= set(DEFAULT_CLASSES):
        return {"augment": augment, "preprocessing": sized}
    whole = replace(sized, zoom=WHOLE_FLAN)
    return {"augment": augment_mirrored, "preprocessing": whole}


def _fit_all(
    task: _Task, X: NDArray[Any], y: NDArray[Any], epochs: int
) -> tuple[Any, float]:
    """The classifier fitted on every coin, for as long as the folds needed."""
    classifier = _build(task, y)
    folder = task.run.folder / "checkpoints" / "final"
    started = time.monotonic()
    if not isinstance(classifier, NetClassifier):
        return classifier.fit(X, y), time.monotonic() - started
    rows = (np.arange(len(X)), np.arange(0))
    training = _training(task, "final", folder, epochs)
    notes = training.run(classifier, X, y, *rows)
    return classifier, float(notes["seconds"])


def _training(
    task: _Task, fold: int | str, folder: Path, epochs: int | None = None
) -> NetTraining:
    return NetTraining(
        name=task.name,
        init=task.init,
        epochs=epochs or task.epochs,
        folder=folder,
        fold=fold,
        run_log=task.run.log,
        bar=task.bar,
    )


def _build(task: _Task, y: NDArray[Any]) -> Any:
    """An unfitted classifier; a net weighs each class alike and sees photos anew."""
    classifier = get_classifier(task.name).build(task.classes, seed=task.seed)
    if not isinstance(classifier, NetClassifier):
        return classifier
    counts = np.bincount(to_columns(y, task.classes), minlength=len(task.classes))
    weights = len(y) / (len(task.classes) * np.maximum(counts, 1))
    classifier.set_params(
        criterion__weight=torch.tensor(weights, dtype=torch.float32),
        criterion__label_smoothing=0.05,
    )
    if get_classifier(task.name).inputs == "photo":
        classifier.set_params(**_sight(task, classifier.preparation))
    return classifier
