"""Small pictures: made once, kept by digest, never in the way of a broken photo."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from coin_core import storage
from coin_core.catalog import Catalog, CatalogPhoto, PhotoRecord, open_catalog
from ui.components import thumbnails
from ui.components.thumbnails import Size, cache_path, is_cached, thumbnail


@pytest.fixture
def catalog() -> Catalog:
    return open_catalog()


@pytest.fixture
def photo(catalog: Catalog, encode_photo: Callable[..., bytes]) -> CatalogPhoto:
    data = encode_photo(np.full((300, 900, 3), 90, np.uint8))
    record = PhotoRecord(extension="png", width_px=900, height_px=300)
    return catalog.photos.get(catalog.photos.add(data, record, [], who="test").photo_id)


def opened(jpeg: bytes) -> Image.Image:
    return Image.open(io.BytesIO(jpeg))


def test_a_thumbnail_is_made_once_and_kept_by_digest(
    catalog: Catalog, photo: CatalogPhoto
) -> None:
    assert not is_cached(photo.sha256, Size.THUMB)
    jpeg = thumbnail(catalog, photo)
    assert jpeg is not None
    assert opened(jpeg).size == (200, 67)
    written = cache_path(photo.sha256, Size.THUMB).stat().st_mtime_ns
    assert thumbnail(catalog, photo) == jpeg
    assert cache_path(photo.sha256, Size.THUMB).stat().st_mtime_ns == written


def test_the_large_picture_is_no_larger_than_the_photo_and_brings_the_thumbnail(
    catalog: Catalog, photo: CatalogPhoto
) -> None:
    jpeg = thumbnail(catalog, photo, Size.VIEW)
    assert jpeg is not None
    assert opened(jpeg).size == (900, 300)
    assert is_cached(photo.sha256, Size.THUMB)
    assert not list(cache_path(photo.sha256, Size.VIEW).parent.glob("*.part"))


def test_of_large_pictures_those_that_were_seen_last_are_kept(
    catalog: Catalog,
    encode_photo: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(storage, "_FRESH_S", 0)
    record = PhotoRecord(extension="png", width_px=300, height_px=300)
    photos = []
    for grey in range(5):
        data = encode_photo(np.full((300, 300, 3), grey, np.uint8))
        added = catalog.photos.add(data, record, [], who="test")
        photos.append(catalog.photos.get(added.photo_id))
        thumbnail(catalog, photos[-1], Size.VIEW)
        path = cache_path(photos[-1].sha256, Size.VIEW)
        most = 7 * path.stat().st_size // 2
        monkeypatch.setattr(thumbnails, "_MOST_BYTES", most)
        os.utime(path, (time.time() - 9000 + grey,) * 2)
        thumbnail(catalog, photos[0], Size.VIEW)
    seen = [is_cached(photo.sha256, Size.VIEW) for photo in photos]
    assert seen[0]
    assert seen[-1]
    assert not all(seen)


def test_a_missing_original_gives_no_picture(
    catalog: Catalog, photo: CatalogPhoto
) -> None:
    catalog.photos.path(photo).unlink()
    assert thumbnail(catalog, photo) is None
