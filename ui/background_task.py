"""Background tasks of one visitor: threads beside the page, which stays usable.

A task shows its progress and can be stopped. Its caller says what a stop leaves: the
results that were stored by then, or nothing where all are stored in one step.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import streamlit as st

from coin_core.access import Person, acting_as, current_person
from coin_core.errors import KNOWN_ERRORS, sentence_of
from coin_core.i18n import N_, _, current_language, speaking
from coin_core.jobs import ProgressCallback
from ui.errors import errors_on_page, show_error
from ui.formatting import as_text, duration

Result = TypeVar("Result")
SHORT_TASK_S = 1.0  # a shorter task needs no progress bar


class _StoppedError(Exception):
    """Raised by the progress callback of a task that was stopped."""


@dataclass(slots=True, eq=False)
class BackgroundTask:
    """A function in a thread of its own.

    Attributes:
        title: The start of a sentence: "Exporting".
        function: Does the work; it is called with a progress callback, which takes
            the photos done and their total, and must not call Streamlit.
        on_done: Takes the result, in the thread of the page.
        stopped_notice: What a stop leaves, as a sentence.
        error: Why the task failed.
    """

    title: str
    function: Callable[[ProgressCallback], Any]
    on_done: Callable[[Any], None]
    stopped_notice: str = N_("Stopped; nothing was changed.")
    done: int = 0
    total: int = 0
    error: str = ""
    result: Any = None
    was_stopped: bool = False
    began: float = field(default_factory=time.monotonic)
    _stop_requested: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, and wait for the end of a short task."""
        self._thread = threading.Thread(
            target=self._run,
            args=(current_person(), current_language()),
            name="task",
            daemon=True,
        )
        self._thread.start()
        self.join(SHORT_TASK_S)

    def join(self, timeout_s: float) -> None:
        """Wait for the end of the task."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self, person: Person, language: str) -> None:
        try:
            with acting_as(person), speaking(language):
                self.result = self.function(self._report_progress)
        except _StoppedError:
            self.was_stopped = True
        except KNOWN_ERRORS as error:
            self.error = sentence_of(error)
        except BaseException as error:
            self.error = _("The program failed ({cause}).").format(
                cause=f"{type(error).__name__}: {error}"
            )
            raise

    def _report_progress(self, done: int, total: int) -> None:
        if self._stop_requested.is_set():
            raise _StoppedError
        self.done, self.total = done, total

    @property
    def fraction(self) -> float:
        """The part that is done, 0 to 1."""
        done, total = self.done, self.total  # the thread may set others meanwhile
        return min(done / total, 1.0) if total else 0.0

    @property
    def words(self) -> str:
        """What is done, as Markdown, with the time that is left at most."""
        title, done, total = as_text(self.title), self.done, self.total
        if not total:
            return f"{title} …"
        words = _("{title}: {done} of {total} photos").format(
            title=title, done=f"{done:,}", total=f"{total:,}"
        )
        if not 0 < done < total:
            return words
        left = (time.monotonic() - self.began) / done * (total - done)
        return _("{words}, at most {time} left").format(
            words=words, time=duration(left)
        )

    @property
    def is_finished(self) -> bool:
        """Whether the thread has ended."""
        return self._thread is not None and not self._thread.is_alive()

    def stop(self) -> None:
        """Stop the task after the current photo."""
        self._stop_requested.set()


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
        """Run an action; the next rerun shows its notice or its error."""
        self.notice = self.error = ""
        try:
            yield
        except KNOWN_ERRORS as error:
            self.error = sentence_of(error)
        else:
            self.notice = self.notice or notice

    def show_messages(self) -> None:
        """Show the notice and the error of the last action, once."""
        if self.error:
            show_error(self.error)
        if self.notice:
            st.toast(as_text(self.notice), icon=":material/check:")
        self.notice = self.error = ""

    def finish_task(self) -> BackgroundTask | None:
        """Take over the result of a finished task; returns the task if it runs."""
        task = self.task
        if task is None or not task.is_finished:
            return task
        self.task = None
        if task.error:
            self.error = task.error
        elif task.was_stopped:
            self.notice = _(task.stopped_notice)
        else:
            task.on_done(task.result)
        return None


def start_task(session: TaskSession, task: BackgroundTask) -> None:
    """Start a task, unless another one runs; a short task is finished on return."""
    if session.task is not None:
        session.error = _(
            "{title} is under way. Wait for it, or stop it first."
        ).format(title=session.task.title)
        return
    session.notice = session.error = ""
    session.task = task
    task.start()
    session.finish_task()


def cached_task(
    session: TaskSession,
    function: Callable[[ProgressCallback], Result],
    *,
    is_short: bool,
    key: tuple[str, ...],
    label: str,
) -> Result | None:
    """The result of a function: at once if it is short, otherwise from a task.

    Args:
        session: The session of the visitor.
        function: Computes the result.
        is_short: Whether the function is called at once.
        key: The arguments of the function, the kind of result first; the last result
            of each kind is kept until a button asks for another.
        label: The label of the button that starts the task.
    """
    if is_short:
        answer = None
        with errors_on_page():
            answer = function(lambda done, total: None)
        return answer  # noqa: RET504 (an error leaves it None)
    store_key = f"task_result_{key[0]}"

    def store(result: Result) -> None:
        st.session_state[store_key] = (key, result)

    stored_key, result = st.session_state.get(store_key, (None, None))
    is_current = stored_key == key
    if st.button(
        _("{label} again").format(label=label) if is_current else label,
        key=f"ask_{key[0]}",
        icon=":material/search:",
    ):
        stopped = _("Stopped, without a result.")
        start_task(session, BackgroundTask(label, function, store, stopped))
        st.rerun()
    return result if is_current else None


def show_task(session: TaskSession) -> None:
    """Show the progress of the running task, or the message of the finished one."""
    if session.task is None:
        return
    if task := session.finish_task():
        _show_progress(task)
    else:
        session.show_messages()


@st.fragment(run_every=1.0)
def _show_progress(task: BackgroundTask) -> None:
    if task.is_finished:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.progress(task.fraction, task.words)
        st.button(_("Stop"), key="stop_work", type="tertiary", on_click=task.stop)
