"""The CSV of all answers: a row for each photo and classifier, and for all together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from coin_core.catalog.exporting.sheets import table
from coin_core.errors import UnreadablePhotoError
from coin_core.i18n import ENGLISH, speaking
from coin_core.model_store.card import Card
from coin_core.results import class_title, stated, transliterated
from ui.classify import predict
from ui.classify.results_table import face_words, own_reading
from ui.classify.session import PhotoNote, UploadedPhoto, UploadSession
from ui.classify.verdict import why_not

_COLUMNS = (
    *("photo", "context", "own_reading", "note", "classifier", "verdict"),
    *("probability", "second_choice", "second_probability", "reason", "letters"),
    *("box_left", "box_top", "box_right", "box_bottom", "turn_deg", "box_by", "face"),
    *("model_sha256", "origin", "photo_sha256", "rendered_as", "read_at"),
)


def answers_csv(session: UploadSession, cards: Mapping[str, Card]) -> bytes:
    """The answers of all classifiers; no cell is run as a formula by a spreadsheet."""
    classes = sorted({name for card in cards.values() for name in card.classes})
    with speaking(ENGLISH):  # a table for programs, whatever the pages speak
        rows = [
            row
            for photo in session.photos.values()
            for row in _rows(session, photo, cards, classes)
        ]
    return table([*_COLUMNS, *(f"p_{name}" for name in classes)], rows)


def _rows(
    session: UploadSession,
    photo: UploadedPhoto,
    cards: Mapping[str, Card],
    classes: list[str],
) -> Iterator[list[object]]:
    note = session.notes.get(photo.digest, PhotoNote())
    for name in predict.with_together(cards):
        try:
            result = predict.answer(session, photo, name)
        except UnreadablePhotoError:  # said when it was dropped
            return
        verdict = result.verdicts[0]
        ranked = verdict.ranked[:2]
        cells: list[object] = []
        for one, share in ranked:
            cells += [class_title(one), _rounded(share)]
        cells += [None] * (4 - len(cells))
        box = predict.box_read(result) or session.boxes.get(photo.digest)
        edges: list[object] = [None] * 5
        if box is not None:
            sides = (box.left, box.top, box.right, box.bottom)
            edges = [*(round(side, 4) for side in sides), round(box.turn_deg, 1)]
        by = "visitor" if photo.digest in session.boxes else "program"
        yield [
            *(photo.name, note.context, own_reading(note), note.text, name),
            "cannot tell" if verdict.ruler is None else cells[0],
            # Without a ruler the first choice is only what the coin leans to.
            *cells[1:],
            why_not(verdict, result.faces),
            transliterated(predict.letters_of(session, photo, result, name)),
            *(*edges, by if box else ""),
            face_words(predict.face_number(session, photo, result)),
            *(verdict.model, verdict.origin, photo.digest, photo.rendered_as or ""),
            predict.read_at(session, photo, name),
            *(_rounded(verdict.probabilities.get(one)) for one in classes),
        ]


def _rounded(probability: float | None) -> float | None:
    return None if probability is None else round(stated(probability), 4)
