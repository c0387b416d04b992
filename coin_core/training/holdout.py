"""Fit a classifier on the split of a frozen version: train, validation, test."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coin_core.classifiers.base import to_columns
from coin_core.errors import TrainingDataError, TrainingStoppedError
from coin_core.evaluation.calibration import find_threshold, measure_threshold
from coin_core.evaluation.metrics import evaluate
from coin_core.i18n import N_
from coin_core.results import class_title
from coin_core.training.cross_validation import FittedClassifier, compare_reading
from coin_core.training.runs import Run
from coin_core.training.task import NOTHING_LEARNED, start_training


def fit_on_split(
    name: str,
    X: NDArray[Any],
    y: NDArray[Any],
    splits: NDArray[np.str_],
    *,
    classes: tuple[str, ...],
    run: Run,
    **settings: Any,
) -> FittedClassifier:
    """Learn from the training coins, choose by validation, measure on the test coins.

    The returned classifier is the one that was measured; it has learned from neither
    validation nor test coins. Epoch, calibration and threshold come from the validation
    coins. Without test coins the report is of the validation coins.

    Args:
        name: A registered classifier.
        X: Crops uint8 (N, S, S, 3), or features float32 (N, D), as it takes them; the
            rows of other views of the same coins may follow.
        y: Label names, (N,).
        splits: "train", "validation" or "test", (N,).
        classes: The labels in the order of the probabilities.
        run: Where to keep history and checkpoints; an unfinished one is resumed.
        **settings: Passed to `start_training`: start, epochs, seed, size_px, config.

    Raises:
        TrainingDataError: A split has too few coins, or of one class only.
        TrainingStoppedError: It was stopped before anything was learned.
    """
    check_split(y, splits)
    train, valid, test = (
        np.flatnonzero(splits == split) for split in ("train", "validation", "test")
    )
    with start_training(
        name, classes=classes, folds=1, with_final=False, run=run, **settings
    ) as task:
        began = time.monotonic()
        inputs = task.inputs(X, y)
        inputs_s = time.monotonic() - began
        result = task.fit(task.build(y[train]), inputs, y, train, valid)
        if result is None:
            raise TrainingStoppedError(NOTHING_LEARNED)
    columns = to_columns(y, classes)
    raw = result.classifier.predict_proba(inputs[valid])
    calibration = task.calibrate(raw, columns[valid])
    calibrated = calibration.apply(raw, classes)
    threshold = find_threshold(calibrated, columns[valid], least=task.least_probability)
    comparison = None
    if task.teaches_reading:
        start, unchanged = task.answer_as_before(inputs, valid)
        before = task.start_calibration.apply(unchanged, classes)
        comparison = compare_reading(
            before, calibrated if result.epochs else before, columns[valid]
        )
        if not comparison.is_kept:
            result.classifier, result.epochs, raw = start, 0, unchanged
            calibration = task.start_calibration
            threshold = measure_threshold(
                before, columns[valid], task.least_probability
            )
    measured = test if len(test) else valid
    run.note_test(0, len(measured))
    if len(test):
        raw = result.classifier.predict_proba(inputs[test])
    calibrated = calibration.apply(raw, classes)
    unread = np.zeros(len(y), bool)
    unread[measured] = task.too_little_read(result.classifier, inputs, measured)
    answered = (calibrated.max(axis=1) >= threshold.value) & ~unread[measured]
    report = evaluate(name, y[measured], calibrated, classes, answered)
    if not result.epochs:
        task.log({"fold": 0, "epoch": 0, "test_accuracy": report.accuracy})
    probabilities = np.full((len(y), len(classes)), 1 / len(classes), dtype=np.float32)
    fold_of = np.full(len(y), -1, dtype=np.int64)
    probabilities[measured], fold_of[measured] = calibrated, 0
    return FittedClassifier(
        classifier=result.classifier,
        probabilities=probabilities,
        fold_of=fold_of,
        calibration=calibration,
        threshold=threshold,
        report=report,
        unread=unread,
        epochs=result.epochs,
        seconds=round(inputs_s + result.seconds, 1),
        stopped=result.stopped,
        comparison=comparison,
    )


def check_split(y: NDArray[Any], splits: NDArray[np.str_]) -> None:
    """Refuse a split that nothing can be learned from or chosen by, with the counts.

    Args:
        y: Label names, (N,).
        splits: "train", "validation" or "test", (N,).

    Raises:
        TrainingDataError: A split has coins of one class only, or a class has none in
            training.
    """
    for what, split in (("training", "train"), ("validation", "validation")):
        here = Counter(y[splits == split].tolist())
        if len(here) < 2:
            counts = ", ".join(f"{class_title(k)}: {n:,}" for k, n in here.items())
            raise TrainingDataError(
                f"The {what} split of this version has photos of fewer than two rulers "
                f"({counts or 'none'}). Freeze a version with more coins or a larger "
                "share, or train with folds on the dataset as it is now: --data catalog"
            )
    if missing := sorted(set(y) - set(y[splits == "train"])):
        named = ", ".join(map(class_title, missing))
        raise TrainingDataError(
            f"The training split has no coin of {named}, which other splits have. Add "
            "coins of it, or leave it out of all splits."
        )


def how_measured(splits: NDArray[np.str_] | None, folds: int) -> str:
    """What a report was measured on, for the model card."""
    if splits is None:
        return N_("{count}-fold cross-validation by coin").format(count=folds)
    n = int((splits == "test").sum())
    if n:
        words = N_(
            "{count} photos of the version's test split, trained on its training split"
        )
        return words.format(count=n)
    return N_("the version's validation split, which also chose the epoch")
