"""Files of jobs and runs, damaged in every way: no error but a `CoinError` leaves."""

import io
import json
import os
import re
import sys
from contextlib import suppress
from datetime import datetime
from itertools import islice

import pytest

from coin_core import jobs, recycle_bin
from coin_core.catalog import left_out, open_catalog, removed
from coin_core.catalog.importing import ledger
from coin_core.catalog.scrape_jobs import ScrapeOrder, scrape_order
from coin_core.cli.main import main
from coin_core.errors import CatalogError, CoinError, TrainingDataError, disk_errors
from coin_core.jobs import JobKind, JobState, find_job, list_jobs
from coin_core.model_store.promotion import promote, promoted
from coin_core.storage import data_dir, parse_json, read_json, read_text, write_json
from coin_core.training import datasets, run_comparison
from coin_core.training.run_comparison import curve_points, mean_curve, summaries
from coin_core.training.runs import RunState, find_run, list_runs, start_run
from tests.damage import damaged


@pytest.fixture
def job(monkeypatch):
    """A job that is done, with a report, as the program writes them."""
    monkeypatch.setattr(jobs, "start_waiting", lambda: None)
    added = jobs.add_job(JobKind.EXPORT, "Export", ["a", "b"])
    with jobs.hold_job(added):
        jobs.report("going", done=1, total=3, file="x.zip", photos=2)
        jobs.report_outcome(JobState.DONE, "all of it")
    return find_job(added.job_id)


def test_a_damaged_job_is_left_out_or_read(job):
    path = job.folder / "job.json"
    other = jobs.add_job(JobKind.IMPORT, "Import", [])
    for what, data in damaged(path.read_bytes()):
        path.write_bytes(data)
        found = list_jobs()
        assert other.job_id in [one.job_id for one in found], what
        for one in found:
            assert isinstance(one.title, str), what
            assert all(isinstance(part, str) for part in one.arguments), what
            assert one.progress().text is not None
            assert isinstance(one.can_resume, bool)
        with suppress(CoinError):
            jobs.stop_job(job.job_id)


def test_damaged_progress_is_left_out_or_read(job):
    path = job.folder / "progress.json"
    for what, data in damaged(path.read_bytes()):
        path.write_bytes(data)
        progress = job.progress()
        assert 0 <= progress.fraction <= 1, what
        assert isinstance(progress.text, str), what
        assert progress.seconds_left is None or progress.seconds_left >= 0, what
        assert isinstance(progress.details, dict), what


def test_a_job_ends_and_reports_over_damaged_progress(job):
    path = job.folder / "progress.json"
    for what, data in islice(damaged(path.read_bytes()), 0, None, 5):
        with jobs.hold_job(find_job(job.job_id)):
            path.write_bytes(data)
            jobs.report_details(more=1)
        assert find_job(job.job_id).progress().details["more"] == 1, what


def test_a_damaged_number_of_a_process_ends_no_process(job, monkeypatch):
    killed = []
    monkeypatch.setattr(os, "kill", lambda pid, number: killed.append(pid))
    raw = read_json(job.folder / "job.json")
    with jobs.hold_job(job):
        for pid in (0, -1, "1", 2.5, True, None):
            write_json(job.folder / "job.json", {**raw, "state": "running", "pid": pid})
            (job.folder / "stop").touch()
            with suppress(CoinError):
                jobs.stop_job(job.job_id)
    assert killed == []


@pytest.fixture
def run():
    """A run that is done, as the program writes it."""
    config = {
        "classifier": "mlp",
        "folds": 2,
        "seed": 1,
        "recipe": {"epochs": 2, "rotations": [1, 2]},
        "digest": "0" * 64,
    }
    about = {
        "classes": ["a", "b"],
        "coins_per_class": {"a": 4, "b": 5},
        "versions": {"torch": "2"},
        "machine": "here",
    }
    made = start_run(config, about)
    for fold in range(2):
        for epoch in (1, 2):
            made.log(
                {
                    "fold": fold,
                    "epoch": epoch,
                    "train_loss": 1.0,
                    "valid_loss": 0.5,
                    "valid_accuracy": 0.5,
                    "valid_n": 4,
                    "seconds": 1.0,
                }
            )
        made.note_test(fold, 4)
    made.write_predictions(
        {
            "photo": f"{n}.jpg",
            "coin": str(n),
            "label": "ab"[n % 2],
            "fold": n % 2,
            "probabilities": {"a": 0.75, "b": 0.25},
            "legibility": 0.5,
        }
        for n in range(4)
    )
    figures = {
        "n": 4,
        "accuracy": 0.5,
        "accuracy_low": 0.2,
        "accuracy_high": 0.8,
        "classes": ["a", "b"],
        "confusion": [[2, 0], [2, 0]],
    }
    made.finish({"report": figures, "seconds": 2.0, "bundle": "mine"})
    return made


@pytest.mark.parametrize("name", ["config.json", "report.json"])
def test_a_damaged_run_is_listed_as_such_or_read(run, name):
    other = start_run({"classifier": "knn"})
    other.finish({})
    path = run.folder / name
    states = set()
    for what, data in damaged(path.read_bytes()):
        path.write_bytes(data)
        run_comparison._summarise.cache_clear()  # two writes may be within one tick
        both = {one.run_id: one for one in summaries()}
        assert both[other.run_id].state is RunState.DONE, what
        one = both[run.run_id]
        states.add(one.state)
        for text in (one.classifier, one.data, one.started, one.machine, one.bundle):
            assert isinstance(text, str), what
        for number in (one.seconds, *(one.accuracy or ()), *(one.valid_accuracy or ())):
            assert number is None or -1e15 < number < 1e15, what
        assert one.state is not RunState.DAMAGED or one.reason, what
        assert find_run(run.run_id).note() == ""
    assert {RunState.DONE, RunState.DAMAGED} <= states


@pytest.mark.parametrize("name", ["history.jsonl", "predictions.jsonl"])
def test_damaged_lines_are_left_out(run, name):
    path = run.folder / name
    first, *others = path.read_bytes().splitlines(keepends=True)
    for what, data in damaged(first):
        path.write_bytes(data + b"\n" + b"".join(others))
        assert len(run.rows()) >= 3, what
        assert len(run.predictions()) >= 3, what
        for curve in ("train_loss", "valid_loss", "valid_accuracy"):
            curve_points(run.rows(), curve)
            mean_curve(run.rows(), curve)
        both = {"a": run.predictions(), "b": run.predictions()}
        run_comparison.compare_pairs(both, {"a": "", "b": ""})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("kind", ["pipe", "folder", "loop", "huge"])
@pytest.mark.parametrize(
    "name",
    ["config.json", "report.json", "history.jsonl", "predictions.jsonl", "notes.txt"],
)
def test_something_else_in_place_of_a_file_of_a_run(run, name, kind):
    path = run.folder / name
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path)
    else:
        with path.open("wb") as file:
            file.truncate(1 << 30)
    assert [one.run_id for one in summaries()] == [run.run_id]
    assert isinstance(run.rows(), list)
    assert isinstance(run.predictions(), list)
    assert run.note() == ""


def test_files_beside_the_runs_are_no_runs(run):
    root = run.folder.parent
    (root / "file").write_text("x")
    (root / "link").symlink_to(root / "link")
    assert [one.run_id for one in list_runs()] == [run.run_id]


def test_a_damaged_choice_of_the_model_is_none():
    path = data_dir() / "promoted.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    for what, data in damaged(json.dumps({"model": "resnet", "before": []}).encode()):
        path.write_bytes(data)
        assert promoted() is None or isinstance(promoted(), str), what


def test_a_choice_that_cannot_be_stored_is_an_error_of_ours():
    path = data_dir() / "promoted.json"
    path.mkdir(parents=True)
    with pytest.raises(CoinError, match=r"choice of the model.*nothing was changed"):
        promote("resnet")


def test_a_damaged_item_of_the_bin_is_left_out_or_read():
    folder = data_dir() / "runs" / "one"
    folder.mkdir(parents=True)
    item = recycle_bin.discard(folder)
    path = item.content.parent / "item.json"
    for what, data in damaged(path.read_bytes()):
        path.write_bytes(data)
        for one in recycle_bin.list_bin("runs"):
            assert isinstance(one.who, str), what
            assert datetime.fromisoformat(one.at), what
    write_json(path, {"path": "runs/a\0b", "who": "", "at": item.at})
    with pytest.raises(CoinError, match="holds no"):
        recycle_bin.restore(item.item_id)


def test_removed_photos_with_a_damaged_list_count_as_none():
    folder = data_dir() / removed.FOLDER / "one"
    folder.mkdir(parents=True)
    write_json(folder / "photos.json", {"photos": []})
    item = recycle_bin.discard(folder)
    path = item.content / "photos.json"
    for what, data in damaged(path.read_bytes()):
        path.write_bytes(data)
        assert [one.count for one in removed.list_removed()] in ([0], [1]), what


def test_a_damaged_record_of_what_was_left_out_is_left_out_or_read():
    catalog = open_catalog()
    entry = left_out.LeftOut(
        key="acsearch:1",
        reason="several coins",
        words=("lot of 5",),
        title="Lot of 5",
        url="https://example.org/1",
        taken=False,
        listing={"source": "acsearch"},
    )
    left_out.note_left_out(catalog, 1, entry)
    (path,) = (data_dir() / "imports").glob("left-out-1.jsonl")
    for what, data in damaged(path.read_bytes()):
        path.write_bytes(data)
        left_out.scrape_table(catalog, 1)
        for one in left_out.list_left_out(catalog, 1):
            assert all(map(str.isascii, (one.key, one.title, *one.words))), what
    path.unlink()
    path.mkdir()
    with pytest.raises(CatalogError, match="cannot be read"):
        left_out.list_left_out(catalog, 1)
    catalog.close()


def test_a_damaged_order_of_a_scrape_is_refused_or_read(monkeypatch):
    catalog = open_catalog()
    whole = ScrapeOrder(source="commons", query="prutah", who="Ada").spec()
    for what, data in damaged(json.dumps(whole).encode()):
        with suppress(ValueError):
            spec = parse_json(data)
            if not isinstance(spec, dict):  # which the catalog refuses itself
                continue
            monkeypatch.setattr(ledger, "spec_of", lambda *_, spec=spec: spec)
            with suppress(CatalogError):
                assert scrape_order(catalog, 1).query.strip(), what
    catalog.close()


def test_the_queue_of_version_1_may_hold_an_impossible_time(job):
    raw = read_json(job.folder / "job.json")
    queue = data_dir() / "queue"
    queue.mkdir()
    write_json(
        queue / "x.json",
        raw | {"job_id": "20269999-999999999999-0a0a", "kind": "training"},
    )
    assert [one.job_id for one in list_jobs()] == [job.job_id]


def test_errors_of_a_disk_say_what_to_do():
    for error, words in (
        (OSError(28, "No space left on device"), "the disk is full. Make room"),
        (PermissionError(13, "Permission denied"), "not permitted"),
        (TimeoutError(), "another process"),
        (OSError(5, "Input/output error"), "Input/output error. Check the disk"),
    ):
        with pytest.raises(CoinError, match=words), disk_errors("It was not written"):
            raise error


def test_json_is_read_with_bounds(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"a": NaN, "b": -Infinity}')
    assert read_json(path) == {"a": None, "b": None}
    with pytest.raises(OSError, match="too large"):
        read_text(path, most_bytes=5)
    with pytest.raises(ValueError, match="deeply"):
        parse_json("[" * 100_000)


def test_a_name_in_another_encoding_is_written_as_json(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"photo": "b\udcff.jpg", "word": "ä"})
    assert read_json(path) == {"photo": "b\udcff.jpg", "word": "ä"}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("dataset", "export", "a\0b"), 2, "NUL"),
        (("dataset", "compare", "\udcff", "other"), 2, "cannot|no text"),
        (("dataset", "restore", "no-such-file"), 2, "no-such-file"),
        (("render", "--count", "1", "--out", "FILE/out"), 2, "cannot be written"),
        (("import", "FILE", "--mapping", "FOLDER"), 2, "cannot be read as JSON"),
        (("import", "FILE", "--mapping", "DEEP"), 2, "nested too deeply"),
    ],
)
def test_arguments_that_name_nothing_usable(tmp_path, capsys, arguments, code, words):
    places = {"FILE": tmp_path / "file", "FOLDER": tmp_path, "DEEP": tmp_path / "deep"}
    places["FILE"].touch()
    places["DEEP"].write_text("[" * 100_000)
    filled = []
    for argument in arguments:
        for name, path in places.items():
            argument = argument.replace(name, str(path))
        filled.append(argument)
    assert main(filled) == code
    assert re.search(words, capsys.readouterr().err)


@pytest.mark.skipif(os.name != "posix", reason="names are bytes only there")
def test_a_name_in_another_encoding_is_printed(monkeypatch):
    photos = data_dir() / "photos"
    photos.mkdir(parents=True)
    (photos / "b\udcff.jpg").touch()
    printed = io.BytesIO()
    stream = io.TextIOWrapper(printed, encoding="utf-8", errors="strict")
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.delenv("COIN_DATABASE_URL", raising=False)
    assert main(["dataset", "check"]) == 1
    assert rb"b\udcff.jpg belongs to no photo" in printed.getvalue()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_training_folder_with_links_pipes_and_strange_names_is_listed(tmp_path):
    for label in ("a", "b\nc", "d\udcff"):
        (tmp_path / label).mkdir()
        for name in ("x.jpg", "y\n.jpg", "z\udcff.jpg"):
            (tmp_path / label / name).write_text(label + name, errors="replace")
    (tmp_path / "a" / "up").symlink_to("..")
    (tmp_path / "a" / "itself.jpg").symlink_to("itself.jpg")
    (tmp_path / "itself").symlink_to("itself")
    os.mkfifo(tmp_path / "a" / "pipe.jpg")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    photos, classes = datasets.list_photos(tmp_path)
    assert classes == ("a", "b\nc", "d\udcff")
    assert len(photos) == 9
    assert all(photo.digest for photo in photos)
    with pytest.raises(TrainingDataError, match="0 classes"):
        datasets.load_folder(tmp_path)  # none of them is a photo
