"""The verdict in words and bars."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from coin_core.i18n import N_, _
from coin_core.model_store.card import Card
from coin_core.results import DetectedFace, RejectReason, Verdict, class_title, sentence
from coin_core.rulers import RULERS
from ui.components.charts import Bar, chart_text, probability_bars, show_chart
from ui.components.paleo_hebrew import name_forms, name_on_coin
from ui.formatting import (
    SURE_OF_SIDE,
    as_text,
    full_title,
    measured,
    measured_on,
    percent,
    probability_text,
    reign_years,
)
from ui.palette import class_colours

WHY_NOT = {
    RejectReason.NO_COIN: N_("no coin found"),
    RejectReason.LEGEND_NOT_SHOWN: N_("cornucopia side only"),
    RejectReason.TOO_WORN: N_("too worn to tell"),
    RejectReason.NOT_THESE: N_("not one of these coins"),
    RejectReason.DAMAGED: N_("this classifier is damaged"),
}

NEXT_STEP = {
    RejectReason.NO_COIN: N_(
        "If there is a coin in the photo, draw a box around it with “Correct the crop”."
    ),
    RejectReason.LEGEND_NOT_SHOWN: N_(
        "Photograph the side with the inscription in the wreath. If it is in this "
        "photo after all, choose its face, or draw the box with “Correct the crop”."
    ),
    RejectReason.TOO_WORN: N_(
        "Too little of the name can be read. Low light from one side often brings worn "
        "letters out."
    ),
    RejectReason.NOT_THESE: N_(
        "It may be another coin, or the other side of one of these. If the inscription "
        "is in the photo after all, draw the box with “Correct the crop”, close to the "
        "edge of the coin."
    ),
    RejectReason.DAMAGED: N_("The answers of the other classifiers are not affected."),
}
# What is said where the net that looks for the sides is not sure itself.
_DOUBTED = {
    RejectReason.LEGEND_NOT_SHOWN: N_(
        "Cannot tell: this is perhaps the cornucopia side, which names no ruler."
    ),
    RejectReason.NOT_THESE: N_("Cannot tell: this is perhaps another coin."),
    RejectReason.NO_COIN: N_("Cannot tell: there is perhaps no coin in this photo."),
}
_DOUBTED_WHY = {
    RejectReason.LEGEND_NOT_SHOWN: N_("perhaps the cornucopia side only"),
    RejectReason.NOT_THESE: N_("perhaps not one of these coins"),
    RejectReason.NO_COIN: N_("perhaps no coin"),
}
_WEIGHED = (None, RejectReason.TOO_WORN)


def is_weighed(verdict: Verdict) -> bool:
    """Whether the probabilities of a verdict mean anything."""
    return verdict.reason in _WEIGHED and bool(verdict.probabilities)


def headline(
    verdict: Verdict, all_verdicts: Sequence[Verdict], faces: Sequence[DetectedFace]
) -> str:
    """The verdict in one sentence, with its doubts."""
    if verdict.reason is RejectReason.TOO_WORN and verdict.probabilities:
        return lean(all_verdicts) or lean([verdict])
    if verdict.reason in _DOUBTED and _are_doubted(faces):
        return _(_DOUBTED[verdict.reason])
    return sentence(verdict).partition(". ")[0]


def why_not(verdict: Verdict, faces: Sequence[DetectedFace]) -> str:
    """Why a verdict names no ruler, in a few words; "" if it names one.

    Args:
        verdict: The verdict.
        faces: The faces of the photo; none if the visitor drew the box.
    """
    if verdict.reason is None:
        return ""
    if verdict.reason in _DOUBTED_WHY and _are_doubted(faces):
        return _(_DOUBTED_WHY[verdict.reason])
    return _(WHY_NOT[verdict.reason])


def _are_doubted(faces: Sequence[DetectedFace]) -> bool:
    """Whether the net that looks for the sides is sure of none."""
    return bool(faces) and all(face.confidence < SURE_OF_SIDE for face in faces)


def lean(verdicts: Sequence[Verdict]) -> str:
    """Whom all find the most probable where none can tell; "" if they differ."""
    best = [v.ranked[0] for v in verdicts if v.reason is RejectReason.TOO_WORN]
    if not best or len(best) < len(verdicts) or len({name for name, _p in best}) > 1:
        return ""
    low, high = (probability_text(f(p for _name, p in best)) for f in (min, max))
    if len(best) == 1:
        text = _("Cannot tell. It leans to {ruler} ({low}).")
    elif low == high:
        text = _("Cannot tell. All {count} lean to {ruler} ({low}).")
    else:
        text = _("Cannot tell. All {count} lean to {ruler} ({low} to {high}).")
    return text.format(
        count=len(best), ruler=class_title(best[0][0]), low=low, high=high
    )


def show_verdict(
    verdict: Verdict,
    card: Card,
    *,
    answer: str,
    face: tuple[int, int] | None = None,
    reading: str = "",
    rendered_as: str | None = None,
) -> None:
    """The verdict in one sentence, the reason for it, and the name on the coin.

    Args:
        verdict: What to show.
        card: Of its classifier.
        answer: The verdict in one sentence.
        face: Of several coins, the number of the face that was read, and how many.
        reading: What the letters say, in sentences.
        rendered_as: The ruler of a rendered coin; None for a photo.
    """
    parts = [f'<p class="coin-sentence">{escape(answer)}</p>']
    if face is not None:
        of_one = _(
            "This is face {number} of {count} in the photo; choose another below."
        )
        words = of_one.format(number=face[0], count=face[1])
        parts.append(f"<p>{escape(words)}</p>")
    if is_weighed(verdict):
        parts.append(f'<p class="coin-soft">{escape(measured(card))}</p>')
    if reading:
        parts.append(f'<p class="coin-read">{escape(reading)}</p>')
    ruler = RULERS.get(verdict.ruler or "")
    if ruler is not None:
        names = [name_on_coin(ruler)]
        if _(ruler.name) != ruler.name_hebrew:
            names.insert(0, f'<span dir="rtl" lang="he">{ruler.name_hebrew}</span>')
        reign = escape(_("ruled {years}").format(years=reign_years(ruler)))
        parts.append(
            f'<p class="coin-names">{" &ensp;·&ensp; ".join(names)}</p>'
            f'<p class="coin-soft">{escape(_("On the coin"))}: {name_forms(ruler)} '
            f"&ensp;·&ensp; {reign}</p>"
        )
    elif verdict.reason is not None:
        step = escape(_(NEXT_STEP[verdict.reason]))
        parts.append(f'<p class="coin-soft">{step}</p>')
    if rendered_as is not None:
        parts.append(
            '<p class="coin-soft" style="margin-top:.5rem"><span class="coin-tag">'
            f"{escape(_('rendered coin, not a photograph'))}</span> "
            f"{escape(_('rendered as: {coin}').format(coin=rendered_as))}</p>"
        )
    style = "coin-card" if verdict.ruler else "coin-card unsure"
    st.html(f'<div class="{style}">{"".join(parts)}</div>')


def show_probabilities(verdict: Verdict, card: Card) -> None:
    """The probability bars; nothing where the probabilities mean nothing."""
    if not is_weighed(verdict):
        return
    figure = probability_bars(
        verdict_bars(verdict, card.classes),
        answered=verdict.ruler is not None,
        threshold=card.threshold,
        note=calibration_note(card, html=True),
    )
    show_chart(figure, key=f"bars_{verdict.classifier}")
    st.caption(
        _("{classifier}, read in {milliseconds} ms").format(
            classifier=as_text(full_title(card)),
            milliseconds=f"{verdict.seconds * 1000:.0f}",
        ),
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
        if None in [figures.get(name) for name in ("n", "accuracy", "ece")]:
            continue
        parts.append(
            _(
                "Measured on {count} {coins}: {accuracy} right; the probabilities are "
                "off by {error} on average."
            ).format(
                count=f"{figures['n']:,}",
                coins=measured_on(figures),
                accuracy=percent(figures["accuracy"]),
                error=percent(figures["ece"], digits=1),
            )
        )
    if card.training.get("data") == "rendered":
        parts.append(_("Calibrated on rendered coins; real ones are harder."))
    if not parts:
        parts.append(_("How well these probabilities hold was not measured."))
    return ("<br>" if html else "  \n").join(
        chart_text(part) if html else as_text(part) for part in parts
    )
