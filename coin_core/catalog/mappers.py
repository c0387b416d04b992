"""Conversion between rows of the tables and the records of the catalog."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Select, delete, insert, select

from coin_core.catalog.records import (
    CatalogFace,
    CatalogPhoto,
    Coin,
    CoinFacts,
    CoinReference,
    Edit,
    ExcludeReason,
    PhotoStatus,
)
from coin_core.catalog.schema import CoinReferenceRow, CoinRow, FaceRow, PhotoRow
from coin_core.detection.faces import RotatedBox, Side
from coin_core.errors import CatalogError

CHUNK = 500  # ids in one statement; SQLite takes some thousands at most

T = TypeVar("T")
Grouped = dict[int, list[dict[str, Any]]]

COIN_FIELDS = tuple(f.name for f in fields(CoinFacts) if f.name != "references")


def utc_now() -> datetime:
    """The current time, with time zone."""
    return datetime.now(UTC)


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The values in lists of at most `size`."""
    iterator = iter(values)
    while part := list(islice(iterator, size)):
        yield part


def checked_name(who: str) -> str:
    """The name of an editor, without blanks around it.

    Raises:
        CatalogError: It is empty.
    """
    name = who.strip()
    if not name:
        raise CatalogError("Every edit is signed: give a name or initials in `who`.")
    return name


def photos_with_ruler() -> Select[Any]:
    """A query for all columns of the photos and the ruler of their coins."""
    return select(
        *PhotoRow.__table__.columns, CoinRow.ruler_attributed.label("ruler")
    ).join(CoinRow, CoinRow.id == PhotoRow.coin_id)


def photo_from(row: Row[Any]) -> CatalogPhoto:
    """The record of a row of `photos_with_ruler`."""
    values = dict(row._mapping)
    values["photo_id"] = values.pop("id")
    values["status"] = PhotoStatus(values["status"])
    if values["exclude_reason"] is not None:
        values["exclude_reason"] = ExcludeReason(values["exclude_reason"])
    return CatalogPhoto(**values)


def read_photos(
    connection: Connection, photo_ids: Sequence[int]
) -> tuple[CatalogPhoto, ...]:
    """Photos with the rulers of their coins, in the order of `photo_ids`.

    Raises:
        CatalogError: A photo does not exist.
    """
    photos: dict[int, CatalogPhoto] = {}
    for part in chunks(photo_ids):
        rows = connection.execute(photos_with_ruler().where(PhotoRow.id.in_(part)))
        photos |= {row.id: photo_from(row) for row in rows}
    for photo_id in photo_ids:
        if photo_id not in photos:
            raise CatalogError(
                f"The catalog has no photo {photo_id}; it may have been removed. "
                "Reload the list."
            )
    return tuple(photos[photo_id] for photo_id in photo_ids)


def edit_from(row: Row[Any]) -> Edit:
    """The record of a row of the edits."""
    values = dict(row._mapping)
    values["edit_id"] = values.pop("id")
    return Edit(**values)


def face_to_json(face: CatalogFace) -> dict[str, Any]:
    """A face as the tables and the log of edits keep it."""
    box = {name: float(value) for name, value in asdict(face.box).items()}
    return {"side": None if face.side is None else str(face.side), **box}


def face_from_json(values: Mapping[str, Any]) -> CatalogFace:
    """The inverse of `face_to_json`."""
    return CatalogFace(
        box=RotatedBox(**{key: values[key] for key in values if key != "side"}),
        side=None if values["side"] is None else Side(values["side"]),
    )


def _read_grouped(
    connection: Connection,
    table: Any,
    order: Any,
    key: str,
    ids: Iterable[int] | None,
) -> Grouped:
    """Rows as dictionaries without their id, grouped by the column `key`."""
    column = getattr(table, key)
    query = select(*table.__table__.columns).order_by(column, order)
    grouped: Grouped = defaultdict(list)
    for part in [None] if ids is None else chunks(ids):
        rows = query if part is None else query.where(column.in_(part))
        for row in connection.execute(rows):
            values = dict(row._mapping)
            del values["id"]
            grouped[values.pop(key)].append(values)
    return grouped


def read_faces(
    connection: Connection, photo_ids: Iterable[int] | None = None
) -> Grouped:
    """The faces of photos in their order, as `face_to_json` writes them.

    Args:
        connection: To the database.
        photo_ids: Which photos; None for all.

    Returns:
        Photo id to faces; an empty list for a photo without faces.
    """
    faces = _read_grouped(connection, FaceRow, FaceRow.position, "photo_id", photo_ids)
    for several in faces.values():
        for face in several:
            del face["position"]
    return faces


def write_faces(connection: Connection, faces: Mapping[int, Sequence[Any]]) -> None:
    """Replace the faces of photos, given as `face_to_json` writes them."""
    for part in chunks(faces):
        connection.execute(delete(FaceRow).where(FaceRow.photo_id.in_(part)))
    rows = [
        {"photo_id": photo_id, "position": position, **face}
        for photo_id, several in faces.items()
        for position, face in enumerate(several)
    ]
    if rows:
        connection.execute(insert(FaceRow), rows)


def read_references(
    connection: Connection, coin_ids: Iterable[int] | None = None
) -> Grouped:
    """The references of coins in the order they were entered.

    Args:
        connection: To the database.
        coin_ids: Which coins; None for all.

    Returns:
        Coin id to fields of `CoinReference`; an empty list for a coin without any.
    """
    return _read_grouped(
        connection, CoinReferenceRow, CoinReferenceRow.id, "coin_id", coin_ids
    )


def write_references(
    connection: Connection, references: Mapping[int, Sequence[Any]]
) -> None:
    """Replace the references of coins, given as fields of `CoinReference`."""
    for part in chunks(references):
        connection.execute(
            delete(CoinReferenceRow).where(CoinReferenceRow.coin_id.in_(part))
        )
    rows = [
        {"coin_id": coin_id, **reference}
        for coin_id, several in references.items()
        for reference in several
    ]
    if rows:
        connection.execute(insert(CoinReferenceRow), rows)


def read_coins(
    connection: Connection, coin_ids: Sequence[int] | None = None
) -> dict[int, Coin]:
    """Coins with their references, by id; None reads all."""
    references = read_references(connection, coin_ids)
    query = select(*CoinRow.__table__.columns)
    coins: dict[int, Coin] = {}
    for part in [None] if coin_ids is None else chunks(coin_ids):
        rows = query if part is None else query.where(CoinRow.id.in_(part))
        for row in connection.execute(rows):
            values: dict[str, Any] = dict(row._mapping)
            coin_id = values.pop("id")
            coins[coin_id] = Coin(
                coin_id=coin_id,
                references=tuple(CoinReference(**r) for r in references[coin_id]),
                **values,
            )
    return coins


def read_coin(connection: Connection, coin_id: int) -> Coin:
    """A coin with its references.

    Raises:
        CatalogError: The coin does not exist.
    """
    coins = read_coins(connection, [coin_id])
    if coin_id not in coins:
        raise CatalogError(f"The catalog has no coin {coin_id}; reload the list.")
    return coins[coin_id]


def insert_coin(connection: Connection, facts: CoinFacts) -> int:
    """Insert a coin with its references; returns its id."""
    values = {name: getattr(facts, name) for name in COIN_FIELDS}
    inserted = connection.execute(insert(CoinRow).values(**values))
    coin_id = int((inserted.inserted_primary_key or (0,))[0])
    references = [asdict(reference) for reference in facts.references]
    if references:
        write_references(connection, {coin_id: references})
    return coin_id
