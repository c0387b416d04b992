"""The photo in the viewer, with its faces, its letters and the heat map on it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from coin_core.i18n import _
from coin_core.imaging.preprocessing import RotatedBox
from coin_core.results import PhotoResult, class_title
from ui.classify import predict
from ui.classify.session import UploadedPhoto, UploadSession
from ui.components.cropper import crop_data, crop_help, read_crop, viewer_words
from ui.components.custom import photo_viewer
from ui.components.images import media_address, shrink, to_jpeg
from ui.components.overlays import (
    face_outlines,
    heat_layer,
    letter_outlines,
    upright_deg,
)
from ui.components.paleo_hebrew import letters_of_name
from ui.errors import errors_on_page
from ui.formatting import as_text

_KEY = "coin_viewer"
_LONGEST_PX = 1400
_HEIGHT_PX = 440
_TURNED_DEG = 20  # a legend turned by less is read without turning the photo


def show_picture(
    session: UploadSession,
    photo: UploadedPhoto,
    result: PhotoResult,
    *,
    classified: RotatedBox | None,
    classifier: str,
    ruler: str,
    with_letters: bool,
    crop: tuple[RotatedBox, str] | None,
) -> None:
    """The photo, and below it what its layers show.

    Args:
        session: Takes the box that is drawn.
        photo: The photo.
        result: Its faces.
        classified: The face that is read.
        classifier: Whose letters and heat map are drawn.
        ruler: Whose name is in bronze, and what the heat map is for; "" for none.
        with_letters: Whether the classifier reads letters.
        crop: The box that is being drawn, and its id.
    """
    pixels = predict.photo_pixels(photo)
    height, width = pixels.shape[:2]
    size = width, height
    data: dict[str, Any] = {
        "photo": photo.digest,
        "src": media_address(_jpeg(photo), _KEY),
        "alt": _("{photo} with the faces that were found").format(photo=photo.name),
        "widthPx": width,
        "heightPx": height,
        "height": _HEIGHT_PX,
        "faces": face_outlines(result.faces, classified=classified),
        "help": crop_help() if crop else _viewer_help(with_letters),
        "words": viewer_words(),
        "badge": "" if photo.rendered_as is None else _("rendered coin"),
        "layers": [],
    }
    if classified is not None:
        data["focus"] = [
            classified.left,
            classified.top,
            classified.right,
            classified.bottom,
        ]
    if with_letters and classified is not None:
        pose = predict.legend_pose(photo, classified, classifier)
        fits = predict.legend_fits(photo, classified, classifier)
        upright = upright_deg(pose, classified)
        data["letters"] = letter_outlines(
            predict.letters_read(photo, classified, classifier),
            pose,
            classified,
            size,
            letters_of_name(fits, ruler),
        )
        data["upright"] = upright if abs(upright) >= _TURNED_DEG else 0
        data["layers"].append(
            {
                "name": "letters",
                "title": _("Letters"),
                "strength": _("Strength of the letters"),
                "shown": True,
                "opacity": 100,
            }
        )
    heat_words = ""
    if ruler and classified is not None:
        data["layers"].append(
            {
                "name": "heat",
                "title": _("Heat map"),
                "strength": _("Strength of the heat map"),
                "shown": False,
                "opacity": 70,
                "ask": True,
            }
        )
        if _wants_heat():
            with errors_on_page():
                heat = predict.heat_map(photo, classified, classifier, ruler)
                data["heat"] = heat_layer(heat, classified, size)
                heat_words = _heat_words(bool(heat.any()), ruler)
    if crop is not None:
        data["crop"] = crop_data(*crop)

    def store_crop() -> None:
        drawn = st.session_state[_KEY].get("crop")
        box = read_crop(drawn, crop[1]) if crop else None
        if box is not None:
            session.crops[photo.digest] = box

    photo_viewer(
        data=data,
        key=_KEY,
        on_crop_change=store_crop,
        on_heat_change=lambda: None,
    )
    if heat_words:
        st.caption(as_text(heat_words))


@st.cache_data(
    show_spinner=False, max_entries=20, hash_funcs={UploadedPhoto: lambda p: p.digest}
)
def _jpeg(photo: UploadedPhoto) -> bytes:
    return to_jpeg(shrink(predict.photo_pixels(photo), _LONGEST_PX), quality=85)


def _wants_heat() -> bool:
    """Whether the visitor has switched the heat map on."""
    state = st.session_state.get(_KEY)
    return bool(state and state.get("heat"))


def _heat_words(is_anywhere: bool, ruler: str) -> str:
    text = (
        _("Heat map: hiding a warm place makes {ruler} less probable.")
        if is_anywhere
        else _(
            "The heat map is empty: no single place makes {ruler} less probable "
            "when it is hidden."
        )
    )
    return text.format(ruler=class_title(ruler))


def _viewer_help(with_letters: bool) -> str:
    if with_letters:
        return _(
            "+ and − zoom, 0 shows the whole photo, arrow keys or dragging move it, "
            "Tab goes from letter to letter."
        )
    return _("+ and − zoom, 0 shows the whole photo, arrow keys or dragging move it.")
