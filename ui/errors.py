"""How a page shows errors: a `CoinError` is one sentence, others are raised."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from coin_core.errors import KNOWN_ERRORS, sentence_of
from coin_core.i18n import N_, _, translate
from ui.formatting import as_text

# How errors of a disk read, for `translate`; see `coin_core.errors.explain_disk_error`.
_OF_DISKS = (
    N_("{path}: the disk is full. Make room and do it again."),
    N_("{path}: this is not permitted. Check the permissions."),
    N_("{path}: another process is at work on it. Try again in a moment."),
)
DAMAGE = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
"""What code raises that reads damaged files without checking each value."""


def show_error(message: str) -> None:
    """Show one message, as text, about something that the visitor can correct."""
    st.error(as_text(translate(message)), icon=":material/error:")


@contextmanager
def errors_on_page() -> Iterator[None]:
    """Show a `CoinError` or an error of a disk, and continue after the block."""
    try:
        yield
    except KNOWN_ERRORS as error:
        show_error(sentence_of(error))


@contextmanager
def damage_on_page(title: str) -> Iterator[None]:
    """Show that damaged files cannot be displayed, and continue after the block.

    Args:
        title: What cannot be shown, at the start of the sentence.
    """
    try:
        yield
    except DAMAGE as error:
        cause = f"{type(error).__name__}: {error}"
        show_error(
            _(
                "{title} cannot be shown: its files hold something unexpected "
                "({cause})."
            ).format(title=title, cause=cause)
        )
