"""Opening: new, old, damaged, locked, full and unreachable databases."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, make_url, text

from coin_core import catalog as package
from coin_core.catalog import Catalog, PhotoRecord, database, open_catalog
from coin_core.catalog.schema import HEAD, Row
from coin_core.errors import CatalogError
from tests.coin_core.catalog.older_tables import take_back

PLAIN = PhotoRecord(extension="jpg", width_px=40, height_px=30)
MIGRATIONS = Path(package.__file__).parent / "migrations"


def test_the_migrations_make_the_tables_of_the_program(empty_database_url: str):
    made = open_catalog(empty_database_url)
    with contextlib.closing(made) as catalog, catalog.database.reading() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Row.metadata) == []


def test_the_newest_migration_is_the_one_that_opening_looks_for():
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_a_catalog_is_there_again_when_it_is_opened_again(catalog, database_url):
    added = catalog.photos.add(b"x", PLAIN, [], who="ada")
    catalog.close()
    reopened = open_catalog(database_url)
    assert reopened.photos.get(added.photo_id).byte_size == 1
    reopened.close()


def test_without_a_url_it_lies_in_the_data_folder(monkeypatch):
    monkeypatch.delenv("COIN_DATABASE_URL", raising=False)
    opened = open_catalog()
    opened.close()
    assert opened.database.where == str(
        Path(os.environ["COIN_DATA_DIR"]) / "catalog.sqlite"
    )
    raw = sqlite3.connect(opened.database.where)
    assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    raw.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_processes_that_open_a_new_catalog_at_once_all_succeed(
    empty_database_url: str, project_root: Path
):
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("writers.py"), "open", "3"],
        env=os.environ | {"PYTHONPATH": str(project_root)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


def test_threads_that_open_a_new_catalog_at_once_all_succeed(empty_database_url: str):
    opened: list[Catalog] = []
    threads = [
        threading.Thread(target=lambda: opened.append(open_catalog(empty_database_url)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 3
    for one in opened:
        one.close()


def test_a_catalog_that_is_made_while_somebody_looks_for_it_is_not_damaged(
    empty_database_url: str, monkeypatch
):
    dialect = make_url(empty_database_url).get_dialect()
    has_table, others = dialect.has_table, list[Catalog | None]()

    def has_table_before_it_is_made(*args: Any, **options: Any) -> bool:
        found = has_table(*args, **options)
        if not others:
            others.append(None)  # this one looks as well
            others[0] = open_catalog(empty_database_url)
        return found

    monkeypatch.setattr(dialect, "has_table", has_table_before_it_is_made)
    for catalog in (open_catalog(empty_database_url), *others):
        catalog.close()


def test_a_catalog_of_a_newer_program_is_refused(catalog, database_url):
    with catalog.database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CatalogError, match="newer version"):
        open_catalog(database_url)


def as_it_was_first(path: Path) -> None:
    """A filled catalog, taken back to its first tables."""
    with contextlib.closing(open_catalog(f"sqlite:///{path}")) as made:
        made.photos.add(b"x", PLAIN, [], who="ada")
    take_back(path, "0001")


def test_a_copy_is_kept_before_tables_change(tmp_path: Path, caplog):
    path = tmp_path / "catalog.sqlite"
    as_it_was_first(path)
    with contextlib.closing(open_catalog(f"sqlite:///{path}")) as catalog:
        assert catalog.queries.find().total == 1
        assert catalog.check() == []
    (copy,) = (tmp_path / "backups").glob("catalog.before-*.sqlite")
    assert str(copy) in caplog.text
    with contextlib.closing(sqlite3.connect(copy)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert raw.execute("SELECT version_num FROM alembic_version").fetchone() == (
            "0001",
        )
        assert raw.execute("SELECT count(*) FROM photos").fetchone() == (1,)
        assert "label_evidence" not in str(
            raw.execute("SELECT sql FROM sqlite_master").fetchall()
        )
    open_catalog(f"sqlite:///{path}").close()
    copies = list((tmp_path / "backups").glob("catalog.before-*"))
    assert len(copies) == 1  # not at every opening


def test_tables_stay_as_they_are_where_no_copy_can_be_kept(tmp_path, monkeypatch):
    path = tmp_path / "catalog.sqlite"
    as_it_was_first(path)

    def full(self: Path, other: Path) -> Path:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        with pytest.raises(CatalogError, match=r"nothing was changed. Make room"):
            open_catalog(f"sqlite:///{path}")
    with contextlib.closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchone() == (
            "0001",
        )
    assert [p.name for p in tmp_path.glob("*before*")] == []
    open_catalog(f"sqlite:///{path}").close()


@pytest.mark.parametrize("damage", ["header", "middle", "short"])
def test_a_damaged_file_is_refused_and_kept(tmp_path: Path, damage: str):
    path = tmp_path / "catalog.sqlite"
    made = open_catalog(f"sqlite:///{path}")
    made.photos.add(b"x", PLAIN, [], who="ada")
    made.close()
    data = bytearray(path.read_bytes())
    if damage == "header":
        data[:4096] = b"\xa5" * 4096
    elif damage == "middle":
        data[4096:] = b"\xa5" * (len(data) - 4096)
    else:
        del data[9000:]
    path.write_bytes(data)

    def use() -> None:
        with contextlib.closing(open_catalog(f"sqlite:///{path}")) as opened:
            opened.queries.counts()

    with pytest.raises(CatalogError, match=r"damaged.*left as it is.*backup"):
        use()
    assert path.read_bytes()[4096:] == bytes(data[4096:])


def test_a_locked_file_is_refused_after_a_while(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(database, "WAIT_S", 0.1)
    path = tmp_path / "catalog.sqlite"
    catalog = open_catalog(f"sqlite:///{path}")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(CatalogError, match=r"another program.*nothing was changed"):
        catalog.photos.add(b"x", PLAIN, [], who="ada")
    assert catalog.queries.find().total == 0  # reading goes on
    other.execute("ROLLBACK")
    catalog.photos.add(b"x", PLAIN, [], who="ada")
    other.close()
    assert catalog.check() == []
    catalog.close()


def test_a_full_disk_changes_nothing(tmp_path: Path):
    catalog = open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite")

    def fill_up(raw: sqlite3.Connection, _record: object) -> None:
        raw.execute("PRAGMA max_page_count = 1")  # not below what there is

    event.listen(catalog.database._engine, "connect", fill_up)
    catalog.close()

    def add_many() -> None:
        for k in range(200):
            catalog.photos.add(b"%d" % k, PLAIN, [], who="ada")

    with pytest.raises(CatalogError, match=r"full; nothing was changed"):
        add_many()
    total = catalog.queries.find().total
    assert total == len(list(catalog.photos_dir.glob("*.jpg")))
    assert catalog.check() == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may do all")
def test_a_file_that_may_not_be_written_is_refused(tmp_path: Path):
    path = tmp_path / "catalog.sqlite"
    open_catalog(f"sqlite:///{path}").close()
    path.chmod(0o400)
    tmp_path.chmod(0o500)
    with pytest.raises(CatalogError, match="rights"):
        open_catalog(f"sqlite:///{path}").add_photo(b"x", PLAIN, [], who="ada")
    tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("no address", "no database address"),
        ("mysql://user:hidden@host/x", "SQLite file or on PostgreSQL"),
        ("sqlite://", "SQLite file"),
        ("postgresql://ada:hidden@127.0.0.1:1/coins", r"cannot be reached.*Start it"),
    ],
)
def test_an_address_that_leads_nowhere_is_explained(monkeypatch, url, says):
    monkeypatch.setenv("COIN_DATABASE_URL", url)
    with pytest.raises(CatalogError, match=says) as caught:
        open_catalog()
    assert "hidden" not in str(caught.value)


def test_a_folder_in_place_of_the_file_is_explained(tmp_path: Path):
    (tmp_path / "catalog.sqlite").mkdir()
    with pytest.raises(CatalogError, match="cannot be opened"):
        open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite")
    (tmp_path / "file").touch()
    with pytest.raises(CatalogError, match="cannot be made"):
        open_catalog(f"sqlite:///{tmp_path}/file/deeper/catalog.sqlite")


def test_an_error_in_a_transaction_takes_all_of_it_back(catalog: Catalog):
    added = catalog.photos.add(b"x", PLAIN, [], who="ada")

    def fail_half_way() -> None:
        with catalog.database.writing() as connection:
            connection.execute(text("UPDATE photos SET status = 'reviewed'"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert catalog.photos.get(added.photo_id).status == "unreviewed"
