from __future__ import annotations

from dataclasses import replace

import numpy as np

from coin_core.results import RejectReason
from tests import fakes
from ui.classify.verdict import NEXT_STEP, WHY_NOT, calibration_note, verdict_bars

CARD = fakes.bundles()[0].card


def test_the_note_names_the_data_and_the_calibration_error() -> None:
    note = calibration_note(CARD)
    assert "3,000 unseen rendered coins" in note
    assert "1.2\N{NO-BREAK SPACE}%" in note


def test_a_user_s_own_model_names_its_photos_and_how_they_were_split() -> None:
    figures = {"data": "flavians", "how": "5-fold cross-validation by coin"}
    card = replace(CARD, metrics=({**CARD.metrics[0], **figures},))
    assert "flavians, 5-fold cross-validation by coin" in calibration_note(card)


def test_unmeasured_probabilities_are_called_so() -> None:
    assert "not measured" in calibration_note(replace(CARD, metrics=()))


def test_every_reason_has_words_and_a_next_step() -> None:
    assert set(WHY_NOT) == set(RejectReason) == set(NEXT_STEP)


def test_the_bars_follow_the_card_not_the_verdict() -> None:
    verdict = fakes.FakeCoinClassifier().classify(
        np.full((90, 90, 3), 120, np.uint8), classifiers=["resnet"]
    )
    bars = verdict_bars(verdict.verdicts[0], CARD.classes)
    assert bars[0].label == "John Hyrcanus I"
    assert len({bar.colour for bar in bars}) == 3
