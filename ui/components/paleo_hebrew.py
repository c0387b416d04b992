"""Paleo-Hebrew drawn as strokes: few computers have a font for it.

The strokes are those of the rendered coins, so the page shows the letters of the
Hasmonean mint and not those of a Phoenician typeface.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from coin_core.i18n import N_, _
from coin_core.legend_alignment import Pair, PairState, align
from coin_core.rendering.letters import LETTER_FORMS
from coin_core.rulers import HEBREW_TO_LETTER, LETTERS, RULERS, Ruler
from ui.components.images import svg_to_image_tag
from ui.palette import INK

if TYPE_CHECKING:
    from coin_core.legend_alignment import LegendFit
    from coin_core.results import LetterRead

_GAP = 0.28
_HEIGHT = 100


def letters_of(hebrew: str) -> tuple[str, ...]:
    """The letter keys of a word in Hebrew letters, in reading order."""
    return tuple(HEBREW_TO_LETTER[sign] for sign in hebrew if sign in HEBREW_TO_LETTER)


def paleo_svg(letters: Sequence[str]) -> str:
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
        f'width="{width}" height="{_HEIGHT}" fill="none" stroke="{INK}" '
        'stroke-width="14" stroke-linecap="square" stroke-linejoin="miter">'
        + "".join(strokes)
        + "</svg>"
    )


def name_on_coin(ruler: Ruler, *, height_em: float = 1.05) -> str:
    """The name of a ruler on the coin, as an HTML image."""
    return svg_to_image_tag(
        paleo_svg(letters_of(ruler.name_hebrew_on_coin)),
        alt=_("{name} in paleo-Hebrew: {letters}").format(
            name=_(ruler.name_on_coin), letters=ruler.name_paleo
        ),
        height_em=height_em,
    )


def name_forms(ruler: Ruler) -> str:
    """The name on the coin as it is spoken and spelled, as HTML; in Hebrew, once."""
    spoken, hebrew = _(ruler.name_on_coin), ruler.name_hebrew_on_coin
    if spoken == hebrew:
        return escape(hebrew)
    return (
        f'{escape(spoken)} (<span dir="rtl" lang="he">{hebrew}</span>, '
        f"<bdi>{escape(ruler.letters_transliterated)}</bdi>)"
    )


_LETTERS = {letter.key: letter for letter in LETTERS}
_READ = {
    PairState.CLEAR: N_("{letter}, read clearly"),
    PairState.DOUBTFUL: N_("{letter}, read in doubt"),
    PairState.MISREAD: N_("{read} was read in place of {letter}"),
    PairState.MISSING: N_("{letter}, not read"),
    PairState.ADDED: N_("{read}, read where the legend has no letter"),
}


def glyph_style() -> str:
    """The style sheet with the shapes of the letters that `legend_table` uses."""
    rules = []
    for key in LETTER_FORMS:
        svg = base64.b64encode(paleo_svg((key,)).encode()).decode()
        rules.append(
            f'.coin-glyph.{key} {{ --shape: url("data:image/svg+xml;base64,{svg}"); }}'
        )
    return f"<style>{''.join(rules)}</style>"


def legend_table(
    fits: Sequence[LegendFit], letters: Sequence[LetterRead], *, ruler: str
) -> str:
    """The rulers' names with what was read of each, and the legend below, as HTML.

    Cells of a letter that was read have its position as `data-letter`, which the
    viewer lights.
    """
    best = max(fits, key=lambda fit: fit.probability)
    # Without a letter all fit alike.
    is_read = any(fit.found for fit in fits)
    return "".join(
        _legend(
            fit, letters, is_best=is_read and fit is best, is_open=fit.ruler == ruler
        )
        for fit in fits
    )


def _legend(
    fit: LegendFit, letters: Sequence[LetterRead], *, is_best: bool, is_open: bool
) -> str:
    ruler = RULERS[fit.ruler]
    found = _("{found} of {count}").format(found=fit.found, count=len(fit.name))
    lines = align(letters, fit)
    name = "".join(
        _name_cell(pair.attested, pair.read, pair.state, fit.ruler)
        for line in lines
        for pair in line
        if pair.of_name and pair.attested is not None
    )
    rows = "".join(_line(line, letters, fit.ruler) for line in lines)
    return (
        f'<details class="coin-legend{" best" * is_best}"{" open" * is_open}>'
        f'<summary><span class="who">{escape(_(ruler.name_on_coin))}'
        f"<small>{escape(_(ruler.name))}</small></span>"
        f'<span class="coin-letters" dir="rtl">{name}</span>'
        f'<span class="found">{found}</span></summary>'
        f'<div class="coin-aligned" dir="rtl">{rows}</div></details>'
    )


def _name_cell(key: str, read: int | None, state: PairState, ruler: str) -> str:
    """A letter of a name; one that was misread counts as not read."""
    if state is PairState.MISREAD:
        state, read = PairState.MISSING, None
    letter = _LETTERS[key]
    tells = " tells" if key in RULERS[ruler].telling_letters else ""
    signs = dict.fromkeys((letter.hebrew, _(letter.transliteration)))
    return (
        f'<span class="{state}{tells}"{_position(read)}>{_glyph(key)}'
        f"<small>{' '.join(signs)}</small></span>"
    )


def _line(line: Sequence[Pair], letters: Sequence[LetterRead], ruler: str) -> str:
    return f'<div class="line">{"".join(_pair(p, letters, ruler) for p in line)}</div>'


def _pair(pair: Pair, letters: Sequence[LetterRead], ruler: str) -> str:
    """What was read above what the legend has; a gap where either is missing."""
    read = None if pair.read is None else letters[pair.read].letter
    words = _(_READ[pair.state]).format(
        read=read and letter_name(read),
        letter=pair.attested and letter_name(pair.attested),
    )
    tells = pair.of_name and pair.attested in RULERS[ruler].telling_letters
    kinds = f"{pair.state}{' name' * pair.of_name}{' tells' * tells}"
    focus = "" if read is None else ' tabindex="0"'
    below = "–" if pair.attested is None else _LETTERS[pair.attested].hebrew
    return (
        f'<span class="{kinds}"{_position(pair.read)}{focus} role="img" '
        f'aria-label="{escape(words, quote=True)}" title="{escape(words, quote=True)}">'
        f"{'<i>·</i>' if read is None else _glyph(read)}<b>{below}</b></span>"
    )


def _position(read: int | None) -> str:
    return "" if read is None else f' data-letter="{read}"'


def _glyph(key: str) -> str:
    return f'<span class="coin-glyph {key}"></span>'


def letter_name(key: str) -> str:
    """The name of a letter, such as "ḥet"."""
    return _({"het": N_("ḥet"), "tet": N_("ṭet")}.get(key, key))


def letters_of_name(fits: Sequence[LegendFit], class_name: str) -> set[int]:
    """The positions, among the letters read, of those of a ruler's name."""
    return {
        letter.read
        for fit in fits
        if fit.ruler == class_name
        for letter in fit.name
        if letter.read is not None
    }
