"""Scrolls an endless result list to its end in Chromium; the only Selenium code.

It is for hosts that allow this and that the user names. The browser has no network
access except through `BrowserProxy` and loads no images: photos are fetched one by one
as from any other source. To log in, the user gets a window of its own first. All
waits are for changes of the page, never for a fixed time.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from scrapers.base import Listing, ListingImage, ResultPage
from scrapers.errors import PageChangedError, ScrapeError, SiteUnreachableError
from scrapers.html_utils import MOST_LOTS
from scrapers.registry import QueryKind, parse_page, register_source
from scrapers.url_safety import origin_of

if TYPE_CHECKING:
    from selenium import webdriver

    from scrapers.browser_proxy import BrowserProxy
    from scrapers.http_client import PoliteClient

_log = logging.getLogger("scrapers")

CHANGE_S: Final = 30.0
LOAD_S: Final = 300.0  # each file of a page waits for the pause
_POLL_S: Final = 0.05
_SET_DEATH_SIGNAL: Final = 1  # PR_SET_PDEATHSIG of prctl(2)
_STATE: Final = """
const list = document.querySelector('#search-container') || document.body;
return [list.querySelectorAll('.auction-lot').length, list.querySelectorAll('a').length,
        document.documentElement.scrollHeight].join('/');
"""
_SCROLL: Final = "window.scrollTo(0, document.documentElement.scrollHeight);"
_ADDRESS: Final = "return location.href"
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
    order=91,
    query_kind=QueryKind.ADDRESS,
    query_label="Address of the result list",
    query_hint="https://www.example.org/search.html?term=prutah",
    needs_browser=True,
)
class BrowserPages:
    """The result list at an address.

    Args:
        client: Keeps the rules of the site and fetches the photos.
        profile: Folder of the browser profile, such as one that is logged in.
        show: Show a window first, and wait for the user to log in.
        change_s: How long the page may take to show more.
    """

    def __init__(
        self,
        client: PoliteClient,
        *,
        profile: str | None = None,
        show: bool = False,
        change_s: float = CHANGE_S,
    ) -> None:
        self.problems: list[str] = []
        self._client, self._profile, self._show = client, profile, show
        self._change_s = change_s

    def plan(self, query: str) -> tuple[str, ...]:
        """What the browser would do, in sentences."""
        return (
            f"read the robots.txt of {origin_of(query)}",
            *((f"open {query} in a window, to log in by hand",) if self._show else ()),
            f"open {query} in a headless browser",
            "scroll to the end of the list, and read the lots it shows; the page's own "
            "requests keep the pause, and other hosts are not asked",
        )

    def find(self, query: str) -> Iterator[Listing]:
        """The lots of the list, once all of them are shown.

        Raises:
            PageChangedError: The list ends before the number that it announces.
            RobotsForbidError: robots.txt forbids the address.
        """
        from selenium.common.exceptions import WebDriverException

        self._client.permit(query)
        try:
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                profile = self._profile or folder
                cookies = self._log_in(profile, query) if self._show else []
                with _open_browser(self._arguments(profile)) as driver:
                    page = self._load_list(driver, query, cookies)
        except WebDriverException as error:
            raise SiteUnreachableError(
                f"The browser could not read {query} ({error.msg})."
            ) from error
        yield from page.listings

    def fetch(self, image: ListingImage) -> bytes:
        """The bytes of a photo, in medium size if the list shows a small one."""
        return self._client.get_image(image.url.replace(".s.jpg", ".m.jpg"))

    def _log_in(self, profile: str, url: str) -> list[dict[str, Any]]:
        """Let the user log in; the requests of that window are not limited.

        Returns:
            The cookies, also those of the session.
        """
        with _open_browser(self._arguments(profile, visible=True)) as driver:
            driver.get(url)
            sys.stderr.write("Log in in the window if you wish, then press Enter.\n")
            sys.stdin.readline()
            found: dict[str, Any] = driver.execute_cdp_cmd("Storage.getCookies", {})
            return list(found["cookies"])

    def _load_list(
        self, driver: webdriver.Chrome, url: str, cookies: list[dict[str, Any]]
    ) -> ResultPage:
        from scrapers.browser_proxy import BrowserProxy

        driver.execute_cdp_cmd("Storage.setCookies", {"cookies": cookies})
        proxy = BrowserProxy(driver, self._client)
        try:
            self._open(driver, url, proxy)
            return self._scroll_to_end(driver, url, proxy)
        except PageChangedError as error:
            hosts = ", ".join(proxy.other_hosts())
            if not hosts:
                raise
            raise PageChangedError(
                f"{error} The page also needs {hosts}, which was not asked because you "
                "named one host."
            ) from error
        finally:
            proxy.close()

    def _open(self, driver: webdriver.Chrome, url: str, proxy: BrowserProxy) -> None:
        driver.get(url)  # returns at once: the proxy answers while we wait below
        if not proxy.page_answered.wait(LOAD_S):
            raise SiteUnreachableError(f"{url} did not load in time.")
        if proxy.page_error is not None:
            raise proxy.page_error
        if not _wait_until(
            driver,
            self._change_s,
            lambda: origin_of(driver.execute_script(_ADDRESS)) in self._client.origins,
        ):
            raise SiteUnreachableError(f"{url} shows nothing in the browser.")

    def _scroll_to_end(
        self, driver: webdriver.Chrome, url: str, proxy: BrowserProxy
    ) -> ResultPage:
        """Scroll until the list shows as many lots as it announces."""
        page, state = self._wait_for_lots(driver, url, proxy)
        if page.announced is None:
            raise PageChangedError(
                f"{url} does not say how many lots it lists, so its end cannot be "
                "known. Nothing was taken: it is no list of results, or has changed."
            )
        while len(page.listings) < page.announced:
            if len(page.listings) > MOST_LOTS:
                raise PageChangedError(f"{url} lists more than {MOST_LOTS} lots.")
            driver.execute_script(_SCROLL)
            if not self._changes(driver, state, proxy, self._change_s):
                raise PageChangedError(
                    f"{url} announces {page.announced} lots and shows no more than "
                    f"{len(page.listings)} after {self._change_s:g} s. Nothing was "
                    "taken: the site has a problem, or has changed."
                )
            # First the state: lots that appear after it are read the next time.
            state = driver.execute_script(_STATE)
            page = parse_page(driver.page_source, url)
        # images that load only when in view; not all need to appear
        _wait_until(
            driver,
            min(self._change_s, 10.0),
            lambda: driver.execute_script(_LAZY) == 0,
        )
        return parse_page(driver.page_source, url)

    def _wait_for_lots(
        self, driver: webdriver.Chrome, url: str, proxy: BrowserProxy
    ) -> tuple[ResultPage, str]:
        """The page with its first lots, which may appear some time after it.

        Returns:
            What it shows, and its state from before that was read.
        """
        end = time.monotonic() + self._change_s
        while True:
            state = driver.execute_script(_STATE)
            try:
                return parse_page(driver.page_source, url), state
            except PageChangedError:
                left_s = max(end - time.monotonic(), 0.0)
                if not self._changes(driver, state, proxy, left_s):
                    raise

    @staticmethod
    def _changes(
        driver: webdriver.Chrome, state: str, proxy: BrowserProxy, timeout_s: float
    ) -> bool:
        """Wait until the page shows something else; False if it does not.

        Raises:
            ScrapeError: The site refused a request meanwhile.
        """
        changed = _wait_until(
            driver,
            timeout_s,
            lambda: proxy.refusal is not None or driver.execute_script(_STATE) != state,
        )
        if changed and proxy.refusal is not None:
            raise proxy.refusal
        return changed

    def _arguments(self, profile: str, *, visible: bool = False) -> tuple[str, ...]:
        from scrapers.browser_proxy import UNREACHABLE

        hidden = ("--headless=new", UNREACHABLE, "--blink-settings=imagesEnabled=false")
        return (
            *(() if visible else hidden),
            f"--user-data-dir={profile}",
            f"--user-agent={self._client.agent}",
            "--no-sandbox",
            "--remote-debugging-pipe",  # it ends when the driver does
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            # calls between browsers need no names, so `UNREACHABLE` does not stop them
            "--webrtc-ip-handling-policy=disable_non_proxied_udp",
            "--window-size=1200,900",
        )


def _wait_until(
    driver: webdriver.Chrome, timeout_s: float, condition: Callable[[], bool]
) -> bool:
    """Whether a condition comes true in time."""
    from selenium.common.exceptions import TimeoutException
    from selenium.webdriver.support.ui import WebDriverWait

    try:
        WebDriverWait(driver, timeout_s, _POLL_S).until(lambda _: condition())
    except TimeoutException:
        return False
    return True


@contextlib.contextmanager
def _open_browser(arguments: tuple[str, ...]) -> Iterator[webdriver.Chrome]:
    from selenium import webdriver
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = _find("chromium", "chromium-browser", "google-chrome")
    options.enable_bidi = True
    options.page_load_strategy = "none"
    for argument in arguments:
        options.add_argument(argument)
    try:
        service = Service(_find("chromedriver"), popen_kw=_ends_with_us())
        driver = webdriver.Chrome(options=options, service=service)
    except WebDriverException as error:
        reason = (error.msg or "").partition("; For documentation")[0]
        raise ScrapeError(
            f"The browser does not start ({reason}). A profile must be a folder that "
            "no other window uses, and --show needs a screen."
        ) from error
    try:
        yield driver
    finally:
        driver.quit()


def _ends_with_us() -> dict[str, Any]:
    """Arguments of Popen for a process that ends when this one is killed; on Linux."""
    if sys.platform != "linux":
        return {}
    prctl = ctypes.CDLL(None).prctl
    return {"preexec_fn": lambda: prctl(_SET_DEATH_SIGNAL, signal.SIGTERM)}


def _find(*names: str) -> str:
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        raise ScrapeError(
            f"{names[0]} is missing. Install it (apt install chromium "
            "chromium-driver), or save the pages by hand and use: python -m scrapers "
            "saved FOLDER"
        )
    return found
