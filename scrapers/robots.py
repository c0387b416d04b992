"""What the robots.txt of a site allows (RFC 9309, parsed by Protego)."""

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
"""The name by which a robots.txt can address this program."""

ROBOTS_CHARS: Final = 512 << 10  # RFC 9309: what is beyond 500 KiB may be ignored
LONGEST_DELAY_S: Final = 3600.0

_log = logging.getLogger("scrapers")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RobotsRules:
    """The rules of one site; `parser` is None for a site without a robots.txt."""

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

    def check(self, url: str, *, exempt: bool = False) -> None:
        """Refuse an address that the site forbids.

        Args:
            url: The full address.
            exempt: The user has stated that the site allows programs there.

        Raises:
            RobotsForbidError: robots.txt forbids the address.
        """
        if self.parser is None or self.parser.can_fetch(url, AGENT):
            _log.debug("robots.txt allows %s", url)
        elif exempt:
            _log.info("robots.txt forbids %s; asked with permission", url)
        else:
            _log.warning("robots.txt forbids %s", url)
            raise RobotsForbidError(
                f"robots.txt forbids {url}. Nothing was asked. Ask the site for "
                "permission, or save the pages by hand and use: python -m scrapers "
                "saved FOLDER"
            )


def load_rules(origin: str, fetch: Callable[[], str]) -> RobotsRules:
    """Load the robots.txt of a site.

    A site without one (404, 410) has no rules. A site that cannot be reached, or that
    refuses even its robots.txt, may not be asked at all.

    Raises:
        ScrapeError: robots.txt cannot be fetched or read.
    """
    try:
        text = fetch()
    except NotFoundError:
        _log.info("%s has no robots.txt: everything is allowed", origin)
        return RobotsRules(parser=None)
    except UnexpectedAnswerError as error:
        raise SiteRefusesError(
            f"The robots.txt of {origin} cannot be read ({error}), so nothing is asked."
        ) from error
    if text.lstrip().startswith("<"):
        _log.info("%s answers a page for robots.txt, which counts as none", origin)
        return RobotsRules(parser=None)
    try:
        rules = RobotsRules(parser=Protego.parse(text[:ROBOTS_CHARS]))
    except ValueError as error:
        raise ScrapeError(f"The robots.txt of {origin} is damaged.") from error
    if not rules.crawl_delay_s <= LONGEST_DELAY_S:  # nor a number that is none
        raise SiteRefusesError(
            f"{origin} asks for a pause of {rules.crawl_delay_s:g} s after each "
            "request, so nothing is asked. Ask the site for permission."
        )
    _log.info("%s has a robots.txt; pause asked for: %g s", origin, rules.crawl_delay_s)
    return rules
