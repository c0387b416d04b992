from __future__ import annotations

import pytest

from coin_core.jobs import (
    Job,
    JobKind,
    JobState,
    Progress,
    hold_job,
    list_jobs,
    report_outcome,
    stop_requested,
)
from coin_core.training.runs import RunState, start_run
from tests.ui.training.history_page import button, open_page, words_of


def test_a_running_training_shows_how_far_it_is() -> None:
    arguments = ("train", "resnet", "--data", "coins")
    title = "ResNet on [coins](x)"
    job = Job(job_id="a", kind=JobKind.TRAINING, title=title, arguments=arguments)
    bar = "ResNet"
    with hold_job(job), Progress(bar, 15, unit="epoch", can_stop=False) as progress:
        run = start_run({"classifier": "resnet", "digest": "0", "data": "folder x"})
        row = {"fold": 0, "epoch": 1, "seconds": 60}
        run.log({**row, "train_loss": 1.0, "valid_loss": 1})
        progress.update()
        progress.describe("fold 1 of 2")
        progress.close()
        page = open_page()
        assert "In training" in words_of(page)
        assert r"ResNet on \[coins\](x)" in words_of(page), "no link"
        said = page.get("progress")[0].proto.text
        assert said.startswith("Fold 1 of 2: 1 of 15 epochs, at most")
        assert len(page.get("plotly_chart")) == 1
        button(page, "Stop, keep").click().run()
        assert stop_requested()
        assert page.get("progress")[0].proto.text == "Stopping …"
        assert button(page, "Stop at once")
        assert "running" in list(page.dataframe[0].value["state"])
        run.finish({"seconds": 1.0}, state=RunState.STOPPED)
    page = open_page()
    assert "Unfinished" in words_of(page)
    assert "the best so far is kept" in words_of(page)
    button(page, "Dismiss").click().run()
    assert list_jobs() == []


@pytest.mark.parametrize("has_run", [True, False])
def test_a_training_that_was_stopped_at_its_beginning_has_kept_nothing(
    has_run: bool,
) -> None:
    arguments = ("train", "resnet", "--data", "coins")
    job = Job(job_id="a", kind=JobKind.TRAINING, title="ResNet", arguments=arguments)
    with hold_job(job):
        if has_run:
            run = start_run({"classifier": "resnet", "digest": "0", "data": "folder x"})
            run.finish({}, state=RunState.STOPPED)
        else:
            report_outcome(JobState.STOPPED)
    said = words_of(open_page())
    assert "stopped before anything was learned" in said
    assert "the best so far" not in said


def test_a_failed_training_shows_why_and_its_log() -> None:
    arguments = ("train", "knn", "--data", "rendered")
    job = Job(job_id="a", kind=JobKind.TRAINING, title="kNN", arguments=arguments)
    with hold_job(job):
        (job.folder / "log.txt").write_text("one\ntwo\n")
        report_outcome(JobState.FAILED, "There are too few coins.")
    page = open_page()
    assert "There are too few coins." in page.error[0].value
    assert page.code[0].value == "one\ntwo"
    button(page, "Try again").click().run()
    assert list_jobs()[0].state is JobState.WAITING
