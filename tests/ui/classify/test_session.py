from __future__ import annotations

import itertools
import sys
import threading
from typing import Any

import pytest

from ui import memory
from ui.classify.session import UploadSession


def test_the_first_new_photo_is_selected() -> None:
    session = UploadSession()
    session.add([("a.jpg", b"a"), ("b.jpg", b"b")])
    session.add([("c.jpg", b"c"), ("d.jpg", b"d")])
    assert session.selected is not None
    assert session.photos[session.selected].name == "c.jpg"


def test_the_same_bytes_are_kept_once() -> None:
    session = UploadSession()
    session.add([("a.jpg", b"a"), ("copy of a.jpg", b"a")])
    assert [photo.name for photo in session.photos.values()] == ["a.jpg"]


def test_what_breaks_the_bound_is_left_out_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "visitor_bytes", lambda: 10)
    session = UploadSession()
    session.add([("a.jpg", b"aaaa"), ("large.jpg", b"b" * 9), ("c.jpg", b"cccc")])
    assert [photo.name for photo in session.photos.values()] == ["a.jpg", "c.jpg"]
    assert "large.jpg" in session.problems[0]


def test_a_photo_can_be_removed_while_others_get_their_answers() -> None:
    session, ended, every_s = (
        UploadSession(),
        threading.Event(),
        sys.getswitchinterval(),
    )
    session.add([("a.jpg", b"a")])
    answers: dict[Any, Any] = session.results

    def answer() -> None:
        for number in itertools.count():
            answers["another", str(number)] = None
            if number % 100 == 99:
                answers.clear()
            if ended.is_set():
                return

    reader = threading.Thread(target=answer)
    sys.setswitchinterval(1e-5)
    reader.start()
    try:
        for _ in range(5_000):
            session.remove("b")
    finally:
        ended.set()
        reader.join()
        sys.setswitchinterval(every_s)


def test_a_rejected_photo_leaves_a_sentence_and_another_selected() -> None:
    session = UploadSession()
    session.add([("a.jpg", b"a"), ("b.jpg", b"b")])
    assert session.selected is not None
    session.reject(session.selected, "a.jpg is a text file.")
    assert session.problems == ["a.jpg is a text file."]
    assert session.photos[session.selected].name == "b.jpg"


def test_clearing_forgets_all_but_the_number_of_the_drop() -> None:
    session = UploadSession()
    session.add([("a.jpg", b"a")])
    session.clear()
    assert not session.photos
    assert session.selected is None
    assert session.upload_count == 2
