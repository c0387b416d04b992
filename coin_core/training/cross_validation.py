"""Fit a classifier: cross-validated by coin, calibrated, then on everything.

Each fold keeps its probabilities for its held-out coins; the accuracy, the calibration
and the threshold come from these. The returned classifier is fitted on all coins.
Everything is checkpointed in the run's folder, so that a killed run resumes and ends
as it would have.
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
from coin_core.classifiers.torch_classifier import NetClassifier, log_probabilities
from coin_core.errors import TrainingDataError, TrainingStoppedError
from coin_core.evaluation.calibration import (
    Calibration,
    Threshold,
    find_threshold,
    measure_threshold,
)
from coin_core.evaluation.metrics import Report, evaluate
from coin_core.training.checkpoint import load_tensors, save_tensors
from coin_core.training.comparison import Comparison
from coin_core.training.runs import Run
from coin_core.training.splits import hold_out_by_coin, split_by_coin
from coin_core.training.task import (
    NOTHING_LEARNED,
    FoldResult,
    TrainingTask,
    start_training,
)

logger = logging.getLogger(__name__)

_VALIDATION_FRACTION = 0.15


@dataclass(slots=True, kw_only=True, eq=False)
class FittedClassifier:
    """A fitted classifier and its figures on coins it was not fitted on.

    Attributes:
        classifier: Fitted on all coins; without that, None or the last fold's.
        probabilities: Of each coin from the fold that held it out, calibrated on the
            other folds, float32 (N, C).
        fold_of: The fold that measured each coin, (N,); -1 for a coin that was not
            measured, because the training was stopped or the coin is not a test coin.
        calibration: From all folds together.
        threshold: The probability below which it does not answer.
        report: Accuracy and calibration of `probabilities`.
        unread: Whether so little is read on a coin that it is not answered, (N,).
        epochs: Epochs that net was trained; 0 for other estimators.
        seconds: Time of all folds and the final fit, over all sessions; whoever
            prepares the coins adds that.
        stopped: Whether it was stopped early; then the classifier is the best of the
            last fold, and `report` counts the measured coins.
        comparison: Of a net that was taught to read, with the one that it started
            from, which is the classifier unless the taught one is kept.
    """

    classifier: Any
    probabilities: NDArray[np.float32]
    fold_of: NDArray[np.int64]
    calibration: Calibration
    threshold: Threshold
    report: Report
    unread: NDArray[np.bool_]
    epochs: int
    seconds: float
    stopped: bool = False
    comparison: Comparison | None = None


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
) -> FittedClassifier:
    """Cross-validate a classifier by coin, calibrate it, fit it on everything.

    Args:
        name: A registered classifier.
        X: Crops uint8 (N, S, S, 3), or features float32 (N, D), as it takes them; the
            rows of other views of the same coins may follow.
        y: Label names, (N,).
        groups: The coin of each row, (N,).
        classes: The labels in the order of the probabilities.
        folds: 2 or more; every coin is measured by the fold that held it out.
        with_final: Whether to fit it on everything, besides measuring it.
        seed: Fixes splits, first weights and augmentation.
        run: Where to keep history and checkpoints; an unfinished one is resumed.
        **settings: Passed to `start_training`: start, epochs, size_px, config.

    Raises:
        TrainingDataError: There are too few coins, or of one class only.
        TrainingStoppedError: It was stopped before anything was learned.
        UnknownClassifierError: There is no such classifier.
        WeightsMissingError: The weights to start from are missing.
    """
    if len(y) != len(groups) or len(X) % max(1, len(y)):
        raise TrainingDataError(
            f"{len(X)} coins, {len(y)} labels and {len(groups)} coin numbers "
            "do not belong together."
        )
    splits = list(split_by_coin(y, groups, folds=folds, seed=seed))
    raw = np.zeros((len(y), len(classes)), dtype=np.float32)
    fold_of = np.full(len(y), -1, dtype=np.int64)
    unread = np.zeros(len(y), bool)
    results: list[FoldResult] = []
    with start_training(
        name,
        classes=classes,
        folds=folds,
        with_final=with_final,
        seed=seed,
        run=run,
        **settings,
    ) as task:
        began = time.monotonic()
        X = task.inputs(X, y)
        inputs_s = time.monotonic() - began
        for fold, (train, test) in enumerate(splits):
            result = _run_fold(task, fold, X, y, groups, train, test)
            if result is None:
                break
            results.append(result)
            raw[test], fold_of[test] = result.probabilities, fold
            unread[test] = result.unread
            if result.stopped:
                break
            task.bar.skip((fold + 1) * task.epochs - task.bar.done)
        completed = len(results) == folds and not results[-1].stopped
        measured = fold_of >= 0
        columns = to_columns(y, classes)[measured]
        calibrated = np.full_like(raw, 1 / len(classes))
        calibrated[measured] = _calibrate_across(
            task, raw[measured], columns, fold_of[measured]
        )
        comparison, unchanged = None, None
        if task.teaches_reading and results:
            start, answers = task.answer_as_before(X, np.flatnonzero(measured))
            before = task.start_calibration.apply(answers, classes)
            taught = any(result.epochs for result in results)
            comparison = compare_reading(
                before, calibrated[measured] if taught else before, columns
            )
            if not comparison.is_kept:
                unchanged, calibrated[measured] = start, before
                unread[measured] = task.too_little_read(
                    start, X, np.flatnonzero(measured)
                )
        final = None
        if unchanged is not None:  # also of a training that was stopped
            final = FoldResult(classifier=unchanged)
        elif completed and with_final:
            lengths = [result.epochs for result in results]
            epochs = max(1, round(float(np.mean(lengths)))) if any(lengths) else 0
            everything, none = np.arange(len(y)), np.arange(0)
            final = task.fit(
                task.build(y), X, y, everything, none, fold="final", epochs=epochs
            )
            completed = final is not None and not final.stopped
        kept = final
        if kept is None:
            kept = results[-1] if completed else _best_fold(task, results, X, y, splits)
    if unchanged is None:
        calibration = task.calibrate(raw[measured], columns)
        threshold = find_threshold(
            calibrated[measured], columns, least=task.least_probability
        )
    else:
        calibration = task.start_calibration
        threshold = measure_threshold(
            calibrated[measured], columns, task.least_probability
        )
    answered = calibrated[measured].max(axis=1) >= threshold.value
    answered &= ~unread[measured]
    return FittedClassifier(
        classifier=kept.classifier,
        probabilities=calibrated,
        fold_of=fold_of,
        calibration=calibration,
        threshold=threshold,
        report=evaluate(name, y[measured], calibrated[measured], classes, answered),
        unread=unread,
        epochs=kept.epochs,
        seconds=round(inputs_s + sum(r.seconds for r in (*results, final) if r), 1),
        stopped=not completed,
        comparison=comparison,
    )


def compare_reading(
    before: NDArray[np.float32], after: NDArray[np.float32], columns: NDArray[np.int64]
) -> Comparison:
    """Compare calibrated probabilities (N, C) of coins that were not learned from."""
    rows = np.arange(len(columns))
    loss = [-log_probabilities(p[rows, columns]) for p in (before, after)]
    return Comparison(
        coins=len(columns),
        before=float(loss[0].mean()),
        after=float(loss[1].mean()),
        error=float((loss[1] - loss[0]).std() / np.sqrt(len(columns))),
    )


def _calibrate_across(
    task: TrainingTask,
    raw: NDArray[np.float32],
    columns: NDArray[np.int64],
    fold_of: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Calibrate each fold by the others."""
    calibrated = raw.copy()
    for fold in np.unique(fold_of):
        inside = fold_of == fold
        if inside.all():  # stopped in the first fold: there are no others
            continue
        calibration = task.calibrate(raw[~inside], columns[~inside])
        calibrated[inside] = calibration.apply(raw[inside], task.classes)
    return calibrated


def _run_fold(
    task: TrainingTask,
    fold: int,
    X: NDArray[Any],
    y: NDArray[Any],
    groups: NDArray[Any],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
) -> FoldResult | None:
    """Train and measure a fold, or load its result if it was completed before.

    None when the training was stopped before the fold had anything to keep.
    """
    path = task.checkpoint(fold, "result")
    kept, notes = load_tensors(path)
    if notes:
        return FoldResult(
            classifier=None,
            probabilities=kept["probabilities"].numpy(),
            # Runs that began with an older version did not keep it.
            unread=kept.get("unread", torch.zeros(len(test), dtype=torch.bool)).numpy(),
            epochs=int(notes["epochs"]),
            seconds=float(notes["seconds"]),
        )
    classifier = task.build(y[train])
    valid = np.arange(0)
    if isinstance(classifier, NetClassifier) and not task.has_fixed_length:
        # The epoch is chosen on coins of the training side, never on held-out ones.
        inner, held_out = hold_out_by_coin(
            y[train], groups[train], fraction=_VALIDATION_FRACTION, seed=task.seed
        )
        train, valid = train[inner], train[held_out]
    result = task.fit(classifier, X, y, train, valid, fold=fold)
    if result is None:
        return None
    task.run.note_test(fold, len(test))
    result.probabilities = result.classifier.predict_proba(X[test])
    result.unread = task.too_little_read(result.classifier, X, test)
    predicted = result.classifier.classes_[result.probabilities.argmax(axis=1)]
    accuracy = float((predicted == y[test]).mean())
    if not result.epochs:
        task.log({"fold": fold, "epoch": 0, "test_accuracy": accuracy})
    logger.info("fold %d: %.1f %% right, not calibrated", fold + 1, 100 * accuracy)
    if not result.stopped:
        save_tensors(
            path,
            {
                "probabilities": torch.from_numpy(result.probabilities),
                "unread": torch.from_numpy(result.unread),
            },
            {
                "epochs": result.epochs,
                "seconds": result.seconds,
                "test_accuracy": accuracy,
            },
        )
        # The last fold's best is kept in case the training is stopped in the next one.
        task.checkpoint(fold, "latest").unlink(missing_ok=True)
        task.checkpoint(fold - 1, "best").unlink(missing_ok=True)
    return result


def _best_fold(
    task: TrainingTask,
    results: list[FoldResult],
    X: NDArray[Any],
    y: NDArray[Any],
    splits: list[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> FoldResult:
    """The last fold that was measured, with its classifier."""
    if not results:
        raise TrainingStoppedError(NOTHING_LEARNED)
    last = results[-1]
    if last.classifier is None:
        train, _ = splits[len(results) - 1]
        net = task.build(y[train])
        best, _ = load_tensors(task.checkpoint(len(results) - 1, "best"))
        if not isinstance(net, NetClassifier) or not best:
            raise TrainingStoppedError(
                "Stopped between two folds. The same command resumes with the next."
            )
        net.begin(X[train])
        net.module_.load_state_dict(best)
        net.module_.eval()
        last.classifier = net
    return last
