"""The addresses that may be asked: known hosts, encrypted, no private networks."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, urljoin, urlsplit

from scrapers.errors import SiteUnreachableError, UnknownHostError, UnsafeAddressError

LOCAL_SITES: Final = "COIN_LOCAL_SITES"
"""Variable with the sites of this computer or its network that may be asked."""
_SHOWN: Final = 200  # characters of an address in a message
_LONGEST_HOST: Final = 253  # letters of a name in the DNS
# the same host for every program that reads the address
_PLAIN: Final = re.compile(
    r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?(?:[/?#].*)?"
)
_NUMBER: Final = re.compile(r"\d+|0x[0-9a-f]*")
_NO_SUCH_NAME: Final = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None))
_UNICAST: Final = ipaddress.ip_network("2000::/3")
# relays and tunnels to other addresses (6to4, Teredo), and what no host has
_REFUSED: Final = tuple(
    ipaddress.ip_network(one)
    for one in (
        *(
            "192.0.0.0/24",
            "192.88.99.0/24",
            "2001::/23",
            "2001:db8::/32",
            "2002::/16",
            "3fff::/20",
        ),
    )
)


def local_sites() -> frozenset[str]:
    """The sites that whoever runs this program has opened, as `origin_of` gives them.

    Such a site may be on this computer or in its network, and need not be encrypted.
    """
    return frozenset(os.environ.get(LOCAL_SITES, "").lower().replace(",", " ").split())


def normalize(url: str, params: Mapping[str, str] | None = None) -> str:
    """An address as it is sent: its host in ASCII, other characters encoded.

    Raises:
        UnsafeAddressError: It is no web address, or has a user name or password.
    """
    import httpx  # takes a while, and lists of sources need none of it

    try:
        parsed = httpx.URL(url, params=dict(params)) if params else httpx.URL(url)
        parsed = httpx.URL(str(parsed))  # a scheme in capitals keeps its port at first
        whole = str(parsed)
        plain = _PLAIN.fullmatch(whole) and (parsed.port or 443) < 1 << 16
        plain = plain and len(parsed.host) <= _LONGEST_HOST
    except (httpx.InvalidURL, ValueError) as error:
        raise UnsafeAddressError(f"{url[:_SHOWN]!r} is no web address.") from error
    if parsed.userinfo:
        raise UnsafeAddressError(
            f"{parsed.host}: an address with a user name or password is not asked."
        )
    if not plain:
        raise UnsafeAddressError(f"{url[:_SHOWN]!r} is no web address.")
    return whole


def origin_of(url: str) -> str:
    """The host of an address, with an unusual port: "127.0.0.1:8080".

    "" if it is no web address.
    """
    try:
        parts = urlsplit(normalize(url))
    except UnsafeAddressError:
        return ""
    return parts.netloc  # without a usual port, which `normalize` leaves out


def host_of(url: str) -> str:
    """The host of an address; "" if it is no web address."""
    return re.sub(r":\d+$", "", origin_of(url))


def join_address(base: str, address: str) -> str:
    """The full address of a link; the link itself where none can be made of it."""
    try:
        return urljoin(base, address)
    except ValueError:
        return address


def path_of(address: str) -> str:
    """The path of an address or link; "" if it is none."""
    try:
        return urlsplit(address).path
    except ValueError:
        return ""


def query_of(url: str, parameter: str) -> str:
    """A parameter of an address; "" if it is missing."""
    try:
        return parse_qs(urlsplit(url).query).get(parameter, [""])[0]
    except ValueError:
        return ""


def check_address(url: str, origins: frozenset[str]) -> None:
    """Refuse an address that a source may not ask; no name is looked up.

    Raises:
        UnsafeAddressError: The scheme, host, port or network is not allowed.
    """
    parts = urlsplit(normalize(url))
    origin = parts.netloc
    shown = url[:_SHOWN]
    if origin not in origins:
        raise UnsafeAddressError(
            f"{shown} leads to {origin}; only {', '.join(sorted(origins))} may be "
            "asked."
        )
    if origin in local_sites():
        return
    if parts.scheme != "https":
        raise UnsafeAddressError(
            f"{shown} is not encrypted; only https is asked, except of sites that "
            f"{LOCAL_SITES} names."
        )
    if parts.port is not None:
        raise UnsafeAddressError(
            f"{shown} has a port of its own; only the usual one is asked, except of "
            f"sites that {LOCAL_SITES} names."
        )
    host = (parts.hostname or "").rstrip(".")
    if ":" in host or _NUMBER.fullmatch(host.rpartition(".")[2]):
        check_public(host, host)


def find_addresses(host: str, port: int) -> tuple[str, ...]:
    """The addresses of a host, in the order in which they are to be tried.

    All of them must be public unless `local_sites` has the host: a name that also
    leads into a private network is not asked at all.

    Raises:
        UnsafeAddressError: An address is not one of the open internet.
        UnknownHostError: There is no such host.
        SiteUnreachableError: No answer says whether there is.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        if isinstance(error, UnicodeError) or error.errno in _NO_SUCH_NAME:
            raise UnknownHostError(
                f"There is no site {host}. Check its spelling, and whether the network "
                "is up."
            ) from error
        raise SiteUnreachableError(
            f"{host} is not found; is the network up?"
        ) from error
    addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    shown = f"[{host}]" if ":" in host else host
    if (shown if port in (80, 443) else f"{shown}:{port}") not in local_sites():
        for address in addresses:
            check_public(address, host)
    return addresses


def check_public(address: str, host: str) -> None:
    """Refuse addresses of this machine, of private networks, and of tunnels to them.

    Raises:
        UnsafeAddressError: The address is not one of the open internet.
    """
    try:
        number = ipaddress.ip_address(address)
    except ValueError:  # such as 0x7f.1, or with a zone
        number = None
    if (
        number is None
        or not number.is_global
        or number.is_multicast
        or (number.version == 6 and number not in _UNICAST)
        or any(number in network for network in _REFUSED)
    ):
        raise UnsafeAddressError(
            f"{host} is not on the open internet, and is not asked. Whoever runs this "
            f"program can open a site of their own network with {LOCAL_SITES}."
        )
