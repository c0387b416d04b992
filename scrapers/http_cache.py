"""Answers of sites, and the folder that keeps them for a while."""

from __future__ import annotations

import email.utils
import errno
import hashlib
import logging
import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from scrapers.errors import (
    NotFoundError,
    SiteBusyError,
    SiteRefusesError,
    UnexpectedAnswerError,
)

ANSWER_S: Final = 180.0
_REFUSING: Final = (401, 402, 403, 407, 451)
_REDIRECTING: Final = (301, 302, 303, 307, 308)
_BUSY: Final = (408, 425, 429, 500, 502, 503, 504)
_OF_THE_WAY: Final = (
    "connection",
    "content-encoding",
    "content-length",
    "keep-alive",
    "transfer-encoding",
)
_log = logging.getLogger("scrapers")
_META_CHARSET: Final = re.compile(
    rb"<meta[^>]+charset=[\"']?([a-zA-Z0-9_-]+)|encoding=[\"']([a-zA-Z0-9_-]+)[\"']"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a site sent: a body with its type, or a location to go to."""

    body: bytes = b""
    kind: str = ""
    charset: str = ""
    location: str = ""

    def text(self) -> str:
        """The body as text, in the encoding that it claims and is right."""
        return decode_text(self.body, self.charset)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainAnswer:
    """What a site sent, without a judgement."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """A header, named in small letters; empty if there is none."""
        return next((value for key, value in self.headers if key == name), "")


def check_status(url: str, code: int, retry_after: str = "") -> None:
    """Let only an answer pass that has come as it should.

    Args:
        url: What was asked.
        code: The status of the answer.
        retry_after: Its Retry-After header.

    Raises:
        ScrapeError: The site has no such page, is busy, or refuses.
    """
    host = urlsplit(url).hostname
    if code == 200:
        return
    if code in (404, 410):
        raise NotFoundError(f"{url} is not there ({code}).")
    if code in _BUSY:
        wait_s = retry_after_s(retry_after)
        said = f", and asks to wait {wait_s:g} s" if wait_s else ""
        raise SiteBusyError(f"{host} answered {code}{said}", retry_after_s=wait_s)
    if code in _REFUSING:
        raise SiteRefusesError(
            f"{host} refuses {url} ({code}). Nothing more is asked; the site's terms "
            "say what is allowed."
        )
    raise UnexpectedAnswerError(f"{url} answered {code} where 200 was expected.")


def decode_text(body: bytes, charset: str = "") -> str:
    """Bytes of a page as text.

    UTF-8 is tried first, since bytes that are valid UTF-8 are hardly ever anything
    else, whatever the page claims; then what the header or the page says; then
    Windows-1252, with marks for what cannot be read.
    """
    stated = _META_CHARSET.search(body[:2048])
    names = ["utf-8-sig", charset]
    if stated:
        names.append((stated[1] or stated[2]).decode())
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        names.insert(0, "utf-16")
    for name in names:
        if name:
            try:
                return body.decode(name)
            except (LookupError, UnicodeDecodeError):
                continue
    return body.decode("windows-1252", errors="replace")


def read_body(url: str, response: httpx.Response, limit: int) -> bytes:
    """The body of an answer, whole and at most `limit` bytes long.

    Raises:
        UnexpectedAnswerError: It is longer, was cut off, or trickles in.
    """
    announced = int(response.headers.get("content-length") or 0)
    if announced > limit:
        raise UnexpectedAnswerError(
            f"{url} is {announced >> 20} MB large; at most {limit >> 20} are taken."
        )
    begun, body = time.monotonic(), bytearray()
    try:
        for piece in response.iter_bytes():
            body += piece
            if len(body) > limit:
                raise UnexpectedAnswerError(
                    f"{url} is larger than {limit >> 20} MB and was broken off."
                )
            if time.monotonic() - begun > ANSWER_S:
                raise UnexpectedAnswerError(f"{url} takes more than {ANSWER_S:g} s.")
    except httpx.RemoteProtocolError as error:
        raise UnexpectedAnswerError(f"{url} was cut off ({error}).") from error
    return bytes(body)


def read_answer(
    url: str, response: httpx.Response, types: tuple[str, ...], limit: int
) -> Answer:
    """An answer of one of some content types, or where it leads.

    Raises:
        ScrapeError: As `check_status` and `read_body`; also if the type is another.
    """
    if response.status_code in _REDIRECTING and "location" in response.headers:
        return Answer(location=response.headers["location"])
    check_status(url, response.status_code, response.headers.get("retry-after", ""))
    kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in types:
        raise UnexpectedAnswerError(
            f"{url} answered {kind or 'no type'} where {', '.join(types)} was expected."
        )
    body = read_body(url, response, limit)
    return Answer(body=body, kind=kind, charset=response.charset_encoding or "")


def read_plainly(url: str, response: httpx.Response, limit: int) -> PlainAnswer:
    """An answer as it is, but for how it was packed on the way.

    Raises:
        UnexpectedAnswerError: As `read_body`.
    """
    headers = response.headers.multi_items()
    return PlainAnswer(
        status=response.status_code,
        headers=tuple(one for one in headers if one[0] not in _OF_THE_WAY),
        body=read_body(url, response, limit),
    )


def retry_after_s(value: str) -> float | None:
    """Seconds of a Retry-After header: a number or a date."""
    if value.strip().isdigit():
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    return max(0.0, moment.timestamp() - time.time()) or None


class AnswerCache:
    """Keeps texts on disk by address; a full disk only costs a later question."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, url: str) -> Path:
        digest = hashlib.sha256(url.encode()).hexdigest()
        return self._folder / digest[:2] / digest

    def read(self, url: str, keep_s: float) -> Answer | None:
        """The answer to an address if it is not older than `keep_s` seconds."""
        path = self._path(url)
        try:
            if time.time() - path.stat().st_mtime > keep_s:
                return None
            head, _, body = path.read_bytes().partition(b"\n")
        except OSError:
            return None
        return Answer(body=body, charset=head.decode("ascii", errors="replace"))

    def write(self, url: str, answer: Answer) -> None:
        """Keep an answer; whole or not at all."""
        path = self._path(url)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(answer.charset.encode("ascii", "replace") + b"\n")
                    file.write(answer.body)
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            _log.warning("not kept: %s", "the disk is full" if full else error)
