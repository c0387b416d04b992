"""The crop widget; no other module knows which component it uses."""

from __future__ import annotations

import numpy as np
import streamlit as st
from PIL import Image, ImageOps
from streamlit_cropper import st_cropper

from coin_core.detection.faces import RotatedBox
from ui.components.images import shrink
from ui.palette import BRONZE

MARGIN_PX = 12  # around the photo, so that corners at its edge can be dragged
_LONGEST_PX = 420 - 2 * MARGIN_PX  # fits the column beside the verdict
_MARGIN_COLOUR = "#e3dac6"
_SMALLEST = 0.02  # fraction of the photo; a smaller box is a slip of the mouse


def correct_crop(photo: np.ndarray, start: RotatedBox, *, key: str) -> RotatedBox:
    """Let the visitor draw the box around the coin and turn it upright.

    Args:
        photo: The whole photo, uint8 (height, width, 3).
        start: The first box; it must not change while the widget is open.
        key: The key of the widget, different for each photo.
    """
    image = Image.fromarray(shrink(photo, _LONGEST_PX))
    if max(image.size) < _LONGEST_PX:  # too small to draw on
        image = ImageOps.contain(image, (_LONGEST_PX, _LONGEST_PX))
    width, height = image.size
    image = ImageOps.expand(image, MARGIN_PX, _MARGIN_COLOUR)
    with st.container(key=f"crop_box_{key}"):  # the style scales it down
        drawn = st_cropper(
            image,
            realtime_update=True,
            default_coords=(
                round(start.left * width) + MARGIN_PX,
                round(start.right * width) + MARGIN_PX,
                round(start.top * height) + MARGIN_PX,
                round(start.bottom * height) + MARGIN_PX,
            ),
            box_color=BRONZE,
            return_type="box",
            should_resize_image=False,
            key=f"cropper_{key}",
        )
    turn = st.slider(
        "Turn clockwise",
        min_value=-180,
        max_value=180,
        value=round(start.turn_deg),
        step=5,
        format="%d°",
        key=f"turn_{key}",
        help="Until the lines of the legend lie level, first line on top.",
    )
    return to_box(drawn, width, height, float(turn))


def to_box(
    drawn: dict[str, float], width: int, height: int, turn_deg: float
) -> RotatedBox:
    """The drawn box in fractions of the photo, kept inside it."""
    x, y = drawn["left"] - MARGIN_PX, drawn["top"] - MARGIN_PX
    left = min(max(x / width, 0.0), 1.0 - _SMALLEST)
    top = min(max(y / height, 0.0), 1.0 - _SMALLEST)
    right = min(max((x + drawn["width"]) / width, left + _SMALLEST), 1.0)
    bottom = min(max((y + drawn["height"]) / height, top + _SMALLEST), 1.0)
    return RotatedBox(left=left, top=top, right=right, bottom=bottom, turn_deg=turn_deg)
