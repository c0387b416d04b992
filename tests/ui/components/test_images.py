from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from ui.components.images import (
    shrink,
    svg_to_image_tag,
    to_data_uri,
)

SVG = '<svg viewBox="0 0 400 100"/>'
PHOTO = np.full((200, 400, 3), 90, np.uint8)


def test_shrinking_keeps_the_shape() -> None:
    assert shrink(PHOTO, 100).shape == (50, 100, 3)
    assert shrink(PHOTO, 900) is PHOTO


def test_a_data_address_holds_the_picture_as_jpeg() -> None:
    kind, data = to_data_uri(PHOTO).split(",")
    assert kind == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (400, 200)


def test_a_drawing_escapes_its_description() -> None:
    tag = svg_to_image_tag(SVG, alt='a "name"', height_em=2)
    assert 'alt="a &quot;name&quot;"' in tag


def test_a_drawing_is_no_wider_than_its_column_and_keeps_its_shape() -> None:
    tag = svg_to_image_tag(SVG, alt="", height_em=2)
    assert "width:8.00em;max-width:100%;height:auto" in tag
