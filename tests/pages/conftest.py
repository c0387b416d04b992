from __future__ import annotations

import pytest
import streamlit as st

from tests import fakes


@pytest.fixture(autouse=True)
def _fake_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page runs on the stand-in: no weights are needed, nothing is slow."""
    from coin_core import explain, pipeline
    from coin_core.model_store import bundle

    st.cache_data.clear()
    st.cache_resource.clear()
    monkeypatch.setattr(bundle, "discover", lambda: (fakes.bundles(), ()))
    monkeypatch.setattr(pipeline, "CoinClassifier", fakes.FakeCoinClassifier)
    monkeypatch.setattr(explain, "read_letters", fakes.read_letters)
    monkeypatch.setattr(explain, "find_legend_pose", fakes.find_legend_pose)
    monkeypatch.setattr(explain, "heat_map", fakes.heat_map)
    monkeypatch.setattr(explain, "nearest_coins", fakes.nearest_coins)
