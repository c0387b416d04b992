"""The errors of a run: by class, by confidence, by legibility, by photo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from coin_core.evaluation.metrics import LEGIBILITY_EDGES, wilson
from coin_core.training.runs import Row

_BINS, _MISTAKES = 10, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Proportion:
    """`right` of `n`, with the Wilson 95 % interval."""

    right: int
    n: int
    low: float
    high: float

    @property
    def value(self) -> float | None:
        """The proportion from 0 to 1; None when n is 0."""
        return self.right / self.n if self.n else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassFigures:
    """Recall and precision of a class."""

    label: str
    recall: Proportion
    precision: Proportion


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Photos between two bounds of confidence or legibility, `mean` on average."""

    low: float
    high: float
    mean: float
    right: Proportion


def _proportion(right: int, n: int) -> Proportion:
    low, high = wilson(right, n)
    return Proportion(right=right, n=n, low=low, high=high)


def answer_of(row: Row) -> str:
    """The most probable label of a photo."""
    probabilities: dict[str, float] = row["probabilities"]
    return max(probabilities, key=probabilities.__getitem__)


def confidence_of(row: Row) -> float:
    """The highest probability of a photo."""
    return float(max(row["probabilities"].values()))


def confusion_of(rows: Sequence[Row], classes: Sequence[str]) -> list[list[int]]:
    """The confusion matrix: rows are true classes, columns predicted ones."""
    pairs = Counter((row.get("label"), answer_of(row)) for row in rows)
    return [[pairs[truth, answer] for answer in classes] for truth in classes]


def class_figures(
    confusion: Sequence[Sequence[int]], classes: Sequence[str]
) -> list[ClassFigures]:
    """Recall and precision of each class, with intervals, from a confusion matrix."""
    return [
        ClassFigures(
            label=label,
            recall=_proportion(confusion[i][i], sum(confusion[i])),
            precision=_proportion(confusion[i][i], sum(row[i] for row in confusion)),
        )
        for i, label in enumerate(classes)
    ]


def photos_in_cell(rows: Sequence[Row], truth: str, answer: str) -> list[Row]:
    """The photos of one cell of the confusion matrix, the most confident first."""
    inside = [r for r in rows if r.get("label") == truth and answer_of(r) == answer]
    return sorted(inside, key=confidence_of, reverse=True)


def confident_mistakes(rows: Sequence[Row]) -> list[Row]:
    """The photos that were predicted wrong, the most confident first."""
    wrong = [row for row in rows if answer_of(row) != row.get("label")]
    return sorted(wrong, key=confidence_of, reverse=True)[:_MISTAKES]


def reliability(rows: Sequence[Row]) -> list[Bin]:
    """Accuracy by confidence; bins without photos are left out."""
    scored = [(confidence_of(row), answer_of(row) == row.get("label")) for row in rows]
    return _binned(scored, [i / _BINS for i in range(_BINS + 1)])


def by_legibility(rows: Sequence[Row]) -> list[Bin]:
    """Accuracy by the legible fraction of the name; [] where that is not known."""
    scored = [
        (float(row["legibility"]), answer_of(row) == row.get("label"))
        for row in rows
        if row.get("legibility") is not None
    ]
    return _binned(scored, LEGIBILITY_EDGES)


def _binned(scored: Sequence[tuple[float, bool]], edges: Sequence[float]) -> list[Bin]:
    found = []
    for low, high in pairwise(edges):
        inside = [
            (value, right)
            for value, right in scored
            if low <= value < high or (value == high == edges[-1])
        ]
        if inside:
            found.append(
                Bin(
                    low=low,
                    high=high,
                    mean=sum(value for value, _ in inside) / len(inside),
                    right=_proportion(sum(right for _, right in inside), len(inside)),
                )
            )
    return found
