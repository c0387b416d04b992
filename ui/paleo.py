"""Paleo-Hebrew drawn as strokes: few computers have a font for it.

The strokes are those that the rendered coins are struck with, so the page shows
the letters of the Hasmonean mint and not those of a Phoenician typeface.
"""

from __future__ import annotations

from collections.abc import Sequence

from coin_core.rendering.letters import FORMS
from coin_core.rulers import HEBREW_TO_LETTER, Ruler
from ui.palette import INK
from ui.pictures import svg_to_image_tag

_GAP = 0.28
_HEIGHT = 100


def letters_of(hebrew: str) -> tuple[str, ...]:
    """The letter keys of a word in Hebrew letters, in reading order."""
    return tuple(HEBREW_TO_LETTER[sign] for sign in hebrew if sign in HEBREW_TO_LETTER)


def paleo_svg(letters: Sequence[str], *, colour: str = INK) -> str:
    """The letters as an SVG drawing, first letter on the right."""
    x, strokes = 0.12, []
    for key in reversed(letters):
        form = FORMS[key][0]
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
    """The letters as an HTML image that stands in a line of text."""
    svg = paleo_svg(letters, colour=colour)
    return svg_to_image_tag(svg, alt=alt, height_em=height_em)


def name_on_coin(ruler: Ruler, *, height_em: float = 1.05) -> str:
    """A ruler's name as it stands on the coin, as an HTML image."""
    return paleo_image(
        letters_of(ruler.name_hebrew_on_coin),
        alt=f"{ruler.name_on_coin} in paleo-Hebrew: {ruler.name_paleo}",
        height_em=height_em,
    )
