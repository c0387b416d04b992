"""The menu of classifiers."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from coin_core.i18n import _
from coin_core.model_store.bundle import BundleInfo
from ui.formatting import as_text, menu_titles

_KEY = "classifier"


def choose_classifier(found: Sequence[BundleInfo]) -> str:
    """Ask for a classifier; the choice is kept when the page changes."""
    titles = menu_titles(found)
    if st.session_state.get(_KEY) not in titles:
        st.session_state[_KEY] = next(iter(titles))
    chosen = st.segmented_control(
        _("Classifier"),
        list(titles),
        format_func=lambda name: as_text(titles[name]),
        required=True,
        wrap=True,
        key=_KEY,
        persist_state="session",
        help=_(
            "Reads the same photos with another classifier. All of them are "
            "compared further down."
        ),
    )
    return chosen or next(iter(titles))
