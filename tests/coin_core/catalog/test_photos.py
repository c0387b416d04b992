"""Photos go in whole or not at all, and come out as they went in."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from coin_core.catalog import (
    Catalog,
    CatalogFace,
    CoinFacts,
    CoinReference,
    PhotoRecord,
    RotatedBox,
    Side,
    open_catalog,
)
from coin_core.catalog import file_store as originals_module
from coin_core.errors import CatalogError

PLAIN = PhotoRecord(extension="jpg", width_px=40, height_px=30)
LEFT = CatalogFace(
    box=RotatedBox(left=0, top=0, right=0.5, bottom=1, turn_deg=12.5), side=Side.LEGEND
)
RIGHT = CatalogFace(box=RotatedBox(left=1 / 3, top=0, right=1, bottom=1))


def test_a_photo_comes_out_as_it_went_in(catalog: Catalog):
    record = PhotoRecord(
        extension="png",
        width_px=800,
        height_px=600,
        phash="0f" * 32,
        file_name="<b>יהוחנן</b>.png",
        source="own camera",
        source_url="https://example.org/lot/5",
        licence="cc-by-4.0",
        licence_raw="CC BY 4.0",
        credit="A. Museum",
        lot_text="Hasmonean; =cmd|' /C calc'!A0",
        retrieved_at=datetime(2024, 5, 1, 12, 30, tzinfo=UTC),
        quality=0.75,
        coin=CoinFacts(
            name_on_coin="yehohanan",
            ruler_attributed="john_hyrcanus_i",
            authority="TJC 2001",
            denomination="prutah",
            weight_g=2.13,
            diameter_mm=14.5,
            die_axis_h=12,
            references=(
                CoinReference(catalogue="Hendin", number="1132", edition="GBC5"),
                CoinReference(catalogue="TJC", number="A"),
            ),
        ),
    )
    added = catalog.photos.add(b"bytes", record, [LEFT, RIGHT], who="ada")
    photo = catalog.photos.get(added.photo_id)
    for name in (
        "file_name",
        "lot_text",
        "retrieved_at",
        "quality",
        "phash",
        "licence",
    ):
        assert getattr(photo, name) == getattr(record, name)
    assert photo.sha256 == hashlib.sha256(b"bytes").hexdigest()
    assert (photo.byte_size, photo.ruler) == (5, "john_hyrcanus_i")
    assert photo.added_at.tzinfo is not None
    assert catalog.photos.faces(photo.photo_id) == (LEFT, RIGHT)
    assert catalog.photos.path(photo).read_bytes() == b"bytes"
    coin = catalog.photos.coin(added.coin_id)
    assert coin.references == record.coin.references
    assert (coin.weight_g, coin.die_axis_h) == (2.13, 12)
    assert catalog.check(digests=True) == []


def test_the_same_bytes_are_known(catalog: Catalog):
    first = catalog.photos.add(b"bytes", PLAIN, [LEFT], who="ada")
    again = catalog.photos.add(
        b"bytes", replace(PLAIN, extension="jpeg", file_name="x"), [], who="bert"
    )
    assert again == replace(first, known=True)
    assert catalog.queries.find().total == 1
    assert catalog.check() == []


def test_a_second_photo_of_a_coin_shares_its_label(catalog: Catalog):
    first = catalog.photos.add(b"one", PLAIN, [], who="ada")
    second = catalog.photos.add(b"two", PLAIN, [], coin_id=first.coin_id, who="ada")
    catalog.edits.set_ruler([first.photo_id], "alexander_jannaeus", who="ada")
    assert catalog.photos.get(second.photo_id).ruler == "alexander_jannaeus"
    shown = catalog.photos.of_coin(first.coin_id)
    assert [photo.photo_id for photo in shown] == [first.photo_id, second.photo_id]


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda c: c.photos.get(7), "no photo 7"),
        (lambda c: c.photos.coin(7), "no coin 7"),
        (lambda c: c.photos.add(b"x", PLAIN, [], coin_id=7, who="ada"), "no coin 7"),
        (lambda c: c.photos.add(b"x", PLAIN, [], who="  "), "signed"),
        (lambda c: replace(PLAIN, extension="../x"), "letters and digits"),
        (lambda c: replace(PLAIN, width_px=0), "at least one pixel"),
        (lambda c: replace(PLAIN, quality=1.5), "Quality"),
        (lambda c: CoinFacts(weight_g=-1), "weight_g"),
        (lambda c: CoinFacts(die_axis_h=13), "1 to 12"),
    ],
)
def test_what_cannot_be_is_refused_without_a_trace(catalog: Catalog, act, says):
    with pytest.raises(CatalogError, match=says):
        act(catalog)
    assert catalog.queries.find().total == 0
    assert catalog.check() == []


def test_a_full_disk_leaves_nothing_behind(catalog: Catalog, monkeypatch):
    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(originals_module, "write_file", full)
    with pytest.raises(CatalogError, match=r"disk is full.*nothing was changed"):
        catalog.photos.add(b"x", PLAIN, [], who="ada")
    monkeypatch.undo()
    assert catalog.queries.find().total == 0
    assert catalog.check() == []


def test_a_row_that_fails_takes_its_file_along(catalog: Catalog, monkeypatch):
    def fail(*args: object) -> None:
        raise CatalogError("The disk of the catalog is full.")

    monkeypatch.setattr(type(catalog.photos), "_insert", fail)
    with pytest.raises(CatalogError):
        catalog.photos.add(b"x", PLAIN, [], who="ada")
    monkeypatch.undo()
    left = [p.name for p in catalog.photos_dir.iterdir() if not p.name.startswith(".")]
    assert left == []


def test_a_check_while_photos_are_added_finds_nothing_wrong(catalog: Catalog):
    def add() -> None:
        for number in range(40):
            catalog.photos.add(b"photo %d" % number, PLAIN, [], who="ada")

    with ThreadPoolExecutor(1) as thread:
        adding = thread.submit(add)
        while not adding.done():
            assert catalog.check(digests=True) == []
        adding.result()


def test_an_original_that_is_removed_during_a_check_is_not_missed(
    catalog: Catalog, monkeypatch
):
    rendered = replace(PLAIN, is_rendered=True)
    added = catalog.photos.add(b"bytes", rendered, [], who="ada")
    is_unchanged = type(catalog.photos.originals)._is_unchanged

    def remove_first(self: originals_module.Originals, name: str) -> bool:
        catalog.photos.remove([added.photo_id], who="ada")
        return is_unchanged(self, name)

    monkeypatch.setattr(type(catalog.photos.originals), "_is_unchanged", remove_first)
    assert catalog.check(digests=True) == []


def test_a_missing_original_is_healed_by_importing_it_again(catalog: Catalog):
    added = catalog.photos.add(b"bytes", PLAIN, [], who="ada")
    path = catalog.photos.path(catalog.photos.get(added.photo_id))
    path.unlink()
    assert [p.kind for p in catalog.check()] == ["missing_file"]
    assert catalog.photos.add(b"bytes", PLAIN, [], who="ada").known
    assert path.read_bytes() == b"bytes"
    path.write_bytes(b"other")
    assert [p.kind for p in catalog.check(digests=True)] == ["changed_file"]
    assert catalog.photos.add(b"bytes", PLAIN, [], who="ada").known
    assert catalog.check(digests=True) == []
    (catalog.photos_dir / "stray.jpg").write_bytes(b"")
    assert "orphan_file" in [p.kind for p in catalog.check()]


def test_rendered_photos_are_removed_and_photographs_are_not(catalog: Catalog):
    rendered = replace(PLAIN, is_rendered=True)
    demo = [
        catalog.photos.add(b"%d" % k, rendered, [LEFT], who="ada") for k in range(3)
    ]
    real = catalog.photos.add(b"real", PLAIN, [LEFT], who="ada")
    catalog.reviews.add(demo[0].photo_id, "john_hyrcanus_i", who="ada")
    ids = [added.photo_id for added in demo]
    with pytest.raises(CatalogError, match="never deleted"):
        catalog.photos.remove([*ids, real.photo_id], who="ada")
    assert catalog.queries.find().total == 4
    assert catalog.photos.remove(ids, who="ada") == 3
    assert [photo.photo_id for photo in catalog.queries.find().photos] == [
        real.photo_id
    ]
    with pytest.raises(CatalogError):
        catalog.photos.coin(demo[0].coin_id)
    assert catalog.edits.undo(who="ada") is None
    assert catalog.check() == []


def test_the_ids_of_removed_photos_and_coins_are_not_given_again(catalog: Catalog):
    rendered = replace(PLAIN, is_rendered=True)
    gone = [catalog.photos.add(b"%d" % k, rendered, [], who="ada") for k in range(3)]
    catalog.photos.remove([added.photo_id for added in gone], who="ada")
    added = catalog.photos.add(b"new", PLAIN, [], who="ada")
    assert added.photo_id > gone[-1].photo_id
    assert added.coin_id > gone[-1].coin_id


def test_threads_adding_the_same_photos_agree(catalog: Catalog):
    added: list[object] = []
    errors: list[BaseException] = []

    def add() -> None:
        try:
            for k in range(8):
                added.append(catalog.photos.add(b"%d" % k, PLAIN, [LEFT], who="ada"))
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert (len(added), sum(not a.known for a in added)) == (24, 8)
    assert catalog.queries.find().total == 8
    assert catalog.check() == []


def run_writers(root: Path, job: str, number: int) -> set[int]:
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("writers.py"), job, str(number)],
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return {int(word) for word in done.stdout.split()}


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@needs_fork
def test_two_processes_writing_at_once_lose_nothing(catalog, project_root):
    assert len(run_writers(project_root, "both", 15)) == 30
    assert catalog.queries.progress().reviewed == 30
    assert len(catalog.reviews.agreement().reviewers) == 2
    assert catalog.check(digests=True) == []


@pytest.mark.slow
@needs_fork
def test_a_kill_leaves_neither_half_a_photo_nor_a_lost_decision(
    catalog: Catalog, database_url: str, project_root: Path
):
    promised = run_writers(project_root, "kill", 12)
    assert len(promised) >= 12
    reopened = open_catalog(database_url)
    assert reopened.check(digests=True) == []
    there = {photo.photo_id for photo in reopened.queries.find(limit=100_000).photos}
    assert promised <= there
    assert all(
        len(faces) == 1 for faces in reopened.photos.faces_of(list(there)).values()
    )
    assert all(reopened.reviews.of_photo(photo_id) for photo_id in promised)
    reopened.close()


def test_opening_settles_what_a_killed_process_left(
    catalog: Catalog, database_url: str, add_photo: Callable[..., int]
):
    add_photo(1)
    notes = catalog.photos_dir / ".incoming"
    orphan = "0" * 64 + ".jpg"
    (catalog.photos_dir / orphan).write_bytes(b"whole file, no row")
    (catalog.photos_dir / f".{orphan}.ab12.tmp").write_bytes(b"to")
    (notes / f"{orphan}~1234").touch()
    with catalog.photos.originals.announced("1.jpg"):
        open_catalog(database_url).close()  # somebody is adding: nothing is touched
        assert (catalog.photos_dir / orphan).exists()
    reopened = open_catalog(database_url)
    assert reopened.check() == []
    assert list(notes.iterdir()) == []
    assert len([p for p in catalog.photos_dir.iterdir() if p.suffix == ".jpg"]) == 1
    reopened.close()


def test_a_photo_that_is_there_again_keeps_its_file_from_a_late_removal(
    catalog: Catalog, monkeypatch
):
    rendered = replace(PLAIN, is_rendered=True)
    added = catalog.photos.add(b"bytes", rendered, [], who="ada")
    catalog.photos.add(b"other", rendered, [], who="ada")
    catalog.photos.add(b"other", rendered, [], who="ada")
    announced = type(catalog.photos.originals).announced

    def remove_and_restore(self: originals_module.Originals, *names: str):
        monkeypatch.undo()
        catalog.photos.remove([added.photo_id], who="bert")
        catalog.photos.add(b"bytes", rendered, [], who="bert")
        return announced(self, *names)

    monkeypatch.setattr(type(catalog.photos.originals), "announced", remove_and_restore)
    with pytest.raises(CatalogError, match="may have been removed"):
        catalog.photos.remove([added.photo_id], who="ada")
    assert catalog.queries.find().total == 2
    assert catalog.check() == []
