"""What a page asks for in the browser goes through the rules of all other requests.

A page loads scripts and further results by itself. The browser has no way to the
network: our own client sends each of these requests, once, when it is the host's
turn, and the browser is handed the answer. What robots.txt forbids, and other hosts,
are not asked; nor is what cannot be sent as the page meant it.
"""

from __future__ import annotations

import base64
import logging
import threading
from typing import Any, Final, cast
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from websocket import WebSocketException

from scrapers.errors import (
    ScrapeError,
    SiteBusyError,
    SiteRefusesError,
    UnexpectedAnswerError,
)
from scrapers.http_client import REDIRECTS, PoliteClient
from scrapers.http_response import RawResponse, check_status
from scrapers.url_safety import LOOPBACK, origin_of

_log = logging.getLogger("scrapers")

UNREACHABLE: Final = "--host-resolver-rules=MAP * ~NOTFOUND"
"""Leaves a browser no address to connect to, by number or by name."""
_BODY_BYTES: Final = 1 << 20
_OWN: Final = ("accept-encoding", "cookie", "upgrade-insecure-requests", "user-agent")
_PAGES: Final = "text/html,application/xhtml+xml,*/*;q=0.8"


class BrowserProxy:
    """Stands between a browser and the network.

    Args:
        driver: The browser, started with BiDi and `UNREACHABLE`.
        client: Sends what may be sent.

    Attributes:
        refused: Why an address was not asked, or did not answer, by address.
        page_error: Why the page itself was not asked or not had, or None.
        told_to_stop: The site's refusal (403, 429, 503...) of anything, or None;
            nothing more is asked.
        page_came: Set when the page was answered or refused.
    """

    def __init__(self, driver: webdriver.Chrome, client: PoliteClient) -> None:
        self.refused: dict[str, ScrapeError] = {}
        self.page_error: ScrapeError | None = None
        self.told_to_stop: ScrapeError | None = None
        self.page_came = threading.Event()
        self._client = client
        self._window = driver.current_window_handle
        self._one_by_one = threading.Lock()
        self._closed = False
        self._network = cast(Any, driver.network)
        self._storage = cast(Any, driver.storage)
        self._network.add_data_collector(
            data_types=["request"], max_encoded_data_size=_BODY_BYTES
        )
        # workers that a page has left behind would answer in the site's stead
        driver.execute_cdp_cmd("Network.enable", {})
        driver.execute_cdp_cmd("Network.setBypassServiceWorker", {"bypass": True})
        self._network.add_request_handler("before_request", self._answer)

    def close(self) -> None:
        """Ask nothing more, whatever the page still waits for."""
        self._closed = True

    def hosts_left_out(self) -> list[str]:
        """Other hosts that the page wanted something of."""
        hosts = {urlsplit(url).hostname or "" for url in self.refused}
        named = {origin.partition(":")[0] for origin in self._client.origins}
        return sorted(hosts - named)

    def _answer(self, request: Any) -> None:
        """Called in a thread of its own for each request of the browser."""
        try:
            if urlsplit(request.url).scheme not in ("http", "https"):
                request.continue_request()
                return
            try:
                self._ask(request)
            except ScrapeError as error:
                self._refuse(request, error)
        except (WebDriverException, WebSocketException) as error:
            if not self._closed:
                _log.warning("browser: no answer to %s (%s)", request.url, error)

    def _ask(self, request: Any) -> None:
        url: str = request.url
        self._client.permit(url)
        if (request._params.get("redirectCount") or 0) > REDIRECTS:
            raise UnexpectedAnswerError(f"{url} redirects without end.")
        body = b"" if request.method in ("GET", "HEAD") else self._body_of(request)
        with self._one_by_one:
            if self.told_to_stop is not None:
                raise self.told_to_stop
            if self._closed:
                raise ScrapeError("The browser is closed.")
            headers = self._headers_of(request)
            answer = self._client.forward(request.method, url, headers, body)
            self._judge(request, answer)
            self._hand_over(request, answer)

    def _judge(self, request: Any, answer: RawResponse) -> None:
        """Take note of an answer that has not come as it should."""
        if answer.is_redirect:
            return
        try:
            check_status(request.url, answer.status, answer.header("retry-after"))
        except ScrapeError as error:
            _log.warning("browser: %s", error)
            if self._is_page(request):
                self.page_error = error
            if isinstance(error, SiteBusyError | SiteRefusesError):
                self.told_to_stop = error
            if isinstance(error, SiteBusyError):
                self._client.hold_off(origin_of(request.url), error)

    def _hand_over(self, request: Any, answer: RawResponse) -> None:
        self._network.provide_response(
            request=request._request_id,
            status_code=answer.status,
            headers=[
                {"name": name, "value": {"type": "string", "value": value}}
                for name, value in answer.headers
            ],
            body={"type": "base64", "value": base64.b64encode(answer.body).decode()},
        )
        if self._is_page(request) and not answer.is_redirect:
            self.page_came.set()

    def _refuse(self, request: Any, error: ScrapeError) -> None:
        if request.url not in self.refused:
            _log.warning("browser: not had: %s (%s)", request.url, error)
        self.refused[request.url] = error
        request.fail()
        if self._is_page(request):
            self.page_error = error
            self.page_came.set()

    def _headers_of(self, request: Any) -> dict[str, str]:
        """What the page asks with; BiDi tells neither cookies, Accept nor Origin."""
        told = {name.lower(): value for name, value in request.headers.items()}
        headers = {
            name: value
            for name, value in told.items()
            if isinstance(value, str) and name not in _OWN and name[:4] != "sec-"
        }
        parts = urlsplit(request.url)
        headers.setdefault("accept", _PAGES if self._is_page(request) else "*/*")
        if request.method not in ("GET", "HEAD"):
            headers.setdefault("origin", f"{parts.scheme}://{parts.netloc}")
        cookies = self._cookies_for(request.url)
        return {**headers, "cookie": cookies} if cookies else headers

    def _cookies_for(self, url: str) -> str:
        return "; ".join(
            f"{one.name}={_plain(one.value.to_bidi_dict())}"
            for one in self._storage.get_cookies().cookies
            if _belongs(one, url)
        )

    def _body_of(self, request: Any) -> bytes:
        """What a request sends along.

        Raises:
            UnexpectedAnswerError: It is long or no text, which BiDi does not tell.
        """
        try:
            told = self._network.get_data(
                data_type="request",
                request=request._request_id,
            )
            body = str(told["bytes"]["value"]).encode()
        except WebDriverException:
            body = b""
        # what is no text comes in another writing, of another length
        if len(body) != request._params["request"].get("bodySize"):
            raise UnexpectedAnswerError(
                f"What the page sends to {request.url} is too long or no text, and "
                "cannot be read."
            )
        return body

    def _is_page(self, request: Any) -> bool:
        """Whether a request is for the page in the window, not for a part of it."""
        told = request._params
        return bool(told.get("navigation")) and told.get("context") == self._window


def _belongs(cookie: Any, url: str) -> bool:
    """Whether a browser sends a cookie to an address."""
    parts = urlsplit(url)
    host, path = parts.hostname or "", parts.path or "/"
    domain, folder = cookie.domain, cookie.path
    return (
        (host == domain.lstrip(".") or (domain[:1] == "." and host.endswith(domain)))
        and (path == folder or path.startswith(folder.rstrip("/") + "/"))
        and (not cookie.secure or parts.scheme == "https" or host in LOOPBACK)
    )


def _plain(value: dict[str, str]) -> str:
    """The text of a BiDi value."""
    text = value["value"]
    return base64.b64decode(text).decode() if value["type"] == "base64" else text
