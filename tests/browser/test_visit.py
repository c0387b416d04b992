"""What the tests in a browser wait for."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.browser.visit import Visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_page_that_leaves_while_it_is_waited_for_comes_to_rest_elsewhere(
    module_browser: Chrome, tmp_path: Path
) -> None:
    (tmp_path / "second.html").write_text(
        '<h1>Second</h1><p data-test-script-state="notRunning"></p>'
    )
    (tmp_path / "first.html").write_text(
        '<h1>First</h1><p data-test-script-state="running"></p>'
        '<script>setTimeout(() => { location.href = "second.html" }, 500)</script>'
    )
    visit = Visit(module_browser, tmp_path.as_uri())
    visit.open("/first.html")
    assert module_browser.find_element("tag name", "h1").text == "Second"
