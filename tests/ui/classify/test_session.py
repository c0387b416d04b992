from __future__ import annotations

import pytest

from ui.classify import session as tray_module
from ui.classify.session import UploadSession


def test_the_first_new_photo_is_selected() -> None:
    tray = UploadSession()
    tray.add([("a.jpg", b"a"), ("b.jpg", b"b")])
    tray.add([("c.jpg", b"c"), ("d.jpg", b"d")])
    assert tray.selected is not None
    assert tray.photos[tray.selected].name == "c.jpg"


def test_the_same_bytes_are_kept_once() -> None:
    tray = UploadSession()
    tray.add([("a.jpg", b"a"), ("copy of a.jpg", b"a")])
    assert [photo.name for photo in tray.photos.values()] == ["a.jpg"]


def test_what_breaks_the_bound_is_left_out_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tray_module, "MAX_BYTES", 10)
    tray = UploadSession()
    tray.add([("a.jpg", b"aaaa"), ("large.jpg", b"b" * 9), ("c.jpg", b"cccc")])
    assert [photo.name for photo in tray.photos.values()] == ["a.jpg", "c.jpg"]
    assert "large.jpg" in tray.problems[0]


def test_a_rejected_photo_leaves_a_sentence_and_another_selected() -> None:
    tray = UploadSession()
    tray.add([("a.jpg", b"a"), ("b.jpg", b"b")])
    assert tray.selected is not None
    tray.reject(tray.selected, "a.jpg is a text file.")
    assert tray.problems == ["a.jpg is a text file."]
    assert tray.photos[tray.selected].name == "b.jpg"


def test_clearing_forgets_all_but_the_number_of_the_drop() -> None:
    tray = UploadSession()
    tray.add([("a.jpg", b"a")])
    tray.clear()
    assert not tray.photos
    assert tray.selected is None
    assert tray.drops == 2
