"""Drawings over a photo: faces, letters and heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from coin_core.detection.faces import DetectedFace, RotatedBox, Side
from coin_core.rulers import LETTERS
from ui.components.images import shrink, svg_over_picture
from ui.formatting import SIDE_TITLES
from ui.palette import BRONZE, SHADOW

if TYPE_CHECKING:
    from coin_core.results import LetterRead

_TRANSLITERATION = {letter.key: letter.transliteration for letter in LETTERS}


def face_name(number: int, side: Side) -> str:
    """The title of a face, e.g. "1 · legend side"."""
    return f"{number} · {SIDE_TITLES[side]}"


_LONGEST_PX = 900
_SHORTEST_PX = 420  # a smaller photo is enlarged, or its labels would cover it


def faces_on_photo(
    photo: np.ndarray, faces: Sequence[DetectedFace], *, classified: RotatedBox | None
) -> str:
    """The photo with every found face outlined, as SVG.

    Args:
        photo: The whole photo.
        faces: The faces in it.
        classified: The box that is classified, drawn thick, if there is one.
    """
    image = shrink(photo, _LONGEST_PX)
    height, width = image.shape[:2]
    enlarged = max(1.0, _SHORTEST_PX / max(width, height))
    height, width = round(height * enlarged), round(width * enlarged)
    unit = max(width, height) / 100
    marks = []
    own_crop = classified is not None and all(f.box != classified for f in faces)
    for number, face in enumerate(faces, 1):
        is_classified = face.box == classified
        if not is_classified:
            marks.append(_outline(face.box, width, height, unit, chosen=False))
        if not own_crop:
            label = face_name(number, face.side)
            marks.append(_label(face.box, label, width, height, unit, is_classified))
    if classified is not None:
        marks.append(_outline(classified, width, height, unit, chosen=True))
        if own_crop:
            marks.append(_label(classified, "your crop", width, height, unit, True))
    return svg_over_picture(image, "".join(marks), size=(width, height))


def _outline(
    box: RotatedBox, width: int, height: int, unit: float, chosen: bool
) -> str:
    """A double line, dark on light, visible on every background."""
    x, y = box.left * width, box.top * height
    w, h = (box.right - box.left) * width, (box.bottom - box.top) * height
    turn = f"rotate({box.turn_deg} {x + w / 2:.1f} {y + h / 2:.1f})"
    shape = (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" '
        f'rx="{unit}" fill="none" transform="{turn}" '
    )
    dash = "" if chosen else f'stroke-dasharray="{unit * 1.6} {unit * 1.2}" '
    thick = unit * (0.65 if chosen else 0.4)
    colour = BRONZE if chosen else SHADOW
    return (
        f'{shape}stroke="white" stroke-opacity="0.85" stroke-width="{thick * 2}"/>'
        f'{shape}{dash}stroke="{colour}" stroke-width="{thick}"/>'
    )


def _label(
    box: RotatedBox, text: str, width: int, height: int, unit: float, chosen: bool
) -> str:
    """A name tag on the upper edge of a face, kept inside the photo."""
    size = max(unit * 3.2, 9)
    tag_width, tag_height = len(text) * size * 0.53 + size, size * 1.55
    x = min(max(box.left * width, 0), max(width - tag_width, 0))
    y = box.top * height - tag_height - unit * 0.6
    if y < 0:
        y = box.top * height + unit
        x += unit
    fill = BRONZE if chosen else SHADOW
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{tag_width:.1f}" '
        f'height="{tag_height:.1f}" rx="{unit * 0.6}" fill="{fill}"/>'
        f'<text x="{x + tag_width / 2:.1f}" y="{y + size * 1.1:.1f}" fill="white" '
        f'font-size="{size:.1f}" text-anchor="middle">{escape(text)}</text>'
    )


def letters_on_coin(
    crop: np.ndarray, letters: Sequence[LetterRead], of_name: set[int]
) -> str:
    """The letters that were read, framed and transliterated, as SVG.

    Args:
        crop: The coin, uint8 (S, S, 3).
        letters: The letters on it.
        of_name: Positions in `letters` of the letters of the name; drawn in bronze.
    """
    height, width = crop.shape[:2]
    unit = width / 100
    marks = []
    # The letters of the name are drawn last, on top of the others.
    for position in sorted(range(len(letters)), key=lambda i: i in of_name):
        read, named = letters[position], position in of_name
        x, y = read.box.left * width, read.box.top * height
        w = (read.box.right - read.box.left) * width
        h = (read.box.bottom - read.box.top) * height
        colour = BRONZE if named else "#3c362f"
        size = unit * (5.2 if named else 4.4)
        text = escape(_TRANSLITERATION.get(read.letter, "?"))
        marks.append(
            f'<g fill-opacity="{0.45 + 0.55 * read.probability:.2f}">'
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" '
            f'fill="none" stroke="{colour}" stroke-width="{unit * 0.5}" '
            f'stroke-opacity="{0.3 + 0.7 * read.probability:.2f}"/>'
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{size:.1f}" height="{size:.1f}" '
            f'fill="{colour}"/>'
            f'<text x="{x + size / 2:.1f}" y="{y + size * 0.82:.1f}" fill="white" '
            f'font-size="{size * 0.9:.1f}" font-weight="bold" text-anchor="middle">'
            f"{text}</text></g>"
        )
    return svg_over_picture(crop, "".join(marks))


def heat_on_coin(crop: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """The coin in grey, with the regions of the heat map in colour.

    Args:
        crop: RGB uint8 of shape (S, S, 3).
        heat: Values from 0 to 1 of any square shape; stretched over the crop.
    """
    size = crop.shape[1], crop.shape[0]
    weight = np.asarray(
        Image.fromarray(heat.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    )
    weight = np.clip(weight, 0, 1)[..., None]
    grey = crop.mean(axis=2, keepdims=True) * 0.75 + 30
    cold = np.array([214.0, 150.0, 40.0])
    hot = np.array([178.0, 34.0, 16.0])
    colour = cold + (hot - cold) * weight
    alpha = 0.72 * weight**0.8
    mixed = grey * (1 - alpha) + colour * (0.5 + 0.5 * grey / 255) * alpha
    return np.asarray(np.clip(mixed, 0, 255), np.uint8)
