"""The home page: what the app does, how accurate it is, and which rulers it knows."""

from __future__ import annotations

import streamlit as st

from ui.classify.demo import DEMO_COINS, render_demo_coin
from ui.home import show_measurements, show_rulers
from ui.layout import begin_page

begin_page(
    "Hasmonean coin reader",
    "Whose coin is it? Drop the photo of a small bronze and read whose name stands in "
    "the wreath, how sure that is, and why.",
)

words, coin = st.columns([1.9, 1], gap="large")
with words:
    st.markdown(
        "- It finds the coin in the photo, picks the side with the inscription and "
        "reads its letters.\n"
        "- Five classifiers look at the same coin, so you see whether they agree.\n"
        "- It shows where they looked, which letters were read, and which known coins "
        "are most alike.\n"
        "- It says **cannot tell** when the photo does not show it: the cornucopia "
        "side, a star-and-anchor coin, a coin too worn, no coin at all."
    )
    st.page_link(
        "pages/1_Classify.py",
        label="**Classify a coin**",
        icon=":material/arrow_forward:",
    )
    st.page_link(
        "pages/2_Dataset.py",
        label="**Build your own collection**",
        icon=":material/grid_view:",
    )
    st.page_link(
        "pages/3_Training_history.py",
        label="**Train on your own coins**",
        icon=":material/model_training:",
    )
    st.markdown(
        "What it cannot do: it reads the *name on the coin*, and attributes that name "
        "to a ruler as the newer catalogues do. It does not tell the first Hyrcanus "
        "from a second by anything but the name, dates no coin within a reign, and "
        "knows nothing of weight, metal or forgery. On a worn coin it is a second "
        "opinion, not a verdict."
    )
with coin:
    image, _ = render_demo_coin(DEMO_COINS[0])
    st.image(image, width="stretch", alt="A rendered bronze of the wreath side")
    st.caption("Rendered coin, not a photograph.")

st.header("The three names", anchor=False)
show_rulers()

st.header("How sure it is", anchor=False)
st.markdown(
    "The classifiers learnt on rendered coins. Those measured here were unseen ones in "
    "every state of wear, many with the name worn away. Real coins are harder, and few "
    "photos were at hand: mind the intervals. The README has the figures by legible "
    "letters, and the commands that measure them again."
)
show_measurements()
