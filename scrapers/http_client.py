"""The only network code: named, slow, careful, and nothing asked twice."""

from __future__ import annotations

import functools
import json
import logging
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx
import tenacity

from scrapers.errors import (
    SiteBusyError,
    SiteUnreachableError,
    UnexpectedAnswerError,
    UnsafeAddressError,
)
from scrapers.http_cache import (
    Answer,
    AnswerCache,
    PlainAnswer,
    read_answer,
    read_plainly,
)
from scrapers.rate_limiter import Pacer
from scrapers.robots import AGENT, Rules, read_rules
from scrapers.settings import data_dir
from scrapers.url_safety import LOOPBACK, check_address, check_public, origin_of

_log = logging.getLogger("scrapers")
_Read = TypeVar("_Read")

TEXT_BYTES: Final = 16 << 20
IMAGE_BYTES: Final = 40 << 20
BACKOFF_S: Final = (2.0, 5.0, 15.0, 60.0)
LONGEST_WAIT_S: Final = 900.0
REDIRECTS: Final = 5
JSON_TYPES: Final = ("application/json", "application/sparql-results+json", "text/json")
XML_TYPES: Final = (
    "application/xml",
    "text/xml",
    "application/rss+xml",
    "application/atom+xml",
)
HTML_TYPES: Final = ("text/html", "application/xhtml+xml")
IMAGE_TYPES: Final = ("image/jpeg", "image/png", "image/webp", "image/tiff")


class PoliteClient:
    """Asks the hosts of one source, within their rules.

    Args:
        contact: Mail address or web page that stands in the User-Agent.
        origins: Hosts, with ports if unusual, that may be asked.
        robots_exemptions: Addresses without a query that robots.txt does not bar,
            because the user has stated that the site lets programs in there.
        pacer: Keeps the pauses; None for those of the known sites.
        backoff_s: Waits after the first, second... failure, unless the site says.
        keep_s: How long answers other than photos are kept on disk.
    """

    def __init__(
        self,
        *,
        contact: str,
        origins: frozenset[str],
        robots_exemptions: frozenset[str] = frozenset(),
        pacer: Pacer | None = None,
        backoff_s: tuple[float, ...] = BACKOFF_S,
        keep_s: float = 3600.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        cache = data_dir() / "cache"
        self.origins = origins
        self.pacer = pacer or Pacer(cache / "hosts", sleep=sleep)
        self.requests = 0
        self._cache = AnswerCache(cache / "http")
        self._keep_s = keep_s
        self._backoff_s = backoff_s
        self._sleep = sleep
        self._by_leave = robots_exemptions
        self._rules: dict[str, Rules] = {}
        self.agent = f"{AGENT}/1.0 ({contact}) python-httpx/{httpx.__version__}"
        self._http = httpx.Client(
            headers={
                "User-Agent": self.agent,
                "Accept-Encoding": "gzip",
            },
            timeout=httpx.Timeout(30.0, connect=10.0),
            follow_redirects=False,
            verify=_certificates(),
            # proxies of the environment would resolve names out of our sight
            trust_env=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> PoliteClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get_json(
        self, url: str, params: Mapping[str, str] | None = None, **how: Any
    ) -> Any:
        """A JSON answer.

        Raises:
            ScrapeError: As `get_text`; also if the answer is not JSON.
        """
        judge = how.pop("judge", None)

        def judge_text(text: str) -> None:
            answer = _read_json(url, text)
            if judge is not None:
                judge(answer)

        text = self.get_text(url, params, types=JSON_TYPES, judge=judge_text, **how)
        return _read_json(url, text)

    def get_text(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        *,
        types: tuple[str, ...] = HTML_TYPES,
        keep_s: float | None = None,
        accept: str | None = None,
        judge: Callable[[str], None] | None = None,
    ) -> str:
        """A text, from the disk if it was asked for not long ago.

        Args:
            url: Address without a query.
            params: The query.
            types: Content types that are accepted.
            keep_s: How old an answer may be; None for the client's own.
            accept: The Accept header; None for `types`.
            judge: Sees a fresh answer before it is kept, and may raise; after a
                `SiteBusyError` the site is asked again.

        Raises:
            ScrapeError: What the address allows, the site answers, or not.
        """
        full = str(httpx.URL(url, params=dict(params)) if params else httpx.URL(url))
        kept = self._cache.read(full, self._keep_s if keep_s is None else keep_s)
        if kept is not None:
            _log.debug("from the disk: %s", full)
            return kept.text()
        headers = {"Accept": accept or ", ".join(types)}
        answer = self._ask("GET", full, types, TEXT_BYTES, headers=headers, judge=judge)
        self._cache.write(full, answer)
        return answer.text()

    def post_form(
        self, url: str, form: Mapping[str, str], *, types: tuple[str, ...] = HTML_TYPES
    ) -> str:
        """Send a form; never answered from the disk."""
        return self._ask("POST", url, types, TEXT_BYTES, form=dict(form)).text()

    def get_image(self, url: str) -> bytes:
        """The bytes of a photo: JPEG, PNG, WebP or TIFF, at most 40 MB.

        Raises:
            ScrapeError: As `get_text`; also if the file is none of these or cut off.
        """
        headers = {"Accept": ", ".join(IMAGE_TYPES)}
        return self._ask("GET", url, IMAGE_TYPES, IMAGE_BYTES, headers=headers).body

    def pass_on(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> PlainAnswer:
        """Ask once for a browser, and give back whatever comes, redirects too.

        The headers are the browser's, with its cookies, but the User-Agent is ours.

        Raises:
            ScrapeError: The address is not to be asked, or does not answer.
        """
        self.permit(url)
        # a cookie may hold letters of any kind
        given = {name.encode(): value.encode() for name, value in headers.items()}

        def read(response: httpx.Response) -> PlainAnswer:
            self._http.cookies.clear()  # the browser keeps its own
            return read_plainly(url, response, TEXT_BYTES)

        return self._ask_once(method, url, read, content=body, headers=given)

    def permit(self, url: str) -> None:
        """Check an address against our rules and the site's, without asking it.

        Raises:
            UnsafeAddressError: It is not one of the source's.
            RobotsForbidError: robots.txt forbids it.
        """
        check_address(url, self.origins)
        allowed = url.partition("?")[0] in self._by_leave
        self._rules_of(url).check(url, robots_exemptions=allowed)

    def hold_off(self, origin: str, error: SiteBusyError) -> None:
        """Ask a busy host nothing for as long as it says, whoever asks."""
        if error.retry_after_s:
            self.pacer.hold_off(origin, min(error.retry_after_s, LONGEST_WAIT_S))

    def _ask(
        self,
        method: str,
        url: str,
        types: tuple[str, ...],
        limit: int,
        *,
        form: dict[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        judge: Callable[[str], None] | None = None,
    ) -> Answer:
        for _ in range(REDIRECTS + 1):
            url = _plain(url)
            # a network that is gone for a while has no names either
            self._patience(url)(check_address, url, self.origins)
            self.permit(url)
            answer = self._persist(method, url, types, limit, form, headers, judge)
            if not answer.location:
                return answer
            method, form, url = "GET", None, _target(url, answer.location)
        raise UnexpectedAnswerError(f"{url} redirects without end.")

    def _persist(
        self,
        method: str,
        url: str,
        types: tuple[str, ...],
        limit: int,
        form: dict[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        judge: Callable[[str], None] | None = None,
    ) -> Answer:
        """Ask, and ask again after a wait where that may help."""

        def ask() -> Answer:
            answer = self._ask_once(
                method,
                url,
                lambda response: read_answer(url, response, types, limit),
                data=form,
                headers=headers,
            )
            if judge is not None and not answer.location:
                judge(answer.text())
            return answer

        return self._patience(url)(ask)

    def _patience(self, url: str) -> tenacity.Retrying:
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(
                (SiteBusyError, SiteUnreachableError)
            ),
            stop=self._should_stop,
            wait=self._wait_s,
            sleep=self._sleep,
            before_sleep=lambda state: self._log_wait(url, state),
            reraise=True,
        )

    def _should_stop(self, state: tenacity.RetryCallState) -> bool:
        return state.attempt_number > len(self._backoff_s) or (
            self._asked_wait_s(state) > LONGEST_WAIT_S
        )

    @staticmethod
    def _asked_wait_s(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return getattr(error, "retry_after_s", None) or 0.0

    def _wait_s(self, state: tenacity.RetryCallState) -> float:
        own = self._backoff_s[min(state.attempt_number, len(self._backoff_s)) - 1]
        return self._asked_wait_s(state) or own

    @staticmethod
    def _log_wait(url: str, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        wait_s = state.next_action.sleep if state.next_action else 0.0
        _log.warning("%s; asking %s again in %g s", error, url, wait_s)

    def _ask_once(
        self,
        method: str,
        url: str,
        read: Callable[[httpx.Response], _Read],
        **sent: Any,
    ) -> _Read:
        origin = origin_of(url)
        try:
            with self.pacer.turn(origin):
                self.requests += 1
                _log.info("%s %s", method, url)
                with self._stream(method, url, **sent) as response:
                    return read(response)
        except SiteBusyError as error:
            self.hold_off(origin, error)
            raise
        except httpx.TransportError as error:
            if "location header" in str(error):  # httpx looks at it unasked
                raise UnsafeAddressError(
                    f"{url} redirects to what is no web address."
                ) from error
            raise SiteUnreachableError(
                f"{origin} does not answer ({type(error).__name__}: {error})"
            ) from error
        except httpx.DecodingError as error:
            raise UnexpectedAnswerError(f"{url}: {error}") from error

    @contextmanager
    def _stream(self, method: str, url: str, **sent: Any) -> Iterator[httpx.Response]:
        with self._http.stream(method, url, **sent) as response:
            host = urlsplit(url).hostname or ""
            stream = response.extensions.get("network_stream")
            peer = stream.get_extra_info("server_addr") if stream else None
            # the name may have been given another address since it was checked
            if peer and host not in LOOPBACK:
                check_public(str(peer[0]), host)
            yield response

    def _rules_of(self, url: str) -> Rules:
        origin = origin_of(url)
        if origin not in self._rules:
            rules = read_rules(origin, lambda: self._fetch_rules(url))
            self.pacer.lengthen(origin, rules.crawl_delay_s)
            self._rules[origin] = rules
        return self._rules[origin]

    def _fetch_rules(self, url: str) -> str:
        url = urljoin(url, "/robots.txt")
        for _ in range(REDIRECTS + 1):
            kinds = ("text/plain", "text/html", "")
            answer = self._persist("GET", url, kinds, TEXT_BYTES)
            if not answer.location:
                return answer.text()
            url = _target(url, answer.location)
        raise UnexpectedAnswerError(f"{url} redirects without end.")


def _read_json(url: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise UnexpectedAnswerError(
            f"{url} answered something that is not JSON: {text[:60]!r}"
        ) from error


@functools.cache
def _certificates() -> ssl.SSLContext:
    """The authorities that are trusted; read once, as that takes a while."""
    return httpx.create_ssl_context(trust_env=False)


def _plain(url: str) -> str:
    """The address as it will be asked for."""
    try:
        return str(httpx.URL(url))
    except httpx.InvalidURL as error:
        raise UnsafeAddressError(f"{url!r} is no web address.") from error


def _target(url: str, location: str) -> str:
    """Where a redirect leads; never to another host."""
    try:
        target = _plain(urljoin(url, location))
    except ValueError as error:
        raise UnsafeAddressError(
            f"{url} redirects to what is no web address."
        ) from error
    if origin_of(target) != origin_of(url):
        raise UnsafeAddressError(
            f"{url} redirects to another host ({origin_of(target)}); that is not "
            "followed."
        )
    return target
