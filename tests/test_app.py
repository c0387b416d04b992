"""The app as it is started: whom it answers on real sockets, and whom it asks."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.serving import ROOT, serve

pytestmark = pytest.mark.slow
PATHS = (
    *("/", "/Dataset", "/_stcore/health", "/_stcore/host-config", "/_stcore/metrics"),
    *("/media/0.png", "/component/x/index.html", "/_stcore/upload_file/a/b"),
    "/_stcore/stream",
)
# Writes every address that the server looks up or connects to.
SPY = """
import os, sys
def log(event, args):
    if event == "socket.getaddrinfo":
        host = args[0]
    elif event in ("socket.connect", "socket.sendto"):
        host = args[1][0] if isinstance(args[1], tuple) else None
    else:
        return
    if host is not None:
        file = os.open(os.environ["SPY_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, f"{event} {host}\\n".encode())
        os.close(file)
sys.addaudithook(log)
"""


def docker_command() -> list[str]:
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", "")
    return json.loads(re.findall(r"^CMD (\[.*\])", text, re.MULTILINE)[-1])


def make_command() -> list[str]:
    text = (ROOT / "Makefile").read_text("utf-8")
    return shlex.split(re.search(r"^app: .*\n\t\$\(PY\) (.*)", text, re.MULTILINE)[1])


@dataclass
class Server:
    port: int
    log: Path

    def ask(self, path: str, *, method: str = "GET", **headers: str) -> int:
        """The status of the answer."""
        lines = {"Host": f"localhost:{self.port}", "Connection": "close"} | headers
        if path == "/_stcore/stream":
            lines |= {
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
                "Sec-WebSocket-Protocol": "streamlit",
            }
        request = [
            f"{method} {path} HTTP/1.1",
            *(f"{k}: {v}" for k, v in lines.items()),
        ]
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as link:
            link.sendall("\r\n".join([*request, "", ""]).encode())
            return int(link.recv(12).split()[1])

    def others_asked(self) -> set[str]:
        """The hosts that the server looked up or connected to, but this computer."""
        asked = {line.split()[1] for line in self.log.read_text().splitlines()}
        return asked - {"localhost", "127.0.0.1", "::1", "0.0.0.0"}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((docker_command(), "coins.example.org"), id="docker"),
        pytest.param((make_command(), ""), id="make"),
    ],
)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    command, hosts = request.param
    command[command.index("--server.port") + 1] = "PORT"
    if command[0] == "python":
        del command[0]
    folder = tmp_path_factory.mktemp("app")
    (folder / "sitecustomize.py").write_text(SPY)
    asked = folder / "asked.txt"
    asked.touch()
    variables = {"COIN_HOSTS": hosts, "PYTHONPATH": str(folder), "SPY_LOG": str(asked)}
    with serve(folder, command, environment=variables) as served:
        yield Server(served.port, asked)


def test_its_own_pages_are_answered(server):
    own = f"http://localhost:{server.port}"
    assert server.ask("/", Origin=own) == 200
    assert server.ask("/_stcore/health", Origin=own) == 200
    assert server.ask("/_stcore/stream", Origin=own) == 101
    assert server.ask("/_stcore/stream") == 101  # no browser
    assert server.others_asked() == set()


@pytest.mark.parametrize("path", PATHS)
def test_foreign_names_and_pages_are_refused_and_nobody_is_asked(server, path):
    rebound = f"evil.example:{server.port}"
    for method in ("GET",) if path == "/_stcore/stream" else ("GET", "PUT", "OPTIONS"):
        asked = server.ask(
            path, method=method, Host=rebound, Origin=f"http://{rebound}"
        )
        assert asked == 403, "DNS rebinding"
        assert server.ask(path, method=method, Host="10.1.2.3") == 403
        for origin in ("http://evil.example", "http://localhost:3000", "null"):
            assert server.ask(path, method=method, Origin=origin) == 403
    assert server.others_asked() == set()


def test_a_named_host_is_answered_also_behind_a_proxy_that_changes_it(server, request):
    named = "docker" in request.node.name
    page = "https://coins.example.org"
    for host in ("coins.example.org", f"127.0.0.1:{server.port}"):
        for path, status in (("/_stcore/health", 200), ("/_stcore/stream", 101)):
            answer = server.ask(path, Host=host, Origin=page)
            assert answer == (status if named else 403)
    assert server.others_asked() == set()


def test_the_spy_sees_who_is_asked(tmp_path, run_python):
    (tmp_path / "sitecustomize.py").write_text(SPY)
    log = tmp_path / "asked.txt"
    code = """
from streamlit.web.server.server_util import is_url_from_allowed_origins
assert not is_url_from_allowed_origins("http://evil.example")
"""
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "SPY_LOG": str(log)}
    # A proxy on a closed port: the real service is not asked.
    proxy = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    run_python("-c", code, env={**environment, **proxy})
    assert log.read_text()
