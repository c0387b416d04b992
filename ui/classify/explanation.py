"""All classifiers side by side, and the reasons for one verdict.

Each part is computed after the parts above it are on the screen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import streamlit as st

from coin_core.detection.faces import RotatedBox
from coin_core.imaging.preprocessing import warp_to_legend
from coin_core.model_store.card import Card
from coin_core.results import RejectReason, Verdict, class_title
from coin_core.rulers import DEFAULT_CLASSES, RULERS
from ui.classify import predict
from ui.classify.session import UploadedPhoto
from ui.classify.verdict import WHY_NOT, verdict_bars
from ui.components.charts import comparison_bars, show_chart
from ui.components.overlays import heat_on_coin, letters_on_coin
from ui.components.paleo_hebrew import letters_of_name, name_lines, transliterated
from ui.components.table import percent_column, show_table
from ui.errors import errors_on_page
from ui.formatting import as_text, percent, short_title
from ui.palette import class_colours

_SMALLEST_REPORTED_TURN_DEG = 20


def show_comparison(
    photo: UploadedPhoto, cards: Mapping[str, Card], box: RotatedBox | None
) -> None:
    """A chart and a table of the verdicts of all classifiers on this coin."""
    st.header("How the classifiers agree", anchor=False)
    with errors_on_page(), st.spinner("Asking the other classifiers …"):
        verdicts = predict.classify_photo(photo, tuple(cards), box).verdicts
        st.markdown(agreement(verdicts))
        _show_colours(cards[verdicts[0].classifier].classes)
        chart, table = st.columns([1, 1.15], gap="medium", vertical_alignment="center")
        with chart:
            _show_bars(verdicts, cards)
        with table:
            _show_verdicts(verdicts, cards)


def _show_bars(verdicts: Sequence[Verdict], cards: Mapping[str, Card]) -> None:
    bars, refused = {}, {}
    for verdict in verdicts:
        card = cards[verdict.classifier]
        bars[short_title(card)] = verdict_bars(verdict, card.classes)
        if verdict.reason is not None:
            refused[short_title(card)] = f"(cannot tell: {WHY_NOT[verdict.reason]})"
    show_chart(comparison_bars(bars, refused=refused), key="comparison")


def _show_verdicts(verdicts: Sequence[Verdict], cards: Mapping[str, Card]) -> None:
    majority, _ = _majority(verdicts)
    show_table(
        [
            {
                "classifier": short_title(cards[verdict.classifier]),
                "says": class_title(verdict.ruler)
                if verdict.ruler
                else f"cannot tell: {WHY_NOT[verdict.reason]}"
                if verdict.reason
                else "cannot tell",
                "probability": min(99.0, 100 * verdict.probabilities[verdict.ruler])
                if verdict.ruler
                else None,
                "agrees": verdict.ruler is not None and verdict.ruler == majority,
            }
            for verdict in verdicts
        ],
        key="comparison_table",
        column_config={
            "probability": percent_column("", width=60),
            "agrees": st.column_config.CheckboxColumn(
                width=60, help="With what most classifiers say of this coin."
            ),
        },
    )


def _show_colours(classes: Sequence[str]) -> None:
    """The colour of each class, in one line for the whole chart."""
    st.html(
        " &emsp; ".join(
            f'<span class="coin-soft"><span class="coin-swatch" '
            f'style="background:{colour}"></span>{escape(class_title(name))}</span>'
            for name, colour in class_colours(classes).items()
        )
    )


def _majority(verdicts: Sequence[Verdict]) -> tuple[str | None, int]:
    """The ruler that most classifiers name, and how many they are."""
    named = Counter(v.ruler for v in verdicts if v.ruler is not None)
    return named.most_common(1)[0] if named else (None, 0)


def agreement(verdicts: Sequence[Verdict]) -> str:
    """One sentence on how many classifiers agree."""
    ruler, count = _majority(verdicts)
    if ruler is None:
        return f"None of them names a ruler{_lean(verdicts)}."
    refused = sum(v.ruler is None for v in verdicts)
    others = len(verdicts) - count - refused
    parts = [f"**{count} of {len(verdicts)}** say {as_text(class_title(ruler))}"]
    if others:
        parts.append(f"{others} name{'s' * (others == 1)} another ruler")
    if refused:
        parts.append(f"{refused} cannot tell")
    return "; ".join(parts) + "."


def _lean(verdicts: Sequence[Verdict]) -> str:
    """The ruler whom all find the most probable, with the lowest and the highest."""
    best = [v.ranked[0] for v in verdicts if v.reason is RejectReason.TOO_WORN]
    if not 1 < len(best) == len(verdicts) or len({name for name, _ in best}) > 1:
        return ""
    low, high = (as_text(percent(f(p for _, p in best))) for f in (min, max))
    between = low if low == high else f"{low} to {high}"
    return f"; all lean to {as_text(class_title(best[0][0]))} ({between})"


def show_explanation(
    photo: UploadedPhoto, verdict: Verdict, card: Card, box: RotatedBox
) -> None:
    """The heat map, the letters that were read, and the nearest known coins."""
    st.header("Why", anchor=False)
    probabilities = verdict.probabilities
    if not probabilities:
        st.caption("Nothing was weighed, so there is nothing to show.")
        return
    ruler = verdict.ruler or max(probabilities, key=probabilities.__getitem__)
    with st.container(key="why"):
        left, middle, right = st.columns([1, 1, 1.3], gap="medium")
    with left:
        _show_heat_map(photo, box, verdict.classifier, ruler, card)
    with middle:
        _show_letters(photo, box, verdict.classifier, ruler)
    with right:
        st.subheader("Which name the letters fit", anchor=False)
        with errors_on_page():
            fits = predict.legend_fits(photo, box, verdict.classifier)
            st.html(name_lines(fits))
        st.caption(
            "Right to left, as on the coin. Dark: read clearly; pale: in doubt; white: "
            "not read. Underlined: the letter that tells this name from the others. "
            "Framed: the name that the whole legend fits best."
        )
    if card.classes == DEFAULT_CLASSES:
        _show_nearest_coins(photo, box)


def _show_heat_map(
    photo: UploadedPhoto, box: RotatedBox, classifier: str, ruler: str, card: Card
) -> None:
    st.subheader("Where it looked", anchor=False)
    with errors_on_page(), st.spinner("Tracing where it looked …"):
        heat = predict.heat_map(photo, box, classifier, ruler)
        crop = predict.crop_for_page(photo, box)
        st.image(heat_on_coin(crop, heat), width="stretch", alt="Heat map")
    st.caption(
        f"The warmer, the more it spoke for {as_text(class_title(ruler))} "
        f"({as_text(short_title(card))})."
    )


def _show_letters(
    photo: UploadedPhoto, box: RotatedBox, classifier: str, ruler: str
) -> None:
    """The letters framed on the upright legend."""
    st.subheader("What it read", anchor=False)
    with errors_on_page(), st.spinner("Reading the letters …"):
        letters = predict.letters_read(photo, box, classifier)
        pose = predict.legend_pose(photo, box, classifier)
        crop = predict.crop_for_page(photo, box)
        legend = warp_to_legend(crop[None], [pose], crop.shape[0])[0]
        fits = predict.legend_fits(photo, box, classifier)
        of_name = letters_of_name(fits, ruler)
        st.image(letters_on_coin(legend, letters, of_name), width="stretch")
        turned = round(-pose.turn_deg)
        if abs(turned) >= _SMALLEST_REPORTED_TURN_DEG:
            direction = "clockwise" if turned > 0 else "anticlockwise"
            st.caption(f"The legend, turned upright by {abs(turned)}° {direction}.")
        if letters:
            st.caption(
                f"Right to left: {as_text(transliterated(letters))}. In bronze what "
                f"spells {as_text(_short_name(ruler))}; fainter frames are less "
                "certain."
            )
        else:
            st.caption("No letter was certain enough to be named.")


def _short_name(name: str) -> str:
    """The name on the coin if the class is a ruler: it fits under a thumbnail."""
    return RULERS[name].name_on_coin if name in RULERS else class_title(name)


def _show_nearest_coins(photo: UploadedPhoto, box: RotatedBox) -> None:
    """The most similar known coins, the most similar first."""
    st.subheader("The nearest known coins", anchor=False)
    with errors_on_page(), st.spinner("Looking for its like …"):
        nearest = predict.nearest_coins(photo, box)
        if not nearest:
            st.caption("No known coins are stored with the classifiers.")
            return
        row = st.container(horizontal=True)
        for coin, image in nearest:
            with row.container(width=104):
                if image is not None:
                    st.image(np.ascontiguousarray(image), width=104)
                name = as_text(_short_name(coin.label))
                st.caption(
                    f"{name}  \n{percent(coin.similarity)} alike",
                    help=as_text(f"{class_title(coin.label)}; {coin.origin}"),
                )
