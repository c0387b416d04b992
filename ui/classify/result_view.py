"""One coin: the photo with its faces, the verdict, and what stands behind it."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from coin_core.detection.faces import RotatedBox
from coin_core.model_store.card import Card
from coin_core.results import PhotoResult, Verdict
from ui import cache
from ui.classify.explanation import show_comparison, show_why
from ui.classify.session import TrayPhoto, UploadSession
from ui.classify.verdict import show_probabilities, show_verdict
from ui.components.cropper import correct_crop
from ui.components.overlays import face_name, faces_on_photo

_PICTURE_PX = 480
_WHOLE = RotatedBox(left=0.1, top=0.1, right=0.9, bottom=0.9)


def show_coin(
    session: UploadSession, photo: TrayPhoto, classifier: str, cards: Mapping[str, Card]
) -> None:
    """Everything about one photo, the verdict first."""
    found = session.readings[photo.digest, classifier]
    # Emptied at once, so that nothing of the last coin stands under this one's name.
    top, agreement, why = st.empty(), st.empty(), st.empty()
    with top.container():
        box, read_box, verdict = _show_verdict(session, photo, found, classifier, cards)
    # Only those that know the same classes can agree or disagree.
    classes = cards[classifier].classes
    others = {name: card for name, card in cards.items() if card.classes == classes}
    if len(others) > 1:
        with agreement.container():
            show_comparison(photo, others, box)
    if read_box is not None:
        with why.container():
            show_why(photo, verdict, cards[classifier], read_box)


def _show_verdict(
    session: UploadSession,
    photo: TrayPhoto,
    found: PhotoResult,
    classifier: str,
    cards: Mapping[str, Card],
) -> tuple[RotatedBox | None, RotatedBox | None, Verdict]:
    """Photo and verdict; returns the user's own box, the box read, the verdict."""
    if len(session.photos) > 1:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.header(photo.name, anchor=False)
            if st.button("Remove this photo", type="tertiary"):
                session.remove(photo.digest)
                st.rerun()
    left, right = st.columns([1, 1.1], gap="large")
    with left:
        picture = st.empty()
        box = _choose_face(photo, found)
        box = _corrected(session, photo, found, box)
    reading = found if box is None else cache.reading(photo, (classifier,), box)
    read_box = box or _legend_box(found)
    pixels = cache.pixels(photo)
    height, width = pixels.shape[:2]
    picture.image(
        faces_on_photo(pixels, found.faces, read=read_box),
        # A tall photo would push everything else off the screen.
        width="stretch" if width >= height else round(_PICTURE_PX * width / height),
        caption=photo.name,
        alt=f"{photo.name} with the faces that were found",
    )
    verdict = reading.verdicts[0]
    with right:
        show_verdict(verdict, rendered_as=photo.rendered_as)
        show_probabilities(verdict, cards[classifier])
    return box, read_box, verdict


def _legend_box(found: PhotoResult) -> RotatedBox | None:
    return None if found.legend is None else found.faces[found.legend].box


def _choose_face(photo: TrayPhoto, found: PhotoResult) -> RotatedBox | None:
    """The box of a face that the user prefers to the one that was chosen."""
    if len(found.faces) < 2:
        return None
    numbers = list(range(len(found.faces)))
    chosen = st.pills(
        "Face to read",
        numbers,
        format_func=lambda i: face_name(i + 1, found.faces[i].side),
        default=found.legend,
        key=f"face_{photo.digest}",
        persist_state="session",
        help="The face with the inscription is chosen for you; choose another if the "
        "choice is wrong.",
    )
    if chosen is None or chosen == found.legend:
        return None
    return found.faces[chosen].box


def _corrected(
    session: UploadSession, photo: TrayPhoto, found: PhotoResult, box: RotatedBox | None
) -> RotatedBox | None:
    """The box the user has drawn, as long as the crop is switched to be corrected."""
    start_key = f"crop_start_{photo.digest}"
    mounted = f"cropper_{photo.digest}" in st.session_state
    opened = st.toggle(
        "Correct the crop",
        key=f"correct_{photo.digest}",
        persist_state="session",
        help="Draw the box around the coin yourself, and turn it upright. Switch it "
        "off to go back to the faces that were found.",
    )
    if not opened:
        session.crops.pop(photo.digest, None)
        st.session_state.pop(start_key, None)
        return box
    if start_key not in st.session_state or not mounted:
        # Only when the widget is drawn afresh: a new start would undo the drawing.
        st.session_state[start_key] = (
            session.crops.get(photo.digest) or box or _legend_box(found) or _WHOLE
        )
    drawn = correct_crop(
        cache.pixels(photo), st.session_state[start_key], key=photo.digest
    )
    session.crops[photo.digest] = drawn
    return drawn
