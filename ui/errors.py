"""A `CoinError` becomes one sentence on the page; anything else is left to raise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from coin_core.errors import CoinError


@contextmanager
def errors_on_page() -> Iterator[None]:
    """Show a `CoinError` raised inside the block and go on after it."""
    try:
        yield
    except CoinError as error:
        show_error(str(error))


@contextmanager
def damage_on_page(what: str) -> Iterator[None]:
    """Show that files hold something that this program did not write, and go on."""
    try:
        yield
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        told = f"{type(error).__name__}: {error}"
        show_error(
            f"{what} cannot be shown: its files hold something unexpected ({told})."
        )


def show_error(sentence: str) -> None:
    """Show one sentence about something the user can mend."""
    st.error(sentence, icon=":material/error:")
