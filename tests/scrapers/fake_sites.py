"""Small sites on the loopback address, each with a referee that knows its rules.

The referee writes down every request that robots.txt or the pause forbids, that
overlaps another, or that does not say whom to write to. `site.close` fails on them.
"""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from PIL import Image

from scrapers.url_safety import LOCAL_SITES, local_sites

CONTACT = "curator@example.org"
PAUSE_S = 0.04
SLACK_S = 0.1


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    headers: dict[str, str]
    at: float


@dataclass
class Reply:
    body: bytes | str = b""
    kind: str = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut_to: int | None = None  # bytes really sent of those announced
    hang_up: bool = False


Route = Reply | Callable[[Request], Reply]


class FakeSite:
    """A site with routes by path; "/images/" ends a path that has more below."""

    def __init__(
        self,
        routes: dict[str, Route] | None = None,
        *,
        robots: str | None = "User-agent: *\nDisallow: /private/\n",
        forbidden: tuple[str, ...] = ("/private/",),
        pause_s: float = PAUSE_S,
    ) -> None:
        self.routes = dict(routes or {})
        self.robots, self.forbidden, self.pause_s = robots, forbidden, pause_s
        self.requests: list[Request] = []
        self.violations: list[str] = []
        self._busy = 0
        self._lock = threading.Lock()
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Otherwise the body waits 40 ms for the client to confirm the headers.
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                site.serve(self)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass  # a client that hangs up is part of the tests

        self._server = Server(("127.0.0.1", 0), Handler)
        self.origin = f"127.0.0.1:{self._server.server_port}"
        self.address = f"http://{self.origin}"
        os.environ[LOCAL_SITES] = " ".join([*local_sites(), self.origin])
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        form = handler.rfile.read(length).decode()
        parts = urlsplit(handler.path)
        request = Request(
            method=handler.command,
            path=parts.path,
            query={key: value[0] for key, value in parse_qs(parts.query).items()},
            form={key: value[0] for key, value in parse_qs(form).items()},
            headers=dict(handler.headers),
            at=time.monotonic(),
        )
        with self._lock:
            self._judge(request)
            self._busy += 1
        try:
            reply = self._reply(request)
            time.sleep(reply.delay_s)
        finally:
            with self._lock:
                self._busy -= 1
        _send(handler, reply)

    def _judge(self, request: Request) -> None:
        if self._busy:
            self.violations.append(f"{request.path}: two requests at a time")
        if request.path.startswith(self.forbidden):
            self.violations.append(f"{request.path}: forbidden by robots.txt")
        if CONTACT not in request.headers.get("User-Agent", ""):
            self.violations.append(f"{request.path}: no contact in the User-Agent")
        # A busy machine hands requests over late, so that single gaps tell nothing:
        # over many requests the pause must hold all the same.
        paced = reversed(self.requests) if self.pause_s else ()
        for before, one in enumerate(paced, 1):
            spent = request.at - one.at
            if spent < before * self.pause_s - SLACK_S:
                self.violations.append(
                    f"{request.path}: {before} pauses in {spent:.3f} s"
                )
                break
        self.requests.append(request)

    def _reply(self, request: Request) -> Reply:
        if request.path == "/robots.txt" and "/robots.txt" not in self.routes:
            if self.robots is None:
                return Reply(status=404)
            return Reply(self.robots, kind="text/plain")
        route = self.routes.get(request.path)
        if route is None:
            above = request.path.rsplit("/", 1)[0] + "/"
            route = self.routes.get(above)
        if route is None:
            return Reply("no such page", status=404)
        return route if isinstance(route, Reply) else route(request)

    def asked(self, path: str) -> list[Request]:
        return [one for one in self.requests if one.path == path]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        if self.violations:
            raise AssertionError("; ".join(self.violations))


def _send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    body = reply.body.encode() if isinstance(reply.body, str) else reply.body
    if reply.hang_up:
        handler.close_connection = True
        handler.connection.close()
        return
    handler.send_response(reply.status)
    for name, value in reply.headers.items():
        handler.send_header(name, value)
    if reply.kind:
        handler.send_header("Content-Type", reply.kind)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: reply.cut_to])
    if reply.cut_to is not None:
        handler.close_connection = True


def draw_png(seed: int, size_px: int = 48) -> bytes:
    """A small photo, another one for each seed."""
    colour = (seed * 37 % 200, seed * 91 % 200, seed * 53 % 200)
    image = Image.new("RGB", (size_px, size_px), (235, 235, 235))
    image.paste(colour, (8, 8, size_px - 8, size_px - 8))
    image.putpixel((0, 0), (seed % 256, seed // 256 % 256, 7))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
