"""Connections to the addresses that were checked, with an end to every answer."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable
from typing import Any, Final

import httpcore
import httpx

from scrapers.errors import (
    SiteUnreachableError,
    UnexpectedAnswerError,
    UnknownHostError,
)
from scrapers.url_safety import find_addresses

RESPONSE_S: Final = 180.0
_MOST_TRIED: Final = 4  # addresses of one host, each for the time of a connection


class CheckedTransport(httpx.HTTPTransport):
    """Looks a name up once: the address that is checked is the one that is asked.

    Names stay in the request and in TLS, so certificates are those of the name.
    """

    def __init__(self, certificates: ssl.SSLContext) -> None:
        super().__init__(verify=certificates, trust_env=False)
        # httpx gives no way to hand the pool its connections
        self._pool = httpcore.ConnectionPool(
            ssl_context=certificates, network_backend=_CheckedNetwork()
        )


class _CheckedNetwork(httpcore.NetworkBackend):
    """Opens connections; the only place that looks names up."""

    def __init__(self) -> None:
        self._network = httpcore.SyncBackend()
        self._known: set[str] = set()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of a host that answers.

        Raises:
            ScrapeError: The host has no address, or one that may not be asked.
        """
        try:
            addresses = find_addresses(host, port)[:_MOST_TRIED]
        except UnknownHostError as error:
            if host not in self._known:
                raise
            # where the network is gone, its names are gone first
            raise SiteUnreachableError(str(error)) from error
        self._known.add(host)
        for address in addresses[:-1]:
            try:
                return self._open(host, address, port, timeout, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._open(host, addresses[-1], port, timeout, socket_options)

    def _open(
        self,
        host: str,
        address: str,
        port: int,
        timeout: float | None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None,
    ) -> httpcore.NetworkStream:
        stream = self._network.connect_tcp(address, port, timeout, None, socket_options)
        return _TimedStream(host, stream)


class _TimedStream(httpcore.NetworkStream):
    """A connection whose answers take at most `RESPONSE_S`, also byte by byte."""

    def __init__(self, host: str, stream: httpcore.NetworkStream) -> None:
        self._host, self._stream = host, stream
        self._asked_at = time.monotonic()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        end = self._asked_at + RESPONSE_S
        left_s = end - time.monotonic()
        if left_s > 0:
            try:
                return self._stream.read(max_bytes, min(timeout or left_s, left_s))
            except httpcore.ReadTimeout:
                if time.monotonic() < end:
                    raise
        raise UnexpectedAnswerError(
            f"{self._host} takes more than {RESPONSE_S:g} s for one answer."
        )

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._asked_at = time.monotonic()
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, timeout)
        return _TimedStream(self._host, stream)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
