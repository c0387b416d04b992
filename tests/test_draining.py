"""server.py ends under load: whoever asks until the port closes gets an answer."""

from __future__ import annotations

import signal
import threading
import time

import httpx
import pytest

from coin_core.errors import CoinError
from coin_core.rendering import render_coin
from server import DRAIN_VARIABLE, MAX_DRAIN_S, read_drain_s
from tests.serving import READY, SERVER, serve

DRAIN_S = 15
CLIENTS = 4


@pytest.mark.parametrize("text", ["-1", "ten", "1.5", str(MAX_DRAIN_S + 1)])
def test_a_time_that_is_none_is_named(monkeypatch, text):
    monkeypatch.setenv(DRAIN_VARIABLE, text)
    with pytest.raises(CoinError, match=f"{DRAIN_VARIABLE} is '{text}'"):
        read_drain_s()


@pytest.mark.slow
def test_no_request_fails_while_the_server_ends(tmp_path, encode_photo):
    photo = encode_photo(render_coin(71, 1, size_px=240, wear=0.2).image, "JPEG")
    answers: list[tuple[str, int]] = []  # when it was sent, and its status
    failures: list[httpx.HTTPError] = []
    moment, stop = ["before"], threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=served.address, timeout=120) as client:
            while not stop.is_set():
                sent = moment[0]
                try:
                    answer = client.post("/api/classify", files={"photo": photo})
                except httpx.HTTPError as error:
                    failures.append(error)
                    return
                answers.append((sent, answer.status_code))

    settings = {DRAIN_VARIABLE: str(DRAIN_S)}
    with serve(tmp_path, SERVER, ready=READY, environment=settings) as served:

        def ready() -> int:
            return httpx.get(f"{served.address}/api/ready", timeout=60).status_code

        def is_open() -> bool:
            try:
                return bool(ready())
            except httpx.ConnectError:
                return False

        def in_two_halves():
            whole = httpx.Request("POST", served.address, files={"photo": photo})
            body, headers = whole.read(), whole.headers
            del headers["host"]

            def pieces():
                yield body[:100]
                while is_open():
                    time.sleep(0.2)
                yield body[100:]

            return httpx.post(
                f"{served.address}/api/classify",
                content=pieces(),
                headers=headers,
                timeout=120,
            )

        threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(answers) >= 2 * CLIENTS or failures)
        moment[0] = "after"
        served.process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        wait_until(lambda: ready() == 503)
        # A proxy that looks now and then sends more for a while.
        wait_until(lambda: ("after", 200) in answers or failures)
        time.sleep(max(0.0, told + DRAIN_S / 3 - time.monotonic()))
        stop.set()
        for thread in threads:
            thread.join()
        # A request that has begun may end, though the port is closed meanwhile.
        assert in_two_halves().status_code == 200
        assert served.process.wait(120) in (0, -signal.SIGTERM)
        assert time.monotonic() - told >= DRAIN_S
        assert "Traceback" not in served.log.read_text()
    assert not failures
    assert {status for _, status in answers} == {200}
    assert answers.count(("after", 200)) >= CLIENTS


def wait_until(condition) -> None:
    end = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)
