"""The pictures of a report as small JPEGs: the coin, its letters, its heat map."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from coin_core.i18n import _
from coin_core.results import LetterRead
from coin_core.rulers import LETTERS
from ui.components.images import to_jpeg
from ui.palette import BRONZE, SHADOW

FONTS: Final = Path(__file__).parent / "fonts"
SIDE_PX: Final = 400

_QUALITY = 82
_COLD, _HOT = np.array([214.0, 150.0, 40.0]), np.array([178.0, 34.0, 16.0])
_SIGNS = {letter.key: letter.transliteration for letter in LETTERS}


def picture_of(image: np.ndarray) -> bytes:
    """A square picture as a JPEG of the size in reports."""
    return to_jpeg(np.asarray(_resized(image)), quality=_QUALITY)


def picture_of_letters(
    legend: np.ndarray, letters: Sequence[LetterRead], of_name: set[int]
) -> bytes:
    """The upright legend with the letters that were read, framed and named.

    Args:
        legend: uint8 (S, S, 3).
        letters: The letters on it.
        of_name: Positions in `letters` of those of the name, drawn in bronze.
    """
    picture = _resized(legend)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.truetype(FONTS / "DejaVuSans-Bold.ttf", SIDE_PX // 24)
    # The letters of the name are drawn last, on top of the others.
    for position in sorted(range(len(letters)), key=lambda i: i in of_name):
        box = letters[position].box
        left, top = round(box.left * SIDE_PX), round(box.top * SIDE_PX)
        right, bottom = round(box.right * SIDE_PX), round(box.bottom * SIDE_PX)
        colour = BRONZE if position in of_name else SHADOW
        draw.rectangle((left, top, right, bottom), outline=colour, width=2)
        sign = _(_SIGNS[letters[position].letter])
        tag = draw.textbbox((left + 3, top), sign, font=font)
        draw.rectangle((left, top, tag[2] + 3, tag[3] + 3), fill=colour)
        draw.text((left + 3, top), sign, fill="white", font=font)
    return to_jpeg(np.asarray(picture), quality=_QUALITY)


def picture_of_heat(crop: np.ndarray, heat: np.ndarray) -> bytes:
    """The coin in grey, with the regions of the heat map in colour.

    Args:
        crop: RGB uint8 of shape (S, S, 3).
        heat: Values from 0 to 1 of any square shape; stretched over the crop.
    """
    size = crop.shape[1], crop.shape[0]
    layer = Image.fromarray(heat.astype(np.float32))
    weight = np.asarray(layer.resize(size, Image.Resampling.BICUBIC))
    weight = np.clip(weight, 0, 1)[..., None]
    grey = crop.mean(axis=2, keepdims=True) * 0.75 + 30
    colour = _COLD + (_HOT - _COLD) * weight
    alpha = 0.72 * weight**0.8
    mixed = grey * (1 - alpha) + colour * (0.5 + 0.5 * grey / 255) * alpha
    return picture_of(np.asarray(np.clip(mixed, 0, 255), np.uint8))


def _resized(image: np.ndarray) -> Image.Image:
    size = (SIDE_PX, SIDE_PX)
    return Image.fromarray(image).resize(size, Image.Resampling.LANCZOS)
