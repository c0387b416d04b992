"""server.py as it is started: pages and API in one process, until it is stopped."""

from __future__ import annotations

import json
import signal
import time

import httpx
import pytest
import websocket

from coin_core.api import Client
from coin_core.rendering import render_coin
from tests.serving import READY, SERVER, serve

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """The server; it finds its pages and settings from anywhere."""
    folder = tmp_path_factory.mktemp("server")
    with serve(folder, SERVER, ready=READY, cwd=folder) as served:
        yield served


def test_pages_api_and_metrics_are_one_process(started):
    url = started.address
    for path, text in (
        ("/", "<html"),
        ("/Classify", "<html"),
        ("/_stcore/health", "ok"),
        ("/api/health", "ok"),
        ("/metrics", "coin_requests_total"),
    ):
        response = httpx.get(url + path)
        assert response.status_code == 200, path
        assert text in response.text
    assert httpx.get(f"{url}/api/nothing").status_code == 404
    foreign = httpx.get(f"{url}/api/health", headers={"Host": "evil.example"})
    assert foreign.status_code == 403
    assert "COIN_HOSTS" in foreign.json()["detail"]
    assert foreign.json()["request_id"] == foreign.headers["x-request-id"]


def test_a_photo_is_classified_and_the_log_does_not_name_it(started, encode_photo):
    url, log = started.address, started.log
    photo = encode_photo(render_coin(71, 1, size_px=240, wear=0.2).image, "JPEG")
    path = log.with_name("grave 7.jpg")
    path.write_bytes(photo)
    with Client(url) as client:
        answer = client.classify([path, b"nonsense"])
    assert answer.photos[0].verdicts[0].probabilities
    mine: list[str] = []
    end = time.monotonic() + 60
    while not mine:  # the line follows the answer
        assert time.monotonic() < end
        lines = log.read_text().splitlines(keepends=True)
        mine = [x for x in lines if answer.request_id in x and x.endswith("\n")]
    mine = json.loads(mine[0])
    assert (mine["route"], mine["status"], mine["photos"]) == ("/classify", 200, 2)
    assert "grave" not in log.read_text()


def test_the_log_does_not_say_who_opens_a_page(started):
    address = f"{started.address.replace('http', 'ws')}/_stcore/stream?secret=1"
    visitor = {"X-Forwarded-For": "203.0.113.77"}
    opened = websocket.create_connection(
        address, header=visitor, origin=started.address, subprotocols=["streamlit"]
    )
    opened.close()
    with pytest.raises(websocket.WebSocketBadStatusException):
        websocket.create_connection(
            address, header=visitor, origin="http://evil.example"
        )
    log = started.log.read_text()
    assert "connection open" in log
    assert "203.0.113.77" not in log
    assert "secret" not in log


def test_it_ends_when_it_is_told_to(started):
    started.process.send_signal(signal.SIGTERM)
    assert started.process.wait(60) in (0, -signal.SIGTERM)
    assert "Traceback" not in started.log.read_text()
