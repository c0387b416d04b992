"""The app behind a proxy: who visits, over a real websocket with a real header."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import websocket
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    folder = tmp_path_factory.mktemp("visitors")
    environment = {
        **os.environ,
        "COIN_DATA_DIR": str(folder / "data"),
        "COIN_ADMINS": "anna",
        "STREAMLIT_SERVER_TRUSTED_USER_HEADERS": '{"X-Forwarded-User": "name"}',
    }
    command = [sys.executable, "-m", "streamlit", "run", "app.py"]
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--server.port", str(port)],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        end = time.monotonic() + 150
        while True:
            assert process.poll() is None, (folder / "log.txt").read_text()
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            except OSError:
                assert time.monotonic() < end, "The app was not served"
                time.sleep(0.2)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def visit(port: int, **headers: str) -> str:
    """Everything that one run of the Home page sends to the browser, as text."""
    link = websocket.create_connection(
        f"ws://localhost:{port}/_stcore/stream",
        header=[
            f"{name.replace('_', '-')}: {value}" for name, value in headers.items()
        ],
        subprotocols=["streamlit"],
        origin=f"http://localhost:{port}",
        timeout=120,
    )
    try:
        message = BackMsg()
        message.rerun_script.query_string = ""
        link.send_binary(message.SerializeToString())
        sent = b""
        while True:
            data = link.recv()
            sent += data
            if ForwardMsg.FromString(data).WhichOneof("type") == "script_finished":
                return sent.decode("utf-8", errors="replace")
    finally:
        link.close()


@pytest.mark.parametrize(("name", "role"), [("anna", "admin"), ("ben", "reader")])
def test_the_header_of_the_proxy_names_the_visitor(
    port: int, name: str, role: str
) -> None:
    page = visit(port, X_Forwarded_User=name)
    assert f"Signed in as {name}, {role}" in page
    assert "The three names" in page


def test_another_header_names_nobody(port: int) -> None:
    page = visit(port, X_Remote_User="anna")
    assert "has not said who you are" in page
    assert "The three names" not in page
