"""Find photos of the same picture of a coin: perceptual hashes and thumbnails.

The hash is computed from the coin, not from the whole photo, so a cut margin changes
little, and from its relief, not its grey values, so two discs on white ground are not
alike for that alone. Near hashes name candidates; `compare_thumbnails` then slides one
coin over the other and decides.
"""

from __future__ import annotations

import math
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from coin_core.catalog.photos import Photos
from coin_core.catalog.records import CatalogPhoto
from coin_core.errors import UnreadablePhotoError
from coin_core.imaging import photo_io
from coin_core.imaging.preprocessing import RotatedBox, crop_to_flan
from coin_core.jobs import ProgressCallback

HASH_BITS = 256
MAX_HASH_DISTANCE = 92
"""Most bits in which the hashes of one picture differ. Copies that lost a tenth of
their edge stay below; so do two in a hundred pairs of other coins of one design."""

SAME_PICTURE = 0.9
"""Least similarity of two copies of a photo; other coins of one design stay below."""

THUMBNAIL_PX = 106
"""Side of a thumbnail: the template at the largest scale."""

_HASH_SIDE = 16  # of the square of DCT coefficients that the hash keeps
_HASH_PX = 4 * _HASH_SIDE
_TEMPLATE_PX = 96
_SHIFT = 0.16  # of the side, by which one coin may be moved against the other
_SCALES = (1.0, 0.97, 1.03, 0.94, 1.06, 0.9, 1.1)  # most likely first
_CERTAIN = 0.97
_LARGE = 0.6  # of the largest coin's edge; smaller coins do not represent a photo
_WHOLE = RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0)
_FINE_PX = 300  # edge of a coin above which more pixels add no detail
_SHARPNESS_PX = 160
_MAX_CANDIDATES = 5
_CACHE_SIZE = 6000  # thumbnails of 11 kB
_BLOCK_ROWS, _BLOCK_COLUMNS = 64, 4096  # fits the processor's cache


def main_face(boxes: Sequence[RotatedBox], width_px: int, height_px: int) -> RotatedBox:
    """The coin that represents a photo: the first of the large ones.

    "The largest" alone would change between copies of a photo that shows both sides
    at one size.

    Returns:
        One of `boxes`, or the whole photo if there is none.
    """
    edges = [_edge_px(box, width_px, height_px) for box in boxes]
    for box, edge in zip(boxes, edges, strict=True):
        if edge >= _LARGE * max(edges):
            return box
    return _WHOLE


def _edge_px(box: RotatedBox, width_px: int, height_px: int) -> float:
    return max((box.right - box.left) * width_px, (box.bottom - box.top) * height_px)


def hash_photo(photo: NDArray[np.uint8], boxes: Sequence[RotatedBox]) -> str:
    """The perceptual hash (DCT) of a photo's main face.

    Args:
        photo: RGB, uint8 (H, W, 3).
        boxes: The coins on it, in reading order.

    Returns:
        `HASH_BITS` bits as 64 hexadecimal digits.
    """
    import imagehash  # imports scipy and pywavelets

    crop = _gray_crop(photo, main_face(boxes, photo.shape[1], photo.shape[0]), _HASH_PX)
    relief = _normalize_contrast(crop) * _disc_mask(_HASH_PX)
    picture = Image.fromarray(np.asarray(relief * 42 + 128, np.uint8))
    return str(imagehash.phash(picture, hash_size=_HASH_SIDE, highfreq_factor=4))


def _gray_crop(
    photo: NDArray[np.uint8], box: RotatedBox, size_px: int
) -> NDArray[np.float32]:
    """The coin in grey, (S, S), as oriented in the photo, without the box's turn."""
    level = RotatedBox(left=box.left, top=box.top, right=box.right, bottom=box.bottom)
    crop = crop_to_flan(photo, level, size_px)
    return np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.float32)


def _normalize_contrast(gray: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each pixel's deviation from its surroundings in their spread, -3 to 3."""
    window = (len(gray) // 4 | 1, len(gray) // 4 | 1)
    smooth = cv2.GaussianBlur(gray, (0, 0), len(gray) / 64)
    mean = cv2.blur(smooth, window)
    variance = np.maximum(cv2.blur(smooth * smooth, window) - mean * mean, 0)
    deviation = (smooth - mean) / (np.sqrt(variance) + np.float32(6))
    return np.asarray(np.clip(deviation, -3, 3), np.float32)


def _disc_mask(size_px: int) -> NDArray[np.float32]:
    """1 on the coin, 0 outside, with a soft edge that leaves the rim out."""
    axis = (np.arange(size_px, dtype=np.float32) + 0.5) / (size_px / 2) - 1
    radius = np.hypot(axis[:, None], axis[None, :])
    return np.asarray(np.clip((0.98 - radius) / 0.15, 0, 1), np.float32)


def make_thumbnail(photo: NDArray[np.uint8], box: RotatedBox) -> NDArray[np.uint8]:
    """The coin in grey, as `compare_thumbnails` takes it.

    Args:
        photo: RGB, uint8 (H, W, 3).
        box: The coin on it.

    Returns:
        uint8 (`THUMBNAIL_PX`, `THUMBNAIL_PX`).
    """
    return np.asarray(_gray_crop(photo, box, THUMBNAIL_PX).round(), np.uint8)


def compare_thumbnails(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """The similarity of two coins, laid over each other.

    One is shifted and scaled a little, since the box of a coin in a cropped copy
    differs slightly. The value is the highest normalized cross-correlation.

    Returns:
        -1 to 1; from `SAME_PICTURE` on, both show the same picture.
    """
    margin = round(_TEMPLATE_PX * _SHIFT)
    template = _relief(one, _TEMPLATE_PX)[margin:-margin, margin:-margin]
    best = -1.0
    for scale in _SCALES:
        image = _relief(other, round(_TEMPLATE_PX * scale))
        scores = cv2.matchTemplate(image, template, cv2.TM_CCOEFF_NORMED)
        best = max(best, float(scores.max()))
        if best > _CERTAIN:
            break
    return best


def _relief(thumbnail: NDArray[np.uint8], size_px: int) -> NDArray[np.float32]:
    """A band-pass filter: without fine noise and broad shades."""
    sized = cv2.resize(thumbnail, (size_px, size_px), interpolation=cv2.INTER_AREA)
    gray = cv2.GaussianBlur(np.asarray(sized, np.float32), (0, 0), 1.2)
    return np.asarray(gray - cv2.GaussianBlur(gray, (0, 0), 8), np.float32)


def estimate_quality(photo: NDArray[np.uint8], boxes: Sequence[RotatedBox]) -> float:
    """How much detail a photo can show: size of its main coin times its sharpness.

    Sharpness is the detail that a blur removes; a blurred photo has little to lose.

    Args:
        photo: RGB, uint8 (H, W, 3).
        boxes: The coins on it, in reading order.

    Returns:
        0 to 1.
    """
    box = main_face(boxes, photo.shape[1], photo.shape[0])
    edge = _edge_px(box, photo.shape[1], photo.shape[0])
    size = math.sqrt(min(1.0, edge / _FINE_PX))
    gray = _gray_crop(photo, box, max(32, min(_SHARPNESS_PX, round(edge))))
    losses = []
    for kernel, axis in (((9, 1), 1), ((1, 9), 0)):
        before = np.abs(np.diff(gray, axis=axis))
        after = np.abs(np.diff(cv2.blur(gray, kernel), axis=axis))
        lost = float(np.maximum(before - after, 0).sum())
        losses.append(lost / max(float(before.sum()), 1e-6))
    sharpness = float(np.clip((min(losses) - 0.25) / 0.5, 0, 1))
    return round(size * sharpness, 4)


def near_pairs(
    hashes: Sequence[str],
    max_bits: int,
    progress: ProgressCallback | None = None,
) -> list[tuple[int, int, int]]:
    """Pairs of rows whose hashes differ in at most `max_bits` bits.

    Args:
        hashes: Hexadecimal, of any lengths; "" matches nothing. Only hashes of one
            length are compared.
        max_bits: How many bits may differ.
        progress: Called with rows compared and rows in all.

    Returns:
        (first row, second row, bits that differ), sorted; first row < second row.
    """
    by_length: dict[int, list[int]] = defaultdict(list)
    for row, text in enumerate(hashes):
        by_length[len(text)].append(row)
    done = len(by_length.pop(0, ()))
    pairs: list[tuple[int, int, int]] = []
    for rows in by_length.values():
        words = _to_words([hashes[row] for row in rows])
        for first in range(0, len(rows), _BLOCK_ROWS):
            block = words[first : first + _BLOCK_ROWS]
            for second in range(first, len(rows), _BLOCK_COLUMNS):
                others = words[second : second + _BLOCK_COLUMNS]
                pairs += [
                    (rows[first + i], rows[second + j], bits)
                    for i, j, bits in _near(block, others, max_bits)
                    if first + i < second + j
                ]
            done += len(block)
            if progress is not None:
                progress(done, len(hashes))
    return sorted(pairs)


def _near(
    one: NDArray[np.uint64], other: NDArray[np.uint64], max_bits: int
) -> Iterable[tuple[int, int, int]]:
    """Rows of `one` and `other` that are near, and the bits that differ."""
    # Half of each hash rules nearly all pairs out.
    half = -(-one.shape[1] // 2)
    i, j = np.nonzero(_distances(one[:, :half], other[:, :half]) <= max_bits)
    bits = np.bitwise_count(one[i] ^ other[j]).sum(axis=1)
    near = bits <= max_bits
    return zip(i[near].tolist(), j[near].tolist(), bits[near].tolist(), strict=True)


def _to_words(hashes: Sequence[str]) -> NDArray[np.uint64]:
    """The hashes as 64-bit words, (N, W)."""
    width = -(-len(hashes[0]) // 16) * 16
    data = bytes.fromhex("".join(text.zfill(width) for text in hashes))
    return np.frombuffer(data, dtype=">u8").reshape(len(hashes), -1).astype(np.uint64)


def _distances(
    one: NDArray[np.uint64], other: NDArray[np.uint64]
) -> NDArray[np.uint16]:
    """Bits that differ between each row of `one` and each of `other`."""
    bits = np.zeros((len(one), len(other)), dtype=np.uint16)
    for word in range(one.shape[1]):
        bits += np.bitwise_count(one[:, word, None] ^ other[None, :, word])
    return bits


class HashIndex:
    """Hashes of many photos, searched in one pass."""

    def __init__(self) -> None:
        self._words = np.zeros((1024, HASH_BITS // 64), np.uint64)
        self._ids: list[int] = []

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, photo_id: int, phash: str) -> None:
        """Add a photo; one without a hash of `HASH_BITS` bits is left out."""
        if len(phash) != HASH_BITS // 4:
            return
        if len(self._ids) == len(self._words):
            self._words = np.concatenate((self._words, np.zeros_like(self._words)))
        self._words[len(self._ids)] = _to_words([phash])[0]
        self._ids.append(photo_id)

    def nearest(
        self, phash: str, *, max_bits: int = MAX_HASH_DISTANCE, limit: int = 8
    ) -> list[tuple[int, int]]:
        """(photo id, bits that differ) of the nearest photos, nearest first."""
        if len(phash) != HASH_BITS // 4 or not self._ids:
            return []
        bits = _distances(_to_words([phash]), self._words[: len(self._ids)])[0]
        near = np.flatnonzero(bits <= max_bits)
        ordered = near[np.argsort(bits[near], kind="stable")][:limit]
        return [(self._ids[k], int(bits[k])) for k in ordered.tolist()]


class ThumbnailCache:
    """Thumbnails of the catalog's photos; the last `size` of them are kept."""

    def __init__(self, photos: Photos, size: int = _CACHE_SIZE) -> None:
        self._photos, self._size = photos, size
        self._thumbnails: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()

    def add(self, photo_id: int, thumbnail: NDArray[np.uint8]) -> None:
        """Keep a thumbnail, so that its photo need not be read again."""
        self._thumbnails[photo_id] = thumbnail
        if len(self._thumbnails) > self._size:
            self._thumbnails.popitem(last=False)

    def get(self, photo: CatalogPhoto) -> NDArray[np.uint8] | None:
        """The thumbnail of a photo's main coin; None if the photo is unreadable."""
        if photo.photo_id not in self._thumbnails:
            try:
                pixels = photo_io.read(self._photos.path(photo))
            except UnreadablePhotoError:
                return None
            boxes = [face.box for face in self._photos.faces(photo.photo_id)]
            box = main_face(boxes, pixels.shape[1], pixels.shape[0])
            self.add(photo.photo_id, make_thumbnail(pixels, box))
        return self._thumbnails[photo.photo_id]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A photo of the catalog that shows the same picture of a coin.

    Attributes:
        photo: The photo.
        similarity: `SAME_PICTURE` to 1.
    """

    photo: CatalogPhoto
    similarity: float


class Matcher:
    """Finds photos in a catalog that show a given picture.

    Args:
        photos: The photos of the catalog; their hashes are kept in memory.
        cache_size: How many thumbnails are kept in memory.
    """

    def __init__(self, photos: Photos, *, cache_size: int = _CACHE_SIZE) -> None:
        self._photos = photos
        self._index = HashIndex()
        self._thumbnails = ThumbnailCache(photos, cache_size)
        self._newest_id = 0

    def find(
        self, thumbnail: NDArray[np.uint8], phash: str, *, is_rendered: bool = False
    ) -> Match | None:
        """The photo that is most similar, if it shows the same picture.

        Args:
            thumbnail: From `make_thumbnail`, of the main coin.
            phash: Of the photo.
            is_rendered: Rendered coins are compared only with rendered coins.
        """
        for photo_id, _, text in self._photos.hashes(after=self._newest_id):
            self._index.add(photo_id, text)
            self._newest_id = photo_id
        near = self._index.nearest(phash, limit=_MAX_CANDIDATES)
        best: Match | None = None
        for photo in self._photos.get_existing([photo_id for photo_id, _ in near]):
            if photo.is_rendered != is_rendered:
                continue
            other = self._thumbnails.get(photo)
            if other is None:
                continue
            similarity = compare_thumbnails(thumbnail, other)
            if similarity < SAME_PICTURE:
                continue
            if best is None or similarity > best.similarity:
                best = Match(photo=photo, similarity=similarity)
        return best

    def add(self, photo_id: int, thumbnail: NDArray[np.uint8]) -> None:
        """Keep the thumbnail of a new photo, so that it need not be read again."""
        self._thumbnails.add(photo_id, thumbnail)
