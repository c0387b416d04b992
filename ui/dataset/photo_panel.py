"""Everything about one photo: picture, tools, label, provenance, history."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from coin_core.access import Right, may
from coin_core.catalog import (
    Catalog,
    CatalogFace,
    CatalogPhoto,
    ExcludeReason,
    PredictionKind,
    Side,
)
from coin_core.i18n import _
from ui import resources
from ui.background_task import show_task
from ui.components.cropper import viewer_words
from ui.components.custom import photo_viewer
from ui.components.images import media_address
from ui.components.table import show_small_table, show_table
from ui.components.thumbnails import Size, thumbnail
from ui.dataset.actions import (
    ask_undo,
    classify_catalog_photos,
    group_photos,
    labelled_words,
    offer_reversal,
    show_undo,
)
from ui.dataset.cropping import show_crop_tools
from ui.dataset.formatting import (
    REASON_TITLES,
    STATUS_TITLES,
    UNLABELLED,
    edit_text,
    face_outlines,
    photo_name,
    ruler_keys,
    ruler_title,
)
from ui.dataset.photo_facts import show_coin_facts, show_provenance
from ui.dataset.session import DatasetSession, ask_reviewer
from ui.errors import errors_on_page, show_error
from ui.formatting import (
    date_and_time,
    how_often_right,
    percent,
    plural,
    probability_text,
    short_title,
)
from ui.handover import CLASSIFY_PAGE, SentPhoto, send_to_classify
from ui.language import arrow, key_of_menu

_INCLUDED = "taken"
_MAX_OTHERS = 6


def show_photo_panel(session: DatasetSession, catalog: Catalog, photo_id: int) -> None:
    """The open photo; its first button leads back.

    Raises:
        CatalogError: The photo is not in the catalog.
    """
    photo = catalog.photos.get(photo_id)
    _show_navigation(session, photo)
    faces = tuple(catalog.photos.faces(photo_id))
    left, right = st.columns([1.5, 1], gap="large")
    with left:
        show_photo(catalog, photo, faces, key="opened_photo", height_px=440)
        st.caption(
            _("Wheel or + to zoom, drag to move, double-click for the whole photo.")
        )
        if not faces:  # others have their sides on the photo
            st.caption(_("No coin marked."))
    with right:
        _show_label(session, catalog, photo)
        _show_opinions(session, catalog, photo)
    if session.reviewer and may(Right.CROP):
        st.subheader(_("Crop, split and turn"), anchor=False)
        show_crop_tools(session, catalog, photo)
    show_coin_facts(session, catalog, photo)
    show_provenance(session, catalog, photo)
    _show_same_coin(session, catalog, photo)
    _show_history(session, catalog, photo)


def show_photo(
    catalog: Catalog,
    photo: CatalogPhoto,
    faces: Sequence[CatalogFace],
    *,
    key: str,
    height_px: int,
) -> None:
    """The zoomable photo with its faces outlined, marked if it is rendered."""
    view = thumbnail(catalog, photo, Size.VIEW)
    if view is None:
        show_error(
            _(
                "The file of this photo is missing or cannot be read. Import the "
                "same file again to restore it."
            )
        )
        return
    photo_viewer(
        data={
            "photo": photo.photo_id,
            "src": media_address(view, key),
            "alt": photo_name(photo),
            "widthPx": photo.width_px,
            "heightPx": photo.height_px,
            "height": height_px,
            "faces": face_outlines(faces),
            "badge": _("rendered coin, not a photograph") if photo.is_rendered else "",
            "words": viewer_words(),
        },
        key=key,
    )


def _show_navigation(session: DatasetSession, photo: CatalogPhoto) -> None:
    ids = session.page_photo_ids
    here = ids.index(photo.photo_id) if photo.photo_id in ids else None
    is_from_gallery = session.return_to == "browse"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            _("Back to all photos") if is_from_gallery else _("Back to the review"),
            icon=arrow(forward=False),
            on_click=session.go_back,
            shortcut="B",
        )
        for label, step, key in (
            (_("Previous"), -1, "P"),
            (_("Next"), 1, "N"),
        ):
            target = -1 if here is None else here + step
            exists = 0 <= target < len(ids)
            st.button(
                label,
                type="tertiary",
                disabled=not exists,
                on_click=session.open_photo,
                args=(ids[target] if exists else None,),
                shortcut=key,
            )
        st.text(photo_name(photo))


def _show_label(session: DatasetSession, catalog: Catalog, photo: CatalogPhoto) -> None:
    status = _(STATUS_TITLES[photo.status])
    if photo.exclude_reason is not None:
        status += f" ({_(REASON_TITLES[photo.exclude_reason])})"
    st.html(f'<p class="coin-sentence">{escape(ruler_title(photo.ruler))}</p>')
    st.caption(status)
    if not ask_reviewer(session, _("to change anything:")):
        return
    rulers = (UNLABELLED, *ruler_keys(catalog.queries.choices().rulers))
    key = f"{photo.photo_id}_{photo.ruler}_{photo.exclude_reason}"

    ruler_key = key_of_menu(f"ruler_{key}")

    def store_ruler() -> None:
        chosen = st.session_state[ruler_key]
        ruler = None if chosen == UNLABELLED else chosen
        with session.action(labelled_words(1, ruler)):
            catalog.edits.set_ruler([photo.photo_id], ruler, who=session.reviewer)

    st.selectbox(
        _("Ruler"),
        rulers,
        index=rulers.index(photo.ruler or UNLABELLED),
        format_func=ruler_title,
        key=ruler_key,
        on_change=store_ruler,
    )

    reason_key = key_of_menu(f"reason_{key}")

    def store_exclusion() -> None:
        reason = st.session_state[reason_key]
        with session.action():
            if reason == _INCLUDED:
                catalog.edits.restore([photo.photo_id], who=session.reviewer)
                session.notice = _("The photo is in datasets again.")
            else:
                catalog.edits.exclude([photo.photo_id], reason, who=session.reviewer)
                session.notice = _("The photo is left out of datasets.")

    reasons: tuple[str, ...] = (_INCLUDED, *ExcludeReason)
    st.selectbox(
        _("In datasets"),
        reasons,
        index=reasons.index(photo.exclude_reason or _INCLUDED),
        format_func=lambda reason: (
            _("yes")
            if reason == _INCLUDED
            else _("no: {reason}").format(
                reason=_(REASON_TITLES[ExcludeReason(reason)])
            )
        ),
        key=reason_key,
        on_change=store_exclusion,
    )
    with st.container(horizontal=True):
        show_undo(session, catalog)
    ask_undo(session, catalog)


def show_predictions(catalog: Catalog, photo: CatalogPhoto) -> None:
    """What each classifier has said of a photo, and how often it is right."""
    predictions = catalog.predictions.of_photo(photo.photo_id)
    if not predictions:
        st.caption(_("No classifier has read this photo as it is cropped now."))
        return
    cards = {bundle.name: bundle.card for bundle in resources.bundles()[0]}
    rows = []
    for prediction in predictions:
        card = cards.get(prediction.classifier)
        name = prediction.classifier if card is None else short_title(card)
        if prediction.kind is PredictionKind.OUT_OF_FOLD:
            name = _("{name} (not trained on it)").format(name=name)
            card = None  # a training's own classifier is not the one of that name
        best = max(prediction.probabilities.values(), default=None)
        says = ruler_title(prediction.ruler) if prediction.ruler else _("cannot tell")
        rows.append(
            {
                _("classifier"): name,
                _("says"): says,
                _("probability"): "" if best is None else probability_text(best),
                _("right"): _("not measured")
                if card is None
                else how_often_right(card),
            }
        )
    show_small_table(rows)


def _show_opinions(
    session: DatasetSession, catalog: Catalog, photo: CatalogPhoto
) -> None:
    st.subheader(_("What the classifiers say"), anchor=False)
    show_predictions(catalog, photo)
    if photo.suspicion is not None:
        st.caption(
            _("The label may be wrong: suspicion {probability}.").format(
                probability=percent(photo.suspicion)
            )
        )
    _offer_reasons(catalog, photo)
    if may(Right.LABEL) and st.button(
        _("Ask the classifiers now"),
        key="ask_now",
        type="tertiary",
        help=_("They read the legend side with its present crop and rotation."),
    ):
        classify_catalog_photos(session, catalog, [photo.photo_id], again=True)
        st.rerun()
    show_task(session)


def _offer_reasons(catalog: Catalog, photo: CatalogPhoto) -> None:
    """A button to the Classify page, which shows the evidence for this photo."""
    if not st.button(
        _("Show why"),
        key="show_why",
        icon=":material/search_insights:",
        help=_(
            "Opens this photo on the Classify page, with the letters, the heat map "
            "and the similar coins."
        ),
    ):
        return
    faces = catalog.photos.faces(photo.photo_id)
    legend = next((face.box for face in faces if face.side is Side.LEGEND), None)
    edits = catalog.edits.history(photo.photo_id)
    is_drawn = any(edit.entity == "faces" and not edit.undone for edit in edits)
    with errors_on_page():
        data = catalog.photos.path(photo).read_bytes()
        sent = SentPhoto(
            name=photo_name(photo),
            data=data,
            box=legend if is_drawn else None,
            rendered_as=ruler_title(photo.ruler) if photo.is_rendered else None,
        )
        send_to_classify([sent])
        st.switch_page(CLASSIFY_PAGE)


def _show_same_coin(
    session: DatasetSession, catalog: Catalog, photo: CatalogPhoto
) -> None:
    """The other photos of this coin, and a search for more of them."""
    others = [
        other
        for other in catalog.photos.of_coin(photo.coin_id)
        if other.photo_id != photo.photo_id
    ]

    def separate() -> None:
        with session.action(_("The photo now belongs to a separate coin.")):
            catalog.edits.ungroup([photo.photo_id], who=session.reviewer)

    title = _("Other photos of this coin: {count}").format(count=len(others))
    with st.expander(title, expanded=bool(others)):
        with st.container(horizontal=True):
            for other in others[:_MAX_OTHERS]:
                _show_other(session, catalog, other)
        with st.container(horizontal=True):
            if others:
                st.button(
                    _("This photo shows another coin"),
                    type="tertiary",
                    disabled=not session.may_sign,
                    on_click=separate,
                )
            search = st.button(_("Look for more photos of this coin"), type="tertiary")
        if search:
            with errors_on_page():
                _show_similar(session, catalog, photo)


def _show_similar(
    session: DatasetSession, catalog: Catalog, photo: CatalogPhoto
) -> None:
    """Photos of other coins that may be this one, each with a button to group it."""
    with st.spinner(_("Comparing the pictures …")):
        found = catalog.queries.similar(photo.photo_id, limit=_MAX_OTHERS)
    if not found:
        st.text(_("No other photo looks like the same coin."))

    def group(other_id: int) -> None:
        with session.action(_("Both photos now show one coin.")):
            group_photos(session, catalog, [photo.photo_id, other_id])

    with st.container(horizontal=True):
        for other in found:
            with st.container(width=150):
                _show_other(session, catalog, other)
                st.button(
                    _("Same coin"),
                    key=f"same_{other.photo_id}",
                    disabled=not session.may_sign,
                    on_click=group,
                    args=(other.photo_id,),
                )


def _show_other(session: DatasetSession, catalog: Catalog, other: CatalogPhoto) -> None:
    with st.container(width=150):
        if jpeg := thumbnail(catalog, other):
            st.image(jpeg, width=140, alt=photo_name(other))
        st.text(photo_name(other))
        st.button(
            _("Open"),
            key=f"open_{other.photo_id}",
            type="tertiary",
            on_click=session.open_photo,
            args=(other.photo_id,),
        )


def _show_history(
    session: DatasetSession, catalog: Catalog, photo: CatalogPhoto
) -> None:
    edits = catalog.edits.history(photo.photo_id)
    with st.expander(_("History: {edits}").format(edits=plural(len(edits), "edit"))):
        show_table(
            {
                _("when"): date_and_time(edit.at),
                _("who"): edit.who,
                _("what"): edit_text(edit),
                _("undone"): _("yes") if edit.undone else "",
            }
            for edit in edits
        )
        if session.may_sign:
            key = f"reverse_{photo.photo_id}_{len(edits)}"
            offer_reversal(session, catalog, edits, key)
