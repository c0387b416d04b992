"""The app on a free port, and a real headless Chromium in front of it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver import Chrome
from selenium.webdriver.chrome.service import Service

ROOT = Path(__file__).parents[2]


def _found(*names: str) -> str | None:
    return next((path for name in names if (path := shutil.which(name))), None)


CHROMIUM = _found("chromium", "chromium-browser", "google-chrome")
PATIENCE_S = 150  # other work may run beside the tests
CHROMEDRIVER = _found("chromedriver")


def _need_browser() -> None:
    """Skip on a session without one; on a build machine its absence is a failure."""
    if CHROMIUM and CHROMEDRIVER:
        return
    if os.environ.get("CI"):
        pytest.fail("Chromium with its driver is missing")
    pytest.skip("Chromium is missing: apt install chromium chromium-driver")


@pytest.fixture(scope="session")
def app_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the app under test: its log, and `data`."""
    return tmp_path_factory.mktemp("app")


@contextmanager
def serve(home: Path, script: Path = ROOT / "app.py") -> Iterator[str]:
    """Run the app with the data folder `home/data`; yields its address."""
    _need_browser()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (home / "log.txt").open("wb") as log:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "streamlit", "run", str(script)),
                *("--server.port", str(port), "--server.headless", "true"),
                *("--client.showErrorDetails", "full"),
            ],
            cwd=ROOT,
            env={**os.environ, "COIN_DATA_DIR": str(home / "data")},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            address = f"http://localhost:{port}"
            _wait_until_served(address, server, home / "log.txt")
            yield address
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()


@pytest.fixture(scope="session")
def app_address(app_home: Path) -> Iterator[str]:
    """A fresh installation of the app, with an empty data folder."""
    with serve(app_home) as address:
        yield address


def _wait_until_served(
    address: str, server: subprocess.Popen[bytes], log: Path
) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if server.poll() is not None:
            pytest.fail(f"The app did not start:\n{log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    pytest.fail(f"The app was not served within {PATIENCE_S} s")


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    folder = tmp_path / "downloads"
    folder.mkdir()
    return folder


def open_browser(profile: Path, downloads: Path, *flags: str) -> Chrome:
    """A Chromium that knows nothing of earlier visits."""
    _need_browser()
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--window-size=1280,900",
        f"--user-data-dir={profile}",
        *flags,
    ):
        options.add_argument(argument)
    options.add_experimental_option(
        "prefs", {"download.default_directory": str(downloads)}
    )
    return Chrome(options=options, service=Service(str(CHROMEDRIVER)))


@pytest.fixture
def new_browser(tmp_path: Path, downloads: Path) -> Iterator[Callable[[], Chrome]]:
    """A function that opens one more Chromium."""
    opened: list[Chrome] = []

    def open_one() -> Chrome:
        opened.append(open_browser(tmp_path / f"profile{len(opened)}", downloads))
        return opened[-1]

    yield open_one
    for chrome in opened:
        chrome.quit()


@pytest.fixture
def browser(new_browser: Callable[[], Chrome]) -> Chrome:
    """One Chromium."""
    return new_browser()


@pytest.fixture(scope="module")
def module_downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def module_browser(
    tmp_path_factory: pytest.TempPathFactory, module_downloads: Path
) -> Iterator[Chrome]:
    """One Chromium for all visits of a module, where they leave nothing behind."""
    chrome = open_browser(tmp_path_factory.mktemp("profile"), module_downloads)
    yield chrome
    chrome.quit()
