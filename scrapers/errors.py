"""Errors between a site and the dataset.

    CoinError
    └── ScrapeError
        ├── WrongOrderError      (WrongUseError)     a source is not asked like that
        │   └── ContactMissingError                  no contact is set
        ├── RobotsForbidError    (PermissionError)   robots.txt forbids it
        ├── UnsafeAddressError   (PermissionError)   a host or scheme that is not asked
        ├── SiteRefusesError     (PermissionError)   401, 403, 451
        ├── SiteBusyError        (ConnectionError)   429 or 5xx, after waiting
        │   └── ServerFailureError                   5xx or no answer, at one address
        ├── SiteUnreachableError (ConnectionError)   no answer at all
        ├── UnknownHostError     (LookupError)       no host has that name
        ├── NotFoundError        (LookupError)       404, 410
        ├── UnexpectedAnswerError (ValueError)       wrong type, too large, cut off
        ├── PageChangedError     (ValueError)        a page is not as expected
        └── DiskFullError        (OSError)           a photo cannot be written

`PageChangedError`, `SiteRefusesError`, `RobotsForbidError` and `DiskFullError` end a
run; a single record or photo that is missing or damaged, or at which the server
fails, is skipped and counted.
"""

from __future__ import annotations

from coin_core.errors import CoinError, WrongUseError


class ScrapeError(CoinError):
    """Scraping failed in a way that a person can fix."""


class WrongOrderError(ScrapeError, WrongUseError):
    """There is no such source, or it is not asked without a permission."""


class ContactMissingError(WrongOrderError):
    """No contact is set that a site's owner could write to."""


class RobotsForbidError(ScrapeError, PermissionError):
    """The site's robots.txt forbids the address."""


class UnsafeAddressError(ScrapeError, PermissionError):
    """An address leads to another host, a private network or without encryption."""


class SiteRefusesError(ScrapeError, PermissionError):
    """The site refuses (401, 403, 451)."""


class SiteBusyError(ScrapeError, ConnectionError):
    """The site is busy (429, 5xx).

    Attributes:
        retry_after_s: Seconds that the site asks to wait; None if it does not say.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ServerFailureError(SiteBusyError):
    """The server fails at an address, without saying when to ask again."""


class SiteUnreachableError(ScrapeError, ConnectionError):
    """The site does not answer."""


class UnknownHostError(ScrapeError, LookupError):
    """There is no host of that name."""


class NotFoundError(ScrapeError, LookupError):
    """The site has no such page (404, 410)."""


class UnexpectedAnswerError(ScrapeError, ValueError):
    """The answer has the wrong type, is too large, or was cut off."""


class PageChangedError(ScrapeError, ValueError):
    """A page is not as expected, so its coins might be wrong ones."""


class DiskFullError(ScrapeError, OSError):
    """A photo cannot be written."""
