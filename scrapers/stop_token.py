"""Waiting that ends when the run is to stop, even in a pause of many minutes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from scrapers.errors import StoppedByHandError

_LOOK_EVERY_S: Final = 1.0


class StopToken:
    """Waits like `time.sleep` until it is over."""

    def __init__(self) -> None:
        self._over = False
        self._asked: Callable[[], bool] | None = None

    def ask(self, asked: Callable[[], bool]) -> None:
        """Whom to ask, every second of a wait, whether the run is to stop."""
        self._asked = asked

    def end(self) -> None:
        """Wait no longer."""
        self._over = True

    def is_over(self) -> bool:
        """Whether the run is to stop."""
        return self._over or (self._asked is not None and self._asked())

    def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            StoppedByHandError: The run is to stop.
        """
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if left > _LOOK_EVERY_S and self.is_over():
                raise StoppedByHandError("It was stopped by hand.")
            time.sleep(min(left, _LOOK_EVERY_S))
