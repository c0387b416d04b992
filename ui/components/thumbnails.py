"""Small pictures of the catalog's photos, kept on disk by digest.

They lie in `data/cache/`, can be deleted at any time, and are made again when asked
for. A photo never changes, so neither does its small picture.
"""

from __future__ import annotations

import base64
import io
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from coin_core.catalog import Catalog, CatalogPhoto
from coin_core.errors import UnreadablePhotoError
from coin_core.imaging import photo_io
from coin_core.model_store.bundle import data_dir
from ui.components.images import shrink


class Size(IntEnum):
    """The longer side of a small picture, in pixels."""

    THUMB = 200
    VIEW = 1400


_FOLDERS = {Size.THUMB: "thumbs", Size.VIEW: "views"}
_ahead = ThreadPoolExecutor(1, thread_name_prefix="small-pictures")


def kept_at(sha256: str, size: Size) -> Path:
    """Where the small picture of a photo lies, or will lie."""
    return data_dir() / "cache" / _FOLDERS[size] / sha256[:2] / f"{sha256}.jpg"


def is_kept(sha256: str, size: Size) -> bool:
    """Whether the small picture is there already."""
    return kept_at(sha256, size).exists()


def small_picture(
    catalog: Catalog, photo: CatalogPhoto, size: Size = Size.THUMB
) -> str | None:
    """A photo as a data address of a small JPEG; None if it cannot be read."""
    path = kept_at(photo.sha256, size)
    if not path.exists():
        try:
            pixels = photo_io.read(catalog.photos.path(photo))
        except UnreadablePhotoError:
            return None
        _keep(pixels, photo.sha256, size)
    return _data_uri(path, path.stat().st_mtime_ns)


def make_ahead(catalog: Catalog, following: Sequence[CatalogPhoto]) -> None:
    """Make the large pictures of the photos that come next, in the background."""
    for photo in following:
        if not is_kept(photo.sha256, Size.VIEW):
            _ahead.submit(small_picture, catalog, photo, Size.VIEW)


def _keep(pixels: np.ndarray, sha256: str, size: Size) -> None:
    """Write one decoded photo, and its thumbnail beside a larger picture."""
    for wanted in {size, Size.THUMB}:
        path = kept_at(sha256, wanted)
        if path.exists():
            continue
        buffer = io.BytesIO()
        quality = 82 if wanted is Size.THUMB else 88
        small = Image.fromarray(shrink(pixels, int(wanted)))
        small.save(buffer, "JPEG", quality=quality)
        path.parent.mkdir(parents=True, exist_ok=True)
        # By rename: another reader sees all of it or nothing.
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        with os.fdopen(handle, "wb") as file:
            file.write(buffer.getvalue())
        Path(name).replace(path)


@lru_cache(maxsize=600)
def _data_uri(path: Path, _written: int) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode()
