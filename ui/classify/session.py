"""The photos a user has dropped, kept for the whole visit.

Streamlit forgets a file uploader's files when the page changes, so their bytes live
under a key of our own, as long as they stay within a bound.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import streamlit as st

from coin_core.detection.faces import RotatedBox
from coin_core.results import PhotoResult

MAX_PHOTOS = 600
MAX_BYTES = 400 * 1024 * 1024

_KEY = "upload_session"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrayPhoto:
    """One dropped photo: its name, its bytes and their sha256."""

    name: str
    digest: str
    data: bytes = field(repr=False)
    rendered_as: str | None = None  # what a demo coin was struck as


@dataclass(slots=True)
class UploadSession:
    """The photos of this visit, with what has been read from them so far."""

    photos: dict[str, TrayPhoto] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    readings: dict[tuple[str, str], PhotoResult] = field(default_factory=dict)
    thumbnails: dict[str, str] = field(default_factory=dict)
    crops: dict[str, RotatedBox] = field(default_factory=dict)
    selected: str | None = None
    stamp: str = ""  # of the weights that the readings come from
    drops: int = 0  # numbers the uploader, so that each drop empties it

    @property
    def size_bytes(self) -> int:
        """Bytes of all photos together."""
        return sum(len(photo.data) for photo in self.photos.values())

    def add(
        self, files: Iterable[tuple[str, bytes]], rendered_as: str | None = None
    ) -> None:
        """Take in files by name; the first new one becomes the selected photo.

        A file that would break the bound is refused by name; the others are kept.
        """
        self.problems = []
        self.drops += 1
        size, first = self.size_bytes, None
        for name, data in files:
            digest = hashlib.sha256(data).hexdigest()
            if digest not in self.photos:
                if len(self.photos) >= MAX_PHOTOS or size + len(data) > MAX_BYTES:
                    self.problems.append(
                        f"{name} was left out: up to {MAX_PHOTOS} photos and "
                        f"{MAX_BYTES // 2**20} MB are kept at a time. Clear some, or "
                        "use: python -m coin_core classify PHOTO..."
                    )
                    continue
                size += len(data)
                self.photos[digest] = TrayPhoto(
                    name=name, digest=digest, data=data, rendered_as=rendered_as
                )
            first = first or digest
        self.selected = first or self.selected

    def reject(self, digest: str, sentence: str) -> None:
        """Take a photo out again, with the sentence that says why."""
        self.remove(digest)
        self.problems.append(sentence)

    def remove(self, digest: str) -> None:
        """Forget one photo; the one dropped last is selected in its place."""
        self.photos.pop(digest, None)
        self.thumbnails.pop(digest, None)
        self.crops.pop(digest, None)
        for key in [key for key in self.readings if key[0] == digest]:
            del self.readings[key]
        if self.selected == digest:
            self.selected = next(reversed(self.photos), None)

    def clear(self) -> None:
        """Forget every photo and everything read from them."""
        for kept in (
            *(self.photos, self.problems, self.readings),
            *(self.thumbnails, self.crops),
        ):
            kept.clear()
        self.selected = None
        self.drops += 1


def upload_session() -> UploadSession:
    """This visit's session."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = UploadSession()
    session: UploadSession = st.session_state[_KEY]
    return session
