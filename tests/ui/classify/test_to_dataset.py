from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from coin_core.access import Person, Role, acting_as
from coin_core.catalog import Catalog, CatalogFace, PhotoQuery, Side
from coin_core.catalog.importing import ingest
from coin_core.catalog.similarity import THUMBNAIL_PX
from coin_core.errors import NotAllowedError
from coin_core.imaging import photo_io
from coin_core.imaging.preprocessing import RotatedBox
from coin_core.results import DetectedFace, PhotoResult, RejectReason
from tests import fakes
from tests.ui.classify.test_results_table import a_verdict
from ui.classify import predict
from ui.classify.session import NOBODY, PhotoNote, UploadSession
from ui.classify.to_dataset import add_photos
from ui.handover import DATASET_PAGE

CARDS = {one.name: one.card for one in fakes.bundles()}
BOX = RotatedBox(left=0.1, top=0.1, right=0.9, bottom=0.9)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Photos are prepared without the nets."""

    def prepare(data: bytes, name: str) -> ingest.Prepared:
        pixels = photo_io.decode(data, name=name)
        rng = np.random.default_rng(len(data))
        return ingest.Prepared(
            thumbnail=rng.integers(
                0, 255, (THUMBNAIL_PX, THUMBNAIL_PX), dtype=np.uint8
            ),
            extension="png",
            size_px=(pixels.shape[1], pixels.shape[0]),
            phash="",
            quality=0.5,
            faces=(CatalogFace(box=BOX, side=Side.LEGEND),),
        )

    monkeypatch.setattr(ingest, "prepare", prepare)
    monkeypatch.setattr(ingest, "_keep_to_one_core", lambda: None)


def a_session(*names: str) -> UploadSession:
    """Photos that two classifiers have answered."""
    session = UploadSession()
    face = DetectedFace(box=BOX, side=Side.LEGEND, confidence=0.9)
    for number, name in enumerate(names):
        buffer = io.BytesIO()
        rng = np.random.default_rng(number)
        pixels = rng.integers(0, 255, (40 + number, 40, 3), np.uint8)
        Image.fromarray(pixels).save(buffer, "PNG")
        session.add([(name, buffer.getvalue())])
        assert session.selected is not None
        for classifier, reason in (("resnet", None), ("vgg", RejectReason.NO_COIN)):
            session.results[session.selected, classifier] = PhotoResult(
                faces=(face,), legend=0, verdicts=(a_verdict(reason),)
            )
    return session


def add(catalog: Catalog, session: UploadSession) -> str:
    return add_photos(
        catalog,
        session,
        list(session.photos.values()),
        CARDS,
        who="Anna",
        progress=lambda done, total: None,
    )


def test_verdicts_are_suggestions_and_no_labels(empty: Catalog) -> None:
    assert "2 photos were added without a label" in add(empty, a_session("a", "b"))
    for photo in empty.queries.find(PhotoQuery()).photos:
        assert photo.ruler is None
        assert photo.status == "unreviewed"
        (prediction,) = empty.predictions.of_photo(photo.photo_id)
        assert prediction.classifier == "resnet"
        assert prediction.ruler == "john_hyrcanus_i"


def test_a_photo_that_is_there_already_is_said_and_not_changed(empty: Catalog) -> None:
    first = a_session("a.png")
    add(empty, first)
    (photo,) = empty.queries.find(PhotoQuery()).photos
    empty.edits.set_ruler([photo.photo_id], "alexander_jannaeus", who="Berta")
    again = a_session("again.png", "new.png")
    (digest, _new) = again.photos
    again.notes[digest] = PhotoNote(context="L.9", ruler=NOBODY)
    said = add(empty, again)
    assert "1 photo was added without a label" in said
    assert "1 was in the dataset already and is unchanged" in said
    kept = empty.photos.get(photo.photo_id)
    assert (kept.ruler, kept.file_name) == ("alexander_jannaeus", "a.png")
    assert empty.photos.coin(kept.coin_id).notes == ""
    assert not empty.reviews.of_photo(photo.photo_id)


def test_box_context_and_own_reading_go_along(
    empty: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = a_session("a.png")
    (digest,) = session.photos
    session.boxes[digest] = RotatedBox(left=0.3, top=0.3, right=0.7, bottom=0.6)
    monkeypatch.setattr(predict, "classify_photo", lambda *_: _answer())
    session.notes[digest] = PhotoNote(
        context="L.12 <b>", ruler="john_hyrcanus_i", text="clear"
    )
    add(empty, session)
    (photo,) = empty.queries.find(PhotoQuery()).photos
    (face,) = empty.photos.faces(photo.photo_id)
    assert face.box == session.boxes[digest]
    assert empty.photos.coin(photo.coin_id).notes == "L.12 <b>; clear"
    (review,) = empty.reviews.of_photo(photo.photo_id)
    assert (review.reviewer, review.ruler) == ("Anna", "john_hyrcanus_i")


def _answer() -> PhotoResult:
    face = DetectedFace(box=BOX, side=Side.LEGEND, confidence=1.0)
    return PhotoResult(faces=(face,), legend=0, verdicts=(a_verdict(),))


def test_a_reader_adds_nothing(empty: Catalog) -> None:
    reader = Person(name="Rita", role=Role.READER)
    with acting_as(reader), pytest.raises(NotAllowedError):
        add(empty, a_session("a.png"))
    assert not empty.queries.find(PhotoQuery()).total


def test_files_that_cannot_be_read_are_named(empty: Catalog) -> None:
    session = a_session("a.png")
    session.add([("list.jpg", b"a shopping list")])
    said = add(empty, session)
    assert "1 photo was added" in said
    assert "list.jpg" in said


def _after_adding() -> None:
    import streamlit as st

    from ui.classify.to_dataset import offer_review

    st.session_state["photos_were_added"] = True
    offer_review()


def test_what_was_added_leads_to_its_review(monkeypatch: pytest.MonkeyPatch) -> None:
    went: list[str] = []
    monkeypatch.setattr("streamlit.switch_page", went.append)
    page = AppTest.from_function(_after_adding).run()
    page.button(key="review_added").click().run()
    assert not page.exception
    assert page.session_state["dataset_part"] == "review"
    assert went == [DATASET_PAGE]


@pytest.mark.usefixtures("_fake_models")
def test_a_chosen_face_keeps_its_side(empty: Catalog) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.full((120, 300, 3), 120, np.uint8)).save(buffer, "PNG")
    session = UploadSession()
    session.add([("both.png", buffer.getvalue())])
    (digest,) = session.photos
    session.choose_box(digest, fakes._find(np.full((120, 300), 120))[0].box)
    add(empty, session)
    (photo,) = empty.queries.find(PhotoQuery()).photos
    (face,) = empty.photos.faces(photo.photo_id)
    assert face.side is Side.CORNUCOPIA
