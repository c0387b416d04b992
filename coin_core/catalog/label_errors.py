"""What classifiers say of the catalog's photos, and labels that look wrong by it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from coin_core.catalog.mappers import chunks
from coin_core.catalog.records import (
    CatalogFace,
    CatalogPhoto,
    OpinionKind,
    PhotoStatus,
    Prediction,
)
from coin_core.catalog.versions import find_legend_face
from coin_core.classifiers import shipped_classifiers
from coin_core.detection.faces import RotatedBox, crop_to_flan
from coin_core.errors import (
    CatalogError,
    CoinError,
    WeightsMismatchError,
    WeightsMissingError,
)
from coin_core.imaging import photo_io

if TYPE_CHECKING:
    from coin_core.catalog import Catalog

CROP_PX = 160
_BATCH = 16
# Fewer labelled photos of a ruler than these say nothing about the others' labels.
_FEWEST = 5
_WHOLE = RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0)

Told = Callable[[int, int], None]


class Asked(Protocol):
    """The part of `coin_core.CoinClassifier` that is used here."""

    def model(self, name: str) -> Any:
        """A loaded model with `card` and `takes_features`."""

    def features(self, crops: NDArray[np.uint8], name: str) -> NDArray[np.float32]:
        """Features (N, D) of crops (N, S, S, 3)."""

    def probabilities(
        self,
        crops: NDArray[np.uint8],
        name: str,
        features: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Probabilities (N, classes) of crops (N, S, S, 3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What `record_opinions` did.

    Attributes:
        photos: Photos that every classifier has judged.
        known: Photos that these models had judged before.
        left_out: A sentence for each photo that could not be judged, and for each
            model that could not be asked.
    """

    photos: int
    known: int
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelIssue:
    """A photo whose label looks wrong.

    Attributes:
        ruler: Its label.
        suggested: What the classifiers take it for.
        suspicion: 0 to 1; 1 less the probability that the label is right.
    """

    photo_id: int
    ruler: str
    suggested: str
    suspicion: float


def record_opinions(
    catalog: Catalog,
    coin_classifier: Asked,
    photo_ids: Iterable[int],
    *,
    classifiers: Sequence[str] | None = None,
    again: bool = False,
    progress: Told | None = None,
) -> Recorded:
    """Ask classifiers about photos and keep what they say, batch by batch.

    They see the face with the legend as it was boxed and turned in the catalog. What
    a model has judged before is not asked again, so a stopped pass goes on where it
    was.

    Args:
        catalog: Where the photos are; confidence and disagreement are kept there.
        coin_classifier: Whom to ask.
        photo_ids: About which photos; excluded ones are passed over.
        classifiers: Names of models; the shipped ones if None.
        again: Ask also about photos that these models have judged before, as after
            their faces were changed.
        progress: Called with photos done and photos in all.

    Raises:
        WeightsMissingError: None of the models is there.
        WeightsMismatchError: None of them can be used.
    """
    from coin_core.model_store.bundle import weights_digest

    left_out: list[str] = []
    digests = {}
    classifiers = shipped_classifiers() if classifiers is None else classifiers
    for name in classifiers:
        try:
            digests[name] = weights_digest(coin_classifier.model(name).card)
        except (WeightsMissingError, WeightsMismatchError) as error:
            left_out.append(str(error))
            if len(left_out) == len(classifiers):
                raise
    wanted = list(dict.fromkeys(photo_ids))
    done, known, judged = 0, 0, 0
    for part in chunks(wanted, _BATCH):
        photos_here = catalog.photos.get_many(part)
        faces = catalog.photos.faces_of(part)
        said = catalog.predictions.of_photos(part, kind=OpinionKind.MODEL)
        fresh = []
        for photo in photos_here:
            had = {o.classifier: o.model_digest for o in said.get(photo.photo_id, ())}
            if photo.status is PhotoStatus.EXCLUDED:
                continue
            same = all(had.get(name) == digest for name, digest in digests.items())
            if same and not again:
                known += 1
            else:
                fresh.append(photo)
        read = list(_crops(catalog, fresh, faces, left_out))
        if read:
            opinions = _ask(coin_classifier, read, digests)
            catalog.predictions.add(opinions)
            judged += len(read)
        done += len(part)
        if progress:
            progress(done, len(wanted))
    return Recorded(photos=judged, known=known, left_out=tuple(left_out))


def _crops(
    catalog: Catalog,
    wanted: Iterable[CatalogPhoto],
    faces: Mapping[int, tuple[CatalogFace, ...]],
    left_out: list[str],
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """The face to judge of each photo; a photo without faces is taken whole."""
    for photo in wanted:
        there = faces[photo.photo_id]
        place = find_legend_face(there, photo.ruler)
        if there and place is None:
            continue  # another side, which names nobody
        box = _WHOLE if place is None else there[place].box
        try:
            image = photo_io.read(catalog.photos.path(photo))
            yield photo.photo_id, crop_to_flan(image, box, CROP_PX)
        except CoinError as error:
            left_out.append(f"Photo {photo.photo_id}: {error}")


def _ask(
    coin_classifier: Asked,
    read: Sequence[tuple[int, NDArray[np.uint8]]],
    digests: Mapping[str, str],
) -> list[Prediction]:
    crops = np.stack([crop for _, crop in read])
    shared: dict[str, NDArray[np.float32]] = {}
    opinions = []
    for name, digest in digests.items():
        model = coin_classifier.model(name)
        features = None
        if model.takes_features:
            key = str(sorted(model.card.features_from.items()))
            if key not in shared:
                shared[key] = coin_classifier.features(crops, name)
            features = shared[key]
        rows = coin_classifier.probabilities(crops, name, features)
        classes = model.card.classes
        for (photo_id, _), row in zip(read, rows, strict=True):
            best = int(row.argmax())
            opinions.append(
                Prediction(
                    photo_id=photo_id,
                    classifier=name,
                    model_digest=digest,
                    probabilities=_shares(classes, row),
                    ruler=classes[best] if row[best] >= model.card.threshold else None,
                )
            )
    return opinions


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
    """Keep what each fold said of the photos that it had not learnt from.

    Args:
        catalog: Where to keep it.
        classifier: Which one.
        photo_ids: One for each row, (N,).
        probabilities: (N, C).
        classes: The labels of the columns.
        model_digest: Of the model that came out of the same training.
        threshold: A highest probability below it is "cannot tell".
    """
    catalog.predictions.add(
        Prediction(
            photo_id=int(photo_id),
            classifier=classifier,
            model_digest=model_digest,
            probabilities=_shares(classes, row),
            ruler=classes[int(row.argmax())] if row.max() >= threshold else None,
            kind=OpinionKind.OUT_OF_FOLD,
        )
        for photo_id, row in zip(photo_ids, probabilities, strict=True)
    )


def _shares(classes: Sequence[str], row: NDArray[np.float32]) -> dict[str, float]:
    return {
        name: round(float(share), 6) for name, share in zip(classes, row, strict=True)
    }


def find_label_issues(catalog: Catalog) -> tuple[LabelIssue, ...]:
    """Labels that the classifiers, taught without them, would not have given.

    cleanlab compares each label with out-of-fold probabilities, which come from a
    training on the catalog; where several classifiers have some, their mean counts.
    Classifiers that do no better than naming one ruler for all are not heard. The
    photos found are marked for the review queue, and earlier marks are cleared.

    Returns:
        The most suspected first.

    Raises:
        CatalogError: No classifier has been trained on the catalog with folds, or
            none has learnt anything.
    """
    from cleanlab.filter import find_label_issues

    said = catalog.predictions.of_photos(kind=OpinionKind.OUT_OF_FOLD)
    if not said:
        raise CatalogError(
            "Wrong labels are found by what classifiers say of coins they have not "
            "learnt from, and none has been trained on the catalog yet. Train one on "
            "the page Training history, or by: python -m coin_core train svm --data "
            "catalog"
        )
    labelled = [
        photo
        for photo in _photos(catalog, sorted(said))
        if photo.ruler and photo.status is not PhotoStatus.EXCLUDED
    ]
    counts = Counter(str(photo.ruler) for photo in labelled)
    rulers = sorted(ruler for ruler, count in counts.items() if count >= _FEWEST)
    if len(rulers) < 2:
        raise CatalogError(
            "Wrong labels are found by what classifiers say of coins they have not "
            f"learnt from, and of fewer than two rulers there are {_FEWEST} such "
            "coins. Label more photos and train again."
        )
    judged = [photo for photo in labelled if photo.ruler in rulers]
    heard = _worth_hearing(judged, said)
    if not heard:
        catalog.predictions.mark_label_issues({})
        raise CatalogError(
            "No classifier trained on the catalog does better on coins it has not "
            "learnt from than naming one ruler for all, so none can tell a wrong "
            "label. Label more photos and train again."
        )
    rows, kept = [], []
    for photo in judged:
        several = [o for o in said[photo.photo_id] if o.classifier in heard]
        if several:
            kept.append(photo)
            rows.append(_mean_shares(several, rulers))
    p = np.stack(rows)
    y = np.array([rulers.index(str(photo.ruler)) for photo in kept])
    found = find_label_issues(
        y, p, return_indices_ranked_by="self_confidence", n_jobs=1
    )
    label_issues = tuple(
        LabelIssue(
            photo_id=kept[row].photo_id,
            ruler=rulers[y[row]],
            suggested=rulers[int(p[row].argmax())],
            suspicion=round(1 - float(p[row, y[row]]), 6),
        )
        for row in map(int, found)
    )
    catalog.predictions.mark_label_issues(
        {s.photo_id: s.suspicion for s in label_issues}
    )
    return label_issues


def _worth_hearing(
    judged: Sequence[CatalogPhoto], said: Mapping[int, Sequence[Prediction]]
) -> set[str]:
    """Classifiers that are surely better than naming the most frequent ruler."""
    from coin_core.evaluation.metrics import wilson

    right: Counter[str] = Counter()
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for photo in judged:
        for opinion in said[photo.photo_id]:
            shares = opinion.probabilities
            seen[opinion.classifier][str(photo.ruler)] += 1
            right[opinion.classifier] += max(shares, key=shares.__getitem__) == (
                photo.ruler
            )
    heard = set()
    for name, rulers in seen.items():
        n = rulers.total()
        if wilson(right[name], n)[0] > max(rulers.values()) / n:
            heard.add(name)
    return heard


def _photos(catalog: Catalog, photo_ids: Sequence[int]) -> Iterator[CatalogPhoto]:
    for part in chunks(photo_ids):
        yield from catalog.photos.get_many(part)


def _mean_shares(
    opinions: Sequence[Prediction], rulers: Sequence[str]
) -> NDArray[np.float64]:
    """The mean over the classifiers, among these rulers alone, summing to 1, (C,)."""
    rows = [[o.probabilities.get(ruler, 0.0) for ruler in rulers] for o in opinions]
    mean: NDArray[np.float64] = np.mean(rows, axis=0) + 1e-9
    shares: NDArray[np.float64] = mean / mean.sum()
    return shares
