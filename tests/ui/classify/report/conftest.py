"""A page of the report, from what is read by stand-ins of the nets."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader

from tests import fakes
from ui.classify.report.coin_page import CoinPage, coin_page
from ui.classify.report.pdf_report import pdf_report
from ui.classify.session import PhotoNote, UploadSession

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


def page_of(
    pixels: np.ndarray,
    name: str = "coin.png",
    note: PhotoNote | None = None,
    classifier: str = "resnet",
) -> CoinPage:
    """The page of one photo, as the stand-ins read it."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    session = UploadSession()
    session.add([(name, buffer.getvalue())])
    (photo,) = session.photos.values()
    if note is not None:
        session.notes[photo.digest] = note
    return coin_page(session, photo, classifier, CARDS, AT)


def a_page(note: PhotoNote | None = None, classifier: str = "resnet") -> CoinPage:
    """The page of a coin whose letters are read."""
    return page_of(np.full((90, 90, 3), 121, np.uint8), "coin.png", note, classifier)


@pytest.fixture(scope="module")
def page() -> CoinPage:
    with pytest.MonkeyPatch.context() as patch:
        fakes.install(patch)
        note = PhotoNote(context="L.1204", ruler="john_hyrcanus_i", text="on the floor")
        return a_page(note)


class Tags(HTMLParser):
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
