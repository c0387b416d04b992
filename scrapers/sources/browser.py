"""The only Selenium code: scrolls an endless list to its end and reads what it shows.

For hosts that have allowed it and that the user names himself. The browser that reads
has no way to the network but the gate, and loads no images (those are fetched one by
one like all others). Where the user logs in, a window of its own does that first. It
waits for what changes, never for a set time.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any, Final

from selenium import webdriver
from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

from scrapers.base import Listing, ListingImage, ResultPage
from scrapers.browser_proxy import UNREACHABLE, BrowserProxy
from scrapers.errors import (
    PageChangedError,
    ScrapeError,
    SiteUnreachableError,
)
from scrapers.http_client import PoliteClient
from scrapers.registry import QueryKind, parse_page, register_source
from scrapers.url_safety import origin_of

_log = logging.getLogger("scrapers")

PATIENCE_S: Final = 30.0
LOADING_S: Final = 300.0  # each file of a page waits for the pause
_MOST_LOTS: Final = 20_000
_STATE: Final = """
const list = document.querySelector('#search-container') || document.body;
return [list.querySelectorAll('.auction-lot').length, list.querySelectorAll('a').length,
        document.documentElement.scrollHeight].join('/');
"""
_SCROLL: Final = "window.scrollTo(0, document.documentElement.scrollHeight);"
_WHERE: Final = "return location.href"
_LAZY: Final = """
const lazy = [...document.querySelectorAll('.auction-lot img')].filter(
  image => !image.dataset.src && (image.getAttribute('src') || '').includes('blank.'));
if (lazy.length) { lazy[0].scrollIntoView(); }
return lazy.length;
"""


@register_source(
    name="browser",
    title="A list in a browser",
    summary="An endless result list like that of acsearch, scrolled to its end by "
    "Chromium. Most auction sites forbid this: only for one that has allowed you.",
    order=9,
    query_kind=QueryKind.ADDRESS,
    query_label="Address of the result list",
    query_hint="https://www.example.org/search.html?term=prutah",
    needs_browser=True,
)
class BrowserPages:
    """The result list at an address, read by a real browser.

    Args:
        client: Knows the rules and fetches the photos.
        profile: Folder of the browser profile to use, such as one that is logged in.
        show: Show a window first and wait for the user to log in by hand.
        patience_s: How long the page may take to show more.
    """

    def __init__(
        self,
        client: PoliteClient,
        *,
        profile: str | None = None,
        show: bool = False,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.problems: list[str] = []
        self._client, self._profile, self._show = client, profile, show
        self._patience_s = patience_s

    def plan(self, query: str) -> tuple[str, ...]:
        """What the browser would be sent to."""
        return (
            f"read the robots.txt of {origin_of(query)}",
            *((f"open {query} in a window, to log in by hand",) if self._show else ()),
            f"open {query} in a headless browser",
            "scroll to the end of the list, and read the lots it shows; whatever the "
            "page itself asks for keeps the pause, and other hosts are not asked",
        )

    def find(self, query: str) -> Iterator[Listing]:
        """The lots of the list, read when all of them are shown.

        Raises:
            PageChangedError: The list ends before the number it announces.
            RobotsForbidError: robots.txt forbids the address.
        """
        self._client.permit(query)
        try:
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                profile = self._profile or folder
                cookies = self._log_in(profile, query) if self._show else []
                with _opened(self._arguments(profile)) as driver:
                    page = self._collect(driver, query, cookies)
        except WebDriverException as error:
            raise SiteUnreachableError(
                f"The browser could not read {query} ({error.msg})."
            ) from error
        yield from page.listings

    def fetch(self, image: ListingImage) -> bytes:
        """The bytes of a photo, in medium size where the list shows a small one."""
        return self._client.get_image(image.url.replace(".s.jpg", ".m.jpg"))

    def _log_in(self, profile: str, url: str) -> list[dict[str, Any]]:
        """Let the user log in by hand; what the hand does is not ours to pace.

        Returns:
            The cookies, also those that end with the window.
        """
        with _opened(self._arguments(profile, shown=True)) as driver:
            driver.get(url)
            sys.stderr.write("Log in in the window if you wish, then press Enter.\n")
            sys.stdin.readline()
            found: dict[str, Any] = driver.execute_cdp_cmd("Storage.getCookies", {})
            return list(found["cookies"])

    def _collect(
        self, driver: webdriver.Chrome, url: str, cookies: list[dict[str, Any]]
    ) -> ResultPage:
        driver.execute_cdp_cmd("Storage.setCookies", {"cookies": cookies})
        gate = BrowserProxy(driver, self._client)
        try:
            self._open(driver, url, gate)
            return self._read_all(driver, url, gate)
        except PageChangedError as error:
            hosts = ", ".join(gate.hosts_left_out())
            if not hosts:
                raise
            raise PageChangedError(
                f"{error} It wanted something of {hosts} too, which was not asked, "
                "since you named one host."
            ) from error
        finally:
            gate.close()

    def _open(self, driver: webdriver.Chrome, url: str, gate: BrowserProxy) -> None:
        driver.get(url)  # comes back at once: the gate cannot open while it waits
        if not gate.page_came.wait(LOADING_S):
            raise SiteUnreachableError(f"{url} did not load in time.")
        if gate.page_error is not None:
            raise gate.page_error
        try:
            WebDriverWait(driver, self._patience_s, 0.05).until(
                lambda one: (
                    origin_of(one.execute_script(_WHERE)) in self._client.origins
                )
            )
        except TimeoutException as error:
            raise SiteUnreachableError(
                f"{url} shows nothing in the browser."
            ) from error

    def _read_all(
        self, driver: webdriver.Chrome, url: str, gate: BrowserProxy
    ) -> ResultPage:
        """Scroll until the list shows as much as it announces."""
        page = self._read_first(driver, url, gate)
        if page.announced is None:
            raise PageChangedError(
                f"{url} does not say how many lots it lists, so that nobody can tell "
                "where it ends. Nothing was taken: it is no list of results, or has "
                "changed."
            )
        while len(page.listings) < page.announced:
            if len(page.listings) > _MOST_LOTS:
                raise PageChangedError(f"{url} lists more than {_MOST_LOTS} lots.")
            shown = len(page.listings)
            state = driver.execute_script(_STATE)
            driver.execute_script(_SCROLL)
            if not self._changes(driver, state, gate, self._patience_s):
                raise PageChangedError(
                    f"{url} announces {page.announced} lots and shows no more than "
                    f"{shown} after {self._patience_s:g} s. Nothing was taken: the "
                    "site is ailing, or has changed."
                )
            page = self._read(driver, url)
        self._wake_images(driver)
        return self._read(driver, url)

    def _read_first(
        self, driver: webdriver.Chrome, url: str, gate: BrowserProxy
    ) -> ResultPage:
        """What the page shows at first; its lots may come some time after it."""
        end = time.monotonic() + self._patience_s
        while True:
            state = driver.execute_script(_STATE)
            try:
                return self._read(driver, url)
            except PageChangedError:
                left = max(end - time.monotonic(), 0.0)
                if not self._changes(driver, state, gate, left):
                    raise

    @staticmethod
    def _changes(
        driver: webdriver.Chrome, state: str, gate: BrowserProxy, patience_s: float
    ) -> bool:
        """Wait until the page shows something else; False if it does not.

        Raises:
            ScrapeError: The site has said no meanwhile.
        """
        with contextlib.suppress(TimeoutException):
            WebDriverWait(driver, patience_s, 0.05).until(
                lambda one: gate.told_to_stop or one.execute_script(_STATE) != state
            )
            if gate.told_to_stop is not None:
                raise gate.told_to_stop
            return True
        return False

    def _wake_images(self, driver: webdriver.Chrome) -> None:
        """Bring images that load only in view into view; they need not all appear."""
        with contextlib.suppress(TimeoutException):
            WebDriverWait(driver, min(self._patience_s, 10.0), 0.05).until(
                lambda one: one.execute_script(_LAZY) == 0
            )

    @staticmethod
    def _read(driver: webdriver.Chrome, url: str) -> ResultPage:
        return parse_page(driver.page_source, url)

    def _arguments(self, profile: str, *, shown: bool = False) -> tuple[str, ...]:
        hidden = ("--headless=new", UNREACHABLE, "--blink-settings=imagesEnabled=false")
        return (
            *(() if shown else hidden),
            f"--user-data-dir={profile}",
            f"--user-agent={self._client.agent}",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--window-size=1200,900",
        )


@contextlib.contextmanager
def _opened(arguments: tuple[str, ...]) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    browser = _find("chromium", "chromium-browser", "google-chrome")
    driver = _find("chromedriver")
    options.binary_location = browser
    options.enable_bidi = True
    options.page_load_strategy = "none"
    for argument in arguments:
        options.add_argument(argument)
    try:
        chrome = webdriver.Chrome(options=options, service=Service(driver))
    except WebDriverException as error:
        said = (error.msg or "").partition("; For documentation")[0]
        raise ScrapeError(
            f"The browser does not start ({said}). A profile must be a folder that no "
            "other window uses, and --show needs a screen."
        ) from error
    try:
        yield chrome
    finally:
        chrome.quit()


def _find(*names: str) -> str:
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        raise ScrapeError(
            f"{names[0]} is missing. Install it (apt install chromium "
            "chromium-driver), or save the pages by hand and use: python -m scrapers "
            "saved FOLDER"
        )
    return found
