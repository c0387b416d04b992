from __future__ import annotations

from itertools import islice

import pytest
from streamlit.testing.v1 import AppTest

from coin_core import models
from coin_core.jobs import Job, JobKind, add_interrupted
from coin_core.model_store import bundle
from coin_core.model_store.card import card_to_json
from coin_core.model_store.promotion import promoted
from coin_core.training.run_comparison import _summarise
from coin_core.training.runs import Run, find_run, list_runs, start_run
from tests.damage import damaged
from tests.ui.training.history_page import (
    CLASSES,
    PAGE,
    button,
    make_run,
    open_page,
    words_of,
)


def test_one_run_shows_figures_and_its_cells_open_photos() -> None:
    run = make_run()
    page = open_page(run)
    said = words_of(page)
    assert "measured once" in said
    assert "Fewer than 30 coins" in said
    assert len(page.get("plotly_chart")) >= 4
    assert "0\N{NO-BREAK SPACE}%" in said
    assert "identified as <b>" in said, "the most confident mistakes"
    page.button(key="cell_0_1").click().run()
    assert not page.exception
    assert "10 photos of John Hyrcanus I identified as Judah Aristobulus I" in words_of(
        page
    )
    assert "data:image/jpeg" in words_of(page)


def settings_of(run: Run) -> list[str]:
    tables = [part.value for part in open_page(run).dataframe]
    return [name for table in tables for name in table.get("setting", ())]


def test_a_run_without_epochs_opens_on_its_confusion_matrix() -> None:
    run = make_run("svm", epochs=None)
    assert "epochs" in settings_of(run)
    assert [tab.label for tab in open_page(run).tabs][:2] == [
        "Curves",
        "Confusion matrix",
    ]
    (run.folder / "history.jsonl").write_text(
        '{"fold": 0, "epoch": 0, "test_accuracy": 0.7}\n'
    )
    labels = [tab.label for tab in open_page(run).tabs]
    assert labels[0] == "Confusion matrix"
    assert "Curves" not in labels
    run.amend({"plan": {"folds": 5, "epochs": 1, "fits": 6}})
    assert "epochs" not in settings_of(run)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["config.json", "report.json", "history.jsonl", "predictions.jsonl"]
)
def test_damaged_files_of_a_run_are_said_on_the_page(name: str) -> None:
    run = make_run()
    path = run.folder / name
    lines = path.read_bytes()
    rest = b""
    if name.endswith("jsonl"):
        lines, _, rest = lines.partition(b"\n")
    page = open_page(run)
    for what, data in islice(damaged(lines), 3, None, 17):
        path.write_bytes(data + b"\n" + rest)
        _summarise.cache_clear()
        page.run()
        assert not page.exception, f"{what}: {page.exception[0].value}"
        assert run.run_id in list(page.dataframe[0].value["run"]), what


def test_a_note_is_kept_and_shown_in_the_table() -> None:
    run = make_run()
    page = open_page(run)
    page.text_area[0].set_value("try again\nwith more").run()
    assert find_run(run.run_id).note() == "try again\nwith more"
    assert "try again" in list(page.dataframe[0].value["remark"])


def test_a_note_of_another_visitor_is_shown_and_not_written_over() -> None:
    run = make_run()
    run.set_note("mine")
    page = open_page(run)
    run.set_note("of somebody else")
    page.run()
    assert find_run(run.run_id).note() == "of somebody else"
    assert page.text_area[0].value == "of somebody else"
    page.text_area[0].set_value("mine again").run()
    assert find_run(run.run_id).note() == "mine again"


def test_a_model_is_promoted_and_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run("knn")
    card = bundle.Card(
        name="knn-coins",
        classifier="knn",
        title="kNN",
        classes=CLASSES,
        training={"run": run.run_id},
        files={bundle.ESTIMATOR_FILE: "0" * 64},
    )
    (bundle.models_dir() / "knn-coins").mkdir(parents=True)
    written = bundle.models_dir() / "knn-coins" / "card.json"
    written.write_text(card_to_json(card))
    page = open_page(run)
    button(page, "Use on the Classify page").click().run()
    assert "model.skops is missing" in page.error[0].value
    assert promoted() is None
    monkeypatch.setattr(models, "open_model", lambda name: None)
    button(page, "Use on the Classify page").click().run()
    assert promoted() == "knn-coins"
    button(page, "Go back").click().run()
    assert promoted() is None


def test_in_hebrew_a_run_says_why_its_figures_are_too_good() -> None:
    run = make_run(
        caution="it started from museum, which was trained on folder coins: coins "
        "that are in both make the figures too good"
    )
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    page.query_params["lang"] = "he"
    page.query_params["run"] = [run.run_id]
    page.run()
    assert not page.exception
    (words,) = [w.value for w in page.warning if "museum" in w.value]
    assert "too good" not in words
    assert "טובים מדי" in words


def test_a_run_is_deleted_only_after_a_second_click() -> None:
    run = make_run()
    page = open_page(run)
    page.button(key="delete_now").click().run()
    assert not page.exception
    assert list_runs() == []


@pytest.mark.parametrize(
    ("has_epoch", "has_job", "said"),
    [
        (True, True, "The same command, or “Resume” above, continues where it was."),
        (True, False, "The same command continues where it was."),
        (False, True, "“Resume” above, starts it from the beginning."),
        (False, False, "The same command starts it from the beginning."),
    ],
)
def test_an_interrupted_run_says_what_continues_it(
    has_epoch: bool, has_job: bool, said: str
) -> None:
    run = start_run({"classifier": "mlp", "data": "rendered"})
    if has_epoch:
        run.log({"fold": 0, "epoch": 1, "train_loss": 1.0})
    run.release()
    if has_job:
        arguments = ("train", "mlp", "--data", "rendered")
        job = Job(job_id="a", kind=JobKind.TRAINING, title="MLP", arguments=arguments)
        add_interrupted(job, "It was killed.", {"run": run.run_id})
    page = open_page(run)
    assert said in words_of(page)
    if has_job:
        help_text = button(page, "Resume").help
        assert ("where it stopped" in help_text) is has_epoch
        assert ("from the beginning" in help_text) is not has_epoch
