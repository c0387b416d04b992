"""The cropping tools: they edit the boxes and turns of a photo, not its pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from coin_core.catalog import Catalog, CatalogFace, CatalogPhoto, Side
from coin_core.errors import WeightsMissingError
from coin_core.i18n import N_, _
from coin_core.imaging import photo_io
from coin_core.imaging.preprocessing import RotatedBox, crop_to_flan
from coin_core.jobs import ProgressCallback
from ui.components.cropper import correct_crop
from ui.dataset import face_edits
from ui.dataset.face_edits import Faces
from ui.dataset.formatting import side_title
from ui.dataset.session import DatasetSession
from ui.language import key_of_menu

_CROP_PX = 260
_SIDES = (Side.LEGEND, Side.CORNUCOPIA, Side.STAR_ANCHOR, Side.OTHER)
_UNKNOWN_SIDE = "untold"  # a menu with the option None can be cleared
_DEFAULT_BOX = RotatedBox(left=0.2, top=0.2, right=0.8, bottom=0.8)

PhotoEdit = Callable[[Catalog, CatalogPhoto, Faces], Faces]
# Stores the faces that a function returns.
SaveFaces = Callable[[Callable[[], Faces]], None]


@st.cache_resource(
    show_spinner=False,
    max_entries=2,
    hash_funcs={CatalogPhoto: lambda photo: photo.sha256},
)
def _photo_pixels(_catalog: Catalog, photo: CatalogPhoto) -> np.ndarray:
    return photo_io.read(_catalog.photos.path(photo))


def detect(catalog: Catalog, photo: CatalogPhoto, faces: Faces = ()) -> Faces:
    """The detected coins with their sides; the old faces if no coin is found."""
    from coin_core.detection import classify_sides, detect_coins

    pixels = photo_io.read(catalog.photos.path(photo))
    found = classify_sides(pixels, detect_coins(pixels))
    return tuple(CatalogFace(box=face.box, side=face.side) for face in found) or faces


def split(catalog: Catalog, photo: CatalogPhoto, faces: Faces) -> Faces:
    """Two halves with their predicted sides."""
    from coin_core.detection import classify_sides

    halves = face_edits.split(faces, photo.width_px, photo.height_px)
    try:
        predicted = classify_sides(
            photo_io.read(catalog.photos.path(photo)), [half.box for half in halves]
        )
    except WeightsMissingError:
        return halves
    return face_edits.with_sides(halves, [face.side for face in predicted])


def rotation(by_deg: float) -> PhotoEdit:
    """The edit that turns every face clockwise by an angle."""
    return lambda _catalog, _photo, faces: face_edits.rotate(faces, by_deg)


EDITS: dict[str, PhotoEdit] = {
    N_("Find the coins"): detect,
    N_("Split in two"): split,
    N_("Turn 90° left"): rotation(-90),
    N_("Turn 90° right"): rotation(90),
    N_("Swap sides"): lambda _catalog, _photo, faces: face_edits.swap_sides(faces),
}
_ICONS = {
    N_("Find the coins"): "frame_inspect",
    N_("Split in two"): "splitscreen_left",
    N_("Turn 90° left"): "rotate_left",
    N_("Turn 90° right"): "rotate_right",
    N_("Swap sides"): "swap_horiz",
}
_HELP = {
    N_("Find the coins"): N_("Boxes around the coins in this photo, detected again."),
    N_("Split in two"): N_("Cut the box in the middle: two sides from one picture."),
    N_("Swap sides"): N_("The legend side is the other one."),
}


_CHANGED = {
    N_("Find the coins"): N_("Coins detected again on {changed} of {total} photos"),
    N_("Split in two"): N_("{changed} of {total} photos split in two"),
    N_("Swap sides"): N_("Sides swapped on {changed} of {total} photos"),
}


def changed_words(label: str, changed: int, total: int) -> str:
    """How many photos one of `EDITS`, or a turn, has changed."""
    text = _(_CHANGED.get(label, N_("{changed} of {total} photos turned")))
    return text.format(changed=f"{changed:,}", total=f"{total:,}")


def faces_words(faces: Faces) -> str:
    """The faces on a photo with their sides and turns."""
    if not faces:
        return _("No coin is marked on this photo now.")
    parts = []
    for number, face in enumerate(faces, 1):
        part = f"{number} {side_title(face.side)}"
        if face.box.turn_deg:
            part += f" ({face.box.turn_deg:.0f}°)"
        parts.append(part)
    return _("Marked now: {faces}").format(faces=", ".join(parts))


def edit_photos(
    catalog: Catalog,
    photo_ids: Sequence[int],
    edit: PhotoEdit,
    *,
    who: str,
    progress: ProgressCallback = lambda done, total: None,
) -> int:
    """Apply one edit to many photos, as one action that is undone at once.

    Photos whose faces somebody else changes meanwhile are left as they are.

    Returns:
        The number of photos that were changed.
    """
    before: dict[int, Faces] = {}
    changed: dict[int, Faces] = {}
    for done, photo_id in enumerate(photo_ids, 1):
        faces = before[photo_id] = tuple(catalog.photos.faces(photo_id))
        after = edit(catalog, catalog.photos.get(photo_id), faces)
        if after != faces:
            changed[photo_id] = after
        progress(done, len(photo_ids))
    for photo_id, now in catalog.photos.faces_of(list(changed)).items():
        if now != before[photo_id]:
            del changed[photo_id]
    if changed:
        catalog.edits.edit_faces(changed, who=who)
    return len(changed)


def show_crop_tools(
    session: DatasetSession, catalog: Catalog, photo: CatalogPhoto
) -> None:
    """The tools of an open photo: buttons, the crops, the box drawn by mouse."""
    faces = tuple(catalog.photos.faces(photo.photo_id))

    def save(edit: Callable[[], Faces]) -> None:
        with session.action():
            after = edit()
            if after == tuple(catalog.photos.faces(photo.photo_id)):
                session.notice = _("No change: the photo has these boxes already.")
            else:
                catalog.edits.set_faces(photo.photo_id, after, who=session.reviewer)
                session.notice = faces_words(after)

    def reset() -> None:
        with session.action():
            catalog.edits.reset_faces([photo.photo_id], who=session.reviewer)
            session.notice = faces_words(tuple(catalog.photos.faces(photo.photo_id)))

    with st.container(horizontal=True, vertical_alignment="center"):
        for label, edit in EDITS.items():
            st.button(
                _(label),
                key=f"crop_{label}",
                icon=f":material/{_ICONS[label]}:",
                help=_(_HELP.get(label, "")) or None,
                on_click=save,
                args=(lambda edit=edit: edit(catalog, photo, faces),),
            )
        st.button(
            _("Back to the original"),
            key="crop_original",
            icon=":material/history:",
            type="tertiary",
            on_click=reset,
            help=_("The boxes as they were when the photo was imported."),
        )
    if faces:
        _show_crops(_photo_pixels(catalog, photo), photo.photo_id, faces, save)
    else:
        st.caption(_("No coin is marked in this photo: find it, or draw a box."))
    _show_box_drawing(catalog, photo, faces, save)
    others = [i for i in session.selected if i != photo.photo_id]
    if others and faces:
        st.button(
            _("Use these boxes for the {count} other selected photos").format(
                count=len(others)
            ),
            key="boxes_to_chosen",
            type="tertiary",
            on_click=_copy_faces,
            args=(session, catalog, faces, others),
        )


def _copy_faces(
    session: DatasetSession, catalog: Catalog, faces: Faces, others: list[int]
) -> None:
    with session.action():
        changed = edit_photos(
            catalog, others, lambda *ignored: faces, who=session.reviewer
        )
        text = _("{changed} of {total} photos have these boxes now")
        session.notice = text.format(changed=f"{changed:,}", total=f"{len(others):,}")


def _show_crops(
    pixels: np.ndarray, photo_id: int, faces: Faces, save: SaveFaces
) -> None:
    """Every face as a classifier gets it, with its side and its turn."""
    for start in range(0, len(faces), 2):
        columns = st.columns(2, gap="medium")
        for i, column in zip(range(start, min(start + 2, len(faces))), columns):
            # The faces are part of the keys: after an undo the widgets are new.
            key = f"{photo_id}_{i}_{hash(faces)}"
            with column:
                st.image(
                    crop_to_flan(pixels, faces[i].box, _CROP_PX),
                    width=_CROP_PX,
                    alt=_("Face {number}, {side}").format(
                        number=i + 1, side=side_title(faces[i].side)
                    ),
                )
                _ask_side(i, faces, key, save)
                _ask_turn(i, faces, key, save)
                if len(faces) > 1:
                    st.button(
                        _("Remove this face"),
                        key=f"drop_{key}",
                        type="tertiary",
                        on_click=save,
                        args=(lambda i=i: face_edits.without(faces, i),),
                    )


def _ask_side(i: int, faces: Faces, key: str, save: SaveFaces) -> None:
    current = faces[i].side or _UNKNOWN_SIDE
    options: list[str] = list(dict.fromkeys((*_SIDES, current, _UNKNOWN_SIDE)))

    def to_side(option: str) -> Side | None:
        return None if option == _UNKNOWN_SIDE else Side(option)

    menu_key = key_of_menu(f"side_{key}")

    def store() -> None:
        side = to_side(st.session_state[menu_key])
        save(lambda: face_edits.change(faces, i, side=side))

    st.selectbox(
        _("Face {number} shows").format(number=i + 1),
        options,
        index=options.index(current),
        format_func=lambda option: side_title(to_side(option)),
        key=menu_key,
        on_change=store,
        width=_CROP_PX,
    )


def _ask_turn(i: int, faces: Faces, key: str, save: SaveFaces) -> None:
    def store() -> None:
        degrees = float(st.session_state[f"angle_{key}"])
        by_deg = degrees - faces[i].box.turn_deg
        save(lambda: face_edits.rotate(faces, by_deg, i))

    st.slider(
        _("Turn face {number} clockwise").format(number=i + 1),
        -180,
        180,
        round(faces[i].box.turn_deg),
        step=1,
        format="%d°",
        key=f"angle_{key}",
        on_change=store,
        width=_CROP_PX,
    )


def _show_box_drawing(
    catalog: Catalog, photo: CatalogPhoto, faces: Faces, save: SaveFaces
) -> None:
    """A crop box drawn by mouse, for one of the faces or for a new one."""
    if not st.toggle(_("Draw a box by mouse"), key=f"draw_{photo.photo_id}"):
        return
    index = 0
    if faces:
        index = st.segmented_control(
            _("Box of"),
            list(range(len(faces) + 1)),
            format_func=lambda i: (
                _("face {number}").format(number=i + 1)
                if i < len(faces)
                else _("one more")
            ),
            default=0,
            required=True,
            wrap=True,
            key=f"draw_face_{photo.photo_id}_{len(faces)}",
        )
    st.caption(_("Click the box, then drag it, or resize it by its corners."))
    start = faces[index].box if index < len(faces) else _DEFAULT_BOX
    drawn = correct_crop(
        _photo_pixels(catalog, photo),
        start,
        key=f"catalog_{photo.photo_id}_{index}_{hash(start)}",
    )
    if index < len(faces) and _is_same(drawn, start):
        drawn = start
    st.button(
        _("Save this box"),
        key="keep_box",
        type="primary",
        on_click=save,
        args=(lambda: face_edits.with_box(faces, drawn, index),),
        disabled=index < len(faces) and drawn == start,
    )


def _is_same(a: RotatedBox, b: RotatedBox) -> bool:
    """Whether two boxes differ by less than a key or a pixel changes."""
    a = replace(a, turn_deg=face_edits.normalize_turn(a.turn_deg))
    edges = ("left", "top", "right", "bottom")
    return (
        all(abs(getattr(a, edge) - getattr(b, edge)) < 1e-4 for edge in edges)
        and abs(a.turn_deg - b.turn_deg) < 0.1
    )
