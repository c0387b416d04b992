"""One coin: the photo with its faces, the verdict and the reasons."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from coin_core.i18n import _
from coin_core.imaging.preprocessing import RotatedBox
from coin_core.model_store.card import Card
from coin_core.results import MAX_COINS, PhotoResult, RejectReason, Verdict
from coin_core.rulers import DEFAULT_CLASSES, RULERS
from ui.classify.explanation import show_comparison, show_names
from ui.classify.nearest import show_nearest_coins
from ui.classify.photo_bar import show_notes
from ui.classify.picture import show_picture
from ui.classify.predict import (
    ask_all,
    box_read,
    classify_photo,
    face_number,
    legend_fits,
    reads_letters,
    rim_read,
)
from ui.classify.reading import reading_sentences, rim_sentence
from ui.classify.session import UploadedPhoto, UploadSession
from ui.classify.verdict import headline, is_weighed, show_probabilities, show_verdict
from ui.components.overlays import face_name
from ui.errors import errors_on_page

_DEFAULT_BOX = RotatedBox(left=0.1, top=0.1, right=0.9, bottom=0.9)


def show_result(
    session: UploadSession,
    photo: UploadedPhoto,
    classifier: str,
    cards: Mapping[str, Card],
) -> None:
    """Everything about one photo, the verdict first."""
    result = session.results[photo.digest, classifier]
    # Only classifiers of the same classes can agree or disagree.
    classes = cards[classifier].classes
    others = {name: card for name, card in cards.items() if card.classes == classes}
    # Emptied at once, so that nothing of the last coin is left below this verdict.
    top, agreement, similar = st.empty(), st.empty(), st.empty()
    with top.container():
        answer = _show_photo_and_verdict(
            session, photo, result, cards[classifier], others
        )
    if len(others) > 1:
        with agreement.container(), errors_on_page(), st.spinner(_("Comparing …")):
            verdicts, together = ask_all(session, photo, others)
            show_comparison(verdicts, others, together, answer.faces)
    face = box_read(answer)
    if face is not None and classes == DEFAULT_CLASSES:
        with similar.container():
            show_nearest_coins(photo, face)


def _show_photo_and_verdict(
    session: UploadSession,
    photo: UploadedPhoto,
    result: PhotoResult,
    card: Card,
    others: Mapping[str, Card],
) -> PhotoResult:
    """Returns the answer that is shown: on the face found, or on the box chosen."""
    card_of_verdict = st.container()  # first on a phone, too
    left, right = st.columns([1, 1.1], gap="large")
    with left:
        picture = st.container()
        chosen = _choose_face(session, photo, result)
        box = None if chosen is None else result.faces[chosen].box
        crop = _correct_crop(session, photo, box or box_read(result))
        show_notes(session, photo)
    # As long as the box that was found stays, its side is judged as before.
    box = (None if crop == box_read(result) else crop) or box
    if session.choose_box(photo.digest, box):
        st.rerun()  # the table above shows the verdict on the box, too
    answer = result if box is None else classify_photo(photo, (card.name,), box)
    verdict = answer.verdicts[0]
    face = box or box_read(result)
    ruler = verdict.ranked[0][0] if is_weighed(verdict) else ""
    # The face and the ruler whose name is looked for on it; None without letters.
    legend = None
    if face is not None and ruler in RULERS and reads_letters(card.name):
        legend = face, ruler
    reading, asked = "", tuple[Verdict, ...]()
    with card_of_verdict, errors_on_page():
        if legend is not None:
            fits = legend_fits(photo, legend[0], card.name)
            reading = reading_sentences(fits, ruler)
        elif face is not None and ruler and ruler not in RULERS:
            reading = rim_sentence(rim_read(photo, face, card.name))
        if verdict.reason is RejectReason.TOO_WORN and len(others) > 1:
            asked, _together = ask_all(session, photo, others)  # who may lean
    with card_of_verdict:
        show_verdict(
            verdict,
            card,
            answer=headline(verdict, asked, answer.faces),
            face=face_number(session, photo, answer),
            reading=reading,
            rendered_as=photo.rendered_as,
        )
    with picture, errors_on_page():
        show_picture(
            session,
            photo,
            result,
            classified=face,
            classifier=card.name,
            ruler=ruler,
            with_letters=legend is not None,
            crop=(crop, f"{photo.digest}:{session.crop_count}") if crop else None,
        )
    with right:
        if legend is not None:
            with errors_on_page():
                show_names(photo, card.name, *legend)
        show_probabilities(verdict, card)
    return answer


def _choose_face(
    session: UploadSession, photo: UploadedPhoto, result: PhotoResult
) -> int | None:
    """The face that the visitor chose, for all classifiers; None if none was."""
    if len(result.faces) < 2:
        return None
    usual = result.face_read(result.verdicts[0])
    of_rulers = result.verdicts[0].is_of_rulers
    # Classifiers of other coins read another face until one is chosen.
    key = f"face_{photo.digest}"
    st.session_state[key] = session.faces.get(photo.digest, usual)

    def choose() -> None:
        session.forget_crop(photo.digest)
        session.faces.pop(photo.digest, None)
        if (face := st.session_state[key]) not in (None, usual):
            session.faces[photo.digest] = face

    st.pills(
        _("Face to read"),
        range(len(result.faces)),
        format_func=lambda i: face_name(i + 1, result.faces[i]),
        wrap=True,
        key=key,
        on_change=choose,
        help=_(
            "The face with the inscription is chosen for you; choose another if the "
            "choice is wrong."
        )
        if of_rulers
        else _(
            "The first face is chosen for you, as in training; choose another if the "
            "choice is wrong."
        ),
    )
    if len(result.faces) >= MAX_COINS:
        st.caption(
            _(
                "Up to {n} coins of a photo are found, the largest ones. If it shows "
                "more, photograph the others separately."
            ).format(n=MAX_COINS)
        )
    return session.faces.get(photo.digest)


def _correct_crop(
    session: UploadSession, photo: UploadedPhoto, start: RotatedBox | None
) -> RotatedBox | None:
    """The box that the visitor draws, begun with `start`; None if none is drawn."""
    if not st.toggle(
        _("Correct the crop"),
        key=f"correct_{photo.digest}",
        persist_state="session",
        help=_(
            "Draw the box around the coin yourself, and turn it upright. Switch it "
            "off to go back to the faces that were found."
        ),
    ):
        session.forget_crop(photo.digest)
        return None
    return session.crops.setdefault(photo.digest, start or _DEFAULT_BOX)
