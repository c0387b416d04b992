"""The folder of original files, and new files and folders that appear only when whole.

An original is written before its row, so a kill between the two leaves a file without a
row. Therefore, a note with the file's name is put into `.incoming` before a file is
added or removed; `sweep` cleans up after the notes of killed processes.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from filelock import Timeout

from coin_core.catalog.records import Problem
from coin_core.errors import CatalogError, disk_errors
from coin_core.storage import open_lock, replacing, write_file

_NAME = re.compile(r"[0-9a-f]{64}\..+")


class Originals:
    """Original files by name, `<sha256>.<extension>`, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._notes = folder / ".incoming"

    @contextmanager
    def announced(self, *names: str) -> Iterator[None]:
        """Announce files that are added or removed together with their rows.

        Nobody else adds, removes or sweeps meanwhile. After an error, the notes stay
        for `sweep`.
        """
        with self._lock():
            notes = [f"{name}~{secrets.token_hex(4)}" for name in names]
            for note in notes:
                self._write_note(note)
            yield
            for note in notes:
                self._delete_note(note)

    def path(self, name: str) -> Path:
        """Where an original can be read; there is no file if it is missing."""
        return self.folder / name

    def has(self, name: str) -> bool:
        """Whether there is an original of that name."""
        return self.path(name).is_file()

    def is_whole(self, name: str) -> bool:
        """Whether there is an original of that name, and it is what its name says."""
        try:
            return self.has(name) and self._is_unchanged(name)
        except OSError:  # it cannot be read
            return False

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole or not at all, unless it is there already.

        Raises:
            CatalogError: The disk is full, or the folder is not writable.
        """
        with self._explained():
            if not self.is_whole(name):
                write_file(self.folder / name, data)

    def delete(self, name: str) -> None:
        """Delete a file whose row is deleted."""
        with self._explained():
            (self.folder / name).unlink(missing_ok=True)

    def sweep(self, is_known: Callable[[str], bool]) -> int:
        """Clean up after killed processes, unless somebody is adding files right now.

        Args:
            is_known: Whether the catalog has a photo with this sha256.

        Returns:
            How many files without a row were deleted.
        """
        if not self._list_notes():
            return 0
        deleted = 0
        with self._lock(wait=False) as is_mine:
            for note in self._list_notes() if is_mine else ():
                name = note.rsplit("~", 1)[0]
                self._delete_unfinished(name)
                if self.has(name) and not is_known(name.split(".")[0]):
                    self.delete(name)
                    deleted += 1
                self._delete_note(note)
        return deleted

    def compare(
        self, read_sizes: Callable[[], Mapping[str, int]], *, digests: bool
    ) -> list[Problem]:
        """Compare the files with the catalog.

        Args:
            read_sizes: Reads the size in bytes of each original, by name, from the
                catalog; nobody adds or removes an original meanwhile.
            digests: Also read each file, and compare its sha256 with its name.
        """
        with self._at_rest():
            sizes, files = read_sizes(), self._list_files()
        problems = [
            Problem(
                kind="orphan_file",
                sentence=f"{self._place(name)} belongs to no photo of the catalog.",
            )
            for name in sorted(files.keys() - sizes.keys() - {".lock"})
        ]
        for name, size in sorted(sizes.items()):
            if name not in files:
                sentence = (
                    f"The original {self._place(name)} is missing; put it back from a "
                    "backup, or import the photo again."
                )
                problems.append(Problem(kind="missing_file", sentence=sentence))
            elif files[name] != size or (digests and not self._is_unchanged(name)):
                sentence = (
                    f"The original {self._place(name)} was changed from outside; put "
                    "it back from a backup, or delete it and import the photo again."
                )
                problems.append(Problem(kind="changed_file", sentence=sentence))
        return problems

    def is_empty(self) -> bool:
        """Whether there is no original at all, as far as can be seen."""
        try:
            return not any(map(_NAME.fullmatch, self._list_files()))
        except OSError:
            return True

    @property
    def where(self) -> str:
        """Where they are, for a person."""
        return str(self.folder)

    def _place(self, name: str) -> str:
        return f"{self.where}/{name}"

    def _list_files(self) -> dict[str, int]:
        """The sizes of all files by name."""
        if not self.folder.is_dir():
            return {}
        with os.scandir(self.folder) as entries:
            return {e.name: e.stat().st_size for e in entries if e.is_file()}

    def _is_unchanged(self, name: str) -> bool:
        """Whether a file is what its name says, or was removed just now."""
        try:
            with (self.folder / name).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return True
        return digest == name.split(".")[0]

    def _list_notes(self) -> list[str]:
        if not self._notes.is_dir():
            return []
        return sorted(note.name for note in self._notes.iterdir())

    def _write_note(self, note: str) -> None:
        with self._explained():
            self._notes.mkdir(parents=True, exist_ok=True)
            (self._notes / note).touch()

    def _delete_note(self, note: str) -> None:
        (self._notes / note).unlink(missing_ok=True)

    def _delete_unfinished(self, name: str) -> None:
        for unfinished in self.folder.glob(f".{name}.*.tmp"):
            unfinished.unlink(missing_ok=True)

    def _explained(self) -> AbstractContextManager[None]:
        failure = f"A photo could not be stored in {self.folder}"
        return disk_errors(failure, kind=CatalogError)

    @contextmanager
    def _at_rest(self) -> Iterator[None]:
        """Nobody adds or removes originals meanwhile."""
        if self.folder.is_dir():
            with self._lock():
                yield
        else:
            yield  # there is none

    @contextmanager
    def _lock(self, *, wait: bool = True) -> Iterator[bool]:
        """Lock the originals, if need be by waiting; yields whether that is done.

        The lock of a killed process is free.
        """
        lock = None
        with self._explained(), suppress(Timeout):
            lock = open_lock(self.folder / ".lock", timeout_s=-1 if wait else 0)
            lock.acquire()
        is_mine = lock is not None and lock.is_locked
        try:
            yield is_mine
        finally:
            if lock is not None and is_mine:
                lock.release()


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A temporary folder that becomes `out` when the block ends without an error.

    Raises:
        CatalogError: `out` exists and is not empty, or cannot be written.
    """
    with disk_errors(f"{out} cannot be written", "was left there", CatalogError):
        if out.exists() and not (out.is_dir() and not any(out.iterdir())):
            raise CatalogError(
                f"{out} is there already and is left as it is. Name a folder that is "
                "not there yet."
            )
        with replacing(out) as temporary:
            temporary.mkdir()
            yield temporary


@contextmanager
def new_file(out: Path) -> Iterator[Path]:
    """A temporary path that becomes `out` when the block ends without an error.

    Raises:
        CatalogError: `out` is a folder, or it cannot be written.
    """
    with disk_errors(f"{out} cannot be written", "was left there", CatalogError):
        if out.is_dir():
            raise CatalogError(f"{out} is a folder; a file was expected.")
        with replacing(out) as temporary:
            yield temporary
