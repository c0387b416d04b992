"""What a photo's result says of its faces."""

from __future__ import annotations

import pytest

from coin_core.imaging.preprocessing import RotatedBox
from coin_core.results import DetectedFace, Side, are_of_several_coins

BOX = RotatedBox(left=0.1, top=0.1, right=0.4, bottom=0.4)


@pytest.mark.parametrize(
    ("sides", "confidence", "are_several"),
    [
        ("legend", 0.99, False),
        ("legend cornucopia", 0.99, False),
        ("legend legend", 0.99, True),
        ("legend legend", 0.8, False),  # one of them may be the other side
        ("legend cornucopia nothing", 0.99, False),
        ("legend cornucopia other", 0.99, True),
    ],
)
def test_the_two_sides_of_a_coin_are_not_two_coins(
    sides: str, confidence: float, are_several: bool
) -> None:
    faces = [
        DetectedFace(box=BOX, side=Side(side), confidence=confidence)
        for side in sides.split()
    ]
    assert are_of_several_coins(faces) is are_several
