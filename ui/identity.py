"""Who visits the pages: told by a proxy, by a log-in, or by nobody.

An operator who names the header of a proxy (`server.trustedUserHeaders`) or a provider
of log-ins (`[auth]` in `.streamlit/secrets.toml`) makes names certain, and gives them
roles (`coin_core.access`). Otherwise this is one person's machine: the name is typed,
and whoever sees the pages may do everything.
"""

from __future__ import annotations

import os
import secrets
from importlib.util import find_spec
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from coin_core.access import (
    ADMINS,
    EDITORS,
    Person,
    Role,
    current_person,
    identify_by,
    role_of,
)
from coin_core.i18n import _
from ui.errors import show_error

_NOBODY = Person(name="", role=Role.READER)


def find_visitor() -> Person:
    """The visitor of this page; a reader without a name where that is not known."""
    user = _user_info()
    if headers := _trusted_headers():
        name = user.get(next(iter(headers.values())))
    elif _has_login():
        # A name or an unchecked address is what the visitor says of himself.
        is_checked = user.get("email_verified") is True
        name = user.get("email") if is_checked else user.get("sub")
        name = name if user.get("is_logged_in") is True else None
    elif _has_roles():
        return _NOBODY
    else:
        return Person(name="", is_verified=False, visit=_visit())
    signature = " ".join(str(name or "").split())
    if not signature:
        return _NOBODY
    return Person(name=signature, role=role_of(signature), visit=_visit())


def show_visitor() -> None:
    """Show who visits, or how to log in; the page ends here for strangers."""
    person = current_person()
    if not person.is_verified:
        return
    if person.name:
        with st.sidebar:
            st.text(
                _("Signed in as {name}, {role}").format(
                    name=person.name, role=_(person.role)
                )
            )
            if not _trusted_headers():
                st.button(
                    _("Log out"), type="tertiary", key="log_out", on_click=st.logout
                )
        return
    if _trusted_headers():
        show_error(
            _(
                "The proxy in front of this program has not said who you are. Open "
                "the address of the proxy, and log in there."
            )
        )
    elif not _has_login():
        show_error(
            _(
                "{admins} or {editors} gives roles, but nothing says who visits. "
                "Whoever runs this program sets up a proxy or a log-in, or unsets them."
            ).format(admins=ADMINS, editors=EDITORS)
        )
    elif find_spec("authlib") is not None:
        st.button(_("Log in"), type="primary", key="log_in", on_click=st.login)
    else:
        show_error(_("To log in, this program needs Authlib: pip install Authlib"))
    st.stop()


def _user_info() -> dict[str, Any]:
    return dict(st.user.to_dict()) if _in_page() else {}


def _in_page() -> bool:
    return get_script_run_ctx(suppress_warning=True) is not None


def _trusted_headers() -> dict[str, str]:
    return dict(st.get_option("server.trustedUserHeaders") or {})


def _has_login() -> bool:
    return st.secrets.load_if_toml_exists() and "auth" in st.secrets


def _has_roles() -> bool:
    return bool(os.environ.get(ADMINS) or os.environ.get(EDITORS))


def _visit() -> str:
    """The beginning of the ids of this visit's actions."""
    if not _in_page():
        return ""
    visit: str = st.session_state.setdefault("visit", secrets.token_hex(6))
    return visit


identify_by(find_visitor)
