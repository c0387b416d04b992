"""A copy of the data folder on another disk is enough to go on with."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from coin_core.access import acting_as, operator
from coin_core.catalog import PhotoRecord, backups, open_catalog
from coin_core.cli.main import main


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with two photos and a run."""
    folder = tmp_path / "data"
    monkeypatch.setenv("COIN_DATA_DIR", str(folder))
    monkeypatch.delenv("COIN_DATABASE_URL", raising=False)
    add(b"first")
    add(b"second")
    (folder / "runs" / "a").mkdir(parents=True)
    (folder / "runs" / "a" / "report.json").write_text("{}")
    (folder / "cache").mkdir(exist_ok=True)
    (folder / "cache" / "page").write_text("again from the network")
    return folder


def add(photo: bytes) -> None:
    record = PhotoRecord(extension="jpg", width_px=4, height_px=3, phash="0" * 64)
    catalog = open_catalog()
    with acting_as(operator()):
        catalog.photos.add(photo, record, [], who="ada")
    catalog.close()


def back_up(out: Path, capsys: pytest.CaptureFixture[str]) -> int:
    capsys.readouterr()
    assert main(["dataset", "backup", str(out)]) == 0
    words = capsys.readouterr().err.split()
    return int(words[words.index("with") + 1])


def test_a_copy_is_whole_and_the_next_one_takes_what_is_new(
    data, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "elsewhere"
    assert back_up(out, capsys) >= 3
    assert back_up(out, capsys) == 0
    # A copy that was killed is done again; what changed is replaced.
    (original,) = (p for p in (out / "photos").glob("*.jpg") if p.read_bytes() < b"s")
    original.rename(original.with_name(f".{original.name}.part"))
    (data / "runs" / "a" / "report.json").write_text('{"right": 1}')
    assert back_up(out, capsys) == 2
    add(b"third")
    back_up(out, capsys)
    assert not (out / "cache").exists()
    monkeypatch.setenv("COIN_DATA_DIR", str(out))
    assert main(["dataset", "check", "--digests"]) == 0
    assert len(list((out / "photos").glob("[!.]*.jpg"))) == 3
    assert (out / "runs" / "a" / "report.json").read_text() == '{"right": 1}'


def test_a_file_of_the_same_size_and_second_is_copied_again(data, tmp_path, capsys):
    report, out = data / "runs" / "a" / "report.json", tmp_path / "elsewhere"
    for text, milliseconds in (("[1]", 100), ("[2]", 800)):
        report.write_text(text)
        time_ns = (1_700_000_000_000 + milliseconds) * 10**6
        os.utime(report, ns=(time_ns, time_ns))
        back_up(out, capsys)
        assert (out / "runs" / "a" / "report.json").read_text() == text


def test_what_replaces_a_file_while_it_is_copied_is_copied_the_next_time(
    data, tmp_path, monkeypatch, capsys
):
    report, out = data / "runs" / "a" / "report.json", tmp_path / "elsewhere"
    os.utime(report, (1_700_000_000, 1_700_000_000))

    def copy_too_early(file: Path, copy: Path) -> None:
        shutil.copyfile(file, copy)
        if file == report:
            report.write_text("[]")
        shutil.copystat(file, copy)

    with monkeypatch.context() as patch:
        patch.setattr(backups.shutil, "copy2", copy_too_early)
        back_up(out, capsys)
    back_up(out, capsys)
    assert (out / "runs" / "a" / "report.json").read_text() == "[]"


def test_a_folder_that_is_deleted_meanwhile_ends_no_copy(
    data, tmp_path, monkeypatch, capsys
):
    shutil.copytree(data / "runs" / "a", data / "runs" / "b")
    copy_changed = backups._copy_changed

    def delete_the_other(file: Path, copy: Path) -> bool:
        if file.name == "report.json":
            other = {"a": "b", "b": "a"}[file.parent.name]
            shutil.rmtree(data / "runs" / other)
        return copy_changed(file, copy)

    monkeypatch.setattr(backups, "_copy_changed", delete_the_other)
    out = tmp_path / "elsewhere"
    assert back_up(out, capsys) >= 1
    assert len(list((out / "runs").iterdir())) == 1


def test_a_damaged_dataset_replaces_no_copy(data, tmp_path, capsys):
    out = tmp_path / "elsewhere"
    back_up(out, capsys)
    good = (out / "catalog.sqlite").read_bytes()
    file = data / "catalog.sqlite"
    with sqlite3.connect(file) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    damaged = bytearray(file.read_bytes())
    damaged[4096 : len(damaged) // 2] = bytes(len(damaged) // 2 - 4096)
    file.write_bytes(damaged)
    assert main(["dataset", "backup", str(out)]) != 0
    assert "Traceback" not in capsys.readouterr().err
    assert (out / "catalog.sqlite").read_bytes() == good


def test_a_log_that_was_left_beside_a_copy_spoils_no_newer_one(data, tmp_path, capsys):
    out = tmp_path / "elsewhere"
    back_up(out, capsys)
    copy, log = out / "catalog.sqlite", out / "catalog.sqlite-wal"
    with closing(sqlite3.connect(copy)) as raw:
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute("UPDATE photos SET lot_text = 'a note of the copy alone'")
        raw.commit()
        left = log.read_bytes()
    log.write_bytes(left)  # as a kill leaves it
    add(b"third")
    back_up(out, capsys)
    assert not log.exists()
    with closing(sqlite3.connect(copy)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert raw.execute("SELECT lot_text FROM photos").fetchall() == [("",)] * 3


def test_a_copy_that_is_open_as_a_dataset_is_not_replaced(
    data, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "elsewhere"
    back_up(out, capsys)
    monkeypatch.setenv("COIN_DATA_DIR", str(out))
    catalog = open_catalog()
    with acting_as(operator()):
        catalog.edits.set_ruler([1], "john_hyrcanus_i", who="ada")
    monkeypatch.setenv("COIN_DATA_DIR", str(data))
    assert main(["dataset", "backup", str(out)]) != 0
    assert "is open in another program" in capsys.readouterr().err
    assert catalog.photos.get(1).ruler == "john_hyrcanus_i"
    catalog.close()
    back_up(out, capsys)


@pytest.mark.parametrize("state", ["of another dataset", "of another program", "text"])
def test_another_catalog_in_the_folder_of_a_copy_is_not_replaced(
    data, tmp_path, monkeypatch, state, capsys
):
    out = tmp_path / "elsewhere"
    file = out / "catalog.sqlite"
    monkeypatch.setenv("COIN_DATA_DIR", str(out))
    add(b"first")
    if state == "text":
        file.write_text("hello" * 2000)
    elif state == "of another program":
        file.unlink()
        with closing(sqlite3.connect(file)) as raw:
            raw.execute("CREATE TABLE books (title TEXT)")
    before = file.read_bytes()
    monkeypatch.setenv("COIN_DATA_DIR", str(data))
    assert main(["dataset", "backup", str(out)]) != 0
    assert "Name another folder, or move that file away" in capsys.readouterr().err
    assert file.read_bytes() == before
    file.rename(out / "other.sqlite")
    back_up(out, capsys)


def test_a_copy_of_rendered_coins_alone_is_replaced(data, tmp_path, capsys):
    out = tmp_path / "elsewhere"
    back_up(out, capsys)
    with closing(sqlite3.connect(out / "catalog.sqlite")) as raw:
        raw.execute("UPDATE photos SET is_rendered = 1, added_at = '2020-01-01'")
        raw.commit()
    back_up(out, capsys)
    with closing(sqlite3.connect(out / "catalog.sqlite")) as raw:
        assert raw.execute("SELECT max(is_rendered) FROM photos").fetchone() == (0,)


@pytest.mark.parametrize("where", ["data", "data/copy", "."])
def test_a_folder_within_the_other_is_refused(data, tmp_path, where, capsys):
    assert main(["dataset", "backup", str(tmp_path / where)]) != 0
    assert "on another disk" in capsys.readouterr().err


def test_postgresql_has_tools_of_its_own(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("COIN_DATABASE_URL", "postgresql://coin@nowhere/coins")
    assert main(["dataset", "backup", str(tmp_path / "copy")]) != 0
    assert "back it up by PostgreSQL's own tools" in capsys.readouterr().err


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("[!.]*.jpg")}


@pytest.mark.parametrize("inner", [".", "more"])
def test_linked_folders_are_copied_too(data, tmp_path, inner, capsys):
    names = names_in(data / "photos")
    other, out = tmp_path / "other disk", tmp_path / "elsewhere"
    (data / "runs" / "a" / inner).mkdir(exist_ok=True)
    (data / "runs" / "a" / inner / "weights").write_text("1")
    for name in ("photos", "runs/a"):
        (data / name).rename(other := other.with_name(f"{other.name}."))
        (data / name).symlink_to(other, target_is_directory=True)
    (data / "runs" / "a" / "back").symlink_to(data / "runs")  # and round and round
    back_up(out, capsys)
    assert names_in(out / "photos") == names
    assert (out / "runs" / "a" / inner / "weights").read_text() == "1"
    assert not (out / "runs" / "a" / "back").exists()


def test_a_folder_that_data_is_linked_to_is_no_place_for_a_copy(data, tmp_path, capsys):
    out = tmp_path / "elsewhere"
    (data / "photos").rename(out)
    (data / "photos").symlink_to(out)
    assert main(["dataset", "backup", str(out)]) != 0
    assert "on another disk" in capsys.readouterr().err


def test_a_catalog_from_elsewhere_is_copied_with_the_photos(
    data, tmp_path, monkeypatch, capsys
):
    home, out = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    (home / "letter").write_text("of somebody")
    shutil.move(data / "catalog.sqlite", home / "coins.sqlite")
    monkeypatch.setenv("COIN_DATABASE_URL", f"sqlite:///{home}/coins.sqlite")
    add(b"third")
    back_up(out, capsys)
    assert not (out / "letter").exists()
    assert (out / "runs" / "a" / "report.json").exists()
    monkeypatch.delenv("COIN_DATABASE_URL")
    monkeypatch.setenv("COIN_DATA_DIR", str(out))
    assert main(["dataset", "check", "--digests"]) == 0
    assert len(names_in(out / "photos")) == 3


def test_a_copy_into_the_folder_of_the_catalog_is_refused(
    data, tmp_path, monkeypatch, capsys
):
    home = tmp_path / "home"
    home.mkdir()
    shutil.move(data / "catalog.sqlite", home / "catalog.sqlite")
    monkeypatch.setenv("COIN_DATABASE_URL", f"sqlite:///{home}/catalog.sqlite")
    before = (home / "catalog.sqlite").read_bytes()
    assert main(["dataset", "backup", str(home)]) != 0
    assert "on another disk" in capsys.readouterr().err
    assert (home / "catalog.sqlite").read_bytes() == before


def test_photos_that_are_missing_in_a_copy_are_named(
    data, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "elsewhere"
    lost, other = sorted(names_in(data / "photos"))
    (data / "photos" / lost).unlink()
    back_up(out, capsys)
    assert names_in(out / "photos") == {other}
    assert main(["dataset", "backup", str(out)]) == 0
    assert "1 of its photos are missing" in capsys.readouterr().err
    monkeypatch.setattr(backups, "_copy_changed", lambda file, copy: False)
    assert main(["dataset", "backup", str(tmp_path / "empty")]) != 0
    assert f"1 photos could not be copied to {tmp_path / 'empty'}" in (
        capsys.readouterr().err
    )


def test_photos_in_a_store_are_said_to_stay_there(data, tmp_path, monkeypatch, capsys):
    shutil.rmtree(data / "photos")
    monkeypatch.setenv("COIN_STORAGE_URL", "s3://team/coins")
    assert main(["dataset", "backup", str(tmp_path / "elsewhere")]) == 0
    said = capsys.readouterr().err
    assert "Its photos stay in s3://team/coins/photos alone." in said
    assert "missing" not in said


@pytest.fixture
def read_only(data, monkeypatch) -> None:
    """A data folder where SQLite can write nothing, as on a read-only medium."""
    connect = sqlite3.connect

    class Refusing(sqlite3.Connection):
        def execute(self, *words: object) -> sqlite3.Cursor:
            raise sqlite3.OperationalError("unable to open database file")

    def refuse(database: object, **options: object) -> sqlite3.Connection:
        if str(data) in str(database) and "immutable=1" not in str(database):
            options["factory"] = Refusing
        return connect(database, **options)

    monkeypatch.setattr(backups.sqlite3, "connect", refuse)


@pytest.mark.usefixtures("read_only")
def test_a_data_folder_that_cannot_be_written_is_copied(data, tmp_path, capsys):
    back_up(tmp_path / "elsewhere", capsys)
    (data / "catalog.sqlite-wal").write_bytes(b"what is not in the file yet")
    assert main(["dataset", "backup", str(tmp_path / "elsewhere")]) != 0
    assert "unable to open" in capsys.readouterr().err


@pytest.mark.usefixtures("read_only")
def test_a_backup_that_cannot_be_written_is_restored(
    data, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path / "other"))
    backups.restore(tmp_path / "other" / "catalog.sqlite", data / "catalog.sqlite")
    assert open_catalog().photos.get(2).photo_id == 2


def test_a_copy_is_one_file_without_a_log(data, tmp_path, capsys):
    back_up(tmp_path / "elsewhere", capsys)
    with closing(sqlite3.connect(tmp_path / "elsewhere" / "catalog.sqlite")) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("delete",)
