"""The training-history page: every run is shown, none breaks it, trainings start."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from coin_core.jobs import (
    Job,
    JobKind,
    JobState,
    Progress,
    hold_job,
    list_jobs,
    report_outcome,
)
from coin_core.model_store import bundle
from coin_core.model_store.card import card_to_json
from coin_core.model_store.promotion import promoted
from coin_core.training.data_roots import VARIABLE, collections_dir
from coin_core.training.prediction_store import keep_crop
from coin_core.training.runs import (
    Run,
    RunState,
    find_run,
    list_runs,
    runs_dir,
    start_run,
)

PAGE = Path(__file__).parents[2] / "pages" / "3_Training_history.py"
CLASSES = ("john_hyrcanus_i", "judah_aristobulus_i", "alexander_jannaeus")


@pytest.fixture(autouse=True)
def _no_job_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coin_core.jobs.start_waiting", lambda: None)
    monkeypatch.setattr("ui.components.job_panel.start_waiting", lambda: None)


def make_run(
    classifier: str = "resnet", wrong_every: int = 3, **settings: object
) -> Run:
    """A finished run with curves, answers and pictures."""
    from coin_core.evaluation.metrics import evaluate, report_json

    config = {"classifier": classifier, "data": "folder coins", "digest": "ab" * 32}
    recipe = {"patience": 6, "frozen": False}
    about = {"coins_per_class": dict.fromkeys(CLASSES, 10), "machine": "2 cores"}
    run = start_run(
        {**config, "seed": 0, "recipe": recipe, "init": "rendered", **settings}, about
    )
    for fold in (0, 1):
        for epoch in (1, 2, 3):
            run.log(
                {
                    **{"fold": fold, "epoch": epoch, "rate": 1e-3 / epoch},
                    **{"train_loss": 1.0 / epoch, "valid_loss": 1.2 / epoch},
                    **{"valid_accuracy": 0.5 + 0.1 * epoch, "valid_n": 10},
                    "seconds": 2.0 * epoch,
                }
            )
        run.note_test(fold, 15)
    rng = np.random.default_rng(0)
    rows, labels, shares = [], [], []
    for i in range(30):
        truth = i % 3
        answer = (truth + 1) % 3 if i % wrong_every == 0 else truth
        p = np.full(3, 0.1)
        p[answer] = 0.8
        crop = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
        rows.append(
            {
                **{"photo": f"{CLASSES[truth]}/{i}.png", "coin": f"coin {i}"},
                **{"label": CLASSES[truth], "fold": i % 2, "legibility": (i % 10) / 10},
                "probabilities": dict(zip(CLASSES, p.tolist(), strict=True)),
                "picture": keep_crop(crop),
            }
        )
        labels.append(CLASSES[truth])
        shares.append(p)
    run.write_predictions(rows)
    report = report_json(evaluate(classifier, labels, np.array(shares), CLASSES))
    run.finish({"report": report, "bundle": f"{classifier}-coins", "seconds": 12.0})
    return run


def open_page(*runs: Run) -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    if runs:
        page.query_params["run"] = [run.run_id for run in runs]
    page.run()
    assert not page.exception
    return page


def words_of(page: AppTest) -> str:
    kinds = ("html", "markdown", "caption", "header", "subheader", "info", "warning")
    return " ".join(str(part.value) for kind in kinds for part in page.get(kind))


def button(page: AppTest, start: str):
    return next(b for b in page.button if b.label.startswith(start))


def test_an_empty_history_offers_a_training() -> None:
    page = open_page()
    assert "No training has been run" in words_of(page)
    assert button(page, "Start training").disabled


def test_the_table_holds_every_run_and_damaged_ones_say_why() -> None:
    make_run()
    (runs_dir() / "20200101-000000-knn-0000").mkdir()
    torn = runs_dir() / "20200101-000000-knn-0001"
    torn.mkdir()
    (torn / "config.json").write_text('{"classifier": "kn')
    odd = runs_dir() / "20200101-000000-knn-0002"
    odd.mkdir()
    (odd / "config.json").write_text('{"classifier": "knn"}')
    (odd / "report.json").write_text('{"best": [1, 2], "state": "done", "report": 7}')
    table = open_page().dataframe[0].value
    assert list(table["state"]) == ["done", "damaged", "damaged", "damaged"]
    assert "config.json is missing" in " ".join(table["remark"])
    assert table["right"][0] == pytest.approx(66.7, abs=0.1)
    assert table["95 % interval"][0].startswith("49 to 81")
    page = open_page(Run(folder=odd))
    assert "damaged" in page.error[0].value


def test_runs_are_filtered_by_classifier_and_by_words() -> None:
    make_run("resnet"), make_run("vgg", init="imagenet")
    page = open_page()
    page.text_input(key="runs_text").set_value("imagenet").run()
    assert list(page.dataframe[0].value["classifier"]) == ["VGG"]
    page.text_input(key="runs_text").set_value("").run()
    page.multiselect(key="runs_classifiers").set_value(["resnet"]).run()
    assert list(page.dataframe[0].value["classifier"]) == ["ResNet"]


def test_one_run_shows_figures_and_its_cells_open_photos() -> None:
    run = make_run()
    page = open_page(run)
    said = words_of(page)
    assert "measured once" in said
    assert "Fewer than 30 coins" in said
    assert len(page.get("plotly_chart")) >= 4
    assert "0\N{NO-BREAK SPACE}%" in said
    assert "taken for <b>" in said, "the most confident mistakes"
    page.button(key="cell_0_1").click().run()
    assert not page.exception
    assert "10 photos of John Hyrcanus I taken for Judah Aristobulus I" in words_of(
        page
    )
    assert "data:image/jpeg" in words_of(page)


def test_runs_are_compared_and_a_small_difference_is_called_none() -> None:
    one, same, worse = (
        make_run(wrong_every=10),
        make_run("vgg", wrong_every=9, init="imagenet"),
        make_run("knn", wrong_every=1),
    )
    said = words_of(open_page(one, same))
    assert "No real difference" in said
    page = open_page(one, worse)
    assert "really is better than" in words_of(page)
    settings = page.dataframe[-1].value
    assert list(settings["setting"][:1]) == ["classifier"], "what differs comes first"


def test_a_note_is_kept_and_shown_in_the_table() -> None:
    run = make_run()
    page = open_page(run)
    page.text_area(key=f"note_{run.run_id}").set_value("try again\nwith more").run()
    assert find_run(run.run_id).note() == "try again\nwith more"
    assert "try again" in list(page.dataframe[0].value["remark"])


def test_a_model_is_promoted_and_taken_back() -> None:
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
    assert promoted() == "knn-coins"
    button(page, "Go back").click().run()
    assert promoted() is None


def test_a_run_is_deleted_only_after_a_second_click() -> None:
    run = make_run()
    page = open_page(run)
    page.button(key="delete_now").click().run()
    assert not page.exception
    assert list_runs() == []


def put_collection() -> Path:
    folder = collections_dir() / "dig 4"
    for name, count in (("anchor", 3), ("wreath", 2), ("empty", 0)):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            (folder / name / f"{i}.jpg").write_bytes(b"a photo")
    return folder


def test_without_a_folder_the_page_says_where_to_put_one(tmp_path: Path) -> None:
    page = open_page()
    assert str(collections_dir()) in words_of(page)
    assert VARIABLE in words_of(page), "and why no other folder can be named"
    assert not [box for box in page.text_input if box.key == "train_folder"]


def test_a_folder_is_checked_and_its_training_queued() -> None:
    folder = put_collection()
    page = open_page()
    assert "anchor: 3 photos" in words_of(page)
    assert "no photo inside: empty" in words_of(page)
    assert "Fewer than 30 coins" in words_of(page)
    button(page, "Start training").click().run()
    assert not page.exception
    (job,) = list_jobs()
    assert job.arguments[:4] == ("train", "resnet", "--data", str(folder.resolve()))
    assert job.state is JobState.WAITING
    assert "waits for its turn" in words_of(page)
    button(page, "Take it back").click().run()
    assert list_jobs()[0].state is JobState.STOPPED
    button(page, "Go on").click().run()
    assert list_jobs()[0].state is JobState.WAITING


def test_a_training_starts_from_a_model_of_ones_own(monkeypatch) -> None:
    def own_bundle(name: str, classifier: str) -> bundle.BundleInfo:
        card = bundle.Card(
            name=name, classifier=classifier, title=name, classes=CLASSES
        )
        return bundle.BundleInfo(
            name=name, folder=bundle.models_dir() / name, card=card, origin="own"
        )

    own = (own_bundle("museum", "resnet"), own_bundle("portraits", "vgg"))
    monkeypatch.setattr(bundle, "discover", lambda: (own, ()))
    put_collection()
    page = open_page()
    start = next(box for box in page.selectbox if box.label == "Start from")
    assert start.options[-1] == "my model museum"
    start.set_value("museum").run()
    button(page, "Start training").click().run()
    assert list_jobs()[-1].arguments[-3] == "museum"
    page.selectbox(key="train_classifier").set_value("svm").run()
    features = next(box for box in page.selectbox if box.label == "Features of")
    features.set_value("portraits").run()
    button(page, "Start training").click().run()
    assert list_jobs()[-1].arguments[-4:-2] == ("--init", "portraits")


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
        assert run.stop_requested()
        assert page.get("progress")[0].proto.text == "Stopping …"
        assert button(page, "Stop at once")
        assert "running" in list(page.dataframe[0].value["state"])
        run.finish({"seconds": 1.0}, state=RunState.STOPPED)
    page = open_page()
    assert "Did not come to their end" in words_of(page)
    assert "the best so far is kept" in words_of(page)
    button(page, "Dismiss").click().run()
    assert list_jobs() == []


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


def test_five_hundred_runs_open_quickly(tmp_path: Path) -> None:
    import time

    rows = "".join(
        json.dumps({"fold": 0, "epoch": e, "train_loss": 1 / e}) + "\n"
        for e in range(1, 101)
    )
    for i in range(500):
        folder = runs_dir() / f"20260101-0000{i:04d}-knn"
        folder.mkdir(parents=True)
        config = {"classifier": "knn", "data": "folder x", "started": "2026-01-01"}
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "history.jsonl").write_text(rows)
        (folder / "report.json").write_text('{"state": "done"}')
    open_page()  # modules are loaded
    from coin_core.training import run_comparison

    run_comparison._summarise.cache_clear()
    started, used = time.perf_counter(), time.process_time()
    page = open_page()
    used = time.process_time() - used
    assert len(page.dataframe[0].value) == 500
    # Other work may run beside the tests: its time is not the page's.
    assert min(used, time.perf_counter() - started) < 2
