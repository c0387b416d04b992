"""The photo sources and the parsers of result pages, one file each in `sources/`.

A new source is one new file there with a class under `register_source`. The command
line, the Dataset page, the rate limits and the tests take all they need from that
entry.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeVar

from coin_core.storage import data_dir
from scrapers.base import ResultPage, Source
from scrapers.errors import (
    PageChangedError,
    ScrapeError,
    UnexpectedAnswerError,
    WrongOrderError,
)
from scrapers.rate_limiter import RateLimiter, stoppable_sleep
from scrapers.settings import read_contact
from scrapers.url_safety import check_address, host_of, local_sites, origin_of

if TYPE_CHECKING:
    from coin_core.catalog.scrape_jobs import ScrapeOrder

_Factory = TypeVar("_Factory", bound=Callable[..., Source])
_Parse = TypeVar("_Parse", bound=Callable[[str, str], ResultPage])
_HEAD: Final = 8000  # characters of a page in which it names its site


class QueryKind(StrEnum):
    """What a source is asked with."""

    WORDS = "words"
    ADDRESS = "address"
    FILES = "files"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """A source as commands and pages show it.

    Attributes:
        name: In commands and in the catalog, such as "commons".
        title: On the page.
        summary: What it offers, in one or two sentences.
        order: Its place in menus, ascending.
        factory: Builds the source. It is called with nothing for `QueryKind.FILES`,
            with `(client, profile=, show=)` for a browser, otherwise with
            `(client, base)`.
        query_kind: What a query is.
        query_label: Label of the query field.
        query_hint: An example of a query.
        base_url: The source's own site; "" where the query names the site.
        hosts: Hosts that it may ask, each at most once in `pause_s`.
        photos_from: Names of other sources on whose hosts its photos are.
        pause_s: Seconds from the start of a request to that of the next.
        other_sites: Whether other sites run the same software (`--base`); sources
            without them take only a local site there.
        needs_browser: Whether it needs Chromium.
        api_paths: Paths below `base_url` that the owner's published rules open to
            programs, whatever robots.txt says. They are asked only with the user's
            permission.
        api_rules: Address of those rules.
    """

    name: str
    title: str
    summary: str
    order: int
    factory: Callable[..., Source] = field(repr=False)
    query_kind: QueryKind = QueryKind.WORDS
    query_label: str = "Words to look for"
    query_hint: str = ""
    base_url: str = ""
    hosts: tuple[str, ...] = ()
    photos_from: tuple[str, ...] = ()
    pause_s: float = 2.0
    other_sites: bool = False
    needs_browser: bool = False
    api_paths: tuple[str, ...] = ()
    api_rules: str = ""

    def as_json(self) -> dict[str, Any]:
        """The entry for programs that list the sources."""
        return {
            one.name: getattr(self, one.name)
            for one in fields(self)
            if one.name != "factory"
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PageParser:
    """Reads the result pages of one site.

    Attributes:
        name: The site, as listings name it; part of its host.
        order: Which parser is tried first, ascending.
        hosts: Hosts that its pages name near their start.
        marks: Words that are anywhere in its pages.
        parse: Takes a page and its address, and returns its lots.
    """

    name: str
    order: int
    hosts: tuple[str, ...]
    marks: tuple[str, ...] = ()
    parse: Callable[[str, str], ResultPage] = field(repr=False)

    def recognizes(self, text: str) -> bool:
        """Whether a page is of this site."""
        return any(host in text[:_HEAD] for host in self.hosts) or any(
            mark in text for mark in self.marks
        )


_sources: dict[str, SourceInfo] = {}
_parsers: dict[str, PageParser] = {}


def register_source(**entry: Any) -> Callable[[_Factory], _Factory]:
    """Declare a source; takes the fields of `SourceInfo` but `factory`.

    Raises:
        ValueError: The name is taken.
    """

    def register(factory: _Factory) -> _Factory:
        info = SourceInfo(factory=factory, **entry)
        if info.name in (*_sources, "contact", "sources"):
            raise ValueError(f"There is a source {info.name!r} already.")
        _sources[info.name] = info
        return factory

    return register


def register_page_parser(**entry: Any) -> Callable[[_Parse], _Parse]:
    """Declare how the pages of a site are read; fields as in `PageParser`.

    Raises:
        ValueError: The name is taken.
    """

    def register(parse: _Parse) -> _Parse:
        parser = PageParser(parse=parse, **entry)
        if parser.name in _parsers:
            raise ValueError(f"There is a parser for {parser.name!r} already.")
        _parsers[parser.name] = parser
        return parse

    return register


@functools.cache
def _load_all() -> None:
    package = importlib.import_module("scrapers.sources")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"scrapers.sources.{module.name}")


def list_sources() -> tuple[SourceInfo, ...]:
    """All sources, in the order of menus."""
    _load_all()
    return tuple(sorted(_sources.values(), key=lambda one: (one.order, one.name)))


def get_source(name: str) -> SourceInfo:
    """The source with a name.

    Raises:
        WrongOrderError: There is no such source.
    """
    _load_all()
    if name not in _sources:
        names = ", ".join(one.name for one in list_sources())
        raise WrongOrderError(f"There is no source {name!r}. The sources are {names}.")
    return _sources[name]


def parse_page(text: str, url: str) -> ResultPage:
    """Read a result page of any known site.

    Raises:
        PageChangedError: It is of no known site, or not as expected.
        UnexpectedAnswerError: It is too large, too deeply nested, or damaged.
    """
    _load_all()
    host = host_of(url)
    # pages of one site link to others, so the address decides first
    parsers = sorted(
        _parsers.values(), key=lambda one: (one.name not in host, one.order)
    )
    for parser in parsers:
        if parser.name in host or parser.recognizes(text):
            try:
                return parser.parse(text, url)
            except ScrapeError:
                raise
            except (ValueError, RecursionError) as error:
                raise UnexpectedAnswerError("The page is damaged.") from error
    known = ", ".join(sorted(_parsers))
    raise PageChangedError(f"The page is from none of the known sites: {known}.")


@contextlib.contextmanager
def open_source(
    order: ScrapeOrder, *, plan_only: bool = False, show: bool = False
) -> Iterator[Source]:
    """Open the source of an order.

    Args:
        order: What to scrape.
        plan_only: Nothing will be sent, so no contact is needed.
        show: Show the browser, to log in by hand.

    Raises:
        WrongOrderError: There is no such source, no contact, or no permission.
    """
    from scrapers.http_client import PoliteClient

    info = get_source(order.source)
    if info.query_kind is QueryKind.FILES:
        yield info.factory()
        return
    base = order.base or info.base_url
    origins = _origins(order, info)
    exempt = _robots_exemptions(order, info, base)
    with PoliteClient(
        contact="nobody" if plan_only else read_contact(),
        origins=origins,
        robots_exemptions=exempt,
        rate_limiter=RateLimiter(
            data_dir() / "cache" / "hosts", known_pauses_s(), sleep=stoppable_sleep
        ),
        sleep=stoppable_sleep,
    ) as client:
        if info.needs_browser:
            yield info.factory(client, profile=order.profile, show=show)
        else:
            yield info.factory(client, base)


def plan(order: ScrapeOrder) -> tuple[str, ...]:
    """What a run would do, in sentences; sends nothing.

    Raises:
        WrongOrderError: There is no such source, or no permission.
        ScrapeError: There is nothing to read.
    """
    with open_source(order, plan_only=True) as source:
        steps = [*source.plan(order.query)]
    info = get_source(order.source)
    if info.query_kind is not QueryKind.FILES:
        rate_limiter = RateLimiter(data_dir(), known_pauses_s())
        seconds = {one: rate_limiter.pause_s(one) for one in _origins(order, info)}
        pauses = sorted(f"{count:g} s for {host}" for host, count in seconds.items())
        steps.append(
            "read each host's robots.txt first and obey it; one request at a time, "
            f"with a pause after each: {', '.join(pauses)}, or what the host asks for "
            "if that is longer"
        )
    kept = "every kind of coin" if order.everything else "coins of the three rulers"
    steps.append(
        f"take {kept}; skip what the dataset has already"
        if order.limit is None
        else f"take {kept}, until {order.limit} new listings are there; skip what the "
        "dataset has already"
    )
    return tuple(steps)


def known_pauses_s() -> dict[str, float]:
    """The pause of each host that a source names, in seconds."""
    return {host: info.pause_s for info in list_sources() for host in info.hosts}


def _origins(order: ScrapeOrder, info: SourceInfo) -> frozenset[str]:
    """The hosts that may be asked."""
    if info.query_kind is QueryKind.ADDRESS:
        host = host_of(order.query)
        if not host or host_of(f"https://{order.permission}") != host:
            raise WrongOrderError(
                "A browser opens only a host that you name yourself: add "
                f"--i-have-permission {host or 'HOST'} if the site has allowed it. "
                "Otherwise save its pages by hand and use: python -m scrapers saved "
                "FOLDER"
            )
        check_address(order.query, frozenset({origin_of(order.query)}))
        return frozenset({origin_of(order.query)})
    if order.base:
        origin = origin_of(order.base)
        if not info.other_sites and origin not in local_sites():
            raise WrongOrderError(
                f"{info.title} is asked at {info.base_url} only; no other site is "
                "known to run the same software."
            )
        check_address(order.base, frozenset({origin}))
        return frozenset({origin})
    others = (get_source(name).hosts for name in info.photos_from)
    return frozenset(info.hosts).union(*others)


def _robots_exemptions(
    order: ScrapeOrder, info: SourceInfo, base: str
) -> frozenset[str]:
    """Addresses that may be asked although robots.txt forbids them.

    Only the API of a collection, and only if the user has named its host as one that
    lets programs in. Pages are never among them: a browser obeys robots.txt.
    """
    if info.query_kind is QueryKind.ADDRESS or not order.permission:
        return frozenset()
    if order.permission.lower() != host_of(base):
        raise WrongOrderError(
            f"{order.source} asks {host_of(base)}, but the permission is for "
            f"{order.permission}."
        )
    return frozenset(f"{base}{path}" for path in info.api_paths)
