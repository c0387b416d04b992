"""Paleo-Hebrew drawn as strokes: few computers have a font for it.

The strokes are those of the rendered coins, so the page shows the letters of the
Hasmonean mint and not those of a Phoenician typeface.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

from coin_core.rendering.letters import LETTER_FORMS
from coin_core.rulers import HEBREW_TO_LETTER, LETTERS, RULERS, Ruler
from ui.components.images import svg_to_image_tag
from ui.palette import BRONZE, INK

if TYPE_CHECKING:
    from coin_core.explain import LetterRead

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
# The legend begins with the name, but a stray mark may be read as a line above it.
_NAME_STARTS_IN_LINE = 1
_EXTRA_LETTERS = 3  # misread letters between those of the name


def match_name(
    read: Sequence[LetterRead], name: Sequence[str]
) -> list[tuple[int, int]]:
    """The letters of a name that were read in their order at the start of the legend.

    Args:
        read: The letters in reading order.
        name: The letter keys of the name.

    Returns:
        Pairs of a position in the name and a position in `read`.
    """
    keys = tuple(letter.letter for letter in read)
    best: tuple[tuple[int, int], ...] = ()
    for start, letter in enumerate(read):
        if letter.line > _NAME_STARTS_IN_LINE:
            break
        stop = start + len(name) + _EXTRA_LETTERS
        # A name is broken over two lines at most.
        near = sum(other.line <= letter.line + 1 for other in read[start:stop])
        found = _common(tuple(name), keys[start : start + near])
        if len(found) > len(best) and found[0][1] == 0:
            best = tuple((i, start + j) for i, j in found)
    return list(best)


@lru_cache(maxsize=4096)
def _common(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """The longest common subsequence, as pairs of positions."""
    if not a or not b:
        return ()
    with_last = _common(a[:-1], b[:-1])
    if a[-1] == b[-1]:
        return (*with_last, (len(a) - 1, len(b) - 1))
    return max(_common(a[:-1], b), _common(a, b[:-1]), key=len)


def name_lines(read: Sequence[LetterRead]) -> str:
    """A table of the rulers' names from right to left; the read letters are tinted."""
    rows = "".join(_name_line(ruler, read) for ruler in RULERS.values())
    return f'<table class="coin-reading">{rows}</table>'


def _name_line(ruler: Ruler, read: Sequence[LetterRead]) -> str:
    name = letters_of(ruler.name_hebrew_on_coin)
    matched = {i for i, _ in match_name(read, name)}
    cells = []
    for i, key in enumerate(name):
        is_telling = key in ruler.telling_letters
        kinds = " ".join(["read"] * (i in matched) + ["tells"] * is_telling)
        letter = _LETTERS[key]
        image = paleo_image(
            (key,),
            alt=letter.form,
            height_em=1.25,
            colour=BRONZE if is_telling else INK,
        )
        cells.append(
            f'<td class="{kinds}">{image}<small>{letter.transliteration} '
            f"{letter.hebrew}</small></td>"
        )
    # Names begin on the right: a short one has empty cells on the left.
    cells += ['<td class="none"></td>'] * (_LONGEST - len(cells))
    title = f"{escape(ruler.name_on_coin)}<small>{escape(ruler.name)}</small>"
    return f'<tr><td class="who">{title}</td>{"".join(reversed(cells))}</tr>'


def letters_of_name(read: Sequence[LetterRead], class_name: str) -> set[int]:
    """The positions in `read` of the letters of a ruler's name."""
    ruler = RULERS.get(class_name)
    if ruler is None:
        return set()
    return {i for _, i in match_name(read, letters_of(ruler.name_hebrew_on_coin))}


def transliterated(read: Sequence[LetterRead]) -> str:
    """The lines that were read, right to left, in transliteration."""
    lines: dict[int, str] = {}
    for letter in read:
        sign = _LETTERS[letter.letter].transliteration
        lines[letter.line] = lines.get(letter.line, "") + sign
    return " / ".join(lines.values())
