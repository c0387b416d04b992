from __future__ import annotations

import csv
import io

import pytest

from coin_core.results import PhotoResult, RejectReason, Verdict
from coin_core.rulers import DEFAULT_CLASSES
from ui.classify.results_table import Row, table_rows, to_csv
from ui.classify.session import UploadSession


def a_row(photo: str) -> Row:
    return Row(
        photo=photo,
        thumbnail="",
        verdict="Alexander Jannaeus",
        probability=0.91,
        second_choice="John Hyrcanus I",
        second_probability=0.06,
        reason="",
        classifier="resnet",
        origin="shipped",
        seconds=0.05,
        probabilities=dict(zip(DEFAULT_CLASSES, (0.06, 0.03, 0.91), strict=True)),
    )


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
    text = to_csv([a_row(name)]).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["photo"] == cell


def test_the_csv_holds_every_probability() -> None:
    text = to_csv([a_row("a.jpg")]).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["verdict"] == "Alexander Jannaeus"
    assert float(row["p_alexander_jannaeus"]) == pytest.approx(0.91)
    assert row["second_choice"] == "John Hyrcanus I"


def read(reason: RejectReason | None) -> Row:
    session = UploadSession()
    session.add([("a.jpg", b"bytes")])
    (digest,) = session.photos
    verdict = Verdict(
        classifier="resnet",
        probabilities=dict(zip(DEFAULT_CLASSES, (0.5, 0.2, 0.3), strict=True)),
        ruler=None if reason else DEFAULT_CLASSES[0],
        reason=reason,
        seconds=0.1,
    )
    session.results[digest, "resnet"] = PhotoResult(
        faces=(), legend=None, verdicts=(verdict,)
    )
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
