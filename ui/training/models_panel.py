"""The installed models: add one from a ZIP file, choose which answers, go back."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st

from coin_core.access import Right, may, refusal
from coin_core.i18n import _
from coin_core.model_store.bundle import Card
from coin_core.model_store.promotion import (
    can_roll_back,
    demote,
    promote,
    promoted,
    roll_back,
)
from ui import resources
from ui.errors import errors_on_page, show_error
from ui.formatting import as_text, full_title, with_mark
from ui.memory import forget_uploads

_ADDED = "model_added"


def show_models() -> None:
    """The models of this installation, for those who may change them to change."""
    found, problems = resources.bundles()
    with st.expander(
        _("Models: {count}").format(count=len(found)), icon=":material/deployed_code:"
    ):
        if name := st.session_state.pop(_ADDED, None):
            st.success(
                _("{name} is installed, and the pages offer it.").format(
                    name=as_text(name)
                )
            )
        st.caption(
            _(
                "The Classify page opens with the active model, and the API "
                "answers with it unless a request names another."
            )
        )
        active = promoted() or found[0].name if found else ""
        with errors_on_page():
            for bundle in found:
                _show_model(
                    bundle.name,
                    _title(bundle.card),
                    is_active=bundle.name == active,
                )
        for problem in problems:
            show_error(problem.sentence)
        if not may(Right.PROMOTE):
            st.caption(refusal(Right.PROMOTE))
            return
        with errors_on_page():
            if can_roll_back() and st.button(
                _("Undo the last choice"), icon=":material/undo:", key="model_roll_back"
            ):
                roll_back(try_model)
                show_choice()
            _add_model()


def _title(card: Card) -> str:
    """The title of a model, and whose it is."""
    title = full_title(card)
    return title if card.origin == "own" else with_mark(title, _("shipped"))


def _show_model(name: str, title: str, *, is_active: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        words = _("{name}: {title}, active") if is_active else _("{name}: {title}")
        st.text(words.format(name=name, title=title))
        if not may(Right.PROMOTE):
            return
        if not is_active:
            if st.button(_("Activate"), key=f"activate_{name}", type="tertiary"):
                try_model(name)
                promote(name)
                show_choice()
        elif promoted() == name and st.button(
            _("Deactivate"), key=f"deactivate_{name}", type="tertiary"
        ):
            demote()
            show_choice()


def _add_model() -> None:
    with st.form("add_model", clear_on_submit=True):
        file = st.file_uploader(
            _("A model bundle: the ZIP file of its folder"), type="zip"
        )
        name = st.text_input(
            _("Name of the model here; leave empty for the name in its card")
        )
        if st.form_submit_button(_("Add the model")) and file is not None:
            from coin_core.models import install_model

            with (
                tempfile.TemporaryDirectory() as folder,
                st.spinner(_("Checking and trying the model …")),
            ):
                path = Path(folder) / "bundle.zip"
                path.write_bytes(file.getvalue())
                forget_uploads([file])
                model = install_model(path, name.strip())
            st.session_state[_ADDED] = model.name
            st.rerun()


def try_model(name: str) -> None:
    """Load a model, which tries it, before it answers anybody."""
    from coin_core.models import open_model

    with st.spinner(_("Trying the model …")):
        open_model(name)


def show_choice() -> None:
    """Let this page, and the Classify page, start with the choice."""
    st.session_state.pop("classifier", None)
    st.rerun()
