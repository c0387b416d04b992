"""The demo coins of the pages, read by the shipped classifiers."""

from __future__ import annotations

import pytest

from coin_core.classifiers.registry import shipped_classifiers
from coin_core.pipeline import CoinClassifier
from coin_core.results import RejectReason
from coin_core.rulers import RULERS
from ui.classify.demo import DEMO_COINS, render_demo_coin


@pytest.mark.slow
@pytest.mark.parametrize("classifier", shipped_classifiers())
def test_the_demo_shows_each_answer_and_each_reason_once(classifier: str) -> None:
    predictor = CoinClassifier()
    photos = [render_demo_coin(coin)[0] for coin in DEMO_COINS]
    results = predictor.classify_batch(photos, (classifier,))
    verdicts = [result.verdicts[0] for result in results]
    said = [verdict.ruler or verdict.reason for verdict in verdicts]
    reasons = set(RejectReason) - {RejectReason.DAMAGED}
    assert sorted(map(str, said)) == sorted(map(str, {*RULERS, *reasons}))
    for coin, verdict in zip(DEMO_COINS, verdicts, strict=True):
        assert verdict.ruler in (None, render_demo_coin(coin)[1])
