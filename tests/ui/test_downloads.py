"""Exports are sent from the disk, to those who have seen their page."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit import config

from coin_core import jobs
from coin_core.jobs import Job, JobKind, JobState
from coin_core.storage import write_json
from ui import downloads


@pytest.fixture
def export(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Job:
    """A finished export of 3 MB."""
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path))
    job = Job(
        job_id="20260101-000000000000-abcd",
        kind=JobKind.EXPORT,
        title="Export",
        arguments=(),
        created="2026-01-01T00:00:00+00:00",
    )
    jobs.add_interrupted(job, "", {"file": "coins.zip", "photos": 1})
    stored = job.folder / "job.json"
    stored.write_text(stored.read_text().replace(JobState.INTERRUPTED, JobState.DONE))
    (job.folder / "coins.zip").write_bytes(b"PK" * 1_500_000)
    found = jobs.find_job(job.job_id)
    assert found is not None
    return found


def get(address: str):
    app = Starlette(routes=[downloads.download_route()])
    return TestClient(app).get(address)


@pytest.mark.parametrize("base", ["", "coins/"])
def test_an_export_is_sent_with_its_name(base, export, monkeypatch) -> None:
    monkeypatch.setattr(config, "get_option", lambda _: base)
    address = downloads.download_address(export)
    assert address.startswith(f"/{base}exports/")
    answer = get(address)
    assert answer.content == b"PK" * 1_500_000
    assert 'filename="coins.zip"' in answer.headers["content-disposition"]


def test_nothing_is_sent_without_the_code_of_the_page(export) -> None:
    address = downloads.download_address(export)
    for wrong in (address[:-1], address[:-1] + "x", f"/exports/{export.job_id}/ü"):
        assert get(wrong).status_code == 404


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "gone.zip", ""])
def test_only_the_file_of_the_export_is_sent(name, export) -> None:
    write_json(export.folder / "progress.json", {"details": {"file": name}})
    (export.folder.parent.parent / "secret").write_text("secret")
    assert downloads.export_path(export) is None
    assert get(downloads.download_address(export)).status_code == 404


def test_an_export_that_runs_or_is_another_job_has_no_file(export) -> None:
    from dataclasses import replace

    assert downloads.export_path(export) == export.folder / "coins.zip"
    assert downloads.export_path(replace(export, state=JobState.RUNNING)) is None
    assert downloads.export_path(replace(export, kind=JobKind.SCRAPE)) is None
