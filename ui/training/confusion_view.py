"""The confusion matrix, whose cells open the photos behind them."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from html import escape
from typing import Any

import streamlit as st

from coin_core.i18n import _, is_right_to_left, ngettext
from coin_core.results import class_title
from coin_core.training.error_analysis import (
    Proportion,
    answer_of,
    class_figures,
    confidence_of,
    confident_mistakes,
    confusion_of,
    photos_in_cell,
)
from coin_core.training.prediction_store import picture_path
from coin_core.training.runs import Row
from ui.components.table import show_small_table, show_table
from ui.formatting import as_text, probability_text
from ui.palette import CLASS_COLOURS, INK_SOFT, PAPER_DEEP, text_on
from ui.training.formatting import percent_with_interval

# A larger matrix is a table with two menus instead of buttons.
_MAX_BUTTON_CLASSES = 7
_PHOTOS_PER_PAGE = 24
_OPEN_CELL = "runs_cell"
_STYLE = """
/* On phones the columns of the matrix stay side by side. */
.st-key-runs_matrix [data-testid=stHorizontalBlock] { flex-wrap: nowrap; gap: .4rem; }
.st-key-runs_matrix [data-testid=stColumn] { min-width: 0; }
.st-key-runs_matrix button { padding-left: 0; padding-right: 0; }
.st-key-runs_matrix p { overflow-wrap: anywhere; hyphens: auto; }
"""
_PHOTOS_STYLE = f"""
.runs-photos {{ display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); }}
.runs-photos img, .runs-photos .gone {{ width: 100%; aspect-ratio: 1;
  border-radius: 4px; display: block; }}
.runs-photos .gone {{ background: {PAPER_DEEP}; color: {INK_SOFT}; display: grid;
  place-items: center; }}
.runs-photos p {{ margin: .3rem 0 0 0; overflow-wrap: anywhere; }}
"""


def show_confusion(
    rows: Sequence[Row], report: dict[str, Any], classes: Sequence[str]
) -> None:
    """The matrix, recall and precision, and the photos of the open cell.

    Args:
        rows: The predictions photo by photo; empty if they were not stored.
        report: The report of the run, whose matrix is shown without `rows`.
        classes: The classes in the order of the matrix.
    """
    confusion = confusion_of(rows, classes) if rows else report.get("confusion")
    if not confusion:
        st.caption(_("This run has kept no answers."))
        return
    left, right = st.columns([1.1, 1], gap="large")
    with left:
        if len(classes) <= _MAX_BUTTON_CLASSES:
            _show_matrix(confusion, classes, openable=bool(rows))
        else:
            _show_cell_menus(confusion, classes)
    with right:
        _show_figures(confusion, classes)
    if rows:
        _show_open_cell(rows, classes)
    else:
        st.caption(_("Only counts were kept, not the answers for single photos."))


def _show_matrix(
    confusion: Sequence[Sequence[int]], classes: Sequence[str], *, openable: bool
) -> None:
    st.markdown(
        _("Rows are the true classes, columns the predicted ones.")
        + (" " + _("Click a number to see its photos.") if openable else "")
    )
    with st.container(key="runs_matrix"):
        style = _show_cells(confusion, classes, openable=openable)
    st.html(f"<style>{_STYLE} {' '.join(style)}</style>")


def _show_cells(
    confusion: Sequence[Sequence[int]], classes: Sequence[str], *, openable: bool
) -> list[str]:
    """The cells as buttons; returns the CSS of each."""
    widths = [1.5, *[1.0] * len(classes)]
    head = st.columns(widths, vertical_alignment="bottom")
    arrow = "←" if is_right_to_left() else "→"
    head[0].html(
        f'<p class="coin-soft">{_("is")} ↓ &ensp; {_("identified as")} {arrow}</p>'
    )
    for column, name in zip(head[1:], classes, strict=True):
        column.html(f'<p class="coin-soft"><b>{escape(class_title(name))}</b></p>')
    style = []
    for i, (truth, counts) in enumerate(zip(classes, confusion, strict=True)):
        line = st.columns(widths, vertical_alignment="center")
        line[0].html(f'<p class="coin-soft"><b>{escape(class_title(truth))}</b></p>')
        for j, (answer, count) in enumerate(zip(classes, counts, strict=True)):
            key = f"cell_{i}_{j}"
            if line[j + 1].button(
                as_text(count),
                key=key,
                width="stretch",
                disabled=not (openable and count),
                help=as_text(
                    _("{count} of {truth} identified as {answer}").format(
                        count=count,
                        truth=class_title(truth),
                        answer=class_title(answer),
                    )
                ),
            ):
                st.session_state[_OPEN_CELL] = (truth, answer)
            fraction = count / max(1, sum(counts))
            colour = CLASS_COLOURS[0 if i == j else 2]
            alpha = f"{round(255 * fraction):02x}"
            style.append(
                f".st-key-{key} button {{ background: {colour}{alpha}; opacity: 1; "
                f"color: {text_on(colour, fraction)}; }}"
            )
    return style


def _show_cell_menus(
    confusion: Sequence[Sequence[int]], classes: Sequence[str]
) -> None:
    """The most frequent mistakes as a table, and two menus that open any cell."""
    cells = [
        (count, truth, answer)
        for truth, counts in zip(classes, confusion, strict=True)
        for answer, count in zip(classes, counts, strict=True)
        if count and truth != answer
    ]
    show_table(
        [
            {
                _("is"): class_title(t),
                _("identified as"): class_title(a),
                _("photos"): count,
            }
            for count, t, a in sorted(cells, reverse=True)
        ],
        height=280,
    )
    with st.container(horizontal=True):
        truth = st.selectbox(_("Is"), classes, format_func=class_title)
        answer = st.selectbox(_("Identified as"), classes, format_func=class_title)
    st.session_state[_OPEN_CELL] = (truth, answer)


def _show_figures(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> None:
    show_small_table(
        [
            {
                _("class"): class_title(one.label),
                _("found (recall)"): _fraction_text(one.recall),
                _("correct when named (precision)"): _fraction_text(one.precision),
                _("photos"): str(one.recall.n),
            }
            for one in class_figures(confusion, classes)
        ]
    )
    st.caption(_("With Wilson’s 95 % intervals."))


def _fraction_text(fraction: Proportion) -> str:
    return percent_with_interval(fraction.value, fraction.low, fraction.high)


def _show_open_cell(rows: Sequence[Row], classes: Sequence[str]) -> None:
    truth, answer = st.session_state.get(_OPEN_CELL, ("", ""))
    if truth not in classes or answer not in classes:
        return
    photos = photos_in_cell(rows, truth, answer)
    st.subheader(
        as_text(
            ngettext(
                "{count} photo of {truth} identified as {answer}",
                "{count} photos of {truth} identified as {answer}",
                len(photos),
            ).format(
                count=len(photos), truth=class_title(truth), answer=class_title(answer)
            )
        ),
        anchor=False,
    )
    pages = -(-len(photos) // _PHOTOS_PER_PAGE)
    page = 1
    if pages > 1:
        page = st.segmented_control(
            _("Page"),
            range(1, pages + 1),
            default=1,
            required=True,
            wrap=True,
            key="runs_cell_page",
        )
    _show_photos(photos[(page - 1) * _PHOTOS_PER_PAGE : page * _PHOTOS_PER_PAGE])


def show_mistakes(rows: Sequence[Row]) -> None:
    """The most confident mistakes; mislabelled coins are often among them."""
    mistakes = confident_mistakes(rows)
    if not rows:
        st.caption(_("The answers for single photos of this run were not kept."))
    elif not mistakes:
        st.markdown(_("There are no mistakes."))
    else:
        st.markdown(
            _(
                "The most certain wrong answers. Check the labels first: "
                "mislabelled coins tend to be among these."
            )
        )
        _show_photos(mistakes)


def _show_photos(rows: Sequence[Row]) -> None:
    """Crops with label, predicted class and probability."""
    cards = "".join(_photo_card(row) for row in rows)
    st.html(f'<style>{_PHOTOS_STYLE}</style><div class="runs-photos">{cards}</div>')


def _photo_card(row: Row) -> str:
    answer, label = answer_of(row), str(row.get("label"))
    answer_html = f"<b>{escape(class_title(answer))}</b>, " + escape(
        probability_text(confidence_of(row))
    )
    if answer != label:
        answer_html = _("is {truth}<br>identified as {answer}").format(
            truth=escape(class_title(label)), answer=answer_html
        )
    alt = _("{truth}, identified as {answer}").format(
        truth=class_title(label), answer=class_title(answer)
    )
    return (
        f"<div>{_picture_tag(row, alt)}<p class='coin-soft'>{answer_html}</p>"
        f"<p class='coin-soft' style='font-size:.75rem'>{escape(_photo_name(row))}"
        "</p></div>"
    )


def _photo_name(row: Row) -> str:
    """The file of a photo, or its number in the dataset."""
    name = str(row["photo"])
    if found := re.fullmatch(r"photo (\d+)", name):
        return _("photo {number}").format(number=found[1])
    return name


def _picture_tag(row: Row, alt: str) -> str:
    """The crop of a photo as an HTML image, or a grey square if it is gone."""
    try:
        data = picture_path(str(row["picture"])).read_bytes()
    except (OSError, KeyError):
        return f'<div class="gone">{_("no longer kept")}</div>'
    return (
        f'<img alt="{escape(alt, quote=True)}" loading="lazy" '
        f'src="data:image/jpeg;base64,{base64.b64encode(data).decode()}">'
    )
