"""All classifiers side by side, the names that the letters fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from coin_core.classifiers.together_card import TOGETHER_CARD
from coin_core.i18n import _, ngettext
from coin_core.imaging.preprocessing import RotatedBox
from coin_core.model_store.card import Card
from coin_core.results import DetectedFace, Verdict, class_title
from ui.classify import predict
from ui.classify.session import UploadedPhoto
from ui.classify.verdict import headline, is_weighed, verdict_bars, why_not
from ui.components.charts import comparison_bars, show_chart
from ui.components.paleo_hebrew import glyph_style, legend_table
from ui.components.table import show_small_table
from ui.formatting import (
    as_text,
    how_often_right,
    probability_text,
    short_title,
)
from ui.palette import class_colours


def show_comparison(
    verdicts: Sequence[Verdict],
    cards: Mapping[str, Card],
    together: Verdict | None = None,
    faces: Sequence[DetectedFace] = (),
) -> None:
    """A chart and a table of the verdicts of all classifiers on this coin."""
    st.header(_("How the classifiers agree"), anchor=False)
    st.markdown(agreement(verdicts, faces))
    if not any(map(is_weighed, verdicts)):
        return
    if together is not None:
        answer = as_text(headline(together, (), ()))
        st.markdown(_("Weighed together: **{answer}**").format(answer=answer))
        if words := why_together_differs(verdicts, together):
            st.markdown(as_text(words))
        st.caption(_together_measured())
    _show_colours(cards[verdicts[0].classifier].classes)
    chart, table = st.columns([1, 1.3], gap="medium", vertical_alignment="center")
    with chart:
        _show_bars(verdicts, cards)
    with table:
        _show_verdicts(verdicts, cards)


def why_together_differs(verdicts: Sequence[Verdict], together: Verdict) -> str:
    """Why the verdict of all prefers another ruler than most of them; "" if not."""
    weighed = [one for one in verdicts if is_weighed(one)]
    if not is_weighed(together) or not weighed:
        return ""
    best = together.ranked[0][0]
    first, count = Counter(one.ranked[0][0] for one in weighed).most_common(1)[0]
    if first == best or 2 * count <= len(weighed):
        return ""
    return _(
        "Alone, {count} of {all} put {first} first: each reads the coin at the "
        "rotation that was found. At the other rotations, or compared line by line "
        "with whole legends, the letters fit {best} better. Compare the letters with "
        "the coin; if it is not upright, turn it with “Correct the crop”."
    ).format(
        count=count,
        all=len(verdicts),
        first=class_title(first),
        best=class_title(best),
    )


def _together_measured() -> str:
    figures = TOGETHER_CARD.metrics[-1]  # of real coins
    return _(
        "Where ResNet and VGG are in doubt, they read the coin again at other "
        "rotations, and their letters are compared with the legends of each ruler, "
        "line by line. Of {count} photos of real coins, {answered} were answered, "
        "{right} of them correctly."
    ).format(
        count=figures["n"],
        answered=figures["answered"],
        right=round(figures["answered"] * figures["accuracy_answered"]),
    )


def _show_bars(verdicts: Sequence[Verdict], cards: Mapping[str, Card]) -> None:
    bars, refused = {}, {}
    for verdict in filter(is_weighed, verdicts):
        card = cards[verdict.classifier]
        bars[short_title(card)] = verdict_bars(verdict, card.classes)
        if verdict.reason is not None:
            refused[short_title(card)] = "({})".format(
                _("cannot tell: {reason}").format(reason=why_not(verdict, ()))
            )
    show_chart(comparison_bars(bars, refused=refused), key="comparison")


def _show_verdicts(verdicts: Sequence[Verdict], cards: Mapping[str, Card]) -> None:
    show_small_table(
        [
            {
                _("classifier"): short_title(cards[verdict.classifier]),
                _("says"): class_title(verdict.ruler)
                if verdict.ruler
                else _("cannot tell: {reason}").format(reason=why_not(verdict, ())),
                _("probability"): probability_text(verdict.probabilities[verdict.ruler])
                if verdict.ruler
                else "",
                _("right"): how_often_right(cards[verdict.classifier]),
            }
            for verdict in verdicts
        ]
    )


def _show_colours(classes: Sequence[str]) -> None:
    """The colour of each class, in one line for the whole chart."""
    st.html(
        " &emsp; ".join(
            '<span class="coin-soft" style="white-space:nowrap">'
            f'<span class="coin-swatch" '
            f'style="background:{colour}"></span>{escape(class_title(name))}</span>'
            for name, colour in class_colours(classes).items()
        )
    )


def agreement(verdicts: Sequence[Verdict], faces: Sequence[DetectedFace] = ()) -> str:
    """One sentence on how many classifiers agree on a photo with these faces."""
    named = Counter(v.ruler for v in verdicts if v.ruler is not None)
    ruler, count = named.most_common(1)[0] if named else (None, 0)
    if ruler is None:
        reasons = dict.fromkeys(why_not(verdict, faces) for verdict in verdicts)
        return _("None of them names a ruler: {reasons}.").format(
            reasons=", ".join(reasons)
        )
    refused = sum(v.ruler is None for v in verdicts)
    others = len(verdicts) - count - refused
    words = ngettext(
        "**{count} of {all}** says {ruler}", "**{count} of {all}** say {ruler}", count
    )
    title = as_text(class_title(ruler))
    parts = [words.format(count=count, all=len(verdicts), ruler=title)]
    if others:
        words = ngettext(
            "{count} names another ruler", "{count} name another ruler", others
        )
        parts.append(words.format(count=others))
    if refused:
        words = ngettext("{count} cannot tell", "{count} cannot tell", refused)
        parts.append(words.format(count=refused))
    return "; ".join(parts) + "."


def show_names(
    photo: UploadedPhoto, classifier: str, box: RotatedBox, ruler: str
) -> None:
    """The rulers' names and legends, with what was read of each."""
    st.subheader(_("Which name the letters fit"), anchor=False)
    letters = predict.letters_read(photo, box, classifier)
    fits = predict.legend_fits(photo, box, classifier)
    st.html(glyph_style() + legend_table(fits, letters, ruler=ruler))
    st.caption(
        _(
            "Right to left, as on the coin. Dark: read clearly; pale: in doubt; white: "
            "not read; red: another letter was read. Underlined: the letter that tells "
            "this name from the others. Framed: the name that the whole legend fits "
            "best. Open a name to see the letters read above those of its legend; "
            "point at a letter to see it on the coin."
        )
    )
