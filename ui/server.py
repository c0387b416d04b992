"""Which requests the server answers, and what its pages may load.

A page of another site must not read or change the collection: not by sending requests
to localhost, and not from a name of its own that it points at this computer (DNS
rebinding). So a request has to name a host of `server.allowedHosts`
(`.streamlit/config.toml`), to which `COIN_HOSTS` adds, and must come from a page of
that same host. Streamlit checks less: only its websocket, and to compare an Origin
it asks a public service for the address of this computer.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from streamlit import config

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOSTS_VARIABLE = "COIN_HOSTS"
_HOST = r"(\[[0-9a-f:.]+\]|[a-z0-9_-][a-z0-9._-]*)(?::(\d{1,5}))?"
_PATTERN = re.compile(r"\*|(\*\.)?[a-z0-9_-][a-z0-9._-]*|\[?[0-9a-f:.]*:[0-9a-f:.]+\]?")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
# Pages load only what this server sends. Streamlit's own scripts need the rest.
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; "
    "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob: data:; "
    "style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def named_hosts(text: str) -> tuple[str, ...]:
    """The host names in the value of `COIN_HOSTS`, separated by commas or spaces.

    Raises:
        ValueError: A part is not the name of a host; the message is a sentence.
    """
    names = tuple(re.split(r"[,\s]+", text.strip().lower())) if text.strip() else ()
    for name in names:
        if not _PATTERN.fullmatch(name):
            raise ValueError(
                f"{HOSTS_VARIABLE} names {name!r}, which is not a host. Write names as "
                "in coins.example.org, without http:// and port, separated by commas."
            )
    return tuple(name.strip("[]").rstrip(".") for name in names)


def trust_named_hosts() -> None:
    """Add the hosts of `COIN_HOSTS` to those that Streamlit lists."""
    try:
        named = named_hosts(os.environ.get(HOSTS_VARIABLE, ""))
    except ValueError as error:
        sys.exit(str(error))
    hosts = [*config.get_option("server.allowedHosts"), *named]
    config.set_option("server.allowedHosts", hosts)


def find_refusal(headers: Headers, hosts: Sequence[str], named: Sequence[str]) -> str:
    """Why a request is refused, or "" if it is answered.

    Args:
        headers: The headers of the request.
        hosts: The names under which the server may be reached; "*.example.org" stands
            for all names below it, "*" for any.
        named: The names among them that the operator has given. A page of theirs may
            come with another Host, as behind a proxy that changes it.
    """
    host = re.fullmatch(_HOST, ",".join(headers.getlist("host")), re.IGNORECASE)
    if host is None or not _matches(host[1], hosts):
        return (
            "This server does not answer to the name in the address. On this computer "
            "open it as localhost; on a server its operator names the host in "
            f"{HOSTS_VARIABLE}."
        )
    foreign = "This server answers only its own pages, not those of other sites."
    if origins := headers.getlist("origin"):
        origin = ",".join(origins)
        page = re.fullmatch(f"(https?)://{_HOST}", origin, re.IGNORECASE)
        if page is None:
            return foreign
        default = _DEFAULT_PORTS[page[1].lower()]
        own = _plain(page[2]) == _plain(host[1]) and (
            (page[3] or default) == (host[2] or default)
        )
        if not own and not _matches(page[2], [name for name in named if name != "*"]):
            return foreign
    elif headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        # A link may lead here; pictures, scripts and frames of other sites may not.
        follows_link = headers.get("sec-fetch-dest") == "document"
        if not follows_link or headers.get("sec-fetch-mode") != "navigate":
            return foreign
    return ""


def _plain(name: str) -> str:
    return name.lower().strip("[]").rstrip(".")


def _matches(name: str, patterns: Sequence[str]) -> bool:
    name = _plain(name)
    return any(
        pattern in ("*", name)
        or (pattern.startswith("*.") and name.endswith(pattern[1:]))
        for pattern in patterns
    )


class RequestGuard:
    """Refuses foreign requests, of HTTP and of websockets, and limits the pages."""

    def __init__(
        self, app: ASGIApp, refuse_api: Callable[..., ASGIApp] | None = None
    ) -> None:
        """Read the hosts once, when the server starts.

        Args:
            app: What answers the other requests.
            refuse_api: Makes what answers a request to the API of a status, a sentence
                and headers; without it the sentence alone is sent.
        """
        self.app = app
        self.refuse_api = refuse_api
        self.named = named_hosts(os.environ.get(HOSTS_VARIABLE, ""))
        self.hosts = (*config.get_option("server.allowedHosts"), *self.named)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = find_refusal(headers, self.hosts, self.named)
        if refusal and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refusal})
        elif refusal:
            await self._refuse(scope, refusal)(scope, receive, send)
        else:
            await self.app(_with_own_host(scope, headers), receive, _limited(send))

    def _refuse(self, scope: Scope, refusal: str) -> ASGIApp:
        if self.refuse_api and scope["path"].startswith("/api/"):
            return self.refuse_api(403, refusal, _HEADERS)
        return PlainTextResponse(refusal, 403, _HEADERS)


def _with_own_host(scope: Scope, headers: Headers) -> Scope:
    """The request with the Host of its Origin, which Streamlit compares as texts."""
    netloc = headers.get("origin", "").partition("//")[2]
    if not netloc or netloc == headers["host"]:
        return scope
    mutable = MutableHeaders(raw=list(scope["headers"]))
    mutable["host"] = netloc
    return {**scope, "headers": mutable.raw}


def _limited(send: Send) -> Send:
    async def send_limited(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(_HEADERS)
        await send(message)

    return send_limited
