"""Coins for training and evaluation: a folder of photos, or rendered coins."""

from __future__ import annotations

import csv
import hashlib
import io
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coin_core.catalog.importing.metadata import SPLIT_FOLDERS
from coin_core.errors import CoinError, TrainingDataError, UnreadablePhotoError
from coin_core.imaging import photo_io
from coin_core.imaging.preprocessing import CROP_PX, RotatedBox, crop_to_flan
from coin_core.jobs import Progress, track
from coin_core.rendering import render_coin
from coin_core.rulers import DEFAULT_CLASSES, RULERS, find_doubtful_ruler
from coin_core.storage import (
    UNREADABLE_ARRAYS,
    data_dir,
    dump_json,
    mark_used,
    write_cached,
)

logger = logging.getLogger(__name__)

# Coins rendered for one that is legible enough.
_MAX_TRIES = 50
# Raise it when coins are detected or cropped in another way: old crops are unused then.
CROP_VERSION = 3
# Of those that were used last; a crop takes about 50 kB. A training goes through all of
# its photos, so a smaller cache would be of no use to a large dataset.
CROPS_BYTES = 8 << 30


@dataclass(slots=True, kw_only=True, eq=False)
class CoinSet:
    """Crops with their labels.

    Attributes:
        crops: uint8 (N, S, S, 3).
        labels: Label names, (N,).
        groups: Which rows show the same coin, (N,).
        names: The name of each row: a file, or the number of a rendered coin.
        classes: The labels: rulers in their own order, others sorted.
        source: "folder NAME", "rendered", "catalog" or "catalog:VERSION".
        digest: sha256 over the photos and their labels.
        unreadable: One sentence per file that was left out.
        without_face: Photos in which no coin was found, used whole.
        legibility: Fraction of the name's legible letters, (N,); None for photos.
        splits: "train", "validation" or "test" of a frozen version, or of a folder
            that holds `train` and `val`, (N,); else None.
        photo_ids: Ids of the photos in the catalog, (N,); None for others.
    """

    crops: NDArray[np.uint8]
    labels: NDArray[np.str_]
    groups: NDArray[np.str_]
    names: tuple[str, ...]
    classes: tuple[str, ...]
    source: str
    digest: str
    unreadable: tuple[str, ...] = ()
    without_face: int = 0
    legibility: NDArray[np.float32] | None = None
    splits: NDArray[np.str_] | None = None
    photo_ids: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.crops)

    def rows_digest(self) -> str:
        """The sha256 of all rows in their order: crop, label, coin and split.

        What a training keeps is by row, so it resumes only with the same rows. The
        `digest` tells which photos of which class they are, in any order.
        """
        rows = hashlib.sha256(np.ascontiguousarray(self.crops).data)
        splits = [""] * len(self) if self.splits is None else self.splits.tolist()
        told = zip(self.labels.tolist(), self.groups.tolist(), splits, strict=True)
        rows.update(dump_json([*told]).encode())
        return rows.hexdigest()

    def take(self, rows: ArrayLike) -> CoinSet:
        """The same set with some of its rows, by number or mask; the digest stays."""
        chosen = np.arange(len(self))[np.asarray(rows)]
        arrays = ("crops", "labels", "groups", "legibility", "splits", "photo_ids")
        values: dict[str, Any] = {
            name: None if getattr(self, name) is None else getattr(self, name)[chosen]
            for name in arrays
        }
        return replace(self, names=tuple(self.names[row] for row in chosen), **values)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPhoto:
    """A file, the folder it is in as its label, and its sha256.

    The sha256 is "" when the file could not be opened. The split is "train",
    "validation" or "test" if the folder is divided so, else "".
    """

    path: Path
    label: str
    digest: str
    split: str = ""

    @property
    def name(self) -> str:
        """Split, label and file name."""
        return "/".join(filter(None, (self.split, self.label, self.path.name)))


def load_folder(
    folder: Path, *, size_px: int = CROP_PX, allow_duplicates: bool = False
) -> CoinSet:
    """Load a folder with one folder of photos per class.

    The folders of classes may be inside `train`, `val` or `validation`, and `test`.
    Files that are not photos are skipped; photos that cannot be read are named in
    `unreadable` and left out. Photos are of one coin if they have the same `coin_id`
    in labels.csv (beside a column `file`), the same part of their name before "__", or
    the same content; every other photo counts as a coin of its own.

    Args:
        folder: The folder of folders.
        size_px: Side of the crops.
        allow_duplicates: Accept a photo that is in two classes.

    Raises:
        TrainingDataError: It is not a folder, holds fewer than two classes, or has the
            same photo in two classes.
    """
    photos, classes = list_photos(folder, allow_duplicates=allow_duplicates)
    crops, kept, unreadable, without_face = [], [], [], 0
    coin_ids = _read_coin_ids(folder)
    is_ruler = [name in RULERS for name in classes]
    sides = f"{any(is_ruler)} {all(is_ruler)}"  # what `face_to_read` depends on
    has_bar = len(photos) >= 50
    for photo in track(photos, "finding the coins", unit="photo", has_bar=has_bar):
        try:
            if not photo.digest:
                raise UnreadablePhotoError("cannot be opened, or was removed.")
            crop, found = cached_crop(
                f"{photo.digest} {sides}",
                size_px,
                partial(_crop, photo.path, size_px, classes),
            )
        except UnreadablePhotoError as error:
            unreadable.append(f"{photo.name}: {error}")
            continue
        crops.append(crop)
        kept.append(photo)
        without_face += not found
    left = sorted({photo.label for photo in kept})
    if len(left) < 2:
        raise TrainingDataError(
            f"{folder} has readable photos of {len(left)} classes; at least 2 are "
            "needed, one folder each."
        )
    return CoinSet(
        crops=np.stack(crops),
        labels=np.array([photo.label for photo in kept]),
        groups=np.array([_coin_of(photo, folder, coin_ids) for photo in kept]),
        names=tuple(photo.name for photo in kept),
        classes=order_classes(left),
        source=f"folder {folder.resolve().name}",
        digest=digest_of_photos(kept),
        unreadable=tuple(unreadable),
        without_face=without_face,
        splits=splits_of_photos(kept),
    )


def digest_of_photos(photos: Sequence[LabelledPhoto]) -> str:
    """The `digest` of a set of these photos."""
    return _digest_of([f"{photo.label} {photo.digest}" for photo in photos])


def splits_of_photos(photos: Sequence[LabelledPhoto]) -> NDArray[np.str_] | None:
    """The split of each photo; None without both training and validation photos."""
    splits = np.array([photo.split for photo in photos])
    if {"train", "validation"} <= set(splits):
        return splits
    if set(splits) - {""}:
        logger.warning(
            "The photos are not divided into train and val folders that both have "
            "photos, so all of them are used for cross-validation."
        )
    return None


def load_rendered(
    seed: int,
    count: int,
    *,
    size_px: int = CROP_PX,
    at_least_legible: float = 0.0,
) -> CoinSet:
    """Render the first coins of the dataset with this seed.

    They are cropped to their flan like coins in photos, but its place is known.

    Args:
        seed: The seed of the dataset.
        count: How many coins to keep.
        size_px: Side of the crops.
        at_least_legible: Coins with a smaller fraction of legible letters in the name
            are skipped.

    Raises:
        TrainingDataError: `count` is below 1, or too few coins are legible.
    """
    if count < 1:
        raise TrainingDataError(f"At least one coin must be rendered, not {count}.")
    crops: list[NDArray[np.uint8]] = []
    labels, legible, names = [], [], []
    with Progress("rendering coins", count, unit="coin") as bar:
        for index in range(count * _MAX_TRIES):
            if len(crops) == count:
                break
            coin = render_coin(seed, index, size_px=size_px)
            if coin.name_legibility < at_least_legible:
                continue
            # A flan may extend beyond the edge of its picture.
            left, top, right, bottom = np.clip(coin.flan_box, 0, 1).tolist()
            box = RotatedBox(left=left, top=top, right=right, bottom=bottom)
            crops.append(crop_to_flan(coin.image, box, size_px))
            labels.append(str(coin.ruler))
            legible.append(coin.name_legibility)
            names.append(str(index))
            bar.update(1)
    if len(crops) < count:
        raise TrainingDataError(
            f"Too few coins have a fraction of {at_least_legible:g} legible."
        )
    return CoinSet(
        crops=np.stack(crops),
        labels=np.array(labels),
        groups=np.array(names),
        names=tuple(names),
        classes=tuple(DEFAULT_CLASSES),
        source="rendered",
        digest=_digest_of([f"rendered {seed} {at_least_legible} {count}"]),
        legibility=np.array(legible, dtype=np.float32),
    )


def list_photos(
    folder: Path, *, allow_duplicates: bool = False
) -> tuple[list[LabelledPhoto], tuple[str, ...]]:
    """The photos of a folder of folders, in the same order everywhere, and its classes.

    Classes that name a ruler in doubt, such as "Jannaeus?", are left out with a
    warning.

    Args:
        folder: The folder; if all folders in it are called `train`, `val` or `test`,
            the classes are inside these.
        allow_duplicates: Accept a photo that is in two classes.

    Raises:
        TrainingDataError: It is not a folder, has photos of fewer than two classes, or
            has the same photo in two classes.
    """
    if not folder.is_dir():
        raise TrainingDataError(
            f"{folder} is not a folder. Expected one that holds a folder of photos per "
            "class."
        )
    photos = []
    doubted: set[str] = set()
    tops = [path.name.casefold() for path in _classes(folder)]
    is_split = bool(tops) and set(tops) <= set(SPLIT_FOLDERS)
    for path in _walk(folder):
        parts = path.relative_to(folder).parts
        if is_split and len(parts) < 3:
            continue  # a class, or a photo in no class
        suffix = path.suffix.lower().lstrip(".")
        if suffix in photo_io.PICTURE_SUFFIXES and path.is_file():
            try:
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError:
                digest = ""
            label = parts[is_split]
            if find_doubtful_ruler(label):
                doubted.add(label)
                continue
            split = SPLIT_FOLDERS[parts[0].casefold()] if is_split else ""
            photos.append(
                LabelledPhoto(path=path, label=label, digest=digest, split=split)
            )
    classes = sorted({photo.label for photo in photos})
    if doubted:
        logger.warning(
            "Left out, as the name is in doubt: %s. Rename the folder if the ruler is "
            "certain.",
            ", ".join(sorted(doubted)),
        )
    filled = {path.split if is_split else path.label for path in photos} | doubted
    names = {
        SPLIT_FOLDERS[path.name.casefold()] if is_split else path.name
        for path in _classes(folder)
    }
    if empty := sorted(names - filled):
        logger.warning("Left out, as there is no photo inside: %s.", ", ".join(empty))
    if len(classes) < 2:
        found = ", ".join(classes) or "none"
        raise TrainingDataError(
            f"{folder} holds photos of {len(classes)} classes ({found}); at least 2 "
            "are needed, one folder each."
        )
    if not allow_duplicates:
        _refuse_duplicates(photos)
    return photos, tuple(classes)


def _refuse_duplicates(photos: list[LabelledPhoto]) -> None:
    """Refuse the same bytes in two classes, and warn of them in two splits."""
    first: dict[str, LabelledPhoto] = {}
    pairs, leaks = [], 0
    for photo in photos:
        other = first.setdefault(photo.digest, photo) if photo.digest else photo
        if other.label != photo.label:
            pairs.append(f"{other.name} and {photo.name}")
        leaks += other.label == photo.label and other.split != photo.split
    if leaks:
        logger.warning(
            "%d photos are in two splits, so figures on one of them look too good.",
            leaks,
        )
    if pairs:
        more = f" and {len(pairs) - 3} more pairs" if len(pairs) > 3 else ""
        raise TrainingDataError(
            f"The same photo is in two classes: {'; '.join(pairs[:3])}{more}. Remove "
            "the copy in the wrong class, or add --allow-duplicates to keep both."
        )


def _walk(folder: Path) -> Iterator[Path]:
    """Files in the folders of the folder, in the same order everywhere."""
    for label in _classes(folder):
        yield from sorted(
            path for path in label.rglob("*") if not path.name.startswith(".")
        )


def _classes(folder: Path) -> list[Path]:
    return [
        label
        for label in sorted(folder.iterdir())
        if label.is_dir() and not label.name.startswith(".")
    ]


def order_classes(labels: list[str]) -> tuple[str, ...]:
    """The rulers in their own order, any other labels sorted."""
    if set(labels) <= set(DEFAULT_CLASSES):
        return tuple(key for key in DEFAULT_CLASSES if key in labels)
    return tuple(sorted(labels))


def _read_coin_ids(folder: Path) -> dict[str, str]:
    """Column coin_id by file, from labels.csv; {} when there is no such file."""
    path = folder / "labels.csv"
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TrainingDataError(f"{path} cannot be read: {error}") from error
    return {
        row["file"]: row["coin_id"]
        for row in rows
        if row.get("file") and row.get("coin_id")
    }


def _coin_of(photo: LabelledPhoto, folder: Path, coin_ids: dict[str, str]) -> str:
    named = coin_ids.get(photo.path.relative_to(folder).as_posix())
    if named:
        return f"id {named}"
    stem, mark, _ = photo.path.stem.partition("__")
    return f"{photo.label}/{stem}" if mark else f"sha256 {photo.digest}"


def _digest_of(lines: list[str]) -> str:
    text = "\n".join(sorted(lines))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def cached_crop(
    key: str, size_px: int, crop_photo: Callable[[], tuple[NDArray[np.uint8], bool]]
) -> tuple[NDArray[np.uint8], bool]:
    """A crop and whether a coin was found, computed once for a key.

    Args:
        key: Everything that the crop depends on.
        size_px: Side of the crop.
        crop_photo: Computes crop and answer.
    """
    name = hashlib.sha256(f"{key} {size_px} {CROP_VERSION}".encode()).hexdigest()
    folder = data_dir() / "cache" / "crops"
    path = folder / name[:2] / f"{name}.npz"
    mark_used(path)
    try:
        with np.load(path, allow_pickle=False) as kept:
            crop, found = kept["crop"], bool(kept["found"])
        if crop.shape == (size_px, size_px, 3) and crop.dtype == np.uint8:
            return crop, found
    except UNREADABLE_ARRAYS:
        pass  # missing or torn
    crop, found = crop_photo()
    buffer = io.BytesIO()
    np.savez_compressed(buffer, crop=crop, found=np.array(found))
    try:
        write_cached(path, buffer.getvalue(), folder, CROPS_BYTES)
    except OSError as error:
        logger.warning("The crop cache cannot be written: %s", error)
    return crop, found


def _crop(
    path: Path, size_px: int, classes: tuple[str, ...]
) -> tuple[NDArray[np.uint8], bool]:
    from coin_core.detection import classify_sides, detect_coins, face_to_read

    try:
        photo = photo_io.read(path)
    except OSError as error:
        raise UnreadablePhotoError(f"cannot be opened ({error.strerror}).") from error
    boxes = detect_coins(photo)
    if not boxes:
        whole = RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0)
        return crop_to_flan(photo, whole, size_px), False
    box = boxes[0]
    if len(boxes) > 1:
        box = boxes[face_to_read(classify_sides(photo, boxes), classes) or 0]
    try:
        return crop_to_flan(photo, box, size_px), True
    except CoinError as error:
        raise UnreadablePhotoError(f"cannot be cropped: {error}") from error
