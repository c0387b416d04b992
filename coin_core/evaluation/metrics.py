"""How good a classifier is: accuracy with its interval, calibration, confusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coin_core.errors import TrainingDataError

# The normal quantile of a two-sided 95 % interval.
_Z_95 = 1.959963984540054

# Upper edges of the bins of the legibility table; the last one takes 1 itself.
LEGIBILITY_EDGES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a classifier reached on one data set.

    Attributes:
        classifier: Its name.
        n: Coins measured.
        answered: Those it answered instead of "cannot tell".
        accuracy: Share of all n whose highest probability is on the right label.
        accuracy_low: Lower end of the Wilson 95 % interval.
        accuracy_high: Upper end.
        accuracy_answered: Share right among the answered ones; None without any.
        recall: Per label the share of its coins found; None for a label without coins.
        log_loss: Mean negative logarithm of the probability of the right label.
        ece: Expected calibration error, 15 bins.
        confusion: Rows are true labels, columns given ones, both in class order.
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
    """The Wilson 95 % interval of a share; (0, 1) when nothing was measured.

    Raises:
        ValueError: More were right than there are, or a count is negative.
    """
    if not 0 <= right <= n:
        raise ValueError(f"{right} right of {n} is no share.")
    if n == 0:
        return 0.0, 1.0
    share = right / n
    spread = _Z_95 * sqrt(share * (1 - share) / n + (_Z_95 / (2 * n)) ** 2)
    middle = share + _Z_95**2 / (2 * n)
    scale = 1 + _Z_95**2 / n
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def share_of(part: int, n: int) -> str:
    """A share in words, with its Wilson interval."""
    low, high = wilson(part, n)
    return f"{part} of {n}, {part / max(n, 1):.1%} ({low:.1%} to {high:.1%})"


def expected_calibration_error(
    probabilities: ArrayLike, y: ArrayLike, bins: int = 15
) -> float:
    """How far confidence and accuracy lie apart, 0 to 1.

    Args:
        probabilities: Per coin and class, (N, C).
        y: The column of the right class, (N,).
        bins: Number of equal bins of the highest probability.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if not len(p):
        return 0.0
    confidence = p.max(axis=1)
    right = p.argmax(axis=1) == np.asarray(y)
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    count = np.bincount(which, minlength=bins)
    gap = np.bincount(which, weights=confidence - right, minlength=bins)
    return float(np.abs(gap[count > 0]).sum() / len(p))


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
    # Whoever wants an interval only need not wait for scikit-learn.
    from sklearn.metrics import confusion_matrix, log_loss, recall_score

    from coin_core.classifiers.base import to_columns

    p = np.asarray(probabilities, dtype=np.float64)
    if not len(p):
        raise TrainingDataError("There is no coin to measure on.")
    try:
        y = to_columns(y_true, classes)
    except ValueError as error:
        raise TrainingDataError(f"{classifier} was not taught this: {error}") from error
    n, columns = len(y), list(range(len(classes)))
    told = np.ones(n, dtype=bool) if answered is None else np.asarray(answered)
    given = p.argmax(axis=1)
    right = given == y
    low, high = wilson(int(right.sum()), n)
    recalls = recall_score(y, given, labels=columns, average=None, zero_division=0.0)
    present = np.bincount(y, minlength=len(classes)) > 0
    return Report(
        classifier=classifier,
        n=n,
        answered=int(told.sum()),
        accuracy=float(right.mean()),
        accuracy_low=low,
        accuracy_high=high,
        accuracy_answered=float(right[told].mean()) if told.any() else None,
        recall={
            name: float(recalls[column]) if present[column] else None
            for column, name in enumerate(classes)
        },
        log_loss=float(log_loss(y, _whole(p), labels=columns)),
        ece=expected_calibration_error(p, y),
        confusion=tuple(
            tuple(map(int, row)) for row in confusion_matrix(y, given, labels=columns)
        ),
        classes=classes,
    )


def _whole(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows summing to 1 in double precision, which float32 rows do not quite."""
    whole: NDArray[np.float64] = p / p.sum(axis=1, keepdims=True)
    return whole


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
    share = np.asarray(legibility, dtype=np.float64)
    given = np.asarray(classes, dtype=object)[probabilities.argmax(axis=1)]
    right = given == np.asarray(y_true, dtype=object)
    rows = []
    for low, high in pairwise(LEGIBILITY_EDGES):
        here = (share >= low) & ((share < high) | (high == 1.0))
        n, k = int(here.sum()), int(right[here].sum())
        interval = wilson(k, n)
        rows.append(
            LegibilityRow(
                low=low,
                high=high,
                n=n,
                accuracy=k / n if n else 0.0,
                accuracy_low=interval[0],
                accuracy_high=interval[1],
            )
        )
    return tuple(rows)


def report_json(report: Report) -> dict[str, Any]:
    """The report as `evaluate --json` prints it."""
    return {
        "classifier": report.classifier,
        "n": report.n,
        "answered": report.answered,
        "accuracy": report.accuracy,
        "accuracy_low": report.accuracy_low,
        "accuracy_high": report.accuracy_high,
        "accuracy_answered": report.accuracy_answered,
        "recall": dict(report.recall),
        "log_loss": report.log_loss,
        "ece": report.ece,
        "confusion": [list(row) for row in report.confusion],
        "classes": list(report.classes),
    }


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
