"""The deleted runs: restore one, or empty the bin."""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePosixPath

import streamlit as st

from coin_core import recycle_bin
from coin_core.access import Right, may
from ui.errors import errors_on_page


def show_bin() -> None:
    """What is in the bin, for those who may restore it."""
    if not may(Right.DELETE) or not (items := recycle_bin.list_bin()):
        return
    with (
        st.expander(f"Bin: {len(items)} deleted", icon=":material/delete:"),
        errors_on_page(),
    ):
        for item in items:
            with st.container(horizontal=True, vertical_alignment="center"):
                path = PurePosixPath(item.path)
                at = datetime.fromisoformat(item.at)
                st.text(
                    f"{path.name} ({path.parent}), deleted on {at:%Y-%m-%d %H:%M} UTC"
                    + f" by {item.who}" * bool(item.who)
                )
                if st.button("Restore", key=f"restore_{item.item_id}", type="tertiary"):
                    recycle_bin.restore(item.item_id)
                    st.rerun()
        st.caption(f"It is deleted for good after {recycle_bin.KEPT_DAYS} days.")
        if st.button("Empty the bin now", key="bin_empty"):
            recycle_bin.empty_bin()
            st.rerun()
