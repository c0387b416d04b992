"""One request at a time per host and a pause between them, in all processes.

What was asked last stands in a small file per host, so that the pause also holds for
a run that begins right after another was killed.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TextIO

from scrapers.url_safety import LOOPBACK

try:
    import fcntl
except ImportError:  # Windows: the pause then holds within one process
    fcntl = None  # type: ignore[assignment]

PAUSES_S: Final = {
    "commons.wikimedia.org": 1.0,
    "upload.wikimedia.org": 1.0,
    "numismatics.org": 1.0,
    "images.numismatics.org": 1.0,
    "ikmk.smb.museum": 1.0,
}
OTHER_PAUSE_S: Final = 2.0
JITTER: Final = 0.1

_locks: dict[str, threading.Lock] = {}
_locks_guard = threading.Lock()


class Pacer:
    """Lets one request per host through at a time, and none too early.

    Attributes:
        pauses_s: Seconds from the beginning of one request to that of the next, per
            host; robots.txt may lengthen them.
    """

    def __init__(
        self,
        folder: Path,
        pauses_s: dict[str, float] | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.pauses_s = dict(PAUSES_S if pauses_s is None else pauses_s)
        self._folder = folder
        self._sleep = sleep

    def pause_s(self, origin: str) -> float:
        """The pause for a host; this machine needs none but what its sites ask for."""
        other = 0.0 if origin.rpartition(":")[0] in LOOPBACK else OTHER_PAUSE_S
        return self.pauses_s.get(origin, other)

    def lengthen(self, origin: str, pause_s: float) -> None:
        """Take the longer pause that a site asks for."""
        self.pauses_s[origin] = max(self.pause_s(origin), pause_s)

    @contextlib.contextmanager
    def turn(self, origin: str) -> Iterator[None]:
        """Wait for the host's turn and hold it while the request runs."""
        with _lock_of(origin), self._open(origin) as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            self._wait(_read(file))
            pause_s = self.pause_s(origin) * (1 + random.random() * JITTER)
            _write(file, time.time() + pause_s)
            yield

    def hold_off(self, origin: str, seconds: float) -> None:
        """Let nobody ask the host for a while, as it said."""
        with _lock_of(origin), self._open(origin) as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            _write(file, max(_read(file), time.time() + seconds))

    def _open(self, origin: str) -> TextIO:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"[^a-z0-9.-]", "_", origin)
        path = self._folder / f"{name}.json"
        path.touch()
        return path.open("r+", encoding="utf-8")

    def _wait(self, until: float) -> None:
        left = until - time.time()
        # a clock set back must not stop the gathering for hours
        if 0 < left < 3700:
            self._sleep(left)


def _lock_of(origin: str) -> threading.Lock:
    with _locks_guard:
        return _locks.setdefault(origin, threading.Lock())


def _read(file: TextIO) -> float:
    file.seek(0)
    try:
        return float(json.loads(file.read())["not_before"])
    except (ValueError, KeyError, TypeError):
        return 0.0


def _write(file: TextIO, not_before: float) -> None:
    file.seek(0)
    file.truncate()
    file.write(json.dumps({"not_before": not_before}))
    file.flush()
