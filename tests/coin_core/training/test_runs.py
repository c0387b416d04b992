"""Runs can be read at any moment, also after a kill."""

import pytest

from coin_core.training.runs import list_runs, resume_run, start_run


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
