from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from coin_core.imaging.preprocessing import RotatedBox
from coin_core.results import DetectedFace, RejectReason, Side, Verdict
from tests import fakes
from ui.classify.verdict import (
    NEXT_STEP,
    WHY_NOT,
    calibration_note,
    headline,
    is_weighed,
    lean,
    verdict_bars,
    why_not,
)

CARD = fakes.bundles()[0].card


def test_the_note_names_the_data_and_the_calibration_error() -> None:
    note = calibration_note(CARD)
    assert "3,000 rendered coins" in note
    assert "1.2\N{NO-BREAK SPACE}%" in note


def test_a_user_s_own_model_names_its_photos_and_how_they_were_split() -> None:
    figures = {"data": "flavians", "how": "5-fold cross-validation by coin"}
    card = replace(CARD, metrics=({**CARD.metrics[0], **figures},))
    assert "flavians, 5-fold cross-validation by coin" in calibration_note(card)


def test_unmeasured_probabilities_are_called_so() -> None:
    for metrics in ((), ({"n": 10, "ece": 0.1},), ({"ece": 0.1},)):
        assert "not measured" in calibration_note(replace(CARD, metrics=metrics))


def test_every_reason_has_words_and_a_next_step() -> None:
    assert set(WHY_NOT) == set(RejectReason) == set(NEXT_STEP)


def test_the_bars_follow_the_card_not_the_verdict() -> None:
    verdict = fakes.FakeCoinClassifier().classify(
        np.full((90, 90, 3), 120, np.uint8), classifiers=["resnet"]
    )
    bars = verdict_bars(verdict.verdicts[0], CARD.classes)
    assert bars[0].label == "John Hyrcanus I"
    assert len({bar.colour for bar in bars}) == 3


NBSP = "\N{NO-BREAK SPACE}"


def verdict(reason: RejectReason | None, *probabilities: float) -> Verdict:
    rulers = ("john_hyrcanus_i", "alexander_jannaeus")
    return Verdict(
        classifier="resnet",
        probabilities=dict(zip(rulers, probabilities, strict=False)),
        ruler=None if reason else rulers[0],
        reason=reason,
        seconds=0.0,
    )


def worn(*probabilities: float) -> list[Verdict]:
    return [verdict(RejectReason.TOO_WORN, p, 1 - p) for p in probabilities]


def test_cannot_tell_says_where_all_lean() -> None:
    assert lean(worn(0.4, 0.45)) == (
        f"Cannot tell. All 2 lean to Alexander Jannaeus (55{NBSP}% to 60{NBSP}%)."
    )
    assert lean(worn(0.4)) == (
        f"Cannot tell. It leans to Alexander Jannaeus (60{NBSP}%)."
    )
    assert lean(worn(0.4, 0.6)) == ""
    assert lean([*worn(0.4), verdict(RejectReason.NOT_THESE, 0.4, 0.6)]) == ""


def test_the_headline_falls_back_to_the_lean_of_the_one_that_was_asked() -> None:
    (one, other) = worn(0.4, 0.6)
    assert headline(one, [one, other], ()).startswith("Cannot tell. It leans to Alex")
    assert headline(verdict(None, 0.999, 0.001), [], ()) == "John Hyrcanus I, 99 %"


@pytest.mark.parametrize(("confidence", "is_doubted"), [(0.82, True), (0.97, False)])
def test_a_side_that_is_doubted_is_said_as_doubt(
    confidence: float, is_doubted: bool
) -> None:
    box = RotatedBox(left=0.1, top=0.1, right=0.9, bottom=0.9)
    face = DetectedFace(box=box, side=Side.CORNUCOPIA, confidence=confidence)
    said = headline(verdict(RejectReason.LEGEND_NOT_SHOWN, 0.5, 0.5), [], [face])
    assert ("perhaps" in said) is is_doubted
    assert "cornucopia side, which names no ruler" in said


def test_probabilities_count_only_where_a_legend_was_weighed() -> None:
    assert is_weighed(verdict(None, 0.9, 0.1))
    assert is_weighed(verdict(RejectReason.TOO_WORN, 0.6, 0.4))
    assert not is_weighed(verdict(RejectReason.LEGEND_NOT_SHOWN, 0.9, 0.1))
    assert not is_weighed(verdict(RejectReason.DAMAGED))


def test_the_few_words_of_a_reason_doubt_what_the_headline_doubts() -> None:
    box = RotatedBox(left=0.1, top=0.1, right=0.9, bottom=0.9)
    unsure = DetectedFace(box=box, side=Side.OTHER, confidence=0.6)
    refused = verdict(RejectReason.NOT_THESE, 0.5, 0.5)
    assert why_not(refused, [unsure]) == "perhaps not one of these coins"
    assert why_not(refused, ()) == "not one of these coins"  # the box was drawn
    assert why_not(verdict(RejectReason.TOO_WORN, 0.5, 0.5), [unsure]) == (
        "too worn to tell"
    )
    assert why_not(verdict(None, 0.9, 0.1), [unsure]) == ""
