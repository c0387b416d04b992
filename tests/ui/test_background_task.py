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


def wait_for(desk: DatasetSession) -> None:
    assert desk.work is not None
    assert desk.work._thread is not None
    desk.work._thread.join(20)
    work_module._settle(desk)


def test_short_work_is_over_when_it_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_module, "_PATIENCE_S", 20.0)
    desk, got = DatasetSession(), []
    begin(desk, BackgroundTask(title="Counting", job=lambda tell: 7, then=got.append))
    assert (got, desk.work, desk.failed) == ([7], None, "")


def test_work_tells_how_far_it_is_and_ends_by_a_stop() -> None:
    desk, go_on, got = DatasetSession(), threading.Event(), []

    def job(tell: work_module.Tell) -> int:
        tell(3, 10)
        go_on.wait(20)
        tell(4, 10)
        return 1

    begin(
        desk,
        BackgroundTask(
            title="Counting", job=job, then=got.append, if_stopped="Halted."
        ),
    )
    work = desk.work
    assert work is not None
    assert (work.done, work.total, work.is_over) == (3, 10, False)
    begin(desk, BackgroundTask(title="Another", job=lambda tell: 2, then=got.append))
    assert "Counting is under way" in desk.failed
    assert desk.work is work
    work.stop()
    go_on.set()
    wait_for(desk)
    assert (desk.said, got, desk.work) == ("Halted.", [], None)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (CatalogError("The disk is full."), "The disk is full."),
        (ValueError("odd"), "The program failed (ValueError: odd)."),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_failure_becomes_a_sentence(error: Exception, sentence: str) -> None:
    desk, go_on = DatasetSession(), threading.Event()

    def job(tell: work_module.Tell) -> None:
        go_on.wait(20)
        raise error

    begin(desk, BackgroundTask(title="Counting", job=job, then=print))
    go_on.set()
    wait_for(desk)
    assert (desk.failed, desk.work) == (sentence, None)
