"""A visit to the app in a real browser."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from selenium.common.exceptions import (
    JavascriptException,
    NoSuchElementException,
    StaleElementReferenceException,
    TimeoutException,
)
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

PATIENCE_S = 90
_LOOK_S = 10  # before a page is asked anew

# Polls inside the browser: calls back once the page was idle for 0.6 s without a break.
_SETTLE = """
const [patience, done] = arguments;
const end = Date.now() + 1000 * patience;
const count = (selector) => document.querySelectorAll(selector).length;
let idleSince = null;
const poll = () => {
  if (count('[data-testid="stException"]')) return done("exception");
  const isIdle = count('[data-test-script-state="notRunning"]') && count("h1")
    && !count('[data-testid="stSpinner"]');
  idleSince = isIdle ? idleSince ?? Date.now() : null;
  if (isIdle && Date.now() - idleSince >= 600) return done("idle");
  if (Date.now() > end) return done("busy");
  setTimeout(poll, 50);
};
poll();
"""


# The roots of the custom components; one that is being drawn has none yet.
_COMPONENTS = """
const roots = [...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')]
  .map((host) => host.shadowRoot).filter((root) => root);
"""


# Counts the bytes that the page is sent over its WebSocket.
_COUNT = """window.received = 0; const Plain = window.WebSocket;
window.WebSocket = class extends Plain { constructor(...more) { super(...more);
  this.addEventListener("message", ({ data }) => {
    window.received += data.byteLength ?? data.size ?? data.length; }); } };"""
MOST_BYTES = 300_000
"""That one action may send."""


class Visit:
    """What a visitor does on the page; fails on any exception that it shows."""

    def __init__(self, chrome: Chrome, address: str) -> None:
        self.chrome = chrome
        self.address = address

    def open(self, path: str) -> None:
        self.chrome.get(self.address + path)
        self.wait_until_idle()

    def all(self, selector: str) -> list[WebElement]:
        return self.chrome.find_elements(By.CSS_SELECTOR, selector)

    def within(self, selector: str) -> list[WebElement]:
        """Elements inside the custom components."""
        find = "return roots.flatMap((one) => [...one.querySelectorAll(arguments[0])])"
        return self.chrome.execute_script(_COMPONENTS + find, selector)

    def text(self) -> str:
        return self.chrome.find_element(By.CSS_SELECTOR, '[data-testid="stMain"]').text

    def until(self, ready: Callable[[], Any], what: str) -> Any:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            self.no_exception()
            # An element may be replaced between two commands.
            with suppress(NoSuchElementException, StaleElementReferenceException):
                if found := ready():
                    return found
            time.sleep(0.2)
        pytest.fail(f"{what} within {PATIENCE_S} s; the page reads:\n{self.text()}")

    def wait_until_idle(self) -> None:
        """Wait until the page is drawn and nothing is being computed."""
        self.chrome.set_script_timeout(2 * _LOOK_S)
        end = time.monotonic() + PATIENCE_S
        state = "busy"
        while state == "busy" and time.monotonic() < end:
            # A page that leaves for another address answers no more.
            with suppress(JavascriptException, TimeoutException):
                state = self.chrome.execute_async_script(_SETTLE, _LOOK_S)
        self.no_exception()
        if state != "idle":
            pytest.fail(f"The page did not come to rest; it reads:\n{self.text()}")

    def no_exception(self) -> None:
        shown = [e.text for e in self.all('[data-testid="stException"]')]
        assert not shown, shown

    def see(self, words: str) -> None:
        self.until(lambda: words in self.text(), f"{words!r} was not shown")

    def press(self, label: str) -> None:
        def button() -> WebElement | None:
            # The name of an icon comes before the label. Streamlit's own "Stop", of a
            # page that is being computed, is in the header.
            ours = self.all('button:not([data-testid="stHeader"] *)')
            return next((b for b in ours if b.text.endswith(label)), None)

        found = self.until(button, f"There was no button {label!r}")
        self.chrome.execute_script(
            "arguments[0].scrollIntoView({block: 'center'}); arguments[0].click()",
            found,
        )
        self.wait_until_idle()

    def choose_classifier(self, title: str) -> None:
        def name() -> str | None:
            names = (button.text for button in self.all("button"))
            return next((text for text in names if title in text), None)

        self.press(self.until(name, f"There was no classifier {title!r}"))

    def drop(self, *files: Path) -> None:
        field = '[data-testid="stFileUploader"] input[type=file]'
        (uploader,) = self.until(lambda: self.all(field), "There was no drop zone")
        uploader.send_keys("\n".join(str(file) for file in files))
        self.see("kept for this session")
        self.wait_until_idle()

    def go_to(self, page: str) -> None:
        link = next(
            a
            for a in self.all('.stSidebar [data-testid="stPageLink-NavLink"]')
            if (a.get_attribute("href") or "").rstrip("/").endswith(page)
        )
        link.click()
        self.wait_until_idle()


class DatasetVisit(Visit):
    """A visit that works by keyboard and names itself."""

    def keys(self, *keys: str) -> None:
        ActionChains(self.chrome).send_keys(*keys).perform()

    def hebrew_key(self, key: str, code: str) -> None:
        """Press a key on a keyboard that writes Hebrew."""
        event = {"key": key, "code": code, "windowsVirtualKeyCode": ord(code[-1])}
        for kind in ("keyDown", "keyUp"):
            command = {"type": kind, **event}
            self.chrome.execute_cdp_cmd("Input.dispatchKeyEvent", command)

    def reviewed_photo(self) -> int:
        found = self.within(".keys")
        return int(found[0].get_attribute("data-photo") or 0) if found else 0

    def wait_for_photo(self, photo_id: int) -> None:
        self.until(
            lambda: self.reviewed_photo() == photo_id, f"Photo {photo_id} was not shown"
        )

    def enter_name(self, name: str) -> None:
        def field() -> WebElement | None:
            return next(iter(self.all("input[placeholder^='Asked once']")), None)

        self.until(field, "No name was asked for").send_keys(name, Keys.ENTER)
        self.wait_until_idle()


@contextmanager
def counted_bytes(visit: Visit) -> Iterator[Callable[[], int]]:
    """A function that gives the bytes that the page was sent since its last call."""
    added = visit.chrome.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument", {"source": _COUNT}
    )

    def count() -> int:
        visit.wait_until_idle()
        read = "const n = window.received; window.received = 0; return n"
        return int(visit.chrome.execute_script(read))

    yield count
    visit.chrome.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)
