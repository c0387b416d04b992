"""Changes by users: labels, faces, coins; undo and redo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from sqlalchemy import Connection, func, or_, select, update

from coin_core.catalog.audit_log import (
    PROVENANCE,
    Action,
    coins_of,
    read_states,
    write_states,
)
from coin_core.catalog.database import Database
from coin_core.catalog.licences import read_licence
from coin_core.catalog.mappers import (
    checked_name,
    chunks,
    edit_from,
    face_to_json,
    read_coin,
    read_photos,
)
from coin_core.catalog.photos import insert_coin
from coin_core.catalog.records import (
    CatalogFace,
    CoinFacts,
    Edit,
    EditGroup,
    ExcludeReason,
    PhotoStatus,
)
from coin_core.catalog.schema import EditRow, PhotoRow, ReviewRow
from coin_core.errors import CatalogError


class Edits:
    """Every method is one transaction, signed and logged, and can be undone."""

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
        """Give the coins of photos to a ruler, or to none.

        Args:
            photo_ids: The other photos of the same coins are labelled with them.
            ruler: A class key; None takes the label away.
            who: Signs the edit.
            authority: Whom the attribution follows; None leaves it as it is.

        Raises:
            CatalogError: A photo is not there.
        """
        fresh: dict[str, Any] = {"ruler_attributed": ruler}
        if authority is not None:
            fresh["authority"] = authority
        with self._database.writing() as connection:
            coins = coins_of(connection, photo_ids)
            Action(connection, who).change("coin", dict.fromkeys(coins.values(), fresh))

    def exclude(
        self, photo_ids: Iterable[int], reason: ExcludeReason | str, *, who: str
    ) -> None:
        """Keep photos out of data sets; they stay in the catalog.

        Raises:
            CatalogError: The reason is not one of `ExcludeReason`, or a photo is not
                there.
        """
        try:
            why = ExcludeReason(reason)
        except ValueError as error:
            known = ", ".join(ExcludeReason)
            raise CatalogError(
                f"A photo is excluded for one of {known}, not for {reason!r}."
            ) from error
        state = {"status": PhotoStatus.EXCLUDED.value, "exclude_reason": why.value}
        with self._database.writing() as connection:
            Action(connection, who).change("photo", dict.fromkeys(photo_ids, state))

    def restore(self, photo_ids: Iterable[int], *, who: str) -> None:
        """Take excluded photos back; those with a review count as reviewed.

        Raises:
            CatalogError: A photo is not there.
        """
        wanted = sorted(set(photo_ids))
        with self._database.writing() as connection:
            seen: set[int] = set()
            for part in chunks(wanted):
                seen |= set(
                    connection.scalars(
                        select(ReviewRow.photo_id).where(
                            ReviewRow.photo_id.in_(part), ReviewRow.withdrawn.is_(False)
                        )
                    )
                )
            states = read_states(connection, "photo", wanted)
            back = {}
            for photo_id in wanted:
                now = states.get(photo_id)
                if now is None or now["status"] == PhotoStatus.EXCLUDED:
                    status = PhotoStatus.REVIEWED
                    if photo_id not in seen:
                        status = PhotoStatus.UNREVIEWED
                    back[photo_id] = {"status": status.value, "exclude_reason": None}
            Action(connection, who).change("photo", back)

    def set_faces(
        self, photo_id: int, faces: Sequence[CatalogFace], *, who: str
    ) -> None:
        """Say anew what faces a photo has, in their order.

        Raises:
            CatalogError: The photo is not there.
        """
        self.edit_faces({photo_id: faces}, who=who)

    def edit_faces(
        self, faces: Mapping[int, Sequence[CatalogFace]], *, who: str
    ) -> None:
        """Set the faces of several photos in one step, which is undone in one.

        Raises:
            CatalogError: A photo is not there; nothing was changed.
        """
        wanted = {
            photo_id: {"faces": [face_to_json(face) for face in several]}
            for photo_id, several in faces.items()
        }
        with self._database.writing() as connection:
            Action(connection, who).change("faces", wanted)

    def reset_faces(self, photo_ids: Iterable[int], *, who: str) -> None:
        """Give photos the faces that they came with.

        Raises:
            CatalogError: A photo is not there.
        """
        with self._database.writing() as connection:
            first: dict[int, Any] = {}
            for part in chunks(sorted(set(photo_ids))):
                rows = connection.execute(
                    select(EditRow.entity_id, EditRow.before)
                    .where(EditRow.entity == "faces", EditRow.entity_id.in_(part))
                    .order_by(EditRow.id.desc())
                )
                first |= {row.entity_id: row.before for row in rows}
            Action(connection, who).change("faces", first)

    def edit_photos(
        self, changes: Mapping[int, Mapping[str, str | None]], *, who: str
    ) -> None:
        """Change what is told of where photos come from, in one step.

        Args:
            changes: Photo to fields and their new texts: `source`, `source_url`,
                `credit`, `lot_text`, `source_date`, and `licence` as somebody has
                written it. The other fields stay.
            who: Signs the edit.

        Raises:
            CatalogError: No such photo, or no such field; nothing was changed.
        """
        known = [name for name in PROVENANCE if name != "licence_raw"]
        wanted: dict[int, dict[str, Any]] = {}
        for photo_id, told in changes.items():
            foreign = sorted(set(told) - set(known))
            if foreign:
                raise CatalogError(
                    f"Of a photo one can tell {', '.join(known)}, not {foreign[0]!r}."
                )
            fresh: dict[str, Any] = {k: (v or "").strip() for k, v in told.items()}
            if "source_url" in fresh:
                fresh["source_url"] = fresh["source_url"] or None
            if "licence" in fresh:
                fresh["licence_raw"] = fresh["licence"]
                fresh["licence"] = read_licence(fresh["licence"])
            wanted[photo_id] = fresh
        with self._database.writing() as connection:
            Action(connection, who).change("photo", wanted)

    def edit_coin(self, coin_id: int, changes: Mapping[str, Any], *, who: str) -> None:
        """Change what is known of a coin.

        Args:
            coin_id: The coin.
            changes: Field of `CoinFacts` to its new value; the others stay.
            who: Signs the edit.

        Raises:
            CatalogError: No such coin, no such field, or a measure that cannot be.
        """
        known = {f.name for f in fields(CoinFacts)}
        foreign = sorted(set(changes) - known)
        if foreign:
            raise CatalogError(
                f"A coin has no field {foreign[0]!r}; its fields are "
                f"{', '.join(sorted(known))}."
            )
        with self._database.writing() as connection:
            coin = replace(read_coin(connection, coin_id), **changes)
            wanted = {name: getattr(coin, name) for name in changes}
            if "references" in wanted:
                wanted["references"] = [
                    {
                        "catalogue": reference.catalogue,
                        "number": reference.number,
                        "edition": reference.edition,
                    }
                    for reference in coin.references
                ]
            Action(connection, who).change("coin", {coin_id: wanted})

    def group_coins(self, photo_ids: Iterable[int], *, who: str) -> int:
        """Say that photos show one and the same coin.

        All photos of their coins come together under the oldest coin that is
        labelled, or else the oldest.

        Returns:
            The id of that coin.

        Raises:
            CatalogError: A photo is not there.
        """
        with self._database.writing() as connection:
            coins = sorted(set(coins_of(connection, photo_ids).values()))
            if not coins:
                raise CatalogError("Choose the photos that show the same coin.")
            states = read_states(connection, "coin", coins)
            labelled = [c for c in coins if states[c]["ruler_attributed"] is not None]
            kept = (labelled or coins)[0]
            moved: list[int] = []
            for part in chunks(coins):
                moved += connection.scalars(
                    select(PhotoRow.id).where(PhotoRow.coin_id.in_(part))
                )
            Action(connection, who).change(
                "photo", {photo_id: {"coin_id": kept} for photo_id in moved}
            )
        return kept

    def ungroup(self, photo_ids: Iterable[int], *, who: str) -> None:
        """Give each photo a coin of its own, with the facts of the one it had.

        Raises:
            CatalogError: A photo is not there.
        """
        with self._database.writing() as connection:
            coins = coins_of(connection, photo_ids)
            left: dict[int, int] = {}
            for part in chunks(set(coins.values())):
                rows = connection.execute(
                    select(PhotoRow.coin_id, func.count().label("shown"))
                    .where(PhotoRow.coin_id.in_(part))
                    .group_by(PhotoRow.coin_id)
                )
                left |= {row.coin_id: row.shown for row in rows}
            fresh = {}
            for photo_id, coin_id in coins.items():
                if left[coin_id] > 1:  # the last one may keep it
                    left[coin_id] -= 1
                    coin = read_coin(connection, coin_id)
                    facts = {f.name: getattr(coin, f.name) for f in fields(CoinFacts)}
                    made = insert_coin(connection, CoinFacts(**facts))
                    fresh[photo_id] = {"coin_id": made}
            Action(connection, who).change("photo", fresh)

    def history(self, photo_id: int) -> tuple[Edit, ...]:
        """Everything that was done to a photo, its faces and its coin; oldest first."""
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
            return tuple(edit_from(row) for row in rows)

    def undo(self, *, who: str) -> EditGroup | None:
        """Take back what this user did last; what others have changed since stays.

        Returns:
            What was taken back, or None if there is nothing left.
        """
        return self._turn_back(who, undo=True)

    def redo(self, *, who: str) -> EditGroup | None:
        """Do again what this user undid last, unless they have edited since.

        Returns:
            What was done again, or None if there is nothing.
        """
        return self._turn_back(who, undo=False)

    def _turn_back(self, who: str, *, undo: bool) -> EditGroup | None:
        name = checked_name(who)
        mine = (EditRow.who == name, EditRow.entity != "added")
        newest = select(func.max(EditRow.id)).where(*mine, EditRow.undone.is_(False))
        with self._database.writing() as connection:
            _one_at_a_time(connection, name)
            edge = connection.scalar(newest)
            if not undo:
                edge = connection.scalar(
                    select(func.min(EditRow.id)).where(
                        *mine, EditRow.undone.is_(True), EditRow.id > (edge or 0)
                    )
                )
            if edge is None:
                return None
            group_id = connection.scalar(
                select(EditRow.group_id).where(EditRow.id == edge)
            )
            edits = [
                edit_from(row)
                for row in connection.execute(
                    select(*EditRow.__table__.columns)
                    .where(EditRow.group_id == group_id)
                    .order_by(EditRow.id.desc() if undo else EditRow.id)
                )
            ]
            left_alone = _apply(connection, edits, undo=undo)
            connection.execute(
                update(EditRow).where(EditRow.group_id == group_id).values(undone=undo)
            )
            touched = _photos_of(connection, edits)
        return EditGroup(
            group_id=str(group_id),
            edits=tuple(replace(edit, undone=undo) for edit in edits),
            photo_ids=touched,
            left_alone=tuple(left_alone),
        )


def _apply(connection: Connection, edits: list[Edit], *, undo: bool) -> list[Edit]:
    """Put things into their state before or after; the edits that did not fit."""
    left_alone = []
    for entity in dict.fromkeys(edit.entity for edit in edits):
        same = [edit for edit in edits if edit.entity == entity]
        now = read_states(connection, entity, {edit.entity_id for edit in same})
        wanted: dict[int, dict[str, Any]] = {}
        for edit in same:
            old, new = edit.after, edit.before
            if not undo:
                old, new = new, old
            state = now.get(edit.entity_id, {})
            fitting = {
                k: v for k, v in new.items() if k in state and state[k] == old[k]
            }
            if len(fitting) < len(new):
                left_alone.append(edit)
            state |= fitting
            wanted.setdefault(edit.entity_id, {}).update(fitting)
        write_states(connection, entity, wanted)
    return left_alone


def _photos_of(connection: Connection, edits: list[Edit]) -> tuple[int, ...]:
    found = {e.entity_id for e in edits if e.entity in ("photo", "faces")}
    reviews = [e.entity_id for e in edits if e.entity == "review"]
    if reviews:
        found |= set(
            connection.scalars(
                select(ReviewRow.photo_id).where(ReviewRow.id.in_(reviews))
            )
        )
    coins = [e.entity_id for e in edits if e.entity == "coin"]
    if not found:
        for part in chunks(coins):
            found |= set(
                connection.scalars(
                    select(PhotoRow.id).where(PhotoRow.coin_id.in_(part))
                )
            )
    return tuple(sorted(found))


def _one_at_a_time(connection: Connection, who: str) -> None:
    """Two undos of one user in two windows queue; SQLite's writers always do."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(who))))
