from __future__ import annotations

import pytest

from coin_core.i18n import speaking
from coin_core.training.error_analysis import reliability
from ui.components.charts import (
    Bar,
    accuracy_curves,
    comparison_bars,
    learning_rate_curves,
    legibility_chart,
    loss_curves,
    probability_bars,
    reliability_chart,
)
from ui.formatting import percent

BARS = [
    Bar(label="A", probability=0.9, colour="#111111"),
    Bar(label="B", probability=0.1, colour="#222222"),
]
FOLDS = {"fold 1": [(1, 0.9), (2, 0.5), (3, 0.6)], "fold 2": [(1, 0.8), (2, 0.7)]}


def test_the_bars_say_what_they_were_calibrated_on() -> None:
    figure = probability_bars(BARS, answered=True, threshold=0.6, note="On 3,000 coins")
    assert "On 3,000 coins" in figure.data[0].hovertemplate
    assert figure.layout.annotations[0].text == f"cannot tell below {percent(0.6)}"


def test_the_comparison_has_a_bar_for_each_class() -> None:
    figure = comparison_bars({"one": BARS, "two": BARS}, refused={"two": "worn"})
    assert [bar.name for bar in figure.data] == ["A", "B"]
    assert figure.data[0].marker.opacity == (1.0, 0.32)


def test_bars_begin_where_text_does() -> None:
    def draw(language: str) -> tuple[list[bool], list[str | None]]:
        with speaking(language):
            figures = [
                comparison_bars({"one": BARS}, refused={}),
                probability_bars(BARS, answered=True, threshold=0.7, note=""),
            ]
        starts_left = [one.layout.xaxis.range[0] == 0 for one in figures]
        return starts_left, [one.layout.yaxis.side for one in figures]

    assert draw("en") == ([True, True], [None, None])
    assert draw("he") == ([False, False], ["right", "right"])


def test_no_figure_in_a_bar_is_too_small_to_read() -> None:
    figure = comparison_bars({"one": BARS}, refused={})
    assert figure.layout.uniformtext.minsize >= 11
    assert figure.layout.uniformtext.mode == "hide"


def test_loss_curves_ring_the_kept_epoch_and_name_each_fold_once() -> None:
    figure = loss_curves(FOLDS, FOLDS, {"fold 1": 2, "fold 2": 9})
    assert [line.line.dash for line in figure.data[:4]] == ["dot"] * 2 + ["solid"] * 2
    (ring,) = figure.data[4:]  # no ring outside the curve
    assert (ring.x, ring.y) == ((2,), (0.5,))
    named = [line.name for line in figure.data if line.showlegend]
    assert sorted(named) == ["fold 1", "fold 2"]


def test_a_fold_without_validation_is_named_by_its_training_curve() -> None:
    figure = loss_curves(FOLDS, {"fold 1": FOLDS["fold 1"]})
    named = [(line.name, line.line.dash) for line in figure.data if line.showlegend]
    assert named == [("fold 2", "dot"), ("fold 1", "solid")]


@pytest.mark.parametrize("chart", [accuracy_curves, learning_rate_curves])
def test_a_single_curve_needs_no_legend(chart) -> None:
    assert not chart({"all coins": [(1, 0.5)]}).data[0].showlegend
    assert all(line.showlegend for line in chart(FOLDS).data)


def test_bins_show_their_accuracy_with_an_interval() -> None:
    rows = [
        {"label": "a" if i < 8 else "b", "probabilities": {"a": 0.85, "b": 0.15}}
        for i in range(10)
    ]
    bins = reliability(rows)
    points = reliability_chart(bins).data[-1]
    assert points.y == pytest.approx((0.8,))
    assert points.x == pytest.approx((0.85,))
    assert list(points.customdata[0]) == [8, 10]
    assert 0 < points.error_y.arrayminus[0] < 0.8
    assert legibility_chart(bins).data[0].y == points.y
