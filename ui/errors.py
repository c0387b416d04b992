"""A `CoinError` becomes one sentence on the page; anything else is left to raise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from coin_core.errors import CoinError


@contextmanager
def shown_on_page() -> Iterator[None]:
    """Show a `CoinError` raised inside the block and go on after it."""
    try:
        yield
    except CoinError as error:
        show(str(error))


def show(sentence: str) -> None:
    """Show one sentence about something the user can mend."""
    st.error(sentence, icon=":material/error:")
