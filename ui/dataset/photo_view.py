"""One photo, large and zoomable, with its faces outlined."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from coin_core.catalog import Catalog, CatalogFace, CatalogPhoto
from ui.components import photo_viewer
from ui.components.thumbnails import Size, small_picture
from ui.dataset.formatting import drawn_faces, photo_name


def show_photo(
    catalog: Catalog,
    photo: CatalogPhoto,
    faces: Sequence[CatalogFace],
    *,
    key: str,
    height_px: int,
) -> None:
    """The zoomable photo, marked if it is rendered."""
    picture = small_picture(catalog, photo, Size.VIEW)
    if picture is None:
        st.error(
            "The file of this photo is missing or cannot be read. Bring it in again: "
            "the same file finds its place.",
            icon=":material/error:",
        )
        return
    photo_viewer(
        data={
            "photo": photo.photo_id,
            "src": picture,
            "alt": photo_name(photo),
            "widthPx": photo.width_px,
            "heightPx": photo.height_px,
            "height": height_px,
            "faces": drawn_faces(faces),
            "stamp": "rendered coin, not a photograph" if photo.is_rendered else "",
        },
        key=key,
    )
