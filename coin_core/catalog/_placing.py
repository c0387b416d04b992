"""Exports that are there whole or not at all, also after a kill."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from coin_core.errors import CatalogError

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
