"""The photos of the catalog, their files, faces and coins."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from coin_core.catalog.audit_log import Action
from coin_core.catalog.database import Database
from coin_core.catalog.file_store import Originals
from coin_core.catalog.mappers import (
    checked_name,
    chunks,
    face_from_json,
    face_to_json,
    photo_from,
    photos_with_ruler,
    read_coin,
    read_faces,
    read_photos,
    utc_now,
)
from coin_core.catalog.records import (
    AddedPhoto,
    CatalogFace,
    CatalogPhoto,
    Coin,
    CoinFacts,
    PhotoRecord,
    PhotoStatus,
)
from coin_core.catalog.schema import (
    CoinReferenceRow,
    CoinRow,
    EditRow,
    FaceRow,
    PhotoRow,
    ReviewRow,
)
from coin_core.errors import CatalogError


class Photos:
    """Photos with their original files, faces and coins.

    Attributes:
        folder: The folder of the original files.
        originals: Writes and removes files in that folder.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self.folder = folder
        self.originals = Originals(folder)

    def add(
        self,
        data: bytes,
        record: PhotoRecord,
        faces: Sequence[CatalogFace],
        *,
        coin_id: int | None = None,
        who: str,
    ) -> AddedPhoto:
        """Take a photo in: the file first, then its row; a kill leaves neither half.

        Args:
            data: The file as it came; it is kept byte for byte.
            record: What is told about it.
            faces: What was found on it.
            coin_id: The coin it shows; by default a new one is made from
                `record.coin`.
            who: Brings it in.

        Returns:
            Where it went. A photo that is known is left as it is.

        Raises:
            CatalogError: The disk is full, the catalog busy, or the coin not there.
        """
        checked_name(who)
        digest = hashlib.sha256(data).hexdigest()
        name = f"{digest}.{record.extension}"
        try:
            return self._add(name, digest, data, record, faces, coin_id, who)
        except BaseException:
            self.sweep()
            raise

    def _add(
        self,
        name: str,
        digest: str,
        data: bytes,
        record: PhotoRecord,
        faces: Sequence[CatalogFace],
        coin_id: int | None,
        who: str,
    ) -> AddedPhoto:
        with self.originals.arriving(name):
            known = self._known(digest)
            if known is None:
                self.originals.put(name, data)
                try:
                    with self._database.writing() as connection:
                        return self._insert(
                            connection, digest, len(data), record, faces, coin_id, who
                        )
                except CatalogError as error:
                    if not isinstance(error.__cause__, IntegrityError):
                        raise
                    known = self._known(digest)  # another writer was faster
                    if known is None:
                        raise
            photo = self.get(known.photo_id)
            if not self.path(photo).is_file():
                self.originals.put(f"{digest}.{photo.extension}", data)
            return known

    def _known(self, digest: str) -> AddedPhoto | None:
        with self._database.reading() as connection:
            return _known(connection, digest)

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
        known = _known(connection, digest)
        if known is not None:
            return known
        if coin_id is None:
            coin_id = insert_coin(connection, record.coin)
        else:
            read_coin(connection, coin_id)
        plain = {f.name: getattr(record, f.name) for f in fields(record)}
        del plain["coin"]
        added = connection.execute(
            insert(PhotoRow).values(
                coin_id=coin_id,
                sha256=digest,
                byte_size=byte_size,
                added_at=utc_now(),
                status=PhotoStatus.UNREVIEWED,
                **plain,
            )
        )
        photo_id = int((added.inserted_primary_key or (0,))[0])
        rows = [
            {"photo_id": photo_id, "position": position, **face_to_json(face)}
            for position, face in enumerate(faces)
        ]
        if rows:
            connection.execute(insert(FaceRow), rows)
        Action(connection, who).log([("added", photo_id, {}, {"coin_id": coin_id})])
        return AddedPhoto(photo_id=photo_id, coin_id=coin_id, known=False)

    def get(self, photo_id: int) -> CatalogPhoto:
        """A photo with the ruler of its coin.

        Raises:
            CatalogError: There is none with that id.
        """
        return self.get_many([photo_id])[0]

    def get_many(self, photo_ids: Sequence[int]) -> tuple[CatalogPhoto, ...]:
        """Several photos, in the order of their ids as given.

        Raises:
            CatalogError: One of them is not there.
        """
        with self._database.reading() as connection:
            return read_photos(connection, photo_ids)

    def path(self, photo: CatalogPhoto) -> Path:
        """The original's file; it is only ever read."""
        return self.folder / f"{photo.sha256}.{photo.extension}"

    def faces(self, photo_id: int) -> tuple[CatalogFace, ...]:
        """The faces on a photo in their order; empty for an unknown photo."""
        return self.faces_of([photo_id])[photo_id]

    def faces_of(self, photo_ids: Sequence[int]) -> dict[int, tuple[CatalogFace, ...]]:
        """The faces of several photos at once."""
        with self._database.reading() as connection:
            found = read_faces(connection, photo_ids)
        return {
            photo_id: tuple(face_from_json(face) for face in faces)
            for photo_id, faces in found.items()
        }

    def coin(self, coin_id: int) -> Coin:
        """A coin with its references.

        Raises:
            CatalogError: There is none with that id.
        """
        with self._database.reading() as connection:
            return read_coin(connection, coin_id)

    def of_coin(self, coin_id: int) -> tuple[CatalogPhoto, ...]:
        """All photos that show a coin, the oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                photos_with_ruler()
                .where(PhotoRow.coin_id == coin_id)
                .order_by(PhotoRow.id)
            )
            return tuple(photo_from(row) for row in rows)

    def remove(self, photo_ids: Iterable[int], *, who: str) -> int:
        """Take rendered photos out for good, with files, reviews and log.

        Photographs are never removed: exclude them instead.

        Returns:
            How many were removed.

        Raises:
            CatalogError: One of them is a photograph; nothing was removed.
        """
        wanted = sorted(set(photo_ids))
        photos = self.get_many(wanted)
        kept = next((photo for photo in photos if not photo.is_rendered), None)
        if kept is not None:
            raise CatalogError(
                f"{kept.file_name or kept.photo_id} is a photograph, and originals are "
                "never deleted; exclude it instead. Nothing was removed."
            )
        names = [f"{photo.sha256}.{photo.extension}" for photo in photos]
        with self.originals.leaving(names):
            with self._database.writing() as connection:
                _delete_photos(connection, wanted, {p.coin_id for p in photos})
            for name in names:
                self.originals.drop(name)
        return len(photos)

    def sweep(self) -> int:
        """Delete what killed processes left; only if nobody is adding right now."""
        return self.originals.sweep(lambda digest: self._known(digest) is not None)


def insert_coin(connection: Connection, facts: CoinFacts) -> int:
    """Make a coin; returns its id."""
    plain = {f.name: getattr(facts, f.name) for f in fields(CoinFacts)}
    references = plain.pop("references")
    made = connection.execute(insert(CoinRow).values(**plain))
    coin_id = int((made.inserted_primary_key or (0,))[0])
    rows = [
        {
            "coin_id": coin_id,
            "catalogue": reference.catalogue,
            "number": reference.number,
            "edition": reference.edition,
        }
        for reference in references
    ]
    if rows:
        connection.execute(insert(CoinReferenceRow), rows)
    return coin_id


def _known(connection: Connection, digest: str) -> AddedPhoto | None:
    row = connection.execute(
        select(PhotoRow.id, PhotoRow.coin_id).where(PhotoRow.sha256 == digest)
    ).first()
    if row is None:
        return None
    return AddedPhoto(photo_id=row.id, coin_id=row.coin_id, known=True)


def _delete_photos(
    connection: Connection, photo_ids: list[int], coin_ids: set[int]
) -> None:
    """Photos with their log, and the coins that no photo shows any more."""
    of_photo = EditRow.entity.in_(("added", "photo", "faces"))
    for part in chunks(photo_ids):
        connection.execute(delete(EditRow).where(of_photo, EditRow.entity_id.in_(part)))
        theirs = select(ReviewRow.id).where(ReviewRow.photo_id.in_(part))
        connection.execute(
            delete(EditRow).where(
                EditRow.entity == "review", EditRow.entity_id.in_(theirs)
            )
        )
        connection.execute(delete(PhotoRow).where(PhotoRow.id.in_(part)))
    for part in chunks(sorted(coin_ids)):
        shown = select(func.count(PhotoRow.id)).where(PhotoRow.coin_id == CoinRow.id)
        bare = connection.scalars(
            select(CoinRow.id).where(CoinRow.id.in_(part), shown.scalar_subquery() == 0)
        ).all()
        connection.execute(
            delete(EditRow).where(EditRow.entity == "coin", EditRow.entity_id.in_(bare))
        )
        connection.execute(delete(CoinRow).where(CoinRow.id.in_(bare)))
