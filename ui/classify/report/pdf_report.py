"""The report as PDF, a sheet of A4 for each coin; what does not fit goes on to another.

Lines are broken in the order of speech and then put in the order of sight, by the
Unicode bidirectional algorithm (UAX 9) of fpdf2; Hebrew needs no other shaping.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from fpdf import FPDF, XPos, YPos
from fpdf.bidi import BIDI_BRACKETS, BidiParagraph, auto_detect_base_direction
from fpdf.enums import TextDirection

from coin_core.i18n import _, current_language, text_direction
from ui.classify.report.coin_page import CoinPage, Picture, Share
from ui.classify.report.pictures import FONTS
from ui.palette import INK, INK_SOFT, MUTED, PAPER_DEEP

_FONT: Final = "DejaVu"
_MARGIN_MM, _WIDTH_MM, _HEIGHT_MM = 15.0, 180.0, 297.0
_PICTURE_MM, _GAP_MM = 56.0, 6.0
_BAR_MM = 70.0
_ROW_MM, _CAPTION_MM = 4.4, 4.0  # a line of a table, and below a picture
_GAP_BELOW_MM = 0.1  # a text
_ROW_SIZE: Final = 9
_LINES: Final = 4  # of a text that was typed; a page is meant to be one sheet
_LONGEST: Final = 2000  # signs of any text
_LINE_MM: Final = 25.4 / 72 * 1.35  # of type of one point
# Marks of direction steer the order, and have no shape.
_BLANKS = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_HALVES = re.compile("[\ud800-\udfff]")  # of a pair, which no font has
_NO_SHAPE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")


def pdf_report(pages: Sequence[CoinPage]) -> bytes:
    """The pages as PDF in the current language; what was typed is text in it."""
    is_rtl = text_direction(current_language()) == "rtl"
    writer = _Writer(is_rtl)
    for number, page in enumerate(pages, 1):
        writer.write(page, number, len(pages))
    return writer.finish()


class _Writer:
    """Writes pages from top to bottom, at the edge where the language begins."""

    def __init__(self, is_rtl: bool) -> None:
        self.pdf = FPDF(format="A4")
        self.is_rtl = is_rtl
        for style, name in (("", "DejaVuSans"), ("B", "DejaVuSans-Bold")):
            self.pdf.add_font(_FONT, style, FONTS / f"{name}.ttf")
        self.pdf.set_margin(_MARGIN_MM)
        self.pdf.c_margin = 0
        self.pdf.set_auto_page_break(False)
        self.pdf.set_lang(current_language())
        self.pdf.set_title(_("Coins read by the Hasmonean coin reader"))
        self.pdf.set_creation_date(datetime.now(UTC))

    def finish(self) -> bytes:
        """The whole document."""
        return bytes(self.pdf.output())

    def write(self, page: CoinPage, number: int, count: int) -> None:
        """One coin on a sheet of its own, or on as many as it takes."""
        self._page = page
        place = _("Coin {number} of {count}").format(number=number, count=count)
        self._begin_sheet(place)
        self._continued = _("{place}, continued").format(place=place)
        self._text(page.verdict, size=16, style="B", lines=3, gap=1.0)
        if page.reading:
            self._text(page.reading, size=10, lines=5, gap=1.0)
        for title, text in page.facts:
            self._text(f"{title}: {_isolated(text)}", size=9.5, lines=_LINES)
        self._pictures(page.pictures)
        self._shares(page.shares)
        if page.letters:
            self._heading(_("Letters, from right to left"))
            self._text(page.letters, size=10, lines=2)
            self._rows(page.names, (0.6, 0.4))
        self._heading(_("All classifiers"))
        self._rows(page.alternatives, (0.27, 0.55, 0.18))
        self._end_sheet()

    def _begin_sheet(self, place: str) -> None:
        """A new sheet; what the caveats take at its bottom is kept free."""
        self.pdf.add_page()
        foot = sum(self._height(*text) for text in self._foot())
        self._bottom = _HEIGHT_MM - _MARGIN_MM - foot
        self._text(place, size=8.5, colour=INK_SOFT)
        self._text(self._page.photo, size=10, style="B", lines=2)

    def _end_sheet(self) -> None:
        """The caveats and the signature, at the bottom of each sheet."""
        self.pdf.set_y(self._bottom)
        for text, size, lines in self._foot():
            self._text(text, size=size, colour=INK_SOFT, lines=lines)

    def _foot(self) -> list[tuple[str, float, int]]:
        """Texts with their size and the most lines they take."""
        caveats = [(caveat, 8.5, 3) for caveat in self._page.caveats]
        return [*caveats, (self._page.signature, 7.5, 2)]

    def _make_room(self, height: float) -> None:
        """Go on to another sheet where so much does not fit on this one."""
        if self.pdf.get_y() + height > self._bottom - 2:
            self._end_sheet()
            self._begin_sheet(self._continued)
            self.pdf.ln(1)

    def _heading(self, title: str) -> None:
        self._make_room(7 + 2.2 * _ROW_MM)  # with a row below it
        self.pdf.ln(2)
        self._text(title, size=10, style="B")

    def _text(
        self,
        text: str,
        *,
        size: float,
        style: str = "",
        colour: str = INK,
        lines: int = 1,
        gap: float = 0.0,
    ) -> None:
        """Lines of text at the current place; what goes beyond them ends in "…"."""
        self.pdf.set_font(_FONT, style, size)
        self.pdf.set_text_color(colour)
        for line in self._broken(text, _WIDTH_MM, lines):
            self.pdf.cell(
                _WIDTH_MM,
                size * _LINE_MM,
                line,
                align="R" if self.is_rtl else "L",
                new_x=XPos.LMARGIN,
                new_y=YPos.NEXT,
            )
        self.pdf.ln(gap or _GAP_BELOW_MM)

    def _height(self, text: str, size: float, lines: int) -> float:
        """What `_text` takes."""
        self.pdf.set_font(_FONT, "", size)
        count = len(self._broken(text, _WIDTH_MM, lines))
        return count * size * _LINE_MM + _GAP_BELOW_MM

    def _broken(self, text: str, width: float, most: int) -> list[str]:
        """A text in lines that fit, each in the order of sight."""
        text = _BLANKS.sub(" ", text[:_LONGEST]).strip(" ")
        text = _HALVES.sub("\ufffd", text)
        direction = _direction(text)
        lines = [""]
        for word in text.split(" "):
            if self._width(lines[-1] + word) <= width:
                lines[-1] += f"{word} "
                continue
            if lines[-1]:
                lines.append("")
            for sign in word:  # a word may be longer than a line
                if self._width(lines[-1] + sign) > width:
                    lines.append("")
                lines[-1] += sign
            lines[-1] += " "
        if len(lines) > most:
            last = lines[most - 1].rstrip(" ")
            while last and self._width(last + "…") > width:
                last = last[:-1]
            lines = [*lines[: most - 1], last + "…"]
        return in_order_of_sight(lines, direction)

    def _width(self, text: str) -> float:
        return float(self.pdf.get_string_width(_NO_SHAPE.sub("", text)))

    def _pictures(self, pictures: Sequence[Picture]) -> None:
        self._make_room(_PICTURE_MM + 3 + 2 * _CAPTION_MM)
        top = self.pdf.get_y() + 2
        lowest = top
        for place, picture in enumerate(pictures):
            x = self._from_start(place * (_PICTURE_MM + _GAP_MM), _PICTURE_MM)
            self.pdf.image(
                io.BytesIO(picture.jpeg),
                x=x,
                y=top,
                w=_PICTURE_MM,
                alt_text=picture.caption,
            )
            self.pdf.set_font(_FONT, "", 8)
            self.pdf.set_text_color(INK_SOFT)
            y = top + _PICTURE_MM + 1
            for line in self._broken(picture.caption, _PICTURE_MM, 2):
                self.pdf.set_xy(x, y)
                self.pdf.cell(
                    _PICTURE_MM, _CAPTION_MM, line, align="R" if self.is_rtl else "L"
                )
                y += _CAPTION_MM
            lowest = max(lowest, y)
        self.pdf.set_xy(_MARGIN_MM, lowest)

    def _from_start(self, offset: float, width: float) -> float:
        """The left edge of something that far from where lines begin."""
        if self.is_rtl:
            return _MARGIN_MM + _WIDTH_MM - offset - width
        return _MARGIN_MM + offset

    def _shares(self, shares: Sequence[Share]) -> None:
        if not shares:
            return
        self._heading(_("Probabilities"))
        for share in shares:
            y = self._cells((share.title, share.text), (0.4, 0.15))
            x = self._from_start(0.57 * _WIDTH_MM, _BAR_MM)
            length = max(share.fraction * _BAR_MM, 0.3)
            start = x + _BAR_MM - length if self.is_rtl else x
            self.pdf.set_fill_color(PAPER_DEEP)
            self.pdf.rect(x, y + 1, _BAR_MM, 3, style="F")
            self.pdf.set_fill_color(share.colour)
            self.pdf.rect(start, y + 1, length, 3, style="F")

    def _rows(self, rows: Sequence[Sequence[str]], parts: Sequence[float]) -> None:
        for row in rows:
            self._cells(row, parts)

    def _cells(self, row: Sequence[str], parts: Sequence[float]) -> float:
        """One row of a table, whose top is returned.

        Each column takes a part of the width.
        """
        self.pdf.set_font(_FONT, "", _ROW_SIZE)
        columns = [
            self._broken(text, part * _WIDTH_MM - 2, 2)
            for text, part in zip(row, parts, strict=True)
        ]
        height = _ROW_MM * max(map(len, columns)) + 0.4
        self._make_room(height)
        self.pdf.set_font(_FONT, "", _ROW_SIZE)
        self.pdf.set_text_color(INK)
        top, offset = self.pdf.get_y(), 0.0
        for lines, part in zip(columns, parts, strict=True):
            width = part * _WIDTH_MM
            for number, line in enumerate(lines):
                x = self._from_start(offset, width)
                self.pdf.set_xy(x, top + number * _ROW_MM)
                self.pdf.cell(width, _ROW_MM, line, align="R" if self.is_rtl else "L")
            offset += width
        bottom = top + height
        self.pdf.set_draw_color(MUTED)
        self.pdf.set_line_width(0.1)
        self.pdf.line(_MARGIN_MM, bottom, _MARGIN_MM + offset, bottom)
        self.pdf.set_xy(_MARGIN_MM, bottom + 0.4)
        return top


def _direction(text: str) -> TextDirection:
    """That of the first letter which has one; names inside isolates have none."""
    found: TextDirection = auto_detect_base_direction(text)
    return found


def _isolated(text: str) -> str:
    """A text whose direction changes nothing around it."""
    return f"\u2068{text}\u2069"


def in_order_of_sight(lines: Sequence[str], direction: TextDirection) -> list[str]:
    """The lines of a text in the order in which they are drawn, from the left.

    The whole text decides the direction of each sign, so a name or note in the other
    direction may go on from line to line.

    Args:
        lines: In the order of speech, each with the space that ends it.
        direction: Of the text.
    """
    text = "".join(lines)
    if not any(unicodedata.bidirectional(s) in ("R", "AL") for s in text) and (
        direction is not TextDirection.RTL
    ):
        return [_NO_SHAPE.sub("", line).strip(" ") for line in lines]
    paragraph = BidiParagraph(text, base_direction=direction)
    signs = paragraph.characters
    seen, start = [], 0
    for line in lines:
        end = start + len(line)
        paragraph.characters = [s for s in signs if start <= s.character_index < end]
        drawn = "".join(
            BIDI_BRACKETS[one.character]["pair"]
            if one.embedding_level % 2 and one.character in BIDI_BRACKETS
            else one.character
            for one in paragraph.get_reordered_characters()
        )
        seen.append(_NO_SHAPE.sub("", drawn).strip(" "))
        start = end
    return seen
