"""Coins of the catalog to learn from: as they stand, or of a frozen version."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from coin_core.detection.faces import RotatedBox, crop_to_flan
from coin_core.errors import CatalogError, TrainingDataError, UnreadablePhotoError
from coin_core.imaging import photo_io
from coin_core.jobs import track
from coin_core.storage import data_dir, write_file
from coin_core.training.datasets import (
    CROP_PX,
    CROP_VERSION,
    CoinSet,
    order_classes,
    read_crop,
)

if TYPE_CHECKING:
    from coin_core.catalog import Catalog
    from coin_core.catalog.versions import VersionItem

logger = logging.getLogger(__name__)

NAME = "catalog"
_WHOLE = RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0)


def is_catalog(data: str) -> bool:
    """Whether `--data` asks for the catalog or a version of it."""
    return data == NAME or data.startswith(f"{NAME}:")


def version_of(data: str) -> str | None:
    """The version that `--data` asks for; None is the catalog as it stands.

    Raises:
        TrainingDataError: A colon, and no name behind it.
    """
    _, colon, name = data.partition(":")
    if colon and not name:
        raise TrainingDataError(
            "Name the version behind the colon, such as catalog:v1, or leave the colon "
            "away to use the catalog as it stands."
        )
    return name or None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What to read of the catalog."""

    items: tuple[VersionItem, ...]
    groups: tuple[str, ...]
    digest: str
    source: str


def load_catalog(
    catalog: Catalog, version: str | None = None, *, size_px: int = CROP_PX
) -> CoinSet:
    """Read the labelled coins: the face with the legend, turned upright.

    A photo without any face is used whole. Photos that cannot be read are named in
    `unreadable` and left out. Coins whose photos look the same count as one.

    Args:
        catalog: Where the photos are.
        version: A frozen version, with its own splits; the catalog as it stands if
            None.
        size_px: Side of the crops.

    Raises:
        CatalogError: There is no such version.
        TrainingDataError: There are photos of fewer than two rulers.
    """
    wanted = _as_it_stands(catalog) if version is None else _frozen(catalog, version)
    ids = [item.photo_id for item in wanted.items if item.photo_id is not None]
    there = (
        {photo.photo_id: photo for photo in catalog.photos.get_many(ids)} if ids else {}
    )
    crops, kept, unreadable, without_face = [], [], [], 0
    has_bar = len(ids) >= 50
    items = track(wanted.items, "finding the coins", unit="photo", has_bar=has_bar)
    for row, item in enumerate(items):
        photo = None if item.photo_id is None else there.get(item.photo_id)
        if photo is None:
            unreadable.append(
                f"{item.sha256[:12]}: was removed from the catalog after {version} "
                "was frozen."
            )
            continue
        try:
            crop = _crop_cached(catalog.photos.path(photo), item, size_px)
        except UnreadablePhotoError as error:
            unreadable.append(f"photo {photo.photo_id}: {error}")
            continue
        crops.append(crop)
        kept.append(row)
        without_face += item.face_index is None
    items = [wanted.items[row] for row in kept]
    labels = sorted({item.label for item in items})
    if len(labels) < 2:
        raise TrainingDataError(
            f"{wanted.source} has readable photos of {len(labels)} rulers; at least 2 "
            "are needed. Give more photos a ruler on the Dataset page."
        )
    rendered = sum(there[i.photo_id].is_rendered for i in items if i.photo_id)
    return CoinSet(
        crops=np.stack(crops),
        labels=np.array([item.label for item in items]),
        groups=np.array([wanted.groups[row] for row in kept]),
        names=tuple(f"photo {item.photo_id}" for item in items),
        classes=order_classes(labels),
        source=wanted.source + _say_rendered(rendered, len(items)),
        digest=wanted.digest,
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


def _as_it_stands(catalog: Catalog) -> _Wanted:
    from coin_core.catalog.versions import digest_of, snapshot

    try:
        items, groups = snapshot(catalog)
    except CatalogError as error:
        raise TrainingDataError(
            "The catalog holds no photo with a ruler that could be learnt from. Bring "
            "photos in (python -m coin_core import) and label them on the Dataset "
            "page, or give a folder with one folder of photos per class."
        ) from error
    return _Wanted(
        items=items,
        groups=tuple(f"coin {group}" for group in groups),
        digest=digest_of(items),
        source=NAME,
    )


def _frozen(catalog: Catalog, name: str) -> _Wanted:
    from coin_core.catalog.versions import load_version

    version = load_version(catalog, name)
    return _Wanted(
        items=version.items,
        groups=tuple(f"coin {item.coin_id}" for item in version.items),
        digest=version.digest,
        source=f"{NAME}:{name}",
    )


def take_rows(coins: CoinSet, rows: Sequence[int] | NDArray[Any]) -> CoinSet:
    """The same set with some of its rows; classes and digest stay."""
    chosen = np.asarray(rows)
    if chosen.dtype == np.bool_:
        chosen = np.flatnonzero(chosen)
    values: dict[str, Any] = {f.name: getattr(coins, f.name) for f in fields(coins)}
    for name in ("crops", "labels", "groups", "legibility", "splits", "photo_ids"):
        if values[name] is not None:
            values[name] = values[name][chosen]
    values["names"] = tuple(coins.names[row] for row in chosen.tolist())
    return CoinSet(**values)


def _crop_cached(path: Path, item: VersionItem, size_px: int) -> NDArray[np.uint8]:
    """The crop of an item's face, from the cache if it is there.

    Raises:
        UnreadablePhotoError: The original is missing or damaged.
    """
    box = _WHOLE if item.face_index is None else item.faces[item.face_index].box
    edges = (box.left, box.top, box.right, box.bottom, box.turn_deg)
    named = f"{item.sha256} {edges} {size_px} {CROP_VERSION}"
    key = hashlib.sha256(named.encode()).hexdigest()
    kept_at = data_dir() / "cache" / "crops" / key[:2] / f"{key}.npz"
    kept = read_crop(kept_at, size_px)
    if kept is not None:
        return kept[0]
    crop = crop_to_flan(photo_io.read(path), box, size_px)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, crop=crop, found=np.array(item.face_index is not None))
    try:
        kept_at.parent.mkdir(parents=True, exist_ok=True)
        write_file(kept_at, buffer.getvalue())
    except OSError as error:
        logger.warning("The crop cache cannot be written: %s", error)
    return crop
