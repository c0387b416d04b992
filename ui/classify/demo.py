"""Demo coins, rendered on demand and marked as rendered."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import streamlit as st
from PIL import Image

from coin_core.i18n import N_, _
from coin_core.rendering import render_coin
from coin_core.rendering.backgrounds import draw_background
from coin_core.results import class_title
from ui.classify.session import UploadSession
from ui.components.images import shrink, to_jpeg

_SEED = 2026
_SIZE_PX = 360
_SHOWN_PX = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCoin:
    """The parameters of one rendered coin; "nothing" is the cloth without a coin."""

    label: str
    kind: str
    index: int
    wear: float = 1.0


# Each answer and each reason for none, once, by every classifier that is shipped.
DEMO_COINS = (
    DemoCoin(label=N_("Bronze A"), kind="legend", index=10),
    DemoCoin(label=N_("Bronze B"), kind="legend", index=20),
    DemoCoin(label=N_("Bronze C"), kind="legend", index=6),
    DemoCoin(label=N_("Worn"), kind="legend", index=76, wear=1.9),
    DemoCoin(label=N_("Cornucopia"), kind="cornucopia", index=27, wear=0.4),
    DemoCoin(label=N_("Anchor"), kind="star_anchor", index=30, wear=0.4),
    DemoCoin(label=N_("No coin"), kind="nothing", index=5),
)
_RENDERED_AS = {
    "cornucopia": N_("the cornucopia side, which names no ruler"),
    "star_anchor": N_("a star-and-anchor coin"),
    "nothing": N_("a cloth without a coin"),
}


@st.cache_data(show_spinner=False, max_entries=50)
def render_demo_coin(coin: DemoCoin) -> tuple[np.ndarray, str | None]:
    """A demo coin, uint8 (S, S, 3), and the ruler on it."""
    if coin.kind == "nothing":
        rng = np.random.default_rng(coin.index)
        return draw_background(rng, _SIZE_PX, _SIZE_PX, "cloth"), None
    rendered = render_coin(
        _SEED, coin.index, size_px=_SIZE_PX, kind=coin.kind, wear=coin.wear
    )
    return rendered.image, rendered.ruler


@st.cache_data(show_spinner=False, max_entries=50)
def _thumbnail(coin: DemoCoin) -> bytes:
    """A demo coin as it is offered; Streamlit would make it again in each run."""
    return to_jpeg(shrink(render_demo_coin(coin)[0], _SHOWN_PX))


def rendered_as(coin: DemoCoin) -> str:
    """What a demo coin shows, in words."""
    _image, ruler = render_demo_coin(coin)
    return class_title(ruler) if ruler else _(_RENDERED_AS[coin.kind])


def demo_file(coin: DemoCoin) -> tuple[str, bytes]:
    """A demo coin as a file: its name and its bytes."""
    image, _ruler = render_demo_coin(coin)
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    name = _("{coin} (rendered)").format(coin=_(coin.label))
    return f"{name}.png", buffer.getvalue()


def show_demo_coins(session: UploadSession) -> None:
    """A row of rendered coins, each with a button that uploads it."""
    row = st.container(horizontal=True)
    for coin in DEMO_COINS:
        with row.container(width=_SHOWN_PX):
            st.image(
                _thumbnail(coin),
                width=_SHOWN_PX,
                alt=_("{coin}, rendered").format(coin=_(coin.label)),
            )
            if st.button(_(coin.label), key=f"demo_{coin.label}", width="stretch"):
                session.add([demo_file(coin)], rendered_as=rendered_as(coin))
                st.rerun()
