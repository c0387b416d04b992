"""Decisions of reviewers and how far they agree."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

from sqlalchemy import insert, select

from coin_core.catalog.audit_log import Action, coins_of
from coin_core.catalog.database import Database
from coin_core.catalog.records import (
    Agreement,
    PairAgreement,
    PhotoStatus,
    Review,
)
from coin_core.catalog.schema import ReviewRow

_CANNOT_TELL = "cannot tell"


class Reviews:
    """Decisions of reviewers on photos."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, photo_id: int, ruler: str | None, *, who: str) -> None:
        """Write a decision: the review, the coin's label and the photo's status.

        Args:
            photo_id: The photo that was looked at.
            ruler: A class key; None for "cannot tell".
            who: The reviewer; others' decisions on the same photo are kept.

        Raises:
            CatalogError: The photo is not there.
        """
        with self._database.writing() as connection:
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

    def of_photo(self, photo_id: int) -> tuple[Review, ...]:
        """All decisions on a photo that were not undone, the oldest first."""
        with self._database.reading() as connection:
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
        with self._database.reading() as connection:
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
