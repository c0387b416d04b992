"""From a photo to verdicts: coins, the legend side, the classifiers."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coin_core.classifiers.features import compute_features
from coin_core.classifiers.registry import shipped_classifiers
from coin_core.classifiers.scope import outside_scope
from coin_core.classifiers.together import (
    READERS,
    read_by_both,
    read_together,
)
from coin_core.classifiers.together_card import (
    TOGETHER,
    TOGETHER_CARD,
    can_read_together,
)
from coin_core.classifiers.torch_classifier import (
    LEAST_READ,
    how_much_read,
    predict_calibrated,
    too_little_read,
)
from coin_core.detection import (
    classify_sides,
    detect_coins,
    face_to_read,
    find_coins,
    legend_side,
    sides_of_crops,
)
from coin_core.errors import WeightsMismatchError
from coin_core.evaluation.metrics import check_probabilities
from coin_core.imaging.preprocessing import CROP_PX, RotatedBox, crop_to_flan
from coin_core.model_store.bundle import card_version, find_bundle
from coin_core.model_store.card import Card
from coin_core.models import LoadedModel, open_model
from coin_core.results import DetectedFace, PhotoResult, RejectReason, Side, Verdict
from coin_core.rulers import DEFAULT_CLASSES, RULERS

_GROUP = 4  # photos that are classified together
_GROUP_PX = 4_000_000  # a larger photo is a group by itself; it may take 50 MB
_AT_ONCE = 2  # groups; each has steps that use one core
_NO_CROP = np.zeros((CROP_PX, CROP_PX, 3), np.uint8)
# A coin that is less surely the side is another coin: python -m benchmarks.sides
_SURE_WORN = 0.9
_SURE_CORNUCOPIA = 0.6
_WHOLE_PHOTO = RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0)

_Seen = tuple[int | None, ...]  # the face of each photo that a classifier sees


class CoinClassifier:
    """Classifies photos with any number of models, each loaded on first use.

    Threads may share it. A bundle that is written again is loaded again, between two
    calls: all probabilities that one call returns for a model come from one version.
    """

    def __init__(self) -> None:
        self._models: dict[str, LoadedModel] = {}
        self._reloading: set[str] = set()
        self._pinned = False

    def model(self, name: str) -> LoadedModel:
        """Return the model of a bundle, by name or folder.

        Raises:
            WeightsMissingError: There is none; the message names the command.
            WeightsMismatchError: It is damaged or foreign, or it was trained on the
                features of another network than the installed one.
        """
        if self._pinned and name in self._models:
            return self._models[name]
        return self._load(name)

    def pinned(self, names: Sequence[str]) -> CoinClassifier:
        """Return a classifier that keeps these models as they are now.

        Raises:
            WeightsMissingError: As for `model`.
            WeightsMismatchError: As for `model`.
        """
        if self._pinned:
            return self
        fixed = CoinClassifier()
        fixed._models = {name: self._load(name) for name in with_parts(names)}
        fixed._pinned = True
        return fixed

    def _load(self, name: str) -> LoadedModel:
        model = self._models.get(name)
        if model is not None and (
            # One's own of the same name comes before a shipped one.
            (_is_current(model) and model.folder == find_bundle(name))
            or name in self._reloading  # by the first who saw the next version
        ):
            return model
        self._reloading.add(name)
        try:
            model = self._models[name] = open_model(name)
        finally:
            self._reloading.discard(name)
        return model

    def load(self, names: Sequence[str] | None = None) -> None:
        """Load models and the detection networks now instead of on first use.

        Args:
            names: Names of models; the shipped ones if None.
        """
        for name in shipped_classifiers() if names is None else names:
            self.model(name)
        blank = np.zeros((64, 64, 3), np.uint8)
        classify_sides(blank, detect_coins(blank) or (_WHOLE_PHOTO,))

    def feature_extractor(self, name: str) -> LoadedModel:
        """Return the model whose network a model uses: itself, or its extractor."""
        model = self.model(name)
        return model.extractor or model

    def features(self, crops: NDArray[np.uint8], name: str) -> NDArray[np.float32]:
        """Return what a model classifies crops (N, S, S, 3) by, (N, D).

        It is the features that it gets, or the embeddings of its own network.
        """
        if not self.model(name).takes_features:
            return np.asarray(self.model(name).classifier.embed(crops).cpu())
        mode = self.model(name).card.features_from.get("sight", "legend")
        extractor = self.feature_extractor(name).classifier
        return compute_features(extractor, crops, mode=mode)

    def probabilities(
        self,
        crops: NDArray[np.uint8],
        name: str,
        features: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Return calibrated probabilities, float32 (N, classes).

        Args:
            crops: uint8 (N, S, S, 3).
            name: The model.
            features: What `features` returned, to save computing them again.

        Raises:
            WeightsMismatchError: The model is damaged: some are no numbers.
        """
        rows = self._rows(crops, name, features)
        check_probabilities(name, rows)
        return rows

    def _rows(
        self,
        crops: NDArray[np.uint8],
        name: str,
        features: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """The same; NaN in the rows that a damaged model has no numbers for."""
        model = self.model(name)
        inputs: Any = crops
        if model.takes_features:
            inputs = self.features(crops, name) if features is None else features
        elif features is not None:
            inputs = features
        return predict_calibrated(model.classifier, model.card, inputs)

    def outside_scope(
        self,
        crops: NDArray[np.uint8],
        name: str,
        features: NDArray[np.float32] | None = None,
        sureness: NDArray[np.float32] | None = None,
    ) -> NDArray[np.bool_]:
        """Return whether crops look unlike what a model learned from, (N,).

        Args:
            crops: uint8 (N, S, S, 3).
            name: The model.
            features: What `features` returned, to save computing them again.
            sureness: How probable it is that each shows a legend, (N,); found on the
                crops if None.
        """
        card = self.model(name).card
        if not card.scope and LEAST_READ not in card.limits:
            return np.zeros(len(crops), bool)
        if features is None:
            features = self.features(crops, name)
        unlike = np.zeros(len(crops), bool)
        if LEAST_READ in card.limits:
            if sureness is None:
                sureness = sides_of_crops(crops)[:, 0]
            unlike |= too_little_read(card.limits, features, sureness)
        if card.scope:
            unlike |= outside_scope(card.scope, features)
        return unlike

    def classify(
        self,
        photo: NDArray[np.uint8],
        *,
        classifiers: Sequence[str] | None = None,
        box: RotatedBox | None = None,
    ) -> PhotoResult:
        """Find the coin, choose the side with the legend, and classify it.

        Args:
            photo: uint8 (H, W, 3) RGB.
            classifiers: Names of models, or `TOGETHER`; the default one if None.
            box: The coin, drawn by a person; its side is then not classified.

        Returns:
            The faces, the one that was classified, and a verdict for each model.
        """
        names = shipped_classifiers()[:1] if classifiers is None else classifiers
        return self.classify_prepared([prepare_photo(photo, box)], names)[0]

    def classify_batch(
        self,
        photos: Iterable[NDArray[np.uint8]],
        classifiers: Sequence[str] | None = None,
    ) -> Iterator[PhotoResult]:
        """Classify many photos, in order, a batch at a time.

        Args:
            photos: uint8 (H, W, 3) RGB each.
            classifiers: Names of models, or `TOGETHER`; the default one if None.
        """
        names = shipped_classifiers()[:1] if classifiers is None else classifiers
        for _, result in self.prepare_and_classify(photos, names):
            yield result

    def prepare_and_classify(
        self, photos: Iterable[NDArray[np.uint8]], names: Sequence[str]
    ) -> Iterator[tuple[PreparedPhoto, PhotoResult]]:
        """Prepare and classify many photos, in order, some at a time.

        Of them only the crops are kept, so that few photos are in memory at once, and
        none needs the next one to be done with.
        """
        for name in with_parts(names):
            self.model(name)

        def process(
            group: list[NDArray[np.uint8]],
        ) -> list[tuple[PreparedPhoto, PhotoResult]]:
            prepared = prepare_photos(group)
            group.clear()
            results = self.classify_prepared(prepared, names)
            return list(zip(prepared, results, strict=True))

        remaining = iter(photos)
        pending: deque[Future[list[tuple[PreparedPhoto, PhotoResult]]]] = deque()
        running: set[Future[list[tuple[PreparedPhoto, PhotoResult]]]] = set()
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            while group := _next_group(remaining):
                if len(running) == _AT_ONCE:
                    running = wait(running, return_when=FIRST_COMPLETED).not_done
                pending.append(pool.submit(process, group))
                running.add(pending[-1])
                while pending and pending[0].done():
                    yield from pending.popleft().result()
            for future in pending:
                yield from future.result()

    def classify_prepared(
        self, prepared: Sequence[PreparedPhoto], names: Sequence[str]
    ) -> list[PhotoResult]:
        """Classify photos whose faces were found, with each of these models."""
        models = self.pinned(names)
        verdicts: dict[str, list[Verdict]] = {}
        answers: dict[str, NDArray[np.float32]] = {}
        with_coins = [i for i, one in enumerate(prepared) if one.faces]
        sureness = np.array([prepared[i].sureness for i in with_coins], np.float32)
        crops_of: dict[_Seen, NDArray[np.uint8]] = {}
        shared: dict[tuple[str, _Seen], NDArray[np.float32]] = {}
        for name in with_parts(names):
            started = time.perf_counter()
            model = models.model(name)
            seen = tuple(
                face_to_read(one.faces, model.card.classes) for one in prepared
            )
            unlike = np.zeros(len(prepared), bool)
            if with_coins:
                if seen not in crops_of:
                    views = [prepared[i].crop_of(seen[i]) for i in with_coins]
                    crops_of[seen] = np.stack(views)
                crops, key = crops_of[seen], (model.features_key, seen)
                if model.needs_features and key not in shared:
                    shared[key] = models.features(crops, name)
                features = shared.get(key)
                answers[name] = models._rows(crops, name, features)
                unlike[with_coins] = models.outside_scope(
                    crops, name, features, sureness
                )
            seconds = (time.perf_counter() - started) / len(prepared)
            rows = _rows_of_all(answers.get(name), with_coins, len(prepared))
            judge = partial(_verdict, name, model.card, model.digest, seconds)
            verdicts[name] = [
                judge(*of_one)
                for of_one in zip(prepared, seen, rows, unlike.tolist(), strict=True)
            ]
        if TOGETHER in names:
            started = time.perf_counter()
            seen = tuple(face_to_read(one.faces) for one in prepared)
            digest, together, read = models._together(crops_of.get(seen), answers)
            rows = _rows_of_all(together, with_coins, len(prepared))
            seconds = (time.perf_counter() - started) / len(prepared)
            parts = with_parts([TOGETHER])
            seconds += sum(verdicts[name][0].seconds for name in parts)
            unlike = np.zeros(len(prepared), bool)
            if with_coins:
                nets = [models.model(name) for name in READERS]
                usual = [
                    how_much_read(shared[net.features_key, seen], sureness)
                    for net in nets
                ]
                limits = [net.card.limits.get(LEAST_READ, 0.0) for net in nets]
                both = read_by_both(np.stack(usual, axis=1), read, sureness, limits)
                unlike[with_coins] = both < 1
            judge = partial(_verdict, TOGETHER, TOGETHER_CARD, digest, seconds)
            verdicts[TOGETHER] = [
                judge(*of_one)
                for of_one in zip(prepared, seen, rows, unlike.tolist(), strict=True)
            ]
        return [
            PhotoResult(
                faces=one.faces,
                legend=one.legend,
                verdicts=tuple(verdicts[name][i] for name in names),
            )
            for i, one in enumerate(prepared)
        ]

    def _together(
        self, crops: NDArray[np.uint8] | None, answers: dict[str, NDArray[np.float32]]
    ) -> tuple[str, NDArray[np.float32] | None, NDArray[np.float64]]:
        """The digest of all models, their probabilities, and how much is read.

        Probabilities are NaN where a model has none.

        Raises:
            WeightsMismatchError: A user's own bundle replaces one that ships.
        """
        parts = {name: self.model(name) for name in with_parts([TOGETHER])}
        if not can_read_together({name: model.card for name, model in parts.items()}):
            raise WeightsMismatchError(
                "The verdict of all was measured with the classifiers that ship, and "
                "one of your models replaces one of them. Rename yours, or ask each "
                "classifier by itself."
            )
        digests = " ".join(model.digest for model in parts.values())
        digest = hashlib.sha256(digests.encode()).hexdigest()
        if crops is None:
            return digest, None, np.zeros((0, len(READERS)))
        read = np.full((len(crops), len(READERS)), -np.inf)
        rows = np.full((len(crops), len(DEFAULT_CLASSES)), np.nan, np.float32)
        own = {name: answers[name] for name in parts}
        usable = np.isfinite(np.stack(list(own.values()))).all(axis=(0, 2))
        if usable.any():
            bias = parts[READERS[0]].card.class_logit_bias
            rows[usable], read[usable] = read_together(
                crops[usable],
                {name: found[usable] for name, found in own.items()},
                {name: parts[name].classifier for name in READERS},
                np.array([bias.get(name, 0.0) for name in DEFAULT_CLASSES]),
            )
        return digest, rows, read


def with_parts(names: Sequence[str]) -> tuple[str, ...]:
    """The models that are needed for these names; `TOGETHER` needs all that ship."""
    needed: dict[str, None] = {}
    for name in names:
        parts = shipped_classifiers() if name == TOGETHER else (name,)
        needed |= dict.fromkeys(parts)
    return tuple(needed)


def _rows_of_all(
    found: NDArray[np.float32] | None, with_coins: Sequence[int], count: int
) -> list[NDArray[np.float32]]:
    """The rows of those photos that have a coin, among empty ones."""
    rows = [np.zeros(0, np.float32)] * count
    if found is not None:
        for i, row in zip(with_coins, found, strict=True):
            rows[i] = row
    return rows


def _is_current(model: LoadedModel) -> bool:
    """Whether neither the bundle nor its extractor was written again."""
    return model.version == card_version(model.folder) and (
        model.extractor is None or _is_current(model.extractor)
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreparedPhoto:
    """A photo's faces, their crops that are classified, and a reason not to.

    Attributes:
        faces: In reading order.
        legend: The index of the face with the legend, if one is found.
        crop: Of the face that classifiers of rulers see.
        first_crop: Of the first face; None if that is the same.
        reason: Why no ruler can be named.
    """

    faces: tuple[DetectedFace, ...]
    legend: int | None
    crop: NDArray[np.uint8]
    first_crop: NDArray[np.uint8] | None = None
    reason: RejectReason | None

    def crop_of(self, face: int | None) -> NDArray[np.uint8]:
        """The crop of a face that `face_to_read` has chosen."""
        return (
            self.first_crop if face == 0 and self.first_crop is not None else self.crop
        )

    @property
    def sureness(self) -> float:
        """How probable it is that the classified face shows a legend."""
        return 0.0 if self.legend is None else self.faces[self.legend].confidence


def _next_group(photos: Iterator[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """Take the next photos that are prepared together; none at the end."""
    group: list[NDArray[np.uint8]] = []
    pixels = 0
    for photo in photos:
        group.append(photo)
        pixels += photo.shape[0] * photo.shape[1]
        del photo  # of no use while the next one is decoded
        if len(group) == _GROUP or pixels >= _GROUP_PX:
            break
    return group


def prepare_photo(
    photo: NDArray[np.uint8], box: RotatedBox | None = None
) -> PreparedPhoto:
    """Find the faces, choose the one to classify and crop it.

    Args:
        photo: uint8 (H, W, 3) RGB.
        box: The coin, drawn by a person; its side is then not classified.
    """
    if box is None:
        return prepare_photos([photo])[0]
    face = DetectedFace(box=box, side=Side.LEGEND, confidence=1.0)
    return prepare_face(photo, face)


def prepare_face(photo: NDArray[np.uint8], face: DetectedFace) -> PreparedPhoto:
    """Crop one face of a photo, which is judged as if there were no other."""
    is_legend = face.side is Side.LEGEND
    return PreparedPhoto(
        faces=(face,),
        legend=0 if is_legend else None,
        crop=crop_to_flan(photo, face.box, CROP_PX),
        reason=None if is_legend else _reject_reason([face]),
    )


def prepare_photos(photos: Sequence[NDArray[np.uint8]]) -> list[PreparedPhoto]:
    """Find the faces of photos in batches, choose one in each and crop it.

    Without a legend side the largest face is cropped, so that its probabilities can be
    shown beside the reason not to rely on them. Where classifiers of other coins see
    another face, its crop is kept too.
    """
    prepared = []
    for found in find_coins(photos):
        faces = found.faces
        if not faces:
            reason = RejectReason.NO_COIN
            one = PreparedPhoto(faces=(), legend=None, crop=_NO_CROP, reason=reason)
        else:
            legend = legend_side(faces)
            chosen = face_to_read(faces) or 0
            one = PreparedPhoto(
                faces=faces,
                legend=legend,
                crop=found.crops[chosen],
                first_crop=found.crops[0] if chosen else None,
                reason=_reject_reason(faces) if legend is None else None,
            )
        prepared.append(one)
    return prepared


def _reject_reason(faces: Sequence[DetectedFace]) -> RejectReason:
    sides = {face.side for face in faces}
    if any(
        face.side is Side.CORNUCOPIA and face.confidence >= _SURE_CORNUCOPIA
        for face in faces
    ):
        return RejectReason.LEGEND_NOT_SHOWN
    if sides == {Side.NOTHING}:
        return RejectReason.NO_COIN
    return RejectReason.NOT_THESE


def _verdict(
    name: str,
    card: Card,
    digest: str,
    seconds: float,
    prepared: PreparedPhoto,
    face: int | None,
    row: NDArray[np.float32],
    is_unlike: bool,
) -> Verdict:
    """Turn the probabilities of one photo, (C,) or empty, into a verdict."""
    classes = card.classes
    reason = prepared.reason
    # Only the Hasmonean coins have these sides; models of other coins name any side.
    of_rulers = set(classes) <= set(RULERS)
    if reason is not RejectReason.NO_COIN and not of_rulers:
        reason = RejectReason.NOT_THESE if is_unlike else None
    if not np.isfinite(row).all():
        reason, row = RejectReason.DAMAGED, row[:0]
    best = int(row.argmax()) if len(row) else None
    if reason is None and (best is None or is_unlike or row[best] < card.threshold):
        reason = RejectReason.TOO_WORN
        legend = None if prepared.legend is None else prepared.faces[prepared.legend]
        if of_rulers and legend is not None and legend.confidence < _SURE_WORN:
            reason = RejectReason.NOT_THESE
    return Verdict(
        classifier=name,
        model=digest,
        origin=card.origin,
        probabilities=dict(zip(classes, row.tolist(), strict=False)),
        ruler=None if reason or best is None else classes[best],
        reason=reason,
        seconds=seconds,
        face=face,
    )
