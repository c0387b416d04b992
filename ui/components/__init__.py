"""Screen parts that Streamlit has no widget for, as components of our own.

Each is a JavaScript and a CSS file of the same name beside this one. What they show
comes in as data and is set as text, never as HTML.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_VIEWER = """<div class="viewer">
<div class="stage"><img alt=""><svg xmlns="http://www.w3.org/2000/svg"></svg></div>
<div class="tools"><button type="button" title="Zoom in">+</button>
<button type="button" title="Zoom out">−</button>
<button type="button" title="The whole photo">Fit</button></div>
<div class="stamp" hidden></div></div>"""


def _part(name: str, html: str):
    css = _HERE / f"{name}.css"
    return st.components.v2.component(
        f"coin_{name}",
        html=html,
        css=css.read_text(encoding="utf-8") if css.exists() else None,
        js=(_HERE / f"{name}.js").read_text(encoding="utf-8"),
    )


thumbnail_grid = _part("grid", '<div class="grid"></div>')
ruler_counts = _part("counts", '<div class="bars"></div>')
photo_viewer = _part("viewer", _VIEWER)
review_keys = _part("review", '<div class="keys"></div>')
remembered_name = _part("reviewer", "<span></span>")
