"""The addresses that may be asked: known hosts, encrypted, no private networks."""

from __future__ import annotations

import ipaddress
import socket
from typing import Final
from urllib.parse import urlsplit

from scrapers.errors import SiteUnreachableError, UnsafeAddressError

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def origin_of(url: str) -> str:
    """The host of an address, with an unusual port: "127.0.0.1:8080"."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise UnsafeAddressError(f"{url!r} is no web address.") from error
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return host if port in (None, usual) else f"{host}:{port}"


def check_address(url: str, origins: frozenset[str]) -> None:
    """Refuse an address that a source may not ask.

    Args:
        url: The full address.
        origins: Hosts (with unusual ports) that the source may ask.

    Raises:
        UnsafeAddressError: The scheme, the host or its network is not allowed.
        SiteUnreachableError: The host has no address.
    """
    origin = origin_of(url)
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if parts.username or parts.password:
        raise UnsafeAddressError(f"{host}: an address with a password is not asked.")
    if origin not in origins:
        raise UnsafeAddressError(
            f"{url} leads to {origin or 'no host'}; only {', '.join(sorted(origins))} "
            "may be asked."
        )
    if host in LOOPBACK:
        if parts.scheme not in ("http", "https"):
            raise UnsafeAddressError(f"{url} is not a web address.")
        return
    if parts.scheme != "https":
        raise UnsafeAddressError(f"{url} is not encrypted; only https is asked.")
    for address in resolve(host, parts.port or 443):
        check_public(address, host)


def resolve(host: str, port: int) -> tuple[str, ...]:
    """The addresses of a host.

    Raises:
        SiteUnreachableError: It has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SiteUnreachableError(
            f"{host} is not found; is the network up?"
        ) from error
    return tuple(str(entry[4][0]) for entry in found)


def check_public(address: str, host: str) -> None:
    """Refuse addresses of this machine and of private networks.

    Raises:
        UnsafeAddressError: The address is not one of the open internet.
    """
    number = ipaddress.ip_address(address.split("%")[0])
    mapped = getattr(number, "ipv4_mapped", None)
    if not (mapped or number).is_global or number.is_multicast:
        raise UnsafeAddressError(
            f"{host} leads to {address}, which is not on the open internet."
        )
