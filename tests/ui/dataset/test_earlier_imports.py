"""The last imports and scrapes on the Dataset page."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from coin_core.catalog import Catalog
from coin_core.catalog.import_records import SCRAPE, ImportState
from coin_core.catalog.importing import ledger
from coin_core.catalog.left_out import LeftOut, note_left_out, note_taken
from coin_core.catalog.scrape_jobs import ScrapeOrder, ScrapeProgress
from coin_core.jobs import Job, JobState, forget_job, list_jobs, report
from tests.ui.dataset.dataset_page import open_page, press, words_of


def show_earlier() -> None:
    from coin_core.catalog import open_catalog
    from ui.dataset.earlier_imports import show_earlier_imports

    show_earlier_imports(open_catalog())


def open_earlier(page: AppTest) -> AppTest:
    """The part is empty until a visitor opens it."""
    page.session_state["earlier_imports"] = True
    return page.run()


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({"source": "commons", "query": "prutah"}, "Wikimedia Commons, prutah: "),
        (
            {"source": "ikmk", "query": "Jannaios", "base": "https://ikmk.example"},
            "https://ikmk.example, Jannaios: ",
        ),
        ({"source": "saved", "query": "/x/1f2e"}, "Pages I have saved: "),
        ({"source": "gone", "query": "prutah"}, "gone, prutah: "),
    ],
)
def test_an_earlier_scrape_says_where_it_looked(
    empty: Catalog, order: dict[str, str], said: str
) -> None:
    spec = ScrapeOrder(who="Anna", **order).spec()
    scrape = ledger.create(empty, SCRAPE, spec)
    ledger.set_state(empty, scrape, ImportState.DONE)
    page = open_earlier(AppTest.from_function(show_earlier, default_timeout=60))
    assert not page.exception
    (line,) = (part.value for part in page.text)
    assert f", {said}0 photos gathered, done." in line


@pytest.mark.parametrize("spec", [{}, {"source": "commons", "query": ""}])
def test_an_earlier_scrape_of_another_version_is_listed(
    empty: Catalog, spec: dict[str, str]
) -> None:
    ledger.set_state(empty, ledger.create(empty, SCRAPE, spec), ImportState.DONE)
    page = open_earlier(AppTest.from_function(show_earlier, default_timeout=60))
    assert not page.exception
    (line,) = (part.value for part in page.text)
    assert line.endswith(", 0 photos gathered, done.")


def scrape_that_left_out(catalog: Catalog) -> Job:
    """A scrape that ended at its maximum and left out two coins."""
    spec = ScrapeOrder(who="Anna", source="commons", query="prutah", limit=7).spec()
    scrape = ledger.create(catalog, SCRAPE, spec)
    for number in (1, 2):
        entry = LeftOut(
            key=f"commons:{number}",
            reason="several coins",
            words=("Lot of",),
            title=f"Lot {number}",
            url="",
            taken=False,
            listing={},
        )
        note_left_out(catalog, scrape, entry)
    counts = {"left_out": 2, "reasons": {"several coins": 2}}
    with ledger.hold(catalog, scrape):
        report("9 coins looked at", taken=7, at_limit=True, **counts)
        ledger.set_state(catalog, scrape, ImportState.DONE)
    (job,) = list_jobs()
    assert job.state is JobState.DONE
    return job


@pytest.mark.parametrize("is_dismissed", [False, True])
def test_a_later_visit_finds_the_end_of_a_scrape(
    empty: Catalog, is_dismissed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the dataset is empty, as all coins were left out."""
    job = scrape_that_left_out(empty)
    if is_dismissed:
        forget_job(job.job_id)
    page = open_page(who="")
    page.session_state["dataset_session"].reviewer = "Anna"
    words = words_of(open_earlier(page))
    assert "2 coins were left out (2 several coins). They are listed below" in words
    assert ("It ended at the maximum" in words) is not is_dismissed
    assert "take_earlier_1_commons:2" not in {button.key for button in page.button}
    page.toggle(key="left_out_earlier_1_shown").set_value(True).run()
    words = words_of(page)
    assert "several coins: “Lot of”\nLot 2" in words
    (table,) = page.get("download_button")
    assert table.proto.label == "Every result as a table (CSV)"
    taken: list[str] = []
    monkeypatch.setattr(
        "scrapers.ingest.take_after_all",
        lambda catalog, key, *, who: (
            taken.append(f"{key} {who}") or ScrapeProgress(import_id=1, added=1)
        ),
    )
    press(page, "take_earlier_1_commons:2")
    assert taken == ["commons:2 Anna"]


def test_a_scrape_that_has_just_ended_is_shown_in_both_places(empty: Catalog) -> None:
    page = open_page(who="")
    job = scrape_that_left_out(empty)
    page.session_state["jobs_seen_open"].add(job.job_id)
    page.session_state["dataset_session"].reviewer = "Anna"
    page.run()
    assert not page.exception
    open_earlier(page)
    for place in ("now", "earlier"):
        page.toggle(key=f"left_out_{place}_1_shown").set_value(True).run()
    keys = {button.key for button in page.button}
    assert {"take_now_1_commons:1", "take_earlier_1_commons:1"} <= keys


def test_a_coin_that_several_scrapes_left_out_is_listed_once(empty: Catalog) -> None:
    first = scrape_that_left_out(empty)
    forget_job(first.job_id)
    scrape_that_left_out(empty)
    page = AppTest.from_function(show_earlier, default_timeout=60).run()
    assert words_of(page) == ""
    words = words_of(open_earlier(page))
    assert words.count("2 coins were left out") == 2
    assert words.count("They are listed below") == 1
    assert [one.key for one in page.toggle] == ["left_out_earlier_2_shown"]
    note_taken(empty, "commons:1")
    assert page.run().toggle[0].label.endswith("(1)")
    note_taken(empty, "commons:2")
    words = words_of(page.run())
    assert "2 coins were left out" in words
    assert "listed below" not in words
    assert not page.toggle
