import numpy as np
import pytest

from coin_core.rendering.engraving import DiePlacement
from coin_core.rendering.flans import (
    distance_to_edge,
    draw_mask,
    draw_shape,
    draw_surface,
)

SHAPES = [draw_shape(np.random.default_rng(seed), 120) for seed in range(20)]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_mask_fills_the_outline(shape):
    rows, columns = np.nonzero(draw_mask(shape, 120) > 127)
    left, top, right, bottom = shape.box()
    assert columns.min() == pytest.approx(max(left, 0), abs=1.5)
    assert columns.max() == pytest.approx(min(right, 119), abs=1.5)
    assert rows.min() == pytest.approx(max(top, 0), abs=1.5)
    assert rows.max() == pytest.approx(min(bottom, 119), abs=1.5)
    assert 0.5 < len(rows) / (np.pi * shape.radius**2) < 1.3


def test_flans_differ_and_are_not_round():
    ratios = []
    for shape in SHAPES:
        left, top, right, bottom = shape.box()
        ratios.append((right - left) / (bottom - top))
    assert np.std(ratios) > 0.02
    assert len({shape.outline for shape in SHAPES}) == len(SHAPES)


def test_distance_grows_from_the_edge_inwards():
    mask = np.zeros((40, 40), np.uint8)
    mask[10:30, 5:35] = 255
    distance = distance_to_edge(mask)
    assert distance[0, 0] == 0
    assert distance[10, 20] == 1
    assert distance[19, 20] == distance.max() == 10


def test_the_metal_beyond_the_die_is_never_lower_on_average():
    die = DiePlacement(centre_x=60, centre_y=60, radius=30, turn_deg=0)
    y, x = np.mgrid[:120, :120]
    from_centre = np.hypot(x - 60, y - 60)
    inside, beyond = [], []
    for seed, shape in enumerate(SHAPES):
        distance = distance_to_edge(draw_mask(shape, 120))
        surface = draw_surface(np.random.default_rng(seed), shape, distance, die)
        assert surface.dtype == np.float32
        inner = distance > 0.2 * shape.radius
        inside.append(surface[inner & (from_centre < 27)].mean())
        beyond.append(surface[inner & (from_centre > 36)].mean())
    assert np.mean(beyond) > np.mean(inside) + 0.2
