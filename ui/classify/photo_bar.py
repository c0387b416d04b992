"""The bar above one photo, to the next one; and what to note of it."""

from __future__ import annotations

from dataclasses import replace
from html import escape

import streamlit as st

from coin_core.i18n import _, is_right_to_left
from coin_core.results import class_title
from ui import resources
from ui.classify.session import NOBODY, PhotoNote, UploadedPhoto, UploadSession
from ui.dataset.formatting import ruler_keys
from ui.language import arrow, key_of_menu

_MAX_NOTE = 300


def show_photo_bar(session: UploadSession, photo: UploadedPhoto) -> None:
    """Arrows from photo to photo (keys too), and the name."""
    order = list(session.photos)
    place, count = order.index(photo.digest), len(order)
    with st.container(horizontal=True, vertical_alignment="center", key="photo_bar"):
        if count > 1:
            _show_arrow(session, -1, disabled=place == 0)
            _show_arrow(session, 1, disabled=place == count - 1)
        words = _("{number} of {count}").format(number=place + 1, count=count)
        st.html(
            f'<p class="coin-photo"><b dir="auto">{escape(photo.name)}</b> '
            f'<span class="coin-soft">{escape(words if count > 1 else "")}</span></p>'
        )
        st.button(
            _("Remove this photo"),
            type="tertiary",
            icon=":material/close:",
            key="remove_photo",
            on_click=session.remove,
            args=(photo.digest,),
        )


def _show_arrow(session: UploadSession, step: int, *, disabled: bool) -> None:
    """A button to the photo before or after; it points where the key does."""
    is_back = step < 0
    st.button(
        _("Previous") if is_back else _("Next"),
        icon=arrow(forward=not is_back),
        key="previous_photo" if is_back else "next_photo",
        shortcut="Left" if is_back != is_right_to_left() else "Right",
        disabled=disabled,
        on_click=session.step,
        args=(step,),
    )


def show_notes(session: UploadSession, photo: UploadedPhoto) -> None:
    """The find's number, the visitor's own reading, and a remark, for the exports."""
    note = session.notes.get(photo.digest, PhotoNote())

    def store(name: str, key: str) -> None:
        value = st.session_state[key] or ""
        kept = session.notes.get(photo.digest, PhotoNote())
        session.notes[photo.digest] = replace(kept, **{name: str(value)[:_MAX_NOTE]})

    def ruler_words(ruler: str) -> str:
        if ruler == NOBODY:
            return _("cannot tell")
        return class_title(ruler) if ruler else _("as the classifier reads it")

    readings = _readings(note)
    with st.container(horizontal=True, vertical_alignment="bottom", key="photo_notes"):
        st.text_input(
            _("Find or context"),
            value=note.context,
            key=(key := f"context_{photo.digest}"),
            max_chars=_MAX_NOTE,
            placeholder=_("number"),
            on_change=store,
            args=("context", key),
            width=150,
        )
        st.selectbox(
            _("Your own reading"),
            readings,
            index=readings.index(note.ruler),
            format_func=ruler_words,
            key=(key := key_of_menu(f"ruler_{photo.digest}")),
            on_change=store,
            args=("ruler", key),
            width="stretch",
        )
    st.text_input(
        _("Note"),
        value=note.text,
        key=(key := f"text_{photo.digest}"),
        max_chars=_MAX_NOTE,
        on_change=store,
        args=("text", key),
    )


def _readings(note: PhotoNote) -> tuple[str, ...]:
    """What a visitor may read: a ruler, or a class of an installed classifier."""
    classes = (name for one in resources.bundles()[0] for name in one.card.classes)
    return tuple(dict.fromkeys(("", *ruler_keys((*classes, note.ruler)), NOBODY)))
