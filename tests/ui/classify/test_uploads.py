from __future__ import annotations

from streamlit.testing.v1 import AppTest


def _uploader() -> None:
    import streamlit as st
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    from ui.classify.session import upload_session
    from ui.classify.uploads import show_problems, show_uploader

    show_uploader(upload_session())
    show_problems(upload_session())
    context = get_script_run_ctx()
    files = context.uploaded_file_mgr.file_storage[context.session_id].values()
    st.text(f"Streamlit holds {len(files)} files")


def test_an_upload_empties_the_uploader_and_is_kept() -> None:
    page = AppTest.from_function(_uploader, default_timeout=60).run()
    key = page.file_uploader[0].key
    page.file_uploader[0].set_value([("a.png", b"bytes", "image/png")]).run()
    assert not page.exception
    assert page.file_uploader[0].key != key
    assert "1 photo kept" in page.caption[0].value
    # What it holds as well would count twice in the budget of all visitors.
    assert page.text[0].value == "Streamlit holds 0 files"
    next(b for b in page.button if b.label == "Clear all").click().run()
    assert not page.session_state["upload_session"].photos


def test_problems_are_shown_one_by_one() -> None:
    page = AppTest.from_function(_uploader, default_timeout=60).run()
    page.session_state["upload_session"].problems = ["a.txt is a text.", "b is empty."]
    page.run()
    assert [error.value for error in page.error] == ["a.txt is a text.", "b is empty."]


def test_a_photo_that_is_there_already_is_named() -> None:
    page = AppTest.from_function(_uploader, default_timeout=60).run()
    files = [(name, b"bytes", "image/png") for name in ("a.png", "b.png", "a.png")]
    page.file_uploader[0].set_value(files).run()
    assert not page.exception
    assert "1 photo kept" in page.caption[0].value
    assert page.caption[1].value == (
        "b.png is the same photo as a.png, and is kept once. a.png was there already."
    )
    page.file_uploader[0].set_value([("c.png", b"others", "image/png")]).run()
    assert len(page.caption) == 1
