"""The originals of a team, in a store that several machines share.

They are in `photos/`, the notes of files that are being added in `incoming/`. What a
machine reads is compared with its sha256 and kept in a folder of limited size.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from coin_core.catalog.database import Database
from coin_core.catalog.file_store import Originals
from coin_core.errors import UnreadablePhotoError
from coin_core.object_store import ObjectStore
from coin_core.storage import prune_folder, write_file

KEPT_BYTES: Final = 2 << 30
"""How much of what was read is kept on this machine."""

_PHOTOS, _NOTES = "photos/", "incoming/"
_TURN = 0x4F726967  # "Orig": one process of all machines adds or removes originals


class SharedOriginals(Originals):
    """Original files by name in a store, with copies of some in a folder."""

    def __init__(self, store: ObjectStore, cache: Path) -> None:
        super().__init__(cache)
        self._store = store
        self._database: Database | None = None
        self._fetched = KEPT_BYTES  # the first one counts what is there
        self._pruning = threading.Lock()

    def take_turns(self, database: Database) -> None:
        """Let the database server say which process adds or removes originals.

        Without it the processes of one machine take turns, as they do with SQLite.
        """
        self._database = database

    @property
    def where(self) -> str:
        """The address of the originals, for a person."""
        return self._store.address(_PHOTOS.rstrip("/"))

    def path(self, name: str) -> Path:
        """A copy of an original on this machine; no file if it is missing.

        Raises:
            CatalogError: The store cannot be used.
            UnreadablePhotoError: The file was changed there.
        """
        path = self.folder / name
        try:
            os.utime(path)  # it was used now
        except FileNotFoundError:
            with self._explained():
                self._fetch(name, path)
        return path

    def _fetch(self, name: str, path: Path) -> None:
        data = self._store.read(_PHOTOS + name)
        if data is None:
            return
        if hashlib.sha256(data).hexdigest() != name.split(".")[0]:
            raise UnreadablePhotoError(
                f"its original {self._place(name)} was changed from outside. Put it "
                "back from a backup."
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        write_file(path, data)
        self._fetched += len(data)
        if self._fetched > KEPT_BYTES // 8 and self._pruning.acquire(blocking=False):
            try:
                self._fetched = 0
                self._prune()
            finally:
                self._pruning.release()

    def _prune(self) -> None:
        """Delete the copies that were not read for longest, if there are too many."""
        prune_folder(self.folder, KEPT_BYTES)

    def has(self, name: str) -> bool:
        """Whether the store has an original of that name."""
        return self._store.facts(_PHOTOS + name) is not None

    def is_whole(self, name: str) -> bool:
        """Whether the store, which looks after its files, has an original."""
        return self.has(name)

    def write(self, name: str, data: bytes) -> None:
        """Write an original whole or not at all.

        Raises:
            CatalogError: The store cannot be used.
        """
        there = self._store.facts(_PHOTOS + name)
        if there is None or there.size != len(data):
            self._store.write(_PHOTOS + name, data)

    def delete(self, name: str) -> None:
        """Delete an original whose row is deleted."""
        self._store.delete(_PHOTOS + name)
        (self.folder / name).unlink(missing_ok=True)

    def _list_files(self) -> dict[str, int]:
        found = self._store.find(_PHOTOS)
        return {name.removeprefix(_PHOTOS): one.size for name, one in found.items()}

    def _is_unchanged(self, name: str) -> bool:
        data = self._store.read(_PHOTOS + name)
        return data is None or hashlib.sha256(data).hexdigest() == name.split(".")[0]

    def _list_notes(self) -> list[str]:
        return sorted(n.removeprefix(_NOTES) for n in self._store.find(_NOTES))

    def _write_note(self, note: str) -> None:
        self._store.write(_NOTES + note, b"")

    def _delete_note(self, note: str) -> None:
        self._store.delete(_NOTES + note)

    def _delete_unfinished(self, name: str) -> None:
        """Nothing: an object that was not written whole is not there."""

    @contextmanager
    def _at_rest(self) -> Iterator[None]:
        with self._lock():
            yield

    @contextmanager
    def _lock(self, *, wait: bool = True) -> Iterator[bool]:
        if self._database is None:
            with super()._lock(wait=wait) as is_mine:
                yield is_mine
        else:
            with self._database.turn(_TURN, wait=wait) as is_mine:
                yield is_mine
