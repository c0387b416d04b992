from __future__ import annotations

import numpy as np

from coin_core.results import RejectReason
from tests import fakes
from tests.ui.classify.test_results_table import a_verdict
from ui.classify.explanation import agreement, why_together_differs

PHOTO = np.full((200, 200, 3), 90, np.uint8)


def test_agreement_is_one_sentence() -> None:
    reading = fakes.FakeCoinClassifier().classify(PHOTO, classifiers=("resnet", "mlp"))
    assert agreement(reading.verdicts) == (
        "**1 of 2** says John Hyrcanus I; 1 cannot tell."
    )
    silent = fakes.FakeCoinClassifier().classify(PHOTO, classifiers=("mlp",))
    assert agreement(silent.verdicts) == (
        "None of them names a ruler: too worn to tell."
    )


def test_a_verdict_of_all_that_differs_from_most_is_explained() -> None:
    jannaeus, hyrcanus = (0.1, 0.2, 0.7), (0.7, 0.1, 0.2)
    worn = RejectReason.TOO_WORN
    five = [a_verdict(worn, jannaeus)] * 4 + [a_verdict(worn, hyrcanus)]
    words = why_together_differs(five, a_verdict(None, hyrcanus))
    assert words.startswith("Alone, 4 of 5 put Alexander Jannaeus first")
    assert "fit John Hyrcanus I better" in words
    for same in (
        why_together_differs(five, a_verdict(None, jannaeus)),
        why_together_differs(five[2:4] + five[4:] * 2, a_verdict(None, hyrcanus)),
        why_together_differs(five, a_verdict(RejectReason.NOT_THESE, hyrcanus)),
        why_together_differs([], a_verdict(None, hyrcanus)),
    ):
        assert same == ""
