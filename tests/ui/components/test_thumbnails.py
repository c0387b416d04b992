"""Small pictures: made once, kept by digest, never in the way of a broken photo."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from coin_core.catalog import Catalog, CatalogPhoto, PhotoRecord, open_catalog
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


def test_a_missing_original_gives_no_picture(
    catalog: Catalog, photo: CatalogPhoto
) -> None:
    catalog.photos.path(photo).unlink()
    assert thumbnail(catalog, photo) is None
