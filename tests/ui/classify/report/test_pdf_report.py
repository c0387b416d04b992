"""The report as PDF: what it says, the order of its lines, and that it runs nothing."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fpdf.enums import TextDirection
from pypdf import PageObject, PdfReader
from pypdf.generic import ContentStream

from coin_core.i18n import speaking
from tests.ui.classify.report.conftest import HOSTILE, page_of, text_of_pdf
from ui.classify.report.coin_page import CoinPage
from ui.classify.report.pdf_report import in_order_of_sight, pdf_report


def test_it_says_what_the_page_says(page: CoinPage) -> None:
    (pdf,) = text_of_pdf([page])
    for words in (page.verdict, "L.1204", "on the floor", page.letters, "ResNet"):
        assert words.replace(" ", "\N{NO-BREAK SPACE}") in pdf


def lowest_mm(sheet: PageObject) -> float:
    """How far above the lower edge of a sheet the lowest thing is drawn."""
    content = sheet.get_contents()
    assert content is not None
    points = []
    for operands, operator in ContentStream(content, None).operations:
        if operator in (b"Td", b"m", b"l", b"re"):
            points.append(float(operands[1]))
            if operator == b"re":
                points.append(points[-1] + float(operands[3]))
        elif operator == b"cm":  # of a picture
            points.append(float(operands[5]))
    return min(points) * 25.4 / 72


def sheets_of(page: CoinPage) -> list[str]:
    """The text of each sheet of one coin, of which nothing is below the margin."""
    pdf = pdf_report([page])
    for sheet in PdfReader(io.BytesIO(pdf)).pages:
        assert 15 < lowest_mm(sheet) < 18
    return text_of_pdf([page])


@pytest.mark.parametrize("language", ["en", "he"])
def test_an_ordinary_coin_has_one_sheet(page: CoinPage, language: str) -> None:
    with speaking(language):
        (text,) = sheets_of(page)
    assert "2026-11-29" in text


@pytest.mark.parametrize("language", ["en", "he"])
@pytest.mark.parametrize("count", [20, 60])
def test_what_does_not_fit_goes_on_to_another_sheet(
    page: CoinPage, language: str, count: int
) -> None:
    title, answer, model = page.alternatives[-2]
    longest = replace(
        page,
        photo="long name " * 60,
        facts=tuple((title, "many words " * 200) for title in ("a", "b", "c", "d")),
        reading="It was read. " * 60,
        alternatives=tuple((f"{title} {n}", answer, model) for n in range(count)),
    )
    with speaking(language):
        sheets = sheets_of(longest)
    assert len(sheets) == (2 if count == 20 else 4)
    for text in sheets:
        assert "proof:" in text
        assert "2026-11-29" in text
    whole = "".join(sheets)
    assert all(
        f"{title} {n}".replace(" ", "\N{NO-BREAK SPACE}") in whole for n in range(count)
    )


@pytest.mark.usefixtures("_fake_models")
def test_a_photo_without_a_coin_has_a_sheet() -> None:
    (text,) = text_of_pdf([page_of(np.zeros((60, 100, 3), np.uint8))])
    assert "Cannot\N{NO-BREAK SPACE}tell" in text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_and_notes_are_text(page: CoinPage, text: str) -> None:
    hostile = replace(page, photo=text, facts=(("Note", text), ("Find", text)))
    reader = PdfReader(io.BytesIO(pdf_report([hostile])))
    root: Any = reader.trailer["/Root"]
    assert not {"/Names", "/AA", "/AcroForm"} & set(root)
    assert not isinstance(root["/OpenAction"], dict)  # it only fits the page
    assert not {"/Annots", "/AA"} & set(reader.pages[0])
    words = re.sub(r"[^\w]", "", text.replace("\ud800", ""))
    if "\u202e" not in text:  # that one turns its own line round
        assert words in re.sub(r"[^\w]", "", reader.pages[0].extract_text())


def test_hebrew_is_read_back(page: CoinPage) -> None:
    hebrew = replace(page, photo="לוקוס (12).jpg", verdict="ינאי (מלך), 91 %")
    with speaking("he"):
        pdf = pdf_report([hebrew])
    read = PdfReader(io.BytesIO(pdf)).pages[0].extract_text()
    assert {"ינאי", "לוקוס", "מלך"} <= set(re.findall("[א-ת]+", read))


@pytest.mark.parametrize(
    ("line", "direction", "seen"),
    [
        ("ינאי (מלך), 91 %", TextDirection.RTL, "% 91 ,(ךלמ) יאני"),
        ("לוקוס (12).jpg", TextDirection.RTL, "jpg.(12) סוקול"),
        ("Yannai (ינאי), 91 %", TextDirection.LTR, "Yannai (יאני), 91 %"),
        ("Find: \u2068לוקוס 12\u2069, east", TextDirection.LTR, "Find: 12 סוקול, east"),
        ("a \u202eb\u202c (c)", TextDirection.LTR, "a b (c)"),
    ],
)
def test_lines_are_put_in_the_order_of_sight(
    line: str, direction: TextDirection, seen: str
) -> None:
    assert in_order_of_sight([line], direction) == [seen]


@pytest.mark.parametrize(
    ("lines", "direction", "seen"),
    [
        (
            ["הערה: \u2068Found in area G, with ", "one of ינאי (Herod), 14 mm.\u2069"],
            TextDirection.RTL,
            ["Found in area G, with :הרעה", "one of יאני (Herod), 14 mm."],
        ),
        (
            ["Note: \u2068נמצא בשטח G, עם ", "אחד של Yannai (ינאי), 14.\u2069"],
            TextDirection.LTR,
            ["Note: םע ,G חטשב אצמנ", ".14 ,(יאני) Yannai לש דחא"],
        ),
    ],
)
def test_a_note_in_the_other_direction_goes_on_in_it_from_line_to_line(
    lines: list[str], direction: TextDirection, seen: list[str]
) -> None:
    assert in_order_of_sight(lines, direction) == seen


def test_a_long_english_note_is_readable_in_a_hebrew_report(page: CoinPage) -> None:
    note = f"Found in {'the City of David, ' * 6}with three coins; broken rim."
    with speaking("he"):
        (text,) = text_of_pdf([replace(page, facts=(("הערה", note),))])
    lines = text.replace("\N{NO-BREAK SPACE}", " ").splitlines()
    assert "the City of David, with three coins; broken rim." in lines
