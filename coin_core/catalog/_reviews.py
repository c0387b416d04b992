"""Decisions of reviewers, how far they agree, and what classifiers say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from coin_core.catalog._edits import Edits, coins_of
from coin_core.catalog.audit_log import Action
from coin_core.catalog.mappers import chunks, utc_now
from coin_core.catalog.records import (
    Agreement,
    OpinionKind,
    PairAgreement,
    PhotoStatus,
    Prediction,
    Review,
)
from coin_core.catalog.schema import OpinionRow, PhotoRow, ReviewRow

_CANNOT_TELL = "cannot tell"


class Reviews(Edits):
    """What people and classifiers say of the photos."""

    def review(self, photo_id: int, ruler: str | None, *, who: str) -> None:
        """Write a decision: the review, the coin's label and the photo's status.

        Args:
            photo_id: The photo that was looked at.
            ruler: A class key; None for "cannot tell".
            who: The reviewer; others' decisions on the same photo are kept.

        Raises:
            CatalogError: The photo is not there.
        """
        with self.writing() as connection:
            coin_id = coins_of(connection, [photo_id])[photo_id]
            action = Action(connection, who)
            made = connection.execute(
                insert(ReviewRow).values(
                    photo_id=photo_id,
                    reviewer=action.who,
                    ruler=ruler,
                    at=action.at,
                    withdrawn=False,
                )
            )
            review_id = int((made.inserted_primary_key or (0,))[0])
            action.log(
                [("review", review_id, {"withdrawn": True}, {"withdrawn": False})]
            )
            action.change("coin", {coin_id: {"ruler_attributed": ruler}})
            seen = {
                "status": PhotoStatus.REVIEWED.value,
                "exclude_reason": None,
                "suspicion": None,
            }
            action.change("photo", {photo_id: seen})

    def reviews(self, photo_id: int) -> tuple[Review, ...]:
        """All decisions on a photo that were not undone, the oldest first."""
        with self.reading() as connection:
            rows = connection.execute(
                select(*ReviewRow.__table__.columns)
                .where(ReviewRow.photo_id == photo_id, ReviewRow.withdrawn.is_(False))
                .order_by(ReviewRow.id)
            )
            return tuple(
                Review(
                    review_id=row.id,
                    photo_id=row.photo_id,
                    reviewer=row.reviewer,
                    ruler=row.ruler,
                    at=row.at,
                )
                for row in rows
            )

    def agreement(self) -> Agreement:
        """How far the reviewers agree beyond chance; "cannot tell" is an answer."""
        latest: dict[int, dict[str, str]] = defaultdict(dict)
        with self.reading() as connection:
            rows = connection.execute(
                select(ReviewRow.photo_id, ReviewRow.reviewer, ReviewRow.ruler)
                .where(ReviewRow.withdrawn.is_(False))
                .order_by(ReviewRow.id)
            )
            for photo_id, reviewer, ruler in rows:
                latest[photo_id][reviewer] = ruler or _CANNOT_TELL
        shared = {k: answers for k, answers in latest.items() if len(answers) > 1}
        pairs: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for answers in shared.values():
            for one, other in combinations(sorted(answers), 2):
                pairs[one, other].append((answers[one], answers[other]))
        measured = tuple(_pair(names, both) for names, both in sorted(pairs.items()))
        defined = [(pair.kappa, pair.n) for pair in measured if pair.kappa is not None]
        kappa = None
        if defined:
            kappa = sum(k * n for k, n in defined) / sum(n for _, n in defined)
        return Agreement(
            kappa=kappa,
            n=len(shared),
            reviewers=tuple(sorted({name for a in latest.values() for name in a})),
            pairs=measured,
            disputed=tuple(
                sorted(k for k, a in shared.items() if len(set(a.values())) > 1)
            ),
        )

    def add_opinions(self, opinions: Iterable[Prediction]) -> None:
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
        with self.writing() as connection:
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

    def opinions(self, photo_id: int) -> tuple[Prediction, ...]:
        """What each classifier says of a photo, in alphabetical order."""
        return self.opinions_of([photo_id]).get(photo_id, ())

    def opinions_of(
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
        with self.reading() as connection:
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
        with self.writing() as connection:
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


def _pair(names: tuple[str, str], both: list[tuple[str, str]]) -> PairAgreement:
    """Cohen's kappa of two reviewers over the photos that both have seen."""
    n = len(both)
    same = sum(one == other for one, other in both)
    answers = {answer for pair in both for answer in pair}
    by_chance = sum(
        sum(one == answer for one, _ in both) * sum(o == answer for _, o in both)
        for answer in answers
    ) / (n * n)
    kappa = None if by_chance == 1 else (same / n - by_chance) / (1 - by_chance)
    return PairAgreement(reviewers=names, n=n, same=same, kappa=kappa)


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
