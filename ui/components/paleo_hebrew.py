"""Paleo-Hebrew drawn as strokes: few computers have a font for it.

The strokes are those of the rendered coins, so the page shows the letters of the
Hasmonean mint and not those of a Phoenician typeface.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from coin_core.rendering.letters import LETTER_FORMS
from coin_core.rulers import HEBREW_TO_LETTER, LETTERS, RULERS, Ruler
from ui.components.images import svg_to_image_tag
from ui.palette import BRONZE, INK

if TYPE_CHECKING:
    from coin_core.legend_alignment import LegendFit
    from coin_core.results import LetterRead

_GAP = 0.28
_HEIGHT = 100


def letters_of(hebrew: str) -> tuple[str, ...]:
    """The letter keys of a word in Hebrew letters, in reading order."""
    return tuple(HEBREW_TO_LETTER[sign] for sign in hebrew if sign in HEBREW_TO_LETTER)


def paleo_svg(letters: Sequence[str], *, colour: str = INK) -> str:
    """The letters as an SVG drawing, first letter on the right."""
    x, strokes = 0.12, []
    for key in reversed(letters):
        form = LETTER_FORMS[key][0]
        for stroke in form.strokes:
            points = " ".join(
                f"{_HEIGHT * (x + form.width * right):.0f},"
                f"{_HEIGHT * (0.1 + 0.8 * down):.0f}"
                for right, down in stroke
            )
            strokes.append(f'<polyline points="{points}"/>')
        x += form.width + _GAP
    width = round((x - _GAP + 0.12) * _HEIGHT)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT}" '
        f'width="{width}" height="{_HEIGHT}" fill="none" stroke="{colour}" '
        'stroke-width="14" stroke-linecap="square" stroke-linejoin="miter">'
        + "".join(strokes)
        + "</svg>"
    )


def paleo_image(
    letters: Sequence[str], *, alt: str, height_em: float = 1.05, colour: str = INK
) -> str:
    """The letters as an HTML image for a line of text."""
    svg = paleo_svg(letters, colour=colour)
    return svg_to_image_tag(svg, alt=alt, height_em=height_em)


def name_on_coin(ruler: Ruler, *, height_em: float = 1.05) -> str:
    """The name of a ruler on the coin, as an HTML image."""
    return paleo_image(
        letters_of(ruler.name_hebrew_on_coin),
        alt=f"{ruler.name_on_coin} in paleo-Hebrew: {ruler.name_paleo}",
        height_em=height_em,
    )


_LETTERS = {letter.key: letter for letter in LETTERS}
_LONGEST = max(len(ruler.name_hebrew_on_coin) for ruler in RULERS.values())


def name_lines(fits: Sequence[LegendFit]) -> str:
    """A table of the rulers' names from right to left, with what was read of each.

    Args:
        fits: The fit of each ruler's legends, as of `legend_alignment.fit_legends`.
    """
    best = max(fits, key=lambda fit: fit.probability)
    # Without a letter all fit alike.
    rows = "".join(
        _name_line(fit, is_best=fit is best and any(fit.found for fit in fits))
        for fit in fits
    )
    return f'<table class="coin-reading">{rows}</table>'


def _name_line(fit: LegendFit, *, is_best: bool) -> str:
    ruler = RULERS[fit.ruler]
    cells = []
    for name_letter in fit.name:
        is_telling = name_letter.letter in ruler.telling_letters
        kinds = " ".join([name_letter.state] + ["tells"] * is_telling)
        letter = _LETTERS[name_letter.letter]
        image = paleo_image(
            (letter.key,),
            alt=f"{letter.key}, {name_letter.state}",
            height_em=1.25,
            colour=BRONZE if is_telling else INK,
        )
        cells.append(
            f'<td class="{kinds}" title="{escape(letter.form)}">{image}'
            f"<small>{letter.transliteration} {letter.hebrew}</small></td>"
        )
    # Names begin on the right: a short one has empty cells on the left.
    cells += ['<td class="none"></td>'] * (_LONGEST - len(cells))
    title = f"{escape(ruler.name_on_coin)}<small>{escape(ruler.name)}</small>"
    return (
        f'<tr{" class=best" * is_best}><td class="who">{title}</td>'
        f"{''.join(reversed(cells))}"
        f'<td class="found">{fit.found} of {len(fit.name)}</td></tr>'
    )


def letters_of_name(fits: Sequence[LegendFit], class_name: str) -> set[int]:
    """The positions, among the letters read, of those of a ruler's name."""
    return {
        letter.read
        for fit in fits
        if fit.ruler == class_name
        for letter in fit.name
        if letter.read is not None
    }


def transliterated(read: Sequence[LetterRead]) -> str:
    """The lines that were read, right to left, in transliteration."""
    lines: dict[int, str] = {}
    for letter in read:
        sign = _LETTERS[letter.letter].transliteration
        lines[letter.line] = lines.get(letter.line, "") + sign
    return " / ".join(lines.values())
