from __future__ import annotations

import pytest

from tests import fakes


@pytest.fixture(autouse=True)
def _fake_models(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.install(monkeypatch)
