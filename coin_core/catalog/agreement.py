"""How sure classifiers are of photos, and how much they agree."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Any

from sqlalchemy import Connection, delete, select, update

from coin_core.catalog.mappers import chunks
from coin_core.catalog.records import PredictionKind
from coin_core.catalog.schema import PhotoRow, PredictionRow


def summarize(connection: Connection, photo_ids: list[int]) -> None:
    """Copy confidence and disagreement to the photos, for sorting.

    A classifier's out-of-fold prediction takes precedence over the one of a model that
    may have been trained on the photo.
    """
    by_photo: dict[int, dict[str, Any]] = {photo_id: {} for photo_id in photo_ids}
    rows = connection.execute(
        select(*PredictionRow.__table__.columns)
        .where(PredictionRow.photo_id.in_(photo_ids))
        .order_by(PredictionRow.kind)  # "model" comes before "out_of_fold"
    )
    for row in rows:
        by_photo[row.photo_id][row.classifier] = row
    for photo_id, by_classifier in by_photo.items():
        answers = [dict(row.probabilities) for row in by_classifier.values()]
        highest = [max(answer.values()) for answer in answers if answer]
        values: dict[str, Any] = {
            "confidence": max(highest, default=None),
            "disagreement": None,
            "rulers_differ": None,
        }
        if len(answers) > 1:
            rulers = {row.ruler for row in by_classifier.values()} - {None}
            values["disagreement"] = _mean_distance(answers)
            values["rulers_differ"] = len(rulers) > 1
        connection.execute(
            update(PhotoRow).where(PhotoRow.id == photo_id).values(**values)
        )


def forget_answers(connection: Connection, photo_ids: Iterable[int]) -> None:
    """Remove what models said of photos whose faces have changed since.

    Out-of-fold predictions stay: they belong to a training, not to a photo as it is.
    """
    of_models = PredictionRow.kind == PredictionKind.MODEL.value
    for part in chunks(photo_ids):
        query = select(PredictionRow.photo_id).distinct()
        query = query.where(PredictionRow.photo_id.in_(part), of_models)
        if known := list(connection.scalars(query)):
            connection.execute(
                delete(PredictionRow).where(
                    PredictionRow.photo_id.in_(known), of_models
                )
            )
            summarize(connection, known)


def _mean_distance(answers: list[dict[str, float]]) -> float:
    """The total variation distance of two answers, 0 to 1, averaged over all pairs."""
    names = {name for answer in answers for name in answer}
    pairs = list(combinations(answers, 2))
    total = sum(
        sum(abs(one.get(name, 0.0) - other.get(name, 0.0)) for name in names) / 2
        for one, other in pairs
    )
    return min(1.0, total / len(pairs))
