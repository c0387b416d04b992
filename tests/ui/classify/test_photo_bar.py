"""The bar above a photo, and what is noted of it, on a page of their own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from tests import fakes
from ui.classify import photo_bar
from ui.classify.results_table import own_reading
from ui.classify.session import NOBODY, PhotoNote, UploadSession


def bar(session: UploadSession) -> AppTest:
    """A page of one photo: its bar and its notes."""

    def page() -> None:
        import streamlit as st

        from ui.classify.photo_bar import show_notes, show_photo_bar

        session = st.session_state["photos"]
        photo = session.photos[session.selected]
        show_photo_bar(session, photo)
        show_notes(session, photo)

    test = AppTest.from_function(page, default_timeout=60)
    test.session_state["photos"] = session
    test.run()
    assert not test.exception
    return test


def photos(*names: str) -> UploadSession:
    session = UploadSession()
    session.add([(name, name.encode()) for name in names])
    return session


def html_of(test: AppTest) -> str:
    return "".join(str(one.proto.body) for one in test.get("html"))


def test_the_name_is_text_and_the_place_is_told() -> None:
    html = html_of(bar(photos("<b>a</b>.jpg", "b.jpg")))
    assert "&lt;b&gt;a&lt;/b&gt;.jpg" in html
    assert "1 of 2" in html


def test_arrows_go_to_the_neighbours_and_end_at_the_ends() -> None:
    session = photos("a.jpg", "b.jpg")
    test = bar(session)
    assert test.button(key="previous_photo").disabled
    test.button(key="next_photo").click().run()
    assert session.selected == list(session.photos)[1]
    assert test.button(key="next_photo").disabled
    assert not test.button(key="previous_photo").disabled


@pytest.mark.parametrize(("is_rtl", "key"), [(False, "Right"), (True, "Left")])
def test_the_keys_follow_the_direction_of_the_language(
    is_rtl: bool, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo_bar, "is_right_to_left", lambda: is_rtl)
    test = bar(photos("a.jpg", "b.jpg"))
    assert test.button(key="next_photo").proto.shortcut.casefold() == key.casefold()
    assert test.button(key="previous_photo").proto.shortcut.casefold() != key.casefold()


def test_one_photo_has_no_arrows_and_can_be_removed() -> None:
    session = photos("a.jpg")
    test = bar(session)
    assert [button.key for button in test.button] == ["remove_photo"]
    assert "of 1" not in html_of(test)
    session.add([("b.jpg", b"b")])
    test.run()
    test.button(key="remove_photo").click().run()
    assert [photo.name for photo in session.photos.values()] == ["a.jpg"]


def test_what_is_noted_is_kept_with_the_photo() -> None:
    session = photos("a.jpg", "b.jpg")
    first, second = session.photos
    session.selected = first
    test = bar(session)
    test.text_input(key=f"context_{first}").set_value("L.12").run()
    test.text_input(key=f"text_{first}").set_value("from the floor").run()
    test.selectbox(key=f"ruler_{first}_en").set_value(NOBODY).run()
    expected = PhotoNote(context="L.12", text="from the floor", ruler=NOBODY)
    assert session.notes == {first: expected}
    test.button(key="next_photo").click().run()
    assert not test.text_input(key=f"context_{second}").value


def test_a_visitor_may_read_a_class_of_any_installed_classifier(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shipped = fakes.bundles()[0]
    classes = ("diocletian", "galerius")
    own = replace(shipped, card=replace(shipped.card, classes=classes))
    monkeypatch.setattr(photo_bar.resources, "bundles", lambda: ((shipped, own), ()))
    session = photos("a.jpg")
    (digest,) = session.photos
    menu = bar(session).selectbox(key=f"ruler_{digest}_en")
    assert menu.options[-4:] == [
        *("Alexander Jannaeus", "diocletian", "galerius", "cannot tell"),
    ]
    menu.set_value("galerius").run()
    assert own_reading(session.notes[digest]) == "galerius"
    monkeypatch.setattr(photo_bar.resources, "bundles", lambda: ((shipped,), ()))
    menu = bar(session).selectbox(key=f"ruler_{digest}_en")
    assert menu.value == "galerius", "its classifier is gone, the reading is not"
