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
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from coin_core.catalog.records import Problem
from coin_core.errors import CatalogError
from coin_core.storage import write_file

if sys.platform != "win32":
    import fcntl


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
        with self._lock(exclusive=False):
            note = self._announce(name)
            yield
            note.unlink(missing_ok=True)

    @contextmanager
    def leaving(self, names: list[str]) -> Iterator[None]:
        """Announce that files go with their rows, while nobody else adds any."""
        with _sentences(self.folder):
            self._notes.mkdir(parents=True, exist_ok=True)
        with self._lock(exclusive=True):
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
        with self._lock(exclusive=True, wait=False) as held:
            notes = sorted(self._notes.iterdir()) if held else []
            for note in notes:
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
    def _lock(self, *, exclusive: bool, wait: bool = True) -> Iterator[bool]:
        """Many may add at once; who sweeps or removes is alone. Ends with a kill."""
        if sys.platform == "win32":  # no such lock: never sweep, others may be adding
            yield wait
            return
        with _sentences(self.folder):
            handle = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            how = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
            try:
                fcntl.flock(handle, how if wait else how | fcntl.LOCK_NB)
                held = True
            except BlockingIOError:
                held = False
            yield held
        finally:
            os.close(handle)


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


if sys.platform != "win32":
    import fcntl

# Where the system has no locks, what is older than this was left by a kill.
_STALE_S = 24 * 3600.0


@contextmanager
def placing_folder(out: Path) -> Iterator[Path]:
    """A fresh folder that becomes `out` when all of it is written.

    Raises:
        CatalogError: Something lies there already, or it cannot be written.
    """
    with _disk_sentences(out):
        if out.exists() and not (out.is_dir() and not any(out.iterdir())):
            raise CatalogError(
                f"{out} is there already and is left as it is. Name a folder that is "
                "not there yet."
            )
        out.parent.mkdir(parents=True, exist_ok=True)
        _clear_leftovers(out)
        fresh = _temporary(out)
        fresh.mkdir()
        try:
            with _holding(fresh):
                yield fresh
            if out.is_dir():
                out.rmdir()
            fresh.rename(out)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


@contextmanager
def placing_file(out: Path) -> Iterator[Path]:
    """A path for a file that becomes `out` when all of it is written.

    Raises:
        CatalogError: A folder lies there, or it cannot be written.
    """
    with _disk_sentences(out):
        if out.is_dir():
            raise CatalogError(f"{out} is a folder; a file was expected.")
        out.parent.mkdir(parents=True, exist_ok=True)
        _clear_leftovers(out)
        fresh = _temporary(out)
        fresh.touch()
        try:
            with _holding(fresh):
                yield fresh
                with fresh.open("rb+") as file:
                    os.fsync(file.fileno())
            fresh.replace(out)
        finally:
            fresh.unlink(missing_ok=True)


def _temporary(out: Path) -> Path:
    return out.with_name(f".{out.name}.{secrets.token_hex(6)}.tmp")


@contextmanager
def _holding(path: Path) -> Iterator[None]:
    """Hold a lock on what is being written; it ends with the process."""
    if sys.platform == "win32":
        yield
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network disks know no locks
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _clear_leftovers(out: Path) -> None:
    """Delete what killed exports left beside `out`, never a living one's."""
    for leftover in out.parent.glob(f".{_plain(out.name)}.*.tmp"):
        if _is_abandoned(leftover):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)


def _plain(name: str) -> str:
    """A name in which no sign means a pattern."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)


def _is_abandoned(path: Path) -> bool:
    try:
        if sys.platform == "win32":
            return time.time() - path.stat().st_mtime > _STALE_S
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


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
