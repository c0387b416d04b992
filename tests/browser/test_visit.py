"""What the tests in a browser wait for."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.browser.visit import Visit
from tests.serving import answering

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_page_that_leaves_while_it_is_waited_for_comes_to_rest_elsewhere(
    module_browser: Chrome, tmp_path: Path
) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    with answering(server):
        # To another site: there the driver calls the wait of the first page timed out.
        elsewhere = f"http://localhost:{server.server_port}/second.html"
        (tmp_path / "first.html").write_text(
            '<h1>First</h1><p data-test-script-state="running"></p>'
            f"<script>setTimeout(() => {{ location.href = '{elsewhere}' }}, 500)"
            "</script>"
        )
        (tmp_path / "second.html").write_text(
            '<h1>Second</h1><p data-test-script-state="notRunning"></p>'
        )
        visit = Visit(module_browser, f"http://127.0.0.1:{server.server_port}")
        visit.open("/first.html")
        assert module_browser.find_element("tag name", "h1").text == "Second"
