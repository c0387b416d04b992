"""The table of results of several photos: each row opens its photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from coin_core.i18n import _, is_right_to_left, ngettext
from coin_core.model_store.card import Card
from coin_core.results import RejectReason, class_title
from ui.classify.predict import face_number, result_of
from ui.classify.session import NOBODY, PhotoNote, UploadSession
from ui.classify.verdict import why_not
from ui.components.custom import results_table
from ui.components.images import media_address
from ui.formatting import as_text, measured, probability_text, short_title

_KEY = "results"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One photo in the table; probabilities from 0 to 1."""

    digest: str
    photo: str
    face: str
    verdict: str
    answered: bool
    probability: float | None
    second_choice: str
    second_probability: float | None
    reason: str


def table_rows(session: UploadSession, classifier: str) -> list[Row]:
    """The rows of the table, in the order of the photos."""
    rows = []
    for photo in session.photos.values():
        result = result_of(session, photo, classifier)
        if result is None:
            continue
        verdict = result.verdicts[0]
        ranked: list[tuple[str, float | None]] = list(verdict.ranked)
        # The probabilities mean nothing for a coin that is out of scope.
        if verdict.ruler is None and verdict.reason is not RejectReason.TOO_WORN:
            ranked = []
        first, second = [*ranked, ("", None), ("", None)][:2]
        reason = why_not(verdict, result.faces)
        if ranked and not verdict.ruler:
            reason = _("{reason}; leans to {ruler}").format(
                reason=reason, ruler=class_title(first[0])
            )
        rows.append(
            Row(
                digest=photo.digest,
                photo=photo.name,
                face=face_words(face_number(session, photo, result)),
                verdict=class_title(first[0]) if verdict.ruler else _("cannot tell"),
                answered=verdict.ruler is not None,
                probability=first[1],
                second_choice=class_title(second[0]),
                second_probability=second[1],
                reason=reason,
            )
        )
    return rows


def sort_photos(session: UploadSession, rows: list[Row], column: str) -> None:
    """Sort the photos by a column; a second time, the other way round."""
    session.descending = session.sorted_by == column and not session.descending
    session.sorted_by = column

    def place(row: Row) -> Any:
        if column == "probability":
            return -1.0 if row.probability is None else row.probability
        text = row.photo if column == "photo" else row.verdict
        return (column == "verdict" and not row.answered, text.casefold())

    order = sorted(rows, key=place, reverse=session.descending)
    sorted_photos = {row.digest: session.photos[row.digest] for row in order}
    session.photos = sorted_photos | session.photos


def own_reading(note: PhotoNote) -> str:
    """What the visitor says of a photo, in words; "" for nothing."""
    if note.ruler == NOBODY:
        return _("cannot tell")
    return class_title(note.ruler) if note.ruler else ""


def face_words(face: tuple[int, int] | None) -> str:
    """Which face of a photo of several coins was read, in words; "" for None."""
    if face is None:
        return ""
    return _("face {number} of {count}").format(number=face[0], count=face[1])


def show_results_table(session: UploadSession, classifier: str, card: Card) -> None:
    """The table; the photo of the marked row is shown below it."""
    rows = table_rows(session, classifier)
    answered = sum(row.answered for row in rows)
    st.markdown(
        ngettext("**{count} photo**", "**{count} photos**", len(rows)).format(
            count=len(rows)
        )
        + ", "
        + _("{answered} answered by {classifier}").format(
            answered=answered, classifier=as_text(short_title(card))
        )
    )
    st.caption(as_text(measured(card)))

    def open_photo() -> None:
        digest = st.session_state[_KEY].get("open")
        if digest in session.photos:
            session.selected = digest

    def sort() -> None:
        if column := st.session_state[_KEY].get("sort"):
            sort_photos(session, rows, column)

    results_table(
        data={
            "photos": [_row_data(session, row) for row in rows],
            "columns": _columns(),
            "label": _("Results"),
            "selected": session.selected,
            "sorted": session.sorted_by,
            "descending": session.descending,
            "direction": "rtl" if is_right_to_left() else "ltr",
        },
        key=_KEY,
        on_open_change=open_photo,
        on_sort_change=sort,
    )


def _columns() -> list[dict[str, str]]:
    return [
        {"key": "", "title": "", "className": "picture"},
        {"key": "photo", "title": _("Photo"), "className": "photo"},
        {"key": "verdict", "title": _("Verdict"), "className": "verdict"},
        {"key": "probability", "title": _("Probability"), "className": "chance"},
        {"key": "", "title": _("Second choice"), "className": "second"},
        {"key": "", "title": _("Why not"), "className": "reason"},
    ]


def _row_data(session: UploadSession, row: Row) -> dict[str, Any]:
    note = session.notes.get(row.digest, PhotoNote())
    own = own_reading(note)
    thumbnail = session.thumbnails.get(row.digest)
    second = row.second_choice
    if row.second_probability is not None:
        second += f", {probability_text(row.second_probability)}"
    return {
        "id": row.digest,
        "src": media_address(thumbnail, row.digest) if thumbnail else "",
        "name": row.photo,
        "context": note.context,
        "face": row.face,
        "verdict": row.verdict,
        "answered": row.answered,
        "own": _("you: {ruler}").format(ruler=own) if own else "",
        "share": 0 if row.probability is None else round(100 * row.probability),
        "percent": "" if row.probability is None else probability_text(row.probability),
        "second": second,
        "reason": row.reason,
    }
