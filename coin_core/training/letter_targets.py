"""The target of a rendered coin in pretraining: its letter map."""

import math

import numpy as np
from numpy.typing import NDArray

from coin_core.classifiers.legend_net import LETTER_CLASSES, STRIDE_PX
from coin_core.imaging.preprocessing import VIEW_MARGIN, LegendPose, Preprocessing
from coin_core.rendering import RenderedCoin
from coin_core.rulers import LETTERS

NONE = LETTER_CLASSES - 1
_NUMBER = {letter.key: number for number, letter in enumerate(LETTERS)}
NONE_WEIGHT = 0.12  # most cells hold no letter and must not outweigh the others
# The rulers differ in the name, and taw and Greek A occur nowhere else.
NAME_WEIGHT = 2.0
_ILLEGIBLE = 0.3  # below it a cell counts neither as the letter nor as none


def letter_map(
    coin: RenderedCoin, settings: Preprocessing, pose: LegendPose
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Letter numbers and weights per cell of the view in a pose, both (S/8, S/8).

    A cell belongs to a letter when its centre is in the central part of the letter's
    box, or when it contains the box's centre. The weight is the legibility,
    `NAME_WEIGHT` times for the name's letters and the Greek A.
    """
    cells = settings.size_px // STRIDE_PX
    scale = cells / (2 * VIEW_MARGIN * pose.radius)
    labels = np.full((cells, cells), NONE, np.int64)
    weights = np.full((cells, cells), NONE_WEIGHT, np.float32)
    for letter in coin.letters:
        u, v = pose.to_view(
            (letter.left + letter.right) / 2, (letter.top + letter.bottom) / 2
        )
        x, y = u * cells, v * cells
        half_w = 0.36 * letter.upright_width * scale
        half_h = 0.36 * letter.upright_height * scale
        left = min(round(x - half_w), math.floor(x))
        right = max(round(x + half_w), math.floor(x) + 1)
        top = min(round(y - half_h), math.floor(y))
        bottom = max(round(y + half_h), math.floor(y) + 1)
        if right <= 0 or bottom <= 0 or left >= cells or top >= cells:
            continue
        part = (slice(max(top, 0), bottom), slice(max(left, 0), right))
        if letter.legibility < _ILLEGIBLE:
            weights[part] = 0.0
        else:
            labels[part] = _NUMBER[letter.letter]
            tells = letter.in_name or letter.letter == "greek_a"
            weights[part] = letter.legibility * (NAME_WEIGHT if tells else 1.0)
    return labels, weights
