"""Every page by the rules of WCAG 2.2, level AA, as far as axe-core can check them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome
from selenium_axe_python import Axe

from tests.browser.conftest import serve_pages
from tests.browser.visit import Visit
from tests.serving import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
GRAVE = ("serious", "critical")


class Audit(Visit):
    """A visit that collects what axe finds."""

    def __init__(self, chrome: Chrome, address: str) -> None:
        super().__init__(chrome, address)
        self.found: list[str] = []

    def check(self, where: str) -> None:
        self.wait_until_idle()
        axe = Axe(self.chrome)
        axe.inject()
        options = json.dumps({"runOnly": {"type": "tag", "values": RULES}})
        for finding in axe.run(None, options)["violations"]:
            if finding["impact"] in GRAVE:
                self.found += [
                    f"{where}: {finding['id']}: {node['html'][:160]} "
                    f"({node['failureSummary'][:200]})"
                    for node in finding["nodes"]
                ]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    """An app with photos in its dataset; its address and the ids of its trainings."""
    home = tmp_path_factory.mktemp("full")
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile", "127.0.0.1:9"],
        cwd=ROOT,
        env={**os.environ, "COIN_DATA_DIR": str(home / "data")},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    with serve_pages(home) as address:
        yield address, done.stdout.split()


@pytest.mark.parametrize("language", ["en", "he"])
def test_no_page_shuts_anybody_out(
    app: tuple[str, list[str]], language: str, browser: Chrome
) -> None:
    address, runs = app
    visit = Audit(browser, address)
    visit.open(f"/?lang={language}")
    visit.check("home")
    visit.open("/Classify")
    visit.check("classify")
    demo = visit.until(
        lambda: visit.all('[class*="st-key-demo_"] button'), "There is no demo coin"
    )
    browser.execute_script("arguments[0].click()", demo[0])
    visit.until(lambda: visit.all(".coin-sentence"), "No verdict was shown")
    visit.check("one coin")
    visit.open("/Dataset")
    visit.until(lambda: visit.within(".tile img"), "The grid was not drawn")
    visit.check("dataset")
    for part in ("Review", "Add photos", "Versions and export"):
        if language == "en":
            visit.press(part)
            visit.check(part)
    for query in ("", f"?run={runs[0]}", f"?run={runs[0]}&run={runs[1]}"):
        visit.open(f"/Training_history{query}")
        visit.check(f"trainings {query}")
    assert not visit.found, "\n".join(visit.found)
