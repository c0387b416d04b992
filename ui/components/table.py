"""The one table of the pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler
from streamlit.elements.lib.column_types import ColumnConfig


def show_table(
    data: pd.DataFrame | Styler | Iterable[Mapping[str, Any]], **options: Any
) -> list[int]:
    """Show a table without row numbers; unknown values are empty cells.

    Args:
        data: A data frame, or one mapping per row.
        options: Arguments of `st.dataframe`. With `selection_mode` the visitor can
            select rows, and a selection reruns the page.

    Returns:
        The positions of the selected rows.
    """
    if not isinstance(data, pd.DataFrame | Styler):
        data = pd.DataFrame(list(data))
    if "selection_mode" not in options:
        st.dataframe(data, hide_index=True, placeholder="", **options)
        return []
    state = st.dataframe(
        data, hide_index=True, placeholder="", on_select="rerun", **options
    )
    return list(state["selection"]["rows"])


def percent_column(label: str | None = None, **options: Any) -> ColumnConfig:
    """The configuration of a column of percentages from 0 to 100."""
    return st.column_config.NumberColumn(label, format="%.0f %%", **options)
