"""Files and folders that are whole at every moment, also when the power goes."""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import sys
import time
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # Linux: swap two paths in one step
_RENAME_SWAP = 2  # macOS: the same
_STALE_S = 3600.0


def write_file(path: Path, data: bytes) -> None:
    """Put `data` at `path` so that a reader finds the old file or the new one."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        _write_synced(temporary, data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def write_folder(folder: Path, files: dict[str, bytes]) -> None:
    """Make `folder` hold exactly `files`; a reader finds the old folder or the new."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    recover_folder(folder)
    _remove_leftovers(folder)
    fresh = folder.with_name(f".{folder.name}.{secrets.token_hex(6)}.tmp")
    fresh.mkdir()
    try:
        for name, data in files.items():
            _write_synced(fresh / name, data)
        _sync_folder(fresh)
        if not folder.exists():
            fresh.rename(folder)
        elif not _exchange(fresh, folder):
            # Between the two steps only the set-aside copy is there;
            # recover_folder puts it back.
            aside = _aside(folder)
            shutil.rmtree(aside, ignore_errors=True)
            folder.rename(aside)
            fresh.rename(folder)
            shutil.rmtree(aside, ignore_errors=True)
        _sync_folder(folder.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def recover_folder(folder: Path) -> None:
    """Put back a folder whose replacement was interrupted half-way."""
    aside = _aside(folder)
    if aside.is_dir() and not folder.exists():
        aside.rename(folder)


def _aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.previous")


def _remove_leftovers(folder: Path) -> None:
    """Delete what killed writers left, but nothing a living one may be writing."""
    for leftover in folder.parent.glob(f".{folder.name}.*.tmp"):
        if time.time() - leftover.stat().st_mtime > _STALE_S:
            shutil.rmtree(leftover, ignore_errors=True)


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step; False where the system cannot."""
    names = (os.fsencode(one), os.fsencode(other))
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if sys.platform.startswith("linux"):
            done = libc.renameat2(
                _AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE
            )
        elif sys.platform == "darwin":
            done = libc.renamex_np(names[0], names[1], _RENAME_SWAP)
        else:
            return False
    except (AttributeError, OSError, TypeError):
        return False
    return bool(done == 0)
