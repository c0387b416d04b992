"""Conversion between rows of the tables and the records of the catalog."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Row, Select, delete, insert, select

from coin_core.catalog.records import (
    CatalogFace,
    CatalogPhoto,
    Coin,
    CoinFacts,
    CoinReference,
    ExcludeReason,
    PhotoStatus,
)
from coin_core.catalog.schema import CoinReferenceRow, CoinRow, FaceRow, PhotoRow
from coin_core.errors import CatalogError
from coin_core.imaging.preprocessing import RotatedBox
from coin_core.results import Side

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


def record_from(kind: type[T], row: Row[Any], /, **values: Any) -> T:
    """A record with the columns of a row by their names, and with further values."""
    known = {**row._mapping, **values}
    return kind(**{field.name: known[field.name] for field in fields(cast(Any, kind))})


def photo_from(row: Row[Any]) -> CatalogPhoto:
    """The record of a row of `photos_with_ruler`."""
    reason = row.exclude_reason
    return record_from(
        CatalogPhoto,
        row,
        photo_id=row.id,
        status=PhotoStatus(row.status),
        exclude_reason=None if reason is None else ExcludeReason(reason),
    )


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


@dataclass(frozen=True, slots=True)
class ListTable:
    """A table with a list for each owner, such as the faces of a photo.

    Attributes:
        table: The class of its rows.
        owner: The column with the owner's id.
        position: The column with the place in the list; "" if `id` gives the order.
    """

    table: Any
    owner: str
    position: str = ""

    def read(
        self, connection: Connection, owner_ids: Iterable[int] | None = None
    ) -> Grouped:
        """The lists of these owners, or of all.

        Returns:
            Owner id to the entries as columns, in their order; an empty list for an
            owner without any.
        """
        owner = getattr(self.table, self.owner)
        order = getattr(self.table, self.position or "id")
        query = select(*self.table.__table__.columns).order_by(owner, order)
        lists: Grouped = defaultdict(list)
        for part in [None] if owner_ids is None else chunks(owner_ids):
            rows = query if part is None else query.where(owner.in_(part))
            for row in connection.execute(rows):
                values = dict(row._mapping)
                entry = {
                    name: value
                    for name, value in values.items()
                    if name not in ("id", self.owner, self.position)
                }
                lists[values[self.owner]].append(entry)
        return lists

    def write(
        self, connection: Connection, lists: Mapping[int, Sequence[Mapping[str, Any]]]
    ) -> None:
        """Replace the lists of owners, given as `read` returns them."""
        owner = getattr(self.table, self.owner)
        for part in chunks(lists):
            connection.execute(delete(self.table).where(owner.in_(part)))
        rows = [
            {self.owner: owner_id, **entry}
            | ({self.position: index} if self.position else {})
            for owner_id, entries in lists.items()
            for index, entry in enumerate(entries)
        ]
        if rows:
            connection.execute(insert(self.table), rows)


FACES = ListTable(FaceRow, "photo_id", "position")
"""Faces of photos, as `face_to_json` writes them."""

REFERENCES = ListTable(CoinReferenceRow, "coin_id")
"""References of coins, with the fields of `CoinReference`."""


def read_coins(
    connection: Connection, coin_ids: Sequence[int] | None = None
) -> dict[int, Coin]:
    """Coins with their references, by id; None reads all."""
    references = REFERENCES.read(connection, coin_ids)
    query = select(*CoinRow.__table__.columns)
    coins: dict[int, Coin] = {}
    for part in [None] if coin_ids is None else chunks(coin_ids):
        rows = query if part is None else query.where(CoinRow.id.in_(part))
        for row in connection.execute(rows):
            several = tuple(CoinReference(**r) for r in references[row.id])
            coins[row.id] = record_from(Coin, row, coin_id=row.id, references=several)
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


def insert_row(connection: Connection, table: Any, values: Mapping[str, Any]) -> int:
    """Insert a row; returns its id."""
    inserted = connection.execute(insert(table).values(**values))
    return int((inserted.inserted_primary_key or (0,))[0])


def insert_coin(connection: Connection, facts: CoinFacts) -> int:
    """Insert a coin with its references; returns its id."""
    values = {name: getattr(facts, name) for name in COIN_FIELDS}
    coin_id = insert_row(connection, CoinRow, values)
    references = [asdict(reference) for reference in facts.references]
    REFERENCES.write(connection, {coin_id: references})
    return coin_id
