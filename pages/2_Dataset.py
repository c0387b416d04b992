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
    know_reviewer,
    open_desk,
    show_messages,
)
from ui.dataset.versions_panel import show_versions
from ui.errors import show
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
def browse(desk: DatasetSession) -> None:
    """The grid, or the one photo that was opened from it."""
    rerun_page(desk)
    if st.session_state["dataset_part"] != "browse":  # left for where it came from
        st.rerun()
    show_messages(desk)
    if desk.opened is not None:
        try:
            show_photo_panel(desk, collection, desk.opened)
        except CoinError as error:  # removed by somebody else meanwhile
            desk.open(None)
            show(str(error))
        else:
            return
    query = ask_filters(desk, collection)
    show_actions(desk, collection)
    show_grid(desk, collection, query)


try:
    collection = catalog()
    stand = collection.progress()
except CoinError as error:
    show(str(error))
    st.stop()

desk = open_desk()
know_reviewer(desk)
show_running_import(desk, collection)
show_gathering(desk, collection)
show_work(desk)
if not stand.total:
    show_messages(desk)
    st.subheader("The collection is empty. Begin with one of these:", anchor=False)
    offer_demo(desk, collection, stand)
    offer_bringing_in(desk, collection)
    offer_gathering(desk, collection)
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
    browse(desk)
elif part == "review":
    show_review(desk, collection)
    show_agreement(collection)
elif part == "bring":
    show_messages(desk)
    offer_bringing_in(desk, collection)
    offer_gathering(desk, collection)
    offer_demo(desk, collection, stand)
    show_earlier_imports(collection)
else:
    show_messages(desk)
    show_versions(desk, collection)
