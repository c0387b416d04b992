"""Overlays, charts and the crop widget's arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from coin_core.detection.faces import DetectedFace, RotatedBox, Side
from tests import fakes
from ui.classify.explanation import agreement
from ui.components.charts import Bar, comparison_bars, probability_bars
from ui.components.cropper import MARGIN_PX, _to_box
from ui.components.images import shrink
from ui.components.overlays import faces_on_photo, heat_on_coin, letters_on_coin
from ui.formatting import percent

PHOTO = np.full((200, 400, 3), 90, np.uint8)
BARS = [
    Bar(label="A", probability=0.9, colour="#111111"),
    Bar(label="B", probability=0.1, colour="#222222"),
]


def test_every_face_is_outlined_and_named() -> None:
    faces = [
        DetectedFace(
            box=RotatedBox(left=0.0, top=0.0, right=0.5, bottom=1.0),
            side=Side.CORNUCOPIA,
            confidence=0.9,
        ),
        DetectedFace(
            box=RotatedBox(left=0.5, top=0.0, right=1.0, bottom=1.0),
            side=Side.LEGEND,
            confidence=0.9,
        ),
    ]
    svg = faces_on_photo(PHOTO, faces, classified=faces[1].box)
    assert "cornucopia side" in svg
    assert "legend side" in svg
    own = faces_on_photo(
        PHOTO, faces, classified=RotatedBox(left=0.1, top=0.1, right=0.4, bottom=0.9)
    )
    assert "your crop" in own


def test_letters_carry_their_transliteration() -> None:
    svg = letters_on_coin(PHOTO[:, :200], fakes.read_letters(), {0})
    assert ">Y</text>" in svg


def test_heat_of_any_size_covers_the_coin() -> None:
    mixed = heat_on_coin(PHOTO, fakes.heat_map())
    assert mixed.shape == PHOTO.shape
    assert mixed.dtype == np.uint8


def test_shrinking_keeps_the_shape() -> None:
    assert shrink(PHOTO, 100).shape == (50, 100, 3)
    assert shrink(PHOTO, 900) is PHOTO


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        ({"left": 10, "top": 20, "width": 50, "height": 60}, (0.1, 0.1, 0.6, 0.4)),
        ({"left": -5, "top": -6, "width": 55, "height": 86}, (0.0, 0.0, 0.5, 0.4)),
        ({"left": -5, "top": -5, "width": 500, "height": 900}, (0.0, 0.0, 1.0, 1.0)),
        ({"left": 100, "top": 200, "width": 0, "height": 0}, (0.98, 0.98, 1.0, 1.0)),
    ],
)
def test_a_drawn_box_stays_inside_the_photo(
    drawn: dict[str, float], expected: tuple[float, ...]
) -> None:
    on_canvas = {
        **drawn,
        "left": drawn["left"] + MARGIN_PX,
        "top": drawn["top"] + MARGIN_PX,
    }
    box = _to_box(on_canvas, 100, 200, 15.0)
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx(expected)
    assert box.turn_deg == 15.0


def test_the_bars_say_what_they_were_calibrated_on() -> None:
    figure = probability_bars(BARS, answered=True, threshold=0.6, note="On 3,000 coins")
    assert "On 3,000 coins" in figure.data[0].hovertemplate
    assert figure.layout.annotations[0].text == f"cannot tell below {percent(0.6)}"


def test_the_comparison_has_a_bar_for_each_class() -> None:
    figure = comparison_bars({"one": BARS, "two": BARS}, refused={"two": "worn"})
    assert [bar.name for bar in figure.data] == ["A", "B"]
    assert figure.data[0].marker.opacity == (1.0, 0.32)


def test_agreement_is_one_sentence() -> None:
    reading = fakes.FakeCoinClassifier().classify(
        PHOTO[:, :200], classifiers=("resnet", "mlp")
    )
    assert agreement(reading.verdicts) == (
        "**1 of 2** say John Hyrcanus I; 1 cannot tell."
    )
    silent = fakes.FakeCoinClassifier().classify(PHOTO[:, :200], classifiers=("mlp",))
    assert agreement(silent.verdicts) == "None of them names a ruler."
