"""What a page asks for in the browser goes through the rules of all other requests.

A page loads scripts and further results by itself. Each of these requests waits for
the host's turn, one at a time; what robots.txt forbids, and other hosts, are not asked.
One thing is beyond reach: where a connection breaks, Chromium asks again at once.
"""

from __future__ import annotations

import logging
import threading
from typing import Any, Final
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from websocket import WebSocketException

from scrapers._addresses import origin_of
from scrapers._answers import check_status
from scrapers._http import PoliteClient
from scrapers.errors import ScrapeError, SiteBusyError, SiteRefusesError

_log = logging.getLogger("scrapers")

ANSWER_S: Final = 60.0


class Gate:
    """Stands between a browser and the network.

    Args:
        driver: The browser, started with BiDi.
        client: Knows the rules and the pauses.

    Attributes:
        refused: Why an address was not asked, by address.
        page_error: Why the page itself was not asked or not had, or None.
        told_to_stop: The site's refusal (403, 429, 503...) of anything, or None.
        page_came: Set when the page was answered or refused.
    """

    def __init__(self, driver: webdriver.Chrome, client: PoliteClient) -> None:
        self.refused: dict[str, ScrapeError] = {}
        self.page_error: ScrapeError | None = None
        self.told_to_stop: ScrapeError | None = None
        self.page_came = threading.Event()
        self._client = client
        self._window = driver.current_window_handle
        self._under_way: dict[str, threading.Event] = {}
        network: Any = driver.network
        network.add_event_handler("response_completed", self._end)
        network.add_event_handler("fetch_error", self._end)
        network.add_request_handler("before_request", self._let_through)

    def hosts_left_out(self) -> list[str]:
        """Other hosts that the page wanted something of."""
        hosts = {urlsplit(url).hostname or "" for url in self.refused}
        named = {origin.partition(":")[0] for origin in self._client.origins}
        return sorted(hosts - named)

    def _let_through(self, request: Any) -> None:
        """Called in a thread of its own for each request of the browser."""
        url: str = request.url
        try:
            if urlsplit(url).scheme not in ("http", "https"):
                request.continue_request()
                return
            try:
                self._client.permit(url)
            except ScrapeError as error:
                self._refuse(request, error)
                return
            self._ask(request)
        except (WebDriverException, WebSocketException) as error:
            _log.debug("browser: closed amid %s (%s)", url, error)

    def _refuse(self, request: Any, error: ScrapeError) -> None:
        if request.url not in self.refused:
            _log.warning("browser: not asked: %s (%s)", request.url, error)
        self.refused[request.url] = error
        request.fail()
        if self._is_page(request._params):
            self.page_error = error
            self.page_came.set()

    def _ask(self, request: Any) -> None:
        answered = threading.Event()
        with self._client.pacer.turn(origin_of(request.url)):
            _log.info("browser: %s %s", request.method, request.url)
            self._under_way[_name(request._params)] = answered
            request.continue_request()
            answered.wait(ANSWER_S)

    def _end(self, event: Any) -> None:
        told = event if isinstance(event, dict) else vars(event)
        waiting = self._under_way.pop(_name(told), None)
        if waiting is None:
            return
        url, response = told["request"]["url"], told.get("response") or {}
        try:
            _check(url, response)
        except ScrapeError as error:
            _log.warning("browser: %s", error)
            if self._is_page(told):
                self.page_error = error
            if isinstance(error, SiteBusyError | SiteRefusesError):
                self.told_to_stop = error
            if isinstance(error, SiteBusyError):
                self._client.hold_off(origin_of(url), error)
        finally:
            waiting.set()
        if self._is_page(told) and (self.page_error or not _leads_on(response)):
            self.page_came.set()

    def _is_page(self, event: dict[str, Any]) -> bool:
        """Whether a request is for the page in the window, not for a part of it."""
        return bool(event.get("navigation")) and event.get("context") == self._window


def _leads_on(response: dict[str, Any]) -> bool:
    """Whether an answer is a redirect; that goes on as another request."""
    return 300 <= int(response.get("status") or 200) < 400


def _check(url: str, response: dict[str, Any]) -> None:
    code = int(response.get("status") or 200)
    headers = {
        str(one.get("name", "")).lower(): str((one.get("value") or {}).get("value", ""))
        for one in response.get("headers") or ()
    }
    if not _leads_on(response):
        check_status(url, code, headers.get("retry-after", ""))


def _name(event: dict[str, Any]) -> str:
    """Identifies a request; one that is redirected goes on under its old number."""
    number = event.get("redirectCount", event.get("redirect_count")) or 0
    return f"{event['request']['request']}/{number}"
