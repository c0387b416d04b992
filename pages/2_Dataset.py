"""The Dataset page: import photos, browse, crop, review, freeze and export them."""

from __future__ import annotations

import streamlit as st

from coin_core.catalog.importing.ledger import adopt_unfinished
from coin_core.errors import CoinError
from coin_core.i18n import N_, _
from ui.background_task import show_task
from ui.dataset.actions import show_actions
from ui.dataset.earlier_imports import show_earlier_imports
from ui.dataset.filters import show_filters
from ui.dataset.gallery import show_gallery
from ui.dataset.import_panel import (
    describe_empty,
    offer_bringing_in,
    offer_demo,
    offer_demo_removal,
)
from ui.dataset.photo_panel import show_photo_panel
from ui.dataset.restore_panel import errors_or_backup
from ui.dataset.review import show_agreement, show_review
from ui.dataset.scrape_panel import offer_gathering
from ui.dataset.session import DatasetSession, dataset_session, remember_reviewer
from ui.dataset.versions_panel import show_versions
from ui.errors import errors_on_page, show_error
from ui.layout import begin_page
from ui.resources import catalog as open_catalog

PARTS = {
    "browse": (":material/grid_view:", N_("Browse")),
    "review": (":material/keyboard:", N_("Review")),
    "bring": (":material/add_photo_alternate:", N_("Add photos")),
    "versions": (":material/inventory_2:", N_("Versions and export")),
}

begin_page(
    _("The dataset"),
    _(
        "Your photos of coins: add them, crop and split them, say whose they are, "
        "and freeze a version to train on or to hand to a colleague."
    ),
)


@st.fragment
def browse(session: DatasetSession) -> None:
    """The gallery, or the photo that was opened from it."""
    with errors_or_backup(session):
        _browse(session)


def _browse(session: DatasetSession) -> None:
    if st.session_state["dataset_part"] != "browse":  # opened from another part
        st.rerun()
    session.show_messages()
    if session.open_photo_id is not None:
        try:
            show_photo_panel(session, catalog, session.open_photo_id)
        except CoinError as error:  # another visitor has removed it
            session.open_photo(None)
            show_error(str(error))
        else:
            return
    query = show_filters(session, catalog)
    show_actions(session, catalog)
    show_task(session)
    show_gallery(session, catalog, query)


session, progress = dataset_session(), None
with errors_or_backup(session):
    catalog = open_catalog()
    progress = catalog.queries.progress()
if progress is None:
    st.stop()

remember_reviewer(session)
session.finish_task()  # before what it has changed is drawn
with errors_on_page():
    adopt_unfinished(catalog)
if not progress.total:
    # Whoever adds the first photos stays beside their progress.
    st.session_state["dataset_part"] = "bring"
    session.show_messages()
    st.subheader(describe_empty(), anchor=False)
    offer_bringing_in(session, catalog)
    offer_demo(session, catalog)
    offer_demo_removal(session, catalog)
    offer_gathering(session, catalog)
    show_earlier_imports(catalog)  # a scrape may have left out whatever it found
    st.stop()

part = st.segmented_control(
    _("Part of the page"),
    list(PARTS),
    format_func=lambda part: f"{PARTS[part][0]} {_(PARTS[part][1])}",
    # Buttons choose a part too, and a widget has either a default or a value.
    default=None if "dataset_part" in st.session_state else "browse",
    required=True,
    wrap=True,
    key="dataset_part",
    persist_state="session",
    label_visibility="collapsed",
)
with errors_or_backup(session):
    if part == "browse":
        browse(session)
    elif part == "review":
        show_review(session, catalog)
        show_agreement(catalog)
    elif part == "bring":
        session.show_messages()
        offer_bringing_in(session, catalog)
        offer_gathering(session, catalog)
        offer_demo(session, catalog)
        offer_demo_removal(session, catalog)
        show_earlier_imports(catalog)
    else:
        session.show_messages()
        show_task(session)
        show_versions(session, catalog)
