"""The cropping tools: boxes and turns are stored, the photo stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from coin_core.catalog import Catalog, CatalogFace, CatalogPhoto, Side
from coin_core.detection import faces as face_finding
from coin_core.detection.faces import RotatedBox, crop_to_flan
from coin_core.errors import WeightsMissingError
from coin_core.imaging import photo_io
from ui.components.cropper import correct_crop
from ui.dataset import face_edits
from ui.dataset.face_edits import Faces
from ui.dataset.formatting import SIDE
from ui.dataset.session import DatasetSession

_CROP_PX = 260
_SIDES = (Side.LEGEND, Side.CORNUCOPIA, Side.STAR_ANCHOR, Side.OTHER)
_UNTOLD = "untold"  # a menu that offers None lets its choice be cleared away

PhotoEdit = Callable[[Catalog, CatalogPhoto, Faces], Faces]


@st.cache_resource(show_spinner=False, max_entries=3)
def _pixels(sha256: str, _catalog: Catalog, _photo: CatalogPhoto) -> np.ndarray:
    return photo_io.read(_catalog.photos.path(_photo))


def pixels(catalog: Catalog, photo: CatalogPhoto) -> np.ndarray:
    """A photo of the catalog decoded; the last few stay in memory."""
    return _pixels(photo.sha256, catalog, photo)


def propose(catalog: Catalog, photo: CatalogPhoto, faces: Faces = ()) -> Faces:
    """The coins that are found in a photo, with what each shows; else the old faces."""
    picture = photo_io.read(catalog.photos.path(photo))
    found = face_finding.classify_sides(picture, face_finding.find(picture))
    return (
        faces
        if not found
        else tuple(CatalogFace(box=face.box, side=face.side) for face in found)
    )


def split(catalog: Catalog, photo: CatalogPhoto, faces: Faces) -> Faces:
    """Two halves, each with what it shows."""
    halves = face_edits.split(faces, photo.width_px, photo.height_px)
    try:
        judged = face_finding.classify_sides(
            photo_io.read(catalog.photos.path(photo)), [half.box for half in halves]
        )
    except WeightsMissingError:
        return halves
    return face_edits.told_apart(halves, [face.side for face in judged])


def turning(by_deg: float) -> PhotoEdit:
    """The edit that turns every face clockwise by so many degrees."""
    return lambda _catalog, _photo, faces: face_edits.turned(faces, by_deg)


def _swap(_catalog: Catalog, _photo: CatalogPhoto, faces: Faces) -> Faces:
    return face_edits.swapped(faces)


EDITS: dict[str, PhotoEdit] = {
    "Find the coins": propose,
    "Split in two": split,
    "Turn 90° left": turning(-90),
    "Turn 90° right": turning(90),
    "Swap sides": _swap,
}
_ICONS = (
    "frame_inspect",
    "splitscreen_left",
    "rotate_left",
    "rotate_right",
    "swap_horiz",
)
_HELP = {
    "Find the coins": "Boxes around the coins in this photo, found anew.",
    "Split in two": "Cut the box in the middle: obverse and reverse from one picture.",
    "Swap sides": "The legend side is the other one.",
}


def change_many(
    catalog: Catalog,
    photo_ids: Sequence[int],
    edit: PhotoEdit,
    *,
    who: str,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """The same edit on many photos, as one action that is undone as one.

    Args:
        catalog: Where the photos are.
        photo_ids: Which photos.
        edit: What is done to each.
        who: Signs it.
        tell: Called with photos done and photos in all; nothing is changed where it
            raises.

    Returns:
        How many photos were changed.
    """
    changed: dict[int, Faces] = {}
    for done, photo_id in enumerate(photo_ids, 1):
        before = tuple(catalog.photos.faces(photo_id))
        after = edit(catalog, catalog.photos.get(photo_id), before)
        if after != before:
            changed[photo_id] = after
        tell(done, len(photo_ids))
    if changed:
        catalog.edits.edit_faces(changed, who=who)
    return len(changed)


def show_tools(session: DatasetSession, catalog: Catalog, photo: CatalogPhoto) -> None:
    """The tools under an opened photo: buttons, the crops, the box by mouse."""
    faces = tuple(catalog.photos.faces(photo.photo_id))

    def run(label: str, after: Callable[[], Faces]) -> None:
        with session.action(label):
            new = after()
            if new == tuple(catalog.photos.faces(photo.photo_id)):
                session.notice = f"{label}: nothing to change"
            else:
                catalog.edits.set_faces(photo.photo_id, new, who=session.reviewer)

    with st.container(horizontal=True, vertical_alignment="center"):
        for (label, edit), icon in zip(EDITS.items(), _ICONS, strict=True):
            st.button(
                label,
                key=f"crop_{label}",
                icon=f":material/{icon}:",
                help=_HELP.get(label),
                on_click=run,
                args=(label, lambda edit=edit: edit(catalog, photo, faces)),
            )
        st.button(
            "Back to the original",
            key="crop_original",
            icon=":material/history:",
            type="tertiary",
            on_click=_to_original,
            args=(session, catalog, photo),
            help="The boxes as they were when the photo came in.",
        )
    if faces:
        _show_crops(session, catalog, photo, faces, run)
    else:
        st.caption("No coin is marked in this photo: find it, or draw a box.")
    _draw_box(catalog, photo, faces, run)
    others = [i for i in session.selected if i != photo.photo_id]
    if others and faces:
        st.button(
            f"Use these boxes for the {len(others)} other chosen photos",
            key="boxes_to_chosen",
            type="tertiary",
            on_click=_copy_to,
            args=(session, catalog, faces, others),
        )


def _to_original(
    session: DatasetSession, catalog: Catalog, photo: CatalogPhoto
) -> None:
    with session.action("Back to the original"):
        catalog.edits.reset_faces([photo.photo_id], who=session.reviewer)


def _copy_to(
    session: DatasetSession, catalog: Catalog, faces: Faces, others: list[int]
) -> None:
    with session.action(f"Boxes taken over for {len(others)} photos"):
        change_many(catalog, others, lambda *_: faces, who=session.reviewer)


def _show_crops(
    session: DatasetSession,
    catalog: Catalog,
    photo: CatalogPhoto,
    faces: Faces,
    run: Callable[[str, Callable[[], Faces]], None],
) -> None:
    """Every face as a classifier will see it, with its side and its turn."""
    picture = pixels(catalog, photo)
    for start in range(0, len(faces), 2):
        columns = st.columns(2, gap="medium")
        for at, column in zip(range(start, min(start + 2, len(faces))), columns):
            face = faces[at]
            # The faces are part of the keys: after an undo the widgets show the truth.
            stamp = f"{photo.photo_id}_{at}_{hash(faces)}"
            with column:
                st.image(
                    crop_to_flan(picture, face.box, _CROP_PX),
                    width=_CROP_PX,
                    alt=f"Face {at + 1}, {SIDE[face.side]}",
                )
                _ask_side(at, face, faces, stamp, run)
                _ask_turn(at, face, faces, stamp, run)
                if len(faces) > 1:
                    st.button(
                        "Remove this face",
                        key=f"drop_{stamp}",
                        type="tertiary",
                        on_click=run,
                        args=(
                            f"Face {at + 1} removed",
                            lambda at=at: face_edits.without(faces, at),
                        ),
                    )


def _ask_side(at: int, face: CatalogFace, faces: Faces, stamp: str, run) -> None:
    sides: list[str] = list(dict.fromkeys((*_SIDES, face.side or _UNTOLD, _UNTOLD)))

    def tell() -> None:
        told = st.session_state[f"side_{stamp}"]
        side = None if told == _UNTOLD else Side(told)
        run(f"Face {at + 1}: {SIDE[side]}", lambda: face_edits.sided(faces, side, at))

    st.selectbox(
        f"Face {at + 1} shows",
        sides,
        index=sides.index(face.side or _UNTOLD),
        format_func=lambda s: SIDE[None if s == _UNTOLD else Side(s)],
        key=f"side_{stamp}",
        on_change=tell,
        width=_CROP_PX,
    )


def _ask_turn(at: int, face: CatalogFace, faces: Faces, stamp: str, run) -> None:
    def turn() -> None:
        degrees = float(st.session_state[f"angle_{stamp}"])
        run(
            f"Face {at + 1} turned to {degrees:.0f}°",
            lambda: face_edits.turned_to(faces, degrees, at),
        )

    st.slider(
        f"Turn face {at + 1} clockwise",
        -180,
        180,
        round(face.box.turn_deg),
        step=1,
        format="%d°",
        key=f"angle_{stamp}",
        on_change=turn,
        width=_CROP_PX,
    )


def _draw_box(
    catalog: Catalog,
    photo: CatalogPhoto,
    faces: Faces,
    run: Callable[[str, Callable[[], Faces]], None],
) -> None:
    """The crop box by mouse, for one of the faces or for one more."""
    if not st.toggle("Draw a box by mouse", key=f"draw_{photo.photo_id}"):
        return
    at = 0
    if faces:
        at = st.segmented_control(
            "Box of",
            list(range(len(faces) + 1)),
            format_func=lambda k: f"face {k + 1}" if k < len(faces) else "one more",
            default=0,
            required=True,
            key=f"draw_face_{photo.photo_id}_{len(faces)}",
        )
    st.caption("Click the box; then drag it by its middle, or size it by its corners.")
    start = faces[at].box if at < len(faces) else _MIDDLE
    drawn = correct_crop(
        pixels(catalog, photo),
        start,
        key=f"catalog_{photo.photo_id}_{at}_{hash(start)}",
    )
    if at < len(faces) and _nearly(drawn, start):
        drawn = start
    st.button(
        "Keep this box",
        key="keep_box",
        type="primary",
        on_click=run,
        args=(f"Box of face {at + 1}", lambda: face_edits.boxed(faces, drawn, at)),
        disabled=at < len(faces) and drawn == start,
    )


_MIDDLE = RotatedBox(left=0.2, top=0.2, right=0.8, bottom=0.8)


def _nearly(a: RotatedBox, b: RotatedBox) -> bool:
    """Whether two boxes differ by no more than the widget's whole pixels."""
    a = replace(a, turn_deg=face_edits.normal_turn(a.turn_deg))
    return (
        max(
            abs(a.left - b.left),
            abs(a.top - b.top),
            abs(a.right - b.right),
            abs(a.bottom - b.bottom),
        )
        < 0.006
        and abs(a.turn_deg - b.turn_deg) < 3
    )
