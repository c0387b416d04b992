"""Lists, counts and queues; fast enough for a hundred thousand photos."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select

from coin_core.catalog.database import Database
from coin_core.catalog.mappers import read_photos
from coin_core.catalog.photos import Photos
from coin_core.catalog.records import (
    UNLABELLED,
    CatalogPhoto,
    Choices,
    Page,
    PhotoOrder,
    PhotoQuery,
    PhotoStatus,
    Progress,
    QueueKind,
)
from coin_core.catalog.schema import (
    CoinRow,
    FaceRow,
    PhotoRow,
    ReviewRow,
    VersionItemRow,
    VersionRow,
)
from coin_core.detection.faces import RotatedBox, Side
from coin_core.errors import CatalogError, UnreadablePhotoError


class Queries:
    """Lists, counts and queues of photos."""

    def __init__(self, database: Database, photos: Photos) -> None:
        self._database = database
        self._photos = photos

    def find(
        self, query: PhotoQuery | None = None, *, offset: int = 0, limit: int = 60
    ) -> Page:
        """A page of the photos that a query asks for.

        Args:
            query: By default all photos, the newest first.
            offset: How many to skip; beyond the end the page is empty.
            limit: At most so many photos.

        Raises:
            CatalogError: Offset or limit is negative.
        """
        if offset < 0 or limit < 0:
            raise CatalogError(
                f"A page begins at 0 or later and is not negative; got offset {offset} "
                f"and limit {limit}."
            )
        wanted = query or PhotoQuery()
        conditions = self._conditions(wanted)
        with self._database.reading() as connection:
            # Sorting ids alone, then fetching the few rows, is what makes it fast.
            ids = select(PhotoRow.id).where(*conditions).order_by(*_order(wanted))
            if wanted.ruler is not None:
                ids = ids.join(CoinRow, CoinRow.id == PhotoRow.coin_id)
            if wanted.text:  # reading all texts costs most: once, not for the count too
                matching = list(connection.scalars(ids))
                total, chosen = len(matching), matching[offset : offset + limit]
            else:
                total = connection.scalar(_counting(wanted, conditions)) or 0
                chosen = list(connection.scalars(ids.offset(offset).limit(limit)))
            photos = read_photos(connection, chosen)
        return Page(photos=photos, total=total)

    def counts(self, query: PhotoQuery | None = None) -> dict[str, int]:
        """Photos per ruler under all filters but the ruler's own.

        Returns:
            Class key, or "unlabelled", to number of photos; in alphabetical order.
        """
        wanted = query or PhotoQuery()
        # Begins at the photos where few fit, or where each has to be read anyhow.
        photos_first = any((wanted.status, wanted.source, wanted.licence, wanted.text))
        with self._database.reading() as connection:
            rows = connection.execute(
                select(CoinRow.ruler_attributed, func.count())
                .select_from(PhotoRow)
                .join(CoinRow, CoinRow.id == PhotoRow.coin_id, isouter=photos_first)
                .where(*self._conditions(replace(wanted, ruler=None)))
                .group_by(CoinRow.ruler_attributed)
            )
            found = {ruler or UNLABELLED: int(number) for ruler, number in rows}
        return dict(sorted(found.items()))

    def choices(self) -> Choices:
        """What each filter can take in this catalog."""
        with self._database.reading() as connection:

            def distinct(column: Any) -> tuple[str, ...]:
                rows = connection.scalars(select(column).distinct().order_by(column))
                return tuple(value for value in rows if value)

            return Choices(
                rulers=distinct(CoinRow.ruler_attributed),
                sides=tuple(Side(side) for side in distinct(FaceRow.side)),
                sources=distinct(PhotoRow.source),
                licences=distinct(PhotoRow.licence),
                versions=distinct(VersionRow.name),
            )

    def queue(
        self, kind: QueueKind | str, *, limit: int = 200, reviewer: str | None = None
    ) -> tuple[int, ...]:
        """What to look at next, the most urgent first; never excluded photos.

        Args:
            kind: Why they should be looked at.
            limit: At most so many.
            reviewer: Photos that this reviewer has not decided on, whatever others
                have done; None takes those that nobody has decided on.

        Raises:
            CatalogError: There is no such queue.
        """
        try:
            why = QueueKind(kind)
        except ValueError as error:
            raise CatalogError(
                f"There is no queue {kind!r}; there are {', '.join(QueueKind)}."
            ) from error
        ids = select(PhotoRow.id)
        if why is QueueKind.SUSPECTED:
            ids = ids.where(
                PhotoRow.suspicion.is_not(None),
                PhotoRow.status != PhotoStatus.EXCLUDED.value,
            ).order_by(PhotoRow.suspicion.desc(), PhotoRow.id)
        else:
            ids = ids.where(_undecided(reviewer))
        if why is QueueKind.UNREVIEWED:
            ids = ids.order_by(PhotoRow.id)
        elif why is QueueKind.DISAGREEMENT:
            ids = ids.where(PhotoRow.disagreement.is_not(None)).order_by(
                PhotoRow.disagreement.desc(), PhotoRow.id
            )
        elif why is QueueKind.LOW_CONFIDENCE:
            ids = ids.where(PhotoRow.confidence.is_not(None)).order_by(
                PhotoRow.confidence, PhotoRow.id
            )
        with self._database.reading() as connection:
            return tuple(connection.scalars(ids.limit(limit)))

    def _conditions(self, query: PhotoQuery) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if query.ruler == UNLABELLED:
            found.append(CoinRow.ruler_attributed.is_(None))
        elif query.ruler is not None:
            found.append(CoinRow.ruler_attributed == query.ruler)
        if query.side is not None:
            found.append(
                PhotoRow.id.in_(
                    select(FaceRow.photo_id).where(FaceRow.side == str(query.side))
                )
            )
        if query.status is not None:
            found.append(PhotoRow.status == str(query.status))
        if query.source is not None:
            found.append(PhotoRow.source == query.source)
        if query.licence is not None:
            found.append(PhotoRow.licence == query.licence)
        if query.rendered is not None:
            found.append(PhotoRow.is_rendered.is_(query.rendered))
        if query.split is not None:
            name, split = query.split
            found.append(
                PhotoRow.id.in_(
                    select(VersionItemRow.photo_id)
                    .join(VersionRow, VersionRow.id == VersionItemRow.version_id)
                    .where(VersionRow.name == name, VersionItemRow.split == split)
                )
            )
        if query.disagreement is not None:
            found.append(PhotoRow.rulers_differ.is_(query.disagreement))
        if query.min_quality is not None:
            found.append(PhotoRow.quality >= query.min_quality)
        if query.text and query.text.strip():
            found.append(self._contains(query.text.strip()))
        return found

    def _contains(self, words: str) -> ColumnElement[bool]:
        """The words stand in a text of the photo, in capitals or not."""
        places: tuple[Any, ...] = (
            PhotoRow.file_name,
            PhotoRow.lot_text,
            PhotoRow.credit,
            PhotoRow.source,
        )
        if (
            self._database.is_sqlite
        ):  # its LIKE ignores case by itself, at half the time
            return or_(*(place.contains(words, autoescape=True) for place in places))
        return or_(*(place.icontains(words, autoescape=True) for place in places))

    def similar(self, photo_id: int, *, limit: int = 8) -> tuple[CatalogPhoto, ...]:
        """Photos of other coins that may be the same coin, the most alike first.

        Near hashes name candidates; then the pictures are laid over each other, and
        those whose original cannot be read are left out.

        Raises:
            CatalogError: The photo is not there.
        """
        from coin_core.catalog.similarity import (
            MAX_APART,
            SAME_PICTURE,
            bits_apart,
            likeness,
        )

        photo = self._photos.get(photo_id)
        with self._database.reading() as connection:
            rows = connection.execute(
                select(PhotoRow.id, PhotoRow.phash).where(
                    PhotoRow.coin_id != photo.coin_id
                )
            ).all()
        apart = bits_apart(photo.phash, [row.phash for row in rows])
        near = [k for k in apart.argsort(kind="stable") if apart[k] <= MAX_APART]
        mine = self._main_coin(photo) if near else None
        if mine is None:
            return ()
        alike: list[tuple[float, CatalogPhoto]] = []
        for other in self._photos.get_many([rows[k].id for k in near[: 3 * limit]]):
            theirs = self._main_coin(other)
            if theirs is not None:
                value = likeness(*mine, *theirs)
                if value >= SAME_PICTURE:
                    alike.append((value, other))
        alike.sort(key=lambda found: -found[0])
        return tuple(other for _, other in alike[:limit])

    def _main_coin(
        self, photo: CatalogPhoto
    ) -> tuple[NDArray[np.uint8], RotatedBox] | None:
        """The pixels of a photo and the coin that stands for it."""
        from coin_core.catalog.similarity import main_face
        from coin_core.imaging import photo_io

        try:
            pixels = photo_io.read(self._photos.path(photo))
        except UnreadablePhotoError:
            return None
        boxes = [face.box for face in self._photos.faces(photo.photo_id)]
        return pixels, main_face(boxes, photo.width_px, photo.height_px)

    def progress(self) -> Progress:
        """How far the review has come."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(PhotoRow.status, func.count()).group_by(PhotoRow.status)
            )
            found = {status: int(number) for status, number in rows}
        return Progress(
            total=sum(found.values()),
            unreviewed=found.get(PhotoStatus.UNREVIEWED, 0),
            reviewed=found.get(PhotoStatus.REVIEWED, 0),
            excluded=found.get(PhotoStatus.EXCLUDED, 0),
        )


def _counting(query: PhotoQuery, conditions: list[ColumnElement[bool]]) -> Select[Any]:
    counting = select(func.count()).select_from(PhotoRow)
    if query.ruler is not None:
        counting = counting.join(CoinRow, CoinRow.id == PhotoRow.coin_id)
    return counting.where(*conditions)


def _order(query: PhotoQuery) -> list[Any]:
    if query.order is PhotoOrder.ADDED:
        return [PhotoRow.id if query.reverse else PhotoRow.id.desc()]
    column: Any = {
        PhotoOrder.CONFIDENCE: PhotoRow.confidence,
        PhotoOrder.DISAGREEMENT: PhotoRow.disagreement,
        PhotoOrder.QUALITY: PhotoRow.quality,
    }[PhotoOrder(query.order)]
    rising = (query.order is PhotoOrder.CONFIDENCE) is not query.reverse
    if rising:
        return [column.asc().nulls_last(), PhotoRow.id]
    return [column.desc().nulls_last(), PhotoRow.id.desc()]


def _undecided(reviewer: str | None) -> ColumnElement[bool]:
    if reviewer is None:
        return PhotoRow.status == PhotoStatus.UNREVIEWED.value
    theirs = exists().where(
        ReviewRow.photo_id == PhotoRow.id,
        ReviewRow.reviewer == reviewer.strip(),
        ReviewRow.withdrawn.is_(False),
    )
    return and_(PhotoRow.status != PhotoStatus.EXCLUDED.value, ~theirs)
