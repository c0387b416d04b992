"""From a photo to verdicts: faces, the legend side, the classifiers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coin_core.classifiers.features import compute_features
from coin_core.detection import faces as face_finding
from coin_core.detection.faces import DetectedFace, RotatedBox, Side
from coin_core.errors import WeightsMismatchError
from coin_core.evaluation.calibration import calibrated
from coin_core.model_store.bundle import (
    find_bundle,
    load_card,
    load_classifier,
    weights_digest,
)
from coin_core.model_store.card import Card
from coin_core.results import PhotoResult, RejectReason, Verdict, class_title, sentence
from coin_core.rulers import DEFAULT_CLASSES

__all__ = [
    "CROP_PX",
    "SHIPPED",
    "CoinClassifier",
    "LoadedModel",
    "PhotoResult",
    "RejectReason",
    "Verdict",
    "class_title",
    "sentence",
]

SHIPPED = ("resnet", "vgg", "svm", "knn", "mlp")
CROP_PX = 160  # side of the crops that classifiers and explanations see
_BATCH = 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoadedModel:
    """A bundle in memory: its name, card and fitted classifier."""

    name: str
    folder: Path
    card: Card
    classifier: Any

    @property
    def takes_features(self) -> bool:
        """Whether it works on the vgg net's features instead of crops."""
        return bool(self.card.features_from)

    @property
    def features_key(self) -> str:
        """The same for models that take the same features."""
        return str(sorted(self.card.features_from.items()))


class CoinClassifier:
    """Reads photos with a set of models; loads each when it is first asked for.

    It may be shared between threads: what it holds is only ever added to.
    """

    def __init__(self) -> None:
        self._models: dict[str, LoadedModel] = {}
        self._lock = threading.Lock()

    def model(self, name: str) -> LoadedModel:
        """A model by bundle name or folder.

        Raises:
            WeightsMissingError: There is none; the message names the command.
            WeightsMismatchError: It is damaged or foreign, or it was trained on the
                features of another vgg net than the one at hand.
        """
        with self._lock:
            return self._load(name)

    def _load(self, name: str) -> LoadedModel:
        folder = find_bundle(name)
        card = load_card(folder)
        # a bundle that was replaced on disk is read again
        known = self._models.get(name)
        if known is not None and known.folder == folder and known.card == card:
            return known
        card, classifier = load_classifier(folder)
        if card.features_from:
            base = self._load(card.features_from["name"])
            if weights_digest(base.card) != card.features_from["sha256"]:
                raise WeightsMismatchError(
                    f"{name} learnt from the features of another {base.name} than "
                    f"the one installed. Train it anew: python -m coin_core train "
                    f"{card.classifier} --data rendered"
                )
        loaded = LoadedModel(name=name, folder=folder, card=card, classifier=classifier)
        self._models[name] = loaded
        return loaded

    def load(self, names: Sequence[str] = SHIPPED) -> None:
        """Load models and the nets of the face finder now instead of later."""
        for name in names:
            self.model(name)
        blank = np.zeros((64, 64, 3), np.uint8)
        face_finding.classify_sides(blank, face_finding.find(blank) or (_WHOLE,))

    def feature_extractor(self, name: str) -> LoadedModel:
        """The reading net that a model uses: itself, or the vgg of its features."""
        model = self.model(name)
        return (
            self.model(model.card.features_from["name"])
            if (model.takes_features)
            else model
        )

    def probabilities(
        self,
        crops: NDArray[np.uint8],
        name: str,
        features: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Calibrated probabilities, float32 (N, classes), of crops (N, S, S, 3)."""
        model = self.model(name)
        if model.takes_features:
            inputs: Any = self.features(crops, name) if features is None else features
        else:
            inputs = crops
        raw = model.classifier.predict_proba(inputs)
        return calibrated(raw, model.card)

    def features(self, crops: NDArray[np.uint8], name: str) -> NDArray[np.float32]:
        """The features (N, D) that a model sees of crops (N, S, S, 3)."""
        sight = self.model(name).card.features_from.get("sight", "legend")
        return compute_features(
            self.feature_extractor(name).classifier, crops, sight=sight
        )

    def classify(
        self,
        photo: NDArray[np.uint8],
        *,
        classifiers: Sequence[str] = ("resnet",),
        box: RotatedBox | None = None,
    ) -> PhotoResult:
        """Find the coin, choose the face with the legend, and ask the classifiers.

        Args:
            photo: uint8 (H, W, 3) RGB.
            classifiers: Names of models.
            box: The face to read, set by hand; then its side is not questioned.

        Returns:
            The faces, the one that was read, and one verdict per classifier.
        """
        found = prepare_photo(photo, box)
        crops = found.crop[None]
        shared: dict[str, NDArray[np.float32]] = {}
        verdicts = []
        for name in classifiers:
            started = time.perf_counter()
            model = self.model(name)
            features = None
            if model.takes_features and found.faces:
                key = model.features_key
                if key not in shared:
                    shared[key] = self.features(crops, name)
                features = shared[key]
            rows = (
                self.probabilities(crops, name, features)
                if found.faces
                else np.zeros((1, 0), np.float32)
            )
            seconds = time.perf_counter() - started
            verdicts.append(_judge(model, found, rows[0], seconds))
        return PhotoResult(
            faces=found.faces, legend=found.legend, verdicts=tuple(verdicts)
        )

    def classify_batch(
        self, photos: Iterable[NDArray[np.uint8]], classifier: str = "resnet"
    ) -> Iterator[PhotoResult]:
        """Read many photos with one classifier, in order, a batch at a time."""
        model = self.model(classifier)
        with ThreadPoolExecutor(max_workers=2) as pool:
            batch: list[NDArray[np.uint8]] = []
            for photo in photos:
                batch.append(photo)
                if len(batch) == _BATCH:
                    yield from self._read_batch(pool, model, batch)
                    batch = []
            if batch:
                yield from self._read_batch(pool, model, batch)

    def _read_batch(
        self,
        pool: ThreadPoolExecutor,
        model: LoadedModel,
        photos: list[NDArray[np.uint8]],
    ) -> Iterator[PhotoResult]:
        started = time.perf_counter()
        found = list(pool.map(prepare_photo, photos))
        crops = np.stack([one.crop for one in found])
        rows = self.probabilities(crops, model.name)
        seconds = (time.perf_counter() - started) / len(photos)
        for one, row in zip(found, rows, strict=True):
            shares = row if one.faces else row[:0]
            yield PhotoResult(
                faces=one.faces,
                legend=one.legend,
                verdicts=(_judge(model, one, shares, seconds),),
            )


_WHOLE = RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreparedPhoto:
    """A photo's faces, the legend's face, the crop to read, a reason not to."""

    faces: tuple[DetectedFace, ...]
    legend: int | None
    crop: NDArray[np.uint8]
    reason: RejectReason | None


def prepare_photo(
    photo: NDArray[np.uint8], box: RotatedBox | None = None
) -> PreparedPhoto:
    """Find the faces, choose the one to read and crop it.

    Where no face shows the legend, the one most like it is cropped all the same,
    so that its probabilities can be shown beside the reason not to believe them.
    """
    if box is not None:
        face = DetectedFace(box=box, side=Side.LEGEND, confidence=1.0)
        crop = face_finding.crop_to_flan(photo, box, CROP_PX)
        return PreparedPhoto(faces=(face,), legend=0, crop=crop, reason=None)
    boxes = face_finding.find(photo)
    if not boxes:
        blank = np.zeros((CROP_PX, CROP_PX, 3), np.uint8)
        return PreparedPhoto(
            faces=(), legend=None, crop=blank, reason=RejectReason.NO_COIN
        )
    faces = face_finding.classify_sides(photo, boxes)
    legend = face_finding.legend_side(faces)
    chosen = legend if legend is not None else _most_coinlike(faces)
    return PreparedPhoto(
        faces=faces,
        legend=legend,
        crop=face_finding.crop_to_flan(photo, faces[chosen].box, CROP_PX),
        reason=None if legend is not None else _why_not(faces),
    )


def _most_coinlike(faces: Sequence[DetectedFace]) -> int:
    areas = [(f.box.right - f.box.left) * (f.box.bottom - f.box.top) for f in faces]
    return int(np.argmax(areas))


def _why_not(faces: Sequence[DetectedFace]) -> RejectReason:
    sides = {face.side for face in faces}
    if Side.CORNUCOPIA in sides:
        return RejectReason.LEGEND_NOT_SHOWN
    if sides == {Side.NOTHING}:
        return RejectReason.NO_COIN
    return RejectReason.NOT_THESE


def _judge(
    model: LoadedModel,
    found: PreparedPhoto,
    row: NDArray[np.float32],
    seconds: float,
) -> Verdict:
    shares = tuple(
        (name, float(share))
        for name, share in zip(model.card.classes, row.tolist(), strict=False)
    )
    reason = found.reason
    # the sides are those of the Hasmonean coins; a model of other coins names its own
    if reason is not RejectReason.NO_COIN and model.card.classes != DEFAULT_CLASSES:
        reason = None
    best = int(row.argmax()) if len(row) else None
    if reason is None and (best is None or row[best] < model.card.threshold):
        reason = RejectReason.TOO_WORN
    return Verdict(
        classifier=model.name,
        shares=shares,
        ruler=None if reason or best is None else model.card.classes[best],
        reason=reason,
        seconds=seconds,
    )
