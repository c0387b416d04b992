"""The home page: drop a photo, see an example, know how accurate it is."""

from __future__ import annotations

import streamlit as st

from coin_core.i18n import _
from ui.handover import CLASSIFY_PAGE
from ui.home import (
    show_drop_zone,
    show_example,
    show_example_coin,
    show_measurements,
    show_rulers,
)
from ui.language import arrow
from ui.layout import begin_page

begin_page(
    _("Hasmonean coin reader"),
    _(
        "Drop a photo of a small bronze to see whose name is in the wreath, how "
        "certain the reading is, and why."
    ),
)

words, coin = st.columns([1.25, 1], gap="large")
with words:
    show_drop_zone()
    st.page_link(
        CLASSIFY_PAGE,
        label=_("**Classify a coin**"),
        icon=arrow(forward=True),
    )
    st.markdown(
        _(
            "- It finds the coin in the photo, chooses the side with the inscription "
            "and reads its letters.\n"
            "- Five classifiers look at the same coin, and you see whether they "
            "agree.\n"
            "- It shows the letters it read, the places that matter, and the most "
            "similar known coins.\n"
            "- It says **cannot tell** where the photo does not show the name: the "
            "cornucopia side, a star-and-anchor coin, a coin too worn, no coin at all."
        )
    )
    st.markdown(
        _(
            "What it cannot do: it reads the *name on the coin*, and attributes that "
            "name to a ruler as the newer catalogues do. It cannot tell Hyrcanus I "
            "from Hyrcanus II except by the name, dates no coin within a reign, and "
            "knows nothing of weight, metal or forgery. On a worn coin it is a second "
            "opinion, not an attribution."
        )
    )
    with st.container(horizontal=True, key="home_more"):
        st.page_link(
            "pages/2_Dataset.py",
            label=_("Build your own dataset"),
            icon=":material/grid_view:",
        )
        st.page_link(
            "pages/3_Training_history.py",
            label=_("Train on your own coins"),
            icon=":material/model_training:",
        )
with coin:
    # Filled at the end: the page is there before the classifiers are loaded.
    example = st.empty()
    with example.container():
        show_example_coin()

st.header(_("The three names"), anchor=False)
show_rulers()

st.header(_("How certain it is"), anchor=False)
st.markdown(
    _(
        "The classifiers were trained on rendered coins. Figures are for coins not "
        "used in training, in every state of wear, many with the name worn away. Real "
        "coins are harder, and few photos were available: note the confidence "
        "intervals. The README has the figures by legible letters, and the commands "
        "that measure them again."
    )
)
show_measurements()
show_example(example)
