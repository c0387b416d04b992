"""The table of results of several photos, and its CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields

import streamlit as st

from coin_core.catalog.exporting.sheets import table
from coin_core.model_store.card import Card
from coin_core.results import RejectReason, class_title
from ui.classify.session import UploadSession
from ui.classify.verdict import WHY_NOT, calibration_note
from ui.components.table import percent_column, show_table
from ui.formatting import as_text, short_title


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One photo in the table; probabilities from 0 to 1, origin "shipped" or "own"."""

    photo: str
    thumbnail: str
    verdict: str
    probability: float | None
    second_choice: str
    second_probability: float | None
    reason: str
    classifier: str
    origin: str
    seconds: float
    probabilities: dict[str, float]


def table_rows(session: UploadSession, classifier: str) -> list[Row]:
    """The rows of the table, in the order of the uploads."""
    rows = []
    for photo in session.photos.values():
        result = session.results.get((photo.digest, classifier))
        if result is None:
            continue
        verdict = result.verdicts[0]
        ranked: list[tuple[str, float | None]] = list(verdict.ranked)
        # The probabilities mean nothing for a coin that is out of scope.
        if verdict.ruler is None and verdict.reason is not RejectReason.TOO_WORN:
            ranked = []
        first, second = [*ranked, ("", None), ("", None)][:2]
        reason = WHY_NOT[verdict.reason] if verdict.reason else ""
        if ranked and not verdict.ruler:
            reason += f"; leans to {class_title(first[0])}"
        rows.append(
            Row(
                photo=photo.name,
                thumbnail=session.thumbnails.get(photo.digest, ""),
                verdict=class_title(first[0]) if verdict.ruler else "cannot tell",
                probability=first[1],
                second_choice=class_title(second[0]),
                second_probability=second[1],
                reason=reason,
                classifier=classifier,
                origin=verdict.origin,
                seconds=verdict.seconds,
                probabilities=dict(verdict.probabilities),
            )
        )
    return rows


def show_results_table(session: UploadSession, classifier: str, card: Card) -> None:
    """The table with its download; the selected row is shown below the table."""
    rows = table_rows(session, classifier)
    answered = sum(not row.verdict.startswith("cannot tell") for row in rows)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.markdown(
            f"**{len(rows)} photos**, {answered} answered by "
            f"{as_text(short_title(card))}. "
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
    selected = show_table(
        [
            {
                "coin": row.thumbnail,
                "photo": row.photo,
                "verdict": row.verdict,
                "probability": None
                if row.probability is None
                else min(99.0, 100 * row.probability),
                "second choice": row.second_choice,
                "2nd": None
                if row.second_probability is None
                else 100 * row.second_probability,
                "why not": row.reason,
            }
            for row in rows
        ],
        row_height=56,
        height=min(56 * len(rows) + 40, 460),
        selection_mode="single-row",
        key=f"table_{session.upload_count}",
        column_config={
            "coin": st.column_config.ImageColumn("", width=64),
            "probability": st.column_config.ProgressColumn(
                "probability",
                min_value=0,
                max_value=100,
                format="%.0f %%",
                width=130,
                help=calibration_note(card),
            ),
            "2nd": percent_column(
                "", width=56, help="Probability of the second choice."
            ),
            "why not": st.column_config.TextColumn(width="medium"),
        },
    )
    if selected:
        session.selected = list(session.photos)[selected[0]]


def to_csv(rows: Sequence[Row]) -> bytes:
    """The table as CSV; no cell is run as a formula by a spreadsheet."""
    classes = sorted({name for row in rows for name in row.probabilities})
    fields = [field.name for field in dataclass_fields(Row)]
    columns = [name for name in fields if name not in ("thumbnail", "probabilities")]

    def cells(row: Row) -> list[object]:
        values = [getattr(row, name) for name in columns]
        values += [row.probabilities.get(name) for name in classes]
        return [round(one, 4) if isinstance(one, float) else one for one in values]

    return table([*columns, *(f"p_{name}" for name in classes)], map(cells, rows))
