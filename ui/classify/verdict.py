"""The verdict in words and bars."""

from __future__ import annotations

from html import escape

import streamlit as st

from coin_core.model_store.card import Card
from coin_core.results import RejectReason, Verdict, class_title, sentence
from coin_core.rulers import RULERS
from ui.components.charts import Bar, chart_text, probability_bars, show_chart
from ui.components.paleo_hebrew import name_on_coin
from ui.formatting import as_text, full_title, percent
from ui.palette import class_colours

WHY_NOT = {
    RejectReason.NO_COIN: "no coin found",
    RejectReason.LEGEND_NOT_SHOWN: "legend side not shown",
    RejectReason.TOO_WORN: "too worn to tell",
    RejectReason.NOT_THESE: "not one of these coins",
    RejectReason.DAMAGED: "this classifier is damaged",
}

NEXT_STEP = {
    RejectReason.NO_COIN: "If there is a coin in the photo, draw a box around it with "
    "“Correct the crop”.",
    RejectReason.LEGEND_NOT_SHOWN: "If the inscription is in the photo after all, "
    "choose its face below the photo, or draw the crop yourself.",
    RejectReason.TOO_WORN: "Low light from one side often brings worn letters out. The "
    "bars show which way it leans.",
    RejectReason.NOT_THESE: "If it is one all the same, draw the crop close to its "
    "edge.",
    RejectReason.DAMAGED: "The answers of the other classifiers are not affected.",
}


def show_verdict(
    verdict: Verdict, *, reading: str = "", rendered_as: str | None = None
) -> None:
    """The verdict in one sentence, the reason for it, and the name on the coin.

    Args:
        verdict: What to show.
        reading: What the letters say, in sentences.
        rendered_as: The ruler of a rendered coin; None for a photo.
    """
    # Advice in the second sentence is shown in smaller type.
    answer, stop, advice = sentence(verdict).partition(". ")
    parts = [f'<p class="coin-sentence">{escape(answer + stop.strip())}</p>']
    if reading:
        parts.append(f'<p class="coin-read">{escape(reading)}</p>')
    ruler = RULERS.get(verdict.ruler or "")
    if ruler is not None:
        parts.append(
            f'<p class="coin-names"><span dir="rtl" lang="he">{ruler.name_hebrew}'
            f"</span> &ensp;·&ensp; {name_on_coin(ruler)}</p>"
            f'<p class="coin-soft">On the coin: {escape(ruler.name_on_coin)} '
            f'(<span dir="rtl" lang="he">{ruler.name_hebrew_on_coin}</span>, '
            f"{escape(ruler.letters_transliterated)}) &ensp;·&ensp; "
            f"ruled {ruler.reign}</p>"
        )
    elif verdict.reason is not None:
        step = f"{escape(advice)} {NEXT_STEP[verdict.reason]}"
        parts.append(f'<p class="coin-soft">{step}</p>')
    if rendered_as is not None:
        parts.append(
            '<p class="coin-soft" style="margin-top:.5rem"><span class="coin-tag">'
            f"rendered coin, not a photograph</span> struck as: {escape(rendered_as)}"
            "</p>"
        )
    style = "coin-card" if verdict.ruler else "coin-card unsure"
    st.html(f'<div class="{style}">{"".join(parts)}</div>')


def show_probabilities(verdict: Verdict, card: Card) -> None:
    """The probability bars, with a note on their calibration."""
    if not verdict.probabilities:
        return
    figure = probability_bars(
        verdict_bars(verdict, card.classes),
        answered=verdict.ruler is not None,
        threshold=card.threshold,
        note=calibration_note(card, html=True),
    )
    show_chart(figure, key=f"bars_{verdict.classifier}")
    if verdict.reason not in (None, RejectReason.TOO_WORN):
        st.caption(
            "Pale, because they count for nothing: they would hold if this were the "
            "side with the inscription."
        )
    st.caption(
        f"{as_text(full_title(card))}, read in {verdict.seconds * 1000:.0f} ms",
        help=calibration_note(card),
    )


def verdict_bars(verdict: Verdict, classes: tuple[str, ...]) -> list[Bar]:
    """The probabilities of a verdict as bars, in the order of the classes."""
    colours = class_colours(classes)
    probabilities = verdict.probabilities
    return [
        Bar(
            label=class_title(name),
            probability=probabilities.get(name, 0.0),
            colour=colours[name],
        )
        for name in classes
    ]


def calibration_note(card: Card, *, html: bool = False) -> str:
    """On which coins a classifier was measured, and how well it is calibrated."""
    parts = []
    for figures in card.metrics:
        if figures.get("ece") is None or not figures.get("n"):
            continue
        coins = figures.get("what") or f"unseen {figures['data']} coins"
        if figures.get("how"):
            coins = f"coins of {figures['data']}, {figures['how']}"
        parts.append(
            f"Measured on {figures['n']:,} {coins}: "
            f"{percent(figures['accuracy'])} right; the probabilities are off "
            f"by {100 * figures['ece']:.1f}\N{NO-BREAK SPACE}% on average."
        )
    if card.training.get("data") == "rendered":
        parts.append("Calibrated on rendered coins; real ones are harder.")
    if not parts:
        parts.append("How well these probabilities hold was not measured.")
    return ("<br>" if html else "  \n").join(
        chart_text(part) if html else as_text(part) for part in parts
    )
