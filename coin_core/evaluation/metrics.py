"""Figures of a classifier: accuracy with its interval, calibration, confusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coin_core.errors import TrainingDataError, WeightsMismatchError

_BINS = 15  # equal ones of the highest probability
# Edges of the bins of the legibility table; the last bin includes 1.
LEGIBILITY_EDGES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The figures of a classifier on one dataset.

    Attributes:
        classifier: Its name.
        n: Coins measured.
        answered: Coins it answered instead of "cannot tell".
        accuracy: Fraction of all n whose highest probability is on the right label.
        accuracy_low: Lower end of the Wilson 95 % interval.
        accuracy_high: Upper end.
        accuracy_answered: Fraction right among the answered coins; None without any.
        recall: Per label the fraction of its coins found; None without coins.
        log_loss: Mean negative logarithm of the probability of the right label.
        ece: Expected calibration error, 15 bins.
        confusion: Counts; rows are true labels, columns predicted ones, in class order.
        classes: The labels in that order.
    """

    classifier: str
    n: int
    answered: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    accuracy_answered: float | None
    recall: Mapping[str, float | None]
    log_loss: float
    ece: float
    confusion: tuple[tuple[int, ...], ...]
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegibilityRow:
    """Accuracy on the coins whose name is legible from `low` to `high`."""

    low: float
    high: float
    n: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float


def wilson(right: int, n: int) -> tuple[float, float]:
    """The Wilson 95 % interval of a proportion; (0, 1) when n is 0.

    Raises:
        ValueError: `right` is negative or greater than `n`.
    """
    from scipy.stats import binomtest

    if not 0 <= right <= n:
        raise ValueError(f"{right} right of {n} is not a proportion.")
    if n == 0:
        return 0.0, 1.0
    interval = binomtest(right, n).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def accuracy_figures(right: ArrayLike) -> dict[str, Any]:
    """Count and accuracy with its Wilson interval, as model cards hold them.

    Args:
        right: Whether each item is right, bool (N,).
    """
    hits = np.asarray(right, dtype=bool)
    low, high = wilson(int(hits.sum()), len(hits))
    return {
        "n": len(hits),
        "accuracy": float(hits.mean()),
        "accuracy_low": low,
        "accuracy_high": high,
    }


def format_proportion(part: int, n: int) -> str:
    """A proportion in words, with its Wilson interval."""
    low, high = wilson(part, n)
    return f"{part} of {n}, {part / max(n, 1):.1%} ({low:.1%} to {high:.1%})"


def cohens_kappa(first: Sequence[str], second: Sequence[str]) -> float | None:
    """Cohen's kappa of two raters; None when both always give one same answer."""
    from sklearn.metrics import cohen_kappa_score

    if len({*first, *second}) < 2:
        return None  # chance alone agrees fully: kappa is undefined
    return float(cohen_kappa_score(first, second))


def mcnemar(only_first: int, only_second: int) -> float:
    """The p-value of McNemar's exact test of two classifiers on the same coins."""
    from scipy.stats import binomtest

    n = only_first + only_second
    return float(binomtest(only_first, n, 0.5).pvalue) if n else 1.0


def expected_calibration_error(probabilities: ArrayLike, y: ArrayLike) -> float:
    """Mean distance between confidence and accuracy, 0 to 1.

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.

    Args:
        probabilities: Per coin and class, (N, C).
        y: The column of the right class, (N,).
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if not len(p):
        return 0.0
    confidence = p.max(axis=1)
    right = p.argmax(axis=1) == np.asarray(y)
    which = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gap = np.bincount(which, weights=confidence - right, minlength=_BINS)
    return float(np.abs(gap).sum() / len(p))


def check_probabilities(
    classifier: str, probabilities: ArrayLike
) -> NDArray[np.float64]:
    """Return probabilities (N, C) in double precision; all must be numbers.

    Raises:
        WeightsMismatchError: Some are not finite.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if damaged := int((~np.isfinite(p)).any(axis=-1).sum()):
        raise WeightsMismatchError(
            f"{classifier} is damaged: its answer for {damaged} of {len(p)} coins is "
            "no number. Copy its bundle again, or train it again."
        )
    return p


def evaluate(
    classifier: str,
    y_true: Sequence[str] | NDArray[Any],
    probabilities: NDArray[np.floating[Any]],
    classes: tuple[str, ...],
    answered: NDArray[np.bool_] | None = None,
) -> Report:
    """Measure probabilities against the truth.

    Args:
        classifier: Name for the report.
        y_true: The right label of each coin, (N,).
        probabilities: Per coin and class, (N, C).
        classes: The labels of the columns.
        answered: Which coins were answered; all of them when None.

    Raises:
        TrainingDataError: There is no coin, or a label that is not among the classes.
    """
    # scikit-learn takes a second to import; an interval does not need it.
    from sklearn.metrics import confusion_matrix, log_loss, recall_score

    from coin_core.classifiers.base import to_columns

    p = check_probabilities(classifier, probabilities)
    if not len(p):
        raise TrainingDataError("There is no coin to measure on.")
    try:
        y = to_columns(y_true, classes)
    except ValueError as error:
        raise TrainingDataError(
            f"{classifier} was not trained on this: {error}"
        ) from error
    n, columns = len(y), list(range(len(classes)))
    kept = np.ones(n, dtype=bool) if answered is None else np.asarray(answered)
    predicted = p.argmax(axis=1)
    right = predicted == y
    recalls = recall_score(
        y, predicted, labels=columns, average=None, zero_division=np.nan
    )
    # float32 rows do not sum to 1 in double precision.
    p = p / p.sum(axis=1, keepdims=True)
    return Report(
        classifier=classifier,
        answered=int(kept.sum()),
        accuracy_answered=float(right[kept].mean()) if kept.any() else None,
        recall={
            name: None if np.isnan(recall) else float(recall)
            for name, recall in zip(classes, recalls, strict=True)
        },
        log_loss=float(log_loss(y, p, labels=columns)),
        ece=expected_calibration_error(probabilities, y),
        confusion=tuple(
            tuple(map(int, row))
            for row in confusion_matrix(y, predicted, labels=columns)
        ),
        classes=classes,
        **accuracy_figures(right),
    )


def accuracy_by_legibility(
    y_true: Sequence[str] | NDArray[Any],
    probabilities: NDArray[np.floating[Any]],
    classes: tuple[str, ...],
    legibility: ArrayLike,
) -> tuple[LegibilityRow, ...]:
    """Accuracy by the share of the name's letters that are legible.

    Args:
        y_true: The right label of each coin, (N,).
        probabilities: Per coin and class, (N, C).
        classes: The labels of the columns.
        legibility: Share of legible letters of the name, 0 to 1, (N,).
    """
    fraction = np.asarray(legibility, dtype=np.float64)
    predicted = np.asarray(classes, dtype=object)[probabilities.argmax(axis=1)]
    right = predicted == np.asarray(y_true, dtype=object)
    rows = []
    for low, high in pairwise(LEGIBILITY_EDGES):
        inside = right[(fraction >= low) & ((fraction < high) | (high == 1.0))]
        interval = wilson(int(inside.sum()), len(inside))
        rows.append(
            LegibilityRow(
                low=low,
                high=high,
                n=len(inside),
                accuracy=float(inside.mean()) if len(inside) else 0.0,
                accuracy_low=interval[0],
                accuracy_high=interval[1],
            )
        )
    return tuple(rows)


def report_json(report: Report) -> dict[str, Any]:
    """The report as `evaluate --json` prints it."""
    lists = {
        "confusion": [list(row) for row in report.confusion],
        "classes": list(report.classes),
    }
    return asdict(report) | lists


def report_table(reports: Sequence[Report]) -> str:
    """The reports as a table to read, one line each."""
    lines = [
        f"{'classifier':<12}{'n':>6}{'right':>8}  {'95 % interval':<16}"
        f"{'answered':>9}{'right of them':>15}{'log loss':>10}{'ECE':>7}"
    ]
    for report in reports:
        interval = f"{report.accuracy_low:.1%} to {report.accuracy_high:.1%}"
        answered = (
            "-"
            if report.accuracy_answered is None
            else f"{report.accuracy_answered:.1%}"
        )
        lines.append(
            f"{report.classifier:<12}{report.n:>6}{report.accuracy:>8.1%}  "
            f"{interval:<16}{report.answered / report.n:>9.1%}{answered:>15}"
            f"{report.log_loss:>10.3f}{report.ece:>7.3f}"
        )
    return "\n".join(lines)


def confusion_table(report: Report) -> str:
    """The confusion matrix as text: a row per true label, a column per answer."""
    width = max(9, *(len(name) + 2 for name in report.classes))
    head = " " * width + "".join(f"{name:>{width}}" for name in report.classes)
    rows = [
        f"{name:<{width}}" + "".join(f"{count:>{width}}" for count in counts)
        for name, counts in zip(report.classes, report.confusion, strict=True)
    ]
    return "\n".join([f"{report.classifier}: rows are the truth", head, *rows])
