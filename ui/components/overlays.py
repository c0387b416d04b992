"""What the viewer draws over a photo: outlines of faces, letters and a heat map."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from coin_core.i18n import _
from coin_core.imaging.preprocessing import RotatedBox, crop_matrix
from coin_core.legend_alignment import CLEAR
from coin_core.results import DetectedFace
from coin_core.rulers import LETTERS
from ui.components.paleo_hebrew import letter_name
from ui.formatting import side_title
from ui.palette import BRONZE, SHADOW

if TYPE_CHECKING:
    from coin_core.imaging.preprocessing import LegendPose
    from coin_core.results import LetterRead

_LETTERS = {letter.key: letter for letter in LETTERS}
# Of the box of a letter: neighbours overlap, since the net sees no letter's outline.
_DRAWN_WIDTH, _DRAWN_HEIGHT = 0.62, 0.66
_COLD, _HOT = (246, 190, 60), (186, 24, 12)


def face_name(number: int, face: DetectedFace) -> str:
    """The title of a face, e.g. "1 · legend side"."""
    return f"{number} · {side_title(face.side, face.confidence)}"


def face_outlines(
    faces: Sequence[DetectedFace], *, classified: RotatedBox | None
) -> list[dict[str, Any]]:
    """The faces as the viewer outlines them; the classified one in bronze.

    A single face needs no number.
    """
    return [
        {
            "box": [face.box.left, face.box.top, face.box.right, face.box.bottom],
            "turn": face.box.turn_deg,
            "label": face_name(number, face),
            "tag": str(number) if len(faces) > 1 else "",
            "colour": BRONZE if face.box == classified else SHADOW,
            "dashed": face.box != classified,
        }
        for number, face in enumerate(faces, 1)
    ]


def letter_outlines(
    letters: Sequence[LetterRead],
    pose: LegendPose,
    box: RotatedBox,
    size: tuple[int, int],
    of_name: set[int],
) -> list[dict[str, Any]]:
    """The letters as the viewer outlines them.

    Args:
        letters: What was read on the face in `box`.
        pose: The pose of the legend on that face.
        box: The face.
        size: Width and height of the photo.
        of_name: Positions in `letters` of the letters of the name.
    """
    to_photo = crop_matrix(box, *size)
    outlines = []
    for position, read in enumerate(letters):
        letter = _LETTERS[read.letter]
        x = (read.box.left + read.box.right) / 2
        y = (read.box.top + read.box.bottom) / 2
        w = (read.box.right - read.box.left) * _DRAWN_WIDTH / 2
        h = (read.box.bottom - read.box.top) * _DRAWN_HEIGHT / 2
        corners = [(x - w, y - h), (x + w, y - h), (x + w, y + h), (x - w, y + h)]
        is_clear, named = read.probability >= CLEAR, position in of_name
        name = _("{letter}, clear") if is_clear else _("{letter}, doubtful")
        if named:
            name = (
                _("{letter} of the name, clear")
                if is_clear
                else _("{letter} of the name, doubtful")
            )
        outlines.append(
            {
                "corners": [
                    [
                        round(float(v), 2)
                        for v in to_photo @ np.array([*pose.to_crop(*corner), 1.0])
                    ]
                    for corner in corners
                ],
                "sign": _(letter.transliteration),
                "label": name.format(letter=letter_name(read.letter)),
                "named": named,
                "doubtful": not is_clear,
            }
        )
    return outlines


def upright_deg(pose: LegendPose, box: RotatedBox) -> float:
    """How far a photo is turned, clockwise, for the legend on a face to be upright."""
    return round((box.turn_deg - pose.turn_deg + 180) % 360 - 180, 1)


def heat_layer(
    heat: NDArray[np.float32], box: RotatedBox, size: tuple[int, int]
) -> dict[str, Any]:
    """A heat map as a picture for the viewer, clear where it is 0.

    Args:
        heat: Values from 0 to 1 on the face in `box`, square.
        box: The face.
        size: Width and height of the photo.
    """
    weight = np.clip(heat, 0, 1)[..., None]
    colour = np.array(_COLD) + (np.array(_HOT) - np.array(_COLD)) * weight
    pixels = np.concatenate([colour, 255 * 0.9 * weight**0.7], axis=2)
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8), "RGBA").save(file, "PNG")
    matrix = crop_matrix(box, *size)
    return {
        "src": "data:image/png;base64," + base64.b64encode(file.getvalue()).decode(),
        # In the order of SVG: column after column.
        "matrix": matrix.T.ravel().tolist(),
    }
