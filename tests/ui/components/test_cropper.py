from __future__ import annotations

import pytest

from ui.components.cropper import MARGIN_PX, to_box


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        ({"left": 10, "top": 20, "width": 50, "height": 60}, (0.1, 0.1, 0.6, 0.4)),
        ({"left": -5, "top": -6, "width": 55, "height": 86}, (0.0, 0.0, 0.5, 0.4)),
        ({"left": -5, "top": -5, "width": 500, "height": 900}, (0.0, 0.0, 1.0, 1.0)),
        ({"left": 100, "top": 200, "width": 0, "height": 0}, (0.98, 0.98, 1.0, 1.0)),
    ],
)
def test_a_drawn_box_stays_inside_the_photo(
    drawn: dict[str, float], expected: tuple[float, ...]
) -> None:
    on_canvas = {
        **drawn,
        "left": drawn["left"] + MARGIN_PX,
        "top": drawn["top"] + MARGIN_PX,
    }
    box = to_box(on_canvas, 100, 200, 15.0)
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx(expected)
    assert box.turn_deg == 15.0
