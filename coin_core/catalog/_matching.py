"""Recognising a coin by a photo of it that was recompressed, resized or cropped.

The perceptual hash names candidates, and laying the coins over each other decides: a
photo that matches is the same picture of the same coin. Another picture of the coin,
under another light, is not recognised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from coin_core import photos
from coin_core.catalog._catalog import Catalog
from coin_core.catalog._hashing import (
    MAX_APART,
    SAME_PICTURE,
    HashIndex,
    likeness,
    main_face,
)
from coin_core.catalog._tables import PhotoRow
from coin_core.catalog._values import CatalogFace, CatalogPhoto, CropBox
from coin_core.errors import UnreadablePhotoError

_MOST_LOOKED_AT = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class SamePicture:
    """A photo of the catalog that shows the same picture of a coin.

    Attributes:
        photo: That photo.
        likeness: From `SAME_PICTURE` to 1.
    """

    photo: CatalogPhoto
    likeness: float


class Matcher:
    """Looks photos up in a catalog; keeps the hashes of all photos at hand."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._index = HashIndex()
        self._last = 0

    def find(
        self,
        pixels: NDArray[np.uint8],
        faces: Sequence[CatalogFace],
        phash: str,
        *,
        is_rendered: bool = False,
        leave_out: int | None = None,
    ) -> SamePicture | None:
        """The photo that is most like this one, if it is the same picture.

        Args:
            pixels: uint8 (H, W, 3).
            faces: Those found on it.
            phash: Of this photo.
            is_rendered: Rendered coins are compared with rendered ones alone.
            leave_out: Id of a photo that is not compared.
        """
        self._read_new()
        box = main_face([face.box for face in faces], pixels.shape[1], pixels.shape[0])
        found = self._index.near(
            phash, most_apart=MAX_APART, limit=_MOST_LOOKED_AT + (leave_out is not None)
        )
        ids = [photo_id for photo_id, _ in found if photo_id != leave_out]
        best: SamePicture | None = None
        for photo in self._there(ids):
            if photo.is_rendered != is_rendered:
                continue
            alike = self._likeness(pixels, box, photo)
            if alike >= SAME_PICTURE and (best is None or alike > best.likeness):
                best = SamePicture(photo=photo, likeness=alike)
                if alike > 0.97:
                    break
        return best

    def _likeness(
        self, pixels: NDArray[np.uint8], box: CropBox, photo: CatalogPhoto
    ) -> float:
        try:
            other = photos.read(self._catalog.photo_path(photo))
        except UnreadablePhotoError:
            return -1.0
        boxes = [face.box for face in self._catalog.faces(photo.photo_id)]
        there = main_face(boxes, other.shape[1], other.shape[0])
        return likeness(pixels, box, other, there)

    def _there(self, ids: list[int]) -> list[CatalogPhoto]:
        """Photos may have been removed since their hash was read."""
        with self._catalog.reading() as connection:
            kept = set(
                connection.scalars(select(PhotoRow.id).where(PhotoRow.id.in_(ids)))
            )
        return list(self._catalog.photos([one for one in ids if one in kept]))

    def _read_new(self) -> None:
        with self._catalog.reading() as connection:
            rows = connection.execute(
                select(PhotoRow.id, PhotoRow.phash)
                .where(PhotoRow.id > self._last)
                .order_by(PhotoRow.id)
            ).all()
        for row in rows:
            self._index.add(row.id, row.phash)
            self._last = row.id
