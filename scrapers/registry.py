"""The sources by name, opened for an order."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import urlsplit

from coin_core.catalog.scrape_jobs import ScrapeOrder
from scrapers.base import SOURCES, Source
from scrapers.collection_source import Collection
from scrapers.errors import ScrapeError
from scrapers.http_client import PoliteClient
from scrapers.rate_limiter import Pacer
from scrapers.settings import data_dir, read_contact
from scrapers.sources.ans import Ans
from scrapers.sources.commons import Commons
from scrapers.sources.ikmk import Ikmk
from scrapers.sources.nomisma import Nomisma
from scrapers.url_safety import origin_of

COLLECTIONS: Final[dict[str, type[Collection]]] = {
    one.name: one for one in (Commons, Ans, Ikmk, Nomisma)
}


@contextlib.contextmanager
def opened(
    order: ScrapeOrder,
    *,
    plan_only: bool = False,
    show: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Source]:
    """The source of an order, ready to be asked.

    Args:
        order: What is to be gathered.
        plan_only: Nothing will be sent, so that nobody to write to is needed.
        show: Show the browser, to log in by hand.
        sleep: How pauses are waited for.

    Raises:
        ScrapeError: There is no such source, no contact, or no permission.
    """
    if order.source == "saved":
        from scrapers.saved import SavedPages

        yield SavedPages()
        return
    kind = COLLECTIONS.get(order.source)
    if kind is None and order.source != "browser":
        raise ScrapeError(
            f"There is no source {order.source!r}; there are {', '.join(SOURCES)}."
        )
    origins = _origins(order, kind)
    contact = "nobody" if plan_only else read_contact()
    with PoliteClient(
        contact=contact,
        origins=origins,
        robots_exemptions=_by_leave(order, kind),
        sleep=sleep,
    ) as client:
        if kind is not None:
            yield kind(client, order.base)
            return
        from scrapers.browser import BrowserPages

        yield BrowserPages(client, profile=order.profile, show=show)


def plan(order: ScrapeOrder) -> tuple[str, ...]:
    """What would be asked for an order, in sentences; sends nothing.

    Raises:
        ScrapeError: There is no such source, no permission, or nothing to read.
    """
    with opened(order, plan_only=True) as source:
        steps = [*source.plan(order.query)]
    if order.source != "saved":
        origins = _origins(order, COLLECTIONS.get(order.source))
        pacer = Pacer(data_dir())
        pauses = {f"{pacer.pause_s(one):g} s for {one}" for one in origins}
        steps.append(
            "read each host's robots.txt first and keep to it; one request at a time, "
            f"and a pause between two: {', '.join(sorted(pauses))}, or what the host "
            "asks for if that is longer"
        )
    kept = "every kind of coin" if order.everything else "coins of the three rulers"
    if order.limit is not None:
        kept += f", until {order.limit} new listings are there"
    steps.append(f"take {kept}; leave out what the catalog has already")
    return tuple(steps)


def _origins(order: ScrapeOrder, kind: type[Collection] | None) -> frozenset[str]:
    """The hosts that may be asked."""
    if kind is None:
        host = (urlsplit(order.query).hostname or "").lower()
        if not host or (order.permission or "").lower() != host:
            raise ScrapeError(
                "A browser is sent only to a host that you name yourself: add "
                f"--i-have-permission {host or 'HOST'} if the site has allowed it. "
                "Otherwise save its pages by hand and use: python -m scrapers saved "
                "FOLDER"
            )
        return frozenset({origin_of(order.query)})
    if order.base:
        return frozenset({origin_of(order.base)})
    return kind.origins


def _by_leave(order: ScrapeOrder, kind: type[Collection] | None) -> frozenset[str]:
    """Addresses that may be asked although robots.txt is against it.

    Only a collection's API, and only if the user has named its host as one that lets
    programs in. Pages are never among them: a browser obeys robots.txt.
    """
    if kind is None or not order.permission:
        return frozenset()
    base = order.base or kind.home
    if order.permission.lower() != urlsplit(base).hostname:
        raise ScrapeError(
            f"{order.source} asks {urlsplit(base).hostname}, and the permission named "
            f"is that of {order.permission}."
        )
    return frozenset(f"{base}{path}" for path in kind.apis)
