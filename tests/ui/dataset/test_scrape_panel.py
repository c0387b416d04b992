"""Gathering from the Dataset page: asked, planned, begun, watched, stopped, resumed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from streamlit.testing.v1 import AppTest

from coin_core.catalog import Catalog, PhotoQuery, open_catalog
from coin_core.catalog.import_records import SCRAPE
from coin_core.catalog.importing.ledger import job_id
from coin_core.catalog.schema import ImportRow
from coin_core.catalog.scrape_jobs import ScrapeProgress, scrape_progress
from scrapers.url_safety import LOCAL_SITES
from tests.scrapers import museums, saved_pages
from tests.scrapers.fake_sites import CONTACT, FakeSite, Reply, draw_png
from tests.ui.dataset.dataset_page import PAGE, press, words_of


def latest_scrape(catalog: Catalog) -> ScrapeProgress | None:
    """The run that was begun last; None if there never was one."""
    with catalog.database.reading() as connection:
        newest = connection.scalar(
            select(func.max(ImportRow.id)).where(ImportRow.kind == SCRAPE)
        )
    return None if newest is None else scrape_progress(catalog, newest)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., FakeSite]]:
    """Sites whose pause stands in their robots.txt, as for a program of its own."""
    opened: list[FakeSite] = []

    def open_site(*args: Any, **kwargs: Any) -> FakeSite:
        opened.append(FakeSite(*args, pause_s=0.0, **kwargs))
        return opened[-1]

    yield open_site
    for one in opened:
        one.close()


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch) -> Catalog:
    monkeypatch.delenv("COIN_CONTACT", raising=False)
    return open_catalog()


def open_panel(source: str) -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    page.session_state["dataset_session"].reviewer = "Anna"
    page.button_group(key="gather_source").set_value(source)
    page.run()
    assert not page.exception
    return page


def give_contact(page: AppTest) -> None:
    page.text_input(key="gather_contact_asked").set_value(CONTACT).run()
    assert not page.exception


def keys_of(page: AppTest) -> set[str]:
    return {button.key for button in page.button}


def job_of(catalog: Catalog) -> str:
    """The job of the newest scrape."""
    newest = latest_scrape(catalog)
    assert newest is not None
    return job_id(newest.import_id)


def wait_for(
    catalog: Catalog, done: Callable[[ScrapeProgress], bool]
) -> ScrapeProgress:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        progress = latest_scrape(catalog)
        if progress is not None and done(progress):
            return progress
        time.sleep(0.1)
    pytest.fail(f"Not reached in time: {latest_scrape(catalog)}")


def test_the_sources_are_those_of_the_registry(catalog: Catalog) -> None:
    from scrapers import registry

    page = open_panel("ikmk")
    shown = page.button_group(key="gather_source").options
    assert list(shown) == [one.title for one in registry.list_sources()]


def test_the_contact_is_asked_once(catalog: Catalog) -> None:
    page = open_panel("ikmk")
    assert "gather_start" not in keys_of(page)
    page.text_input(key="gather_contact_asked").set_value("nobody").run()
    assert "mail address or a web page" in page.error[0].value
    give_contact(page)
    assert f"Contact given to sites: {CONTACT}" in words_of(page)
    assert "gather_start" in keys_of(page)
    again = open_panel("nomisma")
    assert "gather_start" in keys_of(again)
    press(again, "gather_contact_change")
    assert "gather_start" not in keys_of(again)


def test_a_plan_is_shown_and_nothing_asked(
    catalog: Catalog, site: Callable[..., FakeSite]
) -> None:
    one = museums.ikmk(site, count=2)
    page = open_panel("ikmk")
    give_contact(page)
    page.text_input(key="gather_query_ikmk").set_value("-Iannaios").run()
    page.text_input(key="gather_base").set_value(one.address).run()
    press(page, "gather_plan")
    assert not page.error
    assert f"open a session at {one.address} and search for '-Iannaios'" in words_of(
        page
    )
    assert "until 50 new listings" in words_of(page)
    assert one.requests == []
    assert latest_scrape(catalog) is None


@pytest.mark.slow
def test_a_museum_is_gathered_by_a_process_of_its_own(
    catalog: Catalog, site: Callable[..., FakeSite]
) -> None:
    one = museums.ikmk(site, count=3)
    page = open_panel("ikmk")
    give_contact(page)
    page.text_input(key="gather_query_ikmk").set_value("Iannaios").run()
    page.text_input(key="gather_base").set_value(one.address).run()
    press(page, "gather_start")
    assert not page.error
    last = wait_for(catalog, lambda one: one.state not in ("running", "stopping"))
    assert (last.state, last.added, last.labelled) == ("done", 6, 2), last
    photo = catalog.queries.find(PhotoQuery(), limit=1).photos[0]
    assert photo.image_url.startswith(f"{one.address}/image/")
    page.run()
    assert "3 coins looked at, 6 new photos, 2 of them labelled; done." in words_of(
        page
    )
    assert any("/tray" in code.value for code in page.code)
    job = job_of(catalog)
    press(page, f"forget_{job}")
    assert f"forget_{job}" not in keys_of(page)
    fresh = open_panel_of_a_full_collection()
    fresh.session_state["earlier_imports"] = True
    assert "6 photos gathered" in words_of(fresh.run())


def open_panel_of_a_full_collection() -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    page.session_state["dataset_session"].reviewer = "Anna"
    page.button_group(key="dataset_part").set_value("bring")
    page.run()
    assert not page.exception
    return page


@pytest.mark.slow
def test_it_is_watched_after_a_reload_stopped_and_gone_on_with(
    catalog: Catalog, site: Callable[..., FakeSite]
) -> None:
    one = museums.ikmk(site, count=12)
    slow = one.routes["/object"]
    one.routes["/object"] = lambda request: Reply(
        **{**vars(slow(request)), "delay_s": 0.4}
    )
    page = open_panel("ikmk")
    give_contact(page)
    page.text_input(key="gather_query_ikmk").set_value("Iannaios").run()
    page.text_input(key="gather_base").set_value(one.address).run()
    press(page, "gather_start")
    wait_for(catalog, lambda one: one.added >= 2)
    reloaded = open_panel_of_a_full_collection()
    assert f"{one.address}, Iannaios".replace(":", r"\:", 1) in words_of(reloaded)
    assert "coins looked at" in bars(reloaded)
    press(reloaded, f"stop_{job_of(catalog)}")
    stopped = wait_for(catalog, lambda one: one.state == "stopped")
    assert stopped.added < 24
    reloaded.run()
    assert "It was stopped by hand." in words_of(reloaded)
    press(reloaded, f"resume_{job_of(catalog)}")
    done = wait_for(catalog, lambda one: one.state == "done")
    assert done.import_id == stopped.import_id
    assert catalog.queries.find(PhotoQuery(), limit=1).total == 24
    asked = [r.path for r in one.requests if r.path.startswith("/image/")]
    assert len(asked) == len(set(asked)) == 24


def bars(page: AppTest) -> str:
    return " ".join(part.proto.text for part in page.get("progress"))


@pytest.mark.slow
def test_what_ends_a_run_is_told_in_a_sentence(
    catalog: Catalog, site: Callable[..., FakeSite]
) -> None:
    one = museums.ikmk(site, count=1)
    one.robots, one.forbidden = "User-agent: *\nDisallow: /tray\n", ("/tray",)
    page = open_panel("ikmk")
    give_contact(page)
    page.text_input(key="gather_query_ikmk").set_value("Iannaios").run()
    page.text_input(key="gather_base").set_value(one.address).run()
    press(page, "gather_start")
    wait_for(catalog, lambda one: one.state == "stopped")
    page.run()
    assert "robots.txt forbids" in words_of(page)
    job = job_of(catalog)
    press(page, f"forget_{job}")
    assert f"resume_{job}" not in keys_of(page)


@pytest.mark.slow
def test_saved_pages_are_dropped_and_read(catalog: Catalog, tmp_path: Path) -> None:
    photo = draw_png(3)
    packed = saved_pages.mhtml(
        saved_pages.coinarchives(saved_pages.LOTS[:1], announced=1),
        "https://pro.coinarchives.com/a/results.php?search=john+hyrcanus",
        {"https://pro.coinarchives.com/photos/101.jpg": photo},
    )
    page = open_panel("saved")
    assert "gather_contact_asked" not in {field.key for field in page.text_input}
    page.file_uploader(key="gather_files_0_False").set_value(
        ("result.mhtml", packed, "multipart/related")
    ).run()
    press(page, "gather_read")
    assert not page.error
    last = wait_for(catalog, lambda one: one.state not in ("running", "stopping"))
    assert (last.state, last.added, last.labelled) == ("done", 1, 1), last
    photo_there = catalog.queries.find(PhotoQuery(), limit=1).photos[0]
    assert photo_there.source == "coinarchives"
    uploads = catalog.photos_dir.parent / "imports" / "uploads"
    assert list(uploads.iterdir()) == []


@pytest.mark.slow
def test_a_coin_that_was_left_out_is_taken_with_its_button(catalog: Catalog) -> None:
    lots = [(101, "House A, Lot 12", "Lot of 5 prutot of Alexander Jannaeus.")]
    packed = saved_pages.mhtml(
        saved_pages.coinarchives(lots, announced=1),
        "https://pro.coinarchives.com/a/results.php?search=john+hyrcanus",
        {"https://pro.coinarchives.com/photos/101.jpg": draw_png(3)},
    )
    page = open_panel("saved")
    page.file_uploader(key="gather_files_0_False").set_value(
        ("result.mhtml", packed, "multipart/related")
    ).run()
    press(page, "gather_read")
    last = wait_for(catalog, lambda one: one.state not in ("running", "stopping"))
    assert (last.added, last.left_out) == (0, 1)
    page.run()
    assert "1 coin was left out (1 several coins)" in words_of(page)
    page.toggle(key=f"left_out_now_{last.import_id}_shown").set_value(True).run()
    assert "several coins: “Lot of”" in words_of(page)
    button = f"take_now_{last.import_id}_coinarchives:101"
    press(page, button)
    assert not page.error
    photo = catalog.queries.find(PhotoQuery(), limit=1).photos[0]
    assert (photo.ruler, photo.source) == (None, "coinarchives")
    assert button not in keys_of(page)


def test_a_browser_needs_a_named_host_and_the_tick(catalog: Catalog) -> None:
    page = open_panel("browser")
    page.text_input(key="gather_query_browser").set_value(
        "https://www.acsearch.info/search.html?term=prutah"
    ).run()
    give_contact(page)
    lacking = "Name the address, its host, and tick"
    assert any(one.value.startswith(lacking) for one in page.caption)
    assert page.button(key="gather_start").disabled
    page.checkbox(key="gather_leave_browser").check().run()
    page.text_input(key="gather_host").set_value("acsearch.info").run()
    assert "leads to www\\.acsearch.info" in page.error[0].value
    page.text_input(key="gather_host").set_value("www.acsearch.info").run()
    assert not any(one.value.startswith(lacking) for one in page.caption)
    press(page, "gather_plan")
    assert "open https://www.acsearch.info/search.html" in words_of(page)
    page.checkbox(key="gather_leave_browser").uncheck().run()
    assert page.button(key="gather_start").disabled


def test_the_leave_for_an_api_is_stated_by_the_user(catalog: Catalog) -> None:
    page = open_panel("commons")
    give_contact(page)
    page.text_input(key="gather_query_commons").set_value("prutah").run()
    assert "gather_start" in keys_of(page)
    page.checkbox(key="gather_leave_commons").check().run()
    press(page, "gather_plan")
    assert not page.error


@pytest.mark.slow
def test_this_computer_is_asked_for_nobody_unless_its_operator_says_so(
    catalog: Catalog, site: Callable[..., FakeSite], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither for a plan nor for a run; nothing of it is shown."""
    secret = "hunter2-token"
    one = site({"/home": lambda _: Reply(secret), "/tray": lambda _: Reply(secret)})
    monkeypatch.delenv(LOCAL_SITES)
    page = open_panel("ikmk")
    give_contact(page)
    page.text_input(key="gather_query_ikmk").set_value("x").run()
    page.text_input(key="gather_base").set_value(one.address).run()
    press(page, "gather_plan")
    assert LOCAL_SITES in page.error[0].value
    press(page, "gather_start")
    assert LOCAL_SITES in page.error[0].value
    assert one.requests == []
    assert latest_scrape(catalog) is None
