from __future__ import annotations

import pytest

from coin_core.catalog import Catalog
from coin_core.catalog.versions import freeze
from coin_core.jobs import JobKind, list_jobs
from tests.ui.dataset.dataset_page import open_page, press, wait_for_task


def test_a_version_is_frozen_inspected_and_exported(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coin_core.jobs.start_waiting", lambda: None)
    monkeypatch.setattr("ui.components.job_panel.start_waiting", lambda: None)
    page = open_page("versions")
    page.text_input[0].set_value("spring-2026")
    next(b for b in page.button if b.label == "Freeze").click().run()
    assert not page.exception
    assert not page.error
    assert "catalog:spring-2026" in page.code[0].value
    assert "spring-2026" in list(page.dataframe[0].value["name"])
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
