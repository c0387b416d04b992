from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from coin_core.training.runs import Run, runs_dir
from tests.ui.training.history_page import PAGE, make_run, open_page


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


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "הקובץ config.json חסר."),
        ({"config.json": "{"}, "לא ניתן לקרוא את הקובץ config.json."),
        ({"config.json": '{"seed": 0}', "report.json": "{"}, "לא ניתן לקרוא"),
        ({"config.json": '{"seed": 0}', "report.json": '{"state": "odd"}'}, "מצב"),
        ({"config.json": '{"seed": 0}', "report.json": '{"report": 7}'}, "תוכן"),
    ],
)
def test_in_hebrew_the_page_says_why_a_run_is_damaged(
    files: dict[str, str], reason: str
) -> None:
    folder = runs_dir() / "20200101-000000-knn-0000"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    page.query_params["lang"] = "he"
    page.query_params["run"] = [folder.name]
    page.run()
    assert not page.exception
    assert reason in page.dataframe[0].value["הערה"][0]
    assert reason in page.error[0].value


def test_runs_are_filtered_by_classifier_and_by_words() -> None:
    make_run("resnet"), make_run("vgg", init="imagenet")
    page = open_page()
    page.text_input(key="runs_text").set_value("imagenet").run()
    assert list(page.dataframe[0].value["classifier"]) == ["VGG"]
    page.text_input(key="runs_text").set_value("").run()
    page.multiselect(key="runs_classifiers").set_value(["resnet"]).run()
    assert list(page.dataframe[0].value["classifier"]) == ["ResNet"]


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
