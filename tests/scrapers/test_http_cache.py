"""Texts are kept for as long as asked, and the folder does not grow without end."""

from __future__ import annotations

import os
import time

import pytest

from scrapers import http_cache
from scrapers.http_cache import LONGEST_KEEP_S, HttpCache
from scrapers.http_response import Answer

URL = "https://museum.example/a?q=1"


def files_of(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def age(folder, seconds):
    (path,) = files_of(folder)
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_an_answer_is_kept_with_its_encoding(tmp_path):
    answer = Answer(body="Jannée\nזהב".encode(), charset="utf-8")
    HttpCache(tmp_path).write(URL, answer)
    assert HttpCache(tmp_path).read(URL, keep_s=60) == answer
    assert HttpCache(tmp_path).read(f"{URL}0", keep_s=60) is None


def test_the_reader_says_how_old_an_answer_may_be(tmp_path):
    cache = HttpCache(tmp_path)
    cache.write(URL, Answer(body=b"x"))
    age(tmp_path, 100)
    assert cache.read(URL, keep_s=200) is not None
    assert cache.read(URL, keep_s=50) is None
    assert cache.read(URL, keep_s=0) is None


def test_what_no_source_reads_any_more_is_deleted(tmp_path):
    cache = HttpCache(tmp_path)
    cache.write(URL, Answer(body=b"x"))
    age(tmp_path, LONGEST_KEEP_S - 100)
    HttpCache(tmp_path)
    assert len(files_of(tmp_path)) == 1
    age(tmp_path, LONGEST_KEEP_S + 100)
    HttpCache(tmp_path)
    assert files_of(tmp_path) == []


def test_the_oldest_answers_make_room(tmp_path, monkeypatch):
    monkeypatch.setattr(http_cache, "CACHE_BYTES", 250)
    cache = HttpCache(tmp_path)
    for number in range(5):
        cache.write(f"{URL}{number}", Answer(body=bytes(100)))
    first = cache.read(f"{URL}0", keep_s=60)
    assert first is not None
    for number, path in enumerate(sorted(files_of(tmp_path), key=os.path.getmtime)):
        os.utime(path, (time.time() + number - 9, time.time() + number - 9))
    HttpCache(tmp_path)
    kept = [cache.read(f"{URL}{number}", keep_s=60) for number in range(5)]
    assert [one is not None for one in kept] == [False, False, False, True, True]


@pytest.mark.parametrize("contents", [b"", b"no line end"])
def test_a_damaged_file_counts_as_none(tmp_path, contents):
    cache = HttpCache(tmp_path)
    cache.write(URL, Answer(body=b"x"))
    (path,) = files_of(tmp_path)
    path.write_bytes(contents)
    assert cache.read(URL, keep_s=60) is None
