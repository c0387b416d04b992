"""The report as one HTML file that opens offline, a page for each coin in print."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

from coin_core.i18n import _, current_language, text_direction
from ui.classify.report.coin_page import CoinPage, Picture, Share

_STYLE = """
@page { size: A4; margin: 14mm; }
body { font: 15px/1.45 Georgia, 'Noto Serif', 'DejaVu Serif', serif; color: #2e2620;
  max-width: 46rem; margin: 1.5rem auto; padding: 0 1rem; background: white; }
section { break-after: page; border-bottom: 1px solid #d8ccb8; padding: 1rem 0 1.5rem; }
section:last-of-type { break-after: auto; border: 0; }
h1 { font-size: 1.05rem; margin: 0 0 .6rem; overflow-wrap: anywhere; }
h2 { font-size: 1.5rem; margin: 0 0 .3rem; }
h3 { font-size: 1rem; margin: 1rem 0 .2rem; }
p { margin: .2rem 0; overflow-wrap: anywhere; }
.soft { color: #60564b; font-size: .88rem; }
.pictures { display: flex; flex-wrap: wrap; gap: .8rem; margin: .8rem 0; }
figure { margin: 0; flex: 1 1 12rem; max-width: 15rem; }
figure img { width: 100%; border-radius: 4px; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: start; vertical-align: top; padding: .2rem 0;
  padding-inline-end: .6rem; border-bottom: 1px solid #ece3d2; font-weight: 400;
  overflow-wrap: break-word; }
.bar { display: block; height: .7rem; border-radius: 3px; }
td.bars { width: 45%; vertical-align: middle; }
.caveat { border-inline-start: 4px solid #b9ab97; padding-inline-start: .8rem;
  margin-top: 1rem; }
"""


def html_report(pages: Sequence[CoinPage]) -> bytes:
    """The pages as HTML in the current language; what was typed is text in it."""
    language = current_language()
    title = escape(_("Coins read by the Hasmonean coin reader"))
    sections = "".join(
        _section(page, number, len(pages)) for number, page in enumerate(pages, 1)
    )
    document = (
        f'<!doctype html><html lang="{language}" dir="{text_direction(language)}">'
        '<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; img-src data:\">"
        f"<title>{title}</title><style>{_STYLE}</style></head>"
        f"<body>{sections}</body></html>\n"
    )
    return document.encode("utf-8", errors="replace")


def _section(page: CoinPage, number: int, count: int) -> str:
    place = _("Coin {number} of {count}").format(number=number, count=count)
    parts = [
        f'<p class="soft">{escape(place)}</p>',
        f"<h1><bdi>{escape(page.photo)}</bdi></h1>",
        f"<h2>{escape(page.verdict)}</h2>",
        f"<p>{escape(page.reading)}</p>" if page.reading else "",
        *(
            f"<p><b>{escape(title)}:</b> <bdi>{escape(text)}</bdi></p>"
            for title, text in page.facts
        ),
        f'<div class="pictures">{"".join(map(_figure, page.pictures))}</div>',
        _shares(page.shares),
        _letters(page),
        _table(_("All classifiers"), page.alternatives),
        '<div class="caveat soft">',
        *(f"<p>{escape(caveat)}</p>" for caveat in page.caveats),
        f'</div><p class="soft">{escape(page.signature)}</p>',
    ]
    return f"<section>{''.join(parts)}</section>"


def _figure(picture: Picture) -> str:
    code = base64.b64encode(picture.jpeg).decode()
    caption = escape(picture.caption)
    return (
        f'<figure><img alt="{escape(picture.caption, quote=True)}" '
        f'src="data:image/jpeg;base64,{code}"><figcaption class="soft">{caption}'
        "</figcaption></figure>"
    )


def _shares(shares: Sequence[Share]) -> str:
    if not shares:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(share.title)}</th>'
        f"<td>{escape(share.text)}</td>"
        f'<td class="bars"><span class="bar" style="background:{share.colour};'
        f'width:{100 * share.fraction:.0f}%"></span></td></tr>'
        for share in shares
    )
    return f"<h3>{escape(_('Probabilities'))}</h3><table>{rows}</table>"


def _letters(page: CoinPage) -> str:
    if not page.letters:
        return ""
    heading = escape(_("Letters, from right to left"))
    read = f'<p dir="auto">{escape(page.letters)}</p>'
    return f"<h3>{heading}</h3>{read}" + _table("", page.names)


def _table(title: str, rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    cells = "".join(
        f"<tr>{''.join(f'<td><bdi>{escape(cell)}</bdi></td>' for cell in row)}</tr>"
        for row in rows
    )
    heading = f"<h3>{escape(title)}</h3>" if title else ""
    return f"{heading}<table>{cells}</table>"
