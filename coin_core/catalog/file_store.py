"""The folder of originals: whole files only, and none that the catalog does not know.

A file is written before its row, so a kill between the two leaves a file without a
row. Whoever adds or removes a file therefore first puts a note with its name into
`.incoming`; notes of killed processes are settled by `sweep` at the next opening.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from coin_core.catalog.records import Problem
from coin_core.errors import CatalogError
from coin_core.storage import is_locked, open_lock, replacing, write_file


class Originals:
    """Originals by name, `<sha256>.<extension>`, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._notes = folder / ".incoming"

    @contextmanager
    def arriving(self, name: str) -> Iterator[None]:
        """Announce a file until its row is written; an error settles it."""
        with _sentences(self.folder):
            self._notes.mkdir(parents=True, exist_ok=True)
        with self._lock():
            note = self._announce(name)
            yield
            note.unlink(missing_ok=True)

    @contextmanager
    def leaving(self, names: list[str]) -> Iterator[None]:
        """Announce that files go with their rows, while nobody else adds any."""
        with _sentences(self.folder):
            self._notes.mkdir(parents=True, exist_ok=True)
        with self._lock():
            notes = [self._announce(name) for name in names]
            yield
            for note in notes:
                note.unlink(missing_ok=True)

    def put(self, name: str, data: bytes) -> None:
        """Write a file whole or not at all.

        Raises:
            CatalogError: The disk is full, or the folder may not be written to.
        """
        with _sentences(self.folder):
            path = self.folder / name
            if not path.is_file() or path.stat().st_size != len(data):
                write_file(path, data)

    def drop(self, name: str) -> None:
        """Delete a file whose row is gone."""
        with _sentences(self.folder):
            (self.folder / name).unlink(missing_ok=True)

    def sweep(self, is_known: Callable[[str], bool]) -> int:
        """Settle the notes of killed processes, unless somebody is adding right now.

        Args:
            is_known: Tells whether the catalog has a photo of that sha256.

        Returns:
            How many files without a row were deleted.
        """
        if not self._notes.is_dir() or not any(self._notes.iterdir()):
            return 0
        deleted = 0
        if is_locked(self.folder / ".lock"):
            return 0
        with self._lock():
            for note in sorted(self._notes.iterdir()):
                name = note.name.rsplit("~", 1)[0]
                for torn in self.folder.glob(f".{name}.*.tmp"):
                    torn.unlink(missing_ok=True)
                path = self.folder / name
                if path.is_file() and not is_known(name.split(".")[0]):
                    path.unlink()
                    deleted += 1
                note.unlink(missing_ok=True)
        return deleted

    def compare(self, known: Mapping[str, int], *, digests: bool) -> list[Problem]:
        """Files against what the catalog knows of them.

        Args:
            known: Name of each original to its size in bytes.
            digests: Read each file, and compare its sha256 with its name.
        """
        found = []
        there: dict[str, int] = {}
        if self.folder.is_dir():
            with os.scandir(self.folder) as entries:
                there = {e.name: e.stat().st_size for e in entries if e.is_file()}
        for name in sorted(set(there) - set(known) - {".lock"}):
            sentence = f"{self.folder / name} belongs to no photo of the catalog."
            found.append(Problem(kind="orphan_file", sentence=sentence))
        for name, size in sorted(known.items()):
            if name not in there:
                sentence = (
                    f"The original {self.folder / name} is missing; put it back from a "
                    "backup, or import the photo again."
                )
                found.append(Problem(kind="missing_file", sentence=sentence))
            elif there[name] != size or (digests and not self._is_itself(name)):
                sentence = (
                    f"The original {self.folder / name} was changed from outside; put "
                    "it back from a backup, or delete it and import the photo again."
                )
                found.append(Problem(kind="changed_file", sentence=sentence))
        return found

    def _is_itself(self, name: str) -> bool:
        with (self.folder / name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == name.split(".")[0]

    def _announce(self, name: str) -> Path:
        note = self._notes / f"{name}~{secrets.token_hex(4)}"
        with _sentences(self.folder):
            note.touch()
        return note

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Who adds, removes or sweeps does so alone; a kill ends it."""
        with _sentences(self.folder):
            lock = open_lock(self.folder / ".lock", timeout_s=-1)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()


@contextmanager
def _sentences(folder: Path) -> Iterator[None]:
    """Errors of the disk become sentences."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            what = "the disk is full. Make room and do it again"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            what = "its folder may not be written to. Check the rights of the folder"
        else:
            what = f"{error.strerror}. Check the disk"
        raise CatalogError(
            f"A photo could not be stored in {folder}: {what}; nothing was changed."
        ) from error


@contextmanager
def placing_folder(out: Path) -> Iterator[Path]:
    """A new folder that becomes `out` when all of it is written.

    Raises:
        CatalogError: `out` exists and is not empty, or cannot be written.
    """
    with _disk_sentences(out):
        if out.exists() and not (out.is_dir() and not any(out.iterdir())):
            raise CatalogError(
                f"{out} is there already and is left as it is. Name a folder that is "
                "not there yet."
            )
        with replacing(out) as fresh:
            fresh.mkdir()
            yield fresh


@contextmanager
def placing_file(out: Path) -> Iterator[Path]:
    """A path for a file that becomes `out` when all of it is written.

    Raises:
        CatalogError: `out` is a folder, or it cannot be written.
    """
    with _disk_sentences(out):
        if out.is_dir():
            raise CatalogError(f"{out} is a folder; a file was expected.")
        with replacing(out) as fresh:
            yield fresh


@contextmanager
def _disk_sentences(out: Path) -> Iterator[None]:
    """Errors of the disk become sentences."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            what = "the disk is full. Make room and export again"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            what = "that place may not be written to. Name another one"
        else:
            what = f"{error.strerror or error}. Name another place"
        raise CatalogError(
            f"{out} cannot be written: {what}; nothing was left there."
        ) from error
