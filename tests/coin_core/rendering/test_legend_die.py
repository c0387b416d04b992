import numpy as np
import pytest

from coin_core.legends import draw_legend
from coin_core.rendering.engraving import DiePlacement, PlacedCanvas
from coin_core.rendering.legend_die import (
    engrave_legend,
    engrave_legend_die,
    engrave_stray_marks,
    engrave_wreath,
)
from coin_core.rulers import DEFAULT_CLASSES


def canvas(turn_deg: float = 0.0) -> PlacedCanvas:
    placement = DiePlacement(centre_x=100, centre_y=100, radius=90, turn_deg=turn_deg)
    return PlacedCanvas(200, placement)


@pytest.fixture(scope="module", params=range(6))
def engraved(request):
    """A legend alone, without a wreath: the legend, its letters, the ink."""
    rng = np.random.default_rng(request.param)
    die = canvas()
    legend = draw_legend(rng, DEFAULT_CLASSES[request.param % 3])
    return legend, engrave_legend(rng, die, legend, 0.7), die.relief()


def test_the_letters_are_those_of_the_legend(engraved):
    legend, letters, _ = engraved
    keys = [letter.letter for letter in letters]
    expected = [key for line in legend.lines for key in line]
    assert keys == ["greek_a"] * legend.greek_a + expected
    in_name = [letter.in_name for letter in letters[legend.greek_a :]]
    assert sum(in_name) == legend.name_letters
    assert all(in_name[: legend.name_letters])
    assert not any(letter.in_name for letter in letters if letter.letter == "greek_a")


def test_boxes_match_the_ink(engraved):
    _, letters, ink = engraved
    boxes = np.array([letter.box_px for letter in letters])
    heights = np.array([letter.upright_px[1] for letter in letters])
    y, x = np.nonzero(ink > 127)
    half_stroke = 0.35 * heights.max()
    assert boxes[:, 0].min() == pytest.approx(x.min(), abs=half_stroke)
    assert boxes[:, 1].min() == pytest.approx(y.min(), abs=half_stroke)
    assert boxes[:, 2].max() == pytest.approx(x.max(), abs=half_stroke)
    assert boxes[:, 3].max() == pytest.approx(y.max(), abs=half_stroke)
    for left, top, right, bottom in boxes.round().astype(int):
        assert (ink[top : bottom + 1, left : right + 1] > 127).mean() > 0.08


def test_lines_run_from_right_to_left_and_downwards(engraved):
    legend, letters, _ = engraved
    number, last_line = int(legend.greek_a), -np.inf
    for line in legend.lines:
        boxes = np.array([one.box_px for one in letters[number : number + len(line)]])
        assert (np.diff(boxes[:, 0] + boxes[:, 2]) < 0).all()
        middle = (boxes[:, 1] + boxes[:, 3]).mean() / 2
        assert middle > last_line
        number, last_line = number + len(line), middle


def test_letters_stay_in_the_field_of_the_die():
    for seed in range(10):
        rng = np.random.default_rng(seed)
        _, letters, field_radius = engrave_legend_die(rng, canvas(), DEFAULT_CLASSES[0])
        boxes = np.array([letter.box_px for letter in letters])
        x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
        from_centre = np.hypot(x - 100, y - 100) / 90
        assert np.mean(from_centre < field_radius) > 0.75
        assert from_centre.max() < 1.35 * field_radius


def test_a_turned_die_turns_its_letters_but_not_their_upright_size():
    upright, turned = (
        engrave_legend_die(np.random.default_rng(3), canvas(deg), DEFAULT_CLASSES[0])[1]
        for deg in (0, 90)
    )
    for before, after in zip(upright, turned, strict=True):
        left, top, right, bottom = before.box_px
        expected = (200 - bottom, left, 200 - top, right)
        assert after.box_px == pytest.approx(expected)
        assert after.upright_px == before.upright_px


def test_a_wreath_leaves_the_field_free():
    for seed in range(6):
        die = canvas()
        engrave_wreath(np.random.default_rng(seed), die, 0.7)
        y, x = np.nonzero(die.relief() > 127)
        from_centre = np.hypot(x - 99.5, y - 99.5) / 90
        assert np.mean(from_centre > 0.68) > 0.9
        assert len(y) > 500


def test_stray_marks_are_few():
    for seed in range(8):
        die = canvas()
        engrave_stray_marks(np.random.default_rng(seed), die, 0.7)
        assert 0 < np.mean(die.relief() > 127) < 0.06
