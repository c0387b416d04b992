"""Sends the requests of a browser through the rules that hold for all requests.

A page loads scripts and further results by itself. The browser has no network access:
`PoliteClient` sends each of its requests once, when it is the host's turn, and the
browser gets the response. Addresses that robots.txt forbids and other hosts are not
asked, nor are requests that cannot be sent exactly as the page made them.
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
from scrapers.url_safety import host_of, local_sites, origin_of

_log = logging.getLogger("scrapers")

UNREACHABLE: Final = "--host-resolver-rules=MAP * ~NOTFOUND"
"""Leaves a browser no address to connect to, by number or by name."""
_BODY_BYTES: Final = 1 << 20
_OWN: Final = ("accept-encoding", "cookie", "upgrade-insecure-requests", "user-agent")
_PAGES: Final = "text/html,application/xhtml+xml,*/*;q=0.8"


class BrowserProxy:
    """Answers every request of a browser.

    Attributes:
        failed: Why an address was not asked, or did not answer, by address.
        page_error: Why there is no page, or None.
        refusal: The site's refusal (403, 429, 503...) of any request, or None; after
            it nothing more is asked.
        page_answered: Set when the page was answered or refused.
    """

    def __init__(self, driver: webdriver.Chrome, client: PoliteClient) -> None:
        self.failed: dict[str, ScrapeError] = {}
        self.page_error: ScrapeError | None = None
        self.refusal: ScrapeError | None = None
        self.page_answered = threading.Event()
        self._client = client
        self._window = driver.current_window_handle
        self._one_at_a_time = threading.Lock()
        self._closed = False
        self._network = cast(Any, driver.network)
        self._storage = cast(Any, driver.storage)
        self._network.add_data_collector(
            data_types=["request"], max_encoded_data_size=_BODY_BYTES
        )
        # service workers that a page has installed would answer instead of the site
        driver.execute_cdp_cmd("Network.enable", {})
        driver.execute_cdp_cmd("Network.setBypassServiceWorker", {"bypass": True})
        self._network.add_request_handler("before_request", self._handle)

    def close(self) -> None:
        """Ask nothing more, whatever the page still waits for."""
        self._closed = True

    def other_hosts(self) -> list[str]:
        """Hosts that the page needs and that may not be asked."""
        hosts = {host_of(url) for url in self.failed} - {""}
        named = {host_of(f"https://{origin}") for origin in self._client.origins}
        return sorted(hosts - named)

    def _handle(self, request: Any) -> None:
        """Answer one request; Selenium calls this in a thread for each."""
        try:
            if urlsplit(request.url).scheme not in ("http", "https"):
                request.continue_request()
                return
            try:
                self._forward(request)
            except ScrapeError as error:
                self._fail(request, error)
        except (WebDriverException, WebSocketException) as error:
            if not self._closed:
                _log.warning("browser: no answer to %s (%s)", request.url, error)

    def _forward(self, request: Any) -> None:
        url: str = request.url
        self._client.permit(url)
        if (request._params.get("redirectCount") or 0) > REDIRECTS:
            raise UnexpectedAnswerError(f"{url} redirects without end.")
        body = b"" if request.method in ("GET", "HEAD") else self._body_of(request)
        with self._one_at_a_time:
            if self.refusal is not None:
                raise self.refusal
            if self._closed:
                raise ScrapeError("The browser is closed.")
            headers = self._headers_of(request)
            response = self._client.forward(request.method, url, headers, body)
            self._check(request, response)
            self._respond(request, response)

    def _check(self, request: Any, response: RawResponse) -> None:
        """Record a response that is an error."""
        if response.is_redirect:
            return
        try:
            check_status(request.url, response.status, response.header("retry-after"))
        except ScrapeError as error:
            _log.warning("browser: %s", error)
            if self._is_page(request):
                self.page_error = error
            if isinstance(error, SiteBusyError | SiteRefusesError):
                self.refusal = error
            if isinstance(error, SiteBusyError):
                self._client.hold_off(origin_of(request.url), error)

    def _respond(self, request: Any, response: RawResponse) -> None:
        self._network.provide_response(
            request=request._request_id,
            status_code=response.status,
            headers=[
                {"name": name, "value": {"type": "string", "value": value}}
                for name, value in response.headers
            ],
            body={"type": "base64", "value": base64.b64encode(response.body).decode()},
        )
        if self._is_page(request) and not response.is_redirect:
            self.page_answered.set()

    def _fail(self, request: Any, error: ScrapeError) -> None:
        if request.url not in self.failed:
            _log.warning("browser: no response for %s (%s)", request.url, error)
        self.failed[request.url] = error
        request.fail()
        if self._is_page(request):
            self.page_error = error
            self.page_answered.set()

    def _headers_of(self, request: Any) -> dict[str, str]:
        """The headers of a request; BiDi omits cookies, Accept and Origin."""
        given = {name.lower(): value for name, value in request.headers.items()}
        headers = {
            name: value
            for name, value in given.items()
            if isinstance(value, str) and name not in _OWN and name[:4] != "sec-"
        }
        parts = urlsplit(request.url)
        headers.setdefault("accept", _PAGES if self._is_page(request) else "*/*")
        if request.method not in ("GET", "HEAD"):
            headers.setdefault("origin", f"{parts.scheme}://{parts.netloc}")
        cookies = "; ".join(
            f"{one.name}={_decode(one.value.to_bidi_dict())}"
            for one in self._storage.get_cookies().cookies
            if _is_sent_to(one, request.url)
        )
        return {**headers, "cookie": cookies} if cookies else headers

    def _body_of(self, request: Any) -> bytes:
        """The body of a request.

        Raises:
            UnexpectedAnswerError: It is too long or no text; BiDi omits such a body.
        """
        try:
            data = self._network.get_data(
                data_type="request", request=request._request_id
            )
            body = str(data["bytes"]["value"]).encode()
        except WebDriverException:
            body = b""
        # binary data is encoded, so its length differs
        if len(body) != request._params["request"].get("bodySize"):
            raise UnexpectedAnswerError(
                f"What the page sends to {request.url} is too long or no text, and "
                "cannot be read."
            )
        return body

    def _is_page(self, request: Any) -> bool:
        """Whether a request is for the page in the window, not for a part of it."""
        params = request._params
        return bool(params.get("navigation")) and params.get("context") == self._window


def _is_sent_to(cookie: Any, url: str) -> bool:
    """Whether a browser sends a cookie to an address (RFC 6265, 5.4)."""
    parts, local = urlsplit(url), local_sites()
    host, path = parts.hostname or "", parts.path or "/"
    domain, folder = cookie.domain, cookie.path
    return (
        (host == domain.lstrip(".") or (domain[:1] == "." and host.endswith(domain)))
        and (path == folder or path.startswith(folder.rstrip("/") + "/"))
        and (not cookie.secure or parts.scheme == "https" or parts.netloc in local)
    )


def _decode(value: dict[str, str]) -> str:
    """The text of a BiDi value."""
    text = value["value"]
    return base64.b64decode(text).decode() if value["type"] == "base64" else text
