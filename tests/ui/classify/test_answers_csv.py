from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from coin_core.classifiers.together_card import TOGETHER
from coin_core.i18n import speaking
from coin_core.imaging.preprocessing import RotatedBox
from coin_core.results import DetectedFace, LetterRead, PhotoResult, Side
from tests import fakes
from tests.ui.classify.test_results_table import a_verdict
from ui.classify import predict
from ui.classify.answers_csv import answers_csv
from ui.classify.session import NOBODY, PhotoNote, UploadSession

BOX = RotatedBox(left=0.1, top=0.2, right=0.75, bottom=0.9, turn_deg=12.0)
CARDS = {one.name: one.card for one in fakes.bundles()}


@pytest.fixture(autouse=True)
def readers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict, "reads_letters", lambda name: name != "knn")


def a_session(name: str, note: PhotoNote | None = None) -> UploadSession:
    """One photo that all classifiers have read."""
    session = UploadSession()
    session.add([(name, b"bytes")])
    (digest,) = session.photos
    face = DetectedFace(box=BOX, side=Side.LEGEND, confidence=0.9)
    for classifier in (*CARDS, TOGETHER):
        verdicts = (a_verdict(classifier=classifier),)
        result = PhotoResult(faces=(face,), legend=0, verdicts=verdicts)
        session.keep(digest, classifier, result)
        session.letters[digest, BOX, classifier] = letters()
    if note is not None:
        session.notes[digest] = note
    return session


def letters() -> tuple[LetterRead, ...]:
    return fakes.read_letters()


def rows_of(session: UploadSession) -> list[dict[str, str]]:
    text = answers_csv(session, CARDS).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("locus 12.jpg", "locus 12.jpg"),
        ('=HYPERLINK("x")', '\'=HYPERLINK("x")'),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'=1"),
        ("  =1", "'=1"),
        ("יהוחנן.jpg", "יהוחנן.jpg"),
    ],
)
def test_no_cell_of_the_csv_is_a_formula(name: str, cell: str) -> None:
    note = PhotoNote(context=name, text=name)
    row = rows_of(a_session(name, note))[0]
    assert [row["photo"], row["context"], row["note"]] == [cell] * 3


def test_every_classifier_has_a_row_with_its_probabilities_letters_and_box() -> None:
    session = a_session("a.jpg")
    rows = rows_of(session)
    assert [row["classifier"] for row in rows] == [*CARDS, TOGETHER]
    for row in rows:
        assert row["verdict"] == "John Hyrcanus I"
        assert row["second_choice"] == "Alexander Jannaeus"
        assert float(row["p_alexander_jannaeus"]) == pytest.approx(0.3)
        assert [float(row[f"box_{edge}"]) for edge in ("left", "bottom")] == [0.1, 0.9]
        assert float(row["turn_deg"]) == 12
        assert row["box_by"] == "program"
        assert row["read_at"].endswith("+00:00")
        assert row["photo_sha256"] == next(iter(session.photos))
        read = "" if row["classifier"] in ("knn", TOGETHER) else "YHWN / TNHK / HNGD"
        assert row["letters"] == read


def test_the_time_is_that_of_the_reading_not_of_the_download() -> None:
    session = a_session("a.jpg")
    (digest,) = session.photos
    session.read_at[digest, "vgg"] = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
    read_at = {row["classifier"]: row["read_at"] for row in rows_of(session)}
    assert read_at["vgg"] == "2026-11-02T09:30:00+00:00"
    assert {row["classifier"]: row["read_at"] for row in rows_of(session)} == read_at


def test_the_digest_of_the_model_is_that_of_the_verdict() -> None:
    session = a_session("a.jpg")
    (digest,) = session.photos
    known = session.results[digest, "vgg"]
    verdict = replace(known.verdicts[0], model="c3105b")
    session.results[digest, "vgg"] = replace(known, verdicts=(verdict,))
    digests = {row["classifier"]: row["model_sha256"] for row in rows_of(session)}
    assert digests["vgg"] == "c3105b"


def test_what_the_visitor_reads_stands_beside_what_the_classifiers_say() -> None:
    note = PhotoNote(context="L.12", ruler="alexander_jannaeus", text="clear taw")
    row = rows_of(a_session("a.jpg", note))[0]
    assert row["context"] == "L.12"
    assert row["own_reading"] == "Alexander Jannaeus"
    assert row["note"] == "clear taw"
    assert row["verdict"] == "John Hyrcanus I"
    row = rows_of(a_session("a.jpg", PhotoNote(ruler=NOBODY)))[0]
    assert row["own_reading"] == "cannot tell"


def test_the_csv_is_english_whatever_the_pages_speak() -> None:
    session = a_session("a.jpg", PhotoNote(ruler=NOBODY))
    without_time = [
        {name: cell for name, cell in row.items() if name != "read_at"}
        for row in rows_of(session)
    ]
    with speaking("he"):
        rows = rows_of(session)
    assert [{**row, "read_at": ""} for row in rows] == [
        {**row, "read_at": ""} for row in without_time
    ]


def test_no_probability_of_the_csv_is_surer_than_the_page() -> None:
    session = a_session("a.jpg")
    (digest,) = session.photos
    sure = a_verdict(shares=(0.99998, 0.00002, 0.0))
    known = session.results[digest, "resnet"]
    session.results[digest, "resnet"] = replace(known, verdicts=(sure,))
    row = rows_of(session)[0]
    assert [float(row["probability"]), float(row["p_john_hyrcanus_i"])] == [0.99, 0.99]
    assert float(row["second_probability"]) == 0.001


def test_the_face_that_was_read_is_named_where_a_photo_shows_several_coins() -> None:
    session = a_session("tray.jpg")
    assert {row["face"] for row in rows_of(session)} == {""}
    for key, result in list(session.results.items()):
        other = replace(result.faces[0], box=replace(BOX, turn_deg=0.0))
        faces = (other, *result.faces, other)
        session.results[key] = replace(result, faces=faces, legend=1)
    assert {row["face"] for row in rows_of(session)} == {"face 2 of 3"}
