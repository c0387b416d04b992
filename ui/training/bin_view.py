"""The deleted runs: restore one, or empty the bin."""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePosixPath

import streamlit as st

from coin_core import recycle_bin
from coin_core.access import Right, may
from coin_core.catalog.removed import FOLDER
from coin_core.i18n import _, ngettext
from ui.errors import errors_on_page
from ui.formatting import date_and_time


def show_bin() -> None:
    """What is in the bin, for those who may restore it."""
    # Removed photos are restored on the Dataset page.
    items = [
        item
        for item in recycle_bin.list_bin()
        if not PurePosixPath(item.path).is_relative_to(FOLDER)
    ]
    if not may(Right.DELETE) or not items:
        return
    with (
        st.expander(
            _("Bin: {count} deleted").format(count=len(items)), icon=":material/delete:"
        ),
        errors_on_page(),
    ):
        for item in items:
            with st.container(horizontal=True, vertical_alignment="center"):
                path = PurePosixPath(item.path)
                at = datetime.fromisoformat(item.at)
                words = _("{name} ({place}), deleted on {time}")
                if item.who:
                    words = _("{name} ({place}), deleted on {time} by {who}")
                st.text(
                    words.format(
                        name=path.name,
                        place=path.parent,
                        time=date_and_time(at),
                        who=item.who,
                    )
                )
                if st.button(
                    _("Restore"), key=f"restore_{item.item_id}", type="tertiary"
                ):
                    recycle_bin.restore(item.item_id)
                    st.rerun()
        st.caption(
            _("Deleted for good after {days} days.").format(days=recycle_bin.KEPT_DAYS)
        )
        with st.popover(_("Empty the bin now")):
            count = len(recycle_bin.list_bin())
            text = ngettext(
                "{count} thing in the bin, removed photos too, is deleted for good.",
                "{count} things in the bin, removed photos too, are deleted for good.",
                count,
            )
            st.text(text.format(count=f"{count:,}"))
            if st.button(_("Delete for good"), key="bin_empty", type="primary"):
                recycle_bin.empty_bin()
                st.rerun()
