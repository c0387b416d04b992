"""Measure loaded models on photos, or on crops of photos or rendered coins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coin_core.errors import TrainingDataError, UnreadablePhotoError
from coin_core.evaluation.metrics import Report, evaluate
from coin_core.imaging import photo_io
from coin_core.jobs import Progress, track
from coin_core.pipeline import CoinClassifier
from coin_core.results import Verdict
from coin_core.training.datasets import CoinSet, LabelledPhoto

_BATCH = 64
# Subtracted from the right label where nothing was classified, so that it is wrong.
_MISSED = 1e-6


def measure_crops(
    coin_classifier: CoinClassifier, names: Sequence[str], coins: CoinSet
) -> list[tuple[Report, NDArray[np.float32]]]:
    """Each model's report and its probabilities (N, C), from crops.

    Raises:
        TrainingDataError: A label is not among a model's classes.
    """
    shared: dict[str, NDArray[np.float32]] = {}
    measured = []
    for name in names:
        model = coin_classifier.model(name)
        features = None
        if model.needs_features:
            key = model.features_key
            if key not in shared:
                shared[key] = np.concatenate(
                    [
                        coin_classifier.features(part, name)
                        for part in _parts(coins, name)
                    ]
                )
            features = shared[key]
            p = coin_classifier.probabilities(coins.crops, name, features)
        else:
            p = np.concatenate(
                [
                    coin_classifier.probabilities(part, name)
                    for part in _parts(coins, name)
                ]
            )
        unlike = coin_classifier.outside_scope(coins.crops, name, features)
        answered = (p.max(axis=1) >= model.card.threshold) & ~unlike
        report = evaluate(name, coins.labels, p, model.card.classes, answered)
        measured.append((report, p))
    return measured


def _parts(coins: CoinSet, name: str) -> Iterator[NDArray[np.uint8]]:
    with Progress(name, len(coins), unit="coin") as bar:
        for first in range(0, len(coins), _BATCH):
            part = coins.crops[first : first + _BATCH]
            yield part
            bar.update(len(part))


def measure_photos(
    coin_classifier: CoinClassifier,
    names: Sequence[str],
    folder: Path,
    photos: Sequence[LabelledPhoto],
) -> tuple[list[Report], list[str]]:
    """Each model's report on a folder of photos, and the unreadable photos.

    Every photo goes through the whole pipeline: coins, legend side, classifier,
    threshold. A photo without a detected coin counts as wrong and as not answered. If
    the folder has a `test` folder beside `train`, only the photos in it count.

    Args:
        coin_classifier: Loads and runs the models.
        names: Of the models.
        folder: Named if none of its photos can be read.
        photos: As `list_photos` found them there.

    Raises:
        TrainingDataError: No photo can be read, or a label is not among the classes.
    """
    verdicts: dict[str, list[Verdict]] = {name: [] for name in names}
    labels, unreadable = [], []
    listed = [photo for photo in photos if photo.split == "test"] or photos
    for photo in track(listed, "classifying", unit="photo"):
        try:
            image = photo_io.read(photo.path)
        except (UnreadablePhotoError, OSError) as error:
            unreadable.append(f"{photo.name}: {error}")
            continue
        labels.append(photo.label)
        reading = coin_classifier.classify(image, classifiers=names)
        for name, verdict in zip(names, reading.verdicts, strict=True):
            verdicts[name].append(verdict)
    if not labels:
        raise TrainingDataError(f"{folder} holds no photo that can be read.")
    reports = []
    for name in names:
        classes = coin_classifier.model(name).card.classes
        p = np.stack(
            [
                _row(verdict, label, classes)
                for verdict, label in zip(verdicts[name], labels, strict=True)
            ]
        )
        answered = np.array([verdict.reason is None for verdict in verdicts[name]])
        reports.append(evaluate(name, labels, p, classes, answered))
    return reports, unreadable


def _row(verdict: Verdict, label: str, classes: tuple[str, ...]) -> NDArray[np.float32]:
    if verdict.probabilities:
        named = [verdict.probabilities[name] for name in classes]
        return np.array(named, dtype=np.float32)
    row = np.full(len(classes), 1 / len(classes), dtype=np.float32)
    if label in classes:
        row[classes.index(label)] -= _MISSED
    return row
