"""A damaged dataset offers its backups where the page would be."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from coin_core import access
from coin_core.access import Person, Role
from coin_core.catalog import Catalog, open_catalog
from coin_core.jobs import Job, JobKind, hold_job
from tests.ui.dataset.dataset_page import words_of
from ui.background_task import TaskSession


def open_panel() -> AppTest:
    """A page that finds its dataset damaged."""

    def page() -> None:
        import streamlit as st

        from ui.dataset.restore_panel import errors_or_backup

        task = st.session_state["task"]
        with errors_or_backup(task):
            from coin_core.catalog import open_catalog

            catalog = open_catalog()
            st.text(f"{len(catalog.queries.find().photos)} photos are shown")
        st.text(task.notice)

    test = AppTest.from_function(page, default_timeout=60)
    test.session_state["task"] = TaskSession()
    test.run()
    assert not test.exception
    return test


@pytest.fixture
def damaged(catalog: Catalog) -> Path:
    """The file of a damaged catalog, of which there is the backup of the day."""
    path = Path(catalog.database.where)
    catalog.close()
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    path.write_bytes(b"not a database at all" * 100)
    return path


def test_a_sound_dataset_is_shown(catalog: Catalog) -> None:
    test = open_panel()
    assert "12 photos are shown" in [text.value for text in test.text]
    assert not test.error
    assert not test.button


def test_a_backup_is_restored_and_the_damaged_file_kept(damaged: Path) -> None:
    test = open_panel()
    assert test.error
    (choice,) = test.selectbox(key="backup").options
    assert choice.endswith(" UTC, 12 photos")
    test.button(key="restore_backup").click().run()
    assert not test.exception
    words = [text.value for text in test.text]
    (aside,) = damaged.parent.glob("catalog.replaced.*.sqlite")
    assert "12 photos are shown" in words
    assert any(aside.name in word for word in words)
    assert len(open_catalog().queries.find().photos) == 12


def test_without_a_backup_nothing_is_offered(damaged: Path) -> None:
    for backup in (damaged.parent / "backups").iterdir():
        backup.unlink()
    test = open_panel()
    assert test.error
    assert not test.button


def test_an_editor_is_told_who_may_restore(
    damaged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = Person(name="Ben", role=Role.EDITOR)
    monkeypatch.setattr(access, "_find_person", lambda: editor)
    test = open_panel()
    assert "you need the role admin" in words_of(test)
    assert not test.button


@pytest.mark.parametrize("kind", [JobKind.IMPORT, JobKind.FREEZE])
def test_jobs_that_write_to_the_dataset_end_first(damaged: Path, kind: JobKind) -> None:
    job = Job(job_id="job-1", kind=kind, title="A job", arguments=())
    with hold_job(job):
        test = open_panel()
    assert "Stop the jobs" in words_of(test)
    assert not test.button
