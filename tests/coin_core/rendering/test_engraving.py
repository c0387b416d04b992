import math

import numpy as np
import pytest

from coin_core.rendering.engraving import (
    DieCanvas,
    DiePlacement,
    PlacedCanvas,
    bezier,
    ellipse,
    polar,
    tapered_band,
)

CENTRED = DiePlacement(centre_x=50, centre_y=50, radius=40, turn_deg=0)


def test_a_placement_scales_shifts_and_turns_clockwise():
    placement = DiePlacement(centre_x=10, centre_y=20, radius=5, turn_deg=90)
    px = placement.to_px(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    assert px == pytest.approx(np.array([[10, 20], [10, 25], [5, 20]]))


def test_a_pellet_covers_its_disc():
    canvas = PlacedCanvas(100, CENTRED)
    canvas.pellets(np.array([[0.5, -0.25]]), np.array([0.2]))
    ink = canvas.relief()
    rows, columns = np.nonzero(ink > 127)
    assert (columns.mean(), rows.mean()) == pytest.approx((70, 40), abs=0.6)
    assert (ink > 127).sum() == pytest.approx(math.pi * 8**2, rel=0.08)


def test_a_stroke_has_its_widths_and_gaps_between_strokes_stay_open():
    canvas = PlacedCanvas(100, CENTRED)
    lines = [np.array([[-1.0, y], [0.0, y], [1.0, y]]) for y in (-0.5, 0.5)]
    canvas.strokes(lines, [(0.05, 0.1, 0.2), (0.1, 0.1, 0.1)])
    ink = canvas.relief() > 127
    widths = ink[:50].sum(axis=0)
    assert widths[[15, 50, 85]] == pytest.approx([2.5, 4, 7.5], abs=1.1)
    assert not ink[40:60].any()


def test_polygons_have_the_height_that_is_asked_for():
    canvas = PlacedCanvas(100, CENTRED)
    square = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    canvas.polygons(square[None], 160)
    assert canvas.relief()[50, 50] == 160
    assert (canvas.relief() == 160).sum() == pytest.approx(40**2, rel=0.08)


def test_a_body_rises_from_its_outline():
    die = DieCanvas(100)
    die.body(ellipse((0, 0), 0.3, 0.3), 0.2, 250, 90)
    relief = die.relief(0) * 255
    assert relief[50, 50] == pytest.approx(250, abs=2)
    assert 85 < relief[50, 22] < relief[50, 30] < relief[50, 40]
    assert relief[50, 15] == 0


def test_text_runs_from_its_start_and_a_gap_stands_for_unknown_signs():
    die = DieCanvas(200)
    die.text("I?I", (-0.2, 0), 0.2, 0.02)
    columns = np.nonzero((die.relief(0) > 0.4).any(axis=0))[0]
    assert columns.min() == pytest.approx(60, abs=3)
    assert columns.max() == pytest.approx(60 + 2 * 0.2 * 0.75 * 200, abs=3)
    assert not ((columns > 66) & (columns < 114)).any()


def test_a_rim_legend_stays_on_its_arc():
    die = DieCanvas(200)
    die.rim_legend(
        np.random.default_rng(0),
        "H",
        radius=0.38,
        size=0.06,
        width=0.012,
        start=0,
        sweep=math.pi,
    )
    y, x = np.nonzero(die.relief(0) > 0.4)
    radii = np.hypot(x - 99.5, y - 99.5) / 200
    assert radii.min() > 0.33
    assert radii.max() < 0.43
    assert (y > 95).all()
    assert len(y) > 200


def test_curves_begin_and_end_where_they_should():
    curve = bezier((0, 0), (1, 2), (2, 0), 4)
    assert curve[0] == (0, 0)
    assert curve[2] == (1, 1)
    assert curve[-1] == (2, 0)
    assert polar(2, math.pi / 2) == pytest.approx((0, 2))


def test_a_tapered_band_has_a_width_at_each_point():
    band = np.array(tapered_band([(0, 0), (1, 0), (2, 0)], [0.2, 0.4, 0.0]))
    assert band[:, 0].tolist() == [0, 1, 2, 2, 1, 0]
    assert band[:, 1] == pytest.approx([0.1, 0.2, 0, 0, -0.2, -0.1])


def test_borders_lie_at_the_rim():
    kinds = set()
    for seed in range(30):
        die = DieCanvas(100)
        die.border(np.random.default_rng(seed))
        y, x = np.nonzero(die.canvas)
        kinds.add(len(y) > 0)
        assert (np.hypot(x - 99.5, y - 99.5) > 0.36 * 200).all()
    assert kinds == {True, False}
