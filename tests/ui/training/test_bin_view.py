"""The bin below the runs: restore one, or empty it."""

from __future__ import annotations

from coin_core.recycle_bin import list_bin
from coin_core.training.runs import list_runs
from tests.ui.training.history_page import button, make_run, open_page


def test_a_deleted_run_is_restored_from_the_page() -> None:
    run = make_run()
    run.delete()
    page = open_page()
    assert "Bin: 1 deleted" in [part.label for part in page.expander]
    assert any(run.run_id in part.value for part in page.text)
    button(page, "Restore").click().run()
    assert not page.exception
    assert [one.run_id for one in list_runs()] == [run.run_id]
    assert "Empty the bin now" not in [b.label for b in page.button]


def test_the_bin_is_emptied_by_hand() -> None:
    make_run().delete()
    page = open_page()
    button(page, "Delete for good").click().run()
    assert not page.exception
    assert not list_bin()


def test_a_filter_that_matches_no_run_leaves_the_bin() -> None:
    make_run().delete()
    make_run()
    page = open_page()
    page.text_input(key="runs_text").set_value("no such run").run()
    assert not page.dataframe
    assert "Bin: 1 deleted" in [part.label for part in page.expander]
