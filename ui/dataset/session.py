"""What the Dataset page keeps while somebody works: catalog, name, choice, messages."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import streamlit as st

from coin_core.catalog import Catalog, PhotoQuery, open_catalog
from coin_core.errors import CoinError
from coin_core.model_store.bundle import data_dir
from ui.components import remembered_name
from ui.errors import show

if TYPE_CHECKING:
    from ui.background_task import BackgroundTask

_KEY = "coin_desk"
MAX_NAME = 60


@dataclass(slots=True)
class DatasetSession:
    """One visitor's working place."""

    who: str = ""
    forget: bool = False
    just_named: bool = False  # the sidebar does not know yet
    query: PhotoQuery = field(default_factory=PhotoQuery)
    ruler: str | None = None  # chosen in the chart of counts
    chosen: tuple[int, ...] = ()
    set_choice: tuple[int, ...] = ()  # made by a button; clicks in the grid add to it
    choice_token: int = 0  # a new one makes the grid forget what was clicked
    opened: int | None = None
    back_to: str = "browse"  # the part that `opened` was opened from
    listing: tuple[int, ...] = ()  # the photos of the page that was left for `opened`
    work: BackgroundTask | None = None  # what runs beside the page
    said: str = ""  # what the last action did
    failed: str = ""  # why it did not

    def choose(self, photo_ids: Iterable[int] = ()) -> None:
        """Choose exactly these photos, in the grid too."""
        self.chosen = self.set_choice = tuple(photo_ids)
        self.choice_token += 1

    def open(self, photo_id: int | None) -> None:
        """Show one photo large; None goes back to the grid."""
        self.opened, self.back_to = photo_id, "browse"

    def open_from(self, part: str, photo_id: int) -> None:
        """Show one photo large with all its tools, coming from another part."""
        self.open(photo_id)
        self.back_to = part
        self.listing = ()
        st.session_state["dataset_part"] = "browse"

    def go_back(self) -> None:
        """To where the opened photo was opened from; only in a callback."""
        st.session_state["dataset_part"] = self.back_to
        self.open(None)

    @contextmanager
    def doing(self, said: str = "") -> Iterator[None]:
        """Run an action; what it did, or why not, is shown on the next drawing."""
        self.said = self.failed = ""
        try:
            yield
        except CoinError as error:
            self.failed = str(error)
        else:
            self.said = self.said or said


def open_desk() -> DatasetSession:
    """This visit's desk."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = DatasetSession()
    desk: DatasetSession = st.session_state[_KEY]
    return desk


def catalog() -> Catalog:
    """The catalog of this installation, opened once for everybody.

    Raises:
        CatalogError: It cannot be opened; the sentence names the way back.
    """
    return _opened(str(data_dir()), os.environ.get("COIN_DATABASE_URL", ""))


@st.cache_resource(show_spinner="Opening the collection …", max_entries=2)
def _opened(where: str, url: str) -> Catalog:
    return open_catalog()


def show_messages(desk: DatasetSession) -> None:
    """What the last action did or why it failed, once."""
    if desk.failed:
        show(desk.failed)
    if desk.said:
        st.toast(desk.said, icon=":material/check:")
    desk.said = desk.failed = ""


def know_reviewer(desk: DatasetSession) -> None:
    """Fetch the name from the browser, keep it there, and show it in the sidebar."""
    with st.sidebar:
        kept = remembered_name(
            data={"name": desk.who, "forget": desk.forget},
            key="reviewer_name",
            height=1,
            on_name_change=lambda: None,
        )
        if not desk.who and not desk.forget and kept.name:
            desk.who = str(kept.name)[:MAX_NAME]
        if desk.who:
            st.text(f"Working as {desk.who}")
            if st.button("Somebody else", type="tertiary", key="other_reviewer"):
                desk.who, desk.forget = "", True
                st.rerun()


def ask_name(desk: DatasetSession, why: str) -> bool:
    """Ask for the reviewer's name once; says whether it is known.

    Args:
        desk: Where the name is kept.
        why: What the name is needed for, as the second half of a sentence.
    """
    if desk.who:
        if desk.just_named:
            desk.just_named = False
            st.rerun()
        return True

    def take() -> None:
        if name := str(st.session_state["reviewer_asked"] or "").strip():
            desk.who, desk.forget, desk.just_named = name[:MAX_NAME], False, True

    st.text_input(
        f"Your name or initials, {why}",
        key="reviewer_asked",
        max_chars=MAX_NAME,
        on_change=take,
        placeholder="Asked once, kept in this browser; press Enter",
        width=420,
    )
    return False
