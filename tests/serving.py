"""Start the app as its users do, and wait until it answers; for benchmarks too."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import HTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("-m", "streamlit", "run", "app.py", "--server.port", "PORT")
SERVER, READY = (str(ROOT / "server.py"), "--server.port", "PORT"), "/api/ready"
PATIENCE_S = 300  # other work may run beside the tests
_PORTS = range(20_000, 32_000)


@dataclass(frozen=True)
class Served:
    """An app that answers."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def address(self) -> str:
        return f"http://localhost:{self.port}"


def free_port() -> int:
    """A port that nobody listens on now.

    Systems give those of other connections from 32768 on, so that none of them takes
    it before the app, which needs seconds to start.
    """
    while True:
        port = secrets.choice(_PORTS)  # tests beside this one have the same seeds
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def serve(
    folder: Path,
    arguments: Sequence[str] = PAGES,
    *,
    ready: str = "/_stcore/health",
    cwd: Path = ROOT,
    environment: Mapping[str, str] | None = None,
    port: int = 0,
) -> Iterator[Served]:
    """Run the app until the block ends.

    Args:
        folder: For its log; its data folder is `folder/data`.
        arguments: Of Python; PORT becomes a free port.
        ready: The path that answers once it is served.
        cwd: Where it is started.
        environment: More variables.
        port: That of the app; a free one if 0.
    """
    port = port or free_port()
    variables = {"COIN_DATA_DIR": str(folder / "data"), **(environment or {})}
    log = folder / "log.txt"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *(str(port) if a == "PORT" else a for a in arguments)],
            cwd=cwd,
            env={**os.environ, **variables},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    served = Served(port, process, log)
    try:
        _wait(served, ready)
        yield served
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def answering(server: HTTPServer) -> Iterator[None]:
    """Let a small server of a test answer until the block ends."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def _wait(served: Served, path: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if served.process.poll() is not None:
            end = served.log.read_text()[-2000:]
            raise RuntimeError(f"The app did not start:\n{end}")
        try:
            with urllib.request.urlopen(served.address + path, timeout=60):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"The app was not served within {PATIENCE_S} s")
