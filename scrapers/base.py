"""The records that a source yields, and what a source must be able to do."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable

MOST_FAILURES: Final = 20
"""Photos or records in a row at which a run ends."""


class ImageSide(StrEnum):
    """The side that a photo shows, as far as the source says."""

    BOTH = "both"
    OBVERSE = "obverse"
    REVERSE = "reverse"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingImage:
    """One photo of a listing.

    Attributes:
        url: Its address at the source.
        side: The side that it shows.
        data: The file itself, if it was saved along with a page.
        sha1: Hexadecimal digest that the source states, or "".
    """

    url: str
    side: ImageSide = ImageSide.UNKNOWN
    data: bytes | None = field(default=None, repr=False)
    sha1: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One coin as a source lists it: an auction lot, a museum object, a file.

    Attributes:
        source: Name of the source, such as "commons" or "acsearch".
        record_id: Identifies the listing within its source.
        url: The page that a person can open.
        title: Headline, without markup.
        text: Description, without markup; labels are read from title and text.
        images: Its photos, the obverse first.
        licence: Normalized key, or None if unknown.
        licence_raw: The licence in the words of the source.
        credit: Who must be named.
        date: Day of the sale or photo, in the words of the source.
        denomination: In the words of the source, or None.
        weight_g: As the source gives it, or None.
        diameter_mm: As the source gives it, or None.
        die_axis_h: 1 to 12, or None.
        references: Works cited in a field of their own, such as "TJC U".
    """

    source: str
    record_id: str
    url: str
    title: str
    text: str = ""
    images: tuple[ListingImage, ...] = ()
    licence: str | None = None
    licence_raw: str = ""
    credit: str = ""
    date: str = ""
    denomination: str | None = None
    weight_g: float | None = None
    diameter_mm: float | None = None
    die_axis_h: int | None = None
    references: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Identifies the listing among all sources."""
        return f"{self.source}:{self.record_id}"

    @property
    def lot_text(self) -> str:
        """All text of the source about the coin, from which labels are read."""
        parts = (self.title, self.text, "; ".join(self.references))
        return "\n".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPage:
    """One page of results.

    Attributes:
        listings: Its lots.
        announced: The number of lots in all, as the page states it, or None.
        query: The query, as the page repeats it, or "".
    """

    listings: tuple[Listing, ...]
    announced: int | None = None
    query: str = ""


@runtime_checkable
class Source(Protocol):
    """A site or folder that photos are scraped from.

    Attributes:
        problems: What `find` skipped, one sentence each.
    """

    problems: list[str]

    @abstractmethod
    def plan(self, query: str) -> tuple[str, ...]:
        """What a run would ask for, in sentences; sends nothing."""
        ...

    @abstractmethod
    def find(self, query: str) -> Iterator[Listing]:
        """The listings that match a query, in the order of the source.

        Raises:
            ScrapeError: The source cannot be asked, or answers something unexpected.
        """
        ...

    @abstractmethod
    def fetch(self, image: ListingImage) -> bytes:
        """The bytes of a photo.

        Raises:
            ScrapeError: It is missing or damaged, or may not be fetched.
        """
        ...
