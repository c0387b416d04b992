"""Lists, counts and queues of photos; fast for a hundred thousand of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, String, and_, exists, func, or_, select

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
    PredictionRow,
    ReviewRow,
    VersionItemRow,
    VersionRow,
)
from coin_core.catalog.similarity import (
    SAME_PICTURE,
    HashIndex,
    ThumbnailCache,
    compare_thumbnails,
)
from coin_core.errors import CatalogError
from coin_core.results import Side


class Queries:
    """Lists, counts and queues of photos."""

    def __init__(self, database: Database, photos: Photos) -> None:
        self._database = database
        self._photos = photos

    def find(
        self, query: PhotoQuery | None = None, *, offset: int = 0, limit: int = 60
    ) -> Page:
        """A page of the photos that match a query.

        Args:
            query: By default all photos, newest first.
            offset: How many photos to skip; beyond the end, the page is empty.
            limit: At most this many photos.

        Raises:
            CatalogError: Offset or limit is negative.
        """
        if offset < 0 or limit < 0:
            raise CatalogError(
                f"Offset and limit of a page cannot be negative; got offset {offset} "
                f"and limit {limit}."
            )
        query = query or PhotoQuery()
        conditions = self._conditions(query)
        with self._database.reading() as connection:
            # Sorting ids alone and then loading a few rows is fast.
            ids = select(PhotoRow.id).where(*conditions).order_by(*_order(query))
            count = select(func.count()).select_from(PhotoRow)
            if query.ruler is not None:
                ids = ids.join(CoinRow, CoinRow.id == PhotoRow.coin_id)
                count = count.join(CoinRow, CoinRow.id == PhotoRow.coin_id)
            if query.text:  # searching texts is slow: do it once, not for the count too
                matching = list(connection.scalars(ids))
                total, on_page = len(matching), matching[offset : offset + limit]
            else:
                total = connection.scalar(count.where(*conditions)) or 0
                on_page = list(connection.scalars(ids.offset(offset).limit(limit)))
            return Page(photos=read_photos(connection, on_page), total=total)

    def counts(self, query: PhotoQuery | None = None) -> dict[str, int]:
        """Photos per ruler, under all filters except the one for the ruler.

        Returns:
            Class key, or "unlabelled", to number of photos; in alphabetical order.
        """
        query = query or PhotoQuery()
        # Start at the photos if few match, or if each has to be read in any case.
        photos_first = any((query.status, query.source, query.licence, query.text))
        with self._database.reading() as connection:
            rows = connection.execute(
                select(CoinRow.ruler_attributed, func.count())
                .select_from(PhotoRow)
                .join(CoinRow, CoinRow.id == PhotoRow.coin_id, isouter=photos_first)
                .where(*self._conditions(replace(query, ruler=None)))
                .group_by(CoinRow.ruler_attributed)
            )
            counts = {ruler or UNLABELLED: int(number) for ruler, number in rows}
        return dict(sorted(counts.items()))

    def choices(self) -> Choices:
        """The values that each filter can take in this catalog."""
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
        self,
        kind: QueueKind | str,
        *,
        limit: int = 200,
        reviewer: str | None = None,
        among: Collection[int] | None = None,
    ) -> tuple[int, ...]:
        """Photos to review next, the most urgent first; excluded photos are left out.

        Args:
            kind: Which photos.
            limit: At most this many.
            reviewer: Photos that this reviewer has not decided on; None for photos
                that nobody has decided on.
            among: Only of these photos, at most a thousand.

        Raises:
            CatalogError: There is no such queue.
        """
        try:
            checked = QueueKind(kind)
        except ValueError as error:
            raise CatalogError(
                f"There is no queue {kind!r}; there are {', '.join(QueueKind)}."
            ) from error
        included = PhotoRow.status != PhotoStatus.EXCLUDED.value
        undecided = PhotoRow.status == PhotoStatus.UNREVIEWED.value
        if reviewer is not None:
            decided = exists().where(
                ReviewRow.photo_id == PhotoRow.id,
                ReviewRow.reviewer == reviewer.strip(),
                ReviewRow.withdrawn.is_(False),
            )
            undecided = and_(included, ~decided)
        cannot_tell = exists().where(
            PredictionRow.photo_id == PhotoRow.id, PredictionRow.ruler.is_(None)
        )
        ids = select(PhotoRow.id)
        queries = {
            QueueKind.UNREVIEWED: ids.where(undecided),
            QueueKind.DISAGREEMENT: ids.where(
                undecided, PhotoRow.rulers_differ.is_(True)
            ).order_by(PhotoRow.disagreement.desc()),
            QueueKind.LOW_CONFIDENCE: ids.where(undecided, cannot_tell).order_by(
                PhotoRow.confidence
            ),
            QueueKind.SUSPECTED: ids.where(
                included, PhotoRow.suspicion.is_not(None)
            ).order_by(PhotoRow.suspicion.desc()),
        }
        with self._database.reading() as connection:
            query = queries[checked].order_by(PhotoRow.id).limit(limit)
            if among is not None:
                query = query.where(PhotoRow.id.in_(among))
            return tuple(connection.scalars(query))

    def similar(self, photo_id: int, *, limit: int = 8) -> tuple[CatalogPhoto, ...]:
        """Photos of other coins that may show the same coin, the most similar first.

        Near hashes name candidates; then the pictures are compared. Photos whose
        original file cannot be read are left out.

        Raises:
            CatalogError: The photo does not exist.
        """
        photo = self._photos.get(photo_id)
        index = HashIndex()
        for other_id, coin_id, phash in self._photos.hashes():
            if coin_id != photo.coin_id:
                index.add(other_id, phash)
        near = index.nearest(photo.phash, limit=3 * limit)
        thumbnails = ThumbnailCache(self._photos)
        own = thumbnails.get(photo) if near else None
        if own is None:
            return ()
        found: list[tuple[float, CatalogPhoto]] = []
        for other in self._photos.get_existing([other_id for other_id, _ in near]):
            theirs = thumbnails.get(other)
            similarity = -1.0 if theirs is None else compare_thumbnails(own, theirs)
            if similarity >= SAME_PICTURE:
                found.append((similarity, other))
        found.sort(key=lambda pair: -pair[0])
        return tuple(other for _, other in found[:limit])

    def progress(self) -> Progress:
        """How many photos are unreviewed, reviewed and excluded."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(PhotoRow.status, func.count()).group_by(PhotoRow.status)
            )
            counts = {status: int(number) for status, number in rows}
        return Progress(
            total=sum(counts.values()),
            unreviewed=counts.get(PhotoStatus.UNREVIEWED, 0),
            reviewed=counts.get(PhotoStatus.REVIEWED, 0),
            excluded=counts.get(PhotoStatus.EXCLUDED, 0),
        )

    def _conditions(self, query: PhotoQuery) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = []
        if query.ruler == UNLABELLED:
            conditions.append(CoinRow.ruler_attributed.is_(None))
        elif query.ruler is not None:
            conditions.append(CoinRow.ruler_attributed == query.ruler)
        if query.side is not None:
            faces = select(FaceRow.photo_id).where(FaceRow.side == str(query.side))
            conditions.append(PhotoRow.id.in_(faces))
        for column, value in (
            (PhotoRow.status, query.status),
            (PhotoRow.source, query.source),
            (PhotoRow.licence, query.licence),
        ):
            if value is not None:
                conditions.append(column == str(value))
        for flag, wanted in (
            (PhotoRow.is_rendered, query.rendered),
            (PhotoRow.rulers_differ, query.disagreement),
        ):
            if wanted is not None:
                conditions.append(flag.is_(wanted))
        if query.split is not None:
            name, split = query.split
            items = (
                select(VersionItemRow.photo_id)
                .join(VersionRow, VersionRow.id == VersionItemRow.version_id)
                .where(VersionRow.name == name, VersionItemRow.split == split)
            )
            conditions.append(PhotoRow.id.in_(items))
        if query.min_quality is not None:
            conditions.append(PhotoRow.quality >= query.min_quality)
        if query.text and query.text.strip():
            conditions.append(self._contains(query.text.strip()))
        return conditions

    def _contains(self, words: str) -> ColumnElement[bool]:
        """Whether a text of the photo contains the words; case is ignored."""
        columns: tuple[Any, ...] = (
            *(PhotoRow.file_name, PhotoRow.lot_text, PhotoRow.credit, PhotoRow.source),
        )
        letters = {c for c in words if not c.isascii() and c.lower() != c.upper()}
        if self._database.is_sqlite:
            if letters:
                words = words.casefold()
                columns = tuple(func.casefold(c, type_=String) for c in columns)
            # Its LIKE ignores the case of ASCII, at half the time.
            return or_(*(c.contains(words, autoescape=True) for c in columns))
        if letters:  # which PostgreSQL knows in some locales only
            folded = set(map(_fold, words))
            others = {c: fold for c, fold in _other_forms().items() if fold in folded}
            forms, one = "".join(others), "".join(others.values())
            words = words.translate(str.maketrans(forms, one))
            columns = tuple(
                func.translate(c, forms, one, type_=String) for c in columns
            )
        return or_(*(c.icontains(words, autoescape=True) for c in columns))


def _fold(letter: str) -> str:
    """One letter that stands for all forms of a letter, such as both small sigmas."""
    folds = (letter.casefold(), letter.lower())
    return next((fold for fold in folds if len(fold) == 1), letter)


@cache
def _other_forms() -> dict[str, str]:
    """The letters beyond ASCII that another one stands for, in their order."""
    letters = map(chr, range(0x80, 0x20000))  # those beyond have no case
    return {letter: _fold(letter) for letter in letters if letter != _fold(letter)}


def _order(query: PhotoQuery) -> list[Any]:
    if query.order is PhotoOrder.ADDED:
        return [PhotoRow.id if query.reverse else PhotoRow.id.desc()]
    column: Any = getattr(PhotoRow, PhotoOrder(query.order))
    ascending = (query.order is PhotoOrder.CONFIDENCE) is not query.reverse
    if ascending:
        return [column.asc().nulls_last(), PhotoRow.id]
    return [column.desc().nulls_last(), PhotoRow.id.desc()]
