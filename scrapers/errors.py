"""What can go wrong between a site and the catalog.

    CoinError
    └── ScrapeError
        ├── ContactMissingError                      nobody to write to is named
        ├── RobotsForbidError    (PermissionError)   robots.txt does not let us
        ├── UnsafeAddressError   (PermissionError)   a host or scheme not to be asked
        ├── SiteRefusesError     (PermissionError)   401, 403, 451
        ├── SiteBusyError        (ConnectionError)   429 or 5xx, after waiting
        ├── SiteUnreachableError (ConnectionError)   no answer at all
        ├── NotFoundError        (LookupError)       404, 410
        ├── UnexpectedAnswerError (ValueError)       wrong type, too large, cut off
        ├── PageChangedError     (ValueError)        a page is not what it should be
        └── DiskFullError        (OSError)           nowhere to put what was fetched

`PageChangedError`, `SiteRefusesError`, `RobotsForbidError` and `DiskFullError` end a
run; a single record or photo that is missing or damaged is left out and counted.
"""

from __future__ import annotations

from coin_core.errors import CoinError


class ScrapeError(CoinError):
    """Gathering photos failed in a way a person can mend."""


class ContactMissingError(ScrapeError):
    """No contact is set that a site's owner could write to."""


class RobotsForbidError(ScrapeError, PermissionError):
    """The site's robots.txt forbids the address."""


class UnsafeAddressError(ScrapeError, PermissionError):
    """An address leads to another host, a private network or without encryption."""


class SiteRefusesError(ScrapeError, PermissionError):
    """The site says no (401, 403, 451)."""


class SiteBusyError(ScrapeError, ConnectionError):
    """The site asks for patience (429, 5xx).

    Attributes:
        retry_after_s: Seconds that the site asks to wait; None if it does not say.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SiteUnreachableError(ScrapeError, ConnectionError):
    """The site does not answer."""


class NotFoundError(ScrapeError, LookupError):
    """The site has no such page (404, 410)."""


class UnexpectedAnswerError(ScrapeError, ValueError):
    """The answer is of the wrong kind, too large, or cut off."""


class PageChangedError(ScrapeError, ValueError):
    """A page is not what it should be, so that wrong coins might be gathered."""


class DiskFullError(ScrapeError, OSError):
    """What was fetched cannot be written."""
