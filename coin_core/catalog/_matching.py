"""Recognising a coin by a photo of it that was recompressed, resized or cropped.

The perceptual hash names candidates, and laying the coins over each other decides: a
photo that matches is the same picture of the same coin. Another picture of the coin,
under another light, is not recognised.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from coin_core.catalog._catalog import Catalog
from coin_core.catalog._hashing import (
    MAX_APART,
    SAME_PICTURE,
    HashIndex,
    compare_looks,
    main_face,
    take_look,
)
from coin_core.catalog._tables import PhotoRow
from coin_core.catalog._values import CatalogPhoto
from coin_core.errors import UnreadablePhotoError
from coin_core.imaging import photo_io

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
                pixels = photo_io.read(self._catalog.photo_path(photo))
            except UnreadablePhotoError:
                return None
            boxes = [face.box for face in self._catalog.faces(photo.photo_id)]
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
