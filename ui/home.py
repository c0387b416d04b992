"""The parts of the home page: the rulers, and how sure the classifiers are."""

from __future__ import annotations

from html import escape

import pandas as pd
import streamlit as st

from coin_core.rulers import RULERS, Ruler
from ui import cache
from ui.paleo import name_on_coin


def show_rulers() -> None:
    """Three columns: who, the name on the coin, what tells it apart, references."""
    for column, ruler in zip(st.columns(len(RULERS)), RULERS.values(), strict=True):
        with column:
            _show_ruler(ruler)


def _show_ruler(ruler: Ruler) -> None:
    st.html(
        f'<p class="coin-sentence">{escape(ruler.name)}</p>'
        f'<p class="coin-soft"><span dir="rtl" lang="he">{ruler.name_hebrew}</span>'
        f" &ensp;·&ensp; {ruler.reign}</p>"
        f'<p style="margin:.9rem 0 .3rem 0">{name_on_coin(ruler, height_em=2.1)}</p>'
        f'<p class="coin-names"><span dir="rtl" lang="he">'
        f"{ruler.name_hebrew_on_coin}</span> &ensp;·&ensp; "
        f"{escape(ruler.name_on_coin)}, {escape(ruler.letters_transliterated)}</p>"
        f"<p>{escape(ruler.tell_apart)}</p>"
    )
    with st.expander("Catalogue references"):
        st.html(
            "".join(
                f'<p class="coin-soft"><b>{escape(r.edition)} {escape(r.number)}</b> '
                f"{escape(r.note)}{'' if r.checked else ' (not checked)'}</p>"
                for r in ruler.references
            )
        )
    with st.expander("Who is meant by the name"):
        st.html(
            "".join(
                f'<p class="coin-soft"><b>{escape(a.ruler)}</b>, '
                f"{escape(a.school)}. {escape(a.note)}</p>"
                for a in ruler.attributions
            )
            + f'<p class="coin-soft">Reign: {escape(ruler.reign_note)}</p>'
        )


def show_measures() -> None:
    """What was measured of each classifier, as its card has it."""
    found, _ = cache.bundles()
    rows = [
        {
            "classifier": bundle.card.title,
            "measured on": metric.get("data", ""),
            "coins": metric.get("n"),
            "right": metric.get("accuracy"),
            "from": metric.get("accuracy_low"),
            "to": metric.get("accuracy_high"),
            "calibration error": metric.get("ece"),
        }
        for bundle in found
        for metric in bundle.card.metrics
    ]
    if not rows:
        st.caption("No measurements are stored with the classifiers of this copy.")
        return
    percent = st.column_config.NumberColumn(format="percent")
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        placeholder="",
        column_config={
            "right": st.column_config.NumberColumn(
                format="percent",
                help="Highest probability on the right ruler, refusals counted too.",
            ),
            "from": percent,
            "to": st.column_config.NumberColumn(
                format="percent", help="Wilson 95 % interval."
            ),
            "calibration error": st.column_config.NumberColumn(
                format="percent",
                help="How far the stated probabilities are from what came true, on "
                "average.",
            ),
        },
    )
