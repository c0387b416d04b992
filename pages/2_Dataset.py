"""The collection: bring photos in, look through them, crop, review, freeze, hand on."""

from __future__ import annotations

import streamlit as st

from coin_core.errors import CoinError
from ui.background_task import rerun_page, show_work
from ui.dataset.actions import show_actions
from ui.dataset.filters import ask_filters
from ui.dataset.gallery import show_grid
from ui.dataset.import_panel import (
    offer_bringing_in,
    offer_demo,
    show_earlier_imports,
    show_running_import,
)
from ui.dataset.photo_panel import show_photo_panel
from ui.dataset.review import show_agreement, show_review
from ui.dataset.scrape_panel import offer_gathering, show_gathering
from ui.dataset.session import (
    DatasetSession,
    catalog,
    dataset_session,
    remember_reviewer,
)
from ui.dataset.versions_panel import show_versions
from ui.errors import show_error
from ui.layout import begin_page

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
def browse(session: DatasetSession) -> None:
    """The grid, or the one photo that was opened from it."""
    rerun_page(session)
    if st.session_state["dataset_part"] != "browse":  # left for where it came from
        st.rerun()
    session.show_messages()
    if session.open_photo_id is not None:
        try:
            show_photo_panel(session, collection, session.open_photo_id)
        except CoinError as error:  # removed by somebody else meanwhile
            session.open_photo(None)
            show_error(str(error))
        else:
            return
    query = ask_filters(session, collection)
    show_actions(session, collection)
    show_grid(session, collection, query)


try:
    collection = catalog()
    stand = collection.queries.progress()
except CoinError as error:
    show_error(str(error))
    st.stop()

session = dataset_session()
remember_reviewer(session)
show_running_import(session, collection)
show_gathering(session, collection)
show_work(session)
if not stand.total:
    session.show_messages()
    st.subheader("The collection is empty. Begin with one of these:", anchor=False)
    offer_demo(session, collection, stand)
    offer_bringing_in(session, collection)
    offer_gathering(session, collection)
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
if part == "browse":
    browse(session)
elif part == "review":
    show_review(session, collection)
    show_agreement(collection)
elif part == "bring":
    session.show_messages()
    offer_bringing_in(session, collection)
    offer_gathering(session, collection)
    offer_demo(session, collection, stand)
    show_earlier_imports(collection)
else:
    session.show_messages()
    show_versions(session, collection)
