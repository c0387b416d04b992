"""User actions: each changes fields of things and logs them before and after."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from coin_core.catalog.mappers import (
    COIN_FIELDS,
    checked_name,
    chunks,
    read_faces,
    read_references,
    utc_now,
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

PROVENANCE = (
    "source",
    "source_url",
    "licence",
    "licence_raw",
    "credit",
    "lot_text",
    "source_date",
)
PHOTO_FIELDS = ("coin_id", "status", "exclude_reason", "suspicion", *PROVENANCE)
_TABLES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "coin": (CoinRow, COIN_FIELDS),
    "photo": (PhotoRow, PHOTO_FIELDS),
    "faces": (PhotoRow, ()),
    "review": (ReviewRow, ("withdrawn",)),
}

State = Mapping[str, Any]


class Action:
    """What one user does at one moment, in one transaction."""

    def __init__(self, connection: Connection, who: str) -> None:
        self.connection = connection
        self.who = checked_name(who)
        self.at = utc_now()
        self.group_id = uuid.uuid4().hex

    def change(self, entity: str, wanted: Mapping[int, State]) -> None:
        """Set fields of things of one kind; what is so already is not logged.

        Args:
            entity: "coin", "photo", "faces" or "review".
            wanted: Id to fields and their new values.

        Raises:
            CatalogError: One of the things is not there.
        """
        now = read_states(self.connection, entity, wanted)
        missing = sorted(set(wanted) - set(now))
        if missing:
            raise CatalogError(
                f"The catalog has no {'photo' if entity == 'faces' else entity} "
                f"{missing[0]}; it may have been removed. Nothing was changed; reload "
                "the list."
            )
        after = {}
        for entity_id, fields in wanted.items():
            new = {k: v for k, v in fields.items() if now[entity_id][k] != v}
            if new:
                after[entity_id] = new
        write_states(self.connection, entity, after)
        self.log(
            (entity, entity_id, {k: now[entity_id][k] for k in new}, new)
            for entity_id, new in after.items()
        )

    def log(self, rows: Iterable[tuple[str, int, State, State]]) -> None:
        """Write changes (entity, id, before, after) that were made into the log."""
        values = [
            {
                "at": self.at,
                "who": self.who,
                "group_id": self.group_id,
                "entity": entity,
                "entity_id": entity_id,
                "before": dict(before),
                "after": dict(after),
                "undone": False,
            }
            for entity, entity_id, before, after in rows
        ]
        if values:
            self.connection.execute(insert(EditRow), values)


def read_states(
    connection: Connection, entity: str, ids: Iterable[int]
) -> dict[int, dict[str, Any]]:
    """All fields of things as they are, held against other writers until the end."""
    table, fields = _TABLES[entity]
    columns = [getattr(table, name) for name in ("id", *fields)]
    found: dict[int, dict[str, Any]] = {}
    for part in chunks(sorted(ids)):
        rows = connection.execute(
            select(*columns)
            .where(table.id.in_(part))
            .order_by(table.id)
            .with_for_update()
        )
        for row in rows:
            state = dict(row._mapping)
            found[state.pop("id")] = state
    if entity == "faces":
        for photo_id, faces in read_faces(connection, list(found)).items():
            found[photo_id]["faces"] = faces
    elif entity == "coin":
        for coin_id, references in read_references(connection, list(found)).items():
            found[coin_id]["references"] = references
    return found


def write_states(
    connection: Connection, entity: str, states: Mapping[int, State]
) -> None:
    """Give things the fields that are named."""
    table, _ = _TABLES[entity]
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    faces, references = {}, {}
    for entity_id, state in states.items():
        plain = dict(state)
        if "faces" in plain:
            faces[entity_id] = plain.pop("faces")
        if "references" in plain:
            references[entity_id] = plain.pop("references")
        if plain:
            row = {"row_id": entity_id} | {f"new_{k}": v for k, v in plain.items()}
            alike.setdefault(tuple(sorted(plain)), []).append(row)
    for names, rows in alike.items():
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
        one = update(table.__table__).where(table.id == bindparam("row_id"))
        connection.execute(one.values(values), rows)
    _replace_faces(connection, faces)
    _replace_references(connection, references)


def _replace_faces(
    connection: Connection, wanted: Mapping[int, list[dict[str, Any]]]
) -> None:
    for part in chunks(wanted):
        connection.execute(delete(FaceRow).where(FaceRow.photo_id.in_(part)))
    rows = [
        {"photo_id": photo_id, "position": position, **face}
        for photo_id, faces in wanted.items()
        for position, face in enumerate(faces)
    ]
    if rows:
        connection.execute(insert(FaceRow), rows)


def _replace_references(
    connection: Connection, wanted: Mapping[int, list[dict[str, str]]]
) -> None:
    for part in chunks(wanted):
        connection.execute(
            delete(CoinReferenceRow).where(CoinReferenceRow.coin_id.in_(part))
        )
    rows = [
        {"coin_id": coin_id, **reference}
        for coin_id, references in wanted.items()
        for reference in references
    ]
    if rows:
        connection.execute(insert(CoinReferenceRow), rows)


def coins_of(connection: Connection, photo_ids: Iterable[int]) -> dict[int, int]:
    """Photo to coin.

    Raises:
        CatalogError: A photo is not there.
    """
    wanted = sorted(set(photo_ids))
    states = read_states(connection, "photo", wanted)
    for photo_id in wanted:
        if photo_id not in states:
            raise CatalogError(
                f"The catalog has no photo {photo_id}; it may have been removed. "
                "Nothing was changed; reload the list."
            )
    return {photo_id: states[photo_id]["coin_id"] for photo_id in wanted}
