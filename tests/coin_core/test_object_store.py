"""The store of a team: objects whole or absent, and what is said where it fails."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from coin_core.errors import StoreError
from coin_core.object_store import ChangedMeanwhileError, ObjectStore, shared_store


def test_objects_are_written_found_read_and_deleted(team_store):
    assert team_store.find("photos/") == {}
    assert team_store.read("photos/a.jpg") is None
    assert team_store.facts("photos/a.jpg") is None
    team_store.write("photos/a.jpg", b"coin")
    team_store.write("notes/a", b"")
    found = team_store.find("photos/")
    assert {name: facts.size for name, facts in found.items()} == {"photos/a.jpg": 4}
    assert team_store.facts("photos/a.jpg") == found["photos/a.jpg"]
    assert team_store.read("photos/a.jpg") == b"coin"
    assert team_store.read("photos/a.jpg", most_bytes=2) == b"co"
    team_store.write("photos/a.jpg", b"die ")
    assert team_store.facts("photos/a.jpg").version != found["photos/a.jpg"].version
    team_store.delete("photos/a.jpg")
    team_store.delete("photos/a.jpg")
    assert team_store.find("photos/") == {}


def test_of_two_who_change_an_object_at_once_one_is_told(team_store):
    first = team_store.replace("choice", b"1", before="")

    def change(value):
        try:
            return team_store.replace("choice", value, before=first)
        except ChangedMeanwhileError as error:
            return str(error)

    with ThreadPoolExecutor() as pool:
        told = list(pool.map(change, [b"2", b"3", b"4"]))
    now = team_store.facts("choice").version
    assert told.count(now) == 1
    assert sum("repeat the change" in one for one in told) == 2
    for before in ("", first):
        with pytest.raises(ChangedMeanwhileError):
            team_store.replace("choice", b"5", before=before)
    team_store.delete("choice")
    with pytest.raises(ChangedMeanwhileError):
        team_store.replace("choice", b"5", before=now)


@pytest.mark.parametrize(
    "url", ["bucket", "s3://", "s3:///x", "http://host/bucket", "s3://a b", "s3://B/x"]
)
def test_an_address_of_no_store_is_refused(monkeypatch, url):
    monkeypatch.setenv("COIN_STORAGE_URL", url)
    with pytest.raises(StoreError, match="something like s3://bucket/prefix"):
        shared_store()


def test_without_the_variable_there_is_no_store(monkeypatch):
    monkeypatch.delenv("COIN_STORAGE_URL", raising=False)
    assert shared_store() is None


@pytest.mark.usefixtures("team_store")
def test_a_bucket_that_is_not_there_is_no_empty_store():
    store = ObjectStore("s3://no-such-bucket/team")
    for ask in (
        lambda: store.find("photos/"),
        lambda: store.read("a"),
        lambda: store.write("a", b"1"),
        lambda: store.replace("a", b"1", ""),
        lambda: store.delete("a"),
    ):
        with pytest.raises(StoreError, match=r"no-such-bucket.*bucket does not exist"):
            ask()


@pytest.mark.slow
def test_a_store_that_does_not_answer_is_named(team_store, monkeypatch):
    from coin_core import object_store

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    object_store._open_files.cache_clear()
    try:
        with pytest.raises(
            StoreError, match=r"s3://coins.*Start it, or correct its address"
        ):
            team_store.read("a")
    finally:
        object_store._open_files.cache_clear()
