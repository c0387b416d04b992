from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from coin_core.errors import UnreadablePhotoError, sentence_of
from coin_core.i18n import speaking, translate
from coin_core.imaging import photo_io


def _page() -> None:
    import streamlit as st

    from coin_core.errors import CatalogError
    from ui.errors import damage_on_page, errors_on_page

    with errors_on_page():
        raise CatalogError("The disk is full.")
    with errors_on_page():
        raise PermissionError(13, "Permission denied", "/data/jobs")
    with damage_on_page("This run"):
        {}["report"]
    st.text("the rest of the page")


def _defect() -> None:
    from ui.errors import errors_on_page

    with errors_on_page():
        raise RuntimeError("a defect of the program")


def test_known_errors_are_sentences_and_the_page_continues() -> None:
    page = AppTest.from_function(_page).run()
    assert not page.exception
    first, disk, second = (error.value for error in page.error)
    assert first == "The disk is full."
    assert disk == "/data/jobs: this is not permitted. Check the permissions."
    assert second.startswith("This run cannot be shown")
    assert "KeyError: 'report'" in second
    assert page.text[0].value == "the rest of the page"


def test_other_errors_are_raised() -> None:
    page = AppTest.from_function(_defect).run()
    assert page.exception[0].message == "a defect of the program"


@pytest.mark.parametrize("error", [PermissionError(13, ""), OSError(28, "")])
def test_errors_of_a_disk_are_told_in_the_visitor_s_language(error: OSError) -> None:
    error.filename = "/data/jobs"
    with speaking("he"):
        words = translate(sentence_of(error))
    assert "/data/jobs" in words
    assert not {"disk", "permitted.", "this", "the"} & set(words.split())


@pytest.mark.parametrize(
    "data", [b"%PDF-1.7", b"a shopping list", b"", b"\xff\xd8\xff\xe0 cut short"]
)
def test_refused_photos_are_named_in_the_visitor_s_language(data: bytes) -> None:
    with pytest.raises(UnreadablePhotoError) as refused:
        photo_io.decode(data, name="locus 12, left.jpg")
    with speaking("he"):
        words = translate(str(refused.value))
    assert "locus 12, left.jpg" in words
    assert not {"accepted", "document", "photo", "file", "damaged"} & set(words.split())
