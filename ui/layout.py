"""The common layout of the pages; each page first calls `begin_page`."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

from coin_core.i18n import N_, _
from ui.components.job_list import show_job_list
from ui.identity import show_visitor
from ui.language import is_right_to_left, show_language_switch
from ui.palette import BRONZE, INK, INK_SOFT, PAPER_DEEP

APP_NAME = N_("Hasmonean coin reader")
PAGES = {
    "Home.py": N_("Home"),
    "pages/1_Classify.py": N_("Classify"),
    "pages/2_Dataset.py": N_("Dataset"),
    "pages/3_Training_history.py": N_("Training history"),
}
# A picture of its own: browsers fetch emoji and Material icons from other hosts.
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    f'<circle cx="16" cy="16" r="15" fill="{BRONZE}"/>'
    f'<circle cx="16" cy="16" r="10" fill="none" stroke="{PAPER_DEEP}" '
    'stroke-width="2" stroke-dasharray="3 2"/></svg>'
)

_STYLE = f"""<style>
.stMainBlockContainer {{ max-width: 1180px; padding: 2.6rem 2.5rem 4rem 2.5rem; }}
h1, h2, h3, .coin-sentence {{ font-family: Georgia, 'Noto Serif', 'Times New Roman',
  serif !important; letter-spacing: 0 !important; }}
h1 {{ font-size: 2.1rem !important; font-weight: 600 !important;
  padding-bottom: .2rem !important; }}
h2 {{ font-size: 1.4rem !important; font-weight: 600 !important;
  border-top: 1px solid {PAPER_DEEP}; padding-top: 1.2rem !important; }}
h3 {{ font-size: 1.1rem !important; font-weight: 600 !important; }}
section[data-testid="stSidebar"][data-collapsed="false"] {{
  width: 210px !important; min-width: 210px !important; }}
.coin-lead {{ color: {INK_SOFT}; font-size: 1.05rem; max-width: 46rem;
  margin: 0 0 .4rem 0; line-height: 1.5; }}
.stMain [data-testid="stPageLink-NavLink"] {{ background: {BRONZE};
  padding: .45rem 1rem; }}
.stMain [data-testid="stPageLink-NavLink"]:hover {{ background: {INK}; }}
.stMain [data-testid="stPageLink-NavLink"] * {{ color: white !important; }}
.coin-swatch {{ display: inline-block; width: .8em; height: .8em;
  border-radius: 2px; margin: 0 .35em 0 0; vertical-align: -.05em; }}
.coin-card {{ border-left: 4px solid {BRONZE}; padding: .1rem 0 .1rem 1rem;
  color: {INK}; }}
.coin-card.unsure {{ border-left-color: #b9ab97; }}
.coin-sentence {{ font-size: 1.65rem; line-height: 1.25; margin: 0 0 .5rem 0; }}
.coin-read {{ margin: 0 0 .6rem 0; }}
.coin-names {{ font-size: 1.15rem; margin: 0 0 .3rem 0; }}
[data-testid="stCaptionContainer"] {{ color: {INK_SOFT} !important; }}
.coin-soft {{ color: {INK_SOFT}; font-size: .92rem; line-height: 1.45; margin: 0; }}
.coin-refused {{ background: #fdecea; color: #8c3f26; border-radius: 4px;
  padding: .8rem 1rem; }}
.coin-refused:empty, [data-testid="stElementContainer"]:has(.coin-refused:empty) {{
  display: none; }}
.coin-tag {{ background: {PAPER_DEEP}; color: {INK_SOFT}; border-radius: 3px;
  padding: 0 .4em; font-size: .8rem; white-space: nowrap; }}
.coin-reading {{ border-collapse: collapse; margin: .2rem 0 .6rem 0;
  display: block; max-width: 100%; overflow-x: auto; }}
.coin-reading td {{ text-align: center; padding: .15rem .2rem;
  border: 1px solid {PAPER_DEEP}; min-width: 2.1rem; line-height: 1.25; }}
.coin-reading td.who {{ text-align: left; border: none; padding: 0 .6rem 0 0;
  min-width: 6.4rem; }}
.coin-reading td.none {{ border: none; }}
.coin-reading td.clear {{ background: #e6c98f; }}
.coin-reading td.doubtful {{ background: #f5e8cf; }}
.coin-reading td.found {{ border: none; padding-left: .6rem; white-space: nowrap; }}
.coin-reading tr.best {{ outline: 2px solid {BRONZE}; outline-offset: -1px; }}
.coin-reading td.tells {{ box-shadow: inset 0 -3px 0 {BRONZE}; }}
.coin-reading small {{ color: {INK_SOFT}; display: block; }}
[data-testid="stElementContainer"], [data-testid="stFullScreenFrame"],
[data-testid="stImage"], [data-testid="stImageContainer"],
[data-testid="stImage"] img {{ max-width: 100%; height: auto; }}
@media (max-width: 1150px) {{  /* the table of names in a row of its own */
  .st-key-why [data-testid="stHorizontalBlock"] {{ flex-wrap: wrap; }}
  .st-key-why [data-testid="stColumn"]:last-child {{ flex: 1 1 100%;
    min-width: 100%; }}
}}
@media (max-width: 640px) {{
  .stMainBlockContainer {{ padding-left: 1rem; padding-right: 1rem; }} }}
/* The crop widget is as large as its picture; on narrow screens it is scaled down. */
[class*="st-key-crop_box"] {{ container-type: inline-size; }}
[class*="st-key-crop_box"] iframe {{ width: 424px !important; max-width: none;
  transform-origin: 0 0; }}
@container (max-width: 423px) {{
  [class*="st-key-crop_box"] iframe {{ transform: scale(.8); margin-bottom: -20%; }} }}
@container (max-width: 339px) {{
  [class*="st-key-crop_box"] iframe {{ transform: scale(.59); margin-bottom: -41%; }} }}
</style>"""

# Text, columns and the sidebar run from the right; charts, tables of figures, code and
# the crop widget stay as they are.
_RIGHT_TO_LEFT = """<style>
:root { direction: rtl; }
[data-testid="stPlotlyChart"], [data-testid="stVegaLiteChart"], iframe,
[data-testid="stDataFrame"], code, pre { direction: ltr; }
</style>"""


def begin_page(title: str, lead: str = "") -> None:
    """Set up the page: browser title, style, heading, lead, visitor, and the jobs.

    Args:
        title: The heading and the title of the browser tab.
        lead: One or two sentences on what the visitor can do here.
    """
    st.set_page_config(
        page_title=f"{title} · {_(APP_NAME)}",
        page_icon=_ICON,
        layout="wide",
        initial_sidebar_state="auto",
    )
    st.html(_STYLE + (_RIGHT_TO_LEFT if is_right_to_left() else ""))
    with st.sidebar:
        _show_pages()
        show_language_switch()
        st.caption(
            _(
                "Everything runs on this computer: no photo leaves it, and no internet "
                "is needed."
            )
        )
    st.title(title, anchor=False)
    if lead:
        st.html(f'<p class="coin-lead">{lead}</p>')
    show_visitor()
    show_job_list()


def _show_pages() -> None:
    """The links to all pages; Streamlit's own take their titles from file names."""
    for path, title in PAGES.items():
        # A page that a test opens alone does not know of the others.
        with suppress(StreamlitPageNotFoundError):
            st.page_link(path, label=_(title))
