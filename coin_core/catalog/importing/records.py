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

    @property
    def text(self) -> str:
        """The counts as the beginning of a sentence."""
        if self.kind == SCRAPE:
            said = f"{self.done:,} photos gathered"
        elif self.total is None:
            return "Looking through the files …"
        elif self.kind == "demo":
            said = f"{self.done:,} of {self.total:,} rendered coins struck"
        else:
            new = self.done - self.known - self.failed
            said = f"{self.done:,} of {self.total:,} photos looked at: "
            said += f"{new:,} brought in"
        for count, name in (
            (self.known, "known already"),
            (self.grouped, "recognised as known coins"),
            (self.failed, "could not be read"),
        ):
            if count:
                said += f", {count:,} {name}"
        return said


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportItem:
    """What became of one photo; `message` is a sentence where there is more to say."""

    key: str
    state: ItemState
    photo_id: int | None
    message: str | None


SCRAPE = "gathering"
"""The kind of an import that asks sites for photos."""

GROUPED = "The same coin as "
"""How the message of a photo begins that was recognised by its look."""
