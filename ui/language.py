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
    _,
    current_language,
    find_language_by,
    languages,
)
from ui.components.custom import kept_language

COOKIE = "coin-language"
_KEY = "language"
_MENUS = ("f_", "train_start", "train_version", "runs_states")


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


@cache
def text_direction(language: str) -> str:
    """The direction of a language's text, "ltr" or "rtl"."""
    from babel import Locale

    return Locale.parse(language).text_direction


def is_right_to_left() -> bool:
    """Whether the current language runs from right to left."""
    return text_direction(current_language()) == "rtl"


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
        key="language_switch",
        label_visibility="collapsed",
        on_change=_change_language,
    )


def _change_language() -> None:
    st.session_state[_KEY] = st.session_state["language_switch"]
    st.query_params.pop("lang", None)
    # A menu in the browser keeps the words of its choice, unless it is given anew.
    for key, value in list(st.session_state.items()):
        if str(key).startswith(_MENUS):
            st.session_state[key] = value


find_language_by(find_language)
