"""Drawing the box around a coin, in the viewer, by mouse, finger or key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from coin_core.i18n import _
from coin_core.imaging.preprocessing import RotatedBox
from ui.components.custom import photo_viewer
from ui.components.images import media_address, shrink, to_jpeg

_LONGEST_PX = 900
_HEIGHT_PX = 440
_SMALLEST = 0.02  # fraction of the photo; a smaller box is a slip of the hand


def correct_crop(photo: np.ndarray, start: RotatedBox, *, key: str) -> RotatedBox:
    """Let the visitor draw the box around the coin and turn it upright.

    Args:
        photo: The whole photo, uint8 (height, width, 3).
        start: The first box; it must not change while the box is drawn.
        key: The key of the widget, different for each photo.
    """
    height, width = photo.shape[:2]
    drawn = photo_viewer(
        data={
            "photo": key,
            "src": media_address(to_jpeg(shrink(photo, _LONGEST_PX)), f"cropper_{key}"),
            "alt": _("The photo with the box that is drawn"),
            "widthPx": width,
            "heightPx": height,
            "height": _HEIGHT_PX,
            "faces": [],
            "crop": crop_data(start, key),
            "help": crop_help(),
            "words": viewer_words(),
        },
        key=f"cropper_{key}",
        on_crop_change=lambda: None,
    ).crop
    return read_crop(drawn, key) or start


def crop_data(box: RotatedBox, crop_id: str) -> dict[str, Any]:
    """A box as the viewer takes it; another id makes the viewer begin with it."""
    return {
        "id": crop_id,
        "left": box.left,
        "top": box.top,
        "right": box.right,
        "bottom": box.bottom,
        "turn": box.turn_deg,
    }


def read_crop(drawn: Mapping[str, Any] | None, crop_id: str) -> RotatedBox | None:
    """The box that the viewer reports, kept inside the photo; None if it is another."""
    try:
        if not drawn or drawn["id"] != crop_id:
            return None
        left = min(max(float(drawn["left"]), 0.0), 1.0 - _SMALLEST)
        top = min(max(float(drawn["top"]), 0.0), 1.0 - _SMALLEST)
        return RotatedBox(
            left=left,
            top=top,
            right=min(max(float(drawn["right"]), left + _SMALLEST), 1.0),
            bottom=min(max(float(drawn["bottom"]), top + _SMALLEST), 1.0),
            turn_deg=float(drawn["turn"]),
        )
    except (KeyError, TypeError, ValueError):
        return None  # the viewer never sends this


def crop_help() -> str:
    """The keys that draw a box."""
    return _(
        "Arrow keys move the box, Shift + arrow keys resize it, [ and ] turn it, + and "
        "− zoom. Or drag the box and its corners. The mark on its edge is the top of "
        "the legend."
    )


def viewer_words() -> dict[str, str]:
    """The words on the buttons of the viewer."""
    return {
        "zoomIn": _("Zoom in"),
        "zoomOut": _("Zoom out"),
        "whole": _("Whole photo"),
        "coin": _("Coin"),
        "upright": _("Turn the legend upright"),
        "left": _("Turn the box left"),
        "right": _("Turn the box right"),
    }
