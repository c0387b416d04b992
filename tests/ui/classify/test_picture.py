"""What the viewer of the Classify page is given, and what it gives back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from coin_core import explain


def _picture(data: bytes, ruler: str, is_cropping: bool) -> None:
    from coin_core.imaging.preprocessing import RotatedBox
    from ui.classify.picture import show_picture
    from ui.classify.predict import classify_photo
    from ui.classify.session import upload_session

    session = upload_session()
    session.add([("coin.png", data)])
    (photo,) = session.photos.values()
    result = classify_photo(photo, ("resnet",))
    box = RotatedBox(left=0.1, top=0.1, right=0.9, bottom=0.9)
    show_picture(
        session,
        photo,
        result,
        classified=result.faces[0].box,
        classifier="resnet",
        ruler=ruler,
        with_letters=bool(ruler),
        crop=(box, "drawn") if is_cropping else None,
    )


@pytest.fixture
def photo(encode_photo: Callable[..., bytes]) -> bytes:
    return encode_photo(np.full((120, 120, 3), 120, np.uint8))


def viewer(page: AppTest) -> dict[str, Any]:
    assert not page.exception
    (part,) = page.get("bidi_component")
    return json.loads(part.proto.json)


def run(photo: bytes, *, ruler: str = "john_hyrcanus_i", crop: bool = False) -> AppTest:
    kwargs = {"data": photo, "ruler": ruler, "is_cropping": crop}
    return AppTest.from_function(_picture, default_timeout=60, kwargs=kwargs).run()


def test_letters_and_layers_are_drawn_over_the_photo(photo: bytes) -> None:
    data = viewer(run(photo))
    assert (data["widthPx"], data["heightPx"]) == (120, 120)
    assert data["letters"]
    assert {layer["name"] for layer in data["layers"]} == {"letters", "heat"}
    assert "Tab goes from letter to letter" in data["help"]
    inside = np.array([letter["corners"] for letter in data["letters"]])
    assert inside.min() >= 0
    assert inside.max() <= 120


def test_without_a_ruler_there_is_nothing_to_explain(photo: bytes) -> None:
    data = viewer(run(photo, ruler=""))
    assert data["layers"] == []
    assert "letter" not in data["help"]


def test_the_box_that_is_drawn_comes_with_its_keys(photo: bytes) -> None:
    data = viewer(run(photo, crop=True))
    assert data["crop"]["id"] == "drawn"
    assert data["crop"]["left"] == pytest.approx(0.1)
    assert "Shift + arrow keys resize it" in data["help"]


@pytest.mark.parametrize(
    ("warmest", "words"), [(1.0, "hiding a warm place"), (0.0, "The heat map is empty")]
)
def test_a_heat_map_that_was_asked_for_is_explained(
    photo: bytes, monkeypatch: pytest.MonkeyPatch, warmest: float, words: str
) -> None:
    from ui.classify import picture

    monkeypatch.setattr(picture, "_wants_heat", lambda: True)
    heat = np.full((40, 40), warmest, np.float32)
    monkeypatch.setattr(explain, "heat_map", lambda *_: heat)
    page = run(photo)
    assert viewer(page)["heat"]["src"].startswith("data:image/png")
    assert words in page.caption[0].value
