"""Store predictions of classifiers, and find labels that look wrong by them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from coin_core.access import Right, check
from coin_core.catalog.mappers import chunks
from coin_core.catalog.records import (
    CatalogFace,
    CatalogPhoto,
    PhotoStatus,
    Prediction,
    PredictionKind,
)
from coin_core.catalog.repository import Catalog
from coin_core.catalog.versions import find_legend_face
from coin_core.classifiers import shipped_classifiers
from coin_core.errors import (
    CatalogError,
    CoinError,
    WeightsMismatchError,
    WeightsMissingError,
)
from coin_core.imaging import photo_io
from coin_core.imaging.preprocessing import CROP_PX, RotatedBox, crop_to_flan
from coin_core.jobs import ProgressCallback
from coin_core.model_store import sharing
from coin_core.model_store.bundle import RESERVED, discover, weights_digest
from coin_core.model_store.card import Card
from coin_core.object_store import shared_store
from coin_core.rulers import RULERS

if TYPE_CHECKING:
    from coin_core.pipeline import CoinClassifier

_BATCH = 16
_MIN_PHOTOS = 5  # of a ruler; below, the labels of others cannot be compared
_WHOLE = RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The result of `record_predictions`.

    Attributes:
        photos: How many photos were classified.
        known: How many photos had predictions of the same models already.
        left_out: A sentence for each photo and each model that could not be used.
    """

    photos: int
    known: int
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelIssue:
    """A photo whose label looks wrong.

    Attributes:
        ruler: Its label.
        suggested: The ruler that the classifiers predict.
        suspicion: 0 to 1; 1 minus the probability of the label.
    """

    photo_id: int
    ruler: str
    suggested: str
    suspicion: float


def record_predictions(
    catalog: Catalog,
    predictor: CoinClassifier,
    photo_ids: Iterable[int],
    *,
    classifiers: Sequence[str] | None = None,
    repeat: bool = False,
    progress: ProgressCallback | None = None,
) -> Recorded:
    """Classify photos and store the predictions, batch by batch.

    The models see the face with the legend, as it is boxed and turned in the catalog;
    those of other coins the first face where no legend is marked.
    Photos that a model has classified before, with the faces that they have, are
    skipped, so an interrupted call resumes where it stopped. What models said that
    are no longer installed is removed.

    Args:
        catalog: The catalog with the photos; their confidence and disagreement are
            updated.
        predictor: Loads and runs the models.
        photo_ids: The photos; excluded ones are skipped.
        classifiers: Names of models; the shipped ones if None.
        repeat: Also classify photos that have predictions of the same models.
        progress: Called with photos done and photos in all.

    Raises:
        WeightsMissingError: No model is available.
        WeightsMismatchError: No model can be used.
    """
    check(Right.LABEL)
    _forget_removed(catalog)
    left_out: list[str] = []
    usable: list[str] = []
    classifiers = shipped_classifiers() if classifiers is None else classifiers
    for name in classifiers:
        try:
            predictor.model(name)
            usable.append(name)
        except (WeightsMissingError, WeightsMismatchError) as error:
            left_out.append(str(error))
            if len(left_out) == len(classifiers):
                raise
    # A model that is replaced meanwhile would answer under the digest of the old one.
    predictor = predictor.pinned(usable)
    cards = {name: predictor.model(name).card for name in usable}
    digests = {name: weights_digest(card) for name, card in cards.items()}
    ids = list(dict.fromkeys(photo_ids))
    done, known, classified = 0, 0, 0
    for part in chunks(ids, _BATCH):
        stored = catalog.predictions.of_photos(part, kind=PredictionKind.MODEL)
        faces = catalog.photos.faces_of(part)
        boxes: dict[int, dict[str, RotatedBox]] = {}
        fresh = []
        # One that was removed since the others were chosen is skipped.
        for photo in catalog.photos.get_existing(part):
            if photo.status is PhotoStatus.EXCLUDED:
                continue
            here = faces[photo.photo_id]
            seen = {name: _box(here, photo, card) for name, card in cards.items()}
            found = {name: box for name, box in seen.items() if box is not None}
            old = {p.classifier: p.model_digest for p in stored.get(photo.photo_id, ())}
            if not found:
                continue  # another side, which names no ruler
            if not repeat and {k: digests[k] for k in found}.items() <= old.items():
                known += 1
            else:
                boxes[photo.photo_id] = found
                fresh.append(photo)
        crops = dict(_crops(catalog, fresh, boxes, left_out))
        if crops:
            predictions = _predict(predictor, crops, boxes, digests)
            now = catalog.photos.faces_of(list(crops))
            # One whose faces were changed meanwhile waits for the next call.
            same = {k for k in crops if now[k] == faces[k]}
            _store(catalog, [one for one in predictions if one.photo_id in same])
            classified += len(same)
        done += len(part)
        if progress:
            progress(done, len(ids))
    return Recorded(photos=classified, known=known, left_out=tuple(left_out))


def _forget_removed(catalog: Catalog) -> None:
    """Remove the predictions of a user's models that were removed or replaced."""
    if not catalog.database.is_sqlite and shared_store() is None:
        return  # other machines have models of their own
    try:
        kept = {*sharing.list_shared(), *shipped_classifiers(), *RESERVED}
    except CoinError:  # those of the team are not known now
        return
    found, refused = discover()
    present = {one.name: weights_digest(one.card) for one in found}
    kept |= {problem.folder.name for problem in refused}
    catalog.predictions.forget_models(present | dict.fromkeys(kept, ""))


def _box(
    faces: tuple[CatalogFace, ...], photo: CatalogPhoto, card: Card
) -> RotatedBox | None:
    """What a model sees of a photo: a face, or all of a photo without faces."""
    if not faces:
        return _WHOLE
    index = find_legend_face(faces, photo.ruler)
    if index is None and not set(card.classes) <= set(RULERS):
        index = 0  # whoever labels the photo with one of its classes means this face
    return None if index is None else faces[index].box


def _crops(
    catalog: Catalog,
    photos: Iterable[CatalogPhoto],
    boxes: Mapping[int, Mapping[str, RotatedBox]],
    left_out: list[str],
) -> Iterator[tuple[int, dict[RotatedBox, NDArray[np.uint8]]]]:
    """(photo id, crops by box) of each photo."""
    for photo in photos:
        try:
            image = photo_io.read(catalog.photos.path(photo))
            several = dict.fromkeys(boxes[photo.photo_id].values())
            yield (
                photo.photo_id,
                {box: crop_to_flan(image, box, CROP_PX) for box in several},
            )
        except CoinError as error:
            left_out.append(f"Photo {photo.photo_id}: {error}")


def _predict(
    predictor: CoinClassifier,
    crops: Mapping[int, Mapping[RotatedBox, NDArray[np.uint8]]],
    boxes: Mapping[int, Mapping[str, RotatedBox]],
    digests: Mapping[str, str],
) -> list[Prediction]:
    features_by_net: dict[tuple[str, bool], NDArray[np.float32]] = {}
    predictions: list[Prediction] = []
    for name, digest in digests.items():
        ids = [photo_id for photo_id in crops if name in boxes[photo_id]]
        if not ids:
            continue
        batch = np.stack([crops[one][boxes[one][name]] for one in ids])
        model = predictor.model(name)
        features = None
        if model.takes_features:
            of_rulers = set(model.card.classes) <= set(RULERS)
            key = str(sorted(model.card.features_from.items())), of_rulers
            if key not in features_by_net:
                features_by_net[key] = predictor.features(batch, name)
            features = features_by_net[key]
        elif model.card.limits:  # how much is read decides too: read it once
            features = predictor.features(batch, name)
        rows = predictor.probabilities(batch, name, features)
        predictions += _to_predictions(
            *(name, ids, rows, model.card.classes, digest),
            threshold=model.card.threshold,
            kind=PredictionKind.MODEL,
            unlike=predictor.outside_scope(batch, name, features),
        )
    return predictions


def record_out_of_fold(
    catalog: Catalog,
    classifier: str,
    photo_ids: Sequence[int],
    probabilities: NDArray[np.float32],
    classes: Sequence[str],
    *,
    model_digest: str,
    threshold: float = 0.0,
) -> None:
    """Store predictions of a cross-validation for photos not used in their fold.

    Args:
        catalog: The catalog with the photos.
        classifier: Name of the classifier.
        photo_ids: One for each row, (N,).
        probabilities: (N, C).
        classes: The labels of the columns.
        model_digest: Of the model from the same training run.
        threshold: A highest probability below it means "cannot tell".
    """
    _store(
        catalog,
        _to_predictions(
            *(classifier, photo_ids, probabilities, classes, model_digest),
            threshold=threshold,
            kind=PredictionKind.OUT_OF_FOLD,
        ),
    )


def _store(catalog: Catalog, predictions: Iterable[Prediction]) -> None:
    """Store predictions, except for photos that were removed meanwhile."""
    several = list(predictions)
    left = {
        photo.photo_id
        for part in chunks(dict.fromkeys(one.photo_id for one in several))
        for photo in catalog.photos.get_existing(part)
    }
    catalog.predictions.add(one for one in several if one.photo_id in left)


def _to_predictions(
    classifier: str,
    photo_ids: Sequence[int],
    probabilities: NDArray[np.float32],
    classes: Sequence[str],
    model_digest: str,
    *,
    threshold: float,
    kind: PredictionKind,
    unlike: NDArray[np.bool_] | None = None,
) -> Iterator[Prediction]:
    if unlike is None:
        unlike = np.zeros(len(photo_ids), bool)
    for photo_id, row, is_unlike in zip(photo_ids, probabilities, unlike, strict=True):
        best = int(row.argmax())
        is_answer = row[best] >= threshold and not is_unlike
        yield Prediction(
            photo_id=int(photo_id),
            classifier=classifier,
            model_digest=model_digest,
            probabilities={
                name: round(float(p), 6) for name, p in zip(classes, row, strict=True)
            },
            ruler=classes[best] if is_answer else None,
            kind=kind,
        )


def find_label_issues(catalog: Catalog) -> tuple[LabelIssue, ...]:
    """Find labels that contradict the out-of-fold predictions.

    Uses confident learning (Northcutt et al. 2021, in cleanlab) on the mean
    probabilities of all classifiers that were cross-validated on the catalog and do
    better than always naming the most frequent ruler. The photos found are marked for
    the review queue; earlier marks are removed.

    Returns:
        The most suspected labels first.

    Raises:
        CatalogError: No classifier was cross-validated on the catalog, or none is
            good enough.
    """
    from cleanlab.filter import find_label_issues as cleanlab_issues

    predictions = catalog.predictions.of_photos(kind=PredictionKind.OUT_OF_FOLD)
    if not predictions:
        raise CatalogError(
            "Wrong labels are found by what classifiers say of coins that they were "
            "not trained on, and none has been trained on the dataset yet. Train one "
            "on the page Training history, or by: python -m coin_core train svm --data "
            "catalog"
        )
    photos = [
        photo
        for part in chunks(sorted(predictions))
        for photo in catalog.photos.get_many(part)
        if photo.ruler and photo.status is not PhotoStatus.EXCLUDED
    ]
    counts = Counter(str(photo.ruler) for photo in photos)
    rulers = sorted(ruler for ruler, count in counts.items() if count >= _MIN_PHOTOS)
    if len(rulers) < 2:
        raise CatalogError(
            "Wrong labels are found by what classifiers say of coins that they were "
            f"not trained on. Only one ruler, or none, has {_MIN_PHOTOS} such coins. "
            "Label more photos and train again."
        )
    photos = [photo for photo in photos if photo.ruler in rulers]
    useful = _useful_classifiers(photos, predictions)
    if not useful:
        catalog.predictions.mark_label_issues({})
        raise CatalogError(
            "No classifier trained on the dataset does better on coins that it was "
            "not trained on than naming one ruler for all, so none can tell a wrong "
            "label. Label more photos and train again."
        )
    rows, judged = [], []
    for photo in photos:
        several = [p for p in predictions[photo.photo_id] if p.classifier in useful]
        if several:
            judged.append(photo)
            rows.append(_mean_probabilities(several, rulers))
    p = np.stack(rows)
    y = np.array([rulers.index(str(photo.ruler)) for photo in judged])
    ranked = cleanlab_issues(y, p, return_indices_ranked_by="self_confidence", n_jobs=1)
    issues = tuple(
        LabelIssue(
            photo_id=judged[row].photo_id,
            ruler=rulers[y[row]],
            suggested=rulers[int(p[row].argmax())],
            suspicion=round(1 - float(p[row, y[row]]), 6),
        )
        for row in map(int, ranked)
    )
    catalog.predictions.mark_label_issues({i.photo_id: i.suspicion for i in issues})
    return issues


def _useful_classifiers(
    photos: Sequence[CatalogPhoto], predictions: Mapping[int, Sequence[Prediction]]
) -> set[str]:
    """Classifiers significantly better than naming the most frequent ruler."""
    from coin_core.evaluation.metrics import wilson

    correct: Counter[str] = Counter()
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for photo in photos:
        for prediction in predictions[photo.photo_id]:
            p = prediction.probabilities
            labels[prediction.classifier][str(photo.ruler)] += 1
            correct[prediction.classifier] += max(p, key=p.__getitem__) == photo.ruler
    return {
        name
        for name, counts in labels.items()
        if wilson(correct[name], counts.total())[0]
        > max(counts.values()) / counts.total()
    }


def _mean_probabilities(
    predictions: Sequence[Prediction], rulers: Sequence[str]
) -> NDArray[np.float64]:
    """The mean over the classifiers for these rulers only, summing to 1, (C,)."""
    rows = [[p.probabilities.get(ruler, 0.0) for ruler in rulers] for p in predictions]
    mean: NDArray[np.float64] = np.mean(rows, axis=0) + 1e-9
    normalized: NDArray[np.float64] = mean / mean.sum()
    return normalized
