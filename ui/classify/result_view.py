"""One coin: the photo with its faces, the verdict and the reasons."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from coin_core.detection.faces import RotatedBox
from coin_core.legend_alignment import LegendFit
from coin_core.model_store.card import Card
from coin_core.results import PhotoResult, RejectReason, Verdict
from coin_core.rulers import RULERS
from ui.classify.explanation import show_comparison, show_explanation
from ui.classify.predict import classify_photo, legend_fits, photo_pixels
from ui.classify.reading import reading_sentences
from ui.classify.session import UploadedPhoto, UploadSession
from ui.classify.verdict import show_probabilities, show_verdict
from ui.components.cropper import correct_crop
from ui.components.overlays import face_name, faces_on_photo
from ui.errors import errors_on_page
from ui.formatting import as_text

_PICTURE_PX = 480
_DEFAULT_BOX = RotatedBox(left=0.1, top=0.1, right=0.9, bottom=0.9)


def show_result(
    session: UploadSession,
    photo: UploadedPhoto,
    classifier: str,
    cards: Mapping[str, Card],
) -> None:
    """Everything about one photo, the verdict first."""
    result = session.results[photo.digest, classifier]
    # Emptied at once, so that nothing of the last coin is left below this verdict.
    top, agreement, reasons = st.empty(), st.empty(), st.empty()
    with top.container():
        box, verdict = _show_photo_and_verdict(
            session, photo, result, classifier, cards
        )
    # Only classifiers of the same classes can agree or disagree.
    classes = cards[classifier].classes
    others = {name: card for name, card in cards.items() if card.classes == classes}
    if len(others) > 1:
        with agreement.container():
            show_comparison(photo, others, box)
    classified_box = box or _legend_box(result)
    if classified_box is not None:
        with reasons.container():
            show_explanation(photo, verdict, cards[classifier], classified_box)


def _show_photo_and_verdict(
    session: UploadSession,
    photo: UploadedPhoto,
    result: PhotoResult,
    classifier: str,
    cards: Mapping[str, Card],
) -> tuple[RotatedBox | None, Verdict]:
    """Returns the box that the visitor chose, if any, and the verdict on it."""
    left, right = st.columns([1, 1.1], gap="large")
    with left:
        picture = st.empty()
        box = _choose_face(photo, result)
        box = _correct_crop(session, photo, result, box)
        if session.choose_box(photo.digest, box):
            st.rerun()  # the table above shows the verdict on the box, too
    verdicts = (
        result if box is None else classify_photo(photo, (classifier,), box)
    ).verdicts
    pixels = photo_pixels(photo)
    height, width = pixels.shape[:2]
    picture.image(
        faces_on_photo(pixels, result.faces, classified=box or _legend_box(result)),
        # A tall photo would push everything else off the screen.
        width="stretch" if width >= height else round(_PICTURE_PX * width / height),
        caption=as_text(photo.name),
        alt=f"{photo.name} with the faces that were found",
    )
    with right:
        reading = _reading(photo, box or _legend_box(result), verdicts[0])
        show_verdict(verdicts[0], reading=reading, rendered_as=photo.rendered_as)
        show_probabilities(verdicts[0], cards[classifier])
    return box, verdicts[0]


def _reading(photo: UploadedPhoto, box: RotatedBox | None, verdict: Verdict) -> str:
    """What the letters say for the verdict; "" where no legend was weighed."""
    if box is None or verdict.reason not in (None, RejectReason.TOO_WORN):
        return ""
    ruler = verdict.ranked[0][0]
    if ruler not in RULERS:
        return ""
    fits: tuple[LegendFit, ...] = ()
    with errors_on_page():
        fits = legend_fits(photo, box, verdict.classifier)
    return reading_sentences(fits, ruler) if fits else ""


def _legend_box(result: PhotoResult) -> RotatedBox | None:
    return None if result.legend is None else result.faces[result.legend].box


def _choose_face(photo: UploadedPhoto, result: PhotoResult) -> RotatedBox | None:
    """The box of another face than the legend side, if the visitor chose one."""
    if len(result.faces) < 2:
        return None
    chosen = st.pills(
        "Face to read",
        range(len(result.faces)),
        format_func=lambda i: face_name(i + 1, result.faces[i].side),
        default=result.legend,
        key=f"face_{photo.digest}",
        persist_state="session",
        help="The face with the inscription is chosen for you; choose another if the "
        "choice is wrong.",
    )
    if chosen is None or chosen == result.legend:
        return None
    return result.faces[chosen].box


def _correct_crop(
    session: UploadSession,
    photo: UploadedPhoto,
    result: PhotoResult,
    box: RotatedBox | None,
) -> RotatedBox | None:
    """The box that the visitor drew while "Correct the crop" is on; otherwise `box`."""
    start_key = f"crop_start_{photo.digest}"
    is_mounted = f"cropper_{photo.digest}" in st.session_state
    if not st.toggle(
        "Correct the crop",
        key=f"correct_{photo.digest}",
        persist_state="session",
        help="Draw the box around the coin yourself, and turn it upright. Switch it "
        "off to go back to the faces that were found.",
    ):
        session.crops.pop(photo.digest, None)
        st.session_state.pop(start_key, None)
        return box
    if start_key not in st.session_state or not is_mounted:
        # Set only when the widget is new: another start would undo the drawing.
        st.session_state[start_key] = (
            session.crops.get(photo.digest)
            or box
            or _legend_box(result)
            or _DEFAULT_BOX
        )
    drawn = correct_crop(
        photo_pixels(photo), st.session_state[start_key], key=photo.digest
    )
    session.crops[photo.digest] = drawn
    return drawn
