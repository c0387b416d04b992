"""The list of jobs in the sidebar: all kinds, on every page, and where they belong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from coin_core.catalog import PhotoRecord, open_catalog
from coin_core.errors import CoinError
from coin_core.i18n import _, speaking
from coin_core.jobs import (
    Job,
    JobKind,
    JobState,
    Progress,
    add_job,
    find_job,
    hold_job,
    list_jobs,
    report_details,
    resume_job,
)
from ui.components import job_list
from ui.components.job_panel import title_of

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _no_job_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (
        "coin_core.jobs",
        "ui.components.job_panel",
    ):
        monkeypatch.setattr(f"{module}.start_waiting", lambda: None)


def show_list() -> None:
    from ui.components.job_list import show_job_list

    show_job_list()


def open_list() -> AppTest:
    page = AppTest.from_function(show_list).run()
    assert not page.exception
    return page


def captions(page: AppTest) -> list[str]:
    return [part.value for part in page.sidebar.caption]


def make(title: str, kind: JobKind = JobKind.IMPORT) -> Job:
    return Job(job_id=title, kind=kind, title=title, arguments=())


def test_every_kind_of_job_has_a_place() -> None:
    assert job_list._PLACES.keys() == set(JobKind)
    for place in job_list._PLACES.values():
        assert (ROOT / place.page).is_file()


def test_jobs_of_all_kinds_are_listed_the_newest_first() -> None:
    for kind in JobKind:
        add_job(kind, f"a {kind}", ())
    page = open_list()
    titles = [f"a {kind}" for kind in JobKind if kind is not JobKind.TRAINING]
    expected = ["a training: waits for its turn", *titles]
    assert captions(page) == expected[::-1]
    assert len(page.sidebar.get("progress")) == len(titles)


def test_a_running_job_has_a_bar_the_time_left_and_a_stop() -> None:
    with hold_job(make("a")), Progress("reading", 4, unit="photo") as progress:
        progress.update()
        progress.close()
        page = open_list()
        bar = page.sidebar.get("progress")[0].proto
        assert bar.value == 25
        assert bar.text.startswith("Reading: 1 of 4 photos, at most")
        assert bar.text.endswith("left")
        page.sidebar.button(key="side_stop_a").click().run()
        assert not page.exception
        stopped = find_job("a")
        assert stopped is not None
        assert stopped.stop_requested


def test_the_time_of_a_step_is_said_to_be_that_of_the_step() -> None:
    with hold_job(make("a")), Progress("finding", 4, unit="photo") as progress:
        report_details(more_steps=True)
        progress.update()
        progress.close()
        text = open_list().sidebar.get("progress")[0].proto.text
        assert text.endswith("left in this step")


def test_who_saw_a_job_running_sees_how_it_ended_until_dismissed() -> None:
    with hold_job(make("a")):
        page = open_list()
    page.run()
    assert captions(page) == ["a: done"]
    assert captions(open_list()) == []
    page.sidebar.button(key="side_dismiss_a").click().run()
    assert captions(page) == []
    assert find_job("a") is not None, "its result stays at its place"


def test_what_ended_early_is_listed_after_the_tab_was_closed() -> None:
    with pytest.raises(CoinError), hold_job(make("a")):
        raise CoinError("There is no room.")
    assert captions(open_list()) == ["a: failed"]


def test_what_ended_early_is_put_away_for_all_and_comes_back_when_resumed() -> None:
    with pytest.raises(CoinError), hold_job(make("a")):
        raise CoinError("The disk is full.")
    page = open_list()
    page.sidebar.button(key="side_dismiss_a").click().run()
    assert captions(page) == captions(open_list()) == []
    assert find_job("a") is not None  # for the panel beside its button
    resume_job("a")
    assert captions(open_list()) == ["a"]


def test_a_scrape_is_named_by_its_source_in_the_visitor_s_language() -> None:
    add_job(JobKind.SCRAPE, "Pages I have saved, Yehoḥanan, prutah", ())
    with speaking("he"):
        (job,) = list_jobs()
        assert title_of(job) == f"{_('Pages I have saved')}, Yehoḥanan, prutah"
        assert _("Pages I have saved") != "Pages I have saved"


@pytest.mark.parametrize("page", ["Home.py", *sorted(ROOT.glob("pages/*.py"))])
def test_every_page_has_the_list(page: str | Path) -> None:
    job = add_job(JobKind.EXPORT, "an export", ())
    shown = AppTest.from_file(str(ROOT / page), default_timeout=60).run()
    assert not shown.exception
    assert "an export" in captions(shown)
    shown.sidebar.button(key=f"side_stop_{job.job_id}").click().run()
    stopped = find_job(job.job_id)
    assert stopped is not None
    assert stopped.state is JobState.STOPPED


def test_a_job_leads_to_the_part_of_the_page_with_its_button(
    encode_photo: Callable[..., bytes], disc_photo: np.ndarray
) -> None:
    facts = PhotoRecord(
        extension="png", width_px=disc_photo.shape[1], height_px=disc_photo.shape[0]
    )
    open_catalog().photos.add(encode_photo(disc_photo), facts, [], who="ada")
    job = add_job(JobKind.EXPORT, "an export", ())
    page = AppTest.from_file(str(ROOT / "Home.py"), default_timeout=60).run()
    page.sidebar.button(key=f"side_show_{job.job_id}").click().run()
    assert not page.exception
    assert page.session_state["dataset_part"] == "versions"
    assert page.title[0].value == "The dataset"
