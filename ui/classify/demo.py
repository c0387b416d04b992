"""Demo coins, struck on the fly; never passed off as photographs."""

from __future__ import annotations

import io
from dataclasses import dataclass

import streamlit as st
from PIL import Image

from coin_core.results import class_title
from ui import cache
from ui.classify.session import UploadSession


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCoin:
    """One coin that can be struck anew: its side, its number, how hard its life was."""

    label: str
    kind: str
    index: int
    wear: float = 1.0


SEED = 2026
DEMO_COINS = (
    DemoCoin(label="Bronze A", kind="legend", index=10),
    DemoCoin(label="Bronze B", kind="legend", index=7),
    DemoCoin(label="Bronze C", kind="legend", index=6),
    DemoCoin(label="Worn", kind="legend", index=12),
    DemoCoin(label="Cornucopia", kind="cornucopia", index=27, wear=0.4),
    DemoCoin(label="Anchor", kind="star_anchor", index=30, wear=0.4),
)
SHOWPIECE = DEMO_COINS[0]
_STRUCK_AS = {
    "cornucopia": "the cornucopia side, which names no ruler",
    "star_anchor": "a star-and-anchor coin",
    "other": "a coin of somewhere else",
}


def offer_demo_coins(session: UploadSession) -> None:
    """A row of rendered coins, each with a button that puts it on the session."""
    row = st.container(horizontal=True)
    for coin in DEMO_COINS:
        image, ruler = cache.demo_coin(SEED, coin.index, coin.kind, coin.wear)
        with row.container(width=128):
            st.image(image, width=128, alt=f"{coin.label}, rendered")
            if st.button(coin.label, key=f"demo_{coin.label}", width="stretch"):
                buffer = io.BytesIO()
                Image.fromarray(image).save(buffer, "PNG")
                session.add(
                    [(f"{coin.label} (rendered).png", buffer.getvalue())],
                    rendered_as=class_title(ruler) if ruler else _STRUCK_AS[coin.kind],
                )
                st.rerun()
