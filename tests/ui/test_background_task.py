"""Long work beside the page: its end, a stop, a failure; never two at once."""

from __future__ import annotations

import threading

import pytest

from coin_core.errors import CatalogError
from ui import background_task as work_module
from ui.background_task import BackgroundTask, begin
from ui.dataset.session import DatasetSession


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_module, "_PATIENCE_S", 0.05)


def wait_for(session: DatasetSession) -> None:
    assert session.task is not None
    assert session.task._thread is not None
    session.task._thread.join(20)
    work_module._settle(session)


def test_short_work_is_over_when_it_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_module, "_PATIENCE_S", 20.0)
    session, got = DatasetSession(), []
    begin(
        session, BackgroundTask(title="Counting", job=lambda tell: 7, then=got.append)
    )
    assert (got, session.task, session.error) == ([7], None, "")


def test_work_tells_how_far_it_is_and_ends_by_a_stop() -> None:
    session, go_on, got = DatasetSession(), threading.Event(), []

    def job(tell: work_module.Tell) -> int:
        tell(3, 10)
        go_on.wait(20)
        tell(4, 10)
        return 1

    begin(
        session,
        BackgroundTask(
            title="Counting", job=job, then=got.append, if_stopped="Halted."
        ),
    )
    work = session.task
    assert work is not None
    assert (work.done, work.total, work.is_over) == (3, 10, False)
    begin(session, BackgroundTask(title="Another", job=lambda tell: 2, then=got.append))
    assert "Counting is under way" in session.error
    assert session.task is work
    work.stop()
    go_on.set()
    wait_for(session)
    assert (session.notice, got, session.task) == ("Halted.", [], None)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (CatalogError("The disk is full."), "The disk is full."),
        (ValueError("odd"), "The program failed (ValueError: odd)."),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_failure_becomes_a_sentence(error: Exception, sentence: str) -> None:
    session, go_on = DatasetSession(), threading.Event()

    def job(tell: work_module.Tell) -> None:
        go_on.wait(20)
        raise error

    begin(session, BackgroundTask(title="Counting", job=job, then=print))
    go_on.set()
    wait_for(session)
    assert (session.error, session.task) == (sentence, None)
