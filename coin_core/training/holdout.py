"""Fit a classifier on a split that was made before: train, validation, test."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coin_core.classifiers.base import to_columns
from coin_core.classifiers.torch_classifier import NetClassifier
from coin_core.errors import TrainingDataError, TrainingStoppedError
from coin_core.evaluation.calibration import (
    apply_temperature,
    find_threshold,
    fit_temperature,
)
from coin_core.evaluation.metrics import evaluate
from coin_core.training.config import with_copies
from coin_core.training.cross_validation import Fitted
from coin_core.training.runs import Run
from coin_core.training.task import begin


def fit_on_split(
    name: str,
    X: NDArray[Any],
    y: NDArray[Any],
    splits: NDArray[np.str_],
    *,
    classes: tuple[str, ...],
    run: Run,
    **settings: Any,
) -> Fitted:
    """Learn from the training coins, choose by validation, measure on the test coins.

    The classifier that is handed back is the one that was measured; it has seen
    neither validation nor test. Epoch, temperature and threshold come from the
    validation coins. Without test coins the report is of the validation coins.

    Args:
        name: A registered classifier.
        X: Crops uint8 (N, S, S, 3), or features float32 (N, D), as it takes them.
        y: Label names, (N,).
        splits: "train", "validation" or "test", (N,).
        classes: The labels in the order of the probabilities.
        run: Where to keep history and checkpoints; an unfinished one is gone on with.
        settings: Further ones of `task.begin`: start, epochs, seed, size_px, recipe.

    Raises:
        TrainingDataError: A split has too few coins, or of one class only.
        TrainingStoppedError: It was stopped before anything was learnt.
    """
    train, valid = (
        np.flatnonzero(splits == "train"),
        np.flatnonzero(splits == "validation"),
    )
    test = np.flatnonzero(splits == "test")
    for what, rows in (("training", train), ("validation", valid)):
        if len(np.unique(y[rows])) < 2:
            raise TrainingDataError(
                f"The {what} split of this version has coins of fewer than two rulers. "
                "Freeze a version with more coins or a larger share, or train with "
                "folds on the catalog as it stands: --data catalog"
            )
    started = time.monotonic()
    with begin(
        name, classes=classes, folds=1, with_final=False, run=run, **settings
    ) as task:
        classifier = task.build(y[train])
        notes: dict[str, Any] = {"epochs": 0, "stopped": False}
        if isinstance(classifier, NetClassifier):
            X = task.inputs(X)
            names, rows = with_copies(X, y, train)
            notes = task.training(0).run(classifier, X, names, rows, valid)
        elif not run.stop_asked():
            task.fit(classifier, X[train], y[train])
            notes["seconds"] = time.monotonic() - started
        if "seconds" not in notes or (
            isinstance(classifier, NetClassifier) and not notes["epochs"]
        ):
            raise TrainingStoppedError(
                "Stopped before anything was learnt. The same command starts again."
            )
    columns = to_columns(y, classes)
    raw = classifier.predict_proba(X[valid])
    temperature = fit_temperature(raw, columns[valid])
    told = apply_temperature(raw, temperature)
    threshold = find_threshold(told, columns[valid])
    measured = test if len(test) else valid
    run.note_test(0, len(measured))
    if len(test):
        told = apply_temperature(classifier.predict_proba(X[test]), temperature)
    report = evaluate(
        name, y[measured], told, classes, told.max(axis=1) >= threshold.value
    )
    if not notes["epochs"]:
        task.log({"fold": 0, "epoch": 0, "test_accuracy": report.accuracy})
    probabilities = np.full((len(y), len(classes)), 1 / len(classes), dtype=np.float32)
    fold_of = np.full(len(y), -1, dtype=np.int64)
    probabilities[measured], fold_of[measured] = told, 0
    return Fitted(
        classifier=classifier,
        probabilities=probabilities,
        fold_of=fold_of,
        temperature=temperature,
        threshold=threshold,
        report=report,
        epochs=int(notes["epochs"]),
        seconds=round(float(notes["seconds"]), 1),
        stopped=bool(notes["stopped"]),
    )


def how_measured(splits: NDArray[np.str_] | None, folds: int) -> str:
    """On what a report was measured, for the card."""
    if splits is None:
        return f"{folds}-fold cross-validation by coin"
    n = int((splits == "test").sum())
    if n:
        return f"{n} photos of the version's test split, learnt from its training split"
    return "the version's validation split, which also chose the epoch"
