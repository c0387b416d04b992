"""One request at a time per host with a pause between them, over all processes.

A small file per host holds the times of its last and its next turn, so the pause is
kept also by a run that starts right after another was killed.
"""

from __future__ import annotations

import contextlib
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from coin_core.errors import JobStoppedError
from coin_core.jobs import stop_requested
from coin_core.storage import open_lock, read_json, write_json
from scrapers.errors import SiteBusyError
from scrapers.url_safety import local_sites

OTHER_PAUSE_S: Final = 2.0
JITTER: Final = 0.1
LONGEST_WAIT_S: Final = 900.0
"""The longest wait of a run for a busy host; a longer one ends it."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """The last turn of a host, or the moment when it asked for a pause.

    Attributes:
        at: Its time.
        not_before: The time of the next turn.
        is_held: Whether the host has asked for that time, being busy.
    """

    at: float
    not_before: float
    is_held: bool = False

    @property
    def left_s(self) -> float:
        """Seconds until the next turn; a clock that was set back does not add any."""
        return max(0.0, self.not_before - max(self.at, time.time()))


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
        """Use the pause that a site asks for, if it is longer, after the last turn too.

        Its robots.txt, which states the pause, was asked for in that turn.
        """
        if pause_s <= self.pause_s(origin):
            return
        self.pauses_s[origin] = pause_s
        with self._locked(origin) as path:
            last = _read(path)
            not_before = last.at + self._jittered_s(origin)
            if not_before > last.not_before:
                _write(path, _Turn(at=last.at, not_before=not_before))

    @contextlib.contextmanager
    def turn(self, origin: str) -> Iterator[None]:
        """Wait for the turn of a host, and hold it while the request runs.

        Raises:
            SiteBusyError: The host has asked for a pause that lasts too long to wait.
        """
        with self._locked(origin) as path:
            last = _read(path)
            left_s = last.left_s
            if last.is_held and left_s > LONGEST_WAIT_S:
                raise SiteBusyError(
                    f"{origin} has asked for a pause, of which {left_s:,.0f} s are "
                    "left. Start the same again after that; it resumes.",
                    retry_after_s=left_s,
                )
            if left_s > 0:
                self._sleep(left_s)
            at = time.time()
            _write(path, _Turn(at=at, not_before=at + self._jittered_s(origin)))
            yield

    def hold_off(self, origin: str, seconds: float) -> None:
        """Give a host no turn for a number of seconds."""
        with self._locked(origin) as path:
            at = time.time()
            if seconds > _read(path).left_s:
                _write(path, _Turn(at=at, not_before=at + seconds, is_held=True))

    def _jittered_s(self, origin: str) -> float:
        return self.pause_s(origin) * (1 + random.random() * JITTER)

    @contextlib.contextmanager
    def _locked(self, origin: str) -> Iterator[Path]:
        """The file of a host, which no other thread or process changes meanwhile."""
        name = re.sub(r"[^a-z0-9.-]", "_", origin)[:200]  # a file's is limited, too
        with open_lock(self._folder / f"{name}.lock", timeout_s=-1):
            yield self._folder / f"{name}.json"


def _read(path: Path) -> _Turn:
    state = read_json(path)
    times = (state.get(name, 0.0) for name in ("at", "not_before"))
    at, not_before = (float(t) if isinstance(t, int | float) else 0.0 for t in times)
    return _Turn(at=at, not_before=not_before, is_held=state.get("is_held") is True)


def _write(path: Path, turn: _Turn) -> None:
    write_json(path, asdict(turn), durable=False)
