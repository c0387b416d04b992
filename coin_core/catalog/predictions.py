"""Stored predictions of classifiers for photos of the catalog."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, and_, delete, insert, select, update

from coin_core.catalog.agreement import summarize
from coin_core.catalog.audit_log import coins_of
from coin_core.catalog.database import Database
from coin_core.catalog.mappers import chunks, record_from, utc_now
from coin_core.catalog.records import Prediction, PredictionKind
from coin_core.catalog.schema import PhotoRow, PredictionRow


class Predictions:
    """Predictions of classifiers, and the label issues derived from them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, predictions: Iterable[Prediction]) -> None:
        """Store predictions; they replace earlier ones of one classifier and kind.

        Raises:
            CatalogError: A photo does not exist; nothing was stored.
        """
        given = tuple(predictions)  # computed before others have to wait
        with self._database.writing() as connection:
            write_predictions(connection, given)

    def of_photo(self, photo_id: int) -> tuple[Prediction, ...]:
        """The predictions for a photo, by classifier in alphabetical order."""
        return self.of_photos([photo_id]).get(photo_id, ())

    def of_photos(
        self,
        photo_ids: Iterable[int] | None = None,
        *,
        kind: PredictionKind | None = None,
    ) -> dict[int, tuple[Prediction, ...]]:
        """The predictions for several photos, or for all that have any."""
        query = select(*PredictionRow.__table__.columns).order_by(
            PredictionRow.photo_id, PredictionRow.classifier, PredictionRow.kind
        )
        if kind is not None:
            query = query.where(PredictionRow.kind == kind.value)
        predictions: dict[int, list[Prediction]] = defaultdict(list)
        parts = [None] if photo_ids is None else list(chunks(sorted(set(photo_ids))))
        with self._database.reading() as connection:
            for part in parts:
                rows = query
                if part is not None:
                    rows = query.where(PredictionRow.photo_id.in_(part))
                for row in connection.execute(rows):
                    predictions[row.photo_id].append(
                        record_from(Prediction, row, kind=PredictionKind(row.kind))
                    )
        return {photo_id: tuple(several) for photo_id, several in predictions.items()}

    def forget_models(self, present: Mapping[str, str]) -> None:
        """Remove what models said that were removed or replaced since.

        Out-of-fold predictions stay: they belong to a training.

        Args:
            present: Digest of each model that is there; "" for any digest.
        """
        model = PredictionRow.classifier, PredictionRow.model_digest
        of_models = PredictionRow.kind == PredictionKind.MODEL.value
        with self._database.reading() as connection:
            rows = connection.execute(select(*model).where(of_models).distinct())
            gone = [
                and_(of_models, model[0] == name, model[1] == digest)
                for name, digest in rows
                if present.get(name) not in ("", digest)
            ]
            photos = [
                list(connection.scalars(select(PredictionRow.photo_id).where(of_model)))
                for of_model in gone
            ]
        for of_model, photo_ids in zip(gone, photos, strict=True):
            for part in chunks(photo_ids):  # others may write in between
                of_part = PredictionRow.photo_id.in_(part)
                with self._database.writing() as connection:
                    connection.execute(delete(PredictionRow).where(of_model, of_part))
                    summarize(connection, part)

    def mark_label_issues(self, suspicion: Mapping[int, float]) -> None:
        """Mark photos whose label may be wrong; earlier marks are removed.

        Args:
            suspicion: Photo id to the probability that its label is wrong, 0 to 1.
        """
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


def write_predictions(
    connection: Connection, predictions: Iterable[Prediction]
) -> None:
    """Do what `Predictions.add` does, in a transaction of the caller.

    Raises:
        CatalogError: A photo does not exist.
    """
    now = utc_now()
    latest = {(p.photo_id, p.classifier, p.kind): p for p in predictions}
    rows = [
        {
            "photo_id": p.photo_id,
            "classifier": p.classifier,
            "model_digest": p.model_digest,
            "probabilities": {k: float(v) for k, v in p.probabilities.items()},
            "ruler": p.ruler,
            "kind": PredictionKind(p.kind).value,
            "at": p.at or now,
        }
        for p in latest.values()
    ]
    replaced: dict[tuple[str, str], list[int]] = defaultdict(list)
    for p in latest.values():
        replaced[p.classifier, PredictionKind(p.kind).value].append(p.photo_id)
    photo_ids = sorted({p.photo_id for p in latest.values()})
    coins_of(connection, photo_ids)
    for (classifier, kind), ids in replaced.items():
        for part in chunks(ids):
            connection.execute(
                delete(PredictionRow).where(
                    PredictionRow.photo_id.in_(part),
                    PredictionRow.classifier == classifier,
                    PredictionRow.kind == kind,
                )
            )
    if rows:
        connection.execute(insert(PredictionRow), rows)
    for part in chunks(photo_ids):
        summarize(connection, part)
