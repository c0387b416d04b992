"""The visitor's own labelled photos that are most similar to a coin.

What the comparison needs of each photo is computed once, in a thread of its own, and
kept in `data/cache/similar/`, which can be deleted. A verdict never waits for it.
"""

from __future__ import annotations

import hashlib
import io
import logging
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from coin_core import storage
from coin_core.catalog.records import CatalogPhoto, PhotoQuery, PhotoStatus
from coin_core.catalog.versions import find_legend_face
from coin_core.errors import CoinError
from coin_core.imaging import photo_io
from coin_core.imaging.preprocessing import RotatedBox, crop_to_flan
from coin_core.rulers import DEFAULT_CLASSES

if TYPE_CHECKING:
    from coin_core.catalog import Catalog
    from coin_core.pipeline import CoinClassifier

MOST_PER_RULER = 5000  # photos, the newest first
_AT_ONCE = 8
_SAVED_EVERY = 400

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCoin:
    """A labelled photo, the box of its legend side, and its similarity (0..1)."""

    photo: CatalogPhoto
    box: RotatedBox
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    photo: CatalogPhoto
    box: RotatedBox

    @property
    def key(self) -> str:
        text = f"{self.photo.sha256} {self.box}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(slots=True, eq=False)
class OwnCoins:
    """The labelled photos of the catalog, as vectors.

    Attributes:
        path: Where the vectors are kept.
        done: Photos that can be compared.
        total: Labelled photos.
    """

    path: Path
    done: int = 0
    total: int = 0
    _listed: tuple[_Listed, ...] = ()
    _vectors: dict[str, NDArray[np.float16]] = field(default_factory=dict)
    _thread: threading.Thread | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_busy(self) -> bool:
        """Whether photos are being prepared now."""
        return self._thread is not None and self._thread.is_alive()

    def refresh(self, catalog: Catalog, coin_classifier: CoinClassifier) -> None:
        """Prepare what is new in the catalog, in the background."""
        with self._lock:
            if self.is_busy:
                return
            self._thread = threading.Thread(
                target=self._prepare,
                args=(catalog, coin_classifier),
                name="own coins",
                daemon=True,
            )
            self._thread.start()

    def wait(self, timeout_s: float) -> None:
        """Wait until all photos are prepared."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def nearest(
        self, vector: NDArray[np.float32], *, count: int, except_sha256: str = ""
    ) -> list[OwnCoin]:
        """The coins most similar to a vector, the most similar first.

        Args:
            vector: As of `explain.similarity_vectors`, (D,).
            count: At most this many, each coin once.
            except_sha256: The photo itself, if the catalog has it.
        """
        ready = [
            one
            for one in self._listed
            if one.key in self._vectors and one.photo.sha256 != except_sha256
        ]
        if not ready:
            return []
        vectors = np.stack([self._vectors[one.key] for one in ready])
        similarity = vectors.astype(np.float32) @ vector
        found: dict[int, OwnCoin] = {}
        for place in np.argsort(-similarity):
            photo = ready[place].photo
            found.setdefault(
                photo.coin_id,
                OwnCoin(
                    photo=photo,
                    box=ready[place].box,
                    similarity=float(np.clip(similarity[place], 0, 1)),
                ),
            )
            if len(found) == count:
                break
        return list(found.values())

    def _prepare(self, catalog: Catalog, coin_classifier: CoinClassifier) -> None:
        try:
            if not self._vectors:
                self._vectors = _read(self.path)
            self._listed = tuple(_labelled(catalog))
            missing = [one for one in self._listed if one.key not in self._vectors]
            self.total = len(self._listed)
            self.done = self.total - len(missing)
            unsaved = 0
            for start in range(0, len(missing), _AT_ONCE):
                some = missing[start : start + _AT_ONCE]
                unsaved += self._compute(catalog, coin_classifier, some)
                if unsaved >= _SAVED_EVERY:
                    _write(self.path, self._vectors)
                    unsaved = 0
            if unsaved:
                kept = {one.key for one in self._listed}
                self._vectors = {k: v for k, v in self._vectors.items() if k in kept}
                _write(self.path, self._vectors)
        except (CoinError, OSError) as error:
            # Nearest coins are an extra: the verdict holds without them.
            _log.warning("Own photos could not be compared: %s", error)

    def _compute(
        self,
        catalog: Catalog,
        coin_classifier: CoinClassifier,
        listed: Iterable[_Listed],
    ) -> int:
        """Compute the vectors of a few photos; returns how many could be read."""
        from coin_core.explain import similarity_vectors
        from coin_core.imaging.preprocessing import CROP_PX

        crops: dict[str, NDArray[np.uint8]] = {}
        for one in listed:
            self.done += 1
            try:
                pixels = photo_io.read(catalog.photos.path(one.photo))
            except CoinError as error:
                _log.warning("%s was not compared: %s", one.photo.file_name, error)
                self.total, self.done = self.total - 1, self.done - 1
                continue
            crops[one.key] = crop_to_flan(pixels, one.box, CROP_PX)
        if crops:
            vectors = similarity_vectors(
                coin_classifier, np.stack(list(crops.values()))
            )
            self._vectors |= dict(zip(crops, vectors.astype(np.float16), strict=True))
        return len(crops)


def own_coins_path(version: str) -> Path:
    """Where the vectors of one version of the classifier are kept."""
    return storage.data_dir() / "cache" / "similar" / f"{version[:16]}.npz"


def _labelled(catalog: Catalog) -> Iterator[_Listed]:
    """The photographs with a ruler and a legend side, excluded ones left out."""
    for ruler in DEFAULT_CLASSES:
        query = PhotoQuery(ruler=ruler, rendered=False)
        photos = [
            photo
            for photo in catalog.queries.find(query, limit=MOST_PER_RULER).photos
            if photo.status is not PhotoStatus.EXCLUDED
        ]
        faces = catalog.photos.faces_of([photo.photo_id for photo in photos])
        for photo in photos:
            of_photo = faces.get(photo.photo_id, ())
            index = find_legend_face(of_photo, ruler)
            if index is not None:
                yield _Listed(photo=photo, box=of_photo[index].box)


def _read(path: Path) -> dict[str, NDArray[np.float16]]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            keys, vectors = stored["keys"], stored["vectors"]
            return {str(key): vector for key, vector in zip(keys, vectors, strict=True)}
    except FileNotFoundError:
        return {}
    except storage.UNREADABLE_ARRAYS:
        _log.warning("%s is damaged and is made again.", path.name)
        return {}


def _write(path: Path, vectors: dict[str, NDArray[np.float16]]) -> None:
    file = io.BytesIO()
    np.savez(
        file, keys=np.array(list(vectors)), vectors=np.stack(list(vectors.values()))
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    storage.write_file(path, file.getvalue(), durable=False)
