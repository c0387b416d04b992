"""The parts of the home page: the rulers, and the accuracy of the classifiers."""

from __future__ import annotations

from html import escape

import streamlit as st

from coin_core.rulers import RULERS, Ruler
from ui import resources
from ui.components.paleo_hebrew import name_on_coin
from ui.components.table import percent_column, show_table
from ui.formatting import full_title

_REQUIRED_FIGURES = {
    *("n", "data", "answered", "accuracy", "accuracy_low", "accuracy_high"),
    *("accuracy_answered", "ece"),
}


def show_rulers() -> None:
    """One column per ruler: the name on the coin, how to tell it apart, references."""
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


def show_measurements() -> None:
    """The measurements in the cards of the classifiers, as a table."""
    found, _ = resources.bundles()
    rows = [
        {
            "classifier": full_title(bundle.card),
            "measured on": f"{figures['n']:,} "
            + str(figures.get("what") or f"{figures['data']} coins"),
            "right": 100 * figures["accuracy"],
            "95 % interval": f"{100 * figures['accuracy_low']:.0f} to "
            f"{100 * figures['accuracy_high']:.0f} %",
            "answers": 100 * figures["answered"] / figures["n"],
            "right when it answers": 100 * (figures["accuracy_answered"] or 0.0),
            "calibration error": 100 * figures["ece"],
        }
        for bundle in found
        for figures in bundle.card.metrics
        if figures.keys() >= _REQUIRED_FIGURES
    ]
    if not rows:
        st.caption("No measurements are stored with the classifiers of this copy.")
        return
    show_table(
        rows,
        column_config={
            "right": percent_column(
                help="Highest probability on the right ruler, refusals counted too."
            ),
            "95 % interval": st.column_config.TextColumn(help="Wilson's interval."),
            "answers": percent_column(help="The others get “cannot tell”."),
            "right when it answers": percent_column(),
            "calibration error": st.column_config.NumberColumn(
                format="%.1f %%",
                help="How far the stated probabilities are from what came true, on "
                "average.",
            ),
        },
    )
