"""What a site's robots.txt lets us do (RFC 9309, read by Protego)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from protego import Protego

from scrapers.errors import (
    NotFoundError,
    RobotsForbidError,
    ScrapeError,
    SiteRefusesError,
    UnexpectedAnswerError,
)

AGENT: Final = "CoinGatherer"
"""The name by which a robots.txt can address us."""

_log = logging.getLogger("scrapers")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rules:
    """The rules of one site; `none` where it has no robots.txt."""

    parser: Protego | None

    @property
    def crawl_delay_s(self) -> float:
        """Seconds between two requests that the site asks for."""
        if self.parser is None:
            return 0.0
        delay = self.parser.crawl_delay(AGENT) or 0.0
        rate = self.parser.request_rate(AGENT)
        each = rate.seconds / rate.requests if rate and rate.requests else 0.0
        return float(max(delay, each))

    def check(self, url: str, *, robots_exemptions: bool = False) -> None:
        """Refuse what the site does not want.

        Args:
            url: The full address.
            robots_exemptions: The user has stated that the site lets programs in there.

        Raises:
            RobotsForbidError: robots.txt forbids the address.
        """
        if self.parser is not None and not self.parser.can_fetch(url, AGENT):
            if robots_exemptions:
                _log.info("robots.txt forbids %s; asked by the site's leave", url)
                return
            _log.warning("robots.txt forbids %s", url)
            raise RobotsForbidError(
                f"robots.txt forbids {url}. Nothing was asked. Ask the site for leave, "
                "or save the pages by hand and gather them with: python -m scrapers "
                "saved FOLDER"
            )
        _log.debug("robots.txt allows %s", url)


def read_rules(origin: str, fetch: Callable[[], str]) -> Rules:
    """Fetch and read a site's robots.txt.

    A site without one (404, 410) has no rules. A site that cannot be reached, or that
    refuses even its robots.txt, may not be asked at all: the error of `fetch` is left
    to rise.
    """
    try:
        text = fetch()
    except NotFoundError:
        _log.info("%s has no robots.txt: everything is allowed", origin)
        return Rules(parser=None)
    except UnexpectedAnswerError as error:
        raise SiteRefusesError(
            f"The robots.txt of {origin} cannot be read ({error}), so nothing is asked."
        ) from error
    if text.lstrip().startswith("<"):
        _log.info("%s answers a page for robots.txt: taken as none", origin)
        return Rules(parser=None)
    try:
        rules = Rules(parser=Protego.parse(text))
    except ValueError as error:
        raise ScrapeError(f"The robots.txt of {origin} is damaged.") from error
    _log.info("%s has a robots.txt; pause asked for: %g s", origin, rules.crawl_delay_s)
    return rules
