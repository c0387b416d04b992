"""Asking the classifiers about photos of the catalog."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from coin_core.catalog import Catalog
from coin_core.catalog.label_errors import Recorded
from coin_core.detection.faces import crop_to_flan
from coin_core.errors import UnreadablePhotoError, WeightsMissingError
from coin_core.imaging.photo_io import decode
from coin_core.results import PhotoResult, sentence
from ui import cache
from ui.background_task import BackgroundTask, begin
from ui.classify.session import TrayPhoto, UploadSession
from ui.components.images import shrink, to_data_uri
from ui.dataset.session import DatasetSession

if TYPE_CHECKING:
    from coin_core.pipeline import CoinClassifier


def ask_classifiers(
    session: DatasetSession,
    catalog: Catalog,
    photo_ids: Sequence[int],
    *,
    again: bool = False,
) -> None:
    """Let every classifier read these photos beside the page, and keep what they say.

    Args:
        session: Of whoever asks.
        catalog: Where the photos are.
        photo_ids: About which.
        again: Also what the same models have read before.
    """
    from coin_core.catalog.label_errors import record_opinions

    with session.action():
        unusable = cache.unusable()
        names = [b.name for b in cache.bundles()[0] if b.name not in unusable]
        if not names:
            raise WeightsMissingError(
                "There are no classifiers in this installation yet. This makes them: "
                "python -m coin_core train all --data rendered"
            )
        coin_classifier = cache.coin_classifier()

        def say(found: Recorded) -> None:
            session.notice = _in_words(found, len(photo_ids))

        begin(
            session,
            BackgroundTask(
                title="Asking the classifiers",
                job=lambda tell: record_opinions(
                    catalog,
                    coin_classifier,
                    photo_ids,
                    classifiers=names,
                    again=again,
                    progress=tell,
                ),
                then=say,
                if_stopped="Stopped; what was read is kept, and is not read again.",
            ),
        )


def _in_words(found: Recorded, asked: int) -> str:
    read = found.photos + found.known
    said = f"{read:,} photo{'s' * (read != 1)} read"
    if asked > read:
        said += (
            f"; {asked - read:,} not, as they are excluded, cannot be opened, or no "
            "legend side is marked on them"
        )
    return said


def look_for_wrong_labels(catalog: Catalog) -> None:
    """Fill the queue of suspected labels.

    Raises:
        CatalogError: No classifier has been trained on the catalog with folds.
    """
    from coin_core.catalog.label_errors import find_label_issues

    find_label_issues(catalog)


_THUMBNAIL_PX = 96
_SHOW_PROGRESS_FROM = 3


def read_tray(
    session: UploadSession, coin_classifier: CoinClassifier, classifier: str
) -> bool:
    """Read the photos that this classifier has not read yet.

    A file that cannot be read leaves the session with one sentence; the others go on.
    What is done stays done if the page runs anew in the middle. Says whether a file
    has left.
    """
    if session.stamp != (stamp := cache.stamp()):  # other weights read otherwise
        session.readings.clear()
        session.stamp = stamp
    waiting = [
        p
        for p in session.photos.values()
        if (p.digest, classifier) not in session.readings
    ]
    if not waiting:
        return False
    sent: list[TrayPhoto] = []
    bar = st.progress(0.0) if len(waiting) >= _SHOW_PROGRESS_FROM else None

    def decoded() -> Iterator[np.ndarray]:
        for photo in waiting:
            try:
                # A single photo is shown next: it is kept, and decoded once.
                pixels = (
                    cache.pixels(photo)
                    if len(waiting) == 1
                    else decode(photo.data, name=photo.name)
                )
            except UnreadablePhotoError as error:
                session.reject(photo.digest, str(error))
                continue
            sent.append(photo)
            pictures.append(pixels)
            yield pixels

    pictures: list[np.ndarray] = []
    readings = coin_classifier.classify_batch(decoded(), classifier)
    for done, reading in enumerate(readings):
        photo = sent[done]
        session.readings[photo.digest, classifier] = reading
        if photo.digest not in session.thumbnails:
            session.thumbnails[photo.digest] = _thumbnail(pictures[done], reading)
        pictures[done] = pictures[done][:0]  # one photo in memory, not all of them
        if bar is not None:
            bar.progress(
                (done + 1) / len(waiting),
                f"{done + 1} of {len(waiting)}: {photo.name}, "
                f"{sentence(reading.verdicts[0])}",
            )
    if bar is not None:
        bar.empty()
    return len(sent) < len(waiting)


def _thumbnail(photo: np.ndarray, reading: PhotoResult) -> str:
    """The face that was read, else the whole photo, as a small data address."""
    if reading.legend is not None:
        photo = crop_to_flan(photo, reading.faces[reading.legend].box, _THUMBNAIL_PX)
    return to_data_uri(shrink(photo, _THUMBNAIL_PX), quality=80)
