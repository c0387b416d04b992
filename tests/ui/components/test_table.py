from __future__ import annotations

import json

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from coin_core.i18n import speaking
from ui.components.table import percent_column


def _records() -> None:
    from ui.components.table import show_table

    rows = show_table({"name": name, "share": 50} for name in ("a", "b"))
    assert rows == []


def _hebrew() -> None:
    import ui.language  # noqa: F401, which finds the language of a page
    from ui.components.table import show_table

    show_table({"name": name} for name in ("SVM, על מאפייני VGG", "VGG"))


def _selectable() -> None:
    import pandas as pd
    import streamlit as st

    from ui.components.table import show_table

    frame = pd.DataFrame({"name": ["a", "b"]})
    rows = show_table(
        frame,
        key="runs",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [1]}},
    )
    st.text(f"selected {rows}")


def test_records_are_rows() -> None:
    page = AppTest.from_function(_records).run()
    assert not page.exception
    shown = page.dataframe[0].value
    pd.testing.assert_frame_equal(
        shown, pd.DataFrame({"name": ["a", "b"], "share": [50, 50]})
    )


def _small() -> None:
    from ui.components.table import show_small_table

    show_small_table([{"classifier": "<b>mine</b>", "says": "Alexander Jannaeus"}])
    show_small_table([])


def test_a_small_table_has_its_words_as_text() -> None:
    page = AppTest.from_function(_small).run()
    assert not page.exception
    (shown,) = page.get("html")
    assert '<th scope="col">classifier</th>' in shown.value
    assert "<bdi>&lt;b&gt;mine&lt;/b&gt;</bdi></td>" in shown.value
    assert '<td data-title="says">' in shown.value


def _long() -> None:
    from ui.components.table import show_small_table

    show_small_table([{"file": "a" * 60, "why": "is damaged."}], is_wide=True)


def test_a_small_table_breaks_only_words_that_are_too_long_for_a_column() -> None:
    (shown,) = AppTest.from_function(_long).run().get("html")
    assert '<table class="coin-table wide">' in shown.value
    assert '<td data-title="file" class="long">' in shown.value
    assert '<td data-title="why"><bdi>is damaged.</bdi>' in shown.value


def _sentences() -> None:
    from ui.components.table import show_small_table

    show_small_table([{"file": "a.gif", "why": "a.gif: תמונה פגומה."}])


def test_a_sentence_with_hebrew_runs_as_the_page_does_and_not_as_its_first_word() -> (
    None
):
    (shown,) = AppTest.from_function(_sentences).run().get("html")
    assert '<td data-title="file"><bdi>a.gif</bdi></td>' in shown.value
    assert '<td data-title="why">a.gif: תמונה פגומה.</td>' in shown.value


def test_hebrew_cells_keep_their_order_beside_latin_names() -> None:
    page = AppTest.from_function(_hebrew).run()
    cells = list(page.dataframe[0].value["name"])
    assert cells == ["\u2067SVM, על מאפייני VGG\u2069", "VGG"]


def test_selected_rows_are_returned() -> None:
    page = AppTest.from_function(_selectable).run()
    assert not page.exception
    assert page.text[0].value == "selected [1]"


@pytest.mark.parametrize("options", [{}, {"width": 60}])
def test_percentages_are_whole(options) -> None:
    column = percent_column("right", **options)
    assert column["type_config"]["format"] == "%.0f %%"


def test_words_and_percentages_follow_a_language_from_right_to_left() -> None:
    with speaking("he"):
        assert percent_column()["type_config"]["format"] == "%.0f%%"
    page = AppTest.from_function(_hebrew)
    page.query_params["lang"] = "he"
    page.run()
    columns = json.loads(page.dataframe[0].proto.columns)
    assert columns["name"]["alignment"] == "right"


def _pinned() -> None:
    import pandas as pd
    import streamlit as st

    import ui.language  # noqa: F401, which finds the language of a page
    from ui.components.table import show_table

    frame = pd.DataFrame({"started": ["a"], "data": ["b"], "right": [91]})
    config = {"started": st.column_config.TextColumn(pinned=True)}
    show_table(frame, column_config=config)
    show_table(frame.style)


def test_columns_follow_a_language_from_right_to_left() -> None:
    page = AppTest.from_function(_pinned)
    page.query_params["lang"] = "he"
    page.run()
    assert not page.exception
    for table in page.dataframe:
        assert list(table.proto.column_order) == ["right", "data", "started"]
        columns = json.loads(table.proto.columns)
        assert not columns["started"]["pinned"]  # at the left, it would be the last
        assert columns["data"]["alignment"] == "right"
