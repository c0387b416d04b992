from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from coin_core.catalog import Catalog, PhotoQuery
from coin_core.catalog.versions import freeze
from coin_core.jobs import JobKind, list_jobs, main
from tests.ui.dataset.dataset_page import open_page, press, wait_for_task, words_of


def freeze_as(page: AppTest, name: str) -> None:
    next(box for box in page.text_input if box.label == "Name").set_value(name)
    next(b for b in page.button if b.label == "Freeze").click().run()
    assert not page.exception


def test_a_version_is_frozen_inspected_and_exported(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coin_core.jobs.start_waiting", lambda: None)
    monkeypatch.setattr("ui.components.job_panel.start_waiting", lambda: None)
    (demo,) = catalog.queries.find(PhotoQuery(rendered=True)).photos
    catalog.edits.set_ruler([demo.photo_id], "alexander_jannaeus", who="Anna")
    page = open_page("versions")
    freeze_as(page, "no/name")
    assert "Enter a name" in page.error[0].value, "before a job is made"
    freeze_as(page, "spring-2026")
    (freezing,) = list_jobs(JobKind.FREEZE)
    assert "**Freezing the version spring-2026**" in words_of(page)
    freeze_as(page, "spring-2026")
    assert "is running already" in page.error[0].value
    assert len(list_jobs(JobKind.FREEZE)) == 1
    main([freezing.job_id])
    page.run()
    assert not page.exception
    assert not page.error
    # The demo coin among the photographs is left out, and that is said.
    assert "spring-2026 is frozen: 9 photos of 9 coins" in words_of(page)
    assert "Left out: 2 without a ruler, 1 rendered demo coins" in words_of(page)
    assert any("Include the 1 rendered" in box.label for box in page.checkbox)
    assert "catalog:spring-2026" in page.code[0].value
    assert "spring-2026" in list(page.dataframe[0].value["name"])
    freeze(catalog, "older")
    page.run()
    page.selectbox(key="version_shown").set_value("older").run()
    assert page.selectbox(key="version_shown").value == "older"
    page.selectbox(key="version_shown").set_value("spring-2026").run()
    assert "No leak" in " ".join(s.value for s in page.success)
    next(b for b in page.button if b.label == "Compare the pictures too").click().run()
    wait_for_task(page)
    assert "no two pictures" in " ".join(s.value for s in page.success)
    page.selectbox(key="export_version").set_value("spring-2026").run()
    press(page, "export_prepare")
    [job] = list_jobs(JobKind.EXPORT)
    assert job.title == "Exporting spring-2026 as zip"


def test_a_large_version_is_looked_through_on_request(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ui.dataset import versions_panel

    for name in ("spring", "autumn"):
        freeze(catalog, name)
    page = open_page("versions")
    assert {s.value for s in page.success} >= {"Nothing differs."}
    monkeypatch.setattr(versions_panel, "_MAX_UNASKED", 0)
    page.run()
    assert not page.success
    for ask, found in (("leaks", "No leak"), ("differences", "Nothing differs")):
        press(page, f"ask_{ask}")
        wait_for_task(page)
        assert found in " ".join(s.value for s in page.success)
    assert page.button(key="ask_leaks").label.endswith("again")
    page.selectbox(key="version_shown").set_value("spring").run()
    assert "No leak" not in " ".join(s.value for s in page.success)
