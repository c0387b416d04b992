"""Thumbnails and large views of catalog photos, cached on disk by digest.

They are in `data/cache/`, can be deleted at any time, and are made again on demand. A
photo never changes, so neither do they.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from coin_core import storage
from coin_core.catalog import Catalog, CatalogPhoto
from coin_core.errors import UnreadablePhotoError
from coin_core.imaging import photo_io
from ui.components.images import shrink


class Size(IntEnum):
    """The longer side of a cached picture, in pixels."""

    THUMB = 200
    VIEW = 1400


_FOLDERS = {Size.THUMB: "thumbs", Size.VIEW: "views"}
_MOST_BYTES = 2 << 30  # of each size
_prefetch_pool = ThreadPoolExecutor(1, thread_name_prefix="thumbnails")


def cache_path(sha256: str, size: Size) -> Path:
    """Where a cached picture is, or will be."""
    return _folder(size) / sha256[:2] / f"{sha256}.jpg"


def _folder(size: Size) -> Path:
    return storage.data_dir() / "cache" / _FOLDERS[size]


def is_cached(sha256: str, size: Size) -> bool:
    """Whether the picture is in the cache."""
    return cache_path(sha256, size).exists()


def thumbnail(
    catalog: Catalog, photo: CatalogPhoto, size: Size = Size.THUMB
) -> bytes | None:
    """A photo as a JPEG; None if the file cannot be read."""
    path = cache_path(photo.sha256, size)
    if size is Size.VIEW:
        storage.mark_used(path)
    if not path.exists():
        try:
            pixels = photo_io.read(catalog.photos.path(photo))
        except UnreadablePhotoError:
            return None
        _write(pixels, photo.sha256, size)
    if size is Size.THUMB:
        return _cached_bytes(path, path.stat().st_mtime_ns)
    return path.read_bytes()


def prefetch(catalog: Catalog, photos: Iterable[CatalogPhoto]) -> None:
    """Make the large views of photos in the background."""
    for photo in photos:
        if not is_cached(photo.sha256, Size.VIEW):
            _prefetch_pool.submit(thumbnail, catalog, photo, Size.VIEW)


def _write(pixels: np.ndarray, sha256: str, size: Size) -> None:
    """Write a picture, and with a large view its thumbnail."""
    for each in {size, Size.THUMB}:
        path = cache_path(sha256, each)
        if path.exists():
            continue
        buffer = io.BytesIO()
        quality = 82 if each is Size.THUMB else 88
        image = Image.fromarray(shrink(pixels, int(each)))
        image.save(buffer, "JPEG", quality=quality)
        storage.write_cached(path, buffer.getvalue(), _folder(each), _MOST_BYTES)


@lru_cache(maxsize=600)
def _cached_bytes(path: Path, _written: int) -> bytes:
    return path.read_bytes()
