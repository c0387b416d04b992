"""A lost or damaged dataset: why, and a backup to put in its place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from coin_core.access import Right, may, refusal
from coin_core.catalog.backups import facts_of, find_writer, list_backups, restore
from coin_core.catalog.database import catalog_file
from coin_core.errors import DamagedCatalogError
from coin_core.i18n import _, ngettext
from ui.background_task import TaskSession
from ui.errors import errors_on_page, show_error
from ui.resources import close_catalog


@contextmanager
def errors_or_backup(session: TaskSession) -> Iterator[None]:
    """Show errors as `errors_on_page` does, and offer a backup of a damaged dataset."""
    with errors_on_page():
        try:
            yield
        except DamagedCatalogError as error:
            show_error(str(error))
            _offer_backup(session)


def _offer_backup(session: TaskSession) -> None:
    """Let an admin choose a backup and, after a look at what is lost, restore it."""
    path = catalog_file()
    copies = list_backups(path) if path is not None else []
    if path is None or not copies:
        return
    if not may(Right.DELETE):
        st.caption(refusal(Right.DELETE))
        return
    if find_writer() is not None:
        st.caption(_("Stop the jobs in the sidebar to restore a backup."))
        return
    with st.popover(_("Restore a backup"), icon=":material/restore:"):
        copy = st.selectbox(_("Backup"), copies, format_func=_describe, key="backup")
        st.caption(
            _(
                "It replaces the dataset. Labels and photos that were added later "
                "are not in it; the files of the photos stay, and the damaged "
                "dataset is kept beside it."
            )
        )
        if st.button(_("Restore this backup"), key="restore_backup", type="primary"):
            close_catalog()
            _backup, aside = restore(path, copy)
            session.notice = _("The backup is restored.")
            if aside is not None:
                text = _("The damaged dataset is kept as {name}.")
                session.notice += " " + text.format(name=aside.name)
            st.rerun()


def _describe(copy: Path) -> str:
    """When a backup was made, and what is in it."""
    made_at, photos = facts_of(copy)
    when = f"{made_at:%Y-%m-%d %H:%M} UTC"
    if photos is None:
        return _("{when}, damaged").format(when=when)
    text = ngettext("{when}, {count} photo", "{when}, {count} photos", photos)
    return text.format(when=when, count=f"{photos:,}")
