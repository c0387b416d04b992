"""Photos out of a multipart body, read as it comes and never past the limits."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from coin_core.api.problems import RequestRefusedError
from coin_core.imaging import photo_io

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

# It logs parts of what it cannot parse.
logging.getLogger("python_multipart").setLevel(logging.ERROR)

MiB = 1024 * 1024
_STEP_BYTES = MiB // 4
# Of file names in multipart bodies, by the HTML standard.
_ESCAPES = {"%22": '"', "%0D": "\r", "%0A": "\n"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one server takes at a time.

    Attributes:
        photos: Photos in one request.
        request_bytes: The body of one request.
        photo_bytes: One photo; a larger one fails alone.
        bytes_in_flight: The photos of all requests together.
        requests: Requests to classify at a time.
        requests_of_client: The same from one address.
        waiting_photos: Photos that wait for the classifiers.
        start_s: How long a body may take before its rate counts.
        bytes_per_s: The rate below which a body is given up.
    """

    photos: int = 100
    request_bytes: int = 128 * MiB
    photo_bytes: int = photo_io.MAX_BYTES
    bytes_in_flight: int = 256 * MiB
    requests: int = 128
    requests_of_client: int = 64
    waiting_photos: int = 256
    start_s: float = 20.0
    bytes_per_s: int = 16 * 1024


@dataclass(slots=True)
class Upload:
    """One photo as it was sent; `too_large` if it was longer than the limit."""

    name: str
    data: bytearray = field(default_factory=bytearray)
    too_large: bool = False


class Budget:
    """The bytes and requests that are in the server's memory at a time."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.bytes = 0
        # How much more the server may hold, with what its pages hold.
        self.shared_room: Callable[[], int] = lambda: limits.bytes_in_flight
        self._clients: dict[str, int] = {}

    @contextmanager
    def admit(self, client: str) -> Iterator[Lease]:
        """Count a request while it lasts.

        Raises:
            RequestRefusedError: 429 if the client, 503 if the server has too many.
        """
        if self._clients.get(client, 0) >= self.limits.requests_of_client:
            raise RequestRefusedError(
                429,
                f"{self.limits.requests_of_client} requests from this address are "
                "being answered. Wait for one to end.",
                retry_after_s=1,
            )
        if sum(self._clients.values()) >= self.limits.requests:
            raise busy()
        self._clients[client] = self._clients.get(client, 0) + 1
        lease = Lease(self)
        try:
            yield lease
        finally:
            self.bytes -= lease.bytes
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]


@dataclass(slots=True)
class Lease:
    """What one request holds of the budget."""

    budget: Budget
    bytes: int = 0

    def take(self, count: int) -> None:
        """Hold more bytes.

        Raises:
            RequestRefusedError: 503 if the server holds too many.
        """
        if self.budget.bytes + count > self.budget.limits.bytes_in_flight:
            raise busy()
        # To count what the pages hold takes longer, and is done now and then.
        is_step = self.bytes // _STEP_BYTES < (self.bytes + count) // _STEP_BYTES
        if (is_step or not self.bytes) and self.budget.shared_room() < count:
            raise busy()
        self.bytes += count
        self.budget.bytes += count


def busy(retry_after_s: int = 2) -> RequestRefusedError:
    """The refusal of a server that has enough to do."""
    return RequestRefusedError(
        503,
        "The server has as much to do as it can hold. Send the request again in "
        f"{retry_after_s} s.",
        retry_after_s=retry_after_s,
    )


def too_large(limit: int) -> RequestRefusedError:
    """The refusal of a body that is over a limit."""
    return RequestRefusedError(
        413, f"The request is larger than {limit // MiB} MB. Send it in parts."
    )


async def body_within(request: Request, limit: int) -> AsyncIterator[bytes]:
    """Yield the body of a request, chunk by chunk.

    Raises:
        RequestRefusedError: It is longer than the limit, or compressed.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise RequestRefusedError(415, "Send the body without a Content-Encoding.")
    claimed = request.headers.get("content-length", "0")
    if claimed.isdecimal() and int(claimed) > limit:
        raise too_large(limit)
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > limit:
            raise too_large(limit)
        yield chunk


async def read_photos(request: Request, lease: Lease) -> list[Upload]:
    """Read the parts named `photo`, in order.

    Raises:
        RequestRefusedError: The body is of another kind (415), damaged (400), without
            a photo or with other parts (422), or over a limit (413, 503).
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind.lower() != b"multipart/form-data":
        raise RequestRefusedError(
            415,
            "Send the photos as multipart/form-data, each in a part named photo.",
            headers={"Accept-Post": "multipart/form-data"},
        )
    if not options.get(b"boundary"):
        raise _damaged()
    limits = lease.budget.limits
    parts = _Parts(limits, lease)
    try:
        parser = MultipartParser(options[b"boundary"], parts.callbacks())
        async for chunk in body_within(request, limits.request_bytes):
            parser.write(chunk)
    except (FormParserError, ValueError) as error:
        raise _damaged() from error
    if not parts.ended:
        raise _damaged()
    if not parts.photos:
        raise RequestRefusedError(
            422, "There is no photo in the request. Send each in a part named photo."
        )
    return parts.photos


def _damaged() -> RequestRefusedError:
    return RequestRefusedError(
        400, "The multipart body is damaged or cut short. Send the request again."
    )


class _Parts:
    """What the parser has found so far."""

    def __init__(self, limits: Limits, lease: Lease) -> None:
        self.photos: list[Upload] = []
        self.ended = False
        self._limits = limits
        self._lease = lease
        self._header = self._value = b""
        self._disposition = b""

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_header,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._start_photo,
            "on_part_data": self._on_data,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._disposition = b""

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _start_photo(self) -> None:
        _, options = parse_options_header(self._disposition)
        if (name := options.get(b"name", b"")) != b"photo":
            raise RequestRefusedError(
                422,
                f"The request has a part named {name[:40].decode('ascii', 'replace')!r}"
                ", and parts are named photo. Settings go into the address.",
            )
        if len(self.photos) == self._limits.photos:
            raise RequestRefusedError(
                413,
                f"A request holds at most {self._limits.photos} photos. Send more "
                "than one request.",
            )
        file_name = options.get(b"filename", b"").decode("utf-8", "replace")
        for escape, sign in _ESCAPES.items():
            file_name = file_name.replace(escape, sign)
        self.photos.append(Upload(file_name[:255] or f"photo {len(self.photos) + 1}"))

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        photo = self.photos[-1]
        if photo.too_large:
            return
        if len(photo.data) + end - start > self._limits.photo_bytes:
            photo.data, photo.too_large = bytearray(), True
            return
        self._lease.take(end - start)
        photo.data += data[start:end]

    def _end(self) -> None:
        self.ended = True
