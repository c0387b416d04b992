"""Photos of the catalog with their original files, faces and coins."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from pathlib import Path

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from coin_core.access import Right, check
from coin_core.catalog.audit_log import Action
from coin_core.catalog.database import Database
from coin_core.catalog.file_store import Originals
from coin_core.catalog.mappers import (
    FACES,
    checked_name,
    chunks,
    face_from_json,
    face_to_json,
    insert_coin,
    insert_row,
    photo_from,
    photos_with_ruler,
    read_coin,
    read_photos,
    utc_now,
)
from coin_core.catalog.records import (
    AddedPhoto,
    CatalogFace,
    CatalogPhoto,
    Coin,
    PhotoRecord,
    PhotoStatus,
)
from coin_core.catalog.schema import (
    CoinRow,
    EditRow,
    PhotoRow,
    ReviewRow,
    VersionItemRow,
)
from coin_core.errors import CatalogError


class Photos:
    """The photos of a catalog.

    Attributes:
        originals: Reads, writes and removes the original files.
    """

    def __init__(self, database: Database, originals: Originals) -> None:
        self._database = database
        self.originals = originals

    def add(
        self,
        data: bytes,
        record: PhotoRecord,
        faces: Sequence[CatalogFace],
        *,
        coin_id: int | None = None,
        who: str,
        complete: Callable[[Connection, int], object] | None = None,
    ) -> AddedPhoto:
        """Add a photo: first the file, then its row; a kill leaves neither.

        Args:
            data: The original file; it is kept byte for byte.
            record: What is known about the photo.
            faces: The faces found on it.
            coin_id: The coin it shows; by default a new one is made from
                `record.coin`.
            who: The user who adds it.
            complete: Called with the transaction and the id of a new photo: what it
                writes is there with the photo, or neither is.

        Returns:
            The photo's ids. A photo that is known already does not change.

        Raises:
            CatalogError: The disk is full, the database is busy, or the coin does not
                exist.
        """
        check(Right.IMPORT)
        checked_name(who)
        digest = hashlib.sha256(data).hexdigest()
        name = f"{digest}.{record.extension}"
        try:
            with self.originals.announced(name):
                known = self._find_digest(digest)
                if known is None:
                    self.originals.write(name, data)
                    try:
                        with self._database.writing(Right.IMPORT) as connection:
                            size = len(data)
                            added = self._insert(
                                connection, digest, size, record, faces, coin_id, who
                            )
                            if complete is not None and not added.known:
                                complete(connection, added.photo_id)
                            return added
                    except CatalogError as error:
                        if not isinstance(error.__cause__, IntegrityError):
                            raise
                        known = self._find_digest(digest)  # another writer was faster
                        if known is None:
                            raise
                photo = self.get(known.photo_id)
                self.originals.write(f"{digest}.{photo.extension}", data)
                return known
        except BaseException:
            self.sweep()
            raise

    def _insert(
        self,
        connection: Connection,
        digest: str,
        byte_size: int,
        record: PhotoRecord,
        faces: Sequence[CatalogFace],
        coin_id: int | None,
        who: str,
    ) -> AddedPhoto:
        known = _find_digest(connection, digest)
        if known is not None:
            return known
        if coin_id is None:
            coin_id = insert_coin(connection, record.coin)
        else:
            read_coin(connection, coin_id)
        values = {f.name: getattr(record, f.name) for f in fields(record)}
        del values["coin"]
        values |= {
            "coin_id": coin_id,
            "sha256": digest,
            "byte_size": byte_size,
            "added_at": utc_now(),
            "status": PhotoStatus.UNREVIEWED,
        }
        photo_id = insert_row(connection, PhotoRow, values)
        FACES.write(connection, {photo_id: [face_to_json(face) for face in faces]})
        # Versions that hold the photo from before it was removed have it again.
        connection.execute(
            update(VersionItemRow)
            .where(VersionItemRow.sha256 == digest, VersionItemRow.photo_id.is_(None))
            .values(photo_id=photo_id)
        )
        Action(connection, who).log([("added", photo_id, {}, {"coin_id": coin_id})])
        return AddedPhoto(photo_id=photo_id, coin_id=coin_id, known=False)

    def _find_digest(self, digest: str) -> AddedPhoto | None:
        with self._database.reading() as connection:
            return _find_digest(connection, digest)

    def get(self, photo_id: int) -> CatalogPhoto:
        """A photo with the ruler of its coin.

        Raises:
            CatalogError: The photo does not exist.
        """
        return self.get_many([photo_id])[0]

    def get_many(self, photo_ids: Sequence[int]) -> tuple[CatalogPhoto, ...]:
        """Several photos, in the order of `photo_ids`.

        Raises:
            CatalogError: A photo does not exist.
        """
        with self._database.reading() as connection:
            return read_photos(connection, photo_ids)

    def get_existing(self, photo_ids: Sequence[int]) -> tuple[CatalogPhoto, ...]:
        """Like `get_many`, but leaves out photos that do not exist any more."""
        with self._database.reading() as connection:
            query = select(PhotoRow.id).where(PhotoRow.id.in_(photo_ids))
            existing = set(connection.scalars(query))
            return read_photos(connection, [i for i in photo_ids if i in existing])

    def hashes(self, *, after: int = 0) -> list[tuple[int, int, str]]:
        """(photo id, coin id, perceptual hash) of all photos, in order of their ids.

        Args:
            after: Only photos with a higher id.
        """
        columns = select(PhotoRow.id, PhotoRow.coin_id, PhotoRow.phash)
        query = columns.where(PhotoRow.id > after).order_by(PhotoRow.id)
        with self._database.reading() as connection:
            rows = connection.execute(query)
            return [(row.id, row.coin_id, row.phash) for row in rows]

    def path(self, photo: CatalogPhoto) -> Path:
        """The original file of a photo. Read it soon, never write it.

        Raises:
            CatalogError: The store of the originals cannot be used.
            UnreadablePhotoError: The original was changed there.
        """
        return self.originals.path(f"{photo.sha256}.{photo.extension}")

    def has_original(self, photo: CatalogPhoto) -> bool:
        """Whether the original file of a photo is there and unchanged."""
        return self.originals.is_whole(f"{photo.sha256}.{photo.extension}")

    def faces(self, photo_id: int) -> tuple[CatalogFace, ...]:
        """The faces on a photo in their order; empty for an unknown photo."""
        return self.faces_of([photo_id])[photo_id]

    def faces_of(self, photo_ids: Sequence[int]) -> dict[int, tuple[CatalogFace, ...]]:
        """The faces of several photos."""
        with self._database.reading() as connection:
            faces = FACES.read(connection, photo_ids)
        return {
            photo_id: tuple(face_from_json(face) for face in faces[photo_id])
            for photo_id in photo_ids
        }

    def coin(self, coin_id: int) -> Coin:
        """A coin with its references.

        Raises:
            CatalogError: The coin does not exist.
        """
        with self._database.reading() as connection:
            return read_coin(connection, coin_id)

    def of_coin(self, coin_id: int) -> tuple[CatalogPhoto, ...]:
        """All photos of a coin, oldest first."""
        query = photos_with_ruler().where(PhotoRow.coin_id == coin_id)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(PhotoRow.id))
            return tuple(photo_from(row) for row in rows)

    def remove(self, photo_ids: Iterable[int], *, who: str) -> int:
        """Remove rendered photos for good, with files, reviews and log.

        Photographs are never removed; exclude them instead.

        Returns:
            How many photos were removed.

        Raises:
            CatalogError: One of them is a photograph, or is gone; nothing was removed.
        """
        check(Right.DELETE)
        ids = sorted(set(photo_ids))
        photos = self.get_many(ids)
        kept = next((photo for photo in photos if not photo.is_rendered), None)
        if kept is not None:
            raise CatalogError(
                f"{kept.file_name or kept.photo_id} is a photograph, and originals are "
                "never deleted; exclude it instead. Nothing was removed."
            )
        names = [f"{photo.sha256}.{photo.extension}" for photo in photos]
        with self.originals.announced(*names):
            with self._database.writing(Right.DELETE) as connection:
                # Removed meanwhile? Their files may be those of others by now.
                read_photos(connection, ids)
                _delete_photos(connection, ids, {photo.coin_id for photo in photos})
            for name in names:
                self.originals.delete(name)
        return len(photos)

    def sweep(self) -> int:
        """Delete files that killed processes left, unless a photo is being added.

        Returns:
            How many files were deleted.
        """
        return self.originals.sweep(
            lambda digest: self._find_digest(digest) is not None
        )


def _find_digest(connection: Connection, digest: str) -> AddedPhoto | None:
    row = connection.execute(
        select(PhotoRow.id, PhotoRow.coin_id).where(PhotoRow.sha256 == digest)
    ).first()
    if row is None:
        return None
    return AddedPhoto(photo_id=row.id, coin_id=row.coin_id, known=True)


def _delete_photos(
    connection: Connection, photo_ids: list[int], coin_ids: set[int]
) -> None:
    """Delete photos with their log, and the coins that no photo shows any more."""
    of_photo = EditRow.entity.in_(("added", "photo", "faces"))
    for part in chunks(photo_ids):
        connection.execute(delete(EditRow).where(of_photo, EditRow.entity_id.in_(part)))
        reviews = select(ReviewRow.id).where(ReviewRow.photo_id.in_(part))
        connection.execute(
            delete(EditRow).where(
                EditRow.entity == "review", EditRow.entity_id.in_(reviews)
            )
        )
        connection.execute(delete(PhotoRow).where(PhotoRow.id.in_(part)))
    for part in chunks(sorted(coin_ids)):
        shown = select(func.count(PhotoRow.id)).where(PhotoRow.coin_id == CoinRow.id)
        unused = connection.scalars(
            select(CoinRow.id).where(CoinRow.id.in_(part), shown.scalar_subquery() == 0)
        ).all()
        connection.execute(
            delete(EditRow).where(
                EditRow.entity == "coin", EditRow.entity_id.in_(unused)
            )
        )
        connection.execute(delete(CoinRow).where(CoinRow.id.in_(unused)))
