"""Who was taken for whom: a matrix whose cells open the photos behind them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from coin_core.results import class_title
from coin_core.training.error_analysis import (
    Share,
    answer_of,
    class_figures,
    confidence_of,
    confident_mistakes,
    confusion_of,
    photos_in_cell,
)
from coin_core.training.prediction_store import picture_path
from coin_core.training.runs import Row
from ui.palette import INK_SOFT, MUTED, PAPER_DEEP
from ui.training.formatting import NBSP, percent_with_interval

# Buttons for a few classes; a matrix of more is looked up instead.
_MOST_BUTTONS = 7
_PHOTOS_A_PAGE = 24
_CELL = "runs_cell"
# A matrix stays one where columns would be put below each other.
_ON_PHONES = (
    ".st-key-runs_matrix [data-testid=stHorizontalBlock] "
    "{ flex-wrap: nowrap; gap: .4rem; } "
    ".st-key-runs_matrix [data-testid=stColumn] { min-width: 0; } "
    ".st-key-runs_matrix button { padding-left: 0; padding-right: 0; } "
    ".st-key-runs_matrix p { overflow-wrap: anywhere; hyphens: auto; }"
)


def show_confusion(
    rows: Sequence[Row], report: dict[str, Any], classes: Sequence[str]
) -> None:
    """The matrix, recall and precision, and the photos of the cell that is open."""
    confusion = confusion_of(rows, classes) if rows else report.get("confusion")
    if not confusion:
        st.caption("No answers were kept of this run.")
        return
    left, right = st.columns([1.1, 1], gap="large")
    with left:
        if len(classes) <= _MOST_BUTTONS:
            _show_matrix(confusion, classes, openable=bool(rows))
        else:
            _show_lookup(confusion, classes)
    with right:
        _show_figures(confusion, classes)
    if rows:
        _show_open_cell(rows, classes)
    else:
        st.caption("The answers photo by photo were not kept, only their counts.")


def _show_matrix(
    confusion: Sequence[Sequence[int]], classes: Sequence[str], *, openable: bool
) -> None:
    st.markdown(
        "Each row is what the coins are, each column what they were taken for."
        + (" Click a number to see its photos." if openable else "")
    )
    with st.container(key="runs_matrix"):
        style = _show_cells(confusion, classes, openable=openable)
    st.html(f"<style>{_ON_PHONES} {' '.join(style)}</style>")


def _show_cells(
    confusion: Sequence[Sequence[int]], classes: Sequence[str], *, openable: bool
) -> list[str]:
    """The buttons in rows and columns; returns the style of each."""
    widths = [1.5, *[1.0] * len(classes)]
    head = st.columns(widths, vertical_alignment="bottom")
    head[0].html('<p class="coin-soft">is ↓ &ensp; taken for →</p>')
    for column, name in zip(head[1:], classes, strict=True):
        column.html(f'<p class="coin-soft"><b>{escape(class_title(name))}</b></p>')
    style = []
    for i, (truth, counts) in enumerate(zip(classes, confusion, strict=True)):
        line = st.columns(widths, vertical_alignment="center")
        line[0].html(f'<p class="coin-soft"><b>{escape(class_title(truth))}</b></p>')
        for j, (answer, count) in enumerate(zip(classes, counts, strict=True)):
            key = f"cell_{i}_{j}"
            if line[j + 1].button(
                str(count),
                key=key,
                width="stretch",
                disabled=not (openable and count),
                help=f"{count} of {class_title(truth)} taken for {class_title(answer)}",
            ):
                st.session_state[_CELL] = (truth, answer)
            share = count / max(1, sum(counts))
            colour = (
                f"63, 116, 104, {share:.2f}" if i == j else f"140, 63, 38, {share:.2f}"
            )
            style.append(
                f".st-key-{key} button {{ background: rgba({colour}); opacity: 1; "
                f"color: {'white' if share > 0.55 else 'inherit'}; }}"
            )
    return style


def _show_lookup(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> None:
    """The most frequent mix-ups as a table, and two menus to open any cell."""
    cells = [
        (count, truth, answer)
        for truth, counts in zip(classes, confusion, strict=True)
        for answer, count in zip(classes, counts, strict=True)
        if count and truth != answer
    ]
    cells.sort(reverse=True)
    st.dataframe(
        pd.DataFrame(
            [(class_title(t), class_title(a), c) for c, t, a in cells],
            columns=["is", "taken for", "photos"],
        ),
        hide_index=True,
        height=280,
    )
    with st.container(horizontal=True):
        truth = st.selectbox("Is", classes, format_func=class_title)
        answer = st.selectbox("Taken for", classes, format_func=class_title)
    st.session_state[_CELL] = (truth, answer)


def _show_figures(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> None:
    rows = "".join(
        f"<tr><td>{escape(class_title(one.label))}</td><td>{_told(one.recall)}</td>"
        f"<td>{_told(one.precision)}</td><td>{one.recall.n}</td></tr>"
        for one in class_figures(confusion, classes)
    )
    st.html(
        f"<style>.runs-figures td, .runs-figures th {{ padding: .3rem .8rem .3rem 0; "
        f"text-align: left; border-bottom: 1px solid {PAPER_DEEP}; }} "
        ".runs-figures td + td { white-space: nowrap; } "
        f".runs-figures th {{ color: {INK_SOFT}; font-weight: 600; }}</style>"
        '<table class="runs-figures"><tr><th></th><th>found (recall)</th>'
        "<th>rightly so called (precision)</th><th>photos</th></tr>"
        f"{rows}</table>"
        '<p class="coin-soft" style="margin-top:.5rem">With Wilson’s 95 % intervals.'
        "</p>"
    )


def _told(figure: Share) -> str:
    return percent_with_interval(figure.value, figure.low, figure.high)


def _show_open_cell(rows: Sequence[Row], classes: Sequence[str]) -> None:
    cell = st.session_state.get(_CELL)
    if not cell or cell[0] not in classes or cell[1] not in classes:
        return
    truth, answer = cell
    inside = photos_in_cell(rows, truth, answer)
    st.subheader(
        f"{len(inside)} photo{'s' * (len(inside) != 1)} of {class_title(truth)} "
        f"taken for {class_title(answer)}",
        anchor=False,
    )
    pages = -(-len(inside) // _PHOTOS_A_PAGE)
    first = 0
    if pages > 1:
        page = st.segmented_control(
            "Page", range(1, pages + 1), default=1, required=True, key="runs_cell_page"
        )
        first = ((page or 1) - 1) * _PHOTOS_A_PAGE
    show_photos(inside[first : first + _PHOTOS_A_PAGE])


def show_mistakes(rows: Sequence[Row]) -> None:
    """The most confident mistakes: mislabelled coins tend to be among them."""
    wrong = confident_mistakes(rows)
    if not rows:
        st.caption("The answers photo by photo were not kept of this run.")
    elif not wrong:
        st.markdown("There is no mistake.")
    else:
        st.markdown(
            "What it was surest of and wrong. Look at the label first: mislabelled "
            "coins tend to be among these."
        )
        show_photos(wrong)


def show_photos(rows: Sequence[Row]) -> None:
    """Crops with what they are, what they were taken for, and how surely."""
    cards = "".join(_photo_card(row) for row in rows)
    st.html(
        "<style>.runs-photos { display: grid; gap: 1rem; grid-template-columns: "
        "repeat(auto-fill, minmax(150px, 1fr)); } .runs-photos img, .runs-photos .gone "
        f"{{ width: 100%; aspect-ratio: 1; border-radius: 4px; display: block; }} "
        f".runs-photos .gone {{ background: {PAPER_DEEP}; color: {MUTED}; "
        "display: grid; place-items: center; } .runs-photos p { margin: .3rem 0 0 0; "
        "overflow-wrap: anywhere; }</style>"
        f'<div class="runs-photos">{cards}</div>'
    )


def _photo_card(row: Row) -> str:
    answer, label = answer_of(row), str(row.get("label"))
    sure = min(99, round(100 * confidence_of(row)))
    alt = f"{class_title(label)}, taken for {class_title(answer)}"
    told = (
        f"<b>{escape(class_title(answer))}</b>, {sure}{NBSP}%"
        if answer == label
        else f"is {escape(class_title(label))}<br>"
        f"taken for <b>{escape(class_title(answer))}</b>, {sure}{NBSP}%"
    )
    return (
        f"<div>{picture_tag(row, alt)}<p class='coin-soft'>{told}</p>"
        f"<p class='coin-soft' style='font-size:.75rem'>{escape(str(row['photo']))}"
        "</p></div>"
    )


def picture_tag(row: Row, alt: str) -> str:
    """The crop of a photo as an image that stands by itself, or a grey square."""
    try:
        data = picture_path(str(row["picture"])).read_bytes()
    except (OSError, KeyError):
        return '<div class="gone">no longer kept</div>'
    return (
        f'<img alt="{escape(alt, quote=True)}" loading="lazy" '
        f'src="data:image/jpeg;base64,{base64.b64encode(data).decode()}">'
    )
