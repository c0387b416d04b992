"""Long work of one visitor: it runs beside the page, which stays usable meanwhile.

It shows how far it is and can be stopped. What it has stored by then stays, or, where
it stores everything in one step at the end, nothing is changed; its caller says which.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import streamlit as st

from coin_core.errors import CoinError
from ui.errors import show_error

Tell = Callable[[int, int], None]
Found = TypeVar("Found")
_PATIENCE_S = 1.0  # work that ends sooner needs no bar


class _StoppedError(Exception):
    """Raised in the work where it tells how far it is; it leaves as on an error."""


@dataclass(slots=True, eq=False)
class BackgroundTask:
    """One piece of work in a thread of its own.

    Attributes:
        title: What is done, as the start of a sentence: "Exporting".
        job: Does it, calling what it is given with done and total; asks Streamlit
            nothing.
        then: Takes its result, in the page's own thread.
        if_stopped: What a stop has left, as a sentence.
        error: Why it failed.
    """

    title: str
    job: Callable[[Tell], Any]
    then: Callable[[Any], None]
    if_stopped: str = "Stopped; nothing was changed."
    done: int = 0
    total: int = 0
    error: str = ""
    result: Any = None
    was_stopped: bool = False
    shown: bool = False
    _wants_stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, and wait for a moment: most work is short."""
        self._thread = threading.Thread(target=self._run, name="work", daemon=True)
        self._thread.start()
        self._thread.join(_PATIENCE_S)

    def _run(self) -> None:
        try:
            self.result = self.job(self._tell)
        except _StoppedError:
            self.was_stopped = True
        except CoinError as error:
            self.error = str(error)
        except BaseException as error:
            self.error = f"The program failed ({type(error).__name__}: {error})."
            raise

    def _tell(self, done: int, total: int) -> None:
        if self._wants_stop.is_set():
            raise _StoppedError
        self.done, self.total = done, total

    @property
    def is_over(self) -> bool:
        """Whether its thread has ended."""
        return self._thread is not None and not self._thread.is_alive()

    def stop(self) -> None:
        """Ask it to end after the photo it is at."""
        self._wants_stop.set()


@dataclass(slots=True)
class TaskSession:
    """What a page with background tasks keeps of a visit.

    Attributes:
        task: The running task.
        notice: What the last action did; shown once.
        error: Why the last action failed; shown once.
    """

    task: BackgroundTask | None = None
    notice: str = ""
    error: str = ""

    @contextmanager
    def action(self, notice: str = "") -> Iterator[None]:
        """Run an action; the next rerun shows its notice or its `CoinError`."""
        self.notice = self.error = ""
        try:
            yield
        except CoinError as error:
            self.error = str(error)
        else:
            self.notice = self.notice or notice

    def show_messages(self) -> None:
        """Show the notice and the error of the last action, once."""
        if self.error:
            show_error(self.error)
        if self.notice:
            st.toast(self.notice, icon=":material/check:")
        self.notice = self.error = ""


def begin(session: TaskSession, work: BackgroundTask) -> None:
    """Start it, unless something is under way; short work is over on return."""
    if session.task is not None:
        session.error = (
            f"{session.task.title} is under way. Wait for it, or stop it first."
        )
        return
    session.notice = session.error = ""
    session.task = work
    work.start()
    _settle(session)


def cached_task(
    session: TaskSession,
    *,
    at_once: bool,
    key: tuple[str, ...],
    label: str,
    job: Callable[[Tell], Found],
) -> Found | None:
    """What a job finds: at once, or beside the page when a button asks for it.

    Args:
        session: Of whoever asks.
        at_once: Whether it is little work.
        key: What is asked, the kind of question first; the last answer to each kind
            is shown until it is asked anew.
        label: Of the button.
        job: Finds it.
    """
    if at_once:
        try:
            return job(lambda done, total: None)
        except CoinError as error:
            show_error(str(error))
            return None
    place = f"worked_out_{key[0]}"

    def keep(found: Found) -> None:
        st.session_state[place] = (key, found)

    answered, found = st.session_state.get(place, (None, None))
    known = answered == key
    if st.button(
        f"{label} again" if known else label,
        key=f"ask_{key[0]}",
        icon=":material/search:",
    ):
        stopped = "Stopped; nothing was found out."
        begin(
            session, BackgroundTask(title=label, job=job, then=keep, if_stopped=stopped)
        )
        st.rerun()
    return found if known else None


def show_work(session: TaskSession) -> None:
    """The work under way with its bar, or, once it is over, what came of it."""
    if session.task is None:
        return
    _settle(session)
    if session.task is None:
        session.show_messages()
    else:
        _watch(session.task)


def rerun_page(session: TaskSession) -> None:
    """Draw the whole page where a part of it has started work that takes longer."""
    if session.task is not None and not session.task.shown:
        st.rerun()


def _settle(session: TaskSession) -> None:
    work = session.task
    if work is None or not work.is_over:
        return
    session.task = None
    if work.error:
        session.error = work.error
    elif work.was_stopped:
        session.notice = work.if_stopped
    else:
        work.then(work.result)


@st.fragment(run_every=1.0)
def _watch(work: BackgroundTask) -> None:
    """How far it is, drawn anew until it is over."""
    work.shown = True
    if work.is_over:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        share = work.done / work.total if work.total else 0.0
        count = f": {work.done:,} of {work.total:,} photos" if work.total else " …"
        st.progress(min(share, 1.0), work.title + count)
        st.button("Stop", key="stop_work", type="tertiary", on_click=work.stop)
