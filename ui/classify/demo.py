"""Demo coins, rendered on demand and marked as rendered."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import streamlit as st
from PIL import Image

from coin_core.rendering import render_coin
from coin_core.results import class_title
from ui.classify.session import UploadSession

_SEED = 2026
_SIZE_PX = 360


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCoin:
    """The parameters of one rendered coin."""

    label: str
    kind: str
    index: int
    wear: float = 1.0


DEMO_COINS = (
    DemoCoin(label="Bronze A", kind="legend", index=10),
    DemoCoin(label="Bronze B", kind="legend", index=7),
    DemoCoin(label="Bronze C", kind="legend", index=6),
    DemoCoin(label="Worn", kind="legend", index=12),
    DemoCoin(label="Cornucopia", kind="cornucopia", index=27, wear=0.4),
    DemoCoin(label="Anchor", kind="star_anchor", index=30, wear=0.4),
)
_RENDERED_AS = {
    "cornucopia": "the cornucopia side, which names no ruler",
    "star_anchor": "a star-and-anchor coin",
    "other": "a coin of somewhere else",
}


@st.cache_data(show_spinner=False, max_entries=50)
def render_demo_coin(coin: DemoCoin) -> tuple[np.ndarray, str | None]:
    """A demo coin, uint8 (S, S, 3), and the ruler on it."""
    rendered = render_coin(
        _SEED, coin.index, size_px=_SIZE_PX, kind=coin.kind, wear=coin.wear
    )
    return rendered.image, rendered.ruler


def show_demo_coins(session: UploadSession) -> None:
    """A row of rendered coins, each with a button that uploads it."""
    row = st.container(horizontal=True)
    for coin in DEMO_COINS:
        image, ruler = render_demo_coin(coin)
        with row.container(width=128):
            st.image(image, width=128, alt=f"{coin.label}, rendered")
            if st.button(coin.label, key=f"demo_{coin.label}", width="stretch"):
                buffer = io.BytesIO()
                Image.fromarray(image).save(buffer, "PNG")
                session.add(
                    [(f"{coin.label} (rendered).png", buffer.getvalue())],
                    rendered_as=class_title(ruler)
                    if ruler
                    else _RENDERED_AS[coin.kind],
                )
                st.rerun()
