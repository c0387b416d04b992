"""Runs can be read at any moment, also after a kill."""

import pytest

from coin_core.training import runs
from coin_core.training.run_comparison import summaries
from coin_core.training.runs import (
    Run,
    RunState,
    find_run,
    list_runs,
    resume_run,
    start_run,
)


@pytest.fixture(autouse=True)
def _own_data(tmp_path, monkeypatch):
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path))


def test_best_and_latest_are_kept_apart():
    run = start_run({"classifier": "knn", "seed": 1})
    for epoch, loss in enumerate([0.9, 0.5, 0.7], start=1):
        run.log({"fold": 0, "epoch": epoch, "valid_loss": loss})
    report = run.report()
    assert report["state"] == "running"
    assert report["latest"]["epoch"] == 3
    assert report["best"]["0"]["epoch"] == 2
    run.finish({"accuracy": 0.8})
    assert run.report()["state"] == "done"
    assert run.report()["best"]["0"]["epoch"] == 2
    assert run.config()["seed"] == 1
    assert [other.run_id for other in list_runs()] == [run.run_id]


def test_a_torn_line_costs_only_itself():
    run = start_run({"classifier": "knn"})
    run.log({"fold": 0, "epoch": 1})
    with (run.folder / "history.jsonl").open("a") as file:
        file.write('{"fold": 0, "epo')
    run.log({"fold": 0, "epoch": 2})
    assert [row["epoch"] for row in run.rows()] == [1, 2]


def test_a_photo_of_any_name_keeps_its_prediction():
    run = start_run({"classifier": "knn"})
    photos = ["plain.png", "a\u2028b.png", "c\x85d.png"]
    run.write_predictions(
        {"photo": photo, "label": "a", "probabilities": {"a": 1.0}} for photo in photos
    )
    assert [row["photo"] for row in run.predictions()] == photos


def test_an_epoch_that_was_run_again_counts_once():
    run = start_run({"classifier": "knn"})
    run.log({"fold": 0, "epoch": 1, "train_loss": 2.0})
    run.log({"fold": 0, "epoch": 1, "train_loss": 1.0})
    assert [row["train_loss"] for row in run.rows()] == [1.0]


def test_only_an_unfinished_run_with_the_same_settings_is_gone_on_with():
    run = start_run({"classifier": "knn", "seed": 1})
    assert resume_run({"classifier": "knn", "seed": 2}).run_id != run.run_id
    assert resume_run({"classifier": "knn", "seed": 1}).run_id == run.run_id
    run.finish({})
    assert resume_run({"classifier": "knn", "seed": 1}).run_id != run.run_id


def test_a_run_that_ends_while_somebody_looks_is_not_interrupted(monkeypatch):
    run = start_run({"classifier": "knn"})
    run.log({"fold": 0, "epoch": 1})
    is_alive = Run.is_alive

    def is_alive_after_its_end(self: Run) -> bool:
        run.finish({})
        return is_alive(self)

    monkeypatch.setattr(Run, "is_alive", is_alive_after_its_end)
    assert run.state() is RunState.DONE


def test_a_run_that_begins_while_somebody_looks_is_never_damaged(monkeypatch):
    """Nor interrupted, which another training of the same settings would take up."""
    write_json, seen = runs.write_json, []

    def look_before_and_after(path, value):
        seen.append([run.state for run in summaries()])
        write_json(path, value)
        seen.append([run.state for run in summaries()])

    monkeypatch.setattr(runs, "write_json", look_before_and_after)
    start_run({"classifier": "knn"})
    assert seen == [[], [RunState.RUNNING]]


def test_a_run_that_was_looked_at_as_it_began_is_interrupted_by_a_kill(monkeypatch):
    run = start_run({"classifier": "knn"})
    is_alive, answers = Run.is_alive, [False]
    monkeypatch.setattr(
        Run, "is_alive", lambda self: answers.pop() if answers else is_alive(self)
    )
    summaries()  # it is claimed while somebody looks
    run.release()
    assert [run.state for run in summaries()] == [RunState.INTERRUPTED]


def test_a_run_that_another_process_finishes_just_now_is_not_gone_on_with(monkeypatch):
    settings = {"classifier": "knn", "seed": 1}
    run = start_run(settings)
    run.log({"fold": 0, "epoch": 1})
    claim = Run.claim

    def claim_after_its_end(self: Run) -> bool:
        if self == run:
            run.finish({})
        return claim(self)

    monkeypatch.setattr(Run, "claim", claim_after_its_end)
    assert resume_run(settings).run_id != run.run_id
    assert find_run(run.run_id).state() is RunState.DONE
