"""The pictures of a report."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageColor

from coin_core.imaging.preprocessing import RotatedBox
from coin_core.results import LetterRead
from ui.classify.report.pictures import (
    SIDE_PX,
    picture_of,
    picture_of_heat,
    picture_of_letters,
)
from ui.palette import BRONZE, SHADOW

GREY = np.full((120, 120, 3), 128, np.uint8)


def pixels_of(jpeg: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(jpeg))
    assert (image.format, image.size) == ("JPEG", (SIDE_PX, SIDE_PX))
    return np.asarray(image).astype(int)


def test_a_crop_of_any_size_becomes_a_small_jpeg() -> None:
    for size in (30, 900):
        found = pixels_of(picture_of(np.full((size, size, 3), 77, np.uint8)))
        assert abs(found - 77).max() <= 3


def a_letter(left: float) -> LetterRead:
    box = RotatedBox(left=left, top=0.4, right=left + 0.2, bottom=0.7)
    return LetterRead(letter="yod", box=box, probability=0.9, line=0, place=0)


def test_letters_of_the_name_are_bronze_and_the_others_dark() -> None:
    found = pixels_of(picture_of_letters(GREY, [a_letter(0.1), a_letter(0.6)], {1}))
    row = found[round(0.6 * SIDE_PX)]  # below the tags
    for left, colour in ((0.1, SHADOW), (0.6, BRONZE)):
        frame = row[round(left * SIDE_PX)]
        assert abs(frame - ImageColor.getrgb(colour)).max() < 40, colour
    assert abs(found[round(0.3 * SIDE_PX)] - 128).max() < 12  # nothing is drawn there


def test_only_the_warm_places_of_a_heat_map_have_a_colour() -> None:
    heat = np.zeros((40, 40), np.float32)
    heat[:, 20:] = 1.0
    found = pixels_of(picture_of_heat(GREY, heat))
    spread = found.max(axis=2) - found.min(axis=2)
    assert spread[:, : SIDE_PX // 3].max() < 12
    assert spread[:, -SIDE_PX // 3 :].min() > 60
