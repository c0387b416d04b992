"""The letter map of a rendered coin."""

import math

from coin_core.imaging.preprocessing import Preprocessing
from coin_core.rendering import render_coin
from coin_core.training.letter_targets import NONE, letter_map


def test_the_letter_map_holds_every_legible_letter_in_view() -> None:
    settings = Preprocessing(size_px=128, framed=True)
    coin = render_coin(2, 1, size_px=128, wear=0.2)
    assert coin.legend_pose is not None
    labels, weights = letter_map(coin, settings, coin.legend_pose)
    assert labels.shape == weights.shape == (16, 16)
    for letter in coin.letters:
        u, v = coin.legend_pose.to_view(
            (letter.left + letter.right) / 2, (letter.top + letter.bottom) / 2
        )
        x, y = math.floor(u * 16), math.floor(v * 16)
        if not (0 <= x < 16 and 0 <= y < 16):
            continue
        if letter.legibility < 0.3:
            assert weights[y, x] == 0 or labels[y, x] != NONE
        else:
            assert labels[y, x] != NONE
    assert (labels == NONE).mean() > 0.4
