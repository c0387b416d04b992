"""Commands that jobs of tests run: they count, and do nothing else."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from coin_core.errors import CoinError
from coin_core.jobs import Progress, current_job_id, jobs_dir, report_details


def main(arguments: Sequence[str]) -> int:
    """Count to a number, with pauses; go on where an earlier process was killed."""
    if arguments[0] == "fail":
        raise CoinError("There is nothing to count.")
    if arguments[0] == "code":
        return int(arguments[1])
    count, pause_s = int(arguments[0]), float(arguments[1])
    memory = jobs_dir() / current_job_id() / "counted"
    done = int(memory.read_text()) if memory.exists() else 0
    report_details(began_at=done)
    with Progress("counting", count, unit="coin", done=done) as progress:
        while progress.done < count:
            _pause(pause_s)
            _write(memory, progress.done + 1)
            progress.update()
    return 0


def _pause(seconds: float) -> None:
    """Sleep a little at a time, as all of the program does.

    A signal that comes just before a sleep is handled after it.
    """
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 0.1))


def _write(memory: Path, value: int) -> None:
    fresh = memory.with_suffix(".new")
    fresh.write_text(str(value))
    fresh.replace(memory)
