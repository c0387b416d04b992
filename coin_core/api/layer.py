"""What surrounds every request: its id, its log line, its metrics, its time limits."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
)
from starlette.datastructures import Headers, MutableHeaders

from coin_core.api.problems import HANG_UP, RequestRefusedError
from coin_core.storage import dump_json

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from coin_core.api.uploads import Limits

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
# After an early answer so much of the body is still read, so that a client that
# sends before it listens gets to the answer.
LINGER_BYTES, LINGER_S = 16 * 1024 * 1024, 5.0

log = logging.getLogger("coin_core.api")


class Metrics:
    """What /metrics reports; nothing of it names a photo or a person."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        for collector in (GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR):
            registry.register(collector)
        self.requests = Counter(
            "coin_requests_total",
            "Requests of the API.",
            ("method", "route", "status"),
            registry=registry,
        )
        self.seconds = Histogram(
            "coin_request_seconds",
            "From the first byte of a request to the last of the answer.",
            ("route",),
            registry=registry,
            buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100),
        )
        self.photos = Counter(
            "coin_photos_total",
            "Photos by what became of them.",
            ("outcome",),
            registry=registry,
        )
        self.batch = Histogram(
            "coin_batch_photos",
            "Photos in one batch.",
            registry=registry,
            buckets=(1, 2, 4, 8, 16),
        )
        self.waiting = Gauge(
            "coin_waiting_photos", "Photos without an answer.", registry=registry
        )


class RequestLayer:
    """Wraps the API as an ASGI application."""

    def __init__(self, app: ASGIApp, *, limits: Limits, metrics: Metrics) -> None:
        self.app = app
        self._limits = limits
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and log it without what it holds."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in _METHODS else "other"
        call = _Call(scope, receive, send, self._limits)
        # The routes know only GET; the server keeps the scope, whose method it needs.
        scope = {**scope, "method": "GET"} if method == "HEAD" else scope
        try:
            await self.app(scope, call.receive, call.send)
        except Exception as error:  # noqa: BLE001 - the app has answered with a 500
            # Its message may name a photo.
            log.error(
                "A mistake in the program: %s\n%s",
                type(error).__name__,
                "".join(traceback.format_tb(error.__traceback__)),
                extra={"fields": {"request_id": call.request_id}},
            )
        finally:
            seconds = time.monotonic() - call.started
            route = getattr(scope.get("route"), "path", "unknown")
            status = call.status or HANG_UP
            self._metrics.requests.labels(method, route, status).inc()
            self._metrics.seconds.labels(route).observe(seconds)
            log.info(
                "request",
                extra={
                    "fields": {
                        "request_id": call.request_id,
                        "method": method,
                        "route": route,
                        "status": status,
                        "seconds": round(seconds, 4),
                        "bytes": call.received,
                        **scope["state"].get("log", {}),
                    }
                },
            )


class _Call:
    """One request: what was received, and when; what was sent."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, limits: Limits
    ) -> None:
        given = Headers(scope=scope).get("x-request-id", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        self.started = time.monotonic()
        self.received = 0
        self.status = 0
        self._receive, self._send, self._limits = receive, send, limits
        self._head_only = scope["method"] == "HEAD"
        # Without these headers there is no body, whose end would have to be awaited.
        self._body_ended = not any(
            name == b"transfer-encoding"
            or (name == b"content-length" and value != b"0")
            for name, value in scope["headers"]
        )
        # The state of the lifespan is shared by all requests.
        scope["state"] = {**scope.get("state", {}), "request_id": self.request_id}

    async def receive(self) -> Message:
        """Receive, but give up a body that comes too slowly.

        Raises:
            RequestRefusedError: 408.
        """
        if self._body_ended:
            return await self._receive()
        allowed_s = self._limits.start_s + self.received / self._limits.bytes_per_s
        try:
            async with asyncio.timeout_at(
                asyncio.get_running_loop().time()
                + max(0.0, self.started + allowed_s - time.monotonic())
            ):
                message = await self._receive()
        except TimeoutError as error:
            raise RequestRefusedError(
                408,
                "The request came too slowly, and was given up. Send it again over a "
                "faster connection, or in smaller parts.",
            ) from error
        self.received += len(message.get("body", b""))
        self._body_ended = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send, with the headers of every answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers.update({"X-Request-ID": self.request_id, **_HEADERS})
            if not self._body_ended:
                headers["Connection"] = "close"
            await self._send(message)
            return
        if self._head_only:
            message = {**message, "body": b""}
        if not message.get("more_body", False) and not self._body_ended:
            await self._send({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def _linger(self) -> None:
        end = self.received + LINGER_BYTES
        try:
            async with asyncio.timeout(LINGER_S):
                while not self._body_ended and self.received < end:
                    message = await self._receive()
                    self.received += len(message.get("body", b""))
                    self._body_ended = not message.get("more_body", False)
        except TimeoutError:
            pass


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and the record's fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record; of an exception, without its message, which may quote."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["traceback"] = "".join(traceback.format_tb(record.exc_info[2]))
        return dump_json(line, default=str)
