"""Where files are kept, and how they are written whole and by one process at a time.

A reader finds the old file or the new one, never a half, also after a power cut. A
lock ends with its process, however that ends.
"""

from __future__ import annotations

import ctypes
import errno
import glob
import json
import lzma
import math
import os
import secrets
import shutil
import stat
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from coin_core.errors import CoinError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PROJECT_DIR = Path(__file__).resolve().parents[1]
WEIGHTS_DIR = PROJECT_DIR / "weights"

MOST_JSON_BYTES = 256 << 20
"""The largest file of JSON that is read."""

UNREADABLE_ARRAYS: Final = (
    *(OSError, ValueError, KeyError, EOFError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)
"""What reading a missing or damaged file of arrays (.npz) raises."""

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # Linux: swap two paths in one step
_RENAME_SWAP = 2  # macOS: the same
_FRESH_S = 600  # what was just used stays: somebody may be about to open it
_LOOK_S = 0.1  # others that look at a lock have gone by then
_TRIES = 20  # to replace a folder that others restore or replace as well


def data_dir() -> Path:
    """The data folder of this installation: COIN_DATA_DIR, or `data` in the project."""
    return Path(os.environ.get("COIN_DATA_DIR") or PROJECT_DIR / "data")


def is_own_file(path: Path) -> bool:
    """Whether a path is a file in the data folder, which nobody else may replace."""
    return path.is_file() and path.resolve().is_relative_to(data_dir().resolve())


def open_lock(path: Path, timeout_s: float = 10.0) -> FileLock:
    """A lock on a file, for use in a `with` statement.

    Raises `filelock.Timeout`, a `TimeoutError`, on entering when another process, or
    another lock object of this process, holds it all that time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not bound to a thread: a generator may be closed by another one.
    return FileLock(path, timeout=timeout_s, poll_interval=0.02, thread_local=False)


def is_locked(path: Path) -> bool:
    """Whether a living process holds the lock at `path`.

    Those who look at the same time do not take each other for that process.
    """
    if not path.exists():
        return False
    if fcntl is not None:
        with suppress(OSError), path.open("rb") as file:
            return _is_held(file.fileno())
    try:
        with open_lock(path, timeout_s=_LOOK_S):
            return False
    except Timeout:
        return True


def _is_held(handle: int) -> bool:
    """Whether somebody else holds the lock on an open file.

    Raises:
        OSError: The file system has no such locks.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    # A process that is just being started may have the file as well: not by closing it.
    fcntl.flock(handle, fcntl.LOCK_UN)
    return False


def write_file(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write `data` to `path` in one step.

    Args:
        path: The file.
        data: Its contents.
        durable: Whether the file must outlive a power cut; False is much faster, for
            files that can be made again.
    """
    temporary = _temporary(path)
    try:
        if durable:
            _write_synced(temporary, data)
        else:
            temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    if durable:
        _sync_folder(path.parent)


def write_cached(path: Path, data: bytes, folder: Path, most_bytes: int) -> None:
    """Write a file that can be made again into a folder of limited size.

    Readers say with `mark_used` what they use; the rest goes first.

    Args:
        path: The file, in the folder or below it.
        data: Its contents.
        folder: What is limited; it may be larger by an eighth now and then.
        most_bytes: How much it holds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, data)
    written = _written_bytes.get(folder, most_bytes) + len(data)
    if written > most_bytes // 8:  # the first one counts what is there
        written = 0
        prune_folder(folder, most_bytes)
    _written_bytes[folder] = written


_written_bytes: dict[Path, int] = {}


def mark_used(path: Path) -> None:
    """Say that a file of a folder of limited size is used now, if it is there."""
    with suppress(OSError):
        os.utime(path)


def prune_folder(folder: Path, most_bytes: int) -> None:
    """Delete the files that were not used for longest, if a folder holds too much.

    Args:
        folder: Of files that can be made again, also in its folders.
        most_bytes: What it may hold.
    """
    facts = []
    for path in folder.rglob("[!.]*"):
        with suppress(FileNotFoundError):
            facts.append((path, path.stat()))
    facts = [(path, found) for path, found in facts if stat.S_ISREG(found.st_mode)]
    room = most_bytes - sum(found.st_size for _, found in facts)
    for path, found in sorted(facts, key=lambda pair: pair[1].st_mtime):
        if room >= 0 or time.time() - found.st_mtime < _FRESH_S:
            return
        with suppress(FileNotFoundError):
            if path.stat().st_mtime != found.st_mtime:
                continue  # somebody uses it since then
            path.unlink()
        room += found.st_size


def dump_json(value: Any, **options: Any) -> str:
    """The JSON text of a value, with letters as they are and only finite numbers.

    Raises:
        CoinError: A number is not finite; JSON has no such numbers.
    """
    try:
        return json.dumps(value, **({"ensure_ascii": False} | options), allow_nan=False)
    except ValueError as error:
        raise CoinError(
            "A result is no number (NaN or infinite) and is not written: a classifier "
            "or a training is damaged."
        ) from error


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    """Write a value as JSON in one step; arguments as for `write_file`."""
    write_file(path, encode_json(dump_json(value, indent=2)), durable=durable)


def encode_json(text: str) -> bytes:
    """JSON as UTF-8; names of files in other encodings become escapes of JSON."""
    return text.encode("utf-8", "backslashreplace")


def append_json_line(path: Path, value: Any, *, durable: bool = True) -> None:
    """Add a value to a file of JSON lines; a torn last line does not spoil it.

    Args:
        path: The file.
        value: As for `dump_json`.
        durable: Whether to wait until it is on the disk.
    """
    with path.open("ab+") as file:
        torn = False
        if file.tell() > 0:
            file.seek(-1, os.SEEK_END)
            torn = file.read(1) != b"\n"
        line = dump_json(value) + "\n"
        file.write(encode_json(("\n" if torn else "") + line))
        if durable:
            file.flush()
            os.fsync(file.fileno())


def read_lines(path: Path) -> list[str]:
    """The lines of a file of JSON lines; texts in them may hold other line ends.

    Raises:
        OSError: As `read_text`.
    """
    return read_text(path, errors="replace").split("\n")


def parse_json(text: str | bytes, *, finite: bool = False) -> Any:
    """The value of a JSON text.

    Args:
        text: The JSON.
        finite: Whether what is no finite number, or too large for one, becomes None.

    Raises:
        ValueError: It is no JSON, or is nested too deeply.
    """
    try:
        if finite:
            return json.loads(
                text,
                parse_constant=lambda _: None,
                parse_float=_finite_or_none,
                parse_int=lambda digits: int(digits) if len(digits) < 300 else None,
            )
        return json.loads(text)
    except RecursionError:
        raise ValueError("It is nested too deeply.") from None


def _finite_or_none(digits: str) -> float | None:
    value = float(digits)
    return value if math.isfinite(value) else None


def read_text(
    path: Path, *, errors: str = "strict", most_bytes: int = MOST_JSON_BYTES
) -> str:
    """The text of a file of UTF-8; `errors` as for `open`.

    Raises:
        OSError: It is missing, no file, or larger than `most_bytes`.
        ValueError: It is not UTF-8, or its path is impossible.
    """
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):  # opening a pipe would wait for ever
        raise OSError(errno.EINVAL, "It is no regular file", str(path))
    if facts.st_size > most_bytes:
        raise OSError(errno.EFBIG, "It is too large", str(path))
    return path.read_text("utf-8", errors=errors)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; {} if the file is missing or damaged."""
    try:
        value = parse_json(read_text(path), finite=True)
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


@contextmanager
def replacing(
    path: Path, keep: Callable[[Path], object] | None = None
) -> Iterator[Path]:
    """A temporary path that replaces `path` when the block ends without an error.

    The caller creates a file or a folder there. An existing folder at `path` is
    exchanged. What killed processes left beside `path` is deleted.

    Args:
        path: What is replaced.
        keep: Called with the place of a folder that was replaced; it may move it away.
            If it raises, that folder is put back.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    recover_folder(path)
    _remove_leftovers(path)
    temporary = _temporary(path)
    try:
        with open_lock(_lock_of(temporary)):
            try:
                yield temporary
                _sync(temporary)
                if not (path.is_dir() and temporary.is_dir()):
                    temporary.replace(path)  # never a folder by a file
                else:
                    old = temporary
                    if not _exchange(temporary, path):
                        old = _replace_in_steps(temporary, path)
                    try:
                        if keep is not None:
                            keep(old)
                    except BaseException:
                        _put_back(old, path, temporary)
                        raise
                    _remove(old)
                _sync_folder(path.parent)
            finally:
                _remove(temporary)
    finally:
        _lock_of(temporary).unlink(missing_ok=True)


def write_folder(
    folder: Path,
    files: dict[str, bytes],
    keep: Callable[[Path], object] | None = None,
    trial: Callable[[Path], object] | None = None,
) -> None:
    """Make `folder` hold exactly `files`; a reader finds the old folder or the new.

    `keep` is called as by `replacing`, and `trial` with the new folder before it
    replaces the old one; if it raises, nothing is changed.
    """
    with replacing(folder, keep) as temporary:
        temporary.mkdir()
        for name, data in files.items():
            _write_synced(temporary / name, data)
        if trial is not None:
            trial(temporary)


def move(path: Path, to: Path) -> None:
    """Move a file or folder in one step, also to another disk.

    Raises:
        OSError: It cannot be moved; then it is where it was.
    """
    try:
        path.rename(to)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with replacing(to) as copy:
            try:
                if path.is_dir():
                    shutil.copytree(path, copy, symlinks=True)
                else:
                    shutil.copy2(path, copy)
            except shutil.Error as error_of_each:
                _, _, reason = error_of_each.args[0][0]
                raise OSError(errno.EIO, reason) from error_of_each
        try:
            left = path.rename(_temporary(path))
        except OSError:
            _remove(to)
            raise
        _remove(left)


def recover_folder(folder: Path) -> None:
    """Restore a folder whose replacement was interrupted half-way."""
    aside = _aside(folder)
    if aside.is_dir() and not folder.exists():
        try:
            aside.rename(folder)
        except OSError:
            if not folder.exists():  # else its writer has just gone on
                raise


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")


def _aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.previous")


def _lock_of(temporary: Path) -> Path:
    return temporary.with_name(f"{temporary.name}.lock")


def _remove_leftovers(path: Path) -> None:
    """Delete what killed writers left beside `path`, but nothing of a living one."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        if not is_locked(_lock_of(leftover)):
            _remove(leftover)
            _lock_of(leftover).unlink(missing_ok=True)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    if path.is_dir():
        _sync_folder(path)
        return
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _replace_in_steps(new: Path, path: Path) -> Path:
    """Put a folder in the place of another; returns where that one is now.

    Between the two steps only the set-aside copy exists, which `recover_folder`
    restores. Where another process does so meanwhile, or writes one of its own, both
    steps are taken again.
    """
    old = _aside(path)
    for tries_left in reversed(range(_TRIES)):
        if path.exists():
            _remove(old)
            with suppress(FileNotFoundError):
                path.rename(old)
        try:
            new.rename(path)
            break
        except OSError:
            if not tries_left or not path.is_dir():
                raise
    return old


def _put_back(old: Path, path: Path, new: Path) -> None:
    """Undo a replacement, if the old folder is there; the other one goes to `new`."""
    if not old.is_dir():
        return
    if old == new:
        _exchange(new, path)
    else:
        path.rename(new)
        recover_folder(path)


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
