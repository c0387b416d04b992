"""The bin: what is deleted can be restored, for a time and only to its place."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from coin_core import recycle_bin
from coin_core.access import Person, acting_as
from coin_core.errors import CoinError
from coin_core.recycle_bin import (
    KEPT_DAYS,
    bin_dir,
    discard,
    drop,
    list_bin,
    restore,
)
from coin_core.storage import data_dir
from coin_core.training.runs import find_run, list_runs, start_run


def a_folder(name: str = "runs/one") -> Path:
    folder = data_dir() / name
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text(name)
    return folder


def test_what_was_deleted_comes_back_whole() -> None:
    folder = a_folder()
    with acting_as(Person(name="Anna")):
        item = discard(folder)
    assert not folder.exists()
    assert list_bin() == [item]
    assert (item.path, item.who) == ("runs/one", "Anna")
    assert restore(item.item_id) == folder.resolve()
    assert (folder / "a.txt").read_text() == "runs/one"
    assert list_bin() == []
    assert not any(bin_dir().iterdir())


def test_a_kill_while_an_item_is_dropped_leaves_no_part_to_restore(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    item = discard(a_folder())

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(recycle_bin.shutil, "rmtree", die)
        with pytest.raises(KeyboardInterrupt):
            drop(item)
    assert list_bin() == []
    assert not any(bin_dir().iterdir())


def test_a_deleted_run_is_no_run_until_it_is_restored() -> None:
    run = start_run({"classifier": "svm"})
    with pytest.raises(CoinError, match="Stop it first"):
        run.delete()
    run.release()
    run.set_note("keep me")
    run.delete()
    assert list_runs() == []
    restore(list_bin("runs")[0].item_id)
    assert find_run(run.run_id).note() == "keep me"


def test_the_newest_comes_first_and_a_folder_filters() -> None:
    discard(a_folder("runs/one"))
    discard(a_folder("models/two"))
    assert {item.path for item in list_bin()} == {"runs/one", "models/two"}
    assert [item.path for item in list_bin("models")] == ["models/two"]
    assert list_bin("model") == []


def test_what_is_in_its_place_again_is_left_alone() -> None:
    item = discard(a_folder())
    folder = a_folder()
    (folder / "a.txt").write_text("new")
    with pytest.raises(CoinError, match="exists again"):
        restore(item.item_id)
    assert (folder / "a.txt").read_text() == "new"
    assert list_bin() == [item]


@pytest.mark.parametrize("path", ["../outside", "/tmp/outside", ".", "runs/../.."])
def test_nothing_is_restored_to_another_place(path: str) -> None:
    item = discard(a_folder())
    note = item.content.parent / "item.json"
    note.write_text(json.dumps({**json.loads(note.read_text()), "path": path}))
    with pytest.raises(CoinError, match=r"not in the data folder|exists again|no '"):
        restore(item.item_id)
    assert item.content.exists()


@pytest.mark.parametrize("item_id", ["", "..", "../runs", "20260101-000000-00"])
def test_what_the_bin_does_not_hold_cannot_be_restored(item_id: str) -> None:
    a_folder()
    with pytest.raises(CoinError, match="it may have been emptied"):
        restore(item_id)


def test_a_damaged_item_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = discard(a_folder("runs/kept"))
    for name, text in (("torn", "{"), ("odd", '{"a": 1}'), ("gone", None)):
        item = discard(a_folder(f"runs/{name}"))
        if text is None:
            (item.content / "a.txt").unlink()
            item.content.rmdir()
        else:
            (item.content.parent / "item.json").write_text(text)
    (bin_dir() / "note.txt").write_text("by hand")
    assert list_bin() == [kept]
    later = datetime.now(UTC) + timedelta(hours=1)
    monkeypatch.setattr(recycle_bin, "_now", lambda: later)
    assert recycle_bin.empty_bin() == 1
    assert [path.name for path in bin_dir().iterdir()] == ["note.txt"]


def test_what_cannot_be_moved_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = a_folder()

    def fail(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(CoinError, match="cross-device"):
        discard(folder)
    assert (folder / "a.txt").exists()
    assert not any(bin_dir().iterdir())


def test_the_bin_empties_itself_after_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    discard(a_folder())
    later = datetime.now(UTC) + timedelta(days=KEPT_DAYS, minutes=-5)
    monkeypatch.setattr(recycle_bin, "_now", lambda: later)
    assert len(list_bin()) == 1
    later += timedelta(minutes=10)
    assert list_bin() == []
    assert not any(bin_dir().iterdir())


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_model_that_is_trained_anew_leaves_the_old_one_in_the_bin(
    can_exchange: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch")
    from coin_core import storage
    from coin_core.model_store import bundle

    if not can_exchange:
        monkeypatch.setattr(storage, "_exchange", lambda one, other: False)
    for folder in (bundle.models_dir() / "mine", tmp_path / "shipped"):
        for title in ("first", "second"):
            card = bundle.Card(
                name="mine", classifier="mlp", title=title, classes=("a", "b")
            )
            bundle.save_bundle(folder, card, tensors={"weight": torch.zeros(2)})
        assert bundle.load_card(folder).title == "second"
        assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    (item,) = list_bin()
    assert item.path == "models/mine"
    with pytest.raises(CoinError, match="exists again"):
        restore(item.item_id)
    discard(bundle.models_dir() / "mine")
    restore(item.item_id)
    assert bundle.load_card(bundle.models_dir() / "mine").title == "first"


def test_what_was_in_a_folder_on_another_disk_is_restored_there(tmp_path: Path) -> None:
    (data_dir() / "runs").symlink_to(tmp_path)
    item = discard(a_folder())
    assert not [*tmp_path.iterdir()]
    restore(item.item_id)
    assert (tmp_path / "one" / "a.txt").read_text() == "runs/one"


def test_a_model_that_the_bin_cannot_take_stays_in_its_place() -> None:
    torch = pytest.importorskip("torch")
    from coin_core.model_store import bundle

    folder = bundle.models_dir() / "mine"
    card = bundle.Card(name="mine", classifier="mlp", title="old", classes=("a", "b"))
    bundle.save_bundle(folder, card, tensors={"weight": torch.zeros(2)})
    bin_dir().write_text("not a folder")
    with pytest.raises(CoinError, match="cannot be moved"):
        bundle.save_bundle(
            folder, replace(card, title="new"), tensors={"weight": torch.ones(2)}
        )
    assert bundle.load_card(folder).title == "old"
    assert [path.name for path in folder.parent.iterdir()] == ["mine"]


def test_what_is_thrown_in_while_the_bin_is_emptied_stays_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    discard(a_folder("runs/old"))
    write_json = recycle_bin.write_json

    def empty_meanwhile(*arguments: object) -> None:
        recycle_bin.empty_bin()
        write_json(*arguments)
        recycle_bin.empty_bin()

    monkeypatch.setattr(recycle_bin, "write_json", empty_meanwhile)
    item = discard(a_folder("runs/new"))
    assert list_bin() == [item]
    assert (restore(item.item_id) / "a.txt").read_text() == "runs/new"


def test_nothing_is_restored_in_part_while_the_bin_is_emptied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    item = discard(a_folder())
    rmtree = recycle_bin.shutil.rmtree
    messages = []

    def restore_meanwhile(path: Path, **options: bool) -> None:
        monkeypatch.undo()
        next(path.rglob("a.txt")).unlink()
        with pytest.raises(CoinError) as refusal:
            restore(item.item_id)
        messages.append(str(refusal.value))
        rmtree(path, **options)

    monkeypatch.setattr(recycle_bin.shutil, "rmtree", restore_meanwhile)
    recycle_bin.empty_bin()
    assert "it may have been emptied" in messages[0]
    assert not any(bin_dir().iterdir())
