"""Fit a classifier: cross-validated by coin, calibrated, then on everything.

Each fold keeps its probabilities for the coins it had not seen; from these come the
accuracy, the temperature and the threshold. The classifier that is handed back has
learnt from all coins. Everything is checkpointed in the run's folder, so that a run
that was killed goes on where it was and ends as it would have.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from coin_core.classifiers.base import to_columns
from coin_core.classifiers.torch_classifier import NetClassifier
from coin_core.errors import TrainingDataError, TrainingStoppedError
from coin_core.evaluation.calibration import (
    Threshold,
    apply_temperature,
    find_threshold,
    fit_temperature,
)
from coin_core.evaluation.metrics import Report, evaluate
from coin_core.training.checkpoint import load_tensors, save_tensors
from coin_core.training.config import with_copies
from coin_core.training.runs import Run
from coin_core.training.splits import hold_out_by_coin, split_by_coin
from coin_core.training.task import Task, begin

logger = logging.getLogger(__name__)

_HELD_OUT = 0.15


@dataclass(slots=True, kw_only=True, eq=False)
class Fitted:
    """A classifier that learnt from everything, and what its folds measured.

    Attributes:
        classifier: Fitted on all coins; without that, None or the last fold's.
        probabilities: Of each coin from the fold that had not seen it, calibrated on
            the other folds, float32 (N, C).
        fold_of: The fold that measured each coin, (N,); -1 for a coin that was not
            measured because the training was stopped.
        temperature: From all folds together.
        threshold: Where to stop answering.
        report: Accuracy and calibration of `probabilities`.
        epochs: Epochs that net was trained; 0 for other estimators.
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


def fit_classifier(
    name: str,
    X: NDArray[Any],
    y: NDArray[Any],
    groups: NDArray[Any],
    *,
    classes: tuple[str, ...],
    folds: int = 5,
    with_final: bool = True,
    seed: int = 0,
    run: Run,
    **settings: Any,
) -> Fitted:
    """Cross-validate a classifier by coin, calibrate it, fit it on everything.

    Args:
        name: A registered classifier.
        X: Crops uint8 (N, S, S, 3), or features float32 (N, D), as it takes them.
        y: Label names, (N,).
        groups: The coin of each row, (N,).
        classes: The labels in the order of the probabilities.
        folds: 2 or more; every coin is measured by the fold that had not seen it.
        with_final: Whether to fit it on everything; where only the measurement is
            wanted, that is left out.
        seed: Fixes splits, first weights and augmentation.
        run: Where to keep history and checkpoints; an unfinished one is gone on with.
        settings: Further ones of `task.begin`: start, epochs, size_px, recipe.

    Raises:
        TrainingDataError: There are too few coins, or of one class only.
        TrainingStoppedError: It was stopped before anything was learnt.
        UnknownClassifierError: There is no such classifier.
        WeightsMissingError: The weights to start from are not there.
    """
    if not len(X) == len(y) == len(groups):
        raise TrainingDataError(
            f"{len(X)} coins, {len(y)} labels and {len(groups)} coin numbers "
            "do not belong together."
        )
    splits = list(split_by_coin(y, groups, folds=folds, seed=seed))
    raw = np.zeros((len(y), len(classes)), dtype=np.float32)
    fold_of = np.full(len(y), -1, dtype=np.int64)
    done: list[_Fold] = []
    with begin(
        name,
        classes=classes,
        folds=folds,
        with_final=with_final,
        seed=seed,
        run=run,
        **settings,
    ) as task:
        X = task.inputs(X)
        for fold, (learn, measure) in enumerate(splits):
            result = _run_fold(task, fold, X, y, groups, learn, measure)
            if result is None:
                break
            done.append(result)
            raw[measure], fold_of[measure] = result.probabilities, fold
            task.bar.update((fold + 1) * task.epochs - task.bar.n)
            if result.stopped:
                break
        whole = len(done) == folds and not done[-1].stopped
        final = None
        if whole and with_final:
            lengths = [result.epochs for result in done]
            length = max(1, round(float(np.mean(lengths)))) if any(lengths) else 0
            final = _fit_all(task, X, y, length)
            whole = final is not None and not final.stopped
        if final is None and not (whole and done):
            kept = _best_so_far(task, done, X, y, splits)
        else:
            kept = final or done[-1]
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
        stopped=not whole,
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
    task: Task,
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
    folder = task.folder(fold)
    kept, notes = load_tensors(folder / "result.safetensors")
    if notes:
        return _Fold(
            classifier=None,
            probabilities=kept["probabilities"].numpy(),
            epochs=int(notes["epochs"]),
            seconds=float(notes["seconds"]),
        )
    classifier = task.build(y[learn])
    started = time.monotonic()
    if isinstance(classifier, NetClassifier):
        # The epoch is chosen on coins of the learning side, never on measured ones.
        inner, valid = hold_out_by_coin(
            y[learn], groups[learn], share=_HELD_OUT, seed=task.seed
        )
        names, rows = with_copies(X, y, learn[inner])
        notes = task.training(fold).run(classifier, X, names, rows, learn[valid])
        if not notes["epochs"]:
            return None
    else:
        if task.run.stop_asked():
            return None
        task.fit(classifier, X[learn], y[learn])
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
        (task.folder(fold - 1) / "best.safetensors").unlink(missing_ok=True)
    return _Fold(
        classifier=classifier,
        probabilities=probabilities,
        epochs=int(notes["epochs"]),
        seconds=float(notes["seconds"]),
        stopped=bool(notes["stopped"]),
    )


def _best_so_far(
    task: Task,
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
        net = task.build(y[learn])
        best, _ = load_tensors(task.folder(len(done) - 1) / "best.safetensors")
        if not isinstance(net, NetClassifier) or not best:
            raise TrainingStoppedError(
                "Stopped between two folds. The same command goes on with the next."
            )
        net.begin(X[learn])
        net.module_.load_state_dict(best)
        net.module_.eval()
        last.classifier = net
    return last


def _fit_all(task: Task, X: NDArray[Any], y: NDArray[Any], epochs: int) -> _Fold | None:
    """The classifier fitted on every coin, for as long as the folds needed.

    None when the training was stopped before it had anything to keep.
    """
    classifier = task.build(y)
    started = time.monotonic()
    nothing = np.zeros((0, len(task.classes)), dtype=np.float32)
    if not isinstance(classifier, NetClassifier):
        task.fit(classifier, X, y)
        seconds = time.monotonic() - started
        return _Fold(
            classifier=classifier, probabilities=nothing, epochs=0, seconds=seconds
        )
    names, rows = with_copies(X, y, np.arange(len(y)))
    training = task.training("final", epochs)
    notes = training.run(classifier, X, names, rows, np.arange(0))
    if not notes["epochs"]:
        return None
    return _Fold(
        classifier=classifier,
        probabilities=nothing,
        epochs=int(notes["epochs"]),
        seconds=float(notes["seconds"]),
        stopped=bool(notes["stopped"]),
    )
