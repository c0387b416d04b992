from __future__ import annotations

import pytest

from tests import fakes
from tests.ui.dataset.dataset_page import catalog, empty  # noqa: F401


@pytest.fixture(autouse=True)
def _fake_models(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.install(monkeypatch)
