"""Background tasks: the end, a stop, a failure; never two at once."""

from __future__ import annotations

import errno
import threading
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from coin_core.errors import CatalogError
from coin_core.jobs import ProgressCallback
from ui import background_task
from ui.background_task import BackgroundTask, TaskSession, start_task


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_task, "SHORT_TASK_S", 0.05)


def wait_for(session: TaskSession) -> None:
    assert session.task is not None
    session.task.join(20)
    session.finish_task()


def test_a_short_task_is_finished_on_return(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background_task, "SHORT_TASK_S", 20.0)
    session, got = TaskSession(), []
    start_task(
        session,
        BackgroundTask(
            title="Counting", function=lambda progress: 7, on_done=got.append
        ),
    )
    assert (got, session.task, session.error) == ([7], None, "")


def test_the_progress_can_be_shown_while_the_task_counts_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = BackgroundTask(title="Counting", function=print, on_done=print)
    task.done, task.total = 5, 10

    def count_anew() -> float:
        task.done, task.total = 0, 20
        return task.began + 60

    monkeypatch.setattr(background_task, "time", SimpleNamespace(monotonic=count_anew))
    assert task.words.startswith("Counting: 5 of 10 photos, at most ")


def test_a_task_reports_its_progress_and_can_be_stopped() -> None:
    session, go_on, got = TaskSession(), threading.Event(), []

    def function(progress: ProgressCallback) -> int:
        progress(3, 10)
        go_on.wait(20)
        progress(4, 10)
        return 1

    start_task(
        session,
        BackgroundTask(
            title="Counting",
            function=function,
            on_done=got.append,
            stopped_notice="Halted.",
        ),
    )
    task = session.task
    assert task is not None
    assert (task.done, task.total, task.is_finished) == (3, 10, False)
    start_task(
        session,
        BackgroundTask(
            title="Another", function=lambda progress: 2, on_done=got.append
        ),
    )
    assert "Counting is under way" in session.error
    assert session.task is task
    task.stop()
    go_on.set()
    wait_for(session)
    assert (session.notice, got, session.task) == ("Halted.", [], None)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (CatalogError("The disk is full."), "The disk is full."),
        (
            OSError(errno.ENOSPC, "No space left on device", "/data/coins.zip"),
            "/data/coins.zip: the disk is full. Make room and do it again.",
        ),
        (ValueError("odd"), "The program failed (ValueError: odd)."),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_failure_becomes_a_sentence(error: Exception, sentence: str) -> None:
    session, go_on = TaskSession(), threading.Event()

    def function(progress: ProgressCallback) -> None:
        go_on.wait(20)
        raise error

    start_task(
        session, BackgroundTask(title="Counting", function=function, on_done=print)
    )
    go_on.set()
    wait_for(session)
    assert (session.error, session.task) == (sentence, None)


def test_an_action_that_meets_a_full_disk_says_so() -> None:
    session = TaskSession()
    with session.action("Saved."):
        raise OSError(errno.EACCES, "Permission denied", "/data/photo.jpg")
    assert (session.error, session.notice) == (
        "/data/photo.jpg: this is not permitted. Check the permissions.",
        "",
    )


def _short_task_page() -> None:
    import errno

    import streamlit as st

    from ui.background_task import TaskSession, cached_task

    def fail(progress: object) -> int:
        raise OSError(errno.EIO, "Input/output error", "/data/photo.jpg")

    key = ("doubts",)
    found = cached_task(TaskSession(), fail, is_short=True, key=key, label="Look")
    st.text(f"found {found}")


def test_a_short_task_that_meets_a_broken_disk_says_so_and_the_page_goes_on() -> None:
    page = AppTest.from_function(_short_task_page).run()
    assert not page.exception
    assert page.error[0].value.startswith("/data/photo.jpg: Input/output error.")
    assert page.text[0].value == "found None"
