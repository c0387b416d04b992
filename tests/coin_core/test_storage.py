"""Files are there whole or as before, and locks end with their process."""

import errno
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import Timeout

from coin_core import storage


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_variable_names_the_data_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path))
    assert storage.data_dir() == tmp_path
    monkeypatch.delenv("COIN_DATA_DIR")
    assert storage.data_dir() == storage.PROJECT_DIR / "data"


@pytest.mark.parametrize("durable", [True, False])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path, monkeypatch, durable
):
    path = tmp_path / "a.json"
    storage.write_json(path, {"n": 1}, durable=durable)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="No space"):
            storage.write_json(path, {"n": 2}, durable=durable)
    assert storage.read_json(path) == {"n": 1}
    assert names(tmp_path) == ["a.json"]


@pytest.mark.parametrize("text", ["", "[1]", '{"a"', "\x00"])
def test_damaged_json_reads_as_empty(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    assert storage.read_json(tmp_path / "a.json") == {}
    assert storage.read_json(tmp_path / "missing.json") == {}


def test_a_folder_is_replaced_whole(tmp_path):
    folder = tmp_path / "model"
    storage.write_folder(folder, {"a": b"1", "b": b"2"})
    storage.write_folder(folder, {"c": b"3"})
    assert names(folder) == ["c"]
    with pytest.raises(TypeError):
        storage.write_folder(folder, {"d": None})
    assert names(folder) == ["c"]
    assert names(tmp_path) == ["model"]


def test_a_folder_is_not_replaced_by_a_file(tmp_path):
    folder = tmp_path / "coins.parquet"
    storage.write_folder(folder, {"a": b"1"})
    with pytest.raises(OSError), storage.replacing(folder) as temporary:  # noqa: PT011
        temporary.write_bytes(b"2")
    assert names(folder) == ["a"]
    assert names(tmp_path) == ["coins.parquet"]


def test_a_folder_is_replaced_where_the_system_cannot_exchange(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "_exchange", lambda one, other: False)
    test_a_folder_is_replaced_whole(tmp_path)


def test_an_interrupted_replacement_is_recovered(tmp_path):
    storage.write_folder(tmp_path / ".model.previous", {"a": b"1"})
    storage.recover_folder(tmp_path / "model")
    assert names(tmp_path / "model") == ["a"]


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_folder_that_cannot_be_kept_is_put_back(tmp_path, monkeypatch, can_exchange):
    if not can_exchange:
        monkeypatch.setattr(storage, "_exchange", lambda one, other: False)
    folder = tmp_path / "model"
    storage.write_folder(folder, {"a": b"1"})

    def keep(old):
        assert (old / "a").read_bytes() == b"1"
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        storage.write_folder(folder, {"b": b"2"}, keep)
    assert names(folder) == ["a"]
    assert names(tmp_path) == ["model"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_goes_to_another_disk_is_there_once_and_whole(tmp_path, monkeypatch, kind):
    path, there = tmp_path / "a", tmp_path / "there"
    if kind == "file":
        path.write_bytes(b"1")
    else:
        storage.write_folder(path, {"b": b"1"})
    rename = Path.rename

    def across(self, target):
        if (self, target) == (path, there):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return rename(self, target)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", across)
    # While it is copied, synchronized, put in its place; then the old one stays there.
    for module, name in ((shutil, "copyfile"), (storage, "_sync"), (Path, "replace")):
        with monkeypatch.context() as patched:
            patched.setattr(module, name, full)
            with pytest.raises(OSError, match="No space"):
                storage.move(path, there)
        assert names(tmp_path) == ["a"]
    storage.move(path, there)
    assert names(tmp_path) == ["there"]
    found = there if kind == "file" else there / "b"
    assert found.read_bytes() == b"1"


@pytest.mark.parametrize("who", ["a reader", "another writer"])
def test_a_folder_is_replaced_in_steps_while_others_use_it(tmp_path, monkeypatch, who):
    folder = tmp_path / "model"
    storage.write_folder(folder, {"a": b"1"})
    rename = Path.rename

    def use_between_the_steps(self, target):
        moved = rename(self, target)
        if Path(target).name == ".model.previous":
            monkeypatch.setattr(Path, "rename", rename)
            if who == "a reader":
                storage.recover_folder(folder)
                assert (folder / "a").read_bytes() == b"1"
            else:
                storage.write_folder(folder, {"a": b"3"})
        return moved

    monkeypatch.setattr(storage, "_exchange", lambda one, other: False)
    monkeypatch.setattr(Path, "rename", use_between_the_steps)
    storage.write_folder(folder, {"a": b"2"})
    assert (folder / "a").read_bytes() == b"2"
    assert names(tmp_path) == ["model"]


def test_a_writer_may_go_on_while_a_reader_restores_the_folder(tmp_path, monkeypatch):
    folder = tmp_path / "model"
    storage.write_folder(tmp_path / ".model.previous", {"a": b"1"})
    exists = Path.exists

    def go_on(self, **options):
        found = exists(self, **options)
        if self == folder and not found:
            storage.write_folder(tmp_path / "new", {"a": b"2"})
            (tmp_path / "new").rename(folder)
        return found

    monkeypatch.setattr(Path, "exists", go_on)
    storage.recover_folder(folder)
    assert (folder / "a").read_bytes() == b"2"


def test_leftovers_of_killed_writers_are_deleted_and_others_kept(tmp_path):
    (tmp_path / ".a.zip.0123.tmp").write_bytes(b"half")
    (tmp_path / ".b.zip.0123.tmp").write_bytes(b"of another file")
    with storage.replacing(tmp_path / "a.zip") as temporary:
        temporary.write_bytes(b"whole")
        with storage.replacing(tmp_path / "a.zip") as other:
            other.write_bytes(b"whole too")
        assert temporary.exists()
    assert names(tmp_path) == [".b.zip.0123.tmp", "a.zip"]


def test_a_lock_excludes_others_and_ends_with_its_process(tmp_path):
    path = tmp_path / "folder" / "lock"
    assert not storage.is_locked(path)
    with storage.open_lock(path):
        assert storage.is_locked(path)
        with pytest.raises(Timeout), storage.open_lock(path, timeout_s=0.05):
            pass
    code = (
        "import sys, time; from pathlib import Path; from coin_core import storage\n"
        "with storage.open_lock(Path(sys.argv[1])): print('held', flush=True)\n"
        "with storage.open_lock(Path(sys.argv[1])): print('held', flush=True); "
        "time.sleep(600)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdout=subprocess.PIPE,
        cwd=storage.PROJECT_DIR,
    )
    try:
        assert [process.stdout.readline() for _ in range(2)] == [b"held\n", b"held\n"]
        assert storage.is_locked(path)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert not storage.is_locked(path)


def test_those_who_look_at_a_lock_do_not_take_each_other_for_its_holder(tmp_path):
    with storage.open_lock(tmp_path / "lock"):
        pass

    def looks(_: int) -> bool:
        return any(storage.is_locked(tmp_path / "lock") for _ in range(2000))

    with ThreadPoolExecutor(2) as threads:
        assert not any(threads.map(looks, range(2)))


def test_a_lock_is_seen_where_the_system_has_no_shared_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "fcntl", None)
    test_a_lock_excludes_others_and_ends_with_its_process(tmp_path)


def test_lines_of_json_hold_any_text_and_survive_a_torn_one(tmp_path):
    path = tmp_path / "lines.jsonl"
    texts = ["plain", "a\u2028b\u2029c", "d\x85e\x0bf\x0cg\x1ch\r\ni", "\udcff"]
    for text in texts[:2]:
        storage.append_json_line(path, text)
    with path.open("ab") as file:
        file.write(b'"torn')
    for text in texts[2:]:
        storage.append_json_line(path, text)
    lines = storage.read_lines(path)
    assert lines.pop() == ""
    assert lines.pop(2) == '"torn'
    assert [storage.parse_json(line) for line in lines] == texts


def test_a_folder_of_limited_size_keeps_what_was_used_last(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "_FRESH_S", 0)
    for number in range(8):
        path = tmp_path / "ab" / f"{number}.npz"
        storage.write_cached(path, bytes(100), tmp_path, 450)
        os.utime(path, (time.time() - 9000 + number,) * 2)
        storage.mark_used(tmp_path / "ab" / "0.npz")
    assert names(tmp_path / "ab") == ["0.npz", *(f"{n}.npz" for n in (5, 6, 7))]


def test_what_was_just_used_stays_in_a_folder_that_is_too_small(tmp_path):
    for number in range(3):
        storage.write_cached(tmp_path / str(number), bytes(100), tmp_path, 1)
    assert names(tmp_path) == ["0", "1", "2"]
