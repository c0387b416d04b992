from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from coin_core.model_store import bundle
from coin_core.results import Verdict
from tests import fakes
from tests.pages.test_pages import component_with


def _result(data: bytes) -> None:
    from ui import resources
    from ui.classify.predict import classify_uploads
    from ui.classify.result_view import show_result
    from ui.classify.session import upload_session

    session = upload_session()
    if not session.photos:
        session.add([("both.png", data)])
    classify_uploads(session, "resnet")
    cards = {one.name: one.card for one in resources.bundles()[0]}
    show_result(session, session.photos[session.selected], "resnet", cards)


@pytest.fixture
def page(encode_photo: Callable[..., bytes]) -> AppTest:
    """A photo with both sides; the stand-in finds two faces in wide photos."""
    data = encode_photo(np.full((120, 300, 3), 120, np.uint8))
    return AppTest.from_function(_result, default_timeout=60, kwargs={"data": data})


def verdict_of(page: AppTest) -> str:
    return next(p.value for p in page.get("html") if "coin-sentence" in p.value)


def headers_of(page: AppTest) -> list[str]:
    return [header.value for header in page.header]


def faces_of(page: AppTest):
    return next(g for g in page.button_group if str(g.key).startswith("face_"))


def test_another_face_is_classified_when_it_is_chosen(page: AppTest) -> None:
    page.run()
    assert not page.exception
    faces = faces_of(page)
    assert list(faces.options) == ["1 · cornucopia side", "2 · legend side"]
    assert faces.value == 1
    assert "This is face" not in verdict_of(page)  # both are of one coin
    assert "91" in verdict_of(page)
    faces.set_value(0).run()
    assert not page.exception
    said = verdict_of(page)
    assert "this is the cornucopia side" in said
    assert "leans" not in said
    assert headers_of(page) == ["How the classifiers agree"]
    (agreement,) = (m.value for m in page.markdown if "names a ruler" in m.value)
    assert "cornucopia side only" in agreement


def test_a_chosen_face_stays_while_a_model_of_other_coins_is_looked_at(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.run()
    faces_of(page).set_value(0).run()
    session = page.session_state["upload_session"]
    boxes = dict(session.boxes)
    assert len(boxes) == 1
    (key, kept), *_others = session.results.items()
    other = replace(kept.verdicts[0], face=0)  # the first one, as in training
    with monkeypatch.context() as patch:
        patch.setattr(Verdict, "is_of_rulers", False)
        session.results[key] = replace(kept, verdicts=(other,))
        page.run()
        assert (faces_of(page).value, session.boxes) == (0, boxes)
    session.results[key] = kept
    page.run()
    assert (faces_of(page).value, session.boxes) == (0, boxes)
    faces_of(page).set_value(1).run()  # the usual one again
    assert not session.boxes
    assert not session.faces


def test_a_verdict_on_one_of_several_coins_says_on_which(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    _cornucopia, legend = fakes._find(np.full((9, 18), 120))
    faces = tuple(
        replace(legend, box=replace(legend.box, left=left, right=left + 0.2))
        for left in (0.1, 0.4, 0.7)
    )
    monkeypatch.setattr(fakes, "_find", lambda photo: faces)
    page.run()
    assert "This is face 1 of 3 in the photo" in verdict_of(page)
    faces_of(page).set_value(2).run()
    assert not page.exception
    assert "This is face 3 of 3 in the photo" in verdict_of(page)


@pytest.mark.parametrize(("count", "is_said"), [(23, False), (24, True)])
def test_a_photo_of_many_coins_says_that_smaller_ones_may_be_missing(
    page: AppTest, monkeypatch: pytest.MonkeyPatch, count: int, is_said: bool
) -> None:
    (face,) = fakes._find(np.full((9, 9), 120))
    monkeypatch.setattr(fakes, "_find", lambda photo: (face,) * count)
    page.run()
    assert not page.exception
    said = [c.value for c in page.caption if c.value.startswith("Up to 24 coins")]
    assert len(said) == is_said


def test_a_corrected_crop_is_kept_until_the_switch_is_off(page: AppTest) -> None:
    page.run()
    switch = next(t for t in page.toggle if t.label == "Correct the crop")
    switch.set_value(True).run()
    assert not page.exception
    crops = page.session_state["upload_session"].crops
    (box,) = crops.values()
    assert box.left == pytest.approx(0.52, abs=0.01)  # starts at the legend side
    assert not page.session_state["upload_session"].boxes  # nothing is drawn yet
    (digest,) = crops
    drawn = crops[digest] = replace(box, turn_deg=90.0)
    page.run()
    assert page.session_state["upload_session"].boxes == {digest: drawn}
    faces_of(page).set_value(0).run()  # another face starts the box there
    (box,) = page.session_state["upload_session"].crops.values()
    assert box.left == pytest.approx(0.05, abs=0.01)
    switch = next(t for t in page.toggle if t.label == "Correct the crop")
    switch.set_value(False).run()
    assert not page.session_state["upload_session"].crops


def test_a_box_is_drawn_anew_after_the_last_one_was_dropped(page: AppTest) -> None:
    page.run()

    def draw(is_on: bool) -> None:
        switch = next(t for t in page.toggle if t.label == "Correct the crop")
        switch.set_value(is_on).run()

    def crop_id() -> str:
        return component_with(page, "widthPx")["crop"]["id"]

    draw(True)
    first = crop_id()
    page.run()
    assert crop_id() == first  # what is being drawn stays
    draw(False)
    draw(True)
    second = crop_id()
    faces_of(page).set_value(0).run()
    assert len({first, second, crop_id()}) == 3


def test_only_classifiers_of_the_same_classes_are_compared(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.run()
    assert headers_of(page) == ["How the classifiers agree", "The nearest known coins"]
    assert [m.value for m in page.markdown if "together" in m.value] == [
        "Weighed together: **John Hyrcanus I, 91 %**"
    ]
    first, *others = fakes.bundles()
    alone = [
        replace(one, card=replace(one.card, classes=("gallus", "vespasian")))
        for one in others
    ]
    monkeypatch.setattr(bundle, "discover", lambda: ((first, *alone), ()))
    page.run()
    assert not any("together" in m.value for m in page.markdown)
    assert headers_of(page) == ["The nearest known coins"]
