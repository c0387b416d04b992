from __future__ import annotations

from dataclasses import replace

import numpy as np

from coin_core.results import RejectReason, Verdict
from tests import fakes
from ui.classify.explanation import agreement

PHOTO = np.full((200, 200, 3), 90, np.uint8)


def test_agreement_is_one_sentence() -> None:
    reading = fakes.FakeCoinClassifier().classify(PHOTO, classifiers=("resnet", "mlp"))
    assert agreement(reading.verdicts) == (
        "**1 of 2** say John Hyrcanus I; 1 cannot tell."
    )
    silent = fakes.FakeCoinClassifier().classify(PHOTO, classifiers=("mlp",))
    assert agreement(silent.verdicts) == "None of them names a ruler."


def test_verdicts_that_name_nobody_say_where_they_lean() -> None:
    def worn(*probabilities: float) -> list[Verdict]:
        return [
            Verdict(
                classifier="resnet",
                probabilities={"john_hyrcanus_i": p, "alexander_jannaeus": 1 - p},
                ruler=None,
                reason=RejectReason.TOO_WORN,
                seconds=0.0,
            )
            for p in probabilities
        ]

    assert agreement(worn(0.4, 0.45)) == (
        "None of them names a ruler; all lean to Alexander Jannaeus "
        "(55\N{NO-BREAK SPACE}% to 60\N{NO-BREAK SPACE}%)."
    )
    assert agreement(worn(0.4, 0.6)) == "None of them names a ruler."
    other = replace(worn(0.4)[0], reason=RejectReason.NOT_THESE)
    assert agreement([*worn(0.4), other]) == "None of them names a ruler."
