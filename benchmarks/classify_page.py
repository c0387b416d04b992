"""Speed and size of the Classify page with ten photos, in a real Chromium.

    python -m benchmarks.classify_page [--times 5] [--photos DIR]

Times run from the click to the frame in which the new verdict is painted, by the
browser's own clock; beside them is the processor time of the server, which other work
on the machine changes little. Bytes are those of the page's WebSocket and of the
pictures that it loads. The photos are rendered coins, unless --photos names a folder.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from selenium.webdriver import ActionChains, Keys

from benchmarks.browser import PATIENCE_S, Page, open_browser, print_times
from benchmarks.common import argument_parser, encode_jpeg
from coin_core.rendering import render_coin
from tests.serving import serve

PHOTOS = 10
MOST_BYTES = 300_000
# Counts the bytes that the page is sent over its WebSocket.
COUNT = """window.received = 0; const Plain = window.WebSocket;
window.WebSocket = class extends Plain { constructor(...more) { super(...more);
  this.addEventListener("message", ({ data }) => {
    window.received += data.byteLength ?? data.size ?? data.length; }); } };"""
LOADED = "performance.getEntriesByType('resource')"
SENTENCE = "document.querySelector('.coin-sentence')"
NAMED = "document.querySelector('.coin-photo b').textContent"
# Only the headline above the table tells at once which classifier answers.
ANSWERED = "document.querySelector('[data-testid=stMain]').innerText"


class ClassifyPage(Page):
    """The Classify page, with what each action costs."""

    def __init__(self, page: Page, pid: int) -> None:
        super().__init__(page.chrome, page.address)
        self.pid = pid
        self.sizes: dict[str, list[int]] = {}
        self.cpu_ms: dict[str, list[float]] = {}
        self.times_ms: dict[str, list[float]] = {}

    def cpu_s(self) -> float:
        """Processor time of the server, without its decoders."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def take_bytes(self) -> int:
        """What was loaded since the last call."""
        return int(
            self.chrome.execute_script(
                f"const size = {LOADED}.reduce((sum, one) => sum + one.transferSize, 0)"
                " + window.received; performance.clearResourceTimings();"
                " window.received = 0; return size"
            )
        )

    def measure(self, action: str, test: str, act: Callable[[], None]) -> None:
        """One action, until `test` is true and then until nothing is computed."""
        self.take_bytes()
        before = self.cpu_s()
        self.times_ms.setdefault(action, []).append(self.wait(test, act))
        self.rest()
        self.cpu_ms.setdefault(action, []).append(1000 * (self.cpu_s() - before))
        self.sizes.setdefault(action, []).append(self.take_bytes())

    def choose(self, classifier: str) -> None:
        """Choose a classifier above the table."""
        self.measure(
            "another classifier",
            f"{ANSWERED}.includes('answered by {classifier}') && {SENTENCE}",
            lambda: self.press(classifier),
        )

    def press(self, label: str) -> None:
        """Click the button with this label, which may be drawn anew at any moment."""
        self.chrome.execute_script(
            """
            const button = [...document.querySelectorAll("button")].find(
              (one) => one.innerText.startsWith(arguments[0]));
            button.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true }));
            button.click();
            """,
            label,
        )


def main() -> None:
    """Drop the photos, wait until all are read, and measure each action."""
    parser = argument_parser(__doc__, times=5)
    parser.add_argument("--photos", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        photos = photos_in(args.photos) if args.photos else render(Path(scratch))
        with (
            serve(Path(scratch)) as served,
            open_browser(Path(scratch)) as chrome,
        ):
            chrome.execute_cdp_cmd(
                "Page.addScriptToEvaluateOnNewDocument", {"source": COUNT}
            )
            measure(
                ClassifyPage(Page(chrome, served.address), served.process.pid),
                photos,
                args.times,
            )


def photos_in(folder: Path) -> list[Path]:
    """The first photos of a folder."""
    kinds = (".jpg", ".jpeg", ".png")
    found = sorted(one for one in folder.iterdir() if one.suffix.lower() in kinds)
    return found[:PHOTOS]


def render(folder: Path) -> list[Path]:
    """Photos of rendered coins, 800 pixels wide."""
    paths = [folder / f"find {number}.jpg" for number in range(PHOTOS)]
    for number, path in enumerate(paths):
        coin = render_coin(2026, number, size_px=800, kind="legend").image
        path.write_bytes(encode_jpeg(coin))
    return paths


def measure(page: ClassifyPage, photos: list[Path], times: int) -> None:
    """Measure and print all actions."""
    chrome = page.chrome
    chrome.get(f"{page.address}/Classify")
    page.rest()
    (uploader,) = chrome.find_elements("css selector", "input[type=file]")
    began = time.monotonic()
    uploader.send_keys("\n".join(map(str, photos)))
    while not page.js(f"!!{SENTENCE}"):
        if time.monotonic() - began > PATIENCE_S:
            raise SystemExit("No verdict was shown.")
        time.sleep(0.05)
    print(
        f"{len(photos)} photos dropped: first verdict {time.monotonic() - began:.1f} s"
    )
    page.rest()
    print(f"all classifiers have read them after {time.monotonic() - began:.1f} s")
    titles = ("VGG", "SVM", "kNN", "MLP", "ResNet")
    for title in titles:  # the letters and the evidence of each, once
        page.choose(title)
    for values in (page.times_ms, page.cpu_ms, page.sizes):
        values.clear()
    for _ in range(times):
        for title in titles:
            page.choose(title)
    for _ in range(times):
        for key in (Keys.ARROW_RIGHT, Keys.ARROW_LEFT):
            shown = page.js(NAMED)
            page.measure(
                "the next photo, by key",
                f"{NAMED} !== `{shown}` && {SENTENCE}",
                lambda key=key: ActionChains(chrome).send_keys(key).perform(),
            )
    for action, times_ms in page.times_ms.items():
        print_times(action, times_ms)
        cpu_ms, sizes = page.cpu_ms[action], page.sizes[action]
        print(
            f"    the server computes {statistics.median(cpu_ms):.0f} ms; at most "
            f"{max(sizes) / 1000:.0f} kB are sent"
        )
        if max(sizes) > MOST_BYTES:
            raise SystemExit(f"More than {MOST_BYTES / 1000:.0f} kB were sent.")


if __name__ == "__main__":
    main()
