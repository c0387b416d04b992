"""Photos that another page sends to Classify."""

from __future__ import annotations

from pathlib import Path

import pytest

from coin_core.imaging.preprocessing import RotatedBox
from ui import handover
from ui.handover import SentPhoto, send_to_classify, take_sent_photos

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _visit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover.st, "session_state", {})


def test_photos_of_several_pages_arrive_in_order_and_once() -> None:
    box = RotatedBox(left=0.1, top=0.1, right=0.9, bottom=0.9)
    first = SentPhoto(name="a.jpg", data=b"a", box=box)
    second = SentPhoto(name="b.jpg", data=b"b", rendered_as="alexander_jannaeus")
    send_to_classify([first])
    send_to_classify(one for one in [second])
    assert take_sent_photos() == [first, second]
    assert take_sent_photos() == []


def test_the_bytes_of_a_photo_stay_out_of_messages() -> None:
    assert "secret" not in repr(SentPhoto(name="a.jpg", data=b"secret"))


@pytest.mark.parametrize("page", [handover.CLASSIFY_PAGE, handover.DATASET_PAGE])
def test_the_pages_to_go_to_exist(page: str) -> None:
    assert (ROOT / page).is_file()
