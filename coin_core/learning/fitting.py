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
from coin_core.errors import TrainingDataError, TrainingStoppedError
from coin_core.evaluation import Report, evaluate
from coin_core.learning.calibration import (
    Threshold,
    apply_temperature,
    find_threshold,
    fit_temperature,
)
from coin_core.learning.checkpoints import load_tensors, save_tensors
from coin_core.learning.epochs import NetTraining
from coin_core.learning.history import Run
from coin_core.learning.loggers import Log, extra_log
from coin_core.learning.recipes import Recipe
from coin_core.learning.splits import hold_out_by_coin, split_by_coin

logger = logging.getLogger(__name__)

# Epochs that suffice for a few hundred photos; early stopping ends most before.
EPOCHS = {"resnet": 16, "vgg": 12, "alexnet": 40, "mlp": 30}
_HELD_OUT = 0.15


@dataclass(slots=True, kw_only=True, eq=False)
class Fitted:
    """A classifier that learnt from everything, and what its folds measured.

    Attributes:
        classifier: Fitted on all coins.
        probabilities: Of each coin from the fold that had not seen it, calibrated on
            the other folds, float32 (N, C).
        fold_of: The fold that measured each coin, (N,); -1 for a coin that was not
            measured because the training was stopped.
        temperature: From all folds together.
        threshold: Where to stop answering.
        report: Accuracy and calibration of `probabilities`.
        epochs: Epochs the final net was trained; 0 for other estimators.
        seconds: Time of all folds and the final fit, over all sittings.
        stopped: Whether somebody ended it early; then the classifier is the best of
            the last fold, and `report` counts the measured coins.
    """

    classifier: Any
    probabilities: NDArray[np.float32]
    fold_of: NDArray[np.int64]
    temperature: float
    threshold: Threshold
    report: Report
    epochs: int
    seconds: float
    stopped: bool = False


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
    recipe: Recipe
    bar: Any
    extra: Log | None = None

    def log(self, row: dict[str, Any]) -> None:
        """Add an epoch to the history, and to whatever else was asked for."""
        self.run.log(row)
        if self.extra is not None:
            values = {k: v for k, v in row.items() if isinstance(v, float)}
            self.extra(f"fold-{row['fold']}", values, int(row["epoch"]))


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
    recipe: Recipe | None = None,
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
        recipe: What differs from the usual way of training a net.
        run: Where to keep history and checkpoints; an unfinished one is gone on with.

    Raises:
        TrainingDataError: There are too few coins, or of one class only.
        TrainingStoppedError: It was stopped before anything was learnt.
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
    run.amend({"plan": {"folds": folds, "epochs": epochs}})
    with tqdm(total=(folds + 1) * epochs, desc=name, unit="epoch") as bar:
        task = _Task(
            name=name,
            classes=classes,
            init=init,
            epochs=epochs,
            seed=seed,
            run=run,
            size_px=size_px,
            recipe=recipe or Recipe(),
            bar=bar,
            extra=extra_log(run.folder, run.config()),
        )
        raw = np.zeros((len(X), len(classes)), dtype=np.float32)
        fold_of = np.full(len(X), -1, dtype=np.int64)
        done: list[_Fold] = []
        for fold, (learn, measure) in enumerate(splits):
            result = _run_fold(task, fold, X, y, groups, learn, measure)
            if result is None:
                break
            done.append(result)
            raw[measure], fold_of[measure] = result.probabilities, fold
            bar.update((fold + 1) * epochs - bar.n)
            if result.stopped:
                break
        final = None
        if len(done) == folds and not done[-1].stopped:
            lengths = [result.epochs for result in done]
            length = max(1, round(float(np.mean(lengths)))) if any(lengths) else 0
            final = _fit_all(task, X, y, length)
        stopped = final is None or final.stopped
        kept = final or _best_so_far(task, done, X, y, splits)
        bar.update(bar.total - bar.n)
    measured = fold_of >= 0
    columns = to_columns(y, classes)[measured]
    calibrated = np.full_like(raw, 1 / len(classes))
    calibrated[measured] = _calibrate_across(raw[measured], columns, fold_of[measured])
    threshold = find_threshold(calibrated[measured], columns)
    answered = calibrated[measured].max(axis=1) >= threshold.value
    return Fitted(
        classifier=kept.classifier,
        probabilities=calibrated,
        fold_of=fold_of,
        temperature=fit_temperature(raw[measured], columns),
        threshold=threshold,
        report=evaluate(name, y[measured], calibrated[measured], classes, answered),
        epochs=kept.epochs,
        seconds=round(
            sum(part.seconds for part in (*done, *([final] if final else []))), 1
        ),
        stopped=stopped,
    )


def _calibrate_across(
    raw: NDArray[np.float32], columns: NDArray[np.int64], fold_of: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Calibrate each fold by the temperature of the others, so none judges itself."""
    calibrated = raw.copy()
    for fold in np.unique(fold_of):
        here = fold_of == fold
        if here.all():  # stopped in the first fold: nobody else to judge it
            continue
        temperature = fit_temperature(raw[~here], columns[~here])
        calibrated[here] = apply_temperature(raw[here], temperature)
    return calibrated


@dataclass(slots=True, kw_only=True, eq=False)
class _Fold:
    """What a fold, or the fit on everything, came to.

    The classifier is None for a fold that was only read, the probabilities are those
    of its held-out coins.
    """

    classifier: Any
    probabilities: NDArray[np.float32]
    epochs: int
    seconds: float
    stopped: bool = False


def _run_fold(
    task: _Task,
    fold: int,
    X: NDArray[Any],
    y: NDArray[Any],
    groups: NDArray[Any],
    learn: NDArray[np.int64],
    measure: NDArray[np.int64],
) -> _Fold | None:
    """Train and measure a fold; one that was over is only read.

    None when the training was stopped before the fold had anything to keep.
    """
    folder = _folder(task, fold)
    kept, notes = load_tensors(folder / "result.safetensors")
    if notes:
        return _Fold(
            classifier=None,
            probabilities=kept["probabilities"].numpy(),
            epochs=int(notes["epochs"]),
            seconds=float(notes["seconds"]),
        )
    classifier = _build(task, y[learn])
    started = time.monotonic()
    if isinstance(classifier, NetClassifier):
        # The epoch is chosen on coins of the learning side, never on measured ones.
        inner, valid = hold_out_by_coin(
            y[learn], groups[learn], share=_HELD_OUT, seed=task.seed
        )
        seen, names, rows = task.recipe.turned(X, y, learn[inner])
        training = _training(task, fold, folder)
        notes = training.run(classifier, seen, names, rows, learn[valid])
        if not notes["epochs"]:
            return None
    else:
        if task.run.stop_asked():
            return None
        classifier.fit(X[learn], y[learn])
        seconds = time.monotonic() - started
        notes = {"epochs": 0, "seconds": seconds, "stopped": False}
    task.run.note_test(fold, len(measure))
    probabilities = classifier.predict_proba(X[measure])
    right = classifier.classes_[probabilities.argmax(axis=1)] == y[measure]
    if not notes["epochs"]:
        task.log({"fold": fold, "epoch": 0, "test_accuracy": float(right.mean())})
    notes["test_accuracy"] = float(right.mean())
    logger.info("fold %d: %.1f %% right", fold + 1, 100 * right.mean())
    if not notes["stopped"]:
        save_tensors(
            folder / "result.safetensors",
            {"probabilities": torch.from_numpy(probabilities)},
            notes,
        )
        # The last fold's best stays, should the training be stopped in the next one.
        (folder / "latest.safetensors").unlink(missing_ok=True)
        (_folder(task, fold - 1) / "best.safetensors").unlink(missing_ok=True)
    return _Fold(
        classifier=classifier,
        probabilities=probabilities,
        epochs=int(notes["epochs"]),
        seconds=float(notes["seconds"]),
        stopped=bool(notes["stopped"]),
    )


def _folder(task: _Task, fold: int | str) -> Path:
    return task.run.folder / "checkpoints" / f"fold-{fold}"


def _best_so_far(
    task: _Task,
    done: list[_Fold],
    X: NDArray[Any],
    y: NDArray[Any],
    splits: list[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> _Fold:
    """The last fold that was measured, with its classifier."""
    if not done:
        raise TrainingStoppedError(
            "Stopped before anything was learnt. The same command starts again."
        )
    last = done[-1]
    if last.classifier is None:
        learn, _ = splits[len(done) - 1]
        net = _build(task, y[learn])
        best, _ = load_tensors(_folder(task, len(done) - 1) / "best.safetensors")
        if not isinstance(net, NetClassifier) or not best:
            raise TrainingStoppedError(
                "Stopped between two folds. The same command goes on with the next."
            )
        net.begin(X[learn])
        net.module_.load_state_dict(best)
        net.module_.eval()
        last.classifier = net
    return last


def _fit_all(
    task: _Task, X: NDArray[Any], y: NDArray[Any], epochs: int
) -> _Fold | None:
    """The classifier fitted on every coin, for as long as the folds needed.

    None when the training was stopped before it had anything to keep.
    """
    classifier = _build(task, y)
    folder = task.run.folder / "checkpoints" / "final"
    started = time.monotonic()
    nothing = np.zeros((0, len(task.classes)), dtype=np.float32)
    if not isinstance(classifier, NetClassifier):
        classifier.fit(X, y)
        seconds = time.monotonic() - started
        return _Fold(
            classifier=classifier, probabilities=nothing, epochs=0, seconds=seconds
        )
    seen, names, rows = task.recipe.turned(X, y, np.arange(len(X)))
    training = _training(task, "final", folder, epochs)
    notes = training.run(classifier, seen, names, rows, np.arange(0))
    if not notes["epochs"]:
        return None
    return _Fold(
        classifier=classifier,
        probabilities=nothing,
        epochs=int(notes["epochs"]),
        seconds=float(notes["seconds"]),
        stopped=bool(notes["stopped"]),
    )


def _training(
    task: _Task, fold: int | str, folder: Path, epochs: int | None = None
) -> NetTraining:
    return NetTraining(
        name=task.name,
        init=task.init,
        epochs=epochs or task.epochs,
        folder=folder,
        fold=fold,
        run_log=task.log,
        bar=task.bar,
        recipe=task.recipe,
        stop_asked=task.run.stop_asked,
    )


def _build(task: _Task, y: NDArray[Any]) -> Any:
    """An unfitted classifier; a net weighs each class alike and sees photos anew."""
    classifier = get_classifier(task.name).build(task.classes, seed=task.seed)
    if not isinstance(classifier, NetClassifier):
        return classifier
    if task.recipe.class_weights:
        counts = np.bincount(to_columns(y, task.classes), minlength=len(task.classes))
        weights = len(y) / (len(task.classes) * np.maximum(counts, 1))
        classifier.set_params(
            criterion__weight=torch.tensor(weights, dtype=torch.float32)
        )
    classifier.set_params(criterion__label_smoothing=0.05)
    task.recipe.set_up(classifier)
    if get_classifier(task.name).inputs == "photo":
        usual = classifier.preparation
        sized = replace(usual, size_px=task.size_px or usual.size_px)
        classifier.set_params(**task.recipe.sight(task.classes, sized))
    return classifier
