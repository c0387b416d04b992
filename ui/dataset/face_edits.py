"""Edits of the faces on a photo, as pure functions from faces to faces.

The photo itself is never changed. All boxes stay inside it, and all turns in
(-180, 180] degrees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from coin_core.catalog import CatalogFace
from coin_core.imaging.preprocessing import RotatedBox
from coin_core.results import Side

Faces = tuple[CatalogFace, ...]

WHOLE_PHOTO = RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0)
_OTHER_SIDE: dict[Side | None, Side] = {
    Side.LEGEND: Side.CORNUCOPIA,
    Side.CORNUCOPIA: Side.LEGEND,
}


def normalize_turn(degrees: float) -> float:
    """The same turn in (-180, 180]."""
    turn = 180.0 - (180.0 - degrees) % 360.0
    return turn + 0.0  # never -0.0


def rotate(faces: Faces, by_deg: float, index: int | None = None) -> Faces:
    """Turn all faces, or one of them, clockwise by an angle."""
    faces = faces or (CatalogFace(box=WHOLE_PHOTO),)
    for i in range(len(faces)) if index is None else [index]:
        box = faces[i].box
        turn_deg = normalize_turn(box.turn_deg + by_deg)
        faces = change(faces, i, box=replace(box, turn_deg=turn_deg))
    return faces


def split(faces: Faces, width_px: int, height_px: int) -> Faces:
    """Two faces from one: the box is cut in the middle, across its longer side.

    A photo without faces is cut as a whole; several faces are cut as the box around
    all of them. The sides of the halves are unknown.
    """
    boxes = [face.box for face in faces] or [WHOLE_PHOTO]
    whole = RotatedBox(
        left=min(box.left for box in boxes),
        top=min(box.top for box in boxes),
        right=max(box.right for box in boxes),
        bottom=max(box.bottom for box in boxes),
    )
    if (whole.right - whole.left) * width_px >= (whole.bottom - whole.top) * height_px:
        middle = (whole.left + whole.right) / 2
        halves = replace(whole, right=middle), replace(whole, left=middle)
    else:
        middle = (whole.top + whole.bottom) / 2
        halves = replace(whole, bottom=middle), replace(whole, top=middle)
    return tuple(CatalogFace(box=half) for half in halves)


def swap_sides(faces: Faces) -> Faces:
    """The first two faces exchange their sides; a single one gets the other side."""
    if len(faces) == 1:
        side = _OTHER_SIDE.get(faces[0].side, Side.LEGEND)
        return change(faces, 0, side=side)
    if len(faces) < 2:
        return faces
    first, second = faces[0].side, faces[1].side
    if first is not second:
        sides = (second, first)
    elif first is Side.LEGEND:
        sides = (Side.CORNUCOPIA, Side.LEGEND)
    else:
        sides = (Side.LEGEND, Side.CORNUCOPIA)
    return with_sides(faces, sides)


def with_box(faces: Faces, box: RotatedBox, index: int) -> Faces:
    """The faces with another box for one of them, or with one more face."""
    if index >= len(faces):
        return (*faces, CatalogFace(box=box))
    return change(faces, index, box=box)


def with_sides(faces: Faces, sides: Sequence[Side | None]) -> Faces:
    """The faces with new sides for the first ones."""
    for i, side in enumerate(sides):
        faces = change(faces, i, side=side)
    return faces


def change(faces: Faces, index: int, **changes: Any) -> Faces:
    """The faces with other values for one of them."""
    return tuple(
        replace(face, **changes) if i == index else face for i, face in enumerate(faces)
    )


def without(faces: Faces, index: int) -> Faces:
    """The faces except one."""
    return tuple(face for i, face in enumerate(faces) if i != index)
