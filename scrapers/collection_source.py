"""What the open collections share: a client, a base address, and photos by address."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from scrapers.base import Listing, ListingImage, Source
from scrapers.errors import (
    NotFoundError,
    UnexpectedAnswerError,
    UnsafeAddressError,
)

if TYPE_CHECKING:
    from scrapers.http_client import PoliteClient


class CollectionSource(Source):
    """A collection that answers programs.

    Attributes:
        problems: What `find` skipped, one sentence each.
    """

    def __init__(self, client: PoliteClient, base: str) -> None:
        self.problems: list[str] = []
        self.client = client
        self.base = base

    def fetch(self, image: ListingImage) -> bytes:
        """The bytes of a photo."""
        return self.client.get_image(image.url)

    def try_record(self, read: Callable[[], Listing]) -> Listing | None:
        """Read a record; one that is missing or damaged is noted in `problems`."""
        try:
            return read()
        except (NotFoundError, UnexpectedAnswerError, UnsafeAddressError) as error:
            self.problems.append(str(error))
            return None
