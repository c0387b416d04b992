"""What the open collections share: a client, a base address, and photos by address."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from scrapers.base import MOST_FAILURES, Listing, ListingImage, Source
from scrapers.errors import (
    NotFoundError,
    ServerFailureError,
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
        self._failures_in_a_row = 0

    def fetch(self, image: ListingImage) -> bytes:
        """The bytes of a photo."""
        return self.client.get_image(image.url)

    def try_record(self, read: Callable[[], Listing | None]) -> Listing | None:
        """Read a record; one that is missing or damaged is noted in `problems`.

        Raises:
            ServerFailureError: The server fails at many records in a row.
        """
        try:
            record = read()
        except ServerFailureError as error:
            self._failures_in_a_row += 1
            if self._failures_in_a_row >= MOST_FAILURES:
                raise
            self.problems.append(str(error))
            return None
        except (NotFoundError, UnexpectedAnswerError, UnsafeAddressError) as error:
            self.problems.append(str(error))
            return None
        self._failures_in_a_row = 0
        return record
