"""A file that one living process holds.

The system lets go of it when the process ends, however it ends: a lock never outlives
its holder, and nothing has to be cleaned up after a kill.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any


class FileLock:
    """A lock on a file; what its holder says of itself is inside the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._file is not None

    def take(self, about: dict[str, Any] | None = None) -> bool:
        """Take the lock if nobody holds it; says whether it is held now."""
        if self._file is not None:
            return True
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # "a" truncates nothing: what the holder wrote stays readable.
        file = self.path.open("a+b")
        # Whoever looks whether it is held has it for a moment: try again.
        for attempt in range(3):
            if _lock(file):
                break
            if attempt == 2:
                file.close()
                return False
            time.sleep(0.01)
        file.seek(0)
        file.truncate()
        text = json.dumps({"pid": os.getpid(), **(about or {})})
        file.write(text.encode())
        file.flush()
        self._file = file
        return True

    def wait(self, seconds: float = 10.0) -> None:
        """Take the lock, waiting for its holder.

        Raises:
            TimeoutError: Somebody held it all that time.
        """
        end = time.monotonic() + seconds
        while not self.take():
            if time.monotonic() > end:
                raise TimeoutError(f"{self.path} has been held for {seconds:g} s.")
            time.sleep(0.02)

    def release(self) -> None:
        """Let go of the lock."""
        if self._file is not None:
            # A child that inherited the file must not go on holding the lock.
            with suppress(OSError):
                _unlock(self._file)
            self._file.close()
            self._file = None

    def fileno(self) -> int:
        """The handle that a child inherits to hold the lock as well.

        Raises:
            ValueError: The lock is not held.
        """
        if self._file is None:
            raise ValueError(f"{self.path} is not held.")
        return self._file.fileno()

    def __enter__(self) -> FileLock:
        self.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock at `path`."""
    if not path.exists():
        return False
    with path.open("a+b") as file:
        if not _lock(file):
            return True
        _unlock(file)
    return False


def holder(path: Path) -> dict[str, Any]:
    """What the holder of a lock says of itself; {} when nobody holds it."""
    if not is_held(path):
        return {}
    try:
        said = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


if sys.platform == "win32":  # pragma: no cover - tried on Linux and macOS only
    import msvcrt

    # Far behind the text, so that the holder's words stay readable.
    _FAR = 1 << 20

    def _lock(file: IO[bytes]) -> bool:
        file.seek(_FAR)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(file: IO[bytes]) -> None:
        file.seek(_FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _unlock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
