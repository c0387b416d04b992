"""Confusion, confidence and legibility of the predictions of a run."""

import pytest

from coin_core.training.error_analysis import (
    by_legibility,
    class_figures,
    confident_mistakes,
    confusion_of,
    photos_in_cell,
    reliability,
)

CLASSES = ("a", "b")


def row(i, label, share_of_a, **more):
    shares = {"a": share_of_a, "b": 1 - share_of_a}
    name = str(i)
    return {
        "photo": name,
        "coin": name,
        "label": label,
        "probabilities": shares,
        **more,
    }


def test_confusion_recall_precision_and_cells():
    rows = [row(i, "a", 0.9) for i in range(8)]
    rows += [row(8, "a", 0.2), row(9, "b", 0.95), row(10, "b", 0.1)]
    assert confusion_of(rows, CLASSES) == [[8, 1], [1, 1]]
    a, b = class_figures(confusion_of(rows, CLASSES), CLASSES)
    assert a.recall.value == pytest.approx(8 / 9)
    assert b.precision.value == 0.5
    assert b.recall.low < 0.5 < b.recall.high
    assert [r["photo"] for r in photos_in_cell(rows, "b", "a")] == ["9"]
    assert [r["photo"] for r in confident_mistakes(rows)] == ["9", "8"]


def test_bins_hold_every_photo_and_leave_out_empty_ones():
    rows = [row(i, "a", 1.0, legibility=1.0) for i in range(3)]
    rows += [row(3, "a", 0.45, legibility=0.0), row(4, "a", 0.62)]
    assert [one.right.n for one in reliability(rows)] == [1, 1, 3]
    assert [(b.low, b.right.right, b.right.n) for b in by_legibility(rows)] == [
        (0.0, 0, 1),
        (0.75, 3, 3),
    ]
    assert by_legibility([row(1, "a", 1.0)]) == []
