"""The responses of sites: status, size, type and encoding are checked while reading."""

from __future__ import annotations

import email.utils
import re
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from scrapers.errors import (
    NotFoundError,
    ServerFailureError,
    SiteBusyError,
    SiteRefusesError,
    UnexpectedAnswerError,
)

if TYPE_CHECKING:
    import httpx

JSON_TYPES: Final = ("application/json", "application/sparql-results+json", "text/json")
XML_TYPES: Final = (
    "application/xml",
    "text/xml",
    "application/rss+xml",
    "application/atom+xml",
)
HTML_TYPES: Final = ("text/html", "application/xhtml+xml")
ROBOTS_TYPES: Final = ("text/plain", "text/html", "")
IMAGE_TYPES: Final = ("image/jpeg", "image/png", "image/webp", "image/tiff")
_REFUSED: Final = (401, 402, 403, 407, 451)
_REDIRECT: Final = (301, 302, 303, 307, 308)
_LONGEST_ASKED_S: Final = 1e9  # of a Retry-After header
_BUSY: Final = (408, 425, 429, 500, 502, 503, 504)
_OF_THE_CONNECTION: Final = (
    "connection",
    "content-encoding",
    "content-length",
    "keep-alive",
    "transfer-encoding",
)
# encodings of pages; Python has others, which take long or decode no text
_CHARSETS: Final = re.compile(
    r"(?:utf|iso|latin|windows|cp|koi8|ibm|mac|x-|ascii|us-ascii|gb|big5|euc|shift|sjis)"
    r"[\w.:-]{0,30}",
    re.IGNORECASE,
)
_META_CHARSET: Final = re.compile(
    rb"<meta[^>]+charset\s*=\s*[\"']?([a-z0-9_-]+)|encoding=[\"']([a-z0-9_-]+)[\"']",
    re.IGNORECASE,
)
# what the HTML standard means by names that Python lacks or takes to the letter
_MEANT: Final = {
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "logical": "iso-8859-8",
    "visual": "iso-8859-8",
    "iso-8859-1": "windows-1252",
    "latin1": "windows-1252",
    "iso-8859-9": "windows-1254",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response that passed all checks: a body, or the location of a redirect."""

    body: bytes = b""
    charset: str = ""
    location: str = ""

    def text(self) -> str:
        """The body, decoded by `decode_text`."""
        return decode_text(self.body, self.charset)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawResponse:
    """A response of any status, for a browser."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """A header by its name in lower case; "" if it is missing."""
        return next((value for key, value in self.headers if key == name), "")

    @property
    def is_redirect(self) -> bool:
        """Whether it leads to another address."""
        return 300 <= self.status < 400 and bool(self.header("location"))


def check_status(url: str, code: int, retry_after: str = "") -> None:
    """Accept status 200 only.

    Raises:
        ScrapeError: The site has no such page, is busy, or refuses.
    """
    host = urlsplit(url).hostname
    if code == 200:
        return
    if code in (404, 410):
        raise NotFoundError(f"{url} is not there ({code}).")
    if code in _BUSY:
        wait_s = parse_retry_after(retry_after)
        if code >= 500 and not wait_s:
            raise ServerFailureError(f"The server has an error at {url} ({code}).")
        request = f", and asks to wait {wait_s:,.0f} s" if wait_s else ""
        raise SiteBusyError(f"{host} answered {code}{request}", retry_after_s=wait_s)
    if code in _REFUSED:
        raise SiteRefusesError(
            f"{host} refuses {url} ({code}). The run ends here; the terms of the site "
            "say what is allowed."
        )
    raise UnexpectedAnswerError(f"{url} answered {code} where 200 was expected.")


def parse_retry_after(value: str) -> float | None:
    """Seconds of a Retry-After header, which is a number or a date."""
    try:
        if re.fullmatch(r"\s*[0-9]+\s*", value):
            return min(float(value), _LONGEST_ASKED_S)
        moment = email.utils.parsedate_to_datetime(value).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0.0, moment - time.time()) or None


def decode_text(body: bytes, charset: str = "") -> str:
    """Decode the bytes of a page.

    UTF-8 is tried first, since bytes that are valid UTF-8 are hardly ever anything
    else, whatever the page states; then the encoding that the header or the page
    states, which may be UTF-8 with some damaged characters; then Windows-1252, with a
    replacement character where it fails.
    """
    stated = _META_CHARSET.search(body[:2048])
    names = ["utf-8-sig", charset]
    if stated:
        names.append((stated[1] or stated[2]).decode())
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        names.insert(0, "utf-16")
    names = [_MEANT.get(name.lower(), name) for name in names]
    for name in filter(_CHARSETS.fullmatch, names):
        try:
            return body.decode(name)
        except (LookupError, ValueError):
            text = body.decode("utf-8-sig", errors="replace")
            if name.lower() in ("utf-8", "utf8") and _is_mostly_whole(text):
                return text
    return body.decode("windows-1252", errors="replace")


def _is_mostly_whole(text: str) -> bool:
    """Whether most of the characters beyond ASCII were decoded."""
    beyond = len(text) - len(text.encode("ascii", errors="ignore"))
    return 2 * text.count("\ufffd") < beyond


def read_answer(
    url: str, response: httpx.Response, types: tuple[str, ...], limit: int
) -> Answer:
    """Read a response whose content type is one of `types`, or a redirect.

    Raises:
        ScrapeError: The status, type or size is not as expected.
    """
    if response.status_code in _REDIRECT and "location" in response.headers:
        return Answer(location=response.headers["location"])
    check_status(url, response.status_code, response.headers.get("retry-after", ""))
    kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in types:
        raise UnexpectedAnswerError(
            f"{url} answered {kind or 'no type'} where {', '.join(types)} was expected."
        )
    body = _read_body(url, response, limit)
    return Answer(body=body, charset=response.charset_encoding or "")


def read_raw(url: str, response: httpx.Response, limit: int) -> RawResponse:
    """Read a response of any status, without the headers of the connection.

    Raises:
        UnexpectedAnswerError: It is too large, too slow, or was cut off.
    """
    headers = response.headers.multi_items()
    return RawResponse(
        status=response.status_code,
        headers=tuple(one for one in headers if one[0] not in _OF_THE_CONNECTION),
        body=_read_body(url, response, limit),
    )


def _read_body(url: str, response: httpx.Response, limit: int) -> bytes:
    """The whole body, unpacked once, of at most `limit` bytes before and after."""
    import httpx

    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise UnexpectedAnswerError(
            f"{url} answered in an encoding that was not asked for; only gzip was."
        )
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 16) if "gzip" in encoding else None
    taken, body = 0, bytearray()
    try:
        for piece in response.iter_raw():
            taken += len(piece)
            body += unpack.decompress(piece, limit + 1 - len(body)) if unpack else piece
            if max(taken, len(body)) > limit:
                raise UnexpectedAnswerError(
                    f"{url} has more than {limit >> 20} MB, the limit."
                )
    except httpx.RemoteProtocolError as error:
        raise UnexpectedAnswerError(f"{url} was cut off.") from error
    except zlib.error as error:
        raise UnexpectedAnswerError(f"{url} is damaged: it is no gzip.") from error
    if unpack and taken and not unpack.eof:
        raise UnexpectedAnswerError(f"{url} was cut off.")
    return bytes(body)
