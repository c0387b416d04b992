"""Custom components: widgets that Streamlit does not have.

Each is a JavaScript and a CSS file beside this module. The data passed to a component
is inserted as text, never as HTML.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

_FOLDER = Path(__file__).parent
_VIEWER_HTML = """<div class="viewer" tabindex="0" role="group">
<div class="stage"><img alt=""><svg xmlns="http://www.w3.org/2000/svg"></svg></div>
<div class="badge" hidden></div></div>
<div class="tools"></div><div class="layers"></div><div class="help"></div>"""


def _component(name: str, html: str) -> Callable[..., Any]:
    css = _FOLDER / f"{name}.css"
    return st.components.v2.component(
        f"coin_{name}",
        html=html,
        css=css.read_text(encoding="utf-8") if css.exists() else None,
        js=(_FOLDER / f"{name}.js").read_text(encoding="utf-8"),
    )


photo_grid = _component("grid", '<div class="grid"></div>')
ruler_counts = _component("counts", '<div class="bars"></div>')
photo_viewer = _component("viewer", _VIEWER_HTML)
review_keys = _component("review", '<div class="keys"></div>')
stored_reviewer = _component("reviewer", "<span></span>")
kept_language = _component("language", "<span></span>")
results_table = _component("results", '<div class="results"></div>')
camera_button = _component(
    "camera",
    '<div class="camera"><button type="button"></button>'
    '<input type="file" accept="image/*" capture="environment" hidden></div>',
)
