"""Photos on their way from another page to Classify.

The pages know nothing of each other: what is put here is taken by Classify when it is
drawn next.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import streamlit as st

from coin_core.imaging.preprocessing import RotatedBox

CLASSIFY_PAGE = "pages/1_Classify.py"
DATASET_PAGE = "pages/2_Dataset.py"
_KEY = "photos_for_classify"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPhoto:
    """A photo that another page sends.

    Attributes:
        name: Of its file.
        data: Its bytes.
        box: The coin in it as somebody has boxed it; None to look for it.
        rendered_as: What a rendered coin shows; None for a photo.
    """

    name: str
    data: bytes = field(repr=False)
    box: RotatedBox | None = None
    rendered_as: str | None = None


def send_to_classify(photos: Iterable[SentPhoto]) -> None:
    """Keep photos for the Classify page; call `st.switch_page(CLASSIFY_PAGE)` next."""
    st.session_state[_KEY] = [*st.session_state.get(_KEY, ()), *photos]


def take_sent_photos() -> list[SentPhoto]:
    """The photos that were sent since the last time."""
    return list(st.session_state.pop(_KEY, ()))
