from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from coin_core.model_store import bundle
from tests import fakes
from ui.classify.demo import DEMO_COINS, demo_file
from ui.formatting import percent
from ui.handover import SentPhoto

ROOT = Path(__file__).parents[2]

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
    assert not page.dataframe, "of which a telephone would show only the names"
    shown = page.get("html")[0].value
    assert 'class="coin-table wide"' in shown
    row = dict(re.findall('<td data-title="(.+?)"><bdi>(.+?)</bdi>', shown))
    assert row == {
        **{"classifier": "ResNet-18", "measured on": "3,000 rendered coins"},
        **{"right": percent(0.9), "95 % interval": f"89 to {percent(0.91)}"},
        **{"answers": percent(0.8), "right when it answers": percent(0.98)},
        "calibration error": percent(0.012, digits=1),
    }


def test_figures_of_one_s_own_model_say_of_which_coins_and_how(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, *_ = fakes.bundles()
    how = "5-fold cross-validation by coin; the figures are too good"
    own = {**FIGURES, "data": "catalog (rendered)", "how": how}
    measured = replace(first, card=replace(first.card, metrics=(own,)))
    monkeypatch.setattr(bundle, "discover", lambda: ((measured,), ()))
    page = AppTest.from_function(_measurements).run()
    shown = page.get("html")[0].value
    assert f"3,000 coins of the dataset (rendered), {how}" in shown


def test_without_measurements_the_page_says_so() -> None:
    page = AppTest.from_function(_measurements).run()
    assert "No measurements are stored" in page.caption[0].value


def test_the_example_has_a_verdict_its_reason_and_its_pictures() -> None:
    page = AppTest.from_file(str(ROOT / "Home.py"), default_timeout=60).run()
    assert not page.exception
    shown = " ".join(str(part.value) for part in page.get("html"))
    assert "91\N{NO-BREAK SPACE}%" in shown
    assert "Read " in shown
    captions = " ".join(caption.value for caption in page.caption)
    assert "The letters that were read" in captions
    assert "Rendered coin, not a photograph" in captions


def test_without_classifiers_the_example_is_only_a_coin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bundle, "discover", lambda: ((), ()))
    page = AppTest.from_file(str(ROOT / "Home.py"), default_timeout=60).run()
    assert not page.exception
    captions = " ".join(caption.value for caption in page.caption)
    assert "An example. Rendered coin" in captions


def test_photos_dropped_at_home_are_read_on_classify() -> None:
    sent = [
        SentPhoto(name=name, data=demo_file(coin)[1])
        for name, coin in zip(("a.png", "b.png"), DEMO_COINS, strict=False)
    ]
    page = AppTest.from_file(str(ROOT / "pages/1_Classify.py"), default_timeout=60)
    page.session_state["photos_for_classify"] = sent
    page.run()
    assert not page.exception
    session = page.session_state["upload_session"]
    assert [photo.name for photo in session.photos.values()] == ["a.png", "b.png"]
    assert session.photos[session.selected].name == "a.png"
    assert "photos_for_classify" not in page.session_state
