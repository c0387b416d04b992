"""Changes by users to labels, faces and coins, with history, undo and redo."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from functools import partial
from typing import Any

from sqlalchemy import Connection, func, or_, select, update

from coin_core.access import Right
from coin_core.catalog.audit_log import (
    PROVENANCE,
    SUPERSEDED,
    Action,
    State,
    coins_of,
    read_states,
    write_states,
)
from coin_core.catalog.database import Database
from coin_core.catalog.licences import read_licence
from coin_core.catalog.mappers import (
    checked_name,
    chunks,
    face_to_json,
    insert_coin,
    read_coin,
    read_coins,
    read_photos,
    record_from,
)
from coin_core.catalog.records import (
    CatalogFace,
    CoinFacts,
    Edit,
    EditGroup,
    ExcludeReason,
    PhotoStatus,
)
from coin_core.catalog.replay import (
    replay_decisions,
    replay_labels,
    replay_statuses,
    statuses_by_decisions,
)
from coin_core.catalog.schema import CoinRow, EditRow, PhotoRow, ReviewRow
from coin_core.errors import CatalogError


class Edits:
    """Changes by users.

    Every change is one transaction, signed by `who`, logged, and can be undone. If a
    photo does not exist, CatalogError is raised and nothing is changed.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def set_ruler(
        self,
        photo_ids: Iterable[int],
        ruler: str | None,
        *,
        who: str,
        authority: str | None = None,
    ) -> None:
        """Attribute the coins of photos to a ruler.

        Args:
            photo_ids: The photos; other photos of the same coins get the label too.
            ruler: A class key; None removes the label.
            who: The user.
            authority: The authority for the attribution, such as "TJC 2001"; None
                leaves it as it is.

        Raises:
            CatalogError: A photo does not exist.
        """
        values: dict[str, Any] = {"ruler_attributed": ruler}
        if authority is not None:
            values["authority"] = authority
        with self._database.writing() as connection:
            coins = coins_of(connection, photo_ids).values()
            Action(connection, who).change("coin", dict.fromkeys(coins, values))

    def exclude(
        self, photo_ids: Iterable[int], reason: ExcludeReason | str, *, who: str
    ) -> None:
        """Keep photos out of frozen versions; they stay in the catalog.

        Raises:
            CatalogError: The reason is not an `ExcludeReason`, or a photo does not
                exist.
        """
        try:
            checked = ExcludeReason(reason)
        except ValueError as error:
            known = ", ".join(ExcludeReason)
            raise CatalogError(
                f"A photo is excluded for one of {known}, not for {reason!r}."
            ) from error
        values = {"status": PhotoStatus.EXCLUDED.value, "exclude_reason": checked.value}
        with self._database.writing() as connection:
            Action(connection, who).change("photo", dict.fromkeys(photo_ids, values))

    def restore(self, photo_ids: Iterable[int], *, who: str) -> None:
        """Include excluded photos again; those with a review count as reviewed.

        Raises:
            CatalogError: A photo does not exist.
        """
        ids = sorted(set(photo_ids))
        with self._database.writing() as connection:
            statuses = statuses_by_decisions(connection, ids)
            states = read_states(connection, "photo", ids)
            changes = {}
            for photo_id in ids:
                state = states.get(photo_id)
                if state is None or state["status"] == PhotoStatus.EXCLUDED:
                    status = statuses[photo_id]
                    changes[photo_id] = {"status": status, "exclude_reason": None}
            Action(connection, who).change("photo", changes)

    def set_faces(
        self, photo_id: int, faces: Sequence[CatalogFace], *, who: str
    ) -> None:
        """Replace the faces of a photo.

        Raises:
            CatalogError: The photo does not exist.
        """
        self.edit_faces({photo_id: faces}, who=who)

    def edit_faces(
        self, faces: Mapping[int, Sequence[CatalogFace]], *, who: str
    ) -> None:
        """Replace the faces of several photos in one step.

        Raises:
            CatalogError: A photo does not exist; nothing was changed.
        """
        changes = {
            photo_id: {"faces": [face_to_json(face) for face in several]}
            for photo_id, several in faces.items()
        }
        with self._database.writing(Right.CROP) as connection:
            Action(connection, who).change("faces", changes)

    def reset_faces(self, photo_ids: Iterable[int], *, who: str) -> None:
        """Give photos the faces that they had when they were added.

        Raises:
            CatalogError: A photo does not exist.
        """
        with self._database.writing(Right.CROP) as connection:
            originals: dict[int, Any] = {}
            for part in chunks(sorted(set(photo_ids))):
                rows = connection.execute(
                    select(EditRow.entity_id, EditRow.before)
                    .where(EditRow.entity == "faces", EditRow.entity_id.in_(part))
                    .order_by(EditRow.id.desc())
                )
                originals |= {row.entity_id: row.before for row in rows}
            Action(connection, who).change("faces", originals)

    def edit_photos(
        self, changes: Mapping[int, Mapping[str, str | None]], *, who: str
    ) -> None:
        """Change the provenance of photos in one step.

        Args:
            changes: Photo id to fields and their new texts: `source`, `source_url`,
                `credit`, `lot_text`, `source_date`, and `licence` in any wording,
                which `licence_raw` keeps unless it is given too. Other fields stay.
            who: The user.

        Raises:
            CatalogError: There is no such photo or field; nothing was changed.
        """
        known = [name for name in PROVENANCE if name != "licence_raw"]
        checked: dict[int, dict[str, Any]] = {}
        for photo_id, texts in changes.items():
            allowed = {*known, "licence_raw"} if "licence" in texts else {*known}
            unknown = sorted(set(texts) - allowed)
            if unknown:
                raise CatalogError(
                    f"A photo has no field {unknown[0]!r}; its fields are "
                    f"{', '.join(known)}."
                )
            values: dict[str, Any] = {k: (v or "").strip() for k, v in texts.items()}
            if "source_url" in values:
                values["source_url"] = values["source_url"] or None
            if "licence" in values:
                values.setdefault("licence_raw", values["licence"])
                values["licence"] = read_licence(values["licence"])
            checked[photo_id] = values
        with self._database.writing() as connection:
            Action(connection, who).change("photo", checked)

    def edit_coin(self, coin_id: int, changes: Mapping[str, Any], *, who: str) -> None:
        """Change facts about a coin.

        Args:
            coin_id: The coin.
            changes: Field of `CoinFacts` to its new value; other fields stay.
            who: The user.

        Raises:
            CatalogError: There is no such coin or field, or a measure is impossible.
        """
        known = {f.name for f in fields(CoinFacts)}
        unknown = sorted(set(changes) - known)
        if unknown:
            raise CatalogError(
                f"A coin has no field {unknown[0]!r}; its fields are "
                f"{', '.join(sorted(known))}."
            )
        with self._database.writing() as connection:
            coin = replace(read_coin(connection, coin_id), **changes)
            action = Action(connection, who)
            action.change("coin", {coin_id: _to_columns(coin, changes)})

    def fill_coin(self, coin_id: int, facts: CoinFacts, *, who: str) -> tuple[str, ...]:
        """Add facts that a coin lacks, but for the ruler; returns their names.

        Raises:
            CatalogError: There is no such coin.
        """
        with self._database.writing() as connection:
            coin = read_coin(connection, coin_id)
            missing = _missing_facts(coin, facts)
            values = _to_columns(replace(coin, **missing), missing)
            Action(connection, who).change("coin", {coin_id: values})
        return tuple(missing)

    def group_coins(self, photo_ids: Iterable[int], *, who: str) -> int:
        """Record that photos show one coin.

        All photos of their coins move to the oldest of these coins that has a label,
        or else to the oldest. What it lacks is taken from the others, but for what
        concerns another ruler; their notes are added to its own.

        Returns:
            The id of that coin.

        Raises:
            CatalogError: No photo is given, or a photo does not exist.
        """
        with self._database.writing() as connection:
            coins = sorted(set(coins_of(connection, photo_ids).values()))
            if not coins:
                raise CatalogError("Choose the photos that show the same coin.")
            states = read_states(connection, "coin", coins)
            labelled = [c for c in coins if states[c]["ruler_attributed"] is not None]
            kept = (labelled or coins)[0]
            moved = _photos_of_coins(connection, coins)
            facts = read_coins(connection, coins)
            coin, missing = facts[kept], dict[str, Any]()
            for other in coins:
                missing |= _missing_facts(coin, facts[other])
                missing["notes"] = _join_notes(coin.notes, facts[other].notes)
                coin = replace(coin, **missing)
            action = Action(connection, who)
            action.change("coin", {kept: _to_columns(coin, missing)})
            action.change("photo", {photo_id: {"coin_id": kept} for photo_id in moved})
        return kept

    def ungroup(self, photo_ids: Iterable[int], *, who: str) -> None:
        """Give each photo a coin of its own, with the facts of its present coin.

        Raises:
            CatalogError: A photo does not exist.
        """
        with self._database.writing() as connection:
            coins = coins_of(connection, photo_ids)
            photos_left: dict[int, int] = {}
            for part in chunks(set(coins.values())):
                rows = connection.execute(
                    select(PhotoRow.coin_id, func.count().label("photos"))
                    .where(PhotoRow.coin_id.in_(part))
                    .group_by(PhotoRow.coin_id)
                )
                photos_left |= {row.coin_id: row.photos for row in rows}
            changes = {}
            for photo_id, coin_id in coins.items():
                if photos_left[coin_id] > 1:  # the last photo keeps the coin
                    photos_left[coin_id] -= 1
                    new_coin = insert_coin(connection, read_coin(connection, coin_id))
                    changes[photo_id] = {"coin_id": new_coin}
            Action(connection, who).change("photo", changes)

    def history(self, photo_id: int) -> tuple[Edit, ...]:
        """All edits of a photo, its faces and its coin; oldest first.

        Raises:
            CatalogError: The photo does not exist.
        """
        with self._database.reading() as connection:
            photo = read_photos(connection, [photo_id])[0]
            of_photo = EditRow.entity.in_(("added", "photo", "faces"))
            rows = connection.execute(
                select(*EditRow.__table__.columns)
                .where(
                    or_(
                        of_photo & (EditRow.entity_id == photo_id),
                        (EditRow.entity == "coin")
                        & (EditRow.entity_id == photo.coin_id),
                    )
                )
                .order_by(EditRow.id)
            )
            return tuple(record_from(Edit, row, edit_id=row.id) for row in rows)

    def undo(self, *, who: str, expected: str | None = None) -> EditGroup | None:
        """Undo the last action of this user; later changes by others stay.

        Args:
            who: The user.
            expected: The group of the action, if it was looked at before.

        Returns:
            What was undone, or None if there is nothing left to undo.

        Raises:
            CatalogError: The last action is another one than was expected.
        """
        return self._revert(who, expected, undo=True)

    def redo(self, *, who: str, expected: str | None = None) -> EditGroup | None:
        """Redo what this user undid last, unless the user has edited since.

        The arguments and errors are those of `undo`.

        Returns:
            What was redone, or None if there is nothing to redo.
        """
        return self._revert(who, expected, undo=False)

    def find_next(self, *, who: str, undo: bool) -> EditGroup | None:
        """What `undo` or `redo` would change next, or None."""
        with self._database.reading() as connection:
            group_id = _next_group(connection, checked_name(who), undo=undo)
            if group_id is None:
                return None
            return _read_group(connection, group_id, undo=undo)

    def find_group(self, group_id: str) -> EditGroup:
        """One action of anybody.

        Raises:
            CatalogError: There is no such action.
        """
        with self._database.reading() as connection:
            return _read_group(connection, group_id, undo=True)

    def reverse(self, group_id: str, *, who: str) -> EditGroup:
        """Reverse an action of anybody, as an action of this user.

        Returns:
            The action that was reversed; what has changed since is left alone.

        Raises:
            CatalogError: There is no such action.
        """
        with self._database.writing() as connection:
            action = Action(connection, who)
            group = _read_group(connection, group_id, undo=True)
            left_alone = _write_reverted(
                connection, group, action.change, undo=True, without=group_id
            )
        return replace(group, left_alone=left_alone)

    def _revert(
        self, who: str, expected: str | None, *, undo: bool
    ) -> EditGroup | None:
        name = checked_name(who)
        with self._database.writing() as connection:
            if connection.dialect.name == "postgresql":
                # Undos of one user in two windows queue; SQLite's writers always do.
                lock = func.pg_advisory_xact_lock(func.hashtext(name))
                connection.execute(select(lock))
            group_id = _next_group(connection, name, undo=undo)
            if expected not in (None, group_id):
                raise CatalogError(
                    f"{name} has changed something else since. Nothing was changed; "
                    "look at it again."
                )
            if group_id is None:
                return None
            group = _read_group(connection, group_id, undo=undo)
            connection.execute(
                update(EditRow).where(EditRow.group_id == group_id).values(undone=undo)
            )
            write = partial(write_states, connection)
            left_alone = _write_reverted(connection, group, write, undo=undo)
        edits = tuple(replace(edit, undone=undo) for edit in group.edits)
        return replace(group, edits=edits, left_alone=left_alone)


def _missing_facts(coin: CoinFacts, other: CoinFacts) -> dict[str, Any]:
    """Fields that are empty in a coin, with their values in another.

    The ruler is left out, and so are the facts that concern another ruler: reference
    works count the types of one ruler.
    """
    skipped = {"ruler_attributed"}
    ruler = other.ruler_attributed
    if coin.ruler_attributed and ruler not in (None, coin.ruler_attributed):
        skipped |= {"name_on_coin", "authority", "denomination", "references"}
    return {
        f.name: value
        for f in fields(CoinFacts)
        if f.name not in skipped
        and (value := getattr(other, f.name))
        and not getattr(coin, f.name)
    }


def _join_notes(notes: str, more: str) -> str:
    """Notes with those of another coin below, unless they are among them."""
    if f"\n{more}\n" in f"\n{notes}\n":
        return notes
    return f"{notes}\n{more}".strip("\n")


def _to_columns(coin: CoinFacts, names: Iterable[str]) -> dict[str, Any]:
    """Fields of a coin as the log of edits keeps them."""
    values = {name: getattr(coin, name) for name in names}
    if "references" in values:
        values["references"] = [asdict(r) for r in coin.references]
    return values


def _next_group(connection: Connection, name: str, *, undo: bool) -> str | None:
    """The action that an undo or a redo of this user concerns."""
    own = (EditRow.who == name, EditRow.entity != "added")
    edit_id = connection.scalar(
        select(func.max(EditRow.id)).where(*own, EditRow.undone.is_(False))
    )
    if not undo:
        edit_id = connection.scalar(
            select(func.min(EditRow.id)).where(
                *own,
                EditRow.undone.is_(True),
                EditRow.group_id.not_like(f"%{SUPERSEDED}"),
                EditRow.id > (edit_id or 0),
            )
        )
    group_id: str | None = connection.scalar(
        select(EditRow.group_id).where(EditRow.id == edit_id)
    )
    return group_id


def _read_group(connection: Connection, group_id: str, *, undo: bool) -> EditGroup:
    """An action, with its changes in the order in which they are undone or redone."""
    rows = connection.execute(
        select(*EditRow.__table__.columns)
        .where(EditRow.group_id == group_id)
        .order_by(EditRow.id.desc() if undo else EditRow.id)
    )
    edits = [record_from(Edit, row, edit_id=row.id) for row in rows]
    if not edits or any(edit.entity == "added" for edit in edits):
        raise CatalogError(f"No change {group_id!r} can be undone; reload the list.")
    return EditGroup(
        group_id=group_id,
        edits=tuple(edits),
        photo_ids=_photos_of_edits(connection, edits),
    )


def _write_reverted(
    connection: Connection,
    group: EditGroup,
    write: Callable[[str, Mapping[int, State]], None],
    *,
    undo: bool,
    without: str | None = None,
) -> tuple[Edit, ...]:
    """Undo or redo the edits of a group; returns those that are left alone.

    Decisions, labels and statuses are those of the actions that stand now; other
    fields get their values from before or after the edits.

    Args:
        connection: A connection to the catalog.
        group: The action.
        write: Writes new states of the things of one kind.
        undo: Whether it is undone, not redone.
        without: The group of an action that does not count.
    """
    reviews = [edit.entity_id for edit in group.edits if edit.entity == "review"]
    withdrawn = replay_decisions(connection, reviews, without=without)
    write("review", {k: {"withdrawn": value} for k, value in withdrawn.items()})
    coins = {e.entity_id for e in group.edits if "ruler_attributed" in e.after}
    photos: tuple[int, ...] = ()
    if reviews:
        coins |= set(coins_of(connection, group.photo_ids).values())
    if reviews or any("exclude_reason" in edit.after for edit in group.edits):
        photos = group.photo_ids
    labels = replay_labels(connection, coins, without=without)
    replayed: dict[str, Mapping[int, State]] = {
        "coin": {k: {"ruler_attributed": ruler} for k, ruler in labels.items()},
        "photo": replay_statuses(connection, photos, without=without),
    }
    others = [edit for edit in group.edits if edit.entity != "review"]
    changes, left_alone = _find_changes(connection, others, replayed, undo=undo)
    for entity, states in changes.items():
        write(entity, states)
    return tuple(left_alone)


def _find_changes(
    connection: Connection,
    edits: Sequence[Edit],
    replayed: Mapping[str, Mapping[int, State]],
    *,
    undo: bool,
) -> tuple[dict[str, dict[int, dict[str, Any]]], list[Edit]]:
    """New states by entity and id, and the edits that conflict with later ones."""
    changes = {
        entity: {entity_id: dict(state) for entity_id, state in states.items()}
        for entity, states in replayed.items()
    }
    conflicts = []
    for entity in dict.fromkeys(edit.entity for edit in edits):
        same = [edit for edit in edits if edit.entity == entity]
        states = read_states(connection, entity, {edit.entity_id for edit in same})
        coins = _existing_coins(connection, same)
        of_entity = changes.setdefault(entity, {})
        for edit in same:
            old, new = edit.after, edit.before
            if not undo:
                old, new = new, old
            state = states.get(edit.entity_id, {})
            known = replayed.get(entity, {}).get(edit.entity_id, {})
            applicable = {
                k: v
                for k, v in new.items()
                if k in state and k in old and state[k] in (old[k], v)
                if k != "coin_id" or v in coins
            }
            replaced = {k for k, v in known.items() if state.get(k) != v}
            if not new.keys() <= {"status", *applicable, *replaced}:
                conflicts.append(edit)
            values = {
                k: v for k, v in applicable.items() if k not in known and state[k] != v
            }
            state |= values
            of_entity.setdefault(edit.entity_id, {}).update(values)
    return changes, conflicts


def _existing_coins(connection: Connection, edits: Iterable[Edit]) -> set[int]:
    """Of the coins that photos were moved from or to, those that are not removed."""
    states = [state for edit in edits for state in (edit.before, edit.after)]
    named = {state["coin_id"] for state in states if "coin_id" in state}
    found: set[int] = set()
    for part in chunks(sorted(named)):
        query = select(CoinRow.id).where(CoinRow.id.in_(part))
        found |= set(connection.scalars(query))
    return found


def _photos_of_edits(connection: Connection, edits: list[Edit]) -> tuple[int, ...]:
    photos = {e.entity_id for e in edits if e.entity in ("photo", "faces")}
    reviews = [e.entity_id for e in edits if e.entity == "review"]
    if reviews:
        query = select(ReviewRow.photo_id).where(ReviewRow.id.in_(reviews))
        photos |= set(connection.scalars(query))
    if not photos:
        coins = [e.entity_id for e in edits if e.entity == "coin"]
        photos |= set(_photos_of_coins(connection, coins))
    return tuple(sorted(photos))


def _photos_of_coins(connection: Connection, coin_ids: Iterable[int]) -> list[int]:
    photos: list[int] = []
    for part in chunks(coin_ids):
        query = select(PhotoRow.id).where(PhotoRow.coin_id.in_(part))
        photos += connection.scalars(query)
    return photos
