"""Dies of other coins, and what all dies have in common."""

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


def test_half_of_the_other_coins_are_portraits_and_few_are_blank():
    inked = [
        (
            other_coins.draw_die(np.random.default_rng(seed), 64)[16:48, 16:48] > 0.3
        ).mean()
        for seed in range(60)
    ]
    assert np.mean(np.array(inked) > 0.02) > 0.9
