"""The state of one visit to the Dataset page, and the reviewer's name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import streamlit as st

from coin_core.access import Right, current_person, may, refusal
from coin_core.catalog import EditGroup, PhotoQuery
from coin_core.i18n import _
from ui.background_task import TaskSession
from ui.components.custom import stored_reviewer

_KEY = "dataset_session"
MAX_NAME_LENGTH = 60


@dataclass(slots=True)
class DatasetSession(TaskSession):
    """One visitor's filters, selection and open photo.

    Attributes:
        typed_name: The name that the visitor has typed, where nothing else tells it.
        forget_reviewer: Whether the browser must drop the name it keeps.
        reviewer_is_new: Whether the sidebar does not show the name yet.
        query: The filters.
        ruler: The bar that is selected in the chart of counts.
        selected: The selected photos.
        selection_version: A new number makes the grid take them anew.
        open_photo_id: The photo that is shown large.
        return_to: The part of the page that the photo was opened from.
        page_photo_ids: The photos of the grid page that the photo was opened from.
        asked_undo: The action whose undo waits for an answer, with the word "undo",
            "redo" or, for one of anybody, "reverse".
    """

    typed_name: str = ""
    forget_reviewer: bool = False
    reviewer_is_new: bool = False
    query: PhotoQuery = field(default_factory=PhotoQuery)
    ruler: str | None = None
    selected: tuple[int, ...] = ()
    selection_version: int = 0
    open_photo_id: int | None = None
    return_to: str = "browse"
    page_photo_ids: tuple[int, ...] = ()
    asked_undo: tuple[str, EditGroup] | None = None

    @property
    def reviewer(self) -> str:
        """The name that signs every change; "" until it is known."""
        person = current_person()
        return person.name if person.is_verified else self.typed_name

    @reviewer.setter
    def reviewer(self, name: str) -> None:
        self.typed_name = name

    @property
    def may_sign(self) -> bool:
        """Whether the reviewer may change labels and facts."""
        return bool(self.reviewer) and may(Right.LABEL)

    def select(self, photo_ids: Iterable[int] = ()) -> None:
        """Select exactly these photos, in the grid too."""
        self.selected = tuple(photo_ids)
        self.selection_version += 1

    def open_photo(self, photo_id: int | None) -> None:
        """Show one photo large; None shows the grid."""
        self.open_photo_id, self.return_to = photo_id, "browse"

    def open_photo_from(self, part: str, photo_id: int) -> None:
        """Show one photo large with all tools, from another part of the page."""
        self.open_photo(photo_id)
        self.return_to = part
        self.page_photo_ids = ()
        st.session_state["dataset_part"] = "browse"

    def go_back(self) -> None:
        """Return to where the photo was opened from; call it in a callback only."""
        st.session_state["dataset_part"] = self.return_to
        self.open_photo(None)


def dataset_session() -> DatasetSession:
    """The session of this visit."""
    session: DatasetSession = st.session_state.setdefault(_KEY, DatasetSession())
    return session


def remember_reviewer(session: DatasetSession) -> None:
    """Load a typed name from the browser, store it there, show it in the sidebar."""
    if current_person().is_verified:
        return
    with st.sidebar:
        kept = stored_reviewer(
            data={"name": session.reviewer, "forget": session.forget_reviewer},
            key="reviewer_name",
            height=1,
            on_name_change=lambda: None,
        )
        if not session.reviewer and not session.forget_reviewer and kept.name:
            session.reviewer = str(kept.name)[:MAX_NAME_LENGTH]
        if session.reviewer:
            st.text(_("Working as {name}").format(name=session.reviewer))
            if st.button(_("Switch user"), type="tertiary", key="other_reviewer"):
                session.reviewer, session.forget_reviewer = "", True
                st.rerun()


def ask_reviewer(
    session: DatasetSession, why: str, right: Right = Right.LABEL, place: str = ""
) -> bool:
    """Ask for the reviewer's name once; returns whether the reviewer may go on.

    Args:
        session: Keeps the name.
        why: What the name is for, as the second half of a sentence.
        right: What the reviewer must be allowed to do.
        place: Tells the fields of one page apart.
    """
    if not may(right):
        st.caption(refusal(right))
        return False
    if session.reviewer:
        if session.reviewer_is_new:
            session.reviewer_is_new = False
            st.rerun()
        return True

    key = f"reviewer_asked_{place}" if place else "reviewer_asked"

    def store_name() -> None:
        if name := str(st.session_state[key] or "").strip():
            session.reviewer = name[:MAX_NAME_LENGTH]
            session.forget_reviewer, session.reviewer_is_new = False, True

    st.text_input(
        _("Your name or initials, {why}").format(why=why),
        key=key,
        max_chars=MAX_NAME_LENGTH,
        on_change=store_name,
        placeholder=_("Asked once, kept in this browser; press Enter"),
        width=420,
    )
    return False
