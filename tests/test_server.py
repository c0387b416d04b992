"""server.py as it is started: pages and API in one process, until it is stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from coin_core.api import Client
from coin_core.rendering import render_coin

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """The server's address, its process and its log."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("server")
    environment = {**os.environ, "COIN_DATA_DIR": str(folder)}
    command = [sys.executable, str(ROOT / "server.py"), "--server.port", str(port)]
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,  # it finds its pages and settings from anywhere
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    url = f"http://localhost:{port}"
    try:
        end = time.monotonic() + 300
        while True:
            assert process.poll() is None, (folder / "log.txt").read_text()
            assert time.monotonic() < end, "The server did not start"
            try:
                if httpx.get(f"{url}/api/ready").is_success:
                    break
            except httpx.HTTPError:
                time.sleep(0.2)
        yield url, process, folder / "log.txt"
    finally:
        process.kill()
        process.wait()


def test_pages_api_and_metrics_are_one_process(started):
    url = started[0]
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


def test_a_photo_is_classified_and_the_log_does_not_name_it(started, encode_photo):
    url, _, log = started
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


def test_it_ends_when_it_is_told_to(started):
    _, process, log = started
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) in (0, -signal.SIGTERM)
    assert "Traceback" not in log.read_text()
