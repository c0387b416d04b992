"""Progress and results of imports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ImportState(StrEnum):
    """The state of an import."""

    RUNNING = "running"
    STOPPED = "stopped"  # by hand, by a kill or by a full disk; it can be resumed
    DONE = "done"
    FAILED = "failed"  # it was given up


class ItemState(StrEnum):
    """The result of one photo."""

    WAITING = "waiting"
    DONE = "done"
    KNOWN = "known"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportProgress:
    """The progress of an import.

    Attributes:
        state: RUNNING only while a process works on it.
        total: Photos to import; None until they are counted.
        done: Photos with a result.
        known: Of these, photos that the catalog had already.
        failed: Of these, photos that could not be imported.
        grouped: Of these, photos that show the same picture as another photo.
        current: The last photo with a result.
        error: A sentence why it stopped or failed.
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
            text = f"{self.done:,} photos gathered"
        elif self.total is None:
            return "Looking through the files …"
        elif self.kind == "demo":
            text = f"{self.done:,} of {self.total:,} coins rendered"
        else:
            new = self.done - self.known - self.failed
            text = f"{self.done:,} of {self.total:,} photos read: {new:,} imported"
        for count, name in (
            (self.known, "known already"),
            (self.grouped, "recognised as known coins"),
            (self.failed, "could not be read"),
        ):
            if count:
                text += f", {count:,} {name}"
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportItem:
    """The result of one photo, with a sentence if there is a remark or a problem."""

    key: str
    state: ItemState
    photo_id: int | None
    message: str | None


SCRAPE = "gathering"
"""The kind of an import that scrapes websites, as stored in the database."""

GROUPED = "The same coin as "
"""The start of the message of a photo that shows the picture of a known coin."""

_FACTS = {
    "name_on_coin": "name on the coin",
    "authority": "attribution follows",
    "weight_g": "weight in g",
    "diameter_mm": "diameter in mm",
    "die_axis_h": "die axis",
    "source_url": "address",
}


def say_filled(names: Iterable[str]) -> str:
    """The sentence about fields that a photo or its coin lacked until now."""
    return f"What it lacked was added: {in_words(names)}."


def in_words(names: Iterable[str]) -> str:
    """Names of fields as part of a sentence, such as "weight in g, notes"."""
    return ", ".join(_FACTS.get(name, name.replace("_", " ")) for name in names)
