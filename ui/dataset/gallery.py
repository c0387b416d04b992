"""The thumbnails of one page of photos: paging, choosing several, opening one."""

from __future__ import annotations

import time
from typing import Any

import streamlit as st

from coin_core.catalog import Catalog, CatalogPhoto, PhotoQuery, PhotoStatus
from ui.components import thumbnail_grid
from ui.components.thumbnails import Size, is_kept, small_picture
from ui.dataset.formatting import (
    REASON,
    STATUS,
    drawn_faces,
    percent,
    photo_name,
    ruler_colour,
    ruler_title,
    short_ruler,
)
from ui.dataset.session import DatasetSession

PAGE_SIZE = 48
MOST_CHOSEN = 5000  # by "choose all": more is a mistake, or work for the commands
# A page is shown after so long; its other pictures follow by such steps.
_FIRST_S, _STEP_S = 0.1, 0.5


def show_grid(session: DatasetSession, catalog: Catalog, query: PhotoQuery) -> None:
    """One page of thumbnails with its pager."""
    number = int(st.session_state.get("grid_page", 1))
    page = catalog.queries.find(query, offset=(number - 1) * PAGE_SIZE, limit=PAGE_SIZE)
    pages = max(1, -(-page.total // PAGE_SIZE))
    if number > pages:  # photos have left the list since
        number = st.session_state["grid_page"] = pages
        page = catalog.queries.find(
            query, offset=(number - 1) * PAGE_SIZE, limit=PAGE_SIZE
        )
    session.page_photo_ids = tuple(photo.photo_id for photo in page.photos)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{page.total:,}** photo{'s' * (page.total != 1)}", width=110)
        if page.photos:
            st.button(
                f"Choose all {min(page.total, MOST_CHOSEN):,}",
                type="tertiary",
                key="choose_all",
                on_click=_choose_all,
                args=(session, catalog, query),
            )
        if session.selected:
            st.button(
                "Choose none",
                type="tertiary",
                key="choose_none",
                on_click=session.select,
            )
        if pages > 1:
            with st.container(horizontal_alignment="right"):
                st.pagination(pages, key="grid_page", max_visible_pages=7)
    if not page.photos:
        st.info("No photo fits these filters.", icon=":material/search_off:")
        return

    def keep_choice() -> None:
        told = st.session_state["grid"].get("chosen")
        if told and told["token"] == session.selection_version:
            session.selected = tuple(int(i) for i in told["ids"])

    def open_one() -> None:
        if (photo_id := st.session_state["grid"].get("open")) is not None:
            session.open_photo(int(photo_id))

    def fetch_more() -> None:
        st.session_state["grid_asks_more"] = True

    asks_more = st.session_state.pop("grid_asks_more", False)
    thumbnail_grid(
        data={
            "photos": _tiles(catalog, page.photos, _STEP_S if asks_more else _FIRST_S),
            "chosen": list(session.preset_selection),
            "token": session.selection_version,
        },
        key="grid",
        on_chosen_change=keep_choice,
        on_open_change=open_one,
        on_more_change=fetch_more,
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            "Click to choose, shift-click to choose a run, “Open” or double-click to "
            "see a photo large."
        )
        if number < pages:
            st.button(
                "Next page",
                key="next_page",
                icon=":material/arrow_forward:",
                on_click=_turn_page,
                args=(number + 1,),
            )


def _turn_page(number: int) -> None:
    st.session_state["grid_page"] = number


def _choose_all(session: DatasetSession, catalog: Catalog, query: PhotoQuery) -> None:
    found = catalog.queries.find(query, offset=0, limit=MOST_CHOSEN)
    session.select(photo.photo_id for photo in found.photos)


def _tiles(
    catalog: Catalog, photos: tuple[CatalogPhoto, ...], patience_s: float
) -> list[dict[str, Any]]:
    """What the grid draws; pictures that would take too long are left for later."""
    end = time.monotonic() + patience_s
    tiles = []
    faces = catalog.photos.faces_of([photo.photo_id for photo in photos])
    for photo in photos:
        in_time = is_kept(photo.sha256, Size.THUMB) or time.monotonic() < end
        picture = small_picture(catalog, photo) if in_time else None
        tiles.append(
            {
                "id": photo.photo_id,
                "name": photo_name(photo),
                "title": _title(photo),
                "src": picture,
                "broken": in_time and picture is None,
                "width": photo.width_px,
                "height": photo.height_px,
                "faces": drawn_faces(faces[photo.photo_id]),
                "label": short_ruler(photo.ruler),
                "colour": ruler_colour(photo.ruler),
                "status": photo.status.value,
                "note": "" if photo.confidence is None else percent(photo.confidence),
                "tags": _tags(photo, broken=in_time and picture is None),
            }
        )
    return tiles


def _tags(photo: CatalogPhoto, *, broken: bool) -> list[str]:
    tags = ["rendered"] if photo.is_rendered else []
    if photo.status is PhotoStatus.REVIEWED:
        tags.append("reviewed")
    if photo.status is PhotoStatus.EXCLUDED:
        tags.append("excluded")
    if photo.rulers_differ:
        tags.append("disputed")
    if broken:
        tags.append("unreadable")
    return tags


def _title(photo: CatalogPhoto) -> str:
    """What stands under the mouse: plain text."""
    lines = [photo_name(photo), ruler_title(photo.ruler), STATUS[photo.status]]
    if photo.exclude_reason is not None:
        lines.append(f"excluded: {REASON[photo.exclude_reason]}")
    if photo.confidence is not None:
        lines.append(f"surest classifier: {percent(photo.confidence)}")
    if photo.is_rendered:
        lines.append("rendered coin, not a photograph")
    return "\n".join(lines)
