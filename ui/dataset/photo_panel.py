"""Everything about one photo: picture, tools, label, provenance, opinions, history."""

from __future__ import annotations

from html import escape

import pandas as pd
import streamlit as st

from coin_core.catalog import Catalog, CatalogPhoto, ExcludeReason
from coin_core.errors import CoinError
from ui.classify.predict import ask_classifiers
from ui.components.thumbnails import small_picture
from ui.dataset.actions import show_undo
from ui.dataset.cropping import show_tools
from ui.dataset.formatting import (
    REASON,
    SIDE,
    STATUS,
    UNLABELLED,
    edit_in_words,
    percent,
    photo_name,
    ruler_keys,
    ruler_title,
)
from ui.dataset.photo_facts import show_coin_facts, show_provenance
from ui.dataset.photo_view import show_photo
from ui.dataset.session import DatasetSession, ask_name
from ui.errors import show

_TAKEN = "taken"


def show_photo_panel(desk: DatasetSession, catalog: Catalog, photo_id: int) -> None:
    """The opened photo; its first button leads back."""
    photo = catalog.photo(photo_id)
    _show_head(desk, photo)
    faces = tuple(catalog.faces(photo_id))
    left, right = st.columns([1.5, 1], gap="large")
    with left:
        show_photo(catalog, photo, faces, key="opened_photo", height_px=440)
        st.caption(
            "Wheel or + to zoom, drag to move, double-click for the whole photo. "
            + (" · ".join(SIDE[face.side] for face in faces) or "No coin marked.")
        )
    with right:
        _show_label(desk, catalog, photo)
        _show_opinions(desk, catalog, photo)
    if desk.who:
        st.subheader("Crop, split and turn", anchor=False)
        show_tools(desk, catalog, photo)
    show_coin_facts(desk, catalog, photo)
    show_provenance(desk, catalog, photo)
    _show_same_coin(desk, catalog, photo)
    _show_history(catalog, photo)


def _show_head(desk: DatasetSession, photo: CatalogPhoto) -> None:
    here = desk.listing.index(photo.photo_id) if photo.photo_id in desk.listing else -1
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Back to all photos" if desk.back_to == "browse" else "Back to the review",
            icon=":material/arrow_back:",
            on_click=desk.go_back,
            shortcut="B",
        )
        for label, step, key in (("Previous", -1, "P"), ("Next", 1, "N")):
            there = here + step
            st.button(
                label,
                type="tertiary",
                disabled=here < 0 or not 0 <= there < len(desk.listing),
                on_click=lambda there=there: desk.open(desk.listing[there]),
                shortcut=key,
            )
        st.text(photo_name(photo))


def _show_label(desk: DatasetSession, catalog: Catalog, photo: CatalogPhoto) -> None:
    said = STATUS[photo.status]
    if photo.exclude_reason is not None:
        said += f" ({REASON[photo.exclude_reason]})"
    st.html(f'<p class="coin-sentence">{escape(ruler_title(photo.ruler))}</p>')
    st.caption(said)
    if not ask_name(desk, "to change anything:"):
        return
    keys = (UNLABELLED, *ruler_keys(catalog.choices().rulers))
    stamp = f"{photo.photo_id}_{photo.ruler}_{photo.exclude_reason}"

    def label() -> None:
        ruler = st.session_state[f"ruler_{stamp}"]
        with desk.doing(ruler_title(ruler)):
            catalog.set_ruler(
                [photo.photo_id], None if ruler == UNLABELLED else ruler, who=desk.who
            )

    st.selectbox(
        "Ruler",
        keys,
        index=keys.index(photo.ruler or UNLABELLED),
        format_func=ruler_title,
        key=f"ruler_{stamp}",
        on_change=label,
    )

    def exclude() -> None:
        reason = st.session_state[f"reason_{stamp}"]
        with desk.doing():
            if reason == _TAKEN:
                catalog.restore([photo.photo_id], who=desk.who)
            else:
                catalog.exclude([photo.photo_id], reason, who=desk.who)

    reasons: tuple[str, ...] = (_TAKEN, *ExcludeReason)
    st.selectbox(
        "In data sets",
        reasons,
        index=reasons.index(photo.exclude_reason or _TAKEN),
        format_func=lambda r: "yes" if r == _TAKEN else f"no: {REASON[r]}",
        key=f"reason_{stamp}",
        on_change=exclude,
    )
    with st.container(horizontal=True):
        show_undo(desk, catalog)


def _show_opinions(desk: DatasetSession, catalog: Catalog, photo: CatalogPhoto) -> None:
    st.subheader("What the classifiers say", anchor=False)
    opinions = catalog.opinions(photo.photo_id)
    if opinions:
        st.dataframe(
            pd.DataFrame(
                [
                    {
                        "classifier": opinion.classifier
                        + (" (not taught on it)" * (opinion.kind == "out_of_fold")),
                        "says": ruler_title(opinion.ruler)
                        if opinion.ruler
                        else "cannot tell",
                        "probability": percent(
                            max(opinion.probabilities.values(), default=0.0)
                        ),
                    }
                    for opinion in opinions
                ]
            ),
            hide_index=True,
        )
    if photo.suspicion is not None:
        st.caption(f"The label may be wrong: suspicion {percent(photo.suspicion)}.")
    if st.button(
        "Ask the classifiers now",
        key="ask_now",
        type="tertiary",
        help="They see the legend side as it is cropped and turned now.",
    ):
        ask_classifiers(desk, catalog, [photo.photo_id], again=True)
        st.rerun()


_MOST_SHOWN = 6


def _show_same_coin(
    desk: DatasetSession, catalog: Catalog, photo: CatalogPhoto
) -> None:
    """The other photos of this coin, and a search for more of them."""
    others = [
        other
        for other in catalog.photos_of_coin(photo.coin_id)
        if other.photo_id != photo.photo_id
    ]
    title = f"Other photos of this coin: {len(others)}"
    with st.expander(title, expanded=bool(others)):
        with st.container(horizontal=True):
            for other in others[:_MOST_SHOWN]:
                _show_other(desk, catalog, other)
        with st.container(horizontal=True):
            if others:
                st.button(
                    "This photo shows another coin",
                    type="tertiary",
                    disabled=not desk.who,
                    on_click=_ungroup,
                    args=(desk, catalog, photo),
                )
            looked = st.button("Look for more photos of this coin", type="tertiary")
        if looked:
            _look_for_same(desk, catalog, photo)


def _look_for_same(desk: DatasetSession, catalog: Catalog, photo: CatalogPhoto) -> None:
    """Photos of other coins that may be this one, each with a button that says so."""
    found: tuple[CatalogPhoto, ...] = ()
    try:
        with st.spinner("Comparing the pictures …"):
            found = catalog.similar(photo.photo_id, limit=_MOST_SHOWN)
    except CoinError as error:
        show(str(error))
        return
    if not found:
        st.text("No other photo looks like the same coin.")
    with st.container(horizontal=True):
        for other in found:
            with st.container(width=150):
                _show_other(desk, catalog, other)
                st.button(
                    "Same coin",
                    key=f"same_{other.photo_id}",
                    disabled=not desk.who,
                    on_click=_group,
                    args=(desk, catalog, [photo.photo_id, other.photo_id]),
                )


def _show_other(desk: DatasetSession, catalog: Catalog, other: CatalogPhoto) -> None:
    with st.container(width=150):
        if picture := small_picture(catalog, other):
            st.image(picture, width=140, alt=photo_name(other))
        st.text(photo_name(other))
        st.button(
            "Open",
            key=f"open_{other.photo_id}",
            type="tertiary",
            on_click=desk.open,
            args=(other.photo_id,),
        )


def _ungroup(desk: DatasetSession, catalog: Catalog, photo: CatalogPhoto) -> None:
    with desk.doing("A coin of its own"):
        catalog.ungroup([photo.photo_id], who=desk.who)


def _group(desk: DatasetSession, catalog: Catalog, photo_ids: list[int]) -> None:
    with desk.doing("Grouped as one coin"):
        catalog.group_coins(photo_ids, who=desk.who)


def _show_history(catalog: Catalog, photo: CatalogPhoto) -> None:
    edits = catalog.history(photo.photo_id)
    with st.expander(f"History: {len(edits)} edit{'s' * (len(edits) != 1)}"):
        st.dataframe(
            pd.DataFrame(
                [
                    {
                        "when": f"{edit.at:%Y-%m-%d %H:%M:%S}",
                        "who": edit.who,
                        "what": edit_in_words(edit),
                        "taken back": "yes" if edit.undone else "",
                    }
                    for edit in edits
                ],
                columns=["when", "who", "what", "taken back"],
            ),
            hide_index=True,
            placeholder="",
        )
