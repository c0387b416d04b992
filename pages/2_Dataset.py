"""The Dataset page: import photos, browse, crop, review, freeze and export them."""

from __future__ import annotations

import streamlit as st

from coin_core.errors import KNOWN_ERRORS, CoinError, sentence_of
from ui.background_task import rerun_page, show_task
from ui.dataset.actions import show_actions
from ui.dataset.filters import show_filters
from ui.dataset.gallery import show_gallery
from ui.dataset.import_panel import (
    offer_bringing_in,
    offer_demo,
    show_earlier_imports,
    show_running_import,
)
from ui.dataset.photo_panel import show_photo_panel
from ui.dataset.review import show_agreement, show_review
from ui.dataset.scrape_panel import offer_gathering, show_gathering
from ui.dataset.session import DatasetSession, dataset_session, remember_reviewer
from ui.dataset.versions_panel import show_versions
from ui.errors import errors_on_page, show_error
from ui.layout import begin_page
from ui.resources import catalog as open_catalog

PARTS = {
    "browse": ":material/grid_view: Browse",
    "review": ":material/keyboard: Review",
    "bring": ":material/add_photo_alternate: Bring in",
    "versions": ":material/inventory_2: Versions and export",
}

begin_page(
    "The collection",
    "Your photos of coins: bring them in, crop and split them, say whose they are, "
    "and freeze a data set to train on or to hand to a colleague.",
)


@st.fragment
@errors_on_page()
def browse(session: DatasetSession) -> None:
    """The gallery, or the photo that was opened from it."""
    rerun_page(session)
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
    show_gallery(session, catalog, query)


try:
    catalog = open_catalog()
    progress = catalog.queries.progress()
except KNOWN_ERRORS as error:
    show_error(sentence_of(error))
    st.stop()

session = dataset_session()
remember_reviewer(session)
with errors_on_page():
    show_running_import(catalog)
    show_gathering(catalog)
show_task(session)
if not progress.total:
    session.show_messages()
    st.subheader("The collection is empty. Begin with one of these:", anchor=False)
    offer_demo(session, catalog, progress)
    offer_bringing_in(session, catalog)
    offer_gathering(session, catalog)
    st.stop()

part = st.segmented_control(
    "Part of the page",
    list(PARTS),
    format_func=PARTS.__getitem__,
    default="browse",
    required=True,
    key="dataset_part",
    persist_state="session",
    label_visibility="collapsed",
)
with errors_on_page():
    if part == "browse":
        browse(session)
    elif part == "review":
        show_review(session, catalog)
        show_agreement(catalog)
    elif part == "bring":
        session.show_messages()
        offer_bringing_in(session, catalog)
        offer_gathering(session, catalog)
        offer_demo(session, catalog, progress)
        show_earlier_imports(catalog)
    else:
        session.show_messages()
        show_versions(session, catalog)
