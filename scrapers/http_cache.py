"""The texts that sites answered, in files, so that nothing is asked twice."""

from __future__ import annotations

import errno
import hashlib
import logging
import time
from pathlib import Path
from typing import Final

from coin_core.storage import write_file
from scrapers.http_response import Answer

LONGEST_KEEP_S: Final = 30 * 86_400.0
CACHE_BYTES: Final = 512 << 20
_log = logging.getLogger("scrapers")


class HttpCache:
    """Keeps texts by address. A damaged file or a full disk only costs a request.

    Args:
        folder: Where the files are. On opening, files older than `LONGEST_KEEP_S` are
            deleted, and the oldest ones beyond `CACHE_BYTES`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._prune()

    def read(self, url: str, keep_s: float) -> Answer | None:
        """The answer of an address, if it is at most `keep_s` seconds old."""
        path = self._path(url)
        try:
            if time.time() - path.stat().st_mtime > keep_s:
                return None
            charset, found, body = path.read_bytes().partition(b"\n")
        except OSError:
            return None
        if not found:  # damaged
            return None
        return Answer(body=body, charset=charset.decode("ascii", errors="replace"))

    def write(self, url: str, answer: Answer) -> None:
        """Keep an answer."""
        path = self._path(url)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            charset = answer.charset.encode("ascii", "replace")
            write_file(path, charset + b"\n" + answer.body, durable=False)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            _log.warning("not cached: %s", "the disk is full" if full else error)

    def _path(self, url: str) -> Path:
        digest = hashlib.sha256(url.encode()).hexdigest()
        return self._folder / digest[:2] / digest

    def _prune(self) -> None:
        try:
            files = [(path.stat(), path) for path in self._folder.glob("*/*")]
            files.sort(key=lambda one: one[0].st_mtime, reverse=True)
            total, now = 0, time.time()
            for state, path in files:
                total += state.st_size
                if total > CACHE_BYTES or now - state.st_mtime > LONGEST_KEEP_S:
                    path.unlink(missing_ok=True)
        except OSError as error:  # such as a file that another run has just deleted
            _log.info("the cache was not pruned: %s", error)
