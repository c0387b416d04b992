"""Signed user actions, logged with each thing's fields before and after."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, String, bindparam, func, insert, select, update

from coin_core.access import current_person
from coin_core.catalog.agreement import forget_answers
from coin_core.catalog.mappers import (
    COIN_FIELDS,
    FACES,
    REFERENCES,
    ListTable,
    checked_name,
    chunks,
    utc_now,
)
from coin_core.catalog.schema import CoinRow, EditRow, PhotoRow, ReviewRow
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
SUPERSEDED = "-"
"""The last character of the group of an edit that was undone before a later edit."""

_PHOTO_FIELDS = ("coin_id", "status", "exclude_reason", "suspicion", *PROVENANCE)
_TABLES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "coin": (CoinRow, COIN_FIELDS),
    "photo": (PhotoRow, _PHOTO_FIELDS),
    "faces": (PhotoRow, ()),
    "review": (ReviewRow, ("withdrawn",)),
}
_LISTS: dict[str, tuple[str, ListTable]] = {
    "faces": ("faces", FACES),
    "coin": ("references", REFERENCES),
}

State = Mapping[str, Any]


class Action:
    """What one user does at one moment, in one transaction."""

    def __init__(self, connection: Connection, who: str) -> None:
        self.connection = connection
        self.who = checked_name(who)
        self.at = utc_now()
        # The ids of one visit begin alike, so that it knows its own actions.
        visit = current_person().visit
        self.group_id = visit + uuid.uuid4().hex[len(visit) :]

    def change(self, entity: str, changes: Mapping[int, State]) -> None:
        """Set fields of things of one kind; only real changes are logged.

        Args:
            entity: "coin", "photo", "faces" or "review".
            changes: Id to fields and their new values.

        Raises:
            CatalogError: One of the things does not exist.
        """
        before = read_states(self.connection, entity, changes)
        missing = sorted(set(changes) - set(before))
        if missing:
            raise CatalogError(
                f"The catalog has no {'photo' if entity == 'faces' else entity} "
                f"{missing[0]}; it may have been removed. Nothing was changed; reload "
                "the list."
            )
        after = {}
        for entity_id, values in changes.items():
            new = {k: v for k, v in values.items() if before[entity_id][k] != v}
            if new:
                after[entity_id] = new
        write_states(self.connection, entity, after)
        self.log(
            (entity, entity_id, {k: before[entity_id][k] for k in new}, new)
            for entity_id, new in after.items()
        )

    def log(self, edits: Iterable[tuple[str, int, State, State]]) -> None:
        """Log changes that were made: (entity, id, before, after)."""
        rows = [
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
            for entity, entity_id, before, after in edits
        ]
        if any(row["entity"] != "added" for row in rows):
            _end_redo(self.connection, self.who)
        if rows:
            self.connection.execute(insert(EditRow), rows)


def _end_redo(connection: Connection, who: str) -> None:
    """Mark what this user has undone as superseded, so that no redo brings it back."""
    marked = func.substr(EditRow.group_id, 1, 31, type_=String) + SUPERSEDED
    connection.execute(
        update(EditRow)
        .where(
            EditRow.who == who,
            EditRow.undone.is_(True),
            EditRow.group_id.not_like(f"%{SUPERSEDED}"),
        )
        .values(group_id=marked)
    )


def read_states(
    connection: Connection, entity: str, ids: Iterable[int]
) -> dict[int, dict[str, Any]]:
    """All logged fields of things, locked for other writers until the transaction ends.

    Things that do not exist are left out.
    """
    table, names = _TABLES[entity]
    columns = [getattr(table, name) for name in ("id", *names)]
    states: dict[int, dict[str, Any]] = {}
    for part in chunks(sorted(ids)):
        rows = connection.execute(
            select(*columns)
            .where(table.id.in_(part))
            .order_by(table.id)
            .with_for_update()
        )
        for row in rows:
            state = dict(row._mapping)
            states[state.pop("id")] = state
    if entity in _LISTS:
        name, table_of_lists = _LISTS[entity]
        found = table_of_lists.read(connection, states)
        for entity_id, state in states.items():
            state[name] = found[entity_id]
    return states


def write_states(
    connection: Connection, entity: str, states: Mapping[int, State]
) -> None:
    """Set the named fields of things; what was said of other faces is forgotten."""
    table, _ = _TABLES[entity]
    by_names: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    name, table_of_lists = _LISTS.get(entity, ("", FACES))
    lists: dict[int, Any] = {}
    for entity_id, state in states.items():
        plain = dict(state)
        if name in plain:
            lists[entity_id] = plain.pop(name)
        if plain:
            row = {"row_id": entity_id} | {f"new_{k}": v for k, v in plain.items()}
            by_names.setdefault(tuple(sorted(plain)), []).append(row)
    for names, rows in by_names.items():
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
        statement = update(table.__table__).where(table.id == bindparam("row_id"))
        connection.execute(statement.values(values), rows)
    table_of_lists.write(connection, lists)
    if entity == "faces":
        forget_answers(connection, lists)


def coins_of(connection: Connection, photo_ids: Iterable[int]) -> dict[int, int]:
    """The coin of each photo, in the order of the photo ids.

    Raises:
        CatalogError: A photo does not exist.
    """
    ids = sorted(set(photo_ids))
    states = read_states(connection, "photo", ids)
    for photo_id in ids:
        if photo_id not in states:
            raise CatalogError(
                f"The catalog has no photo {photo_id}; it may have been removed. "
                "Nothing was changed; reload the list."
            )
    return {photo_id: states[photo_id]["coin_id"] for photo_id in ids}
