"""A catalog that the previous version wrote stays readable and writable."""

import shutil
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from coin_core.catalog import (
    ExcludeReason,
    PhotoQuery,
    PhotoStatus,
    RotatedBox,
    open_catalog,
)
from coin_core.catalog.import_records import ImportState, ItemState
from coin_core.catalog.importing.ingest import list_imports
from coin_core.catalog.importing.ledger import read_items
from coin_core.catalog.versions import list_versions, load_version
from coin_core.imaging import photo_io

INSTALLATION = Path(__file__).parents[2] / "golden" / "installation.zip"
CROPPED, EXCLUDED, REVIEWED, LABELLED = 2, 3, 4, 5


@pytest.fixture
def old_catalog(tmp_path, monkeypatch):
    """The catalog in the data folder of the previous version."""
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("COIN_DATABASE_URL", raising=False)
    with zipfile.ZipFile(INSTALLATION) as archive:
        archive.extractall(tmp_path / "data")
    catalog = open_catalog()
    yield catalog
    catalog.close()


def test_its_photos_are_whole(old_catalog):
    assert old_catalog.check(digests=True) == []
    page = old_catalog.queries.find(PhotoQuery())
    assert page.total == 12
    for photo in page.photos:
        pixels = photo_io.read(old_catalog.photos.path(photo))
        assert pixels.shape[:2] == (photo.height_px, photo.width_px)
        assert len(photo.phash) == 64
    [done] = list_imports(old_catalog)
    assert (done.state, done.done, done.failed) == (ImportState.DONE, 12, 0)
    items = read_items(old_catalog, done.import_id)
    assert {item.state for item in items} == {ItemState.DONE}


def test_its_edits_and_reviews_are_kept(old_catalog):
    [face] = old_catalog.photos.faces(CROPPED)
    assert face.box == RotatedBox(
        left=0.1, top=0.1, right=0.9, bottom=0.9, turn_deg=10.0
    )
    excluded = old_catalog.photos.get(EXCLUDED)
    assert excluded.status is PhotoStatus.EXCLUDED
    assert excluded.exclude_reason is ExcludeReason.WRONG_COIN
    [review] = old_catalog.reviews.of_photo(REVIEWED)
    assert (review.reviewer, review.ruler) == ("fixture", "alexander_jannaeus")
    assert old_catalog.photos.get(REVIEWED).status is PhotoStatus.REVIEWED
    assert old_catalog.photos.get(LABELLED).ruler == "john_hyrcanus_i"
    assert old_catalog.edits.history(CROPPED)[-1].entity == "faces"


def test_its_edits_can_be_undone(old_catalog):
    undone = [old_catalog.edits.undo(who="fixture") for _ in range(3)]
    assert [group.photo_ids for group in undone] == [
        (REVIEWED,),
        (EXCLUDED,),
        (CROPPED,),
    ]
    assert old_catalog.photos.get(EXCLUDED).status is PhotoStatus.UNREVIEWED
    assert old_catalog.photos.faces(CROPPED)[0].box.turn_deg != 10.0
    assert old_catalog.reviews.of_photo(REVIEWED) == ()


def test_its_frozen_version_is_unchanged(old_catalog):
    [summary] = list_versions(old_catalog)
    version = load_version(old_catalog, summary.name)  # compares the digest
    assert version.summary() == summary
    assert (summary.name, len(version.items)) == ("old-version", 11)
    assert EXCLUDED not in {item.photo_id for item in version.items}
    [cropped] = [item for item in version.items if item.photo_id == CROPPED]
    assert cropped.faces == old_catalog.photos.faces(CROPPED)


def contents(path: Path) -> dict[str, object]:
    """The rows, columns and foreign keys of each table, and all indexes."""
    with closing(sqlite3.connect(path)) as raw:
        query = "SELECT name FROM sqlite_master WHERE type = 'table'"
        found: dict[str, object] = {}
        for (name,) in raw.execute(query).fetchall():
            if name not in ("sqlite_sequence", "alembic_version"):
                found[name] = [
                    raw.execute(statement).fetchall()
                    for statement in (
                        f'SELECT * FROM "{name}" ORDER BY id',
                        f'PRAGMA table_info("{name}")',
                        f'PRAGMA foreign_key_list("{name}")',
                    )
                ]
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index'"
        found["indexes"] = sorted(raw.execute(query).fetchall(), key=str)
        return found


def test_its_rows_keys_and_indexes_are_those_of_before(old_catalog, tmp_path):
    with zipfile.ZipFile(INSTALLATION) as archive:
        before = Path(archive.extract("catalog.sqlite", tmp_path / "before"))
    assert contents(Path(old_catalog.database.where)) == contents(before)


def test_a_kill_at_any_statement_of_the_update_loses_nothing(tmp_path, monkeypatch):
    data = tmp_path / "data"
    monkeypatch.setenv("COIN_DATA_DIR", str(data))
    monkeypatch.delenv("COIN_DATABASE_URL", raising=False)
    with zipfile.ZipFile(INSTALLATION) as archive:
        archive.extractall(data)
    before, kills = contents(data / "catalog.sqlite"), []

    def keep(*_: object) -> None:
        """What a kill at this moment leaves on the disk."""
        kills.append(tmp_path / str(len(kills)))
        kills[-1].mkdir()
        for file in data.glob("catalog.sqlite*"):
            shutil.copy(file, kills[-1])

    for moment in ("before_cursor_execute", "commit"):
        event.listen(Engine, moment, keep)
    try:
        open_catalog().close()
    finally:
        for moment in ("before_cursor_execute", "commit"):
            event.remove(Engine, moment, keep)
    assert len(kills) > 40
    for folder in [*kills[::7], *kills[-4:]]:
        monkeypatch.setenv("COIN_DATA_DIR", str(folder))
        open_catalog(photos_dir=data / "photos").close()
        assert contents(folder / "catalog.sqlite") == before
