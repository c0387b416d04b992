"""A photo made ready for the catalog: decoded, its faces found, hashed, judged."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coin_core.catalog._hashing import (
    estimate_quality,
    hash_photo,
    main_face,
    take_look,
)
from coin_core.catalog._values import CatalogFace, PhotoRecord
from coin_core.detection import faces
from coin_core.imaging import photo_io
from coin_core.imaging.file_types import sniff

_EXTENSIONS = {
    "JPEG": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "TIFF": "tif",
    "BMP": "bmp",
    "HEIF": "heic",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """What was read from a photo; `look` as `_hashing.take_look` gives it."""

    look: NDArray[np.uint8]
    extension: str
    size_px: tuple[int, int]  # width, height of the file, turned upright
    phash: str
    quality: float | None
    faces: tuple[CatalogFace, ...]

    def record(self, **told: Any) -> PhotoRecord:
        """What goes into the catalog; `told` are the fields of `PhotoRecord` left."""
        return PhotoRecord(
            extension=self.extension,
            width_px=self.size_px[0],
            height_px=self.size_px[1],
            phash=self.phash,
            quality=self.quality,
            **told,
        )


def prepare(data: bytes, name: str) -> Prepared:
    """Decode a photo, find its coins and tell their sides.

    Raises:
        UnreadablePhotoError: It is no photo that is accepted.
        WeightsMissingError: The finder's weights are not there.
    """
    pixels = photo_io.decode(data, name=name)
    _, kind = sniff(data)
    boxes = faces.find(pixels)
    judged = faces.judge_sides(pixels, boxes)
    main = main_face(boxes, pixels.shape[1], pixels.shape[0])
    return Prepared(
        look=take_look(pixels, main),
        extension=_EXTENSIONS[str(kind)],
        size_px=_size_of(data, pixels),
        phash=hash_photo(pixels, boxes),
        quality=estimate_quality(pixels, boxes) if boxes else None,
        faces=tuple(CatalogFace(box=face.box, side=face.side) for face in judged),
    )


def _size_of(data: bytes, pixels: NDArray[np.uint8]) -> tuple[int, int]:
    """Width and height of the file; decoding scales large photos down."""
    height, width = pixels.shape[:2]
    if max(height, width) < photo_io.MAX_SIDE_PX:
        return width, height
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        long_px, short_px = max(image.size), min(image.size)
    return (long_px, short_px) if width >= height else (short_px, long_px)
