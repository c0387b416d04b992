"""All classifiers side by side, and why one of them says what it says.

Each part is worked out after what stands above it is on the screen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from coin_core.detection.faces import RotatedBox
from coin_core.imaging.legend_pose import warp_to_legend
from coin_core.model_store.card import Card
from coin_core.results import Verdict, class_title
from coin_core.rulers import DEFAULT_CLASSES, RULERS
from ui import cache
from ui.classify.session import TrayPhoto
from ui.classify.verdict import WHY_NOT, bars_of
from ui.components import charts
from ui.components.overlays import heat_on_coin, letters_on_coin
from ui.components.paleo_hebrew import letters_of_name, name_lines, transliterated
from ui.errors import errors_on_page
from ui.formatting import short_title
from ui.palette import class_colours

_TURN_SAID_DEG = 20  # smaller turns go without saying


def show_comparison(
    photo: TrayPhoto, cards: Mapping[str, Card], box: RotatedBox | None
) -> None:
    """One chart and one table of what every classifier says of this coin."""
    st.header("How the classifiers agree", anchor=False)
    with errors_on_page(), st.spinner("Asking the other classifiers …"):
        verdicts = cache.reading(photo, tuple(cards), box).verdicts
        st.markdown(agreement(verdicts))
        _show_colours(cards[verdicts[0].classifier].classes)
        chart, table = st.columns([1, 1.15], gap="medium", vertical_alignment="center")
        with chart:
            st.plotly_chart(
                _comparison_chart(verdicts, cards),
                config=charts.CONFIG,
                theme=None,
                key="comparison",
            )
        with table:
            st.dataframe(
                _comparison_table(verdicts, cards),
                hide_index=True,
                placeholder="",
                key="comparison_table",
                column_config={
                    "probability": st.column_config.NumberColumn(
                        "", format="%.0f %%", width=60
                    ),
                    "agrees": st.column_config.CheckboxColumn(
                        width=60, help="With what most classifiers say of this coin."
                    ),
                },
            )


def _comparison_chart(
    verdicts: tuple[Verdict, ...], cards: Mapping[str, Card]
) -> go.Figure:
    bars, refused = {}, {}
    for verdict in verdicts:
        card = cards[verdict.classifier]
        bars[short_title(card)] = bars_of(verdict, card.classes)
        if verdict.reason is not None:
            refused[short_title(card)] = f"(cannot tell: {WHY_NOT[verdict.reason]})"
    return charts.comparison_bars(bars, refused=refused)


def _show_colours(classes: tuple[str, ...]) -> None:
    """Which colour is whose: one line that serves the whole chart."""
    st.html(
        " &emsp; ".join(
            f'<span class="coin-soft"><span class="coin-swatch" '
            f'style="background:{colour}"></span>{escape(class_title(name))}</span>'
            for name, colour in class_colours(classes).items()
        )
    )


def _majority(verdicts: tuple[Verdict, ...]) -> tuple[str | None, int]:
    named = Counter(v.ruler for v in verdicts if v.ruler is not None)
    return named.most_common(1)[0] if named else (None, 0)


def agreement(verdicts: tuple[Verdict, ...]) -> str:
    """One sentence: how many say the same."""
    ruler, count = _majority(verdicts)
    if ruler is None:
        return "None of them names a ruler."
    silent = sum(v.ruler is None for v in verdicts)
    others = len(verdicts) - count - silent
    parts = [f"**{count} of {len(verdicts)}** say {class_title(ruler)}"]
    if others:
        parts.append(f"{others} name{'s' * (others == 1)} another ruler")
    if silent:
        parts.append(f"{silent} cannot tell")
    return "; ".join(parts) + "."


def _comparison_table(
    verdicts: tuple[Verdict, ...], cards: Mapping[str, Card]
) -> pd.DataFrame:
    ruler, _ = _majority(verdicts)
    return pd.DataFrame(
        {
            "classifier": [short_title(cards[v.classifier]) for v in verdicts],
            "says": [
                class_title(v.ruler)
                if v.ruler
                else f"cannot tell: {WHY_NOT[v.reason]}"
                if v.reason
                else "cannot tell"
                for v in verdicts
            ],
            "probability": [
                min(99.0, 100 * v.probabilities[v.ruler]) if v.ruler else None
                for v in verdicts
            ],
            "agrees": [v.ruler is not None and v.ruler == ruler for v in verdicts],
        }
    )


def show_why(photo: TrayPhoto, verdict: Verdict, card: Card, box: RotatedBox) -> None:
    """Where it looked, the letters that were read, the nearest known coins."""
    st.header("Why", anchor=False)
    probabilities = verdict.probabilities
    if not probabilities:
        st.caption("Nothing was weighed, so there is nothing to show.")
        return
    weighed = verdict.ruler or max(probabilities, key=probabilities.__getitem__)
    crop = cache.crop(photo, box)
    with st.container(key="why"):
        looked, read, names = st.columns([1, 1, 1.3], gap="medium")
    with looked:
        st.subheader("Where it looked", anchor=False)
        with errors_on_page(), st.spinner("Tracing where it looked …"):
            heat = cache.heat(photo, box, verdict.classifier, weighed)
            st.image(heat_on_coin(crop, heat), width="stretch", alt="Heat map")
        st.caption(
            f"The warmer, the more it spoke for {class_title(weighed)} "
            f"({short_title(card)})."
        )
    with read:
        st.subheader("What it read", anchor=False)
        with errors_on_page(), st.spinner("Reading the letters …"):
            letters = cache.letters(photo, box, verdict.classifier)
            of_name = letters_of_name(letters, weighed)
            frame = cache.frame(photo, box, verdict.classifier)
            legend = warp_to_legend(crop[None], [frame], crop.shape[0])[0]
            st.image(letters_on_coin(legend, letters, of_name), width="stretch")
            turned = round(-frame.turn_deg)
            if abs(turned) >= _TURN_SAID_DEG:
                way = "clockwise" if turned > 0 else "anticlockwise"
                st.caption(f"The legend, turned upright by {abs(turned)}° {way}.")
            if letters:
                st.caption(
                    f"Right to left: {transliterated(letters)}. In bronze what "
                    f"spells {_short_name(weighed)}; fainter frames are less certain."
                )
            else:
                st.caption("No letter was certain enough to be named.")
    with names:
        st.subheader("How the name should read", anchor=False)
        with errors_on_page():
            st.html(name_lines(letters))
        st.caption(
            "Right to left, as on the coin. Tinted: read in this order where the name "
            "stands. Underlined: the letter that tells this name from the others."
        )
    if card.classes == DEFAULT_CLASSES:
        show_nearest(photo, box)


def _short_name(name: str) -> str:
    """The name on the coin where the class is a ruler: it fits under a thumbnail."""
    return RULERS[name].name_on_coin if name in RULERS else class_title(name)


def show_nearest(photo: TrayPhoto, box: RotatedBox) -> None:
    """The known coins that this one resembles, most alike first."""
    st.subheader("The nearest known coins", anchor=False)
    with errors_on_page(), st.spinner("Looking for its like …"):
        near = cache.nearest(photo, box)
        if not near:
            st.caption("No known coins are stored with the classifiers.")
            return
        row = st.container(horizontal=True)
        for coin, image in near:
            with row.container(width=104):
                if image is not None:
                    st.image(np.ascontiguousarray(image), width=104)
                st.caption(
                    f"{_short_name(coin.label)}  \n"
                    f"{charts.percent(coin.similarity)} alike",
                    help=f"{class_title(coin.label)}; {coin.origin}",
                )
