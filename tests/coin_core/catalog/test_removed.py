"""Removed photos come back from the bin with all that belongs to them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from coin_core.access import Right
from coin_core.catalog import Catalog, PhotoQuery, PhotoRecord
from coin_core.catalog.database import Database
from coin_core.catalog.records import CatalogPhoto, Prediction
from coin_core.catalog.removed import (
    FOLDER,
    discard_photos,
    list_removed,
    restore_photos,
)
from coin_core.errors import CatalogError
from coin_core.recycle_bin import bin_dir
from coin_core.storage import data_dir

RENDERED = PhotoRecord(extension="jpg", width_px=40, height_px=30, is_rendered=True)


def fill(catalog: Catalog) -> list[int]:
    """Two rendered photos of one coin, with reviews and predictions."""
    one = catalog.photos.add(b"one", RENDERED, [], who="ada")
    other = catalog.photos.add(b"two", RENDERED, [], coin_id=one.coin_id, who="ada")
    ids = [one.photo_id, other.photo_id]
    for photo_id in ids:
        for who in ("ada", "ben"):
            catalog.reviews.add(photo_id, "john_hyrcanus_i", who=who)
    catalog.predictions.add(
        Prediction(
            photo_id=photo_id,
            classifier="svm",
            model_digest="a" * 64,
            probabilities={"john_hyrcanus_i": 0.9, "alexander_jannaeus": 0.1},
            ruler="john_hyrcanus_i",
        )
        for photo_id in ids
    )
    return ids


def stated(catalog: Catalog) -> list[tuple[object, ...]]:
    """What the catalog says of its photos, without ids and the time of adding."""
    photos: tuple[CatalogPhoto, ...] = catalog.queries.find(PhotoQuery()).photos
    return [
        (
            photo.sha256,
            photo.status,
            photo.ruler,
            photo.confidence,
            len(catalog.photos.of_coin(photo.coin_id)),
            [
                (review.reviewer, review.ruler, review.at)
                for review in catalog.reviews.of_photo(photo.photo_id)
            ],
            [
                replace(one, photo_id=0)
                for one in catalog.predictions.of_photo(photo.photo_id)
            ],
        )
        for photo in photos
    ]


@pytest.mark.parametrize("commits", [1, 2])
def test_a_kill_during_the_restoring_loses_nothing(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, commits: int
):
    ids = fill(catalog)
    before = stated(catalog)
    discard_photos(catalog, ids, who="ada")
    (item,) = list_removed()
    writing, left = Database.writing, commits

    @contextmanager
    def die_after(self: Database, right: Right = Right.LABEL) -> Iterator[Connection]:
        nonlocal left
        with writing(self, right) as connection:
            yield connection
        left -= 1
        if not left:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Database, "writing", die_after)
        with pytest.raises(KeyboardInterrupt):
            restore_photos(catalog, item.item_id)
    assert catalog.queries.find(PhotoQuery()).total == commits
    come = [(*row[:4], *row[5:]) for row in stated(catalog)]
    assert come == [(*row[:4], *row[5:]) for row in before[-commits:]]
    assert restore_photos(catalog, item.item_id) == 2
    assert stated(catalog) == before
    assert list_removed() == ()
    assert not any(bin_dir().iterdir())
    assert catalog.check() == []


def test_a_photo_that_is_damaged_in_the_bin_leaves_no_half(catalog: Catalog):
    discard_photos(catalog, fill(catalog), who="ada")
    (item,) = list_removed()
    path = bin_dir() / item.item_id / "content" / "photos.json"
    path.write_text(path.read_text().replace('"reviewer"', '"nobody"'))
    with pytest.raises(CatalogError, match="Photo 1 of 2"):
        restore_photos(catalog, item.item_id)
    assert catalog.queries.find(PhotoQuery()).total == 0
    assert catalog.check() == []


def test_what_killed_removals_left_goes_after_a_day(catalog: Catalog) -> None:
    old, fresh = (data_dir() / FOLDER / name for name in (".old", ".fresh"))
    for folder in (old, fresh):
        folder.mkdir(parents=True)
        (folder / "photo.jpg").write_bytes(b"one")
    os.utime(old, (0, 0))
    discard_photos(catalog, fill(catalog), who="ada")
    assert not old.exists()
    assert fresh.exists()
