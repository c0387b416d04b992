"""What every source of photos is, and the records that it yields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable

SOURCES: Final = ("commons", "ans", "ikmk", "nomisma", "saved", "browser")
"""Their names in the commands; `_sources` opens them."""


class ImageSide(StrEnum):
    """What a photo of a source shows, as far as the source tells."""

    BOTH = "both"
    OBVERSE = "obverse"
    REVERSE = "reverse"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingImage:
    """One photo of a listing.

    Attributes:
        url: Where the source keeps it.
        side: Which side it shows.
        data: The file itself, where it came with a saved page.
        sha1: Hexadecimal digest that the source states, or "".
        byte_size: As the source states it, or None.
    """

    url: str
    side: ImageSide = ImageSide.UNKNOWN
    data: bytes | None = field(default=None, repr=False)
    sha1: str = ""
    byte_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One coin as a source lists it: an auction lot, a museum object, a file.

    Attributes:
        source: Name of the source, such as "commons" or "acsearch".
        record_id: Identifies the listing within its source.
        url: The page that a person can look up.
        title: Headline, without markup.
        text: Describing text, without markup; labels are read from title and text.
        images: Its photos, the obverse first.
        licence: Normalised key, or None if unknown.
        licence_raw: The licence as the source words it.
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
        """Everything that the source says of the coin, for reading labels."""
        parts = (self.title, self.text, "; ".join(self.references))
        return "\n".join(part for part in parts if part)


@runtime_checkable
class Source(Protocol):
    """A site or folder that photos are gathered from.

    Attributes:
        name: As in the commands.
        problems: What was left out while finding, one sentence each.
    """

    name: str
    problems: list[str]

    def plan(self, query: str) -> tuple[str, ...]:
        """What would be asked for, in sentences; sends nothing."""
        ...

    def find(self, query: str) -> Iterator[Listing]:
        """The listings that answer a query, in the order of the source.

        Raises:
            ScrapeError: The source cannot be asked, or is not what it should be.
        """
        ...

    def fetch(self, image: ListingImage) -> bytes:
        """The bytes of a photo.

        Raises:
            ScrapeError: It is missing, damaged or may not be fetched.
        """
        ...
