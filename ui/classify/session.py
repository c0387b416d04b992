"""The photos that a visitor has dropped, kept for the whole visit.

Streamlit forgets the files of an uploader when the page changes, so their bytes are
stored in the session state, up to a limit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Thread
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from coin_core.i18n import _
from coin_core.imaging.preprocessing import RotatedBox
from coin_core.results import LetterRead, PhotoResult
from ui import memory

MAX_PHOTOS = 600

NOBODY = "nobody"
"""The visitor's own reading where no ruler can be told."""

LettersKey = tuple[str, RotatedBox, str]

_KEY = "upload_session"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedPhoto:
    """One uploaded photo: its name, its bytes and their sha256."""

    name: str
    digest: str
    data: bytes = field(repr=False)
    rendered_as: str | None = None  # what a demo coin shows


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoNote:
    """What the visitor wrote about a photo.

    Attributes:
        context: The number of the find or of its context.
        ruler: The ruler that the visitor reads; `NOBODY` for "cannot tell", "" for
            no opinion.
        text: Any remark.
    """

    context: str = ""
    ruler: str = ""
    text: str = ""


@dataclass(slots=True, eq=False, weakref_slot=True)
class UploadSession:
    """The photos of this visit and their results.

    Attributes:
        photos: The photos by digest, in the order of their upload.
        problems: Error messages of the last upload.
        repeated: Files of the last upload that were there already, with the names
            under which they are.
        results: Results by digest and classifier.
        read_at: When they were read, by digest and classifier.
        thumbnails: Small JPEGs by digest.
        letters: What nets read, by digest, box and classifier.
        crops: The boxes that the visitor drew, by digest.
        crop_count: Part of the id of a box that is drawn; a new number makes the
            viewer begin anew.
        faces: The faces that the visitor chose, by digest, whatever classifier reads.
        boxes: The boxes that the visitor chose or drew, by digest; a photo without
            one is read on the face that was found.
        notes: What the visitor wrote about photos, by digest.
        selected: The digest of the photo that is shown.
        sorted_by: What the photos are sorted by; "" as they came.
        descending: Whether the last comes first.
        weights_version: The weights that the results come from.
        upload_count: Part of the uploader's key, so that it is empty after an upload.
        reader: The thread in which the other classifiers read a photo.
    """

    photos: dict[str, UploadedPhoto] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    repeated: list[tuple[str, str]] = field(default_factory=list)
    results: dict[tuple[str, str], PhotoResult] = field(default_factory=dict)
    read_at: dict[tuple[str, str], datetime] = field(default_factory=dict)
    thumbnails: dict[str, bytes] = field(default_factory=dict)
    letters: dict[LettersKey, tuple[LetterRead, ...]] = field(default_factory=dict)
    crops: dict[str, RotatedBox] = field(default_factory=dict)
    crop_count: int = 0
    faces: dict[str, int] = field(default_factory=dict)
    boxes: dict[str, RotatedBox] = field(default_factory=dict)
    notes: dict[str, PhotoNote] = field(default_factory=dict)
    selected: str | None = None
    sorted_by: str = ""
    descending: bool = False
    weights_version: str = ""
    upload_count: int = 0
    reader: Thread | None = None

    @property
    def size_bytes(self) -> int:
        """Bytes of all photos together."""
        return sum(len(photo.data) for photo in self.photos.values())

    def add(
        self, files: Iterable[tuple[str, bytes]], rendered_as: str | None = None
    ) -> None:
        """Add files by name; the first new one is selected.

        A file beyond the limit is refused by name; the others are kept.
        """
        self.problems, self.repeated = [], []
        self.upload_count += 1
        size, first, max_bytes = self.size_bytes, None, memory.visitor_bytes()
        for name, data in files:
            digest = hashlib.sha256(data).hexdigest()
            if digest not in self.photos:
                if len(self.photos) >= MAX_PHOTOS or size + len(data) > max_bytes:
                    self.problems.append(
                        _(
                            "{name} was left out: up to {photos} photos and {size} MB "
                            "are kept at a time. Clear some, or use: python -m "
                            "coin_core classify PHOTO..."
                        ).format(name=name, photos=MAX_PHOTOS, size=max_bytes // 2**20)
                    )
                    continue
                size += len(data)
                self.photos[digest] = UploadedPhoto(
                    name=name, digest=digest, data=data, rendered_as=rendered_as
                )
            else:
                self.repeated.append((name, self.photos[digest].name))
            first = first or digest
        self.selected = first or self.selected

    def keep(self, digest: str, classifier: str, result: PhotoResult) -> None:
        """Keep the answer of a classifier, and when it was given."""
        self.read_at[digest, classifier] = datetime.now(UTC)
        self.results[digest, classifier] = result

    def choose_box(self, digest: str, box: RotatedBox | None) -> bool:
        """Read a photo on this box, or on the face found if None; whether it is new."""
        if self.boxes.get(digest) == box:
            return False
        if box is None:
            del self.boxes[digest]
        else:
            self.boxes[digest] = box
        return True

    def forget_crop(self, digest: str) -> None:
        """Drop the box that the visitor drew; the next one begins anew."""
        if self.crops.pop(digest, None) is not None:
            self.crop_count += 1

    def step(self, by: int) -> None:
        """Select the photo so many places further in the order of the table."""
        order = list(self.photos)
        if self.selected in order:
            place = order.index(self.selected) + by
            self.selected = order[min(max(place, 0), len(order) - 1)]

    def reject(self, digest: str, message: str) -> None:
        """Remove a photo and report why."""
        self.remove(digest)
        self.problems.append(message)

    def remove(self, digest: str) -> None:
        """Remove one photo; the next one is selected in its place."""
        order = list(self.photos)
        of_photos: tuple[dict[str, Any], ...] = (
            *(self.photos, self.thumbnails, self.crops),
            *(self.faces, self.boxes, self.notes),
        )
        for kept in of_photos:
            kept.pop(digest, None)
        of_answers: tuple[dict[Any, Any], ...] = (
            *(self.results, self.read_at, self.letters),
        )
        for answers in of_answers:
            # A list: a thread may keep answers on another photo meanwhile.
            for key in [key for key in list(answers) if key[0] == digest]:
                del answers[key]
        if self.selected == digest:
            place = min(order.index(digest), len(self.photos) - 1)
            self.selected = list(self.photos)[place] if self.photos else None

    def clear(self) -> None:
        """Remove every photo and every result."""
        for digest in list(self.photos):
            self.remove(digest)
        self.problems, self.repeated = [], []
        self.upload_count += 1


def upload_session() -> UploadSession:
    """The session of this visit."""
    session: UploadSession = st.session_state.setdefault(_KEY, UploadSession())
    if (context := get_script_run_ctx()) is not None:
        memory.upload_sessions[context.session_id] = session
    return session
