"""The app on a free port, and a real headless Chromium in front of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver import Chrome
from selenium.webdriver.chrome.service import Service

from tests.serving import ROOT, serve


def _found(*names: str) -> str | None:
    return next((path for name in names if (path := shutil.which(name))), None)


CHROMIUM = _found("chromium", "chromium-browser", "google-chrome")
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
def serve_pages(home: Path, script: Path = ROOT / "app.py") -> Iterator[str]:
    """Run the app with the data folder `home/data`; yields its address."""
    _need_browser()
    command = [*("-m", "streamlit", "run", str(script), "--server.port", "PORT")]
    command += ["--server.headless", "true", "--client.showErrorDetails", "full"]
    with serve(home, command) as served:
        yield served.address


@pytest.fixture(scope="session")
def app_address(app_home: Path) -> Iterator[str]:
    """A fresh installation of the app, with an empty data folder."""
    with serve_pages(app_home) as address:
        yield address


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
