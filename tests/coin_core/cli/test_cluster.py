"""classify --ray: every photo once, whatever is killed, and bad ones in a table."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from coin_core.classifiers import shipped_classifiers
from coin_core.cli import cluster
from coin_core.cli.main import main
from coin_core.model_store.bundle import WEIGHTS_DIR, load_card, weights_digest
from coin_core.rendering import render_coin
from coin_core.storage import PROJECT_DIR, open_lock

DEFAULT = shipped_classifiers()[0]
DIGESTS = {DEFAULT: weights_digest(load_card(WEIGHTS_DIR / DEFAULT))}


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """30 photos in two folders, and two files that are none."""
    folder = tmp_path_factory.mktemp("many photos")
    (folder / "tray 2").mkdir()
    for number in range(30):
        coin = render_coin(71, number, size_px=160, wear=0.2).image
        place = folder / ("tray 2" if number % 3 else ".")
        Image.fromarray(coin).save(place / f"coin {number:02}.jpg", quality=95)
    (folder / "letter.jpg").write_text("Dear colleague")
    (folder / "empty.png").touch()
    (folder / "notes.txt").write_text("no photo")
    return folder


@pytest.fixture
def here(monkeypatch) -> list[list[str]]:
    """Classify in this process, without Ray and models; what it is asked for."""
    asked: list[list[str]] = []

    def classify(ray, left, digests, workers) -> Iterator[pa.Table]:
        asked.append([Path(photo).name for photo in left])
        for photo in left:
            row: dict[str, object] = {"photo": photo}
            if "coin" in photo.rpartition("/")[2]:
                row |= {"classifier": DEFAULT, "ruler": "judah", "seconds": len(asked)}
            else:
                row["sentence"] = "It is no photo."
            yield pa.Table.from_pylist([row], schema=cluster.schema())

    monkeypatch.setattr(cluster, "_import_ray", lambda: None)
    monkeypatch.setattr(cluster, "_classify", classify)
    return asked


def run(photos: object, out: Path, *more: str) -> int:
    return main(["classify", "--ray", str(photos), "--out", str(out), *more])


def test_results_and_bad_photos_are_two_tables(here, photos, tmp_path, capsys):
    out = tmp_path / "results.parquet"
    assert run(photos, out) == 1
    results, bad = (
        pd.read_parquet(out),
        pd.read_parquet(tmp_path / "results-bad.parquet"),
    )
    assert (len(results), results.photo.nunique()) == (30, 30)
    assert sorted(Path(p).name for p in bad.photo) == ["empty.png", "letter.jpg"]
    assert list(bad.columns) == ["photo", "sentence"]
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        *("results-bad.parquet", "results.parquet")
    ]
    said = capsys.readouterr().out
    assert "30 verdicts are in" in said
    assert "2 photos cannot be read" in said


def test_what_is_in_a_part_is_not_done_again(here, photos, tmp_path, monkeypatch):
    out = tmp_path / "results.parquet"
    classify, given = cluster._classify, []

    def break_off(*arguments) -> Iterator[pa.Table]:
        for rows in classify(*arguments):
            if len(given) == 12:
                raise KeyboardInterrupt
            given.append(Path(rows["photo"][0].as_py()).name)
            yield rows

    monkeypatch.setattr(cluster, "_classify", break_off)
    assert run(photos, out) == 130
    assert not out.exists()
    monkeypatch.setattr(cluster, "_classify", classify)
    assert run(photos, out) == 1
    assert len(given) == 12
    assert not {*here[1]} & {*given}
    results = pd.read_parquet(out)
    assert (len(results), results.photo.nunique()) == (30, 30)
    assert set(results.seconds) == {1.0, 2.0}


def test_a_table_that_is_there_and_parts_of_other_models_are_left(
    here, photos, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "results.parquet"
    out.write_bytes(b"mine")
    assert run(photos, out) == 1
    assert "is left as it is" in capsys.readouterr().err
    assert out.read_bytes() == b"mine"
    out.unlink()

    monkeypatch.setattr(cluster, "_merge", lambda parts, out: 1 / 0)
    with contextlib.suppress(ZeroDivisionError):
        run(photos, out)
    assert run(photos, out, "--classifier", "svm") == 1
    assert "parts of other classifiers" in capsys.readouterr().err
    assert run(photos / "tray 2", out) == 1
    assert "parts of other photos" in capsys.readouterr().err
    with open_lock(tmp_path / "results.parquet.parts" / ".lock"):
        assert run(photos, out) == 1
    assert "Another process is at work" in capsys.readouterr().err
    assert len(here) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x", "--ray"], "belong together"),
        (["x", "--out", "x.parquet"], "belong together"),
        (["x", "--workers", "2"], "--workers is for --ray"),
        (["x", "--ray", "--out", "x.csv"], "name it like coins.parquet"),
    ],
)
def test_wrong_use_is_explained(arguments, said, capsys):
    assert main(["classify", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_without_ray_the_command_says_how_to_install_it(
    monkeypatch, photos, tmp_path, capsys
):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert run(photos, tmp_path / "x.parquet") == 1
    assert 'pip install -e ".[cluster]"' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_photos_is_no_table(here, tmp_path, capsys):
    assert run(tmp_path, tmp_path / "x.parquet") == 1
    assert "There are no photos in" in capsys.readouterr().err


@pytest.fixture(scope="module")
def worker() -> cluster.Worker:
    return cluster.Worker(DIGESTS)


def rows_of(worker: cluster.Worker, *photos: object) -> list[dict[str, object]]:
    chunk = pa.table({"photos": [[str(photo) for photo in photos]]})
    return worker(chunk).to_pylist()


def test_photos_of_a_store_are_listed_and_classified(worker, photos, team_store):
    coin = photos / "coin 00.jpg"
    team_store.write("tray 1/coin 00.JPG", coin.read_bytes())
    team_store.write("tray 1/letter.jpg", b"Dear colleague")
    team_store.write("tray 1/notes.txt", b"")
    listed = [*cluster.list_photos(team_store.address("tray 1"))]
    assert [photo.rpartition("/")[2] for photo in listed] == [
        "coin 00.JPG",
        "letter.jpg",
    ]
    assert [*cluster.list_photos(f"{team_store.address('tray 1')}/")] == listed
    gone = team_store.address("tray 1/gone.jpg")
    remote, letter, missing = rows_of(worker, *listed, gone)
    (local,) = rows_of(worker, coin)
    assert "is a text file" in str(letter["sentence"])
    assert "is not there any more" in str(missing["sentence"])
    for name in ("ruler", "reason", "faces", "sha256", "model", "origin", "classifier"):
        assert remote[name] == local[name], name
    assert local["model"] == DIGESTS[DEFAULT]


def test_a_photo_on_which_the_program_fails_fails_alone(worker, photos, monkeypatch):
    coins = sorted(photos.glob("coin*.jpg"))[:3]
    classify = worker._pipeline.classify_batch

    def fail(pixels, names):
        for one in pixels:
            if np.array_equal(one[0, 0], marked):
                raise ZeroDivisionError("no such coin")
            yield from classify([one], names)

    monkeypatch.setattr(worker._pipeline, "classify_batch", fail)
    marked = np.asarray(Image.open(coins[1]).convert("RGB"))[0, 0]
    rows = rows_of(worker, *coins)
    assert [row["sentence"] for row in rows if row["sentence"]] == [
        "The program failed on it (ZeroDivisionError: no such coin)."
    ]
    monkeypatch.setattr(worker._pipeline, "classify_batch", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):  # then it is not the photos
        rows_of(worker, *coins)


def test_a_machine_with_other_weights_does_not_take_part():
    with pytest.raises(Exception, match="has another"):
        cluster.Worker({DEFAULT: "0" * 64})


def wait_for(holds: Callable[[], bool], command: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 500
    while not holds():
        assert command.poll() is None, command.communicate()
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.slow
def test_every_photo_has_its_verdict_once_though_a_worker_and_the_command_are_killed(
    photos, tmp_path, run_python
):
    out = tmp_path / "results.parquet"
    parts = out.with_name("results.parquet.parts")
    arguments = ["classify", "--ray", str(photos), "--out", str(out), "--workers", "2"]
    command = subprocess.Popen(
        [sys.executable, "-m", "coin_core", *arguments],
        cwd=PROJECT_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def count_parts() -> int:
        return len([*parts.glob("*.parquet")])

    try:
        wait_for(lambda: count_parts() >= 1, command)
        workers = [
            process
            for process in psutil.Process(command.pid).children(recursive=True)
            if process.name().startswith("ray::") and "Worker" in process.name()
        ]
        assert workers
        workers[0].send_signal(signal.SIGKILL)
        before = count_parts()
        wait_for(lambda: count_parts() > before, command)
    finally:
        command.kill()  # the command itself
        command.communicate()
    done = pd.concat(pq.read_table(p).to_pandas() for p in parts.glob("*.parquet"))
    assert 0 < done.photo.nunique() < 32
    assert not out.exists()

    finished = run_python("-m", "coin_core", *arguments, check=False, timeout=900)
    assert finished.returncode == 1, finished.stderr
    assert "2 photos cannot be read" in finished.stdout
    results = pd.read_parquet(out).set_index("photo").sort_index()
    assert (len(results), results.index.nunique()) == (30, 30)
    for row in done[done.sentence.isna()].itertuples():
        assert results.loc[row.photo, "seconds"] == row.seconds  # not done again
    bad = pd.read_parquet(tmp_path / "results-bad.parquet")
    assert sorted(Path(p).name for p in bad.photo) == ["empty.png", "letter.jpg"]

    single = run_python(
        *("-m", "coin_core", "classify", "--json", str(photos)), check=False
    )
    lines = [json.loads(line) for line in single.stdout.splitlines()]
    assert {"photo", *lines[0]} - {*results.columns} == {"photo"}
    for line in lines:
        row = results.loc[str(Path(line["photo"]).resolve())]
        assert (None if pd.isna(row.ruler) else row.ruler) == line["ruler"]
        assert row.model == DIGESTS[DEFAULT]
        for ruler, probability in row.probabilities:
            assert probability == pytest.approx(line["probabilities"][ruler], abs=1e-5)
