"""Whatever happens to a catalog's file, each use of it works or says what is wrong."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coin_core.access import acting_as, operator
from coin_core.catalog import (
    Catalog,
    CatalogFace,
    PhotoRecord,
    RotatedBox,
    Side,
    backups,
    open_catalog,
)
from coin_core.catalog.import_records import ImportItem, ItemState
from coin_core.catalog.importing import ingest, ledger
from coin_core.catalog.records import CoinFacts, CoinReference, Prediction, QueueKind
from coin_core.catalog.versions import freeze, list_versions, load_version
from coin_core.cli.main import main
from coin_core.errors import CatalogError, CoinError
from coin_core.jobs import Job, JobKind, hold_job
from coin_core.rulers import DEFAULT_CLASSES
from tests.coin_core.catalog.older_tables import take_back

COUNT = 6
TABLES = (
    *("coins", "coin_references", "photos", "faces", "reviews", "opinions", "edits"),
    *("versions", "version_items", "imports", "import_items"),
)
VALUES = (
    *("'weird'", "X'ff00'", "'{'", "'[1, 2]'", '\'{"a": [null, "b"]}\''),
    *("9e999", "-1"),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a row in every table."""
    folder = tmp_path_factory.mktemp("whole")
    with _opened(folder) as catalog:
        for k in range(COUNT):
            face = CatalogFace(
                box=RotatedBox(left=0, top=0, right=1, bottom=1), side=Side.LEGEND
            )
            facts = CoinFacts(
                ruler_attributed=DEFAULT_CLASSES[k % 2],
                weight_g=1.5,
                die_axis_h=6,
                references=(CoinReference(catalogue="TJC", number="A"),),
            )
            record = PhotoRecord(
                extension="jpg", width_px=4, height_px=3, phash="0" * 64, coin=facts
            )
            catalog.photos.add(b"photo %d" % k, record, [face], who="ada")
            catalog.reviews.add(k + 1, DEFAULT_CLASSES[k % 2], who="ada")
            catalog.predictions.add(
                Prediction(
                    photo_id=k + 1,
                    classifier=name,
                    model_digest="0",
                    probabilities={DEFAULT_CLASSES[0]: 0.75, DEFAULT_CLASSES[1]: 0.25},
                    ruler=DEFAULT_CLASSES[0],
                )
                for name in ("vgg", "knn")
            )
        catalog.edits.set_faces(COUNT, [], who="ada")  # its predictions go
        freeze(catalog, "first", who="ada", fractions=(0.4, 0.3, 0.3))
        made = ledger.create(catalog, "photos", {"paths": ["a"]})
        ledger.enter_items(catalog, made, [("a", None)])
        ledger.record_results(
            catalog,
            made,
            [ImportItem(key="a", state=ItemState.DONE, photo_id=1, message="x")],
        )
    backups.back_up(folder / "catalog.sqlite")
    with contextlib.closing(sqlite3.connect(folder / "catalog.sqlite")) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for table in TABLES:
            assert raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0], table
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, which the commands use too."""
    copy = tmp_path / "data"
    shutil.copytree(whole, copy)
    monkeypatch.setenv("COIN_DATA_DIR", str(copy))
    monkeypatch.delenv("COIN_DATABASE_URL", raising=False)
    return copy


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[Catalog]:
    address = f"sqlite:///{folder}/catalog.sqlite"
    catalog = open_catalog(address, photos_dir=folder / "photos")
    with contextlib.closing(catalog), acting_as(operator()):
        yield catalog


def _uses(catalog: Catalog) -> dict[str, Callable[[], object]]:
    ids = range(1, COUNT + 1)
    return {
        "find": catalog.queries.find,
        "counts": catalog.queries.counts,
        "choices": catalog.queries.choices,
        "queues": lambda: [catalog.queries.queue(kind) for kind in QueueKind],
        "similar": lambda: [catalog.queries.similar(i) for i in ids],
        "progress": catalog.queries.progress,
        "coins": lambda: [catalog.photos.coin(i) for i in ids],
        "of coin": lambda: [catalog.photos.of_coin(i) for i in ids],
        "faces": lambda: catalog.photos.faces_of(ids),
        "hashes": catalog.photos.hashes,
        "reviews": lambda: [catalog.reviews.of_photo(i) for i in ids],
        "agreement": catalog.reviews.agreement,
        "predictions": catalog.predictions.of_photos,
        "history": lambda: [catalog.edits.history(i) for i in ids],
        "versions": lambda: list_versions(catalog),
        "version": lambda: load_version(catalog, "first"),
        "imports": lambda: ingest.list_imports(catalog),
        "items": lambda: ledger.read_items(catalog, 1),
        "spec": lambda: ledger.make_job(catalog, 1),
        "review": lambda: catalog.reviews.add(2, DEFAULT_CLASSES[0], who="ada"),
        "undo": lambda: [catalog.edits.undo(who="ada") for _ in range(4)],
        "redo": lambda: [catalog.edits.redo(who="ada") for _ in range(2)],
        "check": lambda: catalog.check(digests=True),
    }


def _use(folder: Path) -> dict[str, str]:
    """Use everything; returns what was refused. Any other error fails the test."""
    refused: dict[str, str] = {}
    try:
        with _opened(folder) as catalog:
            for name, use in _uses(catalog).items():
                try:
                    use()
                except CoinError as error:
                    refused[name] = str(error)
    except CoinError as error:
        return {"open": str(error)}
    return refused


def _sql(folder: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(folder / "catalog.sqlite")) as raw:
        raw.execute("PRAGMA foreign_keys = OFF")
        for statement in statements:
            raw.execute(statement)
        raw.commit()


def test_a_whole_catalog_is_used_without_a_word(folder):
    assert _use(folder) == {}


@pytest.mark.parametrize(
    "statement",
    [
        *(
            f"UPDATE alembic_version SET version_num = '{state}'"
            for state in ("abc", "", "0000", "0002a", "00015", "1f3c9d2e7a5b", "0001")
        ),
        "DELETE FROM alembic_version",
        "DROP TABLE alembic_version",
        "INSERT INTO alembic_version VALUES ('0001')",
        "ALTER TABLE alembic_version RENAME COLUMN version_num TO other",
        *(f"DROP TABLE {table}" for table in TABLES),
        "ALTER TABLE photos RENAME COLUMN lot_text TO something",
        "ALTER TABLE faces DROP COLUMN turn_deg",
    ],
)
def test_tables_of_no_known_state_are_refused_with_a_way_back(folder, statement):
    _sql(folder, statement)
    before = (folder / "catalog.sqlite").read_bytes()
    refused = _use(folder)
    assert refused
    for sentence in refused.values():
        assert "damaged" in sentence
        assert "backup" in sentence
    if "open" in refused and "'0001'" not in statement:
        assert (folder / "catalog.sqlite").read_bytes() == before


def _columns(folder: Path, table: str) -> list[str]:
    with contextlib.closing(sqlite3.connect(folder / "catalog.sqlite")) as raw:
        rows = raw.execute(f"PRAGMA table_info({table})")
        return [row[1] for row in rows if row[1] != "id"]


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
def test_any_value_in_any_column_is_read_or_refused(folder, table):
    path = folder / "catalog.sqlite"
    sound = path.read_bytes()
    for number, column in enumerate(_columns(folder, table)):
        value = VALUES[number % len(VALUES)]
        path.write_bytes(sound)
        with contextlib.suppress(sqlite3.IntegrityError):
            _sql(folder, f'UPDATE {table} SET "{column}" = {value} WHERE id = 1')
        try:
            _use(folder)
        except Exception as error:
            raise AssertionError(f"{table}.{column} = {value}") from error


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("edits", "before"),
        ("opinions", "probabilities"),
        ("imports", "spec"),
        ("version_items", "face"),
        ("photos", "added_at"),
        ("photos", "width_px"),
    ],
)
def test_the_columns_with_structure_are_read_or_refused(folder, table, column, value):
    _sql(folder, f"UPDATE {table} SET {column} = {value}")
    _use(folder)


def test_deep_json_is_refused(folder):
    deep = "[" * 100_000 + "]" * 100_000
    _sql(folder, f"UPDATE imports SET spec = '{deep}'")
    assert "damaged" in _use(folder)["spec"]


def test_what_is_not_spoilt_can_still_be_used(folder):
    _sql(folder, "UPDATE photos SET status = 'weird' WHERE id = 3")
    refused = _use(folder)
    assert set(refused) <= {"find", "similar", "of coin", "history", "undo", "progress"}
    assert "photos.status holds 'weird'" in refused["find"]
    _sql(folder, """UPDATE opinions SET probabilities = '{"a": "b"}' WHERE id = 1""")
    assert "opinions.probabilities" in _use(folder)["predictions"]


def test_check_names_every_damaged_row(folder, capsys):
    _sql(
        folder,
        "UPDATE photos SET width_px = 'wide' WHERE id = 2",
        "UPDATE edits SET before = '{bad' WHERE id = 4",
    )
    (folder / "photos" / "extra.jpg").write_bytes(b"x")
    assert main(["dataset", "check", "--digests"]) == 1
    said = capsys.readouterr().out
    assert "Row 2 of photos: The catalog is damaged: photos.width_px" in said
    assert "Row 4 of edits" in said
    assert "extra.jpg belongs to no photo" in said


@pytest.mark.parametrize("part", range(8))
def test_a_file_cut_short_is_refused_or_read(folder, part):
    path = folder / "catalog.sqlite"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * part // 8])
    refused = _use(folder)
    assert refused
    assert "backup" in next(iter(refused.values()))


@pytest.mark.parametrize("seed", range(6))
def test_random_damage_is_refused_or_read(folder, seed):
    path = folder / "catalog.sqlite"
    data, choice = bytearray(path.read_bytes()), random.Random(seed)
    for _ in range(40):
        data[choice.randrange(100, len(data))] = choice.randrange(256)
    path.write_bytes(data)
    _use(folder)


@pytest.mark.parametrize("kind", ["text", "folder", "wal", "fifo"])
def test_something_else_in_its_place_is_refused(folder, kind):
    path = folder / "catalog.sqlite"
    if kind == "wal":
        (folder / "catalog.sqlite-wal").write_bytes(os.urandom(50_000))
        assert _use(folder) == {}  # SQLite ignores it
        return
    path.unlink()
    if kind == "text":
        path.write_text("hello\n" * 4000)
    elif kind == "folder":
        path.mkdir()
    else:
        if not hasattr(os, "mkfifo"):
            pytest.skip("needs named pipes")
        os.mkfifo(path)
    assert set(_use(folder)) == {"open"}


@pytest.mark.parametrize("state", ["is empty", "is missing", "is of another program"])
def test_a_lost_catalog_beside_photos_is_not_replaced_by_an_empty_one(folder, state):
    path = folder / "catalog.sqlite"
    copy = backups.back_up(path)
    path.unlink()
    if state != "is missing":
        path.touch()
    if state == "is of another program":
        _sql(folder, "CREATE TABLE books (title TEXT)")
    with pytest.raises(CatalogError, match=rf"{state}.*photos.*dataset restore"):
        open_catalog()
    assert path.is_file() == (state != "is missing")
    assert main(["dataset", "restore"]) == 0
    assert _use(folder) == {}
    assert copy.is_file()


def test_without_a_backup_a_lost_catalog_says_how_to_start_again(folder):
    (folder / "catalog.sqlite").unlink()
    shutil.rmtree(folder / "backups")
    with pytest.raises(CatalogError, match=r"There is no backup.*To start again"):
        open_catalog()
    (folder / "photos").rename(folder / "old photos")
    open_catalog().close()
    assert main(["dataset", "restore"]) == 2


def test_a_restored_catalog_is_the_copy_and_the_old_one_is_kept(folder, capsys):
    path = folder / "catalog.sqlite"
    backups.back_up(path)
    with _opened(folder) as catalog:
        catalog.edits.set_ruler([1], None, who="ada")
    path.write_bytes(b"rubbish" * 1000)
    assert main(["dataset", "restore"]) == 0
    with _opened(folder) as catalog:
        assert catalog.photos.get(1).ruler == DEFAULT_CLASSES[0]
    (aside,) = folder.glob("catalog.replaced.*.sqlite")
    assert aside.read_bytes() == b"rubbish" * 1000
    assert str(aside) in capsys.readouterr().err


def test_a_catalog_at_a_relative_address_is_restored(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COIN_DATABASE_URL", "sqlite:///catalog.sqlite")
    backups.back_up(folder / "catalog.sqlite")
    (folder / "catalog.sqlite").write_bytes(b"rubbish" * 1000)
    assert main(["dataset", "check"]) == 2  # which names the newest backup
    assert "dataset restore" in capsys.readouterr().err
    assert main(["dataset", "restore"]) == 0
    with _opened(folder) as catalog:
        assert catalog.check() == []


@pytest.mark.parametrize("tables", ["of today", "of before"])
def test_ids_given_since_a_backup_are_not_given_again(folder, tables):
    copy = backups.back_up(folder / "catalog.sqlite")
    if tables == "of before":
        take_back(copy, "0002")
    record = PhotoRecord(extension="jpg", width_px=4, height_px=3)
    with _opened(folder) as catalog:
        since = catalog.photos.add(b"since", record, [], who="ada")
    (folder / "photos" / f"{hashlib.sha256(b'since').hexdigest()}.jpg").unlink()
    assert main(["dataset", "restore"]) == 0
    with _opened(folder) as catalog:
        added = catalog.photos.add(b"other", record, [], who="ada")
        assert (added.photo_id, added.coin_id) > (since.photo_id, since.coin_id)
        assert catalog.check() == []


def test_a_damaged_counter_is_not_carried_into_a_backup(folder):
    backups.back_up(folder / "catalog.sqlite")
    _sql(folder, "UPDATE sqlite_sequence SET seq = 'x' WHERE name = 'coins'")
    _sql(folder, f"UPDATE sqlite_sequence SET seq = {2**63 - 1} WHERE name = 'photos'")
    assert main(["dataset", "restore"]) == 0
    record = PhotoRecord(extension="jpg", width_px=4, height_px=3)
    with _opened(folder) as catalog:
        assert catalog.photos.add(b"other", record, [], who="ada").photo_id < 1000


def test_a_catalog_whose_replacement_is_killed_keeps_what_is_in_its_log(
    folder, monkeypatch
):
    path = folder / "catalog.sqlite"
    backups.back_up(path)
    rename = Path.rename

    def rename_and_die(file: Path, target: Path) -> None:
        rename(file, target)
        raise KeyboardInterrupt

    with _opened(folder) as catalog:
        catalog.edits.set_ruler([1], None, who="ada")
        assert (folder / "catalog.sqlite-wal").stat().st_size
        monkeypatch.setattr(Path, "rename", rename_and_die)
        with pytest.raises(KeyboardInterrupt):
            backups.restore(path)
    (aside,) = folder.glob("catalog.replaced.*.sqlite")
    with contextlib.closing(sqlite3.connect(aside)) as raw:
        ruler = "SELECT ruler_attributed FROM coins WHERE id = 1"
        assert raw.execute(ruler).fetchone() == (None,)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE alembic_version SET version_num = '0999'", "a newer version"),
        ("UPDATE alembic_version SET version_num = 'abc'", "no catalog of this"),
        ("DROP TABLE alembic_version", "no such table"),
        ("damage", "malformed"),
    ],
)
def test_a_backup_that_cannot_be_opened_is_not_restored(
    folder, statement, reason, capsys
):
    copy = backups.back_up(folder / "catalog.sqlite")
    if statement == "damage":
        data = bytearray(copy.read_bytes())
        data[-8192:] = b"\xa5" * 8192
        copy.write_bytes(data)
    else:
        with contextlib.closing(sqlite3.connect(copy)) as raw, raw:
            raw.execute(statement)
    before = (folder / "catalog.sqlite").read_bytes()
    assert main(["dataset", "restore"]) == 2
    assert reason in capsys.readouterr().err
    assert (folder / "catalog.sqlite").read_bytes() == before


@pytest.mark.parametrize("name", ["no-such.sqlite", "photos", "text"])
def test_what_is_no_backup_is_not_restored(folder, name):
    (folder / "text").write_text("hello\n" * 2000)
    before = (folder / "catalog.sqlite").read_bytes()
    assert main(["dataset", "restore", str(folder / name)]) == 2
    assert (folder / "catalog.sqlite").read_bytes() == before


@pytest.mark.parametrize("kind", JobKind)
def test_a_backup_is_restored_only_when_no_job_writes_to_the_catalog(
    folder, kind, capsys
):
    path = folder / "catalog.sqlite"
    before = path.read_bytes()
    job = Job(job_id="job-1", kind=kind, title="The job", arguments=())
    with hold_job(job):
        code = main(["dataset", "restore"])
    if kind is JobKind.EXPORT:
        assert code == 0
    else:
        assert code == 2
        assert "The job is not done" in capsys.readouterr().err
        assert path.read_bytes() == before
        assert main(["dataset", "restore"]) == 0


def test_a_copy_is_made_once_a_day_and_the_newest_seven_stay(folder, monkeypatch):
    path = folder / "catalog.sqlite"

    def daily() -> list[str]:
        return [
            copy.name for copy in backups.list_backups(path) if "daily" in copy.name
        ]

    for copy in backups.list_backups(path):
        copy.unlink()
    for _ in range(3):
        _use(folder)
    assert len(daily()) == 1
    for _ in range(9):
        for copy in backups.list_backups(path):
            os.utime(copy, (0, 0))
        with _opened(folder):
            pass
    assert len(daily()) == backups.KEPT
    assert daily() == sorted(daily(), reverse=True)


def test_the_copies_of_a_file_are_known_by_their_names_whatever_it_is_called(tmp_path):
    for name in ("coins", "coins.old", "coins.sqlite", "coins [1].sqlite"):
        path = tmp_path / name
        sqlite3.connect(path).close()
        made = [
            backups.back_up(path, reason)
            for reason in ("daily", "before-0003", "daily", "daily")
        ]
        (tmp_path / "backups" / f"{made[0].name}-wal").touch()
        assert backups.list_backups(path) == made[::-1]


def test_a_catalog_that_stays_open_is_copied_before_the_first_change_of_a_day(
    folder, monkeypatch
):
    path = folder / "catalog.sqlite"
    with _opened(folder) as catalog:
        for copy in backups.list_backups(path):
            os.utime(copy, (0, 0))
        catalog.edits.set_ruler([1], None, who="ada")
        assert len(backups.list_backups(path)) == 1
        monkeypatch.setattr(catalog.database, "_backup_due", 0.0)
        catalog.edits.set_ruler([2], None, who="ada")
        newest = backups.list_backups(path)[0]
    assert len(backups.list_backups(path)) == 2
    with contextlib.closing(sqlite3.connect(newest)) as raw:
        rulers = raw.execute("SELECT ruler_attributed FROM coins ORDER BY id LIMIT 2")
        assert [r for (r,) in rulers] == [None, DEFAULT_CLASSES[1]]


def test_a_damaged_catalog_replaces_no_good_copy(folder, caplog):
    path = folder / "catalog.sqlite"
    (good,) = backups.list_backups(path)
    os.utime(good, (0, 0))
    data = bytearray(path.read_bytes())
    data[-8192:] = b"\xa5" * 8192
    path.write_bytes(data)
    backups.back_up_daily(path)
    assert backups.list_backups(path) == [good]
    assert "could not be copied" in caplog.text


def test_originals_that_are_gone_or_changed_are_named(folder):
    names = sorted(p for p in (folder / "photos").glob("*.jpg"))
    names[0].unlink()
    names[1].write_bytes(b"x")
    names[2].write_bytes(b"photO 9")
    with _opened(folder) as catalog:
        problems = catalog.check(digests=True)
        assert sorted(p.kind for p in problems) == [
            "changed_file",
            "changed_file",
            "missing_file",
        ]
        assert catalog.queries.find().total == COUNT


@pytest.mark.parametrize("shape", ["file", "missing"])
def test_a_photos_folder_that_is_none_is_said(folder, shape):
    shutil.rmtree(folder / "photos")
    if shape == "file":
        (folder / "photos").touch()
    refused = _use(folder)
    assert "open" not in refused
    with _opened(folder) as catalog:
        assert len(catalog.check()) == COUNT
        if shape == "file":
            with pytest.raises(CatalogError, match="could not be stored"):
                catalog.photos.add(
                    b"new",
                    PhotoRecord(extension="jpg", width_px=1, height_px=1),
                    [],
                    who="ada",
                )


def test_undo_leaves_alone_what_a_damaged_record_does_not_fit(folder):
    _sql(folder, f"UPDATE edits SET before = '{json.dumps({'box': 1})}'")
    with _opened(folder) as catalog:
        before = catalog.photos.get_many(range(1, COUNT + 1))
        undone = catalog.edits.undo(who="ada")
        assert undone is not None
        assert len(undone.left_alone) == len(undone.edits)
        assert catalog.photos.get_many(range(1, COUNT + 1)) == before
