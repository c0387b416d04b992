"""Pages see no folder that the operator has not named."""

import os

import pytest

from coin_core.training.data_roots import (
    VARIABLE,
    collections_dir,
    count_photos,
    list_photo_folders,
)


def put_photos(folder, *classes, count=2):
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(count):
            (folder / name / f"{number}.jpg").write_bytes(b"")
    return folder


def titles():
    return [one.title for one in list_photo_folders()]


def test_the_data_folder_and_what_is_named_are_offered_and_nothing_else(
    tmp_path, monkeypatch
):
    assert titles() == []
    put_photos(collections_dir() / "dig 4", "anchor", "wreath")
    put_photos(tmp_path / "museum" / "2026" / "prutot", "a", "b")
    put_photos(tmp_path / "private", "c", "d")
    assert titles() == ["collections/dig 4"]
    gone = tmp_path / "gone"
    monkeypatch.setenv(VARIABLE, os.pathsep.join([str(tmp_path / "museum"), str(gone)]))
    assert titles() == ["collections/dig 4", "museum/2026/prutot"]


@pytest.mark.parametrize("value", ["~no-such-user/x", "::", "x" * 5000, "\udcff", "~"])
def test_what_is_no_folder_is_not_offered(tmp_path, monkeypatch, value):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(VARIABLE, value)
    put_photos(collections_dir() / "dig", "a", "b")
    assert titles() == ["collections/dig"]


def test_a_root_may_be_the_folder_of_classes(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(put_photos(tmp_path / "coins", "a", "b")))
    assert titles() == ["coins"]


def test_one_class_or_no_photo_is_nothing_to_learn_from():
    put_photos(collections_dir() / "alone", "a")
    put_photos(collections_dir() / "empty", "a", "b", count=0)
    assert titles() == []


@pytest.mark.skipif(os.name != "posix", reason="links need rights there")
def test_a_link_leads_nowhere_else(tmp_path):
    put_photos(tmp_path / "private", "c", "d")
    collections_dir().mkdir(parents=True)
    (collections_dir() / "way out").symlink_to(tmp_path / "private")
    assert titles() == []


@pytest.mark.skipif(os.name != "posix", reason="links need rights there")
@pytest.mark.parametrize("link", ["c", "a/photo.jpg", "a/deep/photo.jpg", "a/deep/d"])
def test_a_link_among_the_classes_leads_nowhere_else(tmp_path, link):
    put_photos(tmp_path / "private", "c")
    folder = put_photos(collections_dir() / "dig", "a", "b")
    (folder / "a" / "deep").mkdir()
    (folder / link).symlink_to(
        tmp_path / "private" / "c" / ("0.jpg" if link.endswith("jpg") else "")
    )
    assert titles() == []
    (folder / link).unlink()
    (folder / link).symlink_to(folder / "b" / ("0.jpg" if "jpg" in link else ""))
    assert titles() == ["collections/dig"]  # a link within is no way out


@pytest.mark.skipif(os.name != "posix", reason="links need rights there")
def test_links_in_a_circle_and_pipes_are_passed_over():
    folder = put_photos(collections_dir() / "dig", "a", "b")
    (folder / "itself").symlink_to(folder / "itself")
    (folder / "up").symlink_to("..")
    os.mkfifo(folder / "pipe")
    os.mkfifo(folder / "a" / "pipe.jpg")
    assert titles() == ["collections/dig"]
    assert count_photos(folder)["b"] == 2


def test_photos_are_counted_by_class():
    folder = put_photos(collections_dir() / "dig", "a", "b", count=3)
    (folder / "empty").mkdir()
    (folder / "a" / "notes.txt").write_text("no photo")
    (folder / "a" / ".hidden.jpg").write_bytes(b"")
    assert count_photos(folder) == {"a": 3, "b": 3, "empty": 0}
