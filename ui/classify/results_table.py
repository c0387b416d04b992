"""The table of what was read from many photos, and its CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from coin_core.model_store.card import Card
from coin_core.results import RejectReason, class_title
from ui.classify.session import UploadSession
from ui.classify.verdict import WHY_NOT, calibration_note
from ui.formatting import short_title

# A cell that begins like this is run as a formula by spreadsheets.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One photo in the table."""

    photo: str
    thumbnail: str
    verdict: str
    probability: float | None
    second_choice: str
    second_probability: float | None
    reason: str
    classifier: str
    seconds: float
    probabilities: dict[str, float]


def rows_of(session: UploadSession, classifier: str) -> list[Row]:
    """The table's rows, in the order of the session."""
    rows = []
    for photo in session.photos.values():
        reading = session.readings.get((photo.digest, classifier))
        if reading is None:
            continue
        verdict = reading.verdicts[0]
        ranked = sorted(
            dict(verdict.probabilities).items(), key=lambda item: item[1], reverse=True
        )
        # Of a coin that is out of scope the probabilities say nothing.
        if verdict.ruler is None and verdict.reason is not RejectReason.TOO_WORN:
            ranked = []
        first = ranked[0] if ranked else ("", None)
        second = ranked[1] if len(ranked) > 1 else ("", None)
        says = class_title(first[0]) if verdict.ruler else "cannot tell"
        reason = WHY_NOT[verdict.reason] if verdict.reason else ""
        if ranked and not verdict.ruler:
            reason += f"; leans to {class_title(first[0])}"
        rows.append(
            Row(
                photo=photo.name,
                thumbnail=session.thumbnails.get(photo.digest, ""),
                verdict=says,
                probability=first[1],
                second_choice=class_title(second[0]) if second[0] else "",
                second_probability=second[1],
                reason=reason,
                classifier=classifier,
                seconds=verdict.seconds,
                probabilities=dict(verdict.probabilities),
            )
        )
    return rows


def show_many(session: UploadSession, classifier: str, card: Card) -> None:
    """The table with its download; the row that is picked is shown below it."""
    rows = rows_of(session, classifier)
    answered = sum(not row.verdict.startswith("cannot tell") for row in rows)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.markdown(
            f"**{len(rows)} photos**, {answered} answered by {short_title(card)}. "
            "Sort by a column's head; tick a row to see that coin below."
        )
        st.download_button(
            "Download CSV",
            to_csv(rows),
            "coins.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
    _show_table(session, rows, calibration_note(card))


def _show_table(session: UploadSession, rows: Sequence[Row], note: str) -> None:
    """A sortable table; the row that is picked becomes the selected photo."""
    frame = pd.DataFrame(
        {
            "coin": [row.thumbnail for row in rows],
            "photo": [row.photo for row in rows],
            "verdict": [row.verdict for row in rows],
            "probability": [
                None if row.probability is None else min(99.0, 100 * row.probability)
                for row in rows
            ],
            "second choice": [row.second_choice for row in rows],
            "2nd": [
                None if row.second_probability is None else 100 * row.second_probability
                for row in rows
            ],
            "why not": [row.reason for row in rows],
        }
    )
    picked = st.dataframe(
        frame,
        hide_index=True,
        placeholder="",
        row_height=56,
        height=min(56 * len(rows) + 40, 460),
        on_select="rerun",
        selection_mode="single-row",
        key=f"table_{session.drops}",
        column_config={
            "coin": st.column_config.ImageColumn("", width=64),
            "probability": st.column_config.ProgressColumn(
                "probability",
                min_value=0,
                max_value=100,
                format="%.0f %%",
                width=130,
                help=note,
            ),
            "2nd": st.column_config.NumberColumn(
                "", format="%.0f %%", width=56, help="Probability of the second choice."
            ),
            "why not": st.column_config.TextColumn(width="medium"),
        },
    )
    chosen = picked["selection"]["rows"]
    if chosen:
        session.selected = list(session.photos)[chosen[0]]


def to_csv(rows: Sequence[Row]) -> bytes:
    """The table as CSV that spreadsheets open without running anything in it."""
    classes = sorted({name for row in rows for name in row.probabilities})
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(
        [
            *("photo", "verdict", "probability", "second_choice"),
            *("second_probability", "reason", "classifier", "seconds"),
            *(f"p_{name}" for name in classes),
        ]
    )
    for row in rows:
        cells = [row.photo, row.verdict, row.probability, row.second_choice]
        cells += [row.second_probability, row.reason, row.classifier, row.seconds]
        cells += [row.probabilities.get(name) for name in classes]
        writer.writerow([_safe(cell) for cell in cells])
    # Excel takes UTF-8 for its own code page unless the file says so.
    return text.getvalue().encode("utf-8-sig")


def _safe(cell: str | float | None) -> str:
    """A cell's text; one that begins like a formula is quoted."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.4f}"
    formula = cell.lstrip(" ").startswith(_FORMULA_STARTS)
    return f"'{cell}" if formula else cell
