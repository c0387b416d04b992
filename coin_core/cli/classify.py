"""`classify`: whose coin is in each photo."""

from __future__ import annotations

import argparse
import json
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from coin_core.errors import UnreadablePhotoError
from coin_core.imaging import photo_io
from coin_core.pipeline import SHIPPED, CoinClassifier
from coin_core.results import PhotoResult, answers, sentence


def run(given: argparse.Namespace) -> int:
    """Answer every photo that can be read; 1 when one could not."""
    coin_classifier = CoinClassifier()
    if given.model:
        names: tuple[str, ...] = (given.model,)
    elif given.classifier == "all":
        names = SHIPPED
    else:
        from coin_core.classifiers import get_classifier

        names = (get_classifier(given.classifier).name,)
    for name in names:
        coin_classifier.model(name)
    unread = 0
    waiting: deque[str] = deque()

    def decoded() -> Iterator[np.ndarray]:
        nonlocal unread
        for path in _paths(given.photos):
            try:
                photo = _read(path)
            except UnreadablePhotoError as error:
                unread += 1
                sys.stdout.flush()
                sys.stderr.write(f"{path}: {error}\n")
                continue
            waiting.append(path)
            yield photo

    for reading in _readings(coin_classifier, names, decoded()):
        _write(waiting.popleft(), reading, as_json=given.json)
    return 1 if unread else 0


def _readings(
    coin_classifier: CoinClassifier,
    names: tuple[str, ...],
    decoded: Iterator[np.ndarray],
) -> Iterator[PhotoResult]:
    """Batched for one classifier; photo by photo where several share their work."""
    if len(names) == 1:
        yield from coin_classifier.classify_batch(decoded, names[0])
    else:
        for photo in decoded:
            yield coin_classifier.classify(photo, classifiers=names)


def _paths(given: list[str]) -> Iterator[str]:
    """The photos given, and those in the folders given."""
    for name in given:
        path = Path(name)
        if not path.is_dir():
            yield name
            continue
        yield from map(str, photo_io.inside(path))


def _read(path: str) -> np.ndarray:
    try:
        return photo_io.read(path)
    except OSError as error:
        raise UnreadablePhotoError(f"cannot be opened ({error.strerror}).") from error


def _write(photo: str, reading: PhotoResult, *, as_json: bool) -> None:
    if as_json:
        for answer in answers(photo, reading):
            sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
    else:
        for verdict in reading.verdicts:
            who = f" [{verdict.classifier}]" if len(reading.verdicts) > 1 else ""
            sys.stdout.write(f"{photo}{who}: {sentence(verdict)}\n")
    sys.stdout.flush()
