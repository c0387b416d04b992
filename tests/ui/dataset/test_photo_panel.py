from __future__ import annotations

import pytest
import streamlit as st

from coin_core.catalog import (
    Catalog,
    CatalogFace,
    Prediction,
    PredictionKind,
    RotatedBox,
    Side,
)
from coin_core.rulers import DEFAULT_CLASSES
from tests.ui.dataset.dataset_page import NASTY, open_page, shown_in
from ui.handover import CLASSIFY_PAGE, SentPhoto


def test_an_opened_photo_shows_names_and_lot_texts_as_text(catalog: Catalog) -> None:
    page = open_page()
    page.session_state["dataset_session"].open_photo(1)
    page.run()
    assert not page.exception
    plain = [part.value for part in page.text]
    assert NASTY in plain
    assert f"lot text: \u2068{NASTY}\u2069" in plain
    interpreted = [*page.markdown, *page.caption, *page.get("html")]
    assert not [p for p in interpreted if "onerror" in str(p.value)]


def test_the_sides_on_the_photo_do_not_run_on_after_the_hint(catalog: Catalog) -> None:
    def captions() -> list[str]:
        page = open_page()
        page.session_state["dataset_session"].open_photo(1)
        page.run()
        assert not page.exception
        return [part.value for part in page.caption]

    face = CatalogFace(box=RotatedBox(left=0, top=0, right=1, bottom=1), side=None)
    catalog.edits.set_faces(1, [face], who="Anna")
    assert [one for one in captions() if "double-click" in one] == [
        "Wheel or + to zoom, drag to move, double-click for the whole photo."
    ]
    assert "No coin marked." not in captions()
    catalog.edits.set_faces(1, [], who="Anna")
    assert "No coin marked." in captions()


def test_a_training_of_ones_own_is_not_shown_with_figures_of_the_shipped_one(
    catalog: Catalog,
) -> None:
    answer = Prediction(
        photo_id=1,
        classifier="knn",
        model_digest="a" * 64,
        kind=PredictionKind.OUT_OF_FOLD,
        ruler=DEFAULT_CLASSES[0],
        probabilities=dict.fromkeys(DEFAULT_CLASSES, 1 / 3),
    )
    catalog.predictions.add([answer])
    page = open_page()
    page.session_state["dataset_session"].open_photo(1)
    page.run()
    assert not page.exception
    shown = " ".join(str(part.value) for part in page.get("html"))
    assert "kNN (not trained on it)" in shown
    assert "not measured" in shown


def test_a_photo_that_is_gone_leads_back_to_the_grid(catalog: Catalog) -> None:
    page = open_page()
    page.session_state["dataset_session"].open_photo(9999)
    page.run()
    assert not page.exception
    assert "9999" in page.error[0].value
    assert len(shown_in(page)) == 12


def test_show_why_sends_the_original_with_the_box_that_somebody_drew(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(st, "switch_page", opened.append)
    photo = catalog.photos.get(1)

    def sent() -> SentPhoto:
        page = open_page()
        page.session_state["dataset_session"].open_photo(1)
        page.run()
        page.button(key="show_why").click().run()
        assert not page.exception
        (one,) = page.session_state["photos_for_classify"]
        return one

    first = sent()
    assert first.data == catalog.photos.path(photo).read_bytes()
    assert first.box is None  # Classify finds the coin as the import did
    box = RotatedBox(left=0.2, top=0.1, right=0.8, bottom=0.7, turn_deg=90.0)
    face = CatalogFace(box=box, side=Side.LEGEND)
    catalog.edits.set_faces(1, [face], who="Anna")
    assert sent().box == box
    assert opened == [CLASSIFY_PAGE] * 2
