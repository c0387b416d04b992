"""What uvicorn lacks: a log without visitors, and ends of slow clients and its own."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from uvicorn import Server
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from coin_core.api.problems import MEDIA_TYPE, problem

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    import h11
    from uvicorn import Config

HEADER_TIMEOUT_S = 20.0
_LINGER_S = 2.0
_CLOSE = (b"connection", b"close")


def names_no_visitor(record: logging.LogRecord) -> bool:
    """Whether a record may be in the log; false for uvicorn's of a websocket.

    They state the address and the query of a visitor, and no setting omits them.
    """
    return '"WebSocket %s"' not in str(record.msg)


class _State(ServerState):
    """What the connections of a server share."""

    draining = False


class DrainingServer(Server):
    """Goes on answering for a while when it is told to end.

    A proxy that does not know yet sends no request to a closed port, and none over a
    connection that is being closed: each answer says that it is the last of its own.
    """

    def __init__(
        self, config: Config, *, drain_s: float, on_drain: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self.server_state: _State = _State()
        self.drain_s = drain_s
        self._on_drain = on_drain

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then close; a second interrupt cuts the wait short."""
        self._on_drain()
        self.server_state.draining = True
        began = time.monotonic()
        while time.monotonic() < began + self.drain_s and not self.force_exit:
            await asyncio.sleep(0.1)
        await super().shutdown(sockets)


class TimedProtocol(H11Protocol):
    """Answers a connection with 408 unless its request begins in time.

    uvicorn limits only the pause between two requests, so a client could hold any
    number of connections by sending a byte now and then.
    """

    _timer: asyncio.TimerHandle | None = None
    _given_up = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take data, perhaps the first of another request."""
        if self._given_up:
            return
        if self._timer is None and (self.cycle is None or self.cycle.response_complete):
            self._start_timer()
        super().data_received(data)

    def handle_events(self) -> None:
        """Answer what has come."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._stop_timer()
            if getattr(self.server_state, "draining", False):
                self.cycle.default_headers = [*self.cycle.default_headers, _CLOSE]

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection to the websocket, which has limits of its own."""
        self._stop_timer()
        super().handle_websocket_upgrade(event)

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(HEADER_TIMEOUT_S, self._give_up)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        if self.transport.is_closing():
            return
        body = problem(408, "No whole request came in time. Send it again.")
        content = body.model_dump_json(exclude_none=True).encode()
        head = (
            "HTTP/1.1 408 Request Timeout\r\n"
            f"Content-Type: {MEDIA_TYPE}\r\nContent-Length: {len(content)}\r\n"
            "Connection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + content)
        # Closed at once, a client that still sends would not get to read this.
        self._given_up = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER_S, self.transport.close)
