from __future__ import annotations

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from coin_core.model_store import bundle
from tests import fakes

FIGURES = {
    **{"data": "rendered", "n": 3000, "answered": 2400, "accuracy": 0.9},
    **{"accuracy_low": 0.89, "accuracy_high": 0.91, "accuracy_answered": 0.98},
    "ece": 0.012,
}


def _measurements() -> None:
    from ui.home import show_measurements

    show_measurements()


def test_only_complete_measurements_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, *_ = fakes.bundles()
    measured = replace(first, card=replace(first.card, metrics=(FIGURES,)))
    monkeypatch.setattr(bundle, "discover", lambda: ((measured, second), ()))
    page = AppTest.from_function(_measurements).run()
    assert not page.exception
    (row,) = page.dataframe[0].value.to_dict("records")
    assert row["classifier"] == "ResNet-18"
    assert row["measured on"] == "3,000 rendered coins"
    assert row["95 % interval"] == "89 to 91 %"
    assert (row["right"], row["answers"]) == pytest.approx((90, 80))


def test_without_measurements_the_page_says_so() -> None:
    page = AppTest.from_function(_measurements).run()
    assert "No measurements are stored" in page.caption[0].value
