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
from ui.dataset.session import DatasetSession, ask_reviewer
from ui.errors import show_error

_TAKEN = "taken"


def show_photo_panel(session: DatasetSession, catalog: Catalog, photo_id: int) -> None:
    """The opened photo; its first button leads back."""
    photo = catalog.photos.get(photo_id)
    _show_head(session, photo)
    faces = tuple(catalog.photos.faces(photo_id))
    left, right = st.columns([1.5, 1], gap="large")
    with left:
        show_photo(catalog, photo, faces, key="opened_photo", height_px=440)
        st.caption(
            "Wheel or + to zoom, drag to move, double-click for the whole photo. "
            + (" · ".join(SIDE[face.side] for face in faces) or "No coin marked.")
        )
    with right:
        _show_label(session, catalog, photo)
        _show_opinions(session, catalog, photo)
    if session.reviewer:
        st.subheader("Crop, split and turn", anchor=False)
        show_tools(session, catalog, photo)
    show_coin_facts(session, catalog, photo)
    show_provenance(session, catalog, photo)
    _show_same_coin(session, catalog, photo)
    _show_history(catalog, photo)


def _show_head(session: DatasetSession, photo: CatalogPhoto) -> None:
    here = (
        session.page_photo_ids.index(photo.photo_id)
        if photo.photo_id in session.page_photo_ids
        else -1
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Back to all photos"
            if session.return_to == "browse"
            else "Back to the review",
            icon=":material/arrow_back:",
            on_click=session.go_back,
            shortcut="B",
        )
        for label, step, key in (("Previous", -1, "P"), ("Next", 1, "N")):
            there = here + step
            st.button(
                label,
                type="tertiary",
                disabled=here < 0 or not 0 <= there < len(session.page_photo_ids),
                on_click=lambda there=there: session.open_photo(
                    session.page_photo_ids[there]
                ),
                shortcut=key,
            )
        st.text(photo_name(photo))


def _show_label(session: DatasetSession, catalog: Catalog, photo: CatalogPhoto) -> None:
    said = STATUS[photo.status]
    if photo.exclude_reason is not None:
        said += f" ({REASON[photo.exclude_reason]})"
    st.html(f'<p class="coin-sentence">{escape(ruler_title(photo.ruler))}</p>')
    st.caption(said)
    if not ask_reviewer(session, "to change anything:"):
        return
    keys = (UNLABELLED, *ruler_keys(catalog.queries.choices().rulers))
    stamp = f"{photo.photo_id}_{photo.ruler}_{photo.exclude_reason}"

    def label() -> None:
        ruler = st.session_state[f"ruler_{stamp}"]
        with session.action(ruler_title(ruler)):
            catalog.edits.set_ruler(
                [photo.photo_id],
                None if ruler == UNLABELLED else ruler,
                who=session.reviewer,
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
        with session.action():
            if reason == _TAKEN:
                catalog.edits.restore([photo.photo_id], who=session.reviewer)
            else:
                catalog.edits.exclude([photo.photo_id], reason, who=session.reviewer)

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
        show_undo(session, catalog)


def _show_opinions(
    session: DatasetSession, catalog: Catalog, photo: CatalogPhoto
) -> None:
    st.subheader("What the classifiers say", anchor=False)
    opinions = catalog.predictions.of_photo(photo.photo_id)
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
        ask_classifiers(session, catalog, [photo.photo_id], again=True)
        st.rerun()


_MOST_SHOWN = 6


def _show_same_coin(
    session: DatasetSession, catalog: Catalog, photo: CatalogPhoto
) -> None:
    """The other photos of this coin, and a search for more of them."""
    others = [
        other
        for other in catalog.photos.of_coin(photo.coin_id)
        if other.photo_id != photo.photo_id
    ]
    title = f"Other photos of this coin: {len(others)}"
    with st.expander(title, expanded=bool(others)):
        with st.container(horizontal=True):
            for other in others[:_MOST_SHOWN]:
                _show_other(session, catalog, other)
        with st.container(horizontal=True):
            if others:
                st.button(
                    "This photo shows another coin",
                    type="tertiary",
                    disabled=not session.reviewer,
                    on_click=_ungroup,
                    args=(session, catalog, photo),
                )
            looked = st.button("Look for more photos of this coin", type="tertiary")
        if looked:
            _look_for_same(session, catalog, photo)


def _look_for_same(
    session: DatasetSession, catalog: Catalog, photo: CatalogPhoto
) -> None:
    """Photos of other coins that may be this one, each with a button that says so."""
    found: tuple[CatalogPhoto, ...] = ()
    try:
        with st.spinner("Comparing the pictures …"):
            found = catalog.queries.similar(photo.photo_id, limit=_MOST_SHOWN)
    except CoinError as error:
        show_error(str(error))
        return
    if not found:
        st.text("No other photo looks like the same coin.")
    with st.container(horizontal=True):
        for other in found:
            with st.container(width=150):
                _show_other(session, catalog, other)
                st.button(
                    "Same coin",
                    key=f"same_{other.photo_id}",
                    disabled=not session.reviewer,
                    on_click=_group,
                    args=(session, catalog, [photo.photo_id, other.photo_id]),
                )


def _show_other(session: DatasetSession, catalog: Catalog, other: CatalogPhoto) -> None:
    with st.container(width=150):
        if picture := small_picture(catalog, other):
            st.image(picture, width=140, alt=photo_name(other))
        st.text(photo_name(other))
        st.button(
            "Open",
            key=f"open_{other.photo_id}",
            type="tertiary",
            on_click=session.open_photo,
            args=(other.photo_id,),
        )


def _ungroup(session: DatasetSession, catalog: Catalog, photo: CatalogPhoto) -> None:
    with session.action("A coin of its own"):
        catalog.edits.ungroup([photo.photo_id], who=session.reviewer)


def _group(session: DatasetSession, catalog: Catalog, photo_ids: list[int]) -> None:
    with session.action("Grouped as one coin"):
        catalog.edits.group_coins(photo_ids, who=session.reviewer)


def _show_history(catalog: Catalog, photo: CatalogPhoto) -> None:
    edits = catalog.edits.history(photo.photo_id)
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
