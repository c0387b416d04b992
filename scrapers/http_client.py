"""The only network code: it names itself, keeps pauses, and asks nothing twice."""

from __future__ import annotations

import functools
import json
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import urljoin

import httpx

from coin_core.storage import data_dir
from scrapers.checked_transport import CheckedTransport
from scrapers.errors import (
    ScrapeError,
    ServerFailureError,
    SiteBusyError,
    SiteUnreachableError,
    UnexpectedAnswerError,
    UnsafeAddressError,
)
from scrapers.http_cache import HttpCache
from scrapers.http_response import (
    HTML_TYPES,
    IMAGE_TYPES,
    JSON_TYPES,
    ROBOTS_TYPES,
    Answer,
    RawResponse,
    read_answer,
    read_raw,
)
from scrapers.rate_limiter import LONGEST_WAIT_S, RateLimiter
from scrapers.robots import AGENT, RobotsRules, load_rules
from scrapers.url_safety import check_address, normalize, origin_of

_log = logging.getLogger("scrapers")
_Result = TypeVar("_Result")

TEXT_BYTES: Final = 16 << 20
IMAGE_BYTES: Final = 40 << 20
BACKOFF_S: Final = (2.0, 5.0, 15.0, 60.0)
REDIRECTS: Final = 5


class PoliteClient:
    """Asks the hosts of one source, within their rules.

    Args:
        contact: Mail address or web page in the User-Agent header.
        origins: Hosts, with unusual ports, that may be asked.
        robots_exemptions: Addresses without a query that robots.txt does not bar,
            because the user has stated that the site allows programs there.
        rate_limiter: Keeps the pauses; None for a pause of 2 s.
        backoff_s: Waits after the first, second... failure, unless the site says.
        keep_s: How long answers other than photos are cached.
        sleep: Waits for a number of seconds.
    """

    def __init__(
        self,
        *,
        contact: str,
        origins: frozenset[str],
        robots_exemptions: frozenset[str] = frozenset(),
        rate_limiter: RateLimiter | None = None,
        backoff_s: tuple[float, ...] = BACKOFF_S,
        keep_s: float = 3600.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        folder = data_dir() / "cache"
        self.origins = origins
        self.rate_limiter = rate_limiter or RateLimiter(folder / "hosts", sleep=sleep)
        self.agent = f"{AGENT}/1.0 ({contact}) python-httpx/{httpx.__version__}"
        self._cache = HttpCache(folder / "http")
        self._keep_s = keep_s
        self._backoff_s = backoff_s
        self._sleep = sleep
        self._robots_exemptions = robots_exemptions
        self._rules: dict[str, RobotsRules] = {}
        self._http: dict[str, httpx.Client] = {}

    def close(self) -> None:
        """Close the connections."""
        for http in self._http.values():
            http.close()

    def __enter__(self) -> PoliteClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get_json(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        *,
        check: Callable[[Any], object] | None = None,
        **options: Any,
    ) -> Any:
        """A JSON answer; arguments as for `get_text`, but `check` gets the value.

        Raises:
            ScrapeError: As `get_text`; also if the answer is not JSON.
        """

        def check_text(text: str) -> None:
            value = _parse_json(url, text)
            if check is not None:
                check(value)

        text = self.get_text(url, params, types=JSON_TYPES, check=check_text, **options)
        return _parse_json(url, text)

    def get_text(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        *,
        types: tuple[str, ...] = HTML_TYPES,
        keep_s: float | None = None,
        accept: str | None = None,
        check: Callable[[str], object] | None = None,
    ) -> str:
        """A text, from the cache if the same was asked recently.

        Args:
            url: Address without a query.
            params: The query.
            types: Content types that are accepted.
            keep_s: How old a cached answer may be; None for the client's own.
            accept: The Accept header; None for `types`.
            check: Gets a new answer before it is cached and may raise; usually what
                reads it. After a `SiteBusyError` the site is asked again.

        Raises:
            ScrapeError: The address may not be asked, or the answer is not usable.
        """
        full = normalize(url, params)
        cached = self._cache.read(full, self._keep_s if keep_s is None else keep_s)
        if cached is not None:
            _log.debug("from the cache: %s", full)
            return cached.text()
        headers = {"Accept": accept or ", ".join(types)}
        answer = self._ask("GET", full, types, check=check, headers=headers)
        self._cache.write(full, answer)
        return answer.text()

    def post_form(self, url: str, form: Mapping[str, str]) -> str:
        """Send a form; the answer is never cached."""
        return self._ask("POST", url, HTML_TYPES, data=dict(form)).text()

    def get_image(self, url: str) -> bytes:
        """The bytes of a photo: JPEG, PNG, WebP or TIFF, at most 40 MB.

        Raises:
            ScrapeError: As `get_text`; also if the file is of another type or cut off.
        """
        headers = {"Accept": ", ".join(IMAGE_TYPES)}
        return self._ask("GET", url, IMAGE_TYPES, IMAGE_BYTES, headers=headers).body

    def forward(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> RawResponse:
        """Send a request of a browser once, and return any response.

        The headers are the browser's, with its cookies; the User-Agent is ours.

        Raises:
            ScrapeError: The address may not be asked, or does not answer.
        """
        self.permit(url)
        # a cookie may hold characters of any kind
        encoded = {name.encode(): value.encode() for name, value in headers.items()}

        def read(response: httpx.Response) -> RawResponse:
            self._http_of(url).cookies.clear()  # the browser has its own
            return read_raw(url, response, TEXT_BYTES)

        return self._send(method, url, read, content=body, headers=encoded)

    def permit(self, url: str) -> None:
        """Check an address against our rules and those of the site.

        Raises:
            UnsafeAddressError: It is not one of the source's.
            RobotsForbidError: robots.txt forbids it.
        """
        check_address(url, self.origins)
        origin = origin_of(url)
        if origin not in self._rules:
            address = urljoin(url, "/robots.txt")
            fetch = partial(self._ask, "GET", address, ROBOTS_TYPES, obey_robots=False)
            rules = load_rules(origin, lambda: fetch().text())
            self.rate_limiter.lengthen(origin, rules.crawl_delay_s)
            self._rules[origin] = rules
        exempt = url.partition("?")[0] in self._robots_exemptions
        self._rules[origin].check(url, exempt=exempt)

    def hold_off(self, origin: str, error: SiteBusyError) -> None:
        """Ask a busy host nothing for as long as it says, in all processes."""
        if error.retry_after_s:
            self.rate_limiter.hold_off(origin, error.retry_after_s)

    def _ask(
        self,
        method: str,
        url: str,
        types: tuple[str, ...],
        limit: int = TEXT_BYTES,
        *,
        check: Callable[[str], object] | None = None,
        obey_robots: bool = True,
        **content: Any,
    ) -> Answer:
        """Ask, follow redirects within the host, and try again where that may help."""
        for _ in range(REDIRECTS + 1):
            url = normalize(url)
            if obey_robots:
                self.permit(url)
            else:
                check_address(url, self.origins)
            send = partial(self._send_checked, method, url, types, limit, check)
            answer = self._retry(url, partial(send, **content))
            if not answer.location:
                return answer
            method, url = "GET", _redirect_target(url, answer.location)
            content.pop("data", None)
        raise UnexpectedAnswerError(f"{url} redirects without end.")

    def _send_checked(
        self,
        method: str,
        url: str,
        types: tuple[str, ...],
        limit: int,
        check: Callable[[str], object] | None,
        **content: Any,
    ) -> Answer:
        read = partial(read_answer, url, types=types, limit=limit)
        answer = self._send(method, url, read, **content)
        if check is not None and not answer.location:
            check(answer.text())
        return answer

    def _retry(self, url: str, action: Callable[[], _Result]) -> _Result:
        """Repeat an action while the site is busy or unreachable."""
        for backoff_s in self._backoff_s:
            try:
                return action()
            except (SiteBusyError, SiteUnreachableError) as error:
                asked_s = getattr(error, "retry_after_s", None) or 0.0
                if asked_s > LONGEST_WAIT_S:
                    raise
                wait_s = asked_s or backoff_s
                reason = str(error).removesuffix(".")
                _log.warning("%s; asking %s again in %g s", reason, url, wait_s)
                self._sleep(wait_s)
        return action()

    def _send(
        self,
        method: str,
        url: str,
        read: Callable[[httpx.Response], _Result],
        **content: Any,
    ) -> _Result:
        """Send one request when it is the host's turn."""
        origin = origin_of(url)
        try:
            with self.rate_limiter.turn(origin):
                _log.info("%s %s", method, url)
                with self._http_of(url).stream(method, url, **content) as response:
                    return read(response)
        except SiteBusyError as error:
            self.hold_off(origin, error)
            raise
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise _as_sentence(url, error) from error

    def _http_of(self, url: str) -> httpx.Client:
        """The connections and cookies of a host, which no other host gets."""
        origin = origin_of(url)
        if origin not in self._http:
            self._http[origin] = httpx.Client(
                headers={"User-Agent": self.agent, "Accept-Encoding": "gzip"},
                timeout=httpx.Timeout(30.0, connect=10.0),
                follow_redirects=False,
                transport=CheckedTransport(_certificates()),
                # a proxy of the environment would resolve names, unchecked
                trust_env=False,
            )
        return self._http[origin]


def _as_sentence(url: str, error: Exception) -> ScrapeError:
    """What a failed request means; nothing of the answer is quoted."""
    if isinstance(error, httpx.RemoteProtocolError):
        if "location header" in str(error):  # httpx parses it unasked
            return UnsafeAddressError(
                f"{url} redirects to something that is no web address."
            )
        if "disconnected" not in str(error):
            return UnexpectedAnswerError(f"{url} did not answer as a web site does.")
    if isinstance(
        error, httpx.ReadTimeout | httpx.ReadError | httpx.RemoteProtocolError
    ):
        return ServerFailureError(
            f"The server gives no answer at {url} ({type(error).__name__})."
        )
    if not isinstance(error, httpx.TransportError):
        return UnexpectedAnswerError(f"{url} did not answer as a web site does.")
    reason = f": {error}" if isinstance(error, httpx.ConnectError) else ""
    return SiteUnreachableError(
        f"{origin_of(url)} does not answer ({type(error).__name__}{reason})"
    )


def _parse_json(url: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnexpectedAnswerError(
            f"{url} answered something that is not JSON, or nested too deeply."
        ) from error


@functools.cache
def _certificates() -> ssl.SSLContext:
    """The trusted authorities; loaded once, since that takes a while."""
    return httpx.create_ssl_context(trust_env=False)


def _redirect_target(url: str, location: str) -> str:
    """The address that a redirect leads to, on the same host."""
    try:
        target = normalize(urljoin(url, location))
    except (ValueError, UnsafeAddressError) as error:
        raise UnsafeAddressError(
            f"{url} redirects to something that is no web address."
        ) from error
    if origin_of(target) != origin_of(url):
        raise UnsafeAddressError(
            f"{url} redirects to another host ({origin_of(target)}), which is not "
            "followed."
        )
    return target
