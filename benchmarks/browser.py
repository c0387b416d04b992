"""The app in a real Chromium, timed by the browser's own clock."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.service import Service

PATIENCE_S = 300
# `waitFor(test)` sets `answer` to the milliseconds from the last key or click to the
# frame in which `test` is true and painted.
CLOCK = """
window.inside = (selector) => [...document.querySelectorAll(
  '[data-testid=stBidiComponentIsolated]')].flatMap(
  (host) => [...host.shadowRoot?.querySelectorAll(selector) ?? []])
  .filter((node) => node.isConnected);
window.done = (image) => image.complete && image.naturalWidth > 0;
window.start = 0;
for (const kind of ['keydown', 'pointerdown'])
  addEventListener(kind, (event) => { window.start = event.timeStamp; }, true);
window.waitFor = (test) => {
  window.answer = null;
  const check = () => {
    let holds = false;
    try { holds = test(); } catch (error) { window.answer = String(error); return; }
    if (holds) requestAnimationFrame(
      () => { window.answer = performance.now() - window.start; });
    else requestAnimationFrame(check);
  };
  check();
};
"""


@contextmanager
def open_browser(scratch: Path) -> Iterator[webdriver.Chrome]:
    """Open a headless Chromium with the clock in every page."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in (
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *("--disable-background-networking", "--window-size=1280,900"),
        f"--user-data-dir={scratch / 'profile'}",
    ):
        options.add_argument(argument)
    driver = Service(shutil.which("chromedriver"))
    chrome = webdriver.Chrome(options=options, service=driver)
    chrome.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": CLOCK})
    try:
        yield chrome
    finally:
        chrome.quit()


class Page:
    """A page of the app in the browser."""

    def __init__(self, chrome: webdriver.Chrome, address: str) -> None:
        self.chrome = chrome
        self.address = address

    def js(self, text: str) -> Any:
        """The value of a JavaScript expression."""
        return self.chrome.execute_script(f"return {text}")

    def wait(self, test: str, act: Callable[[], None]) -> float:
        """Milliseconds from the key or click of `act` to `test` being true."""
        self.chrome.execute_script(f"waitFor(() => {test})")
        act()
        return self.answer()

    def answer(self) -> float:
        """The milliseconds of the clock, once `test` is true."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            answer = self.js("window.answer")
            if isinstance(answer, str):
                raise SystemExit(answer)
            if answer is not None:
                return float(answer)
            time.sleep(0.02)
        raise SystemExit(f"The page did not change within {PATIENCE_S} s.")

    def rest(self) -> None:
        """Wait until the script has stopped for half a second."""
        idle_checks = 0
        while idle_checks < 5:
            idle = self.js(
                "!!document.querySelector('[data-test-script-state=notRunning]')"
            )
            idle_checks = idle_checks + 1 if idle else 0
            time.sleep(0.1)

    def click(self, selector: str, *, inside: bool = False) -> None:
        """Click the first element; `inside` looks in the shadow roots of components."""
        query = f"document.querySelector(`{selector}`)"
        element = self.js(f"inside(`{selector}`)[0]" if inside else query)
        ActionChains(self.chrome).click(element).perform()


def print_times(name: str, times_ms: list[float]) -> None:
    """Print the median and the longest time."""
    print(
        f"{name:44} median {statistics.median(times_ms):6.0f} ms, worst "
        f"{max(times_ms):6.0f} ms, {len(times_ms)} times",
        flush=True,
    )
