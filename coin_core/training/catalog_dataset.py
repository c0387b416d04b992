"""Coins of the catalog for training: as they are now, or of a frozen version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from coin_core.errors import CatalogError, TrainingDataError, UnreadablePhotoError
from coin_core.imaging import photo_io
from coin_core.imaging.preprocessing import CROP_PX, RotatedBox, crop_to_flan
from coin_core.jobs import track
from coin_core.training.datasets import (
    CoinSet,
    cached_crop,
    order_classes,
)

if TYPE_CHECKING:
    from coin_core.catalog import Catalog
    from coin_core.catalog.versions import VersionItem

NAME = "catalog"
_WHOLE = RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0)


def is_catalog(data: str) -> bool:
    """Whether `--data` asks for the catalog or a version of it."""
    return data == NAME or data.startswith(f"{NAME}:")


def version_of(data: str) -> str | None:
    """The version that `--data` asks for; None is the catalog as it is now.

    Raises:
        TrainingDataError: There is a colon and no name after it.
    """
    _, colon, name = data.partition(":")
    if colon and not name:
        raise TrainingDataError(
            "Name the version after the colon, such as catalog:v1, or omit the colon "
            "to use the catalog as it is now."
        )
    return name or None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Selection:
    """The photos to load from the catalog."""

    items: tuple[VersionItem, ...]
    groups: tuple[str, ...]
    digest: str
    source: str


def load_catalog(
    catalog: Catalog, version: str | None = None, *, size_px: int = CROP_PX
) -> CoinSet:
    """Load the labelled coins: the face with the legend, turned upright.

    A photo without a face is used whole. Photos that cannot be read are named in
    `unreadable` and left out. Coins with the same photo count as one.

    Args:
        catalog: Where the photos are.
        version: A frozen version, with its own splits; the catalog as it is now if
            None.
        size_px: Side of the crops.

    Raises:
        CatalogError: There is no such version.
        TrainingDataError: There are photos of fewer than two rulers.
    """
    selection = _current(catalog) if version is None else _frozen(catalog, version)
    ids = [item.photo_id for item in selection.items if item.photo_id is not None]
    stored = catalog.photos.get_many(ids) if ids else []
    photos = {photo.photo_id: photo for photo in stored}
    crops, kept, unreadable, without_face = [], [], [], 0
    has_bar = len(ids) >= 50
    bar = track(selection.items, "finding the coins", unit="photo", has_bar=has_bar)
    for row, item in enumerate(bar):
        photo = None if item.photo_id is None else photos.get(item.photo_id)
        if photo is None:
            unreadable.append(
                f"{item.sha256[:12]}: was removed from the catalog after {version} "
                "was frozen."
            )
            continue
        try:
            crop = _crop(catalog.photos.path(photo), item, size_px)
        except UnreadablePhotoError as error:
            unreadable.append(f"photo {photo.photo_id}: {error}")
            continue
        crops.append(crop)
        kept.append(row)
        without_face += item.face_index is None
    items = [selection.items[row] for row in kept]
    labels = sorted({item.label for item in items})
    if len(labels) < 2:
        raise TrainingDataError(
            f"{selection.source} has readable photos of {len(labels)} rulers; at least "
            "2 are needed. Give more photos a ruler on the Dataset page."
        )
    rendered = sum(photos[i.photo_id].is_rendered for i in items if i.photo_id)
    return CoinSet(
        crops=np.stack(crops),
        labels=np.array([item.label for item in items]),
        groups=np.array([selection.groups[row] for row in kept]),
        names=tuple(f"photo {item.photo_id}" for item in items),
        classes=order_classes(labels),
        source=selection.source + _say_rendered(rendered, len(items)),
        digest=selection.digest,
        unreadable=tuple(unreadable),
        without_face=without_face,
        splits=None
        if version is None
        else np.array([str(item.split) for item in items]),
        photo_ids=np.array([item.photo_id for item in items], dtype=np.int64),
    )


def _say_rendered(rendered: int, total: int) -> str:
    if rendered == total:
        return " (rendered)"
    return f" ({rendered} of {total} rendered)" if rendered else ""


def _current(catalog: Catalog) -> _Selection:
    from coin_core.catalog.versions import digest_of, snapshot

    try:
        items, groups = snapshot(catalog)
    except CatalogError as error:
        raise TrainingDataError(
            "The catalog holds no photo with a ruler for training. Import "
            "photos (python -m coin_core import) and label them on the Dataset "
            "page, or give a folder with one folder of photos per class."
        ) from error
    return _Selection(
        items=items,
        groups=tuple(f"coin {group}" for group in groups),
        digest=digest_of(items),
        source=NAME,
    )


def _frozen(catalog: Catalog, name: str) -> _Selection:
    from coin_core.catalog.versions import load_version

    version = load_version(catalog, name)
    return _Selection(
        items=version.items,
        groups=tuple(f"coin {item.coin_id}" for item in version.items),
        digest=version.digest,
        source=f"{NAME}:{name}",
    )


def _crop(path: Path, item: VersionItem, size_px: int) -> NDArray[np.uint8]:
    """The crop of an item's face.

    Raises:
        UnreadablePhotoError: The original is missing or damaged.
    """
    found = item.face_index is not None
    box = _WHOLE if item.face_index is None else item.faces[item.face_index].box
    edges = (box.left, box.top, box.right, box.bottom, box.turn_deg)
    crop, _ = cached_crop(
        f"{item.sha256} {edges}",
        size_px,
        lambda: (crop_to_flan(photo_io.read(path), box, size_px), found),
    )
    return crop
