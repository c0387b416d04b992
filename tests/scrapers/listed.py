"""Photos read quickly for tests: what `prepare` gives, without finding the faces."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from coin_core.catalog import CatalogFace, PhotoRecord
from coin_core.errors import UnreadablePhotoError


@dataclass
class Read:
    """What `prepare` gives, without the faces: finding them takes long."""

    size_px: tuple[int, int]
    thumbnail: np.ndarray
    phash: str = ""
    faces: tuple[CatalogFace, ...] = ()

    def record(self, **told: object) -> PhotoRecord:
        width, height = self.size_px
        return PhotoRecord(extension="png", width_px=width, height_px=height, **told)


def prepare(data: bytes, name: str) -> Read:
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            return Read(size_px=image.size, thumbnail=np.zeros((8, 8), np.uint8))
    except OSError as error:
        raise UnreadablePhotoError(f"{name} is damaged.") from error
