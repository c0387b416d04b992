"""Clients on real sockets that are slow, silent, rude, or gone."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import ExitStack

import pytest

from coin_core.api import protocol
from coin_core.api.app import Service
from coin_core.api.batching import AT_ONCE
from coin_core.api.uploads import Limits
from tests.coin_core.api.conftest import StubClassifier, listen, png, until

HEAD = b"POST /api/classify HTTP/1.1\r\nHost: localhost\r\n"
LAST = b"Connection: close\r\n"
MULTIPART = b"Content-Type: multipart/form-data; boundary=x\r\n"
PART = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n'


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEADER_TIMEOUT_S", 0.4)


@pytest.fixture(scope="module")
def server():
    limits = Limits(start_s=0.5, bytes_per_s=1000, request_bytes=20_000_000)
    with listen(Service(StubClassifier(), limits)) as listening:
        yield listening


def status_and_sentence(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    return int(head.split()[1]), json.loads(body)["detail"]


def whole_request(photo: bytes, *headers: bytes) -> bytes:
    body = PART + photo + b"\r\n--x--\r\n"
    length = b"Content-Length: %d\r\n" % len(body)
    return HEAD + MULTIPART + length + b"".join(headers) + b"\r\n" + body


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b"POST /api/classify HTTP/1.1\r\n"],
        [bytes([byte]) for byte in HEAD[:15]],
    ],
    ids=["nothing", "a line", "a byte at a time"],
)
def test_a_request_that_never_comes_whole_is_given_up(server, pieces):
    answer = server.send(*pieces, pause_s=0.1)
    status, sentence = status_and_sentence(answer[answer.rindex(b"HTTP/1.1") :])
    assert (status, "No whole request" in sentence) == (408, True)


def test_half_a_second_request_is_given_up_too(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as link:
        link.sendall(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        until_brace(link)
        link.sendall(b"GET /api/health HT")
        answer = rest(link)
    assert status_and_sentence(answer)[0] == 408


def test_a_body_that_comes_too_slowly_is_given_up(server):
    start = HEAD + MULTIPART + b"Content-Length: 100000\r\n\r\n" + PART
    answer = server.send(start, *[b"x"] * 20, pause_s=0.1)
    status, sentence = status_and_sentence(answer)
    assert (status, "too slowly" in sentence) == (408, True)
    assert b"connection: close" in answer.lower()


@pytest.mark.slow
def test_a_fast_enough_body_may_take_longer(server):
    request = whole_request(png())
    pieces = [request[i : i + 400] for i in range(0, len(request), 400)]
    answer = server.send(*pieces, b"", pause_s=0.1)
    assert answer.startswith(b"HTTP/1.1 200")


def test_a_client_that_sends_before_it_listens_gets_its_refusal(server):
    """The answer comes long before the end of the body, which is read a while."""
    start = HEAD + MULTIPART + b"Content-Length: 900000000\r\n\r\n"
    answer = server.send(start, bytes(2_000_000), bytes(2_000_000))
    status, sentence = status_and_sentence(answer)
    assert (status, "larger than" in sentence) == (413, True)


def test_nothing_is_done_for_a_client_that_hangs_up(server):
    service = server.service
    stub: StubClassifier = service.coin_classifier
    blocked, go = threading.Semaphore(0), threading.Event()
    original = stub.prepare_and_classify

    def wait(photos, names):
        blocked.release()
        assert go.wait(60)
        return original(photos, names)

    stub.prepare_and_classify = wait
    try:
        address = ("127.0.0.1", server.port)
        with ExitStack() as links:
            first = [
                links.enter_context(socket.create_connection(address))
                for _ in range(AT_ONCE)
            ]
            for link in first:
                link.sendall(whole_request(png()))
                assert blocked.acquire(timeout=60)
            stub.batches.clear()
            for _ in range(3):
                with socket.create_connection(address) as link:
                    link.sendall(whole_request(png()))
                    until(lambda: service.batcher.waiting == AT_ONCE + 1)
                until(lambda: service.batcher.waiting == AT_ONCE)
            go.set()
            for link in first:
                assert link.recv(100).startswith(b"HTTP/1.1 200")
    finally:
        go.set()
        del stub.prepare_and_classify
    assert server.send(whole_request(png(), b"Connection: close\r\n"))[9:12] == b"200"
    assert stub.batches == [1] * (AT_ONCE + 1)


@pytest.mark.parametrize(
    ("path", "status"),
    [(b"/api/health", b"200"), (b"/metrics", b"200"), (b"/api/classify", b"405")],
)
def test_the_answer_to_head_ends_with_its_headers(server, path, status):
    asked = b"%s " + path + b" HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
    # On one connection: a body would be taken for the next answer.
    answer = server.send(asked % (b"HEAD", b""), asked % (b"GET", LAST))
    head, again, body = answer.split(b"\r\n\r\n", 2)
    assert head.startswith(b"HTTP/1.1 " + status)
    assert again.startswith(b"HTTP/1.1 " + status)
    assert body


def test_a_server_that_ends_still_answers_and_then_closes_its_connections(
    monkeypatch,
):
    monkeypatch.setattr(protocol, "HEADER_TIMEOUT_S", 60)
    service = Service(StubClassifier())
    asked = b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with listen(service, drain_s=600) as server:
        idle = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        idle.sendall(asked)
        assert b"connection: close" not in until_brace(idle).lower()
        server.server.should_exit = True
        until(lambda: service.ends)
        # Whole answers, to old and new connections; these end with them.
        idle.sendall(asked)
        answer = rest(idle)
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.endswith(b"}")
        assert b"connection: close" in answer.lower()
        assert server.send(whole_request(png())).startswith(b"HTTP/1.1 200")
        ready = asked.replace(b"health", b"ready")
        assert "ending" in status_and_sentence(server.send(ready))[1]
    with pytest.raises(ConnectionError):
        socket.create_connection(("127.0.0.1", server.port), timeout=60)


def until_brace(link: socket.socket) -> bytes:
    answer = b""
    while not answer.endswith(b"}"):
        answer += link.recv(65_536)
    return answer


def rest(link: socket.socket) -> bytes:
    received = b""
    while some := link.recv(65_536):
        received += some
    return received


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (HEAD + b"X: " + b"y" * 200_000 + b"\r\n\r\n", 400),
        (HEAD + b"Content-Length: -1\r\n\r\n", 400),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    ],
)
def test_what_is_not_http_is_refused(server, request_, status):
    assert server.send(request_).split()[1] == str(status).encode()
