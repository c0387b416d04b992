"""Between rows of the tables and the plain values of the catalog."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Select, select

from coin_core.catalog.records import (
    CatalogFace,
    CatalogPhoto,
    Coin,
    CoinReference,
    Edit,
    ExcludeReason,
    PhotoStatus,
)
from coin_core.catalog.schema import CoinReferenceRow, CoinRow, FaceRow, PhotoRow
from coin_core.detection.faces import RotatedBox, Side
from coin_core.errors import CatalogError

CHUNK = 500  # ids in one statement; SQLite takes no more than some thousands

T = TypeVar("T")

COIN_FIELDS = (
    "name_on_coin",
    "ruler_attributed",
    "authority",
    "denomination",
    "weight_g",
    "diameter_mm",
    "die_axis_h",
    "notes",
)


def utc_now() -> datetime:
    """Now, with time zone."""
    return datetime.now(UTC)


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The values in lists of at most `size`."""
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part


def checked_name(who: str) -> str:
    """The name of whoever edits, without blanks around it.

    Raises:
        CatalogError: It is empty.
    """
    name = who.strip()
    if not name:
        raise CatalogError("Every edit is signed: give a name or initials in `who`.")
    return name


def photos_with_ruler() -> Select[Any]:
    """All columns of the photos, and the ruler of their coins."""
    return select(
        *PhotoRow.__table__.columns, CoinRow.ruler_attributed.label("ruler")
    ).join(CoinRow, CoinRow.id == PhotoRow.coin_id)


def photo_from(row: Row[Any]) -> CatalogPhoto:
    """A row of `photos_with_ruler` as a value."""
    fields = dict(row._mapping)
    fields["photo_id"] = fields.pop("id")
    fields["status"] = PhotoStatus(fields["status"])
    if fields["exclude_reason"] is not None:
        fields["exclude_reason"] = ExcludeReason(fields["exclude_reason"])
    return CatalogPhoto(**fields)


def read_photos(
    connection: Connection, photo_ids: Sequence[int]
) -> tuple[CatalogPhoto, ...]:
    """Photos with the rulers of their coins, in the order of `photo_ids`.

    Raises:
        CatalogError: A photo does not exist.
    """
    found: dict[int, CatalogPhoto] = {}
    for part in chunks(photo_ids):
        rows = connection.execute(photos_with_ruler().where(PhotoRow.id.in_(part)))
        found |= {row.id: photo_from(row) for row in rows}
    for photo_id in photo_ids:
        if photo_id not in found:
            raise CatalogError(
                f"The catalog has no photo {photo_id}; it may have been removed. "
                "Reload the list."
            )
    return tuple(found[photo_id] for photo_id in photo_ids)


def edit_from(row: Row[Any]) -> Edit:
    """A row of the edits as a value."""
    fields = dict(row._mapping)
    fields["edit_id"] = fields.pop("id")
    return Edit(**fields)


def face_to_json(face: CatalogFace) -> dict[str, Any]:
    """A face as the log of edits keeps it."""
    box = face.box
    return {
        "side": None if face.side is None else str(face.side),
        "left": float(box.left),
        "top": float(box.top),
        "right": float(box.right),
        "bottom": float(box.bottom),
        "turn_deg": float(box.turn_deg),
    }


def face_from_json(fields: dict[str, Any]) -> CatalogFace:
    """The inverse of `face_to_json`."""
    return CatalogFace(
        box=RotatedBox(**{key: fields[key] for key in fields if key != "side"}),
        side=None if fields["side"] is None else Side(fields["side"]),
    )


def read_faces(
    connection: Connection, photo_ids: Sequence[int]
) -> dict[int, list[dict[str, Any]]]:
    """The faces of photos in their order, as `face_to_json` writes them."""
    found: dict[int, list[dict[str, Any]]] = {photo_id: [] for photo_id in photo_ids}
    for part in chunks(found):
        rows = connection.execute(
            select(*FaceRow.__table__.columns)
            .where(FaceRow.photo_id.in_(part))
            .order_by(FaceRow.photo_id, FaceRow.position)
        )
        for row in rows:
            fields = dict(row._mapping)
            del fields["id"], fields["position"]
            found[fields.pop("photo_id")].append(fields)
    return found


def read_references(
    connection: Connection, coin_ids: Sequence[int]
) -> dict[int, list[dict[str, str]]]:
    """The references of coins in the order they were given."""
    found: dict[int, list[dict[str, str]]] = {coin_id: [] for coin_id in coin_ids}
    for part in chunks(found):
        rows = connection.execute(
            select(*CoinReferenceRow.__table__.columns)
            .where(CoinReferenceRow.coin_id.in_(part))
            .order_by(CoinReferenceRow.coin_id, CoinReferenceRow.id)
        )
        for row in rows:
            fields = dict(row._mapping)
            del fields["id"]
            found[fields.pop("coin_id")].append(fields)
    return found


def read_coin(connection: Connection, coin_id: int) -> Coin:
    """A coin with its references.

    Raises:
        CatalogError: There is none with that id.
    """
    row = connection.execute(
        select(*CoinRow.__table__.columns).where(CoinRow.id == coin_id)
    ).first()
    if row is None:
        raise CatalogError(f"The catalog has no coin {coin_id}; reload the list.")
    fields = dict(row._mapping)
    references = read_references(connection, [coin_id])[coin_id]
    return Coin(
        coin_id=fields.pop("id"),
        references=tuple(CoinReference(**reference) for reference in references),
        **fields,
    )
