"""Coins with a legend of capitals around a picture."""

import math
from itertools import pairwise

import numpy as np
import pytest

from coin_core.classifiers.rim_reader import CAPITALS
from coin_core.rendering import render_coin
from coin_core.rendering.capitals import CAPITAL_FORMS, engrave_rim_die
from coin_core.rendering.coins import CAPITALS_KIND
from coin_core.rendering.engraving import DiePlacement, PlacedCanvas

PLACEMENT = DiePlacement(centre_x=80, centre_y=80, radius=70, turn_deg=0)


def engraved(seed):
    return engrave_rim_die(np.random.default_rng(seed), PlacedCanvas(160, PLACEMENT))


def test_the_reader_knows_each_letter_that_is_drawn():
    assert set(CAPITAL_FORMS) == set(CAPITALS)


@pytest.mark.parametrize("seed", range(8))
def test_letters_are_along_the_rim_and_cut_there(seed):
    letters, ink = engraved(seed)
    assert len(letters) >= 4
    for letter in letters:
        left, top, right, bottom = letter.box_px
        x, y = (left + right) / 2 - 80, (top + bottom) / 2 - 80
        assert 0.55 < math.hypot(x, y) / 70 < 1.0
        box = ink[
            max(round(top), 0) : round(bottom) + 1, round(left) : round(right) + 1
        ]
        assert box.max() > 120


def test_letters_follow_each_other_without_covering_each_other():
    letters, _ = engraved(3)
    middles = [
        ((one.box_px[0] + one.box_px[2]) / 2, (one.box_px[1] + one.box_px[3]) / 2)
        for one in letters
    ]
    steps = [math.dist(a, b) for a, b in pairwise(middles)]
    height = letters[0].upright_px[1]
    assert min(steps) > 0.3 * height


def test_legends_are_random_letters_of_one_alphabet():
    texts = ["".join(letter.letter for letter in engraved(k)[0]) for k in range(30)]
    assert len(set(texts)) == 30
    greek, latin = set("ΓΔΘΛΠΣΦΩ"), set("CDFGLQRSV")
    assert any(greek & set(text) for text in texts)
    assert not any(greek & set(text) and latin & set(text) for text in texts)


def test_the_photo_comes_with_its_letters_and_how_legible_they_are():
    fresh = render_coin(2, 5, size_px=128, kind=CAPITALS_KIND, wear=0)
    again = render_coin(2, 5, size_px=128, kind=CAPITALS_KIND, wear=0)
    worn = render_coin(2, 5, size_px=128, kind=CAPITALS_KIND, wear=2)
    assert (fresh.image == again.image).all()
    assert (fresh.kind, fresh.ruler, fresh.legend_pose) == (CAPITALS_KIND, None, None)
    assert fresh.letters
    clear, faint = (
        np.mean([letter.legibility for letter in coin.letters])
        for coin in (fresh, worn)
    )
    assert clear > faint
    assert fresh.name_legibility == 0.0
