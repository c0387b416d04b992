"""The common layout of the pages; each page first calls `begin_page`."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

from coin_core.i18n import N_, _, is_right_to_left, speak
from ui.components.job_list import show_job_list
from ui.identity import show_visitor
from ui.language import find_language, show_language_switch
from ui.palette import BRONZE, INK, INK_SOFT, PAPER_DEEP
from ui.resources import look_for_bundles

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
.st-key-home_more [data-testid="stPageLink-NavLink"] {{ background: none;
  padding-left: 0; }}
.st-key-home_more [data-testid="stPageLink-NavLink"] * {{ color: {BRONZE} !important; }}
.coin-swatch {{ display: inline-block; width: .8em; height: .8em;
  border-radius: 2px; margin: 0 .35em 0 0; vertical-align: -.05em; }}
.coin-card {{ border-left: 4px solid {BRONZE}; padding: .1rem 0 .1rem 1rem;
  color: {INK}; }}
.coin-card.unsure {{ border-left-color: #b9ab97; }}
.coin-photo {{ margin: 0; overflow-wrap: anywhere; }}
.coin-sentence {{ font-size: 1.65rem; line-height: 1.25; margin: 0 0 .5rem 0; }}
.coin-read {{ margin: .5rem 0 .6rem 0; }}
.coin-names {{ font-size: 1.15rem; margin: 0 0 .3rem 0; }}
[data-testid="stCaptionContainer"] {{ color: {INK_SOFT}; opacity: 1; }}
.coin-soft {{ color: {INK_SOFT}; font-size: .92rem; line-height: 1.45; margin: 0; }}
/* A text of a source or a name may be in either script, on a page of the other. */
[data-testid="stText"] > span {{ unicode-bidi: plaintext; }}
.coin-refused {{ background: #fdecea; color: #8c3f26; border-radius: 4px;
  padding: .8rem 1rem; }}
.coin-refused:empty, [data-testid="stElementContainer"]:has(.coin-refused:empty) {{
  display: none; }}
.coin-tag {{ background: {PAPER_DEEP}; color: {INK_SOFT}; border-radius: 3px;
  padding: 0 .4em; font-size: .8rem; white-space: nowrap; }}
.coin-legend {{ border: 1px solid {PAPER_DEEP}; border-radius: 4px; color: {INK};
  margin: 0 0 .35rem 0; max-width: 32rem; overflow-x: auto; }}
.coin-legend.best {{ outline: 2px solid {BRONZE}; outline-offset: -1px; }}
.coin-legend summary {{ display: flex; align-items: center; gap: .5rem; cursor: pointer;
  padding: .25rem .5rem; line-height: 1.2; }}
.coin-legend summary:focus-visible, .coin-aligned span:focus-visible {{
  outline: 2px solid {BRONZE}; outline-offset: 1px; }}
.coin-legend small {{ color: {INK_SOFT}; display: block; font-size: .75rem; }}
.coin-legend .who {{ flex: 1 1 6.5rem; }}
.coin-legend .found {{ white-space: nowrap; }}
.coin-letters, .coin-aligned .line {{ display: flex; flex-wrap: wrap; gap: 2px; }}
.coin-letters > span, .coin-aligned .line > span {{ border: 1px solid {PAPER_DEEP};
  border-radius: 2px; min-width: 1.9rem; padding: .15rem .1rem; text-align: center; }}
.coin-legend .clear {{ background: #e6c98f; }}
.coin-legend .doubtful {{ background: #f5e8cf; }}
.coin-legend .misread {{ background: #f6d5cb; }}
.coin-legend .missing, .coin-legend .added {{ border-style: dashed !important; }}
.coin-legend .tells {{ box-shadow: inset 0 -3px 0 {BRONZE}; }}
.coin-legend .lit {{ background: #ffd34d; outline: 2px solid {INK}; }}
.coin-aligned {{ padding: .35rem .5rem .5rem; border-top: 1px solid {PAPER_DEEP}; }}
.coin-aligned .line + .line {{ margin-top: .3rem; }}
.coin-aligned .line > span > * {{ display: block; margin: 0 auto; }}
.coin-aligned i, .coin-aligned .coin-glyph {{ height: 1.3rem; font-style: normal; }}
.coin-aligned b {{ font-weight: 400; border-top: 1px solid {PAPER_DEEP}; }}
.coin-aligned .name b {{ font-weight: 700; color: {BRONZE}; }}
.coin-table {{ width: 100%; border-collapse: collapse; font-size: .9rem;
  color: {INK}; }}
.coin-table th, .coin-table td {{ border: 1px solid {PAPER_DEEP}; padding: .4rem .5rem;
  text-align: start; }}
.coin-table th {{ color: {INK_SOFT}; font-weight: 400; background: #f3eadc; }}
.coin-table .long {{ overflow-wrap: anywhere; }}
.coin-near {{ display: grid; gap: .7rem;
  grid-template-columns: repeat(auto-fill, minmax(104px, 1fr)); }}
.coin-near figure {{ margin: 0; max-width: 120px; font-size: .9rem; color: {INK};
  overflow-wrap: anywhere; }}
.coin-near figure > div {{ position: relative; aspect-ratio: 1;
  background: {PAPER_DEEP}; border-radius: 4px; overflow: hidden; }}
.coin-near img {{ width: 100%; }}
.coin-near figure > div > span {{ position: absolute; left: 0; right: 0; bottom: 0;
  background: #3d4c6bd9; color: white; font-size: .78rem; text-align: center; }}
.coin-near small {{ display: block; color: {INK_SOFT}; line-height: 1.3; }}
.coin-glyph {{ display: inline-block; width: 1.3rem; height: 1.3rem;
  background: currentColor; -webkit-mask: var(--shape) center / contain no-repeat;
  mask: var(--shape) center / contain no-repeat; }}
[data-testid="stElementContainer"], [data-testid="stFullScreenFrame"],
[data-testid="stImage"], [data-testid="stImageContainer"],
[data-testid="stImage"] img {{ max-width: 100%; height: auto; }}
/* Two columns, of which one may hold a chart or a table, need a wide page. */
@media (max-width: 900px) {{
  .stMain [data-testid="stColumn"]:is(:first-child:nth-last-child(2),
  :nth-child(2):last-child):not([data-testid="stColumn"] *) {{ min-width: 100%; }} }}
@media (max-width: 640px) {{
  .coin-legend summary {{ flex-wrap: wrap; }}
  .coin-legend .who {{ flex-basis: 70%; }}
  .coin-table.wide thead {{ position: absolute; clip-path: inset(50%); width: 1px;
    height: 1px; overflow: hidden; white-space: nowrap; }}
  .coin-table.wide tr {{ display: block; border: 1px solid {PAPER_DEEP};
    margin-bottom: .6rem; padding: .3rem .5rem; }}
  .coin-table.wide td {{ display: flex; justify-content: space-between; gap: 1rem;
    border: 0; padding: .1rem 0; }}
  .coin-table.wide td::before {{ content: attr(data-title); color: {INK_SOFT}; }}
  .stMainBlockContainer {{ padding-left: 1rem; padding-right: 1rem; }} }}
</style>"""

# Text, columns and the sidebar run from the right; charts, tables of figures, code and
# the crop widget stay as they are.
_RIGHT_TO_LEFT = """<style>
:root { direction: rtl; }
[data-testid="stPlotlyChart"], [data-testid="stVegaLiteChart"], iframe,
[data-testid="stDataFrame"], code, pre, #js-plotly-tester { direction: ltr; }
.stHeading, .stMarkdown, .stHeading *, .stMarkdown p, .stMarkdown li,
[data-testid="stCaptionContainer"] p { text-align: start !important; }
.stMarkdown ul, .stMarkdown ol { padding-inline-start: 1.4rem; margin-inline-start: 0; }
.coin-card { border-left: 0; border-right: 4px solid #8a5a24;
  padding: .1rem 1rem .1rem 0; }
.coin-card.unsure { border-right-color: #b9ab97; }
.coin-swatch { margin: 0 0 0 .35em; }
/* A field may hold either script; what it holds decides. */
input:not([type="number"], [role="combobox"]), textarea, ::placeholder {
  unicode-bidi: plaintext; text-align: start; }
/* The knob of a switch moves to the right, as if text did. */
[data-testid="stCheckbox"] label:has([role="switch"]) > div:not([data-testid]) {
  direction: ltr; transform: scaleX(-1); }
[data-testid="stCheckbox"] [data-testid="stTooltipIcon"],
[data-testid="stMetric"] [data-testid="stTooltipIcon"],
[data-testid="stWidgetLabel"] [data-testid="stTooltipIcon"] {
  margin-inline-start: .35rem; }
[data-testid="stExpander"] summary > span > span:first-child,
[data-testid="stPagination"] [data-testid="stIconMaterial"] {
  transform: scaleX(-1); }
[data-testid="stElementToolbar"] { right: auto; left: 0; }
/* Streamlit moves a closed sidebar to the left, here over the page. */
section[data-testid="stSidebar"][data-collapsed="true"] {
  display: none !important; }
[data-testid="stButtonGroup"] [data-variant="segmented_control"] {
  margin: 0 0 0 -1px !important; }
[data-testid="stButtonGroup"] [data-variant="segmented_control"]:first-child {
  border-radius: 0 .35rem .35rem 0 !important; }
[data-testid="stButtonGroup"] [data-variant="segmented_control"]:last-child {
  border-radius: .35rem 0 0 .35rem !important; margin: 0 !important; }
[data-testid="stButtonGroup"] [data-variant="segmented_control"]:not([data-selected]) {
  border-color: #d8ccb8 !important; }
</style>"""


def begin_page(title: str, lead: str = "") -> None:
    """Set up the page: browser title, style, heading, lead, visitor, and the jobs."""
    speak(find_language())  # for this run: each text of the page asks for it
    st.set_page_config(
        page_title=f"{title} · {_(APP_NAME)}",
        page_icon=_ICON,
        layout="wide",
        initial_sidebar_state="auto",
    )
    direction = _RIGHT_TO_LEFT if is_right_to_left() else ""
    st.html(_STYLE + direction)
    with st.sidebar:
        _show_pages()
        show_language_switch()
        st.caption(
            _(
                "Everything runs on this computer: no photo leaves it, and no internet "
                "is needed."
            )
        )
    look_for_bundles()
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
