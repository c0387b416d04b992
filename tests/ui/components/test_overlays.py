from __future__ import annotations

import numpy as np

from coin_core.detection.faces import DetectedFace, RotatedBox, Side
from tests import fakes
from ui.components.overlays import faces_on_photo, heat_on_coin, letters_on_coin

PHOTO = np.full((200, 400, 3), 90, np.uint8)


def test_every_face_is_outlined_and_named() -> None:
    faces = [
        DetectedFace(
            box=RotatedBox(left=0.0, top=0.0, right=0.5, bottom=1.0),
            side=Side.CORNUCOPIA,
            confidence=0.9,
        ),
        DetectedFace(
            box=RotatedBox(left=0.5, top=0.0, right=1.0, bottom=1.0),
            side=Side.LEGEND,
            confidence=0.9,
        ),
    ]
    svg = faces_on_photo(PHOTO, faces, classified=faces[1].box)
    assert "cornucopia side" in svg
    assert "legend side" in svg
    own = faces_on_photo(
        PHOTO, faces, classified=RotatedBox(left=0.1, top=0.1, right=0.4, bottom=0.9)
    )
    assert "your crop" in own


def test_letters_carry_their_transliteration() -> None:
    svg = letters_on_coin(PHOTO[:, :200], fakes.read_letters(), {0})
    assert ">Y</text>" in svg


def test_heat_of_any_size_covers_the_coin() -> None:
    mixed = heat_on_coin(PHOTO, fakes.heat_map())
    assert mixed.shape == PHOTO.shape
    assert mixed.dtype == np.uint8
