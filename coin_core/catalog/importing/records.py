"""What is told of an import: how far it has come, what became of each photo."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ImportState(StrEnum):
    """How an import stands."""

    RUNNING = "running"
    STOPPED = "stopped"  # by hand, by a kill or by a full disk; it can go on
    DONE = "done"
    FAILED = "failed"  # it could not begin


class ItemState(StrEnum):
    """What became of one photo."""

    WAITING = "waiting"
    DONE = "done"
    KNOWN = "known"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportProgress:
    """How far an import has come.

    Attributes:
        state: RUNNING only while a process is at work on it.
        total: Photos to bring in; None until they are counted.
        done: Photos dealt with, however it went.
        known: Of these, photos that were in the catalog already.
        failed: Of these, photos that could not be brought in.
        grouped: Of these, photos that were recognised as a known coin by their look.
        current: The photo dealt with last.
        error: Why it stopped or failed, as a sentence.
    """

    import_id: int
    state: ImportState
    total: int | None = None
    done: int = 0
    known: int = 0
    failed: int = 0
    grouped: int = 0
    current: str = ""
    error: str | None = None
    created_at: datetime | None = None
    kind: str = "photos"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportItem:
    """What became of one photo; `message` is a sentence where there is more to say."""

    key: str
    state: ItemState
    photo_id: int | None
    message: str | None


SCRAPE = "gathering"
"""The kind of an import that asks sites for photos."""

PROGRAMS = {SCRAPE: "scrapers.jobs"}
"""What goes on with an import of a kind; the others go on by `_import_process`."""

GROUPED = "The same coin as "
"""How the message of a photo begins that was recognised by its look."""
