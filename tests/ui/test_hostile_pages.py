"""Every page with hostile texts stored: what Streamlit reads as Markdown is escaped.

`tests/browser/test_requests_browser.py` looks at the same pages in a browser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from streamlit.testing.v1 import AppTest

from tests import hostile
from tests.pages.test_pages import CLASSIFY, a_photo
from tests.ui.dataset.dataset_page import components, open_page
from tests.ui.training import history_page

# Elements that show letters; HTML is escaped in another way.
LETTERS = {"text", "code", "arrow_data_frame", "bidi_component", "json", "html"}
MARKDOWN = {"label", "body", "help", "caption", "text", "title", "content"}
RAW = re.compile("|".join(rf"(?<!\\){re.escape(trace)}" for trace in hostile.TRACES))


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    for place in ("coin_core.jobs", "ui.components.job_panel"):
        monkeypatch.setattr(f"{place}.start_waiting", lambda: None)
    monkeypatch.setattr(history_page, "CLASSES", history_page.CLASSES)
    return hostile.fill()


def nodes(block: Any) -> Iterator[Any]:
    for child in block.children.values():
        yield child
        if hasattr(child, "children"):
            yield from nodes(child)


def markdown_of(page: AppTest) -> Iterator[str]:
    def texts(facts: Any) -> Iterator[str]:
        if isinstance(facts, dict):
            for name, value in facts.items():
                if isinstance(value, str) and name in MARKDOWN:
                    yield value
                yield from texts(value)
        elif isinstance(facts, list):
            for value in facts:
                yield from texts(value)

    for place in (page.main, page.sidebar):
        for node in nodes(place):
            if node.type not in LETTERS and getattr(node, "proto", None) is not None:
                yield from texts(MessageToDict(node.proto))


def check(page: AppTest) -> None:
    assert not page.exception
    shown = list(markdown_of(page))
    assert shown
    assert [text for text in shown if RAW.search(text)] == []
    for part in page.get("html"):
        assert "<img src=http:" not in part.value
        own_script = any(name in part.value for name in ("coinDrops", "coinRoom"))
        assert "<script>" not in part.value or own_script


def test_hostile_text_on_the_dataset_page_is_escaped(runs: list[str]) -> None:
    page = open_page()
    check(page)
    tiles = next(data for data in components(page) if "photos" in data)["photos"]
    page.session_state["dataset_session"].open_photo(tiles[0]["id"])
    check(page.run())
    page.session_state["dataset_session"].reviewer = hostile.short_hostile()
    page.session_state["dataset_session"].notice = hostile.hostile("notice")
    page.session_state["dataset_session"].error = hostile.hostile("error")
    check(page.run())
    page.session_state["dataset_session"].go_back()
    page.session_state["dataset_session"].select([tiles[0]["id"]])
    check(page.run())
    for part in ("review", "bring", "versions"):
        check(open_page(part, who=hostile.short_hostile()))


def test_a_visitor_without_a_name_is_asked_wherever_it_is_needed(
    runs: list[str],
) -> None:
    """For an import, a scrape and the coins that it left out, in both places."""
    page = open_page("bring", who="")
    page.session_state["earlier_imports"] = True
    for toggle in page.run().toggle:
        if toggle.label.startswith("Coins that were left out"):
            toggle.set_value(True)
    photo = ("a.png", a_photo(), "image/png")
    drop = next(one for one in page.file_uploader if "Drop photos" in one.label)
    drop.set_value([photo]).run()
    check(page)
    asked = [field for field in page.text_input if "Your name" in field.label]
    assert len(asked) == 4
    asked[-1].set_value("Anna").run()
    check(page)
    assert not [field for field in page.text_input if "Your name" in field.label]


def test_hostile_text_on_the_history_page_is_escaped(runs: list[str]) -> None:
    page = AppTest.from_file(str(history_page.PAGE), default_timeout=60)
    check(page.run())
    for chosen in (runs[:1], runs):
        page = AppTest.from_file(str(history_page.PAGE), default_timeout=60)
        page.query_params["run"] = chosen
        check(page.run())


def test_hostile_file_names_on_the_classify_page_are_escaped(runs: list[str]) -> None:
    page = AppTest.from_file(str(CLASSIFY), default_timeout=60).run()
    files = [a_photo(), a_photo(grey=124), b"no photo"]
    page.file_uploader[0].set_value(
        [
            (f"{hostile.file_name()} {k}", data, "image/png")
            for k, data in enumerate(files)
        ]
    ).run()
    check(page)
    assert page.error
    assert any("coin-table" in part.value for part in page.get("html"))
