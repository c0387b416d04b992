from __future__ import annotations

import pytest

from tests import fakes
from tests.ui.dataset.dataset_page import (  # noqa: F401
    catalog,
    empty,
    full_folder,
)


@pytest.fixture(autouse=True)
def _fake_models(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.install(monkeypatch)
