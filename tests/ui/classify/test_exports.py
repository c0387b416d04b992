"""The exports of the Classify page, from what stand-ins of the nets read."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader
from streamlit.testing.v1 import AppTest

from coin_core.imaging.preprocessing import RotatedBox
from ui.classify import exports
from ui.classify.session import PhotoNote, UploadSession


def photos(count: int) -> UploadSession:
    session = UploadSession()
    for number in range(count):
        buffer = io.BytesIO()
        pixels = np.full((90, 90, 3), 100 + number, np.uint8)
        Image.fromarray(pixels).save(buffer, "PNG")
        session.add([(f"coin-{number}.png", buffer.getvalue())])
    return session


def open_exports(session: UploadSession) -> AppTest:
    def page() -> None:
        import streamlit as st

        from tests import fakes
        from ui.classify.exports import show_exports

        cards = {one.name: one.card for one in fakes.bundles()}
        name = st.session_state.get("classifier", "resnet")
        show_exports(st.session_state["photos"], name, cards)

    test = AppTest.from_function(page, default_timeout=60)
    test.session_state["photos"] = session
    test.run()
    assert not test.exception
    return test


def make(test: AppTest) -> tuple[str, bytes]:
    """Press the button, and wait for the report."""
    test.button(key="make_report").click().run()
    if (task := test.session_state["report_task"].task) is not None:
        task.join(60)
        test.run()
    assert not test.exception
    report = test.session_state["report_made"]
    return report.name, report.data


def offered(test: AppTest) -> list[str]:
    assert not test.exception
    return [one.proto.label for one in test.get("download_button")]


def test_the_table_is_offered_at_once_and_a_report_when_it_is_made() -> None:
    test = open_exports(photos(1))
    assert offered(test) == ["Download CSV"]
    make(test)
    assert offered(test) == ["Download CSV", "Download coins.pdf"]


def _add_photo(session: UploadSession) -> None:
    session.add([("more.png", b"a photo")])


def _write_note(session: UploadSession) -> None:
    session.notes[next(iter(session.photos))] = PhotoNote(context="L.12")


def _draw_box(session: UploadSession) -> None:
    box = RotatedBox(left=0.1, top=0.1, right=0.9, bottom=0.9)
    session.choose_box(next(iter(session.photos)), box)


def _sort(session: UploadSession) -> None:
    session.photos = dict(reversed(session.photos.items()))


@pytest.mark.parametrize("change", [_add_photo, _write_note, _draw_box, _sort])
def test_a_report_of_what_has_changed_is_not_offered(
    change: Callable[[UploadSession], None],
) -> None:
    session = photos(2)
    test = open_exports(session)
    make(test)
    change(session)
    assert offered(test.run()) == ["Download CSV"]


def test_a_report_of_one_photo_or_classifier_is_offered_beside_no_other() -> None:
    session = photos(2)
    test = open_exports(session)
    test.toggle(key="report_all").set_value(False).run()
    make(test)
    session.step(-1)
    assert offered(test.run()) == ["Download CSV"]
    session.step(1)
    assert offered(test.run()) == ["Download CSV", "Download coins.pdf"]
    test.session_state["classifier"] = "vgg"
    assert offered(test.run()) == ["Download CSV"]


def test_a_report_of_all_photos_has_a_page_for_each() -> None:
    name, data = make(open_exports(photos(2)))
    assert name == "coins.pdf"
    assert len(PdfReader(io.BytesIO(data)).pages) == 2


def test_a_report_of_the_shown_photo_takes_form_and_language() -> None:
    session = photos(2)
    session.selected = list(session.photos)[1]
    test = open_exports(session)
    test.toggle(key="report_all").set_value(False)
    test.button_group(key="report_form").set_value("html")
    test.button_group(key="report_language_en").set_value("he").run()
    name, data = make(test)
    assert name == "coins.html"
    assert b'lang="he"' in data
    assert b"coin-1.png" in data
    assert b"coin-0.png" not in data
    assert "coins.html" in {
        one.proto.label.removeprefix("Download ") for one in test.get("download_button")
    }


def test_a_report_keeps_to_the_first_coins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "MAX_REPORT_COINS", 1)
    test = open_exports(photos(2))
    assert "A report holds up to 1 coins" in " ".join(one.value for one in test.caption)
    _, data = make(test)
    assert len(PdfReader(io.BytesIO(data)).pages) == 1
