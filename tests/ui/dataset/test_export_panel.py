"""Exports on the Dataset page: prepared by a job, kept over a reload, downloaded."""

from __future__ import annotations

import time
import zipfile

import pytest
from streamlit.testing.v1 import AppTest

from coin_core.catalog import Catalog, PhotoQuery
from coin_core.catalog.versions import freeze
from coin_core.jobs import Job, JobKind, list_jobs
from tests.ui.dataset.dataset_page import open_page, press, words_of
from ui.downloads import download_address


def export(page: AppTest) -> Job:
    """Press the button and wait until the job is over."""
    press(page, "export_prepare")
    end = time.monotonic() + 120
    while (job := list_jobs(JobKind.EXPORT)[-1]).is_open:
        assert time.monotonic() < end, job.log_tail()
        time.sleep(0.1)
    page.run()
    assert not page.exception
    return job


def test_a_folder_is_exported_as_one_file_and_kept_over_a_reload(
    catalog: Catalog,
) -> None:
    page = open_page("versions")
    page.selectbox(key="export_form").set_value("coco").run()
    job = export(page)
    assert job.progress().text == "packing: 16 of 16 files"
    (packed,) = job.folder.glob("coins-*")  # the folder it was made of is gone
    with zipfile.ZipFile(packed) as archive:
        assert archive.testzip() is None
        assert "coins-all/ATTRIBUTION.txt" in archive.namelist()
        assert sum(n.startswith("coins-all/images/") for n in archive.namelist()) == 12
    page = open_page("versions")
    (link,) = page.get("link_button")
    assert link.proto.url == download_address(job)
    assert "12 photos." in words_of(page)
    press(page, f"forget_{job.job_id}")
    assert not packed.exists()


def test_an_export_is_not_prepared_twice_at_a_time(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coin_core.jobs.start_waiting", lambda: None)
    monkeypatch.setattr("ui.components.job_panel.start_waiting", lambda: None)
    page = open_page("versions")
    press(page, "export_prepare")
    press(page, "export_prepare")
    assert "is running already" in page.error[0].value
    page.checkbox(key="export_free").check().run()
    press(page, "export_prepare")
    assert len(list_jobs(JobKind.EXPORT)) == 2


def test_what_to_export_is_kept_after_a_look_at_another_part(catalog: Catalog) -> None:
    for name in ("spring", "summer"):
        freeze(catalog, name)
    page = open_page("versions")
    page.selectbox(key="export_version").set_value("spring")
    page.selectbox(key="export_form").set_value("coco")
    page.checkbox(key="export_free").check()
    page.selectbox(key="version_shown").set_value("spring")
    page.selectbox(key="compare_first").set_value("summer")
    page.selectbox(key="compare_second").set_value("spring").run()
    for part in ("review", "versions"):
        page.button_group(key="dataset_part").set_value(part).run()
        assert not page.exception
    assert page.selectbox(key="export_version").value == "spring"
    assert page.selectbox(key="export_form").value == "coco"
    assert page.checkbox(key="export_free").value
    assert page.selectbox(key="version_shown").value == "spring"
    assert page.selectbox(key="compare_first").value == "summer"
    assert page.selectbox(key="compare_second").value == "spring"


def test_nothing_free_is_told_and_nothing_is_exported(catalog: Catalog) -> None:
    ids = [
        p.photo_id for p in catalog.queries.find(PhotoQuery(licence="cc-by-4.0")).photos
    ]
    catalog.edits.exclude(ids, "noise", who="Anna")
    page = open_page("versions")
    page.checkbox(key="export_free").set_value(True).run()
    export(page)
    assert "There is no photo to export" in page.error[0].value
    assert not page.get("link_button")
