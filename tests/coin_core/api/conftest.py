"""One server for the tests of the API, with the shipped models or with stand-ins."""

from __future__ import annotations

import io
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import uvicorn
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from coin_core.api import layer
from coin_core.api.app import Service, routes
from coin_core.api.protocol import DrainingServer, TimedProtocol
from coin_core.api.uploads import Limits
from coin_core.imaging.preprocessing import RotatedBox
from coin_core.pipeline import CoinClassifier, PreparedPhoto
from coin_core.rendering import render_coin
from coin_core.results import DetectedFace, PhotoResult, Side, Verdict
from coin_core.rulers import DEFAULT_CLASSES

TOKEN = "an-admin-token-of-the-tests"


class StubClassifier(CoinClassifier):
    """Answers at once; notes its batches, and fails on photos of one colour."""

    BAD = 222

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def load(self, names: Any = None) -> None:
        pass

    def pinned(self, names: Any) -> StubClassifier:
        return self

    def prepare_and_classify(self, photos: Any, names: Any) -> Iterator[Any]:
        photos = list(photos)
        self.batches.append(len(photos))
        if any(photo.mean() == self.BAD for photo in photos):
            raise RuntimeError("a mistake")
        box = RotatedBox(left=0, top=0, right=1, bottom=1)
        face = DetectedFace(box=box, side=Side.LEGEND, confidence=1)
        for photo in photos:
            best = int(photo.mean()) % 3
            verdicts = tuple(
                Verdict(
                    classifier=name,
                    probabilities={
                        ruler: float(place == best)
                        for place, ruler in enumerate(DEFAULT_CLASSES)
                    },
                    ruler=DEFAULT_CLASSES[best],
                    reason=None,
                    seconds=0.01,
                    model="0" * 64,
                )
                for name in names
            )
            result = PhotoResult(faces=(face,), legend=0, verdicts=verdicts)
            yield (
                PreparedPhoto(faces=(face,), legend=0, crop=photo, reason=None),
                result,
            )


def png(grey: int = 100, size: int = 40) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((size, size, 3), grey, np.uint8)).save(file, "PNG")
    return file.getvalue()


@contextmanager
def serve(service: Service) -> Iterator[TestClient]:
    app = Starlette(routes=routes(service), lifespan=service.lifespan)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(autouse=True)
def _no_lingering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer, "LINGER_S", 0.5)


@pytest.fixture
def stub() -> StubClassifier:
    return StubClassifier()


@pytest.fixture
def client(stub: StubClassifier) -> Iterator[TestClient]:
    """A server that answers at once, with small limits."""
    limits = Limits(
        photos=5, request_bytes=200_000, photo_bytes=50_000, bytes_in_flight=300_000
    )
    with serve(Service(stub, limits)) as client:
        yield client


@pytest.fixture(scope="session")
def coin_jpeg() -> Callable[[int], bytes]:
    """A function from a number to the photo of a rendered coin."""

    def encode(number: int) -> bytes:
        file = io.BytesIO()
        coin = render_coin(71, number, size_px=240, wear=0.2)
        Image.fromarray(coin.image).save(file, "JPEG")
        return file.getvalue()

    return encode


@dataclass
class Listening:
    """A server on a real socket."""

    service: Service
    server: DrainingServer
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def send(self, *pieces: bytes, pause_s: float = 0.0) -> bytes:
        """The whole answer; with a pause, no more is sent once it begins."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as link:
            answer = b""
            try:
                for piece in pieces:
                    link.sendall(piece)
                    if pause_s and select.select([link], [], [], pause_s)[0]:
                        break
                while received := link.recv(65_536):
                    answer += received
            except ConnectionError:
                pass
            return answer


@contextmanager
def listen(service: Service, drain_s: float = 0) -> Iterator[Listening]:
    app = Starlette(routes=routes(service), lifespan=service.lifespan)
    settings = uvicorn.Config(app, port=0, http=TimedProtocol, log_config=None)
    server = DrainingServer(settings, drain_s=drain_s, on_drain=service.end)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Listening(service, server, port)
    finally:
        server.should_exit, server.drain_s = True, 0
        thread.join(30)


@pytest.fixture(scope="module")
def real_client() -> Iterator[TestClient]:
    """A server with the shipped models."""
    with serve(Service()) as client:
        yield client


def until(condition) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
