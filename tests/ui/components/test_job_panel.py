"""The panel of jobs: what it shows of each state, and that its buttons work."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from coin_core.jobs import (
    Job,
    JobKind,
    JobState,
    Progress,
    add_interrupted,
    add_job,
    hold_job,
    list_jobs,
    report_outcome,
)


@pytest.fixture(autouse=True)
def _no_job_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coin_core.jobs.start_waiting", lambda: None)
    monkeypatch.setattr("ui.components.job_panel.start_waiting", lambda: None)


def show_panel() -> None:
    from coin_core.jobs import JobKind
    from ui.components.job_panel import JobPanel

    class Panel(JobPanel):
        kinds = (JobKind.IMPORT, JobKind.EXPORT)

    Panel().show()


def show_trainings() -> None:
    from coin_core.jobs import JobKind
    from ui.components.job_panel import JobPanel

    class Panel(JobPanel):
        kinds = (JobKind.TRAINING,)

    Panel().show()


def open_panel(show: Callable[[], None] = show_panel) -> AppTest:
    page = AppTest.from_function(show).run()
    assert not page.exception
    return page


def words_of(page: AppTest) -> str:
    return " ".join(part.value for part in (*page.markdown, *page.text, *page.error))


def make(title: str, kind: JobKind = JobKind.IMPORT) -> Job:
    return Job(job_id=title, kind=kind, title=title, arguments=())


def press(page: AppTest, key: str) -> None:
    page.button(key=key).click().run()
    assert not page.exception


def test_nothing_is_shown_without_jobs_or_for_other_kinds() -> None:
    add_job(JobKind.TRAINING, "a training", ())
    assert words_of(open_panel()) == ""


def test_a_waiting_job_is_taken_back() -> None:
    job = add_job(JobKind.TRAINING, "a training", ())
    page = open_panel(show_trainings)
    assert "**a training** waits for its turn." in words_of(page)
    press(page, f"stop_{job.job_id}")
    assert list_jobs()[0].state is JobState.STOPPED
    assert "**a training**: stopped." in words_of(page)


def test_a_job_that_starts_at_once_has_a_bar_from_the_first_moment() -> None:
    add_job(JobKind.EXPORT, "an export", ())
    (bar,) = open_panel().get("progress")
    assert (bar.proto.value, bar.proto.text) == (0, "Starting …")


def test_a_running_job_has_a_bar_and_stops() -> None:
    with hold_job(make("a")), Progress("reading", 4, unit="photo") as progress:
        progress.update()
        progress.close()
        page = open_panel()
        bar = page.get("progress")[0].proto
        assert bar.value == 25
        assert bar.text.startswith("Reading: 1 of 4 photos, at most")
        press(page, "stop_a")
        assert list_jobs()[0].stop_requested
        assert page.get("progress")[0].proto.text == "Stopping …"


def test_a_job_of_another_computer_is_shown_with_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with hold_job(make("a")):
        here = list_jobs()[0].machine
        assert "computer" not in words_of(open_panel())
        monkeypatch.setattr("coin_core.jobs.this_machine", lambda: "museum-2")
        page = open_panel()
        assert f"On the computer {here}." in words_of(page)
        assert page.button(key="stop_a").label == "Stop"


def test_what_was_seen_running_is_shown_when_it_is_done() -> None:
    with hold_job(make("a")):
        page = open_panel()
    page.run()
    assert "**a**: done." in words_of(page)
    assert words_of(open_panel()) == "", "another visitor has not seen it"
    press(page, "forget_a")
    assert list_jobs() == []


def test_an_interrupted_job_goes_on() -> None:
    add_interrupted(make("a"), "It was killed.", {})
    page = open_panel()
    assert "interrupted" in words_of(page)
    press(page, "resume_a")
    assert list_jobs()[0].state is JobState.WAITING


def test_what_a_stopped_job_says_is_in_the_language_of_the_page() -> None:
    with hold_job(make("a", JobKind.TRAINING)):
        report_outcome(
            JobState.STOPPED,
            "Stopped before anything was learned. The same command starts again.",
        )

    def show_in_hebrew() -> None:
        from coin_core.i18n import speak
        from coin_core.jobs import JobKind
        from ui.components.job_panel import JobPanel

        class Panel(JobPanel):
            kinds = (JobKind.TRAINING,)

        speak("he")
        Panel().show()

    said = words_of(open_panel(show_in_hebrew))
    assert "Stopped" not in said
    assert "לפני שנלמד" in said


def test_a_failed_job_shows_its_message_and_its_log() -> None:
    with hold_job(make("a")) as hold:
        (hold.job.folder / "log.txt").write_text("one\ntwo\n")
        report_outcome(JobState.FAILED, "There is no room.")
    page = open_panel()
    assert "There is no room." in words_of(page)
    assert page.code[0].value == "one\ntwo"
    assert page.button(key="resume_a").label == "Try again"


def test_a_title_is_never_markdown() -> None:
    job = Job(job_id="a", kind=JobKind.IMPORT, title="[x](y) `z` :red", arguments=())
    with hold_job(job):
        assert r"**\[x\](y) \`z\` \:red**" in words_of(open_panel())
