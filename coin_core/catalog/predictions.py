"""What classifiers predict for photos, and which labels look wrong by it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from coin_core.catalog.audit_log import coins_of
from coin_core.catalog.database import Database
from coin_core.catalog.mappers import chunks, utc_now
from coin_core.catalog.records import OpinionKind, Prediction
from coin_core.catalog.schema import OpinionRow, PhotoRow


class Predictions:
    """Predictions of classifiers for photos of the catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, opinions: Iterable[Prediction]) -> None:
        """Keep what classifiers say; the latest of a classifier and kind counts.

        Raises:
            CatalogError: A photo is not there; nothing was written.
        """
        now = utc_now()
        latest = {(o.photo_id, o.classifier, o.kind): o for o in opinions}
        rows = [
            {
                "photo_id": o.photo_id,
                "classifier": o.classifier,
                "model_digest": o.model_digest,
                "probabilities": {k: float(p) for k, p in o.probabilities.items()},
                "ruler": o.ruler,
                "kind": OpinionKind(o.kind).value,
                "at": o.at or now,
            }
            for o in latest.values()
        ]
        touched = sorted({o.photo_id for o in latest.values()})
        with self._database.writing() as connection:
            coins_of(connection, touched)
            names = {(o.classifier, OpinionKind(o.kind).value) for o in latest.values()}
            for classifier, kind in names:
                same = [k[0] for k in latest if k[1] == classifier and k[2] == kind]
                for part in chunks(same):
                    connection.execute(
                        delete(OpinionRow).where(
                            OpinionRow.photo_id.in_(part),
                            OpinionRow.classifier == classifier,
                            OpinionRow.kind == kind,
                        )
                    )
            if rows:
                connection.execute(insert(OpinionRow), rows)
            for part in chunks(touched):
                _summarise(connection, part)

    def of_photo(self, photo_id: int) -> tuple[Prediction, ...]:
        """What each classifier says of a photo, in alphabetical order."""
        return self.of_photos([photo_id]).get(photo_id, ())

    def of_photos(
        self, photo_ids: Iterable[int] | None = None, *, kind: OpinionKind | None = None
    ) -> dict[int, tuple[Prediction, ...]]:
        """What classifiers say of several photos, or of all that they have judged."""
        found: dict[int, list[Prediction]] = defaultdict(list)
        columns = select(*OpinionRow.__table__.columns).order_by(
            OpinionRow.photo_id, OpinionRow.classifier, OpinionRow.kind
        )
        if kind is not None:
            columns = columns.where(OpinionRow.kind == kind.value)
        parts = [None] if photo_ids is None else list(chunks(sorted(set(photo_ids))))
        with self._database.reading() as connection:
            for part in parts:
                some = columns
                if part is not None:
                    some = columns.where(OpinionRow.photo_id.in_(part))
                for row in connection.execute(some):
                    fields = dict(row._mapping)
                    del fields["id"]
                    fields["kind"] = OpinionKind(fields["kind"])
                    found[row.photo_id].append(Prediction(**fields))
        return {photo_id: tuple(several) for photo_id, several in found.items()}

    def mark_label_issues(self, suspicion: Mapping[int, float]) -> None:
        """Say anew which labels may be wrong, 0 to 1; earlier marks are forgotten."""
        with self._database.writing() as connection:
            connection.execute(
                update(PhotoRow)
                .where(PhotoRow.suspicion.is_not(None))
                .values(suspicion=None)
            )
            for photo_id, value in suspicion.items():
                connection.execute(
                    update(PhotoRow)
                    .where(PhotoRow.id == photo_id)
                    .values(suspicion=float(value))
                )


def _summarise(connection: Connection, photo_ids: list[int]) -> None:
    """Copy confidence and disagreement to the photos, for sorting.

    A classifier's out-of-fold opinion counts before the one of a model that may have
    learnt from the photo.
    """
    said: dict[int, dict[str, Any]] = {photo_id: {} for photo_id in photo_ids}
    rows = connection.execute(
        select(*OpinionRow.__table__.columns)
        .where(OpinionRow.photo_id.in_(photo_ids))
        .order_by(OpinionRow.kind)  # "model" comes before "out_of_fold"
    )
    for row in rows:
        said[row.photo_id][row.classifier] = row
    for photo_id, by_classifier in said.items():
        shares = [dict(row.probabilities) for row in by_classifier.values()]
        tops = [max(share.values()) for share in shares if share]
        values: dict[str, Any] = {
            "confidence": max(tops, default=None),
            "disagreement": None,
            "rulers_differ": None,
        }
        if len(shares) > 1:
            rulers = {row.ruler for row in by_classifier.values()} - {None}
            values["disagreement"] = _mean_distance(shares)
            values["rulers_differ"] = len(rulers) > 1
        connection.execute(
            update(PhotoRow).where(PhotoRow.id == photo_id).values(**values)
        )


def _mean_distance(shares: list[dict[str, float]]) -> float:
    """Half the summed differences of two answers, 0 to 1, averaged over all pairs."""
    names = {name for share in shares for name in share}
    pairs = list(combinations(shares, 2))
    total = sum(
        sum(abs(one.get(name, 0.0) - other.get(name, 0.0)) for name in names) / 2
        for one, other in pairs
    )
    return min(1.0, total / len(pairs))
