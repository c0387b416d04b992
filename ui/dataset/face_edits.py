"""Changes of the faces on a photo, as plain functions: old faces in, new faces out.

The photo itself is never touched. All boxes stay inside it, all turns in (-180, 180].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from coin_core.catalog import CatalogFace
from coin_core.detection.faces import RotatedBox, Side

Faces = tuple[CatalogFace, ...]
FaceEdit = Callable[[Faces], Faces]

WHOLE = RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0)
_OTHER_SIDE = {Side.LEGEND: Side.CORNUCOPIA, Side.CORNUCOPIA: Side.LEGEND}


def normal_turn(degrees: float) -> float:
    """The same turn in (-180, 180]."""
    turn = 180.0 - (180.0 - degrees) % 360.0
    return turn + 0.0  # never -0.0


def turned(faces: Faces, by_deg: float, only: int | None = None) -> Faces:
    """All faces, or one of them, turned clockwise by so many degrees."""
    return tuple(
        replace(
            face,
            box=replace(face.box, turn_deg=normal_turn(face.box.turn_deg + by_deg)),
        )
        if only is None or only == k
        else face
        for k, face in enumerate(faces or (CatalogFace(box=WHOLE),))
    )


def turned_to(faces: Faces, degrees: float, only: int) -> Faces:
    """One face turned clockwise to so many degrees."""
    return turned(faces, degrees - faces[only].box.turn_deg, only)


def split(faces: Faces, width_px: int, height_px: int) -> Faces:
    """Two faces from one: the box is cut across its longer side, in the middle.

    A photo without a face is cut as a whole; one with several is cut around all of
    them together. The sides of the halves are not known.
    """
    boxes = [face.box for face in faces] or [WHOLE]
    left, top = min(box.left for box in boxes), min(box.top for box in boxes)
    right, bottom = max(box.right for box in boxes), max(box.bottom for box in boxes)
    middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
    if (right - left) * width_px >= (bottom - top) * height_px:
        halves = (
            RotatedBox(left=left, top=top, right=middle_x, bottom=bottom),
            RotatedBox(left=middle_x, top=top, right=right, bottom=bottom),
        )
    else:
        halves = (
            RotatedBox(left=left, top=top, right=right, bottom=middle_y),
            RotatedBox(left=left, top=middle_y, right=right, bottom=bottom),
        )
    return tuple(CatalogFace(box=half) for half in halves)


def swapped(faces: Faces) -> Faces:
    """The first two faces exchange their sides; a single one shows the other side."""
    if len(faces) == 1:
        (face,) = faces
        return (replace(face, side=_OTHER_SIDE.get(face.side, Side.LEGEND)),)
    if len(faces) < 2:
        return faces
    first, second, *rest = faces
    if first.side is second.side:  # nothing to exchange: decide
        sides = (Side.LEGEND, Side.CORNUCOPIA)
        if first.side is Side.LEGEND:
            sides = (Side.CORNUCOPIA, Side.LEGEND)
    else:
        sides = (second.side, first.side)
    return (
        replace(first, side=sides[0]),
        replace(second, side=sides[1]),
        *rest,
    )


def boxed(faces: Faces, box: RotatedBox, at: int) -> Faces:
    """The face at this place with a new box; one place further adds a face."""
    if at >= len(faces):
        return (*faces, CatalogFace(box=box))
    return tuple(
        replace(face, box=box) if k == at else face for k, face in enumerate(faces)
    )


def sided(faces: Faces, side: Side | None, at: int) -> Faces:
    """The face at this place with another side."""
    return tuple(
        replace(face, side=side) if k == at else face for k, face in enumerate(faces)
    )


def without(faces: Faces, at: int) -> Faces:
    """The faces but for one."""
    return tuple(face for k, face in enumerate(faces) if k != at)


def told_apart(faces: Faces, sides: Sequence[Side]) -> Faces:
    """The faces with the sides that were judged for them."""
    return tuple(
        replace(face, side=side) for face, side in zip(faces, sides, strict=True)
    )
