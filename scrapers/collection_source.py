"""What the open collections share: whom they ask, and how their photos come."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import ClassVar

from scrapers.base import Listing, ListingImage
from scrapers.errors import NotFoundError, UnexpectedAnswerError
from scrapers.http_client import PoliteClient


class Collection(ABC):
    """A collection that answers programs; one file each says how it is asked.

    Args:
        client: Asks its hosts, within their rules.
        base: Another site on the same software; None for the collection's own.

    Attributes:
        name: As in the commands.
        home: The collection's own site.
        origins: Hosts that it is gathered from.
        apis: Paths of its home that its owner's published rules open to programs,
            whatever robots.txt says to crawlers; asked only by the user's leave.
        problems: What was left out while finding, one sentence each.
    """

    name: str
    home: ClassVar[str]
    origins: ClassVar[frozenset[str]]
    apis: ClassVar[tuple[str, ...]] = ()

    def __init__(self, client: PoliteClient, base: str | None = None) -> None:
        self.problems: list[str] = []
        self._client = client
        self._base = base or self.home

    @abstractmethod
    def plan(self, query: str) -> tuple[str, ...]:
        """What would be asked for, in sentences; sends nothing."""

    @abstractmethod
    def find(self, query: str) -> Iterator[Listing]:
        """The listings that answer a query, in the order of the collection."""

    def fetch(self, image: ListingImage) -> bytes:
        """The bytes of a photo."""
        return self._client.get_image(image.url)

    def _try(self, read: Callable[[], Listing]) -> Listing | None:
        """A record; one that is missing or damaged is told in `problems`."""
        try:
            return read()
        except (NotFoundError, UnexpectedAnswerError) as error:
            self.problems.append(str(error))
            return None
