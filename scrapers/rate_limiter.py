"""One request at a time per host with a pause between them, over all processes.

A small file per host holds the time of its next turn, so the pause is kept also by a
run that starts right after another was killed.
"""

from __future__ import annotations

import contextlib
import random
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from coin_core.errors import JobStoppedError
from coin_core.jobs import stop_requested
from coin_core.storage import open_lock, read_json, write_json
from scrapers.url_safety import local_sites

OTHER_PAUSE_S: Final = 2.0
JITTER: Final = 0.1

_POLL_S: Final = 1.0


def stoppable_sleep(seconds: float) -> None:
    """Wait like `time.sleep`, but end early if the job of this process is stopped.

    Raises:
        JobStoppedError: Somebody asked the job to stop.
    """
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if left > _POLL_S and stop_requested():
            raise JobStoppedError("It was stopped by hand.")
        time.sleep(min(left, _POLL_S))


class RateLimiter:
    """Lets one request per host through at a time, and none too early.

    Args:
        folder: Where the files of the hosts are.
        pauses_s: See below; None for no host in particular.
        sleep: Waits for a number of seconds.

    Attributes:
        pauses_s: Seconds from the start of one request to that of the next, by host;
            robots.txt may lengthen them.
    """

    def __init__(
        self,
        folder: Path,
        pauses_s: dict[str, float] | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.pauses_s = dict(pauses_s or {})
        self._folder = folder
        self._sleep = sleep

    def pause_s(self, origin: str) -> float:
        """The pause of a host; a local site has only the one that it asks for."""
        other = 0.0 if origin in local_sites() else OTHER_PAUSE_S
        return self.pauses_s.get(origin, other)

    def lengthen(self, origin: str, pause_s: float) -> None:
        """Use the pause that a site asks for, if it is longer."""
        self.pauses_s[origin] = max(self.pause_s(origin), pause_s)

    @contextlib.contextmanager
    def turn(self, origin: str) -> Iterator[None]:
        """Wait for the turn of a host, and hold it while the request runs."""
        with self._locked(origin) as path:
            self._wait(_not_before(path))
            pause_s = self.pause_s(origin) * (1 + random.random() * JITTER)
            write_json(path, {"not_before": time.time() + pause_s}, durable=False)
            yield

    def hold_off(self, origin: str, seconds: float) -> None:
        """Give a host no turn for a number of seconds."""
        with self._locked(origin) as path:
            not_before = max(_not_before(path), time.time() + seconds)
            write_json(path, {"not_before": not_before}, durable=False)

    @contextlib.contextmanager
    def _locked(self, origin: str) -> Iterator[Path]:
        """The file of a host, which no other thread or process changes meanwhile."""
        name = re.sub(r"[^a-z0-9.-]", "_", origin)[:200]  # a file's is limited, too
        with open_lock(self._folder / f"{name}.lock", timeout_s=-1):
            yield self._folder / f"{name}.json"

    def _wait(self, until: float) -> None:
        left = until - time.time()
        # a clock that was set back must not stop a run for hours
        if 0 < left < 3700:
            self._sleep(left)


def _not_before(path: Path) -> float:
    value = read_json(path).get("not_before", 0.0)
    return float(value) if isinstance(value, int | float) else 0.0
