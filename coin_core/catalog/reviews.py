"""Decisions of reviewers and how far they agree."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

from sqlalchemy import Connection, select

from coin_core.catalog.audit_log import Action, coins_of, read_states
from coin_core.catalog.database import Database
from coin_core.catalog.mappers import insert_row, record_from
from coin_core.catalog.records import Agreement, PairAgreement, PhotoStatus, Review
from coin_core.catalog.replay import label_without
from coin_core.catalog.schema import PhotoRow, ReviewRow
from coin_core.evaluation.metrics import cohens_kappa

_CANNOT_TELL = "cannot tell"


class Reviews:
    """Decisions of reviewers on photos."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, photo_id: int, ruler: str | None, *, who: str) -> None:
        """Record a decision: the review, the coin's label and the photo's status.

        "Cannot tell" concerns this photo alone: the coin keeps a ruler that a decision
        on another of its photos names.

        Args:
            photo_id: The reviewed photo.
            ruler: A class key; None for "cannot tell".
            who: The reviewer; decisions of others on the same photo stay.

        Raises:
            CatalogError: The photo does not exist.
        """
        with self._database.writing() as connection:
            coin_id = coins_of(connection, [photo_id])[photo_id]
            label = ruler or _label_without(connection, coin_id, photo_id)
            action = Action(connection, who)
            review = {
                "photo_id": photo_id,
                "reviewer": action.who,
                "ruler": ruler,
                "at": action.at,
                "withdrawn": False,
            }
            review_id = insert_row(connection, ReviewRow, review)
            action.log(
                [("review", review_id, {"withdrawn": True}, {"withdrawn": False})]
            )
            action.change("coin", {coin_id: {"ruler_attributed": label}})
            values = {
                "status": PhotoStatus.REVIEWED.value,
                "exclude_reason": None,
                "suspicion": None,
            }
            action.change("photo", {photo_id: values})

    def of_photo(self, photo_id: int) -> tuple[Review, ...]:
        """All decisions on a photo that were not undone, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(*ReviewRow.__table__.columns)
                .where(ReviewRow.photo_id == photo_id, ReviewRow.withdrawn.is_(False))
                .order_by(ReviewRow.id)
            )
            return tuple(record_from(Review, row, review_id=row.id) for row in rows)

    def agreement(self) -> Agreement:
        """How far reviewers agree beyond chance; "cannot tell" counts as an answer."""
        answers: dict[int, dict[str, str]] = defaultdict(dict)
        with self._database.reading() as connection:
            rows = connection.execute(
                select(ReviewRow.photo_id, ReviewRow.reviewer, ReviewRow.ruler)
                .where(ReviewRow.withdrawn.is_(False))
                .order_by(ReviewRow.id)
            )
            for photo_id, reviewer, ruler in rows:  # the latest decision counts
                answers[photo_id][reviewer] = ruler or _CANNOT_TELL
        shared = {k: latest for k, latest in answers.items() if len(latest) > 1}
        by_pair: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for latest in shared.values():
            for pair in combinations(sorted(latest), 2):
                by_pair[pair].append((latest[pair[0]], latest[pair[1]]))
        pairs = tuple(_agreement_of(*item) for item in sorted(by_pair.items()))
        defined = [(pair.kappa, pair.n) for pair in pairs if pair.kappa is not None]
        kappa = None
        if defined:
            kappa = sum(k * n for k, n in defined) / sum(n for _, n in defined)
        return Agreement(
            kappa=kappa,
            n=len(shared),
            reviewers=tuple(sorted({name for a in answers.values() for name in a})),
            pairs=pairs,
            disputed=tuple(
                sorted(k for k, a in shared.items() if len(set(a.values())) > 1)
            ),
        )


def _label_without(connection: Connection, coin_id: int, photo_id: int) -> str | None:
    """The label of a coin once nobody can tell the ruler on one of its photos."""
    rows = connection.execute(
        select(ReviewRow.photo_id, ReviewRow.ruler)
        .join(PhotoRow, PhotoRow.id == ReviewRow.photo_id)
        .where(PhotoRow.coin_id == coin_id, ReviewRow.withdrawn.is_(False))
        .order_by(ReviewRow.id)
    )
    latest: dict[int, str | None] = {}
    for photo, ruler in rows:
        latest.pop(photo, None)
        latest[photo] = ruler
    state = read_states(connection, "coin", [coin_id])[coin_id]
    return label_without(state["ruler_attributed"], latest, photo_id)


def _agreement_of(
    reviewers: tuple[str, str], answers: list[tuple[str, str]]
) -> PairAgreement:
    """Agreement of two reviewers on the photos that both have decided on."""
    first, second = ([pair[rater] for pair in answers] for rater in (0, 1))
    return PairAgreement(
        reviewers=reviewers,
        n=len(answers),
        same=sum(one == other for one, other in answers),
        kappa=cohens_kappa(first, second),
    )
