import hashlib

import numpy as np
import pytest

from coin_core.rendering import cornucopia, other_coins, star_anchor

DRAWERS = [
    cornucopia.draw_die,
    star_anchor.draw_die,
    star_anchor.draw_star,
    star_anchor.draw_anchor,
    other_coins.draw_die,
]


@pytest.mark.parametrize("draw", DRAWERS)
def test_a_die_is_relief_between_field_and_top(draw):
    for seed in range(25):
        die = draw(np.random.default_rng(seed), 96)
        assert die.shape == (96, 96)
        assert die.dtype == np.float32
        assert float(die.min()) >= 0
        assert float(die.max()) <= 1


@pytest.mark.parametrize("draw", DRAWERS)
def test_the_same_seed_cuts_the_same_die(draw):
    digests = {
        hashlib.sha256(draw(np.random.default_rng(5), 120).tobytes()).hexdigest()
        for _ in range(2)
    }
    assert len(digests) == 1


@pytest.mark.parametrize("draw", DRAWERS)
def test_no_two_dies_are_alike(draw):
    dies = [draw(np.random.default_rng(seed), 64).tobytes() for seed in range(20)]
    assert len(set(dies)) == 20


def test_a_cornucopia_die_has_horns_on_both_sides():
    for seed in range(10):
        die = cornucopia.draw_die(np.random.default_rng(seed), 160)
        assert die[40:110, 25:75].max() > 0.5
        assert die[40:110, 85:135].max() > 0.5


@pytest.mark.parametrize("size_px", [48, 160, 320])
def test_a_die_looks_alike_at_every_size(size_px):
    die = star_anchor.draw_star(np.random.default_rng(3), size_px)
    assert die[size_px // 2, size_px // 2] > 0.5
    assert die[0, 0] == 0
