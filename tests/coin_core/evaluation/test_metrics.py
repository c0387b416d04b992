"""Figures against ones worked out by hand."""

import json

import numpy as np
import pytest

from coin_core.errors import TrainingDataError
from coin_core.evaluation.metrics import (
    accuracy_by_legibility,
    confusion_table,
    evaluate,
    expected_calibration_error,
    format_proportion,
    report_json,
    report_table,
    wilson,
)

CLASSES = ("b", "a", "c")
Y = ["b", "b", "a", "a"]
P = np.array(
    [[0.9, 0.1, 0.0], [0.4, 0.6, 0.0], [0.2, 0.8, 0.0], [0.1, 0.7, 0.2]],
    dtype=np.float32,
)


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [
        (0, 0, 0.0, 1.0),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (14, 18, 0.5479, 0.9100),
        (50, 100, 0.4038, 0.5962),
    ],
)
def test_wilson_interval(right, n, low, high):
    assert wilson(right, n) == pytest.approx((low, high), abs=2e-4)


def test_a_share_is_told_with_its_interval():
    assert format_proportion(193, 200) == "193 of 200, 96.5% (93.0% to 98.3%)"
    assert format_proportion(0, 0) == "0 of 0, 0.0% (0.0% to 100.0%)"


def test_wilson_refuses_what_is_no_share():
    with pytest.raises(ValueError, match="5 right of 4"):
        wilson(5, 4)


@pytest.mark.parametrize(
    ("p", "y", "ece"),
    [
        ([[1.0, 0.0], [0.0, 1.0]], [0, 1], 0.0),
        ([[1.0, 0.0], [1.0, 0.0]], [0, 1], 0.5),
        ([[0.6, 0.4], [0.6, 0.4]], [0, 0], 0.4),
        (np.zeros((0, 2)), [], 0.0),
    ],
)
def test_expected_calibration_error(p, y, ece):
    assert expected_calibration_error(p, y) == pytest.approx(ece)


def test_a_report_by_hand():
    report = evaluate("knn", Y, P, CLASSES, np.array([True, False, True, True]))
    assert (report.n, report.answered) == (4, 3)
    assert report.accuracy == 0.75
    assert report.accuracy_answered == 1.0
    assert report.recall == {"b": 0.5, "a": 1.0, "c": None}
    assert report.confusion == ((1, 1, 0), (0, 2, 0), (0, 0, 0))
    expected = -np.mean(np.log([0.9, 0.4, 0.8, 0.7]))
    assert report.log_loss == pytest.approx(expected, rel=1e-5)
    assert report.accuracy_low < 0.75 < report.accuracy_high


def test_the_json_has_the_fixed_fields():
    line = json.loads(json.dumps(report_json(evaluate("knn", Y, P, CLASSES))))
    assert {
        "classifier",
        "n",
        "answered",
        "accuracy",
        "accuracy_low",
        "accuracy_high",
        "recall",
        "log_loss",
        "ece",
        "confusion",
    } <= set(line)


def test_tables_are_readable():
    report = evaluate("knn", Y, P, CLASSES, np.zeros(4, dtype=bool))
    assert "75.0%" in report_table([report])
    assert len({len(line) for line in confusion_table(report).splitlines()[1:]}) == 1


@pytest.mark.parametrize(
    ("y", "p", "said"),
    [([], np.zeros((0, 3)), "no coin"), (["x"], P[:1], "was not trained on this")],
)
def test_what_cannot_be_measured_is_refused(y, p, said):
    with pytest.raises(TrainingDataError, match=said):
        evaluate("knn", y, p, CLASSES)


def test_accuracy_by_legibility_counts_every_coin_once():
    rows = accuracy_by_legibility(Y, P, CLASSES, [0.0, 0.5, 0.99, 1.0])
    assert [(row.low, row.n, row.accuracy) for row in rows] == [
        (0.0, 1, 1.0),
        (0.25, 0, 0.0),
        (0.5, 1, 0.0),
        (0.75, 2, 1.0),
    ]
