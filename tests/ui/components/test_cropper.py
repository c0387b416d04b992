from __future__ import annotations

import pytest

from coin_core.imaging.preprocessing import RotatedBox
from ui.components.cropper import crop_data, read_crop

BOX = RotatedBox(left=0.1, top=0.2, right=0.6, bottom=0.7, turn_deg=15.0)


def test_a_box_comes_back_from_the_viewer_as_it_went_there() -> None:
    assert read_crop(crop_data(BOX, "a"), "a") == BOX


def test_a_box_of_another_photo_is_not_taken() -> None:
    assert read_crop(crop_data(BOX, "a"), "b") is None
    assert read_crop(None, "a") is None


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ((-0.1, -0.2, 0.5, 0.4), (0.0, 0.0, 0.5, 0.4)),
        ((-1, -1, 5, 9), (0.0, 0.0, 1.0, 1.0)),
        ((1.0, 1.0, 1.0, 1.0), (0.98, 0.98, 1.0, 1.0)),
        ((0.5, 0.5, 0.2, 0.2), (0.5, 0.5, 0.52, 0.52)),
    ],
)
def test_a_drawn_box_stays_inside_the_photo(
    edges: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    names = ("left", "top", "right", "bottom")
    drawn = {"id": "a", "turn": 0, **dict(zip(names, edges, strict=True))}
    box = read_crop(drawn, "a")
    assert box is not None
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx(expected)
