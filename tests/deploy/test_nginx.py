"""deploy/nginx.conf: when a request to classify is repeated, by nginx itself."""

from __future__ import annotations

import inspect
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from coin_core.api import Client
from tests.deploy.manifests import ROOT

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
CONF = ROOT / "deploy" / "nginx.conf"
WAITS = {"read_timeout 10m": "read_timeout 2s", "timeout 9m": "timeout 1800ms"}
SLOW_S = 3.0


class Machine(ThreadingHTTPServer):
    """Answers as it is told: its turns are shared by all machines."""

    daemon_threads = True

    def __init__(self, turns: list[str], asked: list[str]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                turn = turns[min(len(asked), len(turns) - 1)]
                asked.append(turn)
                if turn == "dies":
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                if turn == "slow":
                    time.sleep(SLOW_S)
                self.send_response(503 if turn == "busy" else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as one:
        return int(one.getsockname()[1])


def start(folder: Path, ports: tuple[int, int]) -> tuple[subprocess.Popen, str]:
    """nginx with the file of deploy/, the addresses of this test and short waits."""
    proxy, text = free_port(), CONF.read_text()
    for host, port in zip(("10.0.0.11", "10.0.0.12"), ports, strict=True):
        text = text.replace(f"{host}:8501", f"127.0.0.1:{port}")
    text = text.replace("listen 80;", f"listen 127.0.0.1:{proxy};")
    for long, short in WAITS.items():
        assert long in text
        text = text.replace(long, short)
    (folder / "site.conf").write_text(text)
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"{'user root;' if os.getuid() == 0 else ''} daemon off; pid {folder}/pid;"
        f"error_log {folder}/errors.txt; events {{}} http {{ access_log off; {paths}"
        f"include {folder}/site.conf; }}"
    )
    process = subprocess.Popen(
        [str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    )
    address = f"http://127.0.0.1:{proxy}"
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", proxy)).close()
            return process, address
        except OSError:
            time.sleep(0.02)
    raise AssertionError((folder / "errors.txt").read_text())


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
@pytest.mark.parametrize(
    ("turns", "status", "asked"),
    [
        (["slow"], 504, 1),
        (["dies", "well"], 200, 2),
        (["busy", "well"], 200, 2),
    ],
)
def test_a_request_is_repeated_where_a_machine_fails_and_not_where_it_is_slow(
    tmp_path, turns, status, asked
):
    heard: list[str] = []
    machines = [Machine(turns, heard), Machine(turns, heard)]
    ports = tuple(machine.server_port for machine in machines)
    process, address = start(tmp_path, ports)
    try:
        answer = httpx.post(f"{address}/api/classify", content=b"x", timeout=30)
        assert (answer.status_code, len(heard)) == (status, asked)
    finally:
        process.terminate()
        process.wait(60)
        for machine in machines:
            machine.shutdown()
            machine.server_close()


def test_client_and_proxies_wait_equally_long_for_an_answer():
    waits_s = inspect.signature(Client).parameters["timeout_s"].default
    place = CONF.read_text().partition("location = /api/classify")[2]
    assert re.search(r"proxy_read_timeout (\d+)m;", place)[1] == f"{waits_s / 60:.0f}"
    pod = (ROOT / "deploy" / "kubernetes" / "base" / "deployment.yaml").read_text()
    assert f"--upstream-timeout={waits_s / 60:.0f}m" in pod
