"""Dies of other coins, and what all dies have in common."""

import hashlib
from functools import partial

import numpy as np
import pytest

from coin_core.rendering import (
    cornucopia,
    foreign_coins,
    other_coins,
    render_coin,
    star_anchor,
)

DRAWERS = [
    cornucopia.draw_die,
    partial(cornucopia.draw_die, rough=True),
    star_anchor.draw_die,
    star_anchor.draw_star,
    star_anchor.draw_anchor,
    other_coins.draw_die,
    foreign_coins.draw_die,
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


def test_any_hand_cuts_cornucopias_of_more_shapes_than_the_usual_one():
    def height_of_the_mouths(rough: bool) -> float:
        rows = []
        for seed in range(60):
            rng = np.random.default_rng(seed)
            die = cornucopia.draw_die(rng, 64, rough=rough)[4:60, 8:56]
            rows.append(float(np.argmax((die > 0.5).sum(1) > 3)))
        return float(np.std(rows))

    assert height_of_the_mouths(True) > height_of_the_mouths(False)


def test_some_coins_from_far_away_have_a_hole_that_shows_what_lies_behind():
    coins = [render_coin(3, k, size_px=64, kind="foreign") for k in range(60)]
    holes = [coin for coin in coins if coin.mask[24:40, 24:40].min() == 0]
    assert 1 <= len(holes) <= 20
    for coin in holes:
        behind = coin.mask[24:40, 24:40] == 0
        shown = coin.image[24:40, 24:40][behind].mean(0)
        assert np.abs(shown - coin.image[:2, :2].mean((0, 1))).max() < 60


@pytest.mark.parametrize("design", sorted(set(foreign_coins.DESIGNS), key=repr))
def test_each_design_from_far_away_covers_a_part_of_the_field(design, monkeypatch):
    monkeypatch.setattr(foreign_coins, "DESIGNS", (design,))
    for seed in range(6):
        die = foreign_coins.draw_die(np.random.default_rng(seed), 96)
        assert 0.01 < float((die > 0.2).mean()) < 0.95


def test_coins_from_far_away_are_uneven_round_or_square():
    filled = []
    for index in range(40):
        coin = render_coin(4, index, size_px=64, kind="foreign")
        left, top, right, bottom = (round(64 * edge) for edge in coin.flan_box)
        box = coin.mask[max(top, 0) : bottom, max(left, 0) : right]
        filled.append(float((box > 127).mean()))
    part = np.array(filled)
    assert ((part > 0.76) & (part < 0.81)).sum() >= 8  # a disc fills 0.785 of its box
    assert (part > 0.85).sum() >= 2


def test_half_of_the_other_coins_are_portraits_and_few_are_blank():
    inked = [
        (
            other_coins.draw_die(np.random.default_rng(seed), 64)[16:48, 16:48] > 0.3
        ).mean()
        for seed in range(60)
    ]
    assert np.mean(np.array(inked) > 0.02) > 0.9
