"""The report in both forms, from what is read by stand-ins of the nets."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from fpdf.enums import TextDirection
from PIL import Image
from pypdf import PdfReader

from coin_core.i18n import speaking
from tests import fakes
from ui.classify.report.coin_page import CoinPage, caveats, coin_page
from ui.classify.report.html_report import html_report
from ui.classify.report.pdf_report import in_order_of_sight, pdf_report
from ui.classify.session import PhotoNote, UploadSession
from ui.palette import MUTED

AT = datetime(2026, 11, 29, 12, 30, tzinfo=UTC)
CARDS = {one.name: one.card for one in fakes.bundles()}
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></head><body onload=alert(1)>",
    "javascript:alert(1)",
    '=HYPERLINK("http://example.org")',
    "**bold** $x$ :material/home: [a](http://example.org)",
    "\x00\x1b[31m\u202e gnp.exe",
    "\ud800 half a pair",
)


def a_page(
    name: str = "coin.png",
    note: PhotoNote | None = None,
    classifier: str = "resnet",
) -> CoinPage:
    buffer = io.BytesIO()
    Image.fromarray(np.full((90, 90, 3), 121, np.uint8)).save(buffer, "PNG")
    session = UploadSession()
    session.add([(name, buffer.getvalue())])
    (photo,) = session.photos.values()
    if note is not None:
        session.notes[photo.digest] = note
    return coin_page(session, photo, classifier, CARDS, AT)


@pytest.fixture(scope="module")
def page() -> CoinPage:
    with pytest.MonkeyPatch.context() as patch:
        fakes.install(patch)
        note = PhotoNote(context="L.1204", ruler="john_hyrcanus_i", text="on the floor")
        return a_page(note=note)


class _Tags(HTMLParser):
    """The tags and the text of a document."""

    def __init__(self, document: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(document.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def text_of_pdf(pages: Sequence[CoinPage]) -> list[str]:
    reader = PdfReader(io.BytesIO(pdf_report(pages)))
    # What draws a space is no matter here.
    return [
        page.extract_text().replace(" ", "\N{NO-BREAK SPACE}") for page in reader.pages
    ]


def test_a_page_has_verdict_letters_alternatives_and_what_they_rest_on(
    page: CoinPage,
) -> None:
    assert page.verdict == "Judah Aristobulus I, 91\N{NO-BREAK SPACE}%"
    assert page.reading.startswith("Read ")
    assert page.letters == "YHWN / TNHK / HNGD"
    assert [title for title, _, _ in page.alternatives] == [
        *("ResNet", "VGG", "SVM", "kNN", "MLP", "Weighed together")
    ]
    assert page.alternatives[-2][1].startswith("cannot tell: too worn")
    assert page.alternatives[-1][1].startswith("Judah Aristobulus I")
    assert len(page.pictures) == 3
    assert dict(page.facts)["Own reading"] == "John Hyrcanus I"
    assert page.caveats
    assert "2026-11-29" in page.signature


def test_accuracy_is_told_of_real_coins_only() -> None:
    card = CARDS["resnet"]
    assert caveats(card)[0] == "This classifier was not measured on real coins."
    real = {
        **{"data": "photos", "what": "photos of real coins", "n": 18},
        **{"accuracy": 0.78, "accuracy_low": 0.55, "accuracy_high": 0.91},
    }
    measured = replace(card, metrics=(*card.metrics, real))
    assert (
        "18 photos of real coins: 78\N{NO-BREAK SPACE}% right" in caveats(measured)[0]
    )


def test_both_forms_say_the_same(page: CoinPage) -> None:
    html = _Tags(html_report([page]))
    (pdf,) = text_of_pdf([page])
    for words in (page.verdict, "L.1204", "on the floor", page.letters, "ResNet"):
        assert words in html.text
        assert words.replace(" ", "\N{NO-BREAK SPACE}") in pdf
    assert sum(tag == "img" for tag, _ in html.tags) == 3


def test_each_coin_has_one_page(page: CoinPage) -> None:
    longest = replace(
        page,
        photo="long name " * 60,
        facts=tuple((title, "many words " * 200) for title in ("a", "b", "c", "d")),
        reading="It was read. " * 60,
    )
    assert len(text_of_pdf([page, longest, page])) == 3
    tags = _Tags(html_report([page, longest, page])).tags
    assert sum(tag == "section" for tag, _ in tags) == 3


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_and_notes_are_text(page: CoinPage, text: str) -> None:
    hostile = replace(page, photo=text, facts=(("Note", text), ("Find", text)))
    parsed = _Tags(html_report([hostile]))
    allowed = {tag for tag, _ in _Tags(html_report([page])).tags}
    assert {tag for tag, _ in parsed.tags} == allowed
    for tag, attributes in parsed.tags:
        assert not any(name.startswith("on") for name in attributes), tag
        assert tag != "img" or str(attributes["src"]).startswith("data:image/jpeg")
    shown = text.encode("utf-8", "replace").decode()
    assert parsed.text.count(shown) == 3

    reader = PdfReader(io.BytesIO(pdf_report([hostile])))
    root: Any = reader.trailer["/Root"]
    assert not {"/Names", "/AA", "/AcroForm"} & set(root)
    assert not isinstance(root["/OpenAction"], dict)  # it only fits the page
    assert not {"/Annots", "/AA"} & set(reader.pages[0])
    words = re.sub(r"[^\w]", "", text.replace("\ud800", ""))
    if "\u202e" not in text:  # that one turns its own line round
        assert words in re.sub(r"[^\w]", "", reader.pages[0].extract_text())


def test_the_html_asks_nobody_for_anything(page: CoinPage) -> None:
    document = html_report([page]).decode()
    assert "default-src 'none'" in document
    assert not re.search(r"(?:src|href)=\"(?!data:)", document)
    assert "url(" not in document


def test_hebrew_runs_from_right_to_left(page: CoinPage) -> None:
    hebrew = replace(page, photo="לוקוס (12).jpg", verdict="ינאי (מלך), 91 %")
    with speaking("he"):
        document, pdf = html_report([hebrew]), pdf_report([hebrew])
    (tag, attributes) = _Tags(document).tags[0]
    assert (tag, attributes["lang"], attributes["dir"]) == ("html", "he", "rtl")
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
    assert in_order_of_sight(line, direction) == seen


def test_a_photo_without_a_coin_has_its_picture_and_no_probabilities(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fakes.install(monkeypatch)
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((60, 100, 3), np.uint8)).save(buffer, "PNG")
    session = UploadSession()
    session.add([("dark.png", buffer.getvalue())])
    (photo,) = session.photos.values()
    empty = coin_page(session, photo, "resnet", CARDS, AT)
    assert empty.verdict.startswith("Cannot tell: no coin")
    assert len(empty.pictures) == 1
    assert not any((empty.shares, empty.letters, empty.names, empty.reading))
    assert text_of_pdf([empty])


def test_a_refused_coin_has_pale_bars_and_the_headline_of_the_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fakes.install(monkeypatch)
    refused = a_page(classifier="mlp")
    assert refused.verdict.startswith("Cannot tell. It leans to ")
    assert {share.colour for share in refused.shares} == {MUTED}
    assert MUTED not in {share.colour for share in a_page().shares}
