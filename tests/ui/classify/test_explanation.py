from __future__ import annotations

import numpy as np

from tests import fakes
from ui.classify.explanation import agreement

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
