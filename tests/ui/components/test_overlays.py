from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from coin_core.imaging.preprocessing import (
    LegendPose,
    RotatedBox,
    crop_to_flan,
    warp_to_legend,
)
from coin_core.results import DetectedFace, Side
from tests import fakes
from ui.components.overlays import (
    face_outlines,
    heat_layer,
    letter_outlines,
    upright_deg,
)

BOX = RotatedBox(left=0.3, top=0.2, right=0.7, bottom=0.9)


def face(box: RotatedBox, side: Side, confidence: float = 0.97) -> DetectedFace:
    return DetectedFace(box=box, side=side, confidence=confidence)


def test_faces_are_named_numbered_and_the_one_that_is_read_stands_out() -> None:
    left = RotatedBox(left=0.0, top=0.0, right=0.5, bottom=1.0)
    faces = [face(left, Side.CORNUCOPIA, 0.7), face(BOX, Side.LEGEND)]
    first, second = face_outlines(faces, classified=BOX)
    assert (first["label"], second["label"]) == (
        "1 · perhaps a cornucopia side",
        "2 · legend side",
    )
    assert (first["dashed"], second["dashed"]) == (True, False)
    assert (first["tag"], second["tag"]) == ("1", "2")
    (alone,) = face_outlines(faces[1:], classified=BOX)
    assert alone["tag"] == ""


@pytest.mark.parametrize("turn_deg", [0.0, 40.0, -120.0])
def test_a_letter_is_outlined_where_it_stands_in_the_photo(turn_deg: float) -> None:
    """A bright spot of the photo is found in the view; its outline leads back to it."""
    photo = np.full((300, 500, 3), 20, np.uint8)
    photo[138:143, 238:243] = 255
    box = RotatedBox(left=0.3, top=0.2, right=0.7, bottom=0.9, turn_deg=turn_deg)
    pose = LegendPose(centre_x=0.48, centre_y=0.53, radius=0.36, turn_deg=25.0)
    view = warp_to_legend(crop_to_flan(photo, box, 200)[None], [pose], 200)[0]
    y, x = (np.argwhere(view[..., 0] > 120).mean(axis=0) + 0.5) / 200
    (read, *_rest) = fakes.read_letters()
    at = RotatedBox(left=x - 0.05, top=y - 0.05, right=x + 0.05, bottom=y + 0.05)
    read = type(read)(letter="taw", box=at, probability=0.6, line=0, place=0)
    (outline,) = letter_outlines([read], pose, box, (500, 300), {0})
    assert np.mean(outline["corners"], axis=0) == pytest.approx([240.5, 140.5], abs=1.5)
    assert outline["label"] == "taw of the name, doubtful"
    assert (outline["sign"], outline["named"], outline["doubtful"]) == ("T", True, True)


def test_a_turned_legend_is_brought_upright() -> None:
    pose = LegendPose(radius=0.3, turn_deg=-170.0)
    assert upright_deg(pose, BOX) == 170.0
    turned = RotatedBox(left=0.3, top=0.2, right=0.7, bottom=0.9, turn_deg=90.0)
    assert upright_deg(pose, turned) == -100.0


def test_the_heat_map_is_clear_where_nothing_counts_and_lies_over_the_face() -> None:
    heat = np.zeros((40, 40), np.float32)
    heat[10, 10] = 1.0
    layer = heat_layer(heat, BOX, (500, 300))
    data = base64.b64decode(layer["src"].partition(",")[2])
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    assert pixels.shape == (40, 40, 4)
    assert pixels[10, 10, 3] > 200
    assert pixels[0, 0, 3] == 0
    a, b, c, d, e, f = layer["matrix"]
    # A crop is a little wider than the longer side of its face.
    assert (a, d) == pytest.approx((218.4, 218.4))
    assert (e + a / 2, f + d / 2) == pytest.approx((250, 165))
    assert (b, c) == (0, 0)
