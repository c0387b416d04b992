from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_job_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coin_core.jobs.start_waiting", lambda: None)
    monkeypatch.setattr("ui.components.job_panel.start_waiting", lambda: None)
