"""No page asks another host for anything, whatever is stored; shown in a Chromium."""

from __future__ import annotations

import http.server
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver import Chrome, Keys

from coin_core.training.report import html_report
from coin_core.training.run_comparison import summaries
from coin_core.training.runs import find_run
from tests import hostile
from tests.browser.conftest import open_browser, serve_pages
from tests.browser.visit import Visit
from tests.serving import ROOT, answering
from ui.formatting import as_text

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Opens what is folded, on the page and inside the components.
UNFOLD = """
for (const fold of document.querySelectorAll('details:not([open]) > summary'))
  fold.click();
"""
# What the page made of hostile text.
FOUND = """
const all = (selector) => [...document.querySelectorAll(selector)];
return {
  run: window.hit ?? null,
  pictures: all('img').map((one) => one.getAttribute('src') ?? '')
    .filter((src) => src && !/^(data:|blob:|[/]|http:[/][/]localhost:)/.test(src)),
  links: all('a').filter((one) => /^javascript:/i.test(one.getAttribute('href') ?? ''))
    .length,
};
"""


@pytest.fixture(scope="module")
def listener() -> Iterator[tuple[str, list[str]]]:
    """An address, and the paths that were asked of it."""
    asked: list[str] = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    with answering(server):
        yield f"127.0.0.1:{server.server_port}", asked


@pytest.fixture(scope="module")
def runs(
    tmp_path_factory: pytest.TempPathFactory, listener: tuple[str, list[str]]
) -> tuple[Path, list[str]]:
    """The home of an app with hostile data, and the ids of its training runs."""
    home = tmp_path_factory.mktemp("hostile")
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile", listener[0]],
        cwd=ROOT,
        env={**os.environ, "COIN_DATA_DIR": str(home / "data")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return home, done.stdout.split()


class Look(Visit):
    """A visit that unfolds everything and looks for what must not be there."""

    where = ""

    def look(self, where: str) -> None:
        self.wait_until_idle()
        self.chrome.execute_script(UNFOLD)
        self.wait_until_idle()
        found = self.chrome.execute_script(FOUND)
        assert found == {"run": None, "pictures": [], "links": 0}, where
        assert self.refused() == [], where

    def refused(self) -> list[str]:
        """What the browser did not load, because the page may not."""
        messages = (entry["message"] for entry in self.chrome.get_log("browser"))
        return [one for one in messages if "Content Security Policy" in one]


def asked_by_pages(net_log: Path) -> set[str]:
    """Every address that a page asked for; Chromium asks for others by itself."""
    log = json.loads(net_log.read_text("utf-8"))
    urls = set()
    for event in log["events"]:
        facts = event.get("params") or {}
        if str(facts.get("initiator")).startswith("http"):
            urls.add(facts["url"])
    return urls


def test_no_page_asks_another_host_whatever_is_stored(
    tmp_path: Path,
    downloads: Path,
    runs: tuple[Path, list[str]],
    listener: tuple[str, list[str]],
) -> None:
    home, (first, second) = runs
    address, asked = listener
    name = hostile.file_name(address)
    photos = [tmp_path / f"{k} {name}.png" for k in range(2)]
    for k, photo in enumerate(photos):
        Image.fromarray(np.full((90, 90, 3), 90 + k, np.uint8)).save(photo)
    net_log = tmp_path / "net.json"
    with serve_pages(home) as app:
        chrome = open_browser(
            tmp_path / "profile",
            downloads,
            f"--log-net-log={net_log}",
            # What Chromium asks by itself reaches nobody.
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",
            "--disable-component-update",
            "--disable-sync",
        )
        try:
            visit = Look(chrome, app)
            visit.open("/")
            visit.look("home")
            visit.open("/Classify")
            visit.look("classify")
            visit.drop(*photos)
            visit.look("two photos")
            assert name in visit.text()
            visit.open("/Dataset")
            visit.look("browse")
            look_at_collection(visit)
            for query in ("", f"?run={first}", f"?run={first}&run={second}"):
                visit.open(f"/Training_history{query}")
                visit.look(f"history {query}")
                assert hostile.TRACES[0] in visit.text()
            # What a page asks of others is seen, and reaches nobody.
            chrome.execute_script(
                "new Image().src = arguments[0]", f"http://{address}/seen"
            )
            assert f"http://{address}/seen" in " ".join(visit.refused())
        finally:
            chrome.quit()
    assert asked == []
    asked_for = {urlsplit(url).netloc for url in asked_by_pages(net_log)}
    assert asked_for == {urlsplit(app).netloc}


def test_a_report_asks_nobody_whatever_is_stored(
    tmp_path: Path,
    browser: Chrome,
    runs: tuple[Path, list[str]],
    listener: tuple[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home, names = runs
    monkeypatch.setenv("COIN_DATA_DIR", str(home / "data"))
    summary = next(one for one in summaries() if one.run_id == names[0])
    report = tmp_path / "report.html"
    report.write_text(html_report(find_run(names[0]), summary), "utf-8")
    browser.get(report.as_uri())
    visit = Look(browser, "")
    visit.until(lambda: visit.all(".js-plotly-plot .scatterlayer"), "No curves")
    assert hostile.TRACES[0] in browser.page_source
    found = browser.execute_script(FOUND)
    assert found == {"run": None, "pictures": [], "links": 0}
    assert visit.refused() == []
    assert listener[1] == []


def look_at_collection(visit: Look) -> None:
    tiles = visit.until(lambda: visit.within(".tile .open"), "No photo to open")
    visit.chrome.execute_script("arguments[0].click()", tiles[0])
    visit.see("Back to all photos")
    visit.look("one photo")
    (field,) = visit.all("input[placeholder^='Asked once']")
    field.send_keys("**Anna** ![a](http:x)", Keys.ENTER)
    visit.look("one photo, with a name")
    visit.press("Back to all photos\nB")
    for part in ("Review", "Add photos", "Versions and export"):
        visit.press(part)
        visit.look(part)


# Letters, and all that has a meaning in Markdown.
ALPHABET = "ab1 :_*`~$[]()<>!#-+.=|&;\\/@\"'{}^"
SNIPPETS = (
    *("![a](http://x.example/y)", "<img src=x>", ":material/toll:", ":red[a]", "$a$"),
    *(":material_toll:", ":streamlit:"),
    *(
        "[a](javascript:b)",
        "[a]: b",
        ":smile:",
        "~~a~~",
        "&lt;",
        "<!--",
        "<a>",
        "__a__",
    ),
    *(
        "- a",
        "1. a",
        "# a",
        "> a",
        "***",
        "|a|b|",
        "```",
        ":blue-background[a]",
        "[^1]",
    ),
)


# The key, the text and the elements of each container.
SHOWN = r"""
return [...document.querySelectorAll('[class*=st-key-]')]
  .filter((one) => /st-key-[abc]\d/.test(one.className)).map((one) => {
    const text = one.querySelector('[data-testid=stMarkdownContainer]');
    const inside = [...text?.querySelectorAll('*') ?? []];
    return [one.className.match(/st-key-([abc]\d+)/)[1], text?.textContent ?? '',
      inside.map((node) => node.localName)];
  });
"""


@pytest.fixture
def texts() -> list[str]:
    draw = random.Random(0)
    mixed = [
        "".join(
            draw.choice(SNIPPETS) if draw.random() < 0.15 else draw.choice(ALPHABET)
            for _ in range(draw.randint(1, 14))
        )
        for _ in range(150)
    ]
    return [*SNIPPETS, *(text for text in mixed if text.strip())]


def test_text_is_shown_letter_by_letter(
    tmp_path: Path, browser: Chrome, texts: list[str]
) -> None:
    (tmp_path / "texts.json").write_text(json.dumps([as_text(one) for one in texts]))
    (tmp_path / "app.py").write_text(
        "import json, streamlit as st\n"
        "st.title('x')\n"
        f"texts = json.load(open({str(tmp_path / 'texts.json')!r}))\n"
        "for i, text in enumerate(texts):\n"
        "    st.container(key=f'a{i}').markdown(text)\n"
        "    st.container(key=f'b{i}').markdown(f'**{text}**: {text}.')\n"
        "    st.container(key=f'c{i}').checkbox(text, key=f'box{i}')\n"
    )
    with serve_pages(tmp_path, tmp_path / "app.py") as address:
        visit = Visit(browser, address)
        visit.open("/")

        def all_shown() -> list[tuple[str, str, list[str]]] | None:
            shown = browser.execute_script(SHOWN)
            complete = len(shown) == 3 * len(texts) and all(
                text for _, text, _ in shown
            )
            return shown if complete else None

        shown = visit.until(all_shown, "Not all texts were shown")
    for key, text, elements in shown:
        typed = texts[int(key[1:])]
        assert set(elements) <= {"p", "a", "strong", "label", "div"}, (typed, elements)
        assert elements.count("strong") <= (key[0] == "b"), typed
        if key[0] != "b":
            assert plain(text) == plain(typed)


def plain(text: str) -> str:
    """Without spaces, and without what Streamlit sets as arrows and dashes."""
    for sign, letters in (
        *(("↔", "<->"), ("→", "->"), ("←", "<-"), ("≥", ">="), ("≤", "<=")),
        *(("≈", "~="), ("—", "--"), ("≠", "!=")),
    ):
        text = text.replace(sign, letters)
    return "".join(text.replace("\N{WORD JOINER}", "").split())
