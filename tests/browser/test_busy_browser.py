"""A server without room for more photos, as a visitor sees it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from benchmarks.memory import Visitor
from tests.browser.conftest import serve_pages
from tests.browser.visit import Visit
from ui.memory import VARIABLE

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MB = 1 << 20


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with the least room that there can be: 200 MB."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, "200")
        with serve_pages(tmp_path_factory.mktemp("busy")) as found:
            yield found


def test_who_finds_no_room_is_told_that_the_server_is_busy(
    module_browser: Chrome, address: str, tmp_path: Path
) -> None:
    large = tmp_path / "large.jpg"
    large.write_bytes(bytes(30 * MB))
    others = [Visitor(address) for _ in range(2)]
    for other in others:
        other.open_page()
    first, _ = [other.upload("coin.jpg", bytes(90 * MB)) for other in others]
    visit = Visit(module_browser, address)
    visit.open("/Classify")

    def drop() -> None:
        zone = '[data-testid="stFileUploader"] input[type=file]'
        uploader = visit.until(lambda: visit.all(zone), "There was no drop zone")[0]
        uploader.send_keys(str(large))

    drop()  # it waits for 20 s, in case that somebody leaves
    visit.see("The server is busy: it holds as many photos of its visitors as its")
    note = visit.all("#coin-no-room")[0]
    assert note.is_displayed()
    assert note.get_attribute("role") == "alert"
    assert "kept for this session" not in visit.text()

    token = others[0].http.cookies["_streamlit_xsrf"]
    others[0].http.delete(
        first.delete_url, headers={"X-Xsrftoken": token}
    ).raise_for_status()
    visit.open("/Classify")
    drop()
    visit.see("large.jpg is")  # it arrived, and is no photo
    for other in others:
        other.close()
