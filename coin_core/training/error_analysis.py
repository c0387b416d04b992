"""What a run got right and wrong: by class, by confidence, by legibility, by photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from coin_core.training.runs import Row

RELIABILITY_BINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """`right` of `n`, with the Wilson 95 % interval; `value` is None when n is 0."""

    right: int
    n: int
    low: float
    high: float

    @property
    def value(self) -> float | None:
        """The share from 0 to 1."""
        return self.right / self.n if self.n else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassFigures:
    """How many coins of a class were found, and how many taken for it were of it."""

    label: str
    recall: Share
    precision: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Photos between two bounds: of confidence in the answer, or of legibility.

    `mean` is the mean of what the bounds are about, from 0 to 1.
    """

    low: float
    high: float
    mean: float
    right: Share


def share(right: int, n: int) -> Share:
    """A share with its interval."""
    from coin_core.evaluation.metrics import wilson

    low, high = wilson(right, n)
    return Share(right=right, n=n, low=low, high=high)


def answer_of(row: Row) -> str:
    """The most probable label of a photo."""
    shares: dict[str, float] = row["probabilities"]
    return max(shares, key=shares.__getitem__)


def confidence_of(row: Row) -> float:
    """The highest probability of a photo."""
    return float(max(row["probabilities"].values()))


def confusion_of(rows: Sequence[Row], classes: Sequence[str]) -> list[list[int]]:
    """Rows are the truth, columns what the photos were taken for."""
    place = {name: i for i, name in enumerate(classes)}
    counts = [[0] * len(classes) for _ in classes]
    for row in rows:
        label, answer = row.get("label"), answer_of(row)
        if label in place and answer in place:
            counts[place[label]][place[answer]] += 1
    return counts


def class_figures(
    confusion: Sequence[Sequence[int]], classes: Sequence[str]
) -> list[ClassFigures]:
    """Recall and precision of each class, with intervals, from a confusion matrix."""
    return [
        ClassFigures(
            label=label,
            recall=share(confusion[i][i], sum(confusion[i])),
            precision=share(confusion[i][i], sum(row[i] for row in confusion)),
        )
        for i, label in enumerate(classes)
    ]


def photos_in_cell(rows: Sequence[Row], truth: str, answer: str) -> list[Row]:
    """The photos of one cell of the confusion matrix, the most confident first."""
    inside = [r for r in rows if r.get("label") == truth and answer_of(r) == answer]
    return sorted(inside, key=confidence_of, reverse=True)


def confident_mistakes(rows: Sequence[Row], count: int = 12) -> list[Row]:
    """The wrongly taken photos, the most confident first."""
    wrong = [row for row in rows if answer_of(row) != row.get("label")]
    return sorted(wrong, key=confidence_of, reverse=True)[:count]


def reliability(rows: Sequence[Row], bins: int = RELIABILITY_BINS) -> list[Bin]:
    """Share right by confidence; bins without photos are left out."""
    scored = [(confidence_of(row), answer_of(row) == row.get("label")) for row in rows]
    return _binned(scored, [i / bins for i in range(bins + 1)])


def by_legibility(rows: Sequence[Row]) -> list[Bin]:
    """Share right by the legible share of the name; [] where that is not known."""
    from coin_core.evaluation.metrics import LEGIBILITY_EDGES

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
                    right=share(sum(right for _, right in inside), len(inside)),
                )
            )
    return found
