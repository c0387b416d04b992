"""Telling a photo by its look: perceptual hashes, likeness of two coins, quality.

The hash is taken from the coin, not from the photo, so that a margin that was cut off
changes little; and from its relief, not from its grey, so that a disc on a white
ground is not like every other disc on a white ground. Hashes that are near name
candidates; `likeness` then lays the two coins over each other and decides.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import select

from coin_core.catalog.records import CatalogPhoto
from coin_core.catalog.repository import Catalog
from coin_core.catalog.schema import PhotoRow
from coin_core.catalog.splits import bits_between
from coin_core.catalog.versions import Leak, Version, VersionItem, nearness
from coin_core.detection.faces import RotatedBox, crop_to_flan
from coin_core.errors import UnreadablePhotoError
from coin_core.imaging import photo_io

if TYPE_CHECKING:
    from coin_core.catalog import Catalog

HASH_BITS = 256
MAX_APART = 92
"""Bits in which hashes of one coin may differ: copies that lost a tenth of their edge
stay below; two coins in a hundred pairs of the same design come below it too."""

SAME_PICTURE = 0.9
"""Copies of a photo are at least this alike; other coins of one design were not."""

_SIDE = 16  # of the square of frequencies that the hash keeps
_HASH_PX = 4 * _SIDE
_SEEN_PX = 96
LOOK_PX = 106  # the largest scale of what is seen
_SHIFT = 0.16  # of the crop, by which one coin may lie beside the other
_SCALES = (1.0, 0.97, 1.03, 0.94, 1.06, 0.9, 1.1)  # the likeliest first
_SURELY = 0.97
_LARGE = 0.6  # of the largest coin's edge: what is smaller does not stand for a photo
_WHOLE = RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0)
_FINE_PX = 300  # edge of a coin above which more pixels show nothing more
_SHARPNESS_PX = 160


def main_face(boxes: Sequence[RotatedBox], width_px: int, height_px: int) -> RotatedBox:
    """The coin that stands for a photo: the first of the large ones.

    The whole photo when there is none. "Largest" alone would change between copies of
    a photo that shows both sides at one size.
    """
    edges = [_edge_px(box, width_px, height_px) for box in boxes]
    for box, edge in zip(boxes, edges, strict=True):
        if edge >= _LARGE * max(edges):
            return box
    return _WHOLE


def _edge_px(box: RotatedBox, width_px: int, height_px: int) -> float:
    return max((box.right - box.left) * width_px, (box.bottom - box.top) * height_px)


def hash_photo(photo: NDArray[np.uint8], boxes: Sequence[RotatedBox]) -> str:
    """The perceptual hash of a photo's main face.

    Args:
        photo: RGB, uint8 (H, W, 3).
        boxes: The coins in it, in reading order.

    Returns:
        `HASH_BITS` bits as 64 hexadecimal digits.
    """
    crop = _upright(photo, main_face(boxes, photo.shape[1], photo.shape[0]), _HASH_PX)
    relief = _even_out(crop) * _disc(_HASH_PX)
    picture = Image.fromarray(np.asarray(relief * 42 + 128, np.uint8))
    return str(imagehash.phash(picture, hash_size=_SIDE, highfreq_factor=4))


def _upright(
    photo: NDArray[np.uint8], box: RotatedBox, size_px: int
) -> NDArray[np.float32]:
    """The coin in grey, (S, S), as it lies in the photo: turns come later by hand."""
    plain = RotatedBox(left=box.left, top=box.top, right=box.right, bottom=box.bottom)
    crop = crop_to_flan(photo, plain, size_px)
    return np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.float32)


def _even_out(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each pixel against its surroundings, in their spread, -3..3."""
    reach = (len(grey) // 4 | 1, len(grey) // 4 | 1)
    smooth = cv2.GaussianBlur(grey, (0, 0), len(grey) / 64)
    mean = cv2.blur(smooth, reach)
    spread = np.maximum(cv2.blur(smooth * smooth, reach) - mean * mean, 0)
    off = (smooth - mean) / (np.sqrt(spread) + np.float32(6))
    return np.asarray(np.clip(off, -3, 3), np.float32)


def _disc(size_px: int) -> NDArray[np.float32]:
    """1 on the coin, 0 outside, with a soft edge: the rim is not to count."""
    along = (np.arange(size_px, dtype=np.float32) + 0.5) / (size_px / 2) - 1
    away = np.hypot(along[:, None], along[None, :])
    return np.asarray(np.clip((0.98 - away) / 0.15, 0, 1), np.float32)


def bits_apart(one: str, others: Sequence[str]) -> NDArray[np.int64]:
    """In how many bits a hash differs from each of others, (N,).

    What has no hash, or one of another length, differs in all bits.
    """
    apart = np.full(len(others), HASH_BITS, np.int64)
    same = [k for k, other in enumerate(others) if other and len(other) == len(one)]
    if one and same:
        mine = np.frombuffer(bytes.fromhex(one), np.uint8)
        theirs = np.frombuffer(
            bytes.fromhex("".join(others[k] for k in same)), np.uint8
        ).reshape(len(same), -1)
        apart[same] = np.bitwise_count(theirs ^ mine).sum(axis=1, dtype=np.int64)
    return apart


class HashIndex:
    """Hashes of many photos, searched in one pass."""

    def __init__(self) -> None:
        self._words = np.zeros((1024, HASH_BITS // 64), np.uint64)
        self._ids: list[int] = []

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, photo_id: int, text: str) -> None:
        """Take a photo in; one without a usable hash is like nothing."""
        if len(text) != HASH_BITS // 4:
            return
        if len(self._ids) == len(self._words):
            self._words = np.concatenate((self._words, np.zeros_like(self._words)))
        self._words[len(self._ids)] = np.frombuffer(bytes.fromhex(text), np.uint64)
        self._ids.append(photo_id)

    def near(
        self, text: str, *, most_apart: int = MAX_APART, limit: int = 8
    ) -> list[tuple[int, int]]:
        """(photo id, bits apart) of the nearest photos, nearest first."""
        if len(text) != HASH_BITS // 4 or not self._ids:
            return []
        mine = np.frombuffer(bytes.fromhex(text), np.uint64)
        words = self._words[: len(self._ids)]
        apart = np.bitwise_count(words ^ mine).sum(axis=1, dtype=np.int64)
        found = np.flatnonzero(apart <= most_apart)
        ordered = found[np.argsort(apart[found], kind="stable")][:limit]
        return [(self._ids[k], int(apart[k])) for k in ordered.tolist()]


def likeness(
    one: NDArray[np.uint8],
    one_box: RotatedBox,
    other: NDArray[np.uint8],
    other_box: RotatedBox,
) -> float:
    """How alike two coins look when one is laid over the other, -1..1.

    The one may be moved and scaled a little, as its box in a cropped copy is not
    quite the same. From `SAME_PICTURE` on it is the same picture.
    """
    return compare_looks(take_look(one, one_box), take_look(other, other_box))


def take_look(photo: NDArray[np.uint8], box: RotatedBox) -> NDArray[np.uint8]:
    """What `compare_looks` needs of a coin: grey, uint8 (LOOK_PX, LOOK_PX)."""
    return np.asarray(_upright(photo, box, LOOK_PX).round(), np.uint8)


def compare_looks(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """How alike two looks are, -1..1."""
    margin = round(_SEEN_PX * _SHIFT)
    middle = _relief(one, _SEEN_PX)[margin:-margin, margin:-margin]
    best = -1.0
    for scale in _SCALES:
        seen = _relief(other, round(_SEEN_PX * scale))
        places = cv2.matchTemplate(seen, middle, cv2.TM_CCOEFF_NORMED)
        best = max(best, float(places.max()))
        if best > _SURELY:
            break
    return best


def _relief(look: NDArray[np.uint8], size_px: int) -> NDArray[np.float32]:
    """The coin in grey less its surroundings: fine noise and broad shades are gone."""
    sized = cv2.resize(look, (size_px, size_px), interpolation=cv2.INTER_AREA)
    grey = cv2.GaussianBlur(np.asarray(sized, np.float32), (0, 0), 1.2)
    return np.asarray(grey - cv2.GaussianBlur(grey, (0, 0), 8), np.float32)


def estimate_quality(photo: NDArray[np.uint8], boxes: Sequence[RotatedBox]) -> float:
    """How much a photo can show, 0..1: size of its main coin times its sharpness.

    Sharpness is what a blur takes away: a blurred photo does not lose much more.
    """
    box = main_face(boxes, photo.shape[1], photo.shape[0])
    edge = _edge_px(box, photo.shape[1], photo.shape[0])
    size = math.sqrt(min(1.0, edge / _FINE_PX))
    grey = _upright(photo, box, max(32, min(_SHARPNESS_PX, round(edge))))
    lost = []
    for kernel in ((9, 1), (1, 9)):
        axis = 1 if kernel[1] == 1 else 0
        before = np.abs(np.diff(grey, axis=axis))
        after = np.abs(np.diff(cv2.blur(grey, kernel), axis=axis))
        total = float(before.sum())
        lost.append(float(np.maximum(before - after, 0).sum()) / max(total, 1e-6))
    sharp = float(np.clip((min(lost) - 0.25) / 0.5, 0, 1))
    return round(size * sharp, 4)


_MOST_LOOKED_AT = 5
_LOOKS_KEPT = 6000  # of 11 kB
_SURE = 0.97


@dataclass(frozen=True, slots=True, kw_only=True)
class SamePicture:
    """A photo of the catalog that shows the same picture of a coin.

    Attributes:
        photo: That photo.
        likeness: From `SAME_PICTURE` to 1.
    """

    photo: CatalogPhoto
    likeness: float


class Looks:
    """How photos of a catalog look; the last `most` of them are remembered."""

    def __init__(self, catalog: Catalog, most: int = _LOOKS_KEPT) -> None:
        self._catalog, self._most = catalog, most
        self._kept: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()

    def keep(self, photo_id: int, look: NDArray[np.uint8]) -> None:
        """Remember how a photo looks, so that it need not be read again."""
        self._kept[photo_id] = look
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def of(self, photo: CatalogPhoto) -> NDArray[np.uint8] | None:
        """What `take_look` gives of its main coin; None if it cannot be read."""
        if photo.photo_id not in self._kept:
            try:
                pixels = photo_io.read(self._catalog.photos.path(photo))
            except UnreadablePhotoError:
                return None
            boxes = [face.box for face in self._catalog.photos.faces(photo.photo_id)]
            box = main_face(boxes, pixels.shape[1], pixels.shape[0])
            self.keep(photo.photo_id, take_look(pixels, box))
        return self._kept[photo.photo_id]


class Matcher:
    """Looks photos up in a catalog; keeps the hashes of all photos at hand.

    Args:
        catalog: Where to look.
        looks_kept: So many photos need not be read again to be compared.
    """

    def __init__(self, catalog: Catalog, *, looks_kept: int = _LOOKS_KEPT) -> None:
        self._catalog = catalog
        self._index = HashIndex()
        self._looks = Looks(catalog, looks_kept)
        self._last = 0

    def find(
        self, look: NDArray[np.uint8], phash: str, *, is_rendered: bool = False
    ) -> SamePicture | None:
        """The photo that is most like this one, if it is the same picture.

        Args:
            look: What `take_look` gives of the photo's main coin.
            phash: Of this photo.
            is_rendered: Rendered coins are compared with rendered ones alone.
        """
        self._read_new()
        found = self._index.near(phash, most_apart=MAX_APART, limit=_MOST_LOOKED_AT)
        best: SamePicture | None = None
        for photo in self._there([photo_id for photo_id, _ in found]):
            if photo.is_rendered != is_rendered:
                continue
            other = self._looks.of(photo)
            alike = -1.0 if other is None else compare_looks(look, other)
            if alike >= SAME_PICTURE and (best is None or alike > best.likeness):
                best = SamePicture(photo=photo, likeness=alike)
                if alike > _SURE:
                    break
        return best

    def keep(self, photo_id: int, look: NDArray[np.uint8]) -> None:
        """Remember how a photo looks, so that it need not be read again."""
        self._looks.keep(photo_id, look)

    def _there(self, ids: list[int]) -> list[CatalogPhoto]:
        """Photos may have been removed since their hash was read."""
        with self._catalog.database.reading() as connection:
            kept = set(
                connection.scalars(select(PhotoRow.id).where(PhotoRow.id.in_(ids)))
            )
        return list(self._catalog.photos.get_many([one for one in ids if one in kept]))

    def _read_new(self) -> None:
        with self._catalog.database.reading() as connection:
            rows = connection.execute(
                select(PhotoRow.id, PhotoRow.phash)
                .where(PhotoRow.id > self._last)
                .order_by(PhotoRow.id)
            ).all()
        for row in rows:
            self._index.add(row.id, row.phash)
            self._last = row.id


_MOST_COMPARED = 5
_BLOCK = 512


def find_lookalikes(
    catalog: Catalog,
    version: Version,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Leak, ...]:
    """Pairs in different splits whose pictures, laid over each other, are the same.

    Finds what `leaks` cannot see in the hashes alone, such as a cropped copy that was
    given a coin of its own. Each photo is compared with the few photos of other splits
    whose hashes are nearest. Another picture of the coin, under another light, is not
    recognised.

    Args:
        catalog: Where the originals are; what cannot be read is passed over.
        version: The version to look through.
        progress: Called with photos done and photos in all.
    """
    items = [i for i in version.items if i.photo_id and len(i.phash) == HASH_BITS // 4]
    there = {
        p.photo_id: p for p in catalog.photos.get_many([i.photo_id or 0 for i in items])
    }
    looks = Looks(catalog)
    found: dict[tuple[str, str], Leak] = {}
    for done, (item, others) in enumerate(_nearest(items), 1):
        for other, bits in others:
            first, second = sorted((item, other), key=nearness)
            key = (first.sha256, second.sha256)
            if key in found or first.coin_now == second.coin_now:
                continue
            one = looks.of(there[item.photo_id or 0])
            two = looks.of(there[other.photo_id or 0])
            if one is None or two is None or compare_looks(one, two) < SAME_PICTURE:
                continue
            found[key] = Leak(first=first, second=second, why="same_picture", bits=bits)
        if progress is not None:
            progress(done, len(items))
    return tuple(found.values())


def _nearest(
    items: list[VersionItem],
) -> Iterator[tuple[VersionItem, list[tuple[VersionItem, int]]]]:
    """Each photo with those of other splits whose hashes are nearest, and how near."""
    splits = np.array([str(item.split) for item in items])
    hashes = [item.phash for item in items]
    for begin in range(0, len(items), _BLOCK):
        apart = bits_between(hashes[begin : begin + _BLOCK], hashes)
        for row, bits in enumerate(apart, begin):
            bits[splits == splits[row]] = HASH_BITS
            near = np.flatnonzero(bits <= MAX_APART)
            near = near[np.argsort(bits[near], kind="stable")][:_MOST_COMPARED]
            yield items[row], [(items[k], int(bits[k])) for k in near.tolist()]
