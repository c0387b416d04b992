"""Decisions, labels and statuses as the actions that stand make them.

An action stands until it is undone, and a decision until it is withdrawn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, select

from coin_core.catalog.mappers import chunks
from coin_core.catalog.records import PhotoStatus
from coin_core.catalog.schema import EditRow, PhotoRow, ReviewRow

_DECISIONS = (
    select(
        ReviewRow.id,
        ReviewRow.photo_id,
        ReviewRow.ruler,
        PhotoRow.coin_id,
        func.coalesce(func.min(EditRow.id), 0).label("edit_id"),
    )
    .join(PhotoRow, PhotoRow.id == ReviewRow.photo_id)
    .outerjoin(
        EditRow, (EditRow.entity == "review") & (EditRow.entity_id == ReviewRow.id)
    )
    .where(ReviewRow.withdrawn.is_(False))
    .group_by(ReviewRow.id, PhotoRow.id)
    .order_by(ReviewRow.id)
)
"""The decisions that stand, with the first edit of each; 0 if none was logged."""


class _Step(NamedTuple):
    """An edit of a coin's label, or a decision on one of its photos.

    Attributes:
        edit_id: Its place in the log.
        ruler: A class key; None for no label, or for "cannot tell".
        photo_id: The photo that was decided on; None for an edit.
        labels: Whether it labels the coin. A decision that a photo brought along from
            another coin does not.
    """

    edit_id: int
    ruler: str | None
    photo_id: int | None = None
    labels: bool = True


def replay_decisions(
    connection: Connection, review_ids: Iterable[int], *, without: str | None = None
) -> dict[int, bool]:
    """Whether decisions are withdrawn, by the actions that stand.

    Args:
        connection: A connection to the catalog.
        review_ids: The decisions.
        without: The group of an action that does not count.
    """
    edits = _read_edits(connection, "review", review_ids, "withdrawn")
    values = _last_values(edits, "withdrawn", {without})
    return {review_id: withdrawn for review_id, (withdrawn, _) in values.items()}


def replay_labels(
    connection: Connection, coin_ids: Iterable[int], *, without: str | None = None
) -> dict[int, str | None]:
    """The labels of coins by the actions and decisions that stand.

    Args:
        connection: A connection to the catalog.
        coin_ids: The coins; those whose label was never changed are left out.
        without: The group of an action that does not count.
    """
    labels: dict[int, str | None] = {}
    for part in chunks(sorted(set(coin_ids))):
        steps: dict[int, list[_Step]] = defaultdict(list)
        query = _DECISIONS.where(PhotoRow.coin_id.in_(part))
        decisions = connection.execute(query).all()
        photos = {decision.photo_id for decision in decisions}
        moves = _read_edits(connection, "photo", photos, "coin_id")
        moved = {move.entity_id: move.id for move in moves if not move.undone}
        own = set()
        for _id, photo_id, ruler, coin_id, edit_id in decisions:
            moved_at = moved.get(photo_id, 0)
            step = _Step(max(edit_id, moved_at), ruler, photo_id, edit_id > moved_at)
            steps[coin_id].append(step)
            if step.labels:
                own.add(_id)
        edits = _read_edits(connection, "coin", part, "ruler_attributed")
        reviews = _reviews_of(connection, edits)
        for edit in edits:
            labels.setdefault(edit.entity_id, edit.before["ruler_attributed"])
            review_id, stands = reviews.get(edit.group_id, (None, True))
            counts = stands and review_id not in own and edit.group_id != without
            if counts and not edit.undone:
                step = _Step(edit.id, edit.after["ruler_attributed"])
                steps[edit.entity_id].append(step)
        for coin_id in labels.keys() & set(part):
            labels[coin_id] = _label_after(labels[coin_id], steps[coin_id])
    return labels


def replay_statuses(
    connection: Connection, photo_ids: Iterable[int], *, without: str | None = None
) -> dict[int, dict[str, str | None]]:
    """Status and reason of photos by the actions and decisions that stand.

    Args:
        connection: A connection to the catalog.
        photo_ids: The photos.
        without: The group of an action that does not count.
    """
    states: dict[int, dict[str, str | None]] = {}
    for part in chunks(sorted(set(photo_ids))):
        excluded = PhotoRow.status == PhotoStatus.EXCLUDED
        query = select(PhotoRow.id, PhotoRow.exclude_reason)
        rows = connection.execute(query.where(PhotoRow.id.in_(part), excluded))
        reasons = {row.id: row.exclude_reason for row in rows}
        edits = _read_edits(connection, "photo", part, "exclude_reason")
        passed_over = {without, *_reviews_of(connection, edits)}
        values = _last_values(edits, "exclude_reason", passed_over)
        reasons |= {photo_id: reason for photo_id, (reason, _) in values.items()}
        for row in connection.execute(_DECISIONS.where(PhotoRow.id.in_(part))):
            if row.photo_id in values and row.edit_id > values[row.photo_id][1]:
                reasons[row.photo_id] = None
        for photo_id, status in statuses_by_decisions(connection, part).items():
            reason = reasons.get(photo_id)
            status = PhotoStatus.EXCLUDED.value if reason else status
            states[photo_id] = {"status": status, "exclude_reason": reason}
    return states


def statuses_by_decisions(
    connection: Connection, photo_ids: Iterable[int]
) -> dict[int, str]:
    """The status of photos that are not excluded: whether a decision stands."""
    statuses = dict.fromkeys(photo_ids, PhotoStatus.UNREVIEWED.value)
    for part in chunks(list(statuses)):
        query = select(ReviewRow.photo_id).where(
            ReviewRow.photo_id.in_(part), ReviewRow.withdrawn.is_(False)
        )
        for photo_id in connection.scalars(query):
            statuses[photo_id] = PhotoStatus.REVIEWED.value
    return statuses


def label_without(
    label: str | None, latest: Mapping[int, str | None], photo_id: int
) -> str | None:
    """The label of a coin on one of whose photos nobody can tell the ruler.

    Args:
        label: The label before.
        latest: The last decision on each photo before, the newest at the end.
        photo_id: The photo.
    """
    named = [ruler for other, ruler in latest.items() if ruler and other != photo_id]
    if not named:
        return None
    if label in (None, *named) or label != latest.get(photo_id):
        return label
    return named[-1]


def _label_after(label: str | None, steps: Iterable[_Step]) -> str | None:
    """The label of a coin after several steps, given in any order."""
    latest: dict[int, str | None] = {}
    for step in sorted(steps, key=lambda step: step.edit_id):
        if step.photo_id is None:
            label = step.ruler
            continue
        if step.labels:
            label = step.ruler or label_without(label, latest, step.photo_id)
        latest.pop(step.photo_id, None)
        latest[step.photo_id] = step.ruler
    return label


def _read_edits(
    connection: Connection, entity: str, ids: Iterable[int], name: str
) -> list[Row[Any]]:
    """The edits of one field of things; those of each thing oldest first."""
    edits: list[Row[Any]] = []
    for part in chunks(ids):
        query = select(*EditRow.__table__.columns).where(
            EditRow.entity == entity, EditRow.entity_id.in_(part)
        )
        rows = connection.execute(query.order_by(EditRow.id))
        edits += [row for row in rows if name in row.before and name in row.after]
    return edits


def _last_values(
    edits: Iterable[Row[Any]], name: str, passed_over: set[str | None]
) -> dict[int, tuple[Any, int]]:
    """The value of a field of each thing, and the edit that gave it.

    Without an edit that stands it is the value before the first one, and the edit 0.
    """
    values: dict[int, tuple[Any, int]] = {}
    for edit in edits:
        values.setdefault(edit.entity_id, (edit.before[name], 0))
        if not edit.undone and edit.group_id not in passed_over:
            values[edit.entity_id] = edit.after[name], edit.id
    return values


def _reviews_of(
    connection: Connection, edits: Iterable[Row[Any]]
) -> dict[str, tuple[int, bool]]:
    """The decision of each action that has one, and whether it was made and stands."""
    found: dict[str, tuple[int, bool]] = {}
    for part in chunks({edit.group_id for edit in edits}):
        query = (
            select(EditRow.group_id, EditRow.after, ReviewRow.id, ReviewRow.withdrawn)
            .join(ReviewRow, ReviewRow.id == EditRow.entity_id)
            .where(EditRow.entity == "review", EditRow.group_id.in_(part))
        )
        for group_id, after, review_id, withdrawn in connection.execute(query):
            found[group_id] = review_id, not (withdrawn or after.get("withdrawn"))
    return found
