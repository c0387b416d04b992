"""The language of a visit: its switch, where it is kept, and the direction of text.

It is the one of the address (`?lang=he`), else the one that this browser keeps in a
cookie, else English. `coin_core.i18n` says how texts are wrapped.
"""

from __future__ import annotations

from functools import cache

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from coin_core.i18n import (
    ENGLISH,
    N_,
    _,
    current_language,
    find_language_by,
    is_right_to_left,
    languages,
    text_direction,
)
from ui.components.custom import kept_language

COOKIE = "coin-language"
_KEY = "language"
_STREAMLIT = (
    # of menus and fields
    *(N_("No results"), N_("No options to select"), N_("Choose an option")),
    *(N_("Choose options"), N_("Select all"), N_("Select {count} matches")),
    *(N_("Clear all"), N_("Clear value"), N_("Clear entry"), N_("Open")),
    *(N_("Selected values"), N_("Remove {name}"), N_("Press Enter to apply")),
    *(N_("Press Enter to submit form"), N_("Increment"), N_("Decrement")),
    *(N_("{count} options available."), N_("1 option available.")),
    *(
        N_("Dismiss"),
        N_("Help"),
        N_("Help for {name}"),
        N_("Shortcut {key}"),
        N_("Close"),
    ),
    # of tables and charts
    *(N_("Fullscreen"), N_("Fullscreen: {name}"), N_("Close fullscreen")),
    *(N_("Download as CSV"), N_("Search"), N_("Show/hide columns")),
    *(N_("Clear selection"), N_("Sort ascending"), N_("Sort descending")),
    *(N_("Format"), N_("Autosize"), N_("Pin column"), N_("Unpin column")),
    *(N_("Hide column"), N_("Statistics"), N_("Automatic"), N_("Localized")),
    *(N_("Plain"), N_("Compact"), N_("Percent"), N_("Scientific"), N_("Accounting")),
    *(N_("Dollar"), N_("Euro"), N_("Yen"), N_("Copy column name")),
    *(N_("Type to search"), N_("Close Search"), N_("Next Result")),
    *(N_("Previous Result"), N_("Dataframe column menu"), N_("No data")),
    *(N_("progress"), N_("Copy to clipboard")),
    *(N_("Pagination"), N_("Previous page"), N_("Next page"), N_("Page {number}")),
    # of the frame around the page
    *(N_("Skip to main content"), N_("Sidebar"), N_("Expand sidebar")),
    *(N_("Collapse sidebar"), N_("Main menu"), N_("Running..."), N_("Stop")),
    *(N_("Rerun"), N_("Print"), N_("Connecting"), N_("Connection error")),
    *(N_("Notifications"), N_("Settings"), N_("Navigate to home page")),
    # of the drop zone
    *(N_("file upload"), N_("Error:"), N_("File must be {size} or smaller.")),
    *(N_("Upload failed"), N_("Unexpected error. Please try again.")),
    N_("Cancel upload of {name}"),
)
"""Words of Streamlit, which has them in English only."""
_INSTEAD = {
    "Upload": N_("Choose files"),
    "Upload directories": N_("Choose a folder"),
    "Add files": N_("Add files"),
    "Drag and drop a file here": N_("Drop the files here"),
    "Drag and drop files here": N_("Drop the files here"),
    "Drag and drop directories here": N_("Drop the folder here"),
    "{size}MB per file": N_("or drop them here; up to {size} MB each"),
}
"""Words of Streamlit, of its drop zone, with better ones."""
MENUS = (
    *("f_", "train_classifier", "train_start", "train_version", "train_folder"),
    *("runs_classifiers", "runs_states", "export_version", "export_form", "backup"),
    "column_",
)
"""How the keys of the menus begin that hold the only copy of a choice."""


def find_language() -> str:
    """The language of this visit; English where there is no page."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return ENGLISH
    language = st.session_state.get(_KEY)  # asked for each text of the page
    if language is None:
        wanted = st.query_params.get("lang") or st.context.cookies.get(COOKIE)
        language = wanted if wanted in languages() else ENGLISH
        st.session_state[_KEY] = language
    return str(language)


@cache
def language_name(language: str) -> str:
    """The name of a language in itself: "English", "עברית"."""
    from babel import Locale

    return (Locale.parse(language).get_display_name(language) or language).title()


def arrow(*, forward: bool) -> str:
    """The icon that points on, or back, in the direction of the text."""
    is_right = forward != is_right_to_left()
    return ":material/arrow_forward:" if is_right else ":material/arrow_back:"


def show_language_switch() -> None:
    """Show the switch in the sidebar, and keep the language in the browser."""
    language = current_language()
    kept_language(
        data={
            "cookie": COOKIE,
            "language": language,
            "direction": text_direction(language),
            "streamlit": streamlit_words(),
        },
        key="kept_language",
        height=1,
    )
    st.segmented_control(
        _("Language"),
        languages(),
        format_func=language_name,
        default=language,
        required=True,
        wrap=True,
        key="language_switch",
        label_visibility="collapsed",
        on_change=_change_language,
    )


def key_of_menu(key: str) -> str:
    """The key of a menu whose choice is stored elsewhere: another in each language.

    A browser answers with the words of a choice. Those of another language are none
    of the menu's, and would be stored as they are.
    """
    return f"{key}_{current_language()}"


def streamlit_words() -> list[tuple[str, str]]:
    """Each of Streamlit's words with what takes its place in the current language."""
    words = {word: _(word) for word in _STREAMLIT}
    words |= {word: _(text) for word, text in _INSTEAD.items()}
    return [(word, text) for word, text in words.items() if text != word]


def _change_language() -> None:
    st.session_state[_KEY] = st.session_state["language_switch"]
    st.query_params.pop("lang", None)
    # A menu in the browser keeps the words of its choice, unless it is given anew.
    for key, value in list(st.session_state.items()):
        if str(key).startswith(MENUS) and not isinstance(value, bool):
            st.session_state[key] = value


find_language_by(find_language)
