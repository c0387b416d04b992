"""One page of thumbnails: paging, selecting photos, opening one."""

from __future__ import annotations

import time
from typing import Any

import streamlit as st

from coin_core.catalog import Catalog, CatalogPhoto, PhotoQuery, PhotoStatus
from coin_core.i18n import N_, _, ngettext
from ui import resources
from ui.components.custom import photo_grid
from ui.components.images import media_address
from ui.components.thumbnails import Size, is_cached, thumbnail
from ui.dataset.formatting import (
    REASON_TITLES,
    STATUS_TITLES,
    face_outlines,
    photo_name,
    ruler_colour,
    ruler_title,
    short_ruler_title,
)
from ui.dataset.session import DatasetSession
from ui.formatting import as_text, measured_together, probability_text
from ui.language import arrow

PAGE_SIZE = 48
MAX_SELECTED = 5000  # by "Choose all"; the command line handles more
# The page is shown after the first time span; each rerun adds thumbnails for the other.
_FIRST_S, _NEXT_S = 0.1, 0.5


def show_gallery(session: DatasetSession, catalog: Catalog, query: PhotoQuery) -> None:
    """One page of thumbnails with its pager."""
    number = int(st.session_state.get("grid_page", 1))
    page = catalog.queries.find(query, offset=(number - 1) * PAGE_SIZE, limit=PAGE_SIZE)
    pages = max(1, -(-page.total // PAGE_SIZE))
    if number > pages:  # photos have left the results
        st.session_state["grid_page"] = pages
        show_gallery(session, catalog, query)
        return
    session.page_photo_ids = tuple(photo.photo_id for photo in page.photos)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            ngettext("**{count}** photo", "**{count}** photos", page.total).format(
                count=f"{page.total:,}"
            ),
            width=110,
        )
        if page.photos:
            st.button(
                _("Select all {count}").format(
                    count=f"{min(page.total, MAX_SELECTED):,}"
                ),
                type="tertiary",
                key="choose_all",
                on_click=_select_all,
                args=(session, catalog, query),
            )
        if session.selected:
            st.button(
                _("Clear selection"),
                type="tertiary",
                key="choose_none",
                on_click=session.select,
            )
        if pages > 1:
            with st.container(horizontal_alignment="right"):
                st.pagination(
                    pages,
                    key="grid_page",
                    max_visible_pages=7,
                    persist_state="session",
                )
    if not page.photos:
        st.info(_("No photo matches these filters."), icon=":material/search_off:")
        return
    _show_grid(session, catalog, page.photos)
    if any(photo.confidence is not None for photo in page.photos):
        found = resources.bundles()[0]
        st.caption(as_text(measured_together([bundle.card for bundle in found])))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            _(
                "Click to select; Shift-click for a range; “Open” or double-click "
                "to see a photo large."
            )
        )
        if number < pages:
            st.button(
                _("Next page"),
                key="next_page",
                icon=arrow(forward=True),
                on_click=_go_to_page,
                args=(number + 1,),
            )


def _show_grid(
    session: DatasetSession, catalog: Catalog, photos: tuple[CatalogPhoto, ...]
) -> None:
    def store_selection() -> None:
        state = st.session_state["grid"].get("selected")
        if state and state["version"] == session.selection_version:
            session.selected = tuple(int(i) for i in state["ids"])

    def open_photo() -> None:
        if (photo_id := st.session_state["grid"].get("open")) is not None:
            session.open_photo(int(photo_id))

    def request_more() -> None:
        st.session_state["grid_needs_more"] = True

    is_next = st.session_state.pop("grid_needs_more", False)
    photo_grid(
        data={
            "photos": _tiles(catalog, photos, _NEXT_S if is_next else _FIRST_S),
            "selected": list(session.selected),
            "version": session.selection_version,
            "words": {"open": _("Open"), "photos": _("Photos")},
        },
        key="grid",
        on_selected_change=store_selection,
        on_open_change=open_photo,
        on_more_change=request_more,
    )


def _go_to_page(number: int) -> None:
    st.session_state["grid_page"] = number


def _select_all(session: DatasetSession, catalog: Catalog, query: PhotoQuery) -> None:
    found = catalog.queries.find(query, offset=0, limit=MAX_SELECTED)
    session.select(photo.photo_id for photo in found.photos)


def _tiles(
    catalog: Catalog, photos: tuple[CatalogPhoto, ...], time_limit_s: float
) -> list[dict[str, Any]]:
    """The data of the grid; thumbnails beyond the time limit are left out."""
    end = time.monotonic() + time_limit_s
    tiles = []
    faces = catalog.photos.faces_of([photo.photo_id for photo in photos])
    missing = [p.sha256 for p in photos if not is_cached(p.sha256, Size.THUMB)]
    later = set(missing[1:])
    for place, photo in enumerate(photos):
        # One in any case: the grid asks for more only when something was added.
        in_time = photo.sha256 not in later or time.monotonic() < end
        jpeg = thumbnail(catalog, photo) if in_time else None
        is_broken = in_time and jpeg is None
        tiles.append(
            {
                "id": photo.photo_id,
                "name": photo_name(photo),
                "title": _tooltip(photo),
                "src": None if jpeg is None else media_address(jpeg, f"tile_{place}"),
                "broken": is_broken,
                "width": photo.width_px,
                "height": photo.height_px,
                "faces": face_outlines(faces[photo.photo_id]),
                "label": short_ruler_title(photo.ruler),
                "colour": ruler_colour(photo.ruler),
                "status": photo.status.value,
                "note": ""
                if photo.confidence is None
                else probability_text(photo.confidence),
                "tags": _tags(photo, is_broken),
            }
        )
    return tiles


def _tags(photo: CatalogPhoto, is_broken: bool) -> list[list[str]]:
    """The name of the style and the words of each tag."""
    tags = {
        N_("rendered"): photo.is_rendered,
        N_("reviewed"): photo.status is PhotoStatus.REVIEWED,
        N_("excluded"): photo.status is PhotoStatus.EXCLUDED,
        N_("disputed"): photo.rulers_differ,
        N_("unreadable"): is_broken,
    }
    return [[tag, _(tag)] for tag, applies in tags.items() if applies]


def _tooltip(photo: CatalogPhoto) -> str:
    lines = [
        photo_name(photo),
        ruler_title(photo.ruler),
        _(STATUS_TITLES[photo.status]),
    ]
    if photo.exclude_reason is not None:
        lines.append(
            _("excluded: {reason}").format(
                reason=_(REASON_TITLES[photo.exclude_reason])
            )
        )
    if photo.confidence is not None:
        lines.append(
            _("most certain classifier: {probability}").format(
                probability=probability_text(photo.confidence)
            )
        )
    if photo.is_rendered:
        lines.append(_("rendered coin, not a photograph"))
    return "\n".join(lines)
