from __future__ import annotations

from dataclasses import replace

import pytest

from coin_core.imaging.preprocessing import RotatedBox
from coin_core.results import DetectedFace, PhotoResult, RejectReason, Side, Verdict
from coin_core.rulers import DEFAULT_CLASSES
from ui.classify.results_table import Row, sort_photos, table_rows
from ui.classify.session import UploadSession


def a_verdict(
    reason: RejectReason | None = None,
    shares: tuple[float, ...] = (0.5, 0.2, 0.3),
    classifier: str = "resnet",
) -> Verdict:
    probabilities = dict(zip(DEFAULT_CLASSES, shares, strict=True))
    return Verdict(
        classifier=classifier,
        probabilities=probabilities,
        ruler=None if reason else max(probabilities, key=probabilities.__getitem__),
        reason=reason,
        seconds=0.1,
    )


def answered(session: UploadSession, name: str, verdict: Verdict) -> str:
    """Add a photo with its answer; returns its digest."""
    session.add([(name, name.encode())])
    assert session.selected is not None
    session.results[session.selected, "resnet"] = PhotoResult(
        faces=(), legend=None, verdicts=(verdict,)
    )
    return session.selected


def read(reason: RejectReason | None) -> Row:
    session = UploadSession()
    answered(session, "a.jpg", a_verdict(reason))
    (row,) = table_rows(session, "resnet")
    return row


def test_a_worn_coin_keeps_its_leaning_and_second_choice() -> None:
    row = read(RejectReason.TOO_WORN)
    assert row.verdict == "cannot tell"
    assert "leans to John Hyrcanus I" in row.reason
    assert row.second_choice == "Alexander Jannaeus"


@pytest.mark.parametrize(
    "reason",
    [RejectReason.NO_COIN, RejectReason.LEGEND_NOT_SHOWN, RejectReason.NOT_THESE],
)
def test_out_of_scope_shows_a_reason_and_no_probability(reason: RejectReason) -> None:
    row = read(reason)
    assert row.reason
    assert row.probability is None
    assert row.second_choice == ""


def test_an_answer_needs_no_reason() -> None:
    row = read(None)
    assert row.verdict == "John Hyrcanus I"
    assert row.reason == ""


@pytest.fixture
def three() -> UploadSession:
    """Three photos: of Jannaeus, of Hyrcanus, of nobody."""
    session = UploadSession()
    answered(session, "b.jpg", a_verdict(shares=(0.1, 0.1, 0.8)))
    answered(session, "C.jpg", a_verdict(shares=(0.9, 0.05, 0.05)))
    answered(session, "a.jpg", a_verdict(RejectReason.TOO_WORN, (0.4, 0.3, 0.3)))
    return session


@pytest.mark.parametrize(
    ("column", "once", "twice"),
    [
        ("photo", "a.jpg b.jpg C.jpg", "C.jpg b.jpg a.jpg"),
        ("verdict", "b.jpg C.jpg a.jpg", "a.jpg C.jpg b.jpg"),
        ("probability", "a.jpg b.jpg C.jpg", "C.jpg b.jpg a.jpg"),
    ],
)
def test_a_heading_sorts_and_then_sorts_the_other_way(
    three: UploadSession, column: str, once: str, twice: str
) -> None:
    for expected in (once, twice):
        sort_photos(three, table_rows(three, "resnet"), column)
        assert " ".join(photo.name for photo in three.photos.values()) == expected


def test_the_arrows_follow_the_order_of_the_table(three: UploadSession) -> None:
    sort_photos(three, table_rows(three, "resnet"), "photo")
    three.selected = next(iter(three.photos))
    seen = []
    for _ in range(4):  # the last one stays
        assert three.selected is not None
        seen.append(three.photos[three.selected].name)
        three.step(1)
    assert seen == ["a.jpg", "b.jpg", "C.jpg", "C.jpg"]


def test_a_photo_without_an_answer_is_sorted_to_the_end(three: UploadSession) -> None:
    rows = table_rows(three, "resnet")
    three.add([("0.jpg", b"new")])
    sort_photos(three, rows, "photo")
    assert [photo.name for photo in three.photos.values()][-1] == "0.jpg"


def test_a_row_of_several_coins_names_the_face_that_was_read() -> None:
    session = UploadSession()
    digest = answered(session, "tray.jpg", a_verdict())
    boxes = [
        RotatedBox(left=x, top=0.1, right=x + 0.2, bottom=0.9) for x in (0.1, 0.4, 0.7)
    ]
    faces = tuple(
        DetectedFace(box=box, side=Side.LEGEND, confidence=0.99) for box in boxes
    )
    result = session.results[digest, "resnet"]
    session.results[digest, "resnet"] = replace(result, faces=faces, legend=1)
    (row,) = table_rows(session, "resnet")
    assert row.face == "face 2 of 3"
    session.results[digest, "resnet"] = replace(result, faces=faces[:1], legend=0)
    (row,) = table_rows(session, "resnet")
    assert row.face == ""
