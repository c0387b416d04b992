from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from coin_core.catalog.importing.metadata import facts_of
from coin_core.catalog.importing.sources import Item
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


_EXPORT = {"file": "photos/1.png", "sha256": "", "file_name": "", "height_px": "1"}


@pytest.mark.parametrize(
    ("folder", "row"),
    [
        ("1", {"ruler": "1"}),
        ("1", {}),
        ("1", {"name_on_coin": "1"}),
        ("1", {"ruler": "Jannaeus?"}),
        ("1", {"weight_g": "?", "diameter_mm": "?", "die_axis_h": "?"}),
        ("1", {"ruler": "Jannaeus", "retrieved_at": "?"}),
        ("1", {"ruler": "Jannaeus", "width_px": "?", "faces": "?"} | _EXPORT),
    ],
)
def test_what_an_import_remarks_is_said_in_the_language_of_the_page(folder, row):
    item = Item(
        key="1", name="1.png", relative="1.png", folders=("in", folder), row=row
    )
    remarks = facts_of(item, folder_labels=True).remarks
    assert remarks
    with speaking("he"):
        said = translate(" ".join(remarks))
    assert re.findall(r"[A-Za-z]{2,}", said.replace("Jannaeus?", "")) == []


@pytest.mark.parametrize(
    "remark",
    [
        "Row 26 of 1.csv names 1.png, which is not there.",
        "Row 26 of 1.csv names 1.png, which is not in the archive.",
        "No coin was found on it. '1' names no known ruler, so it gave no label.",
        "The file is damaged beside its pixels (1); they are whole.",
        "The end marker of the file is missing; its pixels are whole.",
        "Looks the same as 1.png (photo 2), which is labelled Alexander Jannaeus; the "
        "two were not put together.",
        "Looks the same as 1.png (photo 2), which is labelled Alexander Jannaeus; the "
        "two were not put together, as this ruler is in doubt.",
    ],
)
def test_remarks_of_several_parts_are_translated_whole(remark):
    with speaking("he"):
        said = translate(remark)
    assert re.findall(r"[A-Za-z]{2,}", re.sub(r"1\.(csv|png)", "", said)) == []
