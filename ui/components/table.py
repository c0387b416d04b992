"""The one table of the pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler
from streamlit.elements.lib.column_types import ColumnConfig

from coin_core.i18n import is_right_to_left

_LONGEST_WORD = 20  # that a narrow column holds
_HEBREW = re.compile("[\u0590-\u05ff]")


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
    frame = data if isinstance(data, pd.DataFrame) else data.data  # type: ignore[attr-defined]
    if isinstance(data, pd.DataFrame):
        data = data.map(_in_its_direction)
    if is_right_to_left():
        # The language component scrolls to their end, where the first one is.
        options["column_order"] = [str(name) for name in reversed(frame.columns)]
        config = options.get("column_config", {})
        options["column_config"] = _right_aligned(frame, config)
    if "selection_mode" not in options:
        st.dataframe(data, hide_index=True, placeholder="", **options)
        return []
    state = st.dataframe(
        data, hide_index=True, placeholder="", on_select="rerun", **options
    )
    return list(state["selection"]["rows"])


def _right_aligned(
    data: pd.DataFrame, config: Mapping[str, ColumnConfig]
) -> dict[str, ColumnConfig]:
    """Columns of words at their right edge, Latin ones like Hebrew ones.

    None is pinned, which is always done at the left.
    """
    words = [
        str(name) for name in data if not pd.api.types.is_numeric_dtype(data[name])
    ]
    at_right: ColumnConfig = {"alignment": "right"}
    free: ColumnConfig = {"pinned": False}
    return {
        **{name: {**(column or {}), **free} for name, column in config.items()},
        **{name: {**at_right, **(config.get(name) or {}), **free} for name in words},
    }


def show_small_table(
    rows: Sequence[Mapping[str, str]], *, is_wide: bool = False
) -> None:
    """Show a few rows of words, whole at any width: long ones are wrapped.

    Args:
        rows: The cells by the title of their column.
        is_wide: Whether there are so many columns that a telephone shows a row as a
            list of titles and cells.
    """
    if not rows:
        return
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in rows[0])
    body = "".join(
        "<tr>" + "".join(_cell(title, cell) for title, cell in row.items()) + "</tr>"
        for row in rows
    )
    style = "coin-table wide" if is_wide else "coin-table"
    st.html(
        f'<table class="{style}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def _cell(title: str, words: str) -> str:
    """A cell; a word as long as the name of a file may be broken anywhere.

    A cell with Hebrew in it runs as the page does, whatever its first word is.
    """
    is_long = max(map(len, words.split()), default=0) > _LONGEST_WORD
    style = ' class="long"' if is_long else ""
    text = escape(words)
    if not _HEBREW.search(words):
        text = f"<bdi>{text}</bdi>"
    return f'<td data-title="{escape(title)}"{style}>{text}</td>'


def _in_its_direction(cell: Any) -> Any:
    """A cell whose Hebrew stays in order beside Latin: tables run left to right."""
    is_mixed = isinstance(cell, str) and _HEBREW.search(cell)
    return f"\u2067{cell}\u2069" if is_mixed else cell


def percent_column(
    label: str | None = None, *, digits: int = 0, **options: Any
) -> ColumnConfig:
    """The configuration of a column of percentages from 0 to 100."""
    sign = "%%" if is_right_to_left() else " %%"  # as in `percent`
    return st.column_config.NumberColumn(label, format=f"%.{digits}f{sign}", **options)
