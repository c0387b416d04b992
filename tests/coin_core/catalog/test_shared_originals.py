"""Originals in a store that several machines share; each has its own data folder."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coin_core import storage
from coin_core.catalog import Catalog, PhotoRecord, open_catalog, shared_originals
from coin_core.errors import CatalogError, UnreadablePhotoError
from coin_core.object_store import ObjectStore

DATA = b"a coin in a photo"
DIGEST = hashlib.sha256(DATA).hexdigest()
NAME = f"{DIGEST}.jpg"
RECORD = PhotoRecord(extension="jpg", width_px=4, height_px=4)


@pytest.fixture
def machine(
    team_store: ObjectStore,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Callable[[str], Catalog]]:
    """A function that opens the catalog as another machine does."""
    opened = []

    def open_as(name: str) -> Catalog:
        monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path / name))
        opened.append(open_catalog(database_url))
        return opened[-1]

    yield open_as
    for catalog in opened:
        catalog.close()


def files_in(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("[!.]*") if p.is_file())


def test_what_one_machine_adds_another_reads(machine, team_store, tmp_path):
    here, there = machine("here"), machine("there")
    added = here.photos.add(DATA, RECORD, [], who="ada")
    assert team_store.read(f"photos/{NAME}") == DATA
    assert team_store.find("incoming/") == {}
    photo = there.photos.get(added.photo_id)
    assert there.photos.has_original(photo)
    for _ in range(2):
        assert there.photos.path(photo).read_bytes() == DATA
    assert there.check(digests=True) == []
    assert files_in(tmp_path / "here" / "cache") == []  # nobody has read it there
    assert there.photos.add(DATA, RECORD, [], who="bert").known


def test_an_original_that_is_missing_comes_back_with_its_photo(machine, team_store):
    catalog = machine("here")
    photo = catalog.photos.get(catalog.photos.add(DATA, RECORD, [], who="ada").photo_id)
    team_store.delete(f"photos/{NAME}")
    assert not catalog.photos.path(photo).exists()
    assert not catalog.photos.has_original(photo)
    assert [problem.kind for problem in catalog.check()] == ["missing_file"]
    assert catalog.photos.add(DATA, RECORD, [], who="ada").known
    assert catalog.photos.path(photo).read_bytes() == DATA


def test_a_changed_original_is_never_shown(machine, team_store, tmp_path):
    catalog = machine("here")
    photo = catalog.photos.get(catalog.photos.add(DATA, RECORD, [], who="ada").photo_id)
    team_store.write(f"photos/{NAME}", DATA[::-1])
    team_store.write("photos/other.jpg", b"")
    with pytest.raises(UnreadablePhotoError, match="changed from outside"):
        catalog.photos.path(photo)
    assert files_in(tmp_path / "here" / "cache") == []
    assert [p.kind for p in catalog.check()] == ["orphan_file"]
    problems = catalog.check(digests=True)
    assert [p.kind for p in problems] == ["orphan_file", "changed_file"]
    assert f"{team_store.url}/photos/{NAME}" in problems[1].sentence


def test_a_removed_photo_is_gone_from_the_store(machine, team_store):
    catalog = machine("here")
    rendered = PhotoRecord(
        extension="jpg", width_px=4, height_px=4, is_rendered=True, source="rendered"
    )
    photo_id = catalog.photos.add(DATA, rendered, [], who="ada").photo_id
    catalog.photos.path(catalog.photos.get(photo_id))
    catalog.photos.remove([photo_id], who="ada")
    assert team_store.find("photos/") == {}
    assert catalog.photos.sweep() == 0


def test_of_what_was_read_a_limited_part_is_kept(machine, monkeypatch, tmp_path):
    monkeypatch.setattr(shared_originals, "KEPT_BYTES", 3000)
    monkeypatch.setattr(storage, "_FRESH_S", 0)
    catalog = machine("here")
    names = []
    for number in range(12):
        data = bytes([number]) * 500
        added = catalog.photos.add(data, RECORD, [], who="ada")
        path = catalog.photos.path(catalog.photos.get(added.photo_id))
        assert path.read_bytes() == data
        names.append(path.name)
        os.utime(path, (time.time() - 100 + number,) * 2)
        catalog.photos.path(catalog.photos.get(1))  # the first one is always in use
    kept = files_in(tmp_path / "here" / "cache" / "originals")
    assert names[0] in kept
    assert names[-1] in kept
    assert 4 <= len(kept) <= 7


def test_a_copy_that_is_used_while_others_are_deleted_stays(monkeypatch, tmp_path):
    monkeypatch.setattr(shared_originals, "KEPT_BYTES", 0)
    originals = shared_originals.SharedOriginals(ObjectStore("s3://coins"), tmp_path)
    for place, name in enumerate(("oldest", "old")):
        (tmp_path / name).write_bytes(b"photo")
        os.utime(tmp_path / name, (time.time() - 10_000 + place,) * 2)
    unlink = Path.unlink

    def unlink_slowly(path: Path, **options: bool) -> None:
        unlink(path, **options)
        originals.path("old")

    monkeypatch.setattr(Path, "unlink", unlink_slowly)
    originals._prune()
    assert files_in(tmp_path) == ["old"]


def test_a_store_that_fails_while_a_photo_is_added_leaves_neither_half(
    machine, team_store, monkeypatch
):
    catalog = machine("here")
    write = ObjectStore.write

    def fail(store, name, data):
        if name.startswith("photos/"):
            raise CatalogError("The store is full.")
        write(store, name, data)

    monkeypatch.setattr(ObjectStore, "write", fail)
    with pytest.raises(CatalogError, match="full"):
        catalog.photos.add(DATA, RECORD, [], who="ada")
    assert catalog.queries.find().photos == ()
    assert team_store.find("") == {}


def test_what_a_killed_process_left_is_swept_but_not_from_under_a_living_one(
    machine, team_store
):
    catalog, other = machine("here"), machine("there")
    lost = f"{'0' * 64}.jpg"
    team_store.write(f"photos/{lost}", b"half")
    team_store.write(f"incoming/{lost}~1", b"")
    if not catalog.database.is_sqlite:  # SQLite is for the processes of one machine
        with other.photos.originals.announced(NAME):
            assert catalog.photos.sweep() == 0
        assert f"photos/{lost}" in team_store.find("photos/")
    assert catalog.photos.sweep() == 1
    assert team_store.find("") == {}


@pytest.mark.slow
@pytest.mark.usefixtures("team_store")
def test_a_kill_leaves_neither_half_a_photo_nor_a_lost_decision(machine, project_root):
    reader = machine("here")
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("writers.py"), "kill", "12"],
        cwd=project_root,
        env={**os.environ, "PYTHONPATH": str(project_root)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    promised = {int(word) for word in done.stdout.split()}
    assert len(promised) >= 12
    assert reader.photos.sweep() <= 12
    assert reader.check(digests=True) == []
    there = {photo.photo_id for photo in reader.queries.find(limit=100_000).photos}
    assert promised <= there
    assert all(reader.reviews.of_photo(photo_id) for photo_id in promised)
