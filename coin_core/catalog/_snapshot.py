"""All photos with their coins and faces as they are at one moment, in few queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from coin_core.catalog._rows import face_from_json, photo_from, photos_with_ruler
from coin_core.catalog._tables import CoinReferenceRow, CoinRow, FaceRow, PhotoRow
from coin_core.catalog._values import CatalogFace, CatalogPhoto, Coin, CoinReference
from coin_core.detection.faces import Side
from coin_core.rulers import DEFAULT_CLASSES

_OFTEN = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPhoto:
    """A photo with its coin and its faces in their order."""

    photo: CatalogPhoto
    coin: Coin
    faces: tuple[CatalogFace, ...]


def read_all(
    connection: Connection, progress: Callable[[int, int], None] | None = None
) -> list[SeenPhoto]:
    """Every photo of the catalog, in the order of arrival.

    Args:
        connection: To the database.
        progress: Called now and then with 0 and 0, for a caller who wants to stop.
    """
    coins, faces = _read_coins(connection), _read_faces(connection)
    rows = connection.execute(photos_with_ruler().order_by(PhotoRow.id))
    seen: list[SeenPhoto] = []
    for photo in map(photo_from, rows):
        if progress is not None and len(seen) % _OFTEN == 0:
            progress(0, 0)
        seen.append(
            SeenPhoto(
                photo=photo,
                coin=coins[photo.coin_id],
                faces=tuple(faces[photo.photo_id]),
            )
        )
    return seen


def _read_coins(connection: Connection) -> dict[int, Coin]:
    references: dict[int, list[CoinReference]] = defaultdict(list)
    given = select(*CoinReferenceRow.__table__.columns).order_by(CoinReferenceRow.id)
    for row in connection.execute(given):
        references[row.coin_id].append(
            CoinReference(
                catalogue=row.catalogue, number=row.number, edition=row.edition
            )
        )
    coins: dict[int, Coin] = {}
    for row in connection.execute(select(*CoinRow.__table__.columns)):
        fields: dict[str, Any] = dict(row._mapping)
        coin_id = fields.pop("id")
        coins[coin_id] = Coin(
            coin_id=coin_id, references=tuple(references[coin_id]), **fields
        )
    return coins


def _read_faces(connection: Connection) -> dict[int, list[CatalogFace]]:
    found: dict[int, list[CatalogFace]] = defaultdict(list)
    columns = select(*FaceRow.__table__.columns)
    for row in connection.execute(columns.order_by(FaceRow.photo_id, FaceRow.position)):
        fields = dict(row._mapping)
        del fields["id"], fields["position"]
        found[fields.pop("photo_id")].append(face_from_json(fields))
    return found


def face_to_read(faces: Sequence[CatalogFace], ruler: str | None) -> int | None:
    """Which face tells the ruler: the first with the legend.

    A face of which nobody has told the side is taken where it is the only one. Of
    coins of other rulers, whose sides the program does not know, it is the first.

    Returns:
        Its place; None where no face will do, as on a photo without any.
    """
    for place, face in enumerate(faces):
        if face.side is Side.LEGEND:
            return place
    if ruler is not None and ruler not in DEFAULT_CLASSES:
        return 0 if faces else None
    return 0 if len(faces) == 1 and faces[0].side is None else None
