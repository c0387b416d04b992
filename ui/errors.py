"""How a page shows errors: a `CoinError` is one sentence, others are raised."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from coin_core.errors import KNOWN_ERRORS, sentence_of
from coin_core.i18n import N_, _, translate
from ui.formatting import as_text

# How sentences read that are made of parts, and the parts, for `translate`.
_PARTS = (
    # of `coin_core.errors`, about disks
    N_("{path}: the disk is full. Make room and do it again."),
    N_("{path}: this is not permitted. Check the permissions."),
    N_("{path}: another process is at work on it. Try again in a moment."),
    N_("{path}: {error}. Check the disk."),
    N_("{failure}: {reason}; nothing was changed."),
    N_("{failure}: {reason}; nothing was left there."),
    N_("{failure}: {reason}; nothing was sent."),
    N_("the disk is full. Make room and do it again"),
    N_("this is not permitted. Check the permissions"),
    N_("another process is at work on it. Try again in a moment"),
    N_("{error}. Check the disk"),
    N_("{out} cannot be written"),
    N_("The copy in {out} could not be finished"),
    N_("A photo could not be stored in {folder}"),
    N_("The choice of the model could not be stored"),
    N_("The model cannot be installed"),
    N_("The models of the team cannot be fetched"),
    N_("The models could not be compared with those of the store"),
    # of jobs and imports
    N_("{title} is running already. Wait for it, or stop it first."),
    N_("{title} is running already on {machine}. Wait for it, or stop it first."),
    *(
        N_("{count} of {total} photos read: {new} imported"),
        N_("{count} known already"),
    ),
    *(N_("{count} of {total} coins rendered"), N_("{count} recognised as known coins")),
    *(N_("{count} photos gathered"), N_("{count} coins looked at")),
    *(N_("{count} new photos"), N_("{count} of them labelled"), N_("{count} failed")),
    *(N_("{count} coins left out"), N_("{count} could not be read")),
    N_("The same coin as {name} (photo {photo_id}), by its look."),
    N_("The same coin as photo {photo_id}, by its look."),
    N_("What it lacked was added: {facts}."),
    N_(
        "Looks the same as photo {photo_id}, but the texts name different rulers, or "
        "one is in doubt; they stay two coins."
    ),
    N_(
        "Looks the same as {name} (photo {photo_id}), which is labelled {ruler}; the "
        "two were not put together."
    ),
    N_(
        "Looks the same as {name} (photo {photo_id}), which is labelled {ruler}; the "
        "two were not put together, as this ruler is in doubt."
    ),
    N_("The file is damaged beside its pixels ({names}); they are whole."),
    N_("The end marker of the file is missing; its pixels are whole."),
    # why files are not in, after their names
    N_("is {kind} that is damaged or cut short."),
    N_("is {kind} that takes too much memory to decode."),
    N_("is {kind} that was not decoded within {n} s."),
    N_("is {kind} that takes more than {n} s to decode."),
    N_("is {kind} that crashes the decoder."),
    *(N_("is larger than {size} MB."), N_("cannot be opened ({reason}).")),
    N_("in {archive} has a path that leads out of the archive; it was left out."),
    N_("in {archive} is a link or a device, no file; it was left out."),
    N_(
        "in {archive} is locked with a password. Unpack the archive and import the "
        "folder."
    ),
    N_(
        "in {archive} is an archive inside an archive. Unpack it and import it by "
        "itself."
    ),
    N_("in {archive} is larger than {size} MB, which no photo here may be."),
    N_("in {archive} unpacks to far more than a photo would; it was left out."),
    N_(
        "in {archive} cannot be unpacked: it is damaged, locked, or packed in an "
        "unusual way. Unpack the archive and import the folder."
    ),
    N_("in {archive} is larger than it says, and than {size} MB."),
    N_(
        "is no ZIP archive, or is damaged. Pack it again, or unpack it and import the "
        "folder."
    ),
    *(N_("is not there."), N_("has more than {count} million pixels.")),
    N_("The program failed on it ({cause})."),
    N_("No coin was found on it."),
    N_("{cell} names no known ruler, so it gave no label."),
    N_("{cell} names no known ruler, so the folder gave no label."),
    N_("{cell} is no known name on a coin; it was left out."),
    N_("{cell} is in doubt, so it gave no label."),
    N_("Decide in the review whether it is {ruler}."),
    N_("{cell} is not a weight in grams; it was left out."),
    N_("{cell} is not a diameter in millimetres; it was left out."),
    N_("{cell} is not a die axis in hours; it was left out."),
    N_("{cell} is no date such as 2026-01-31; it was left out."),
    N_("The crops in its row were not understood, and were left out."),
    N_("{cell} was cut after {count} characters."),
    N_("Row {number} of {table} names {name}"),
    N_(
        "Row {number} of {table} lists {name} again, as {ruler}; row {used} of "
        "{source} was used."
    ),
    N_(
        "Row {number} of {table} lists {name} again, with other {fields}; row {used} "
        "of {source} was used."
    ),
    N_("{count} more rows list it."),
    N_("The rows name different rulers, so they gave no label."),
    N_("Row {number} of {table} calls its coin {ruler}; the label {label} was kept."),
    N_(
        "Other values that row {number} of {table} has for its coin were not used: "
        "{fields}."
    ),
    N_("It was interrupted; it can go on from where it was."),
    N_("Row {number} of {name} names no file."),
    N_("{where}, and several photos have that name. Give its folder too."),
    N_("{where}, which is not in the archive."),
    N_("{where}, which is not there."),
    N_(
        "{where}, which is outside the table's folder. Import that folder together "
        "with the table."
    ),
    N_("column {number}"),
    *(
        N_("is empty"),
        N_("is missing"),
        N_("is of another program"),
        N_("is not there"),
        N_("is no file"),
    ),
    N_("waiting"),
    *(N_("photos"), N_("comparing the photos")),
    # of versions
    N_("Frozen by {who}. Shares {fractions}. Left out: {reasons}."),
    N_("Frozen by {who}. Shares {fractions}."),
    *(N_("Shares {fractions}. Left out: {reasons}."), N_("Shares {fractions}.")),
    *(N_("{count} excluded"), N_("{count} without a ruler")),
    *(N_("{count} not freely licensed"), N_("{count} without the legend side")),
    N_("{count} rendered demo coins"),
    # of photos and models
    N_(
        "The process that decodes photos does not start ({error}). Install the program "
        "again, or see what this prints: python -m coin_core.imaging.decoder"
    ),
    N_("Copy the bundle again, or train it again."),
    N_("belongs to another network"),
    N_("the program uses it itself"),
    N_("a name is up to 64 Latin or Hebrew letters, digits, '.', '_' and '-'"),
    N_("Stopped before anything was learned. The same command starts again."),
    # of runs
    *(N_("config.json is missing."), N_("config.json cannot be read.")),
    N_("report.json cannot be read."),
    N_("report.json names a state that is not known."),
    N_("Its files have unexpected content ({error})."),
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
