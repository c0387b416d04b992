"""Models of several machines that share a store; each has a data folder of its own."""

from __future__ import annotations

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coin_core.errors import NotSharedError, StoreError, WeightsMismatchError
from coin_core.model_store import sharing
from coin_core.model_store.bundle import WEIGHTS_DIR, discover, models_dir
from coin_core.model_store.promotion import promote, promoted, roll_back
from coin_core.object_store import ChangedMeanwhileError, ObjectStore
from coin_core.recycle_bin import list_bin
from coin_core.storage import open_lock
from tests.damage import damaged


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    monkeypatch.setattr(sharing, "_try_first", lambda name, folder: None)


@pytest.fixture
def on(team_store, monkeypatch, tmp_path):
    """A function that goes on as another machine, and looks at the store there."""

    def go_on(machine: str, *, look: bool = True) -> None:
        folder = tmp_path / machine
        monkeypatch.setenv("COIN_DATA_DIR", str(folder))
        # It follows by looks of this test, not of a thread.
        monkeypatch.setattr(sharing, "_following", (folder, team_store.url))
        if look:
            sharing.synchronize(team_store)

    go_on("here")
    return go_on


def make(name: str, title: str = "Ours", source: str = "svm") -> Path:
    """A bundle of one's own, as a training leaves it."""
    folder = models_dir() / name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(WEIGHTS_DIR / source, folder)
    card = json.loads((folder / "card.json").read_text())
    card |= {"name": name, "title": title}
    (folder / "card.json").write_text(json.dumps(card))
    return folder


def own() -> dict[str, str]:
    found, problems = discover()
    assert problems == ()
    return {b.name: b.card.title for b in found if b.folder.parent == models_dir()}


def test_a_damaged_note_of_what_was_seen_is_read_as_far_as_it_goes(on, team_store):
    make("ours")
    sharing.publish()
    note = models_dir() / ".store.json"
    for what, data in damaged(note.read_bytes()):
        note.write_bytes(data)
        sharing.synchronize(team_store)
        assert own() == {"ours": "Ours"}, what


@pytest.mark.parametrize("name", ["ours", "כסף-1"])
def test_a_model_that_is_made_replaced_and_removed_reaches_the_others(
    on, team_store, name
):
    make(name)
    sharing.publish()
    on("there")
    assert own() == {name: "Ours"}
    make(name, "Better")
    sharing.publish()
    on("here")
    assert own() == {name: "Better"}
    team_store.delete(f"models/{name}.zip")
    for machine in ("here", "there"):
        on(machine)
        assert own() == {}
        assert [item.path for item in list_bin()] == [f"models/{name}"]


def test_the_models_of_the_team_are_listed_also_where_one_is_refused(on, monkeypatch):
    make("ours")
    sharing.publish()
    assert sharing.list_shared() == {"ours"}

    def refuse(name: str, folder: Path) -> None:
        raise WeightsMismatchError(f"{name} fails its trial.")

    monkeypatch.setattr(sharing, "_try_first", refuse)
    on("there")
    assert own() == {}
    assert sharing.list_shared() == {"ours"}
    monkeypatch.delenv("COIN_STORAGE_URL")
    assert sharing.list_shared() == set()


def test_nothing_is_sent_or_fetched_without_a_change(on, monkeypatch):
    make("ours")
    promote("ours")
    on("there")
    for act in ("read", "replace", "write", "delete"):
        monkeypatch.setattr(ObjectStore, act, pytest.fail)
    for machine in ("here", "there"):
        on(machine)
        assert (own(), promoted()) == ({"ours": "Ours"}, "ours")


def test_what_is_only_half_copied_stays_here_and_what_was_lost_here_comes_back(
    on, team_store
):
    folder = make("ours")
    weights = (folder / "model.skops").read_bytes()
    (folder / "model.skops").write_bytes(weights[:-1])
    sharing.publish()
    assert team_store.find("models/") == {}
    (folder / "model.skops").write_bytes(weights)
    sharing.publish()
    assert list(team_store.find("models/")) == ["models/ours.zip"]
    shutil.rmtree(folder)
    on("here")
    assert own() == {"ours": "Ours"}


def test_a_machine_that_has_lost_its_note_replaces_nothing(on):
    make("ours")
    sharing.publish()
    (models_dir() / ".store.json").unlink()
    before = (models_dir() / "ours").stat().st_ino
    on("here")
    assert (models_dir() / "ours").stat().st_ino == before
    assert list_bin() == []


def test_of_two_models_of_one_name_that_of_the_store_stays_and_the_other_is_in_the_bin(
    on,
):
    make("ours", "First")
    on("there", look=False)
    make("ours", "Second")
    on("here")  # publishes
    on("there")
    assert own() == {"ours": "First"}
    assert [item.path for item in list_bin()] == ["models/ours"]


def test_a_model_that_is_made_here_while_one_of_its_name_is_fetched_is_in_the_bin(
    on, monkeypatch
):
    make("ours")
    sharing.publish()
    on("there")
    make("ours", "Theirs")
    sharing.publish()
    read = ObjectStore.read

    def read_slowly(self: ObjectStore, name: str, **options) -> bytes | None:
        data = read(self, name, **options)
        make("ours", "Made meanwhile")
        return data

    monkeypatch.setattr(ObjectStore, "read", read_slowly)
    on("here")
    assert own() == {"ours": "Theirs"}
    (item,) = list_bin()
    assert "Made meanwhile" in (item.content / "card.json").read_text()


def test_a_choice_reaches_the_others_and_is_taken_back(on):
    make("ours")
    promote("ours")
    on("there")
    assert promoted() == "ours"
    promote("svm")
    on("here")
    assert promoted() == "svm"
    assert roll_back() == "ours"
    on("there")
    assert promoted() == "ours"


def test_who_chooses_at_the_same_moment_as_somebody_elsewhere_is_told(on):
    promote("svm")
    on("there")
    on("here", look=False)
    promote("knn")
    on("there", look=False)
    with pytest.raises(ChangedMeanwhileError):
        # Between the look and the writing of this machine the other one has chosen.
        sharing.synchronize(_Late(sharing.shared_store(), "mlp"))
    on("there")
    assert promoted() == "knn"


class _Late(ObjectStore):
    """A store whose first answer is older than the choice that was made meanwhile."""

    def __init__(self, store, choice):
        super().__init__(store.url)
        self._choice = choice

    def find(self, prefix):
        note = json.loads((models_dir() / ".store.json").read_text())
        (models_dir().parent / "promoted.json").write_text(
            json.dumps({"model": self._choice, "before": []})
        )
        found = super().find(prefix)
        old = found["models/promoted.json"]
        version = note["promoted.json"]["there"]
        return {"models/promoted.json": type(old)(size=old.size, version=version)}


def test_a_model_that_fails_its_trial_does_not_take_over(on, monkeypatch, caplog):
    make("ours")
    sharing.publish()
    on("there")
    make("ours", "Broken")
    sharing.publish()
    tried = []

    def fail(name, folder):
        tried.append((name, json.loads((folder / "card.json").read_text())["title"]))
        raise WeightsMismatchError("It names one ruler on each coin.")

    monkeypatch.setattr(sharing, "_try_first", fail)
    for _ in range(3):
        on("here")
        assert own() == {"ours": "Ours"}
    assert tried == [("ours", "Broken")] * 2  # at first it might need another one
    assert "names one ruler" in caplog.text
    make("ours", "Mended")
    monkeypatch.setattr(sharing, "_try_first", lambda name, folder: None)
    on("there", look=False)
    make("ours", "Mended")
    sharing.publish()
    on("here")
    assert own() == {"ours": "Mended"}


def test_a_model_may_need_another_that_comes_after_it(on, monkeypatch):
    make("after")
    make("zebra")
    sharing.publish()

    def needs_zebra(name, folder):
        if name == "after" and "zebra" not in own():
            raise WeightsMismatchError("Its features are missing.")

    monkeypatch.setattr(sharing, "_try_first", needs_zebra)
    on("there")
    assert sorted(own()) == ["after", "zebra"]


@pytest.mark.parametrize("name", ["..zip", "...zip", "faces.zip", "x.txt", "a b.zip"])
def test_a_name_that_no_model_has_is_left_alone(on, team_store, name, caplog):
    make("ours")
    sharing.publish()
    packed = team_store.read("models/ours.zip")
    team_store.write(f"models/{name}", packed)
    for _ in range(2):
        on("here")
    assert own() == {"ours": "Ours"}
    assert team_store.read(f"models/{name}") == packed
    assert caplog.text == ""


def test_what_is_no_zip_file_is_named_once(on, team_store, caplog):
    team_store.write("models/x.zip", b"no ZIP file")
    for _ in range(2):
        on("here")
    assert own() == {}
    assert caplog.text.count("x.zip is no ZIP file") == 1


def test_machines_that_work_at_once_end_alike(on, team_store, monkeypatch, tmp_path):
    on("here")
    names = [f"model-{n}" for n in range(3)]

    def install(name):
        make(name)
        for _ in range(3):
            sharing.publish()

    with ThreadPoolExecutor() as pool:
        list(pool.map(install, names))
    on("there")
    assert sorted(own()) == names


def test_without_the_store_the_models_that_are_here_answer(on, monkeypatch, caplog):
    make("ours")
    promote("ours")
    monkeypatch.setattr(sharing, "_following", None)

    def fail(*_):
        raise StoreError("The store cannot be used.")

    monkeypatch.setattr(ObjectStore, "find", fail)
    assert promoted() == "ours"
    assert "may be missing or old" in caplog.text
    with pytest.raises(NotSharedError, match=r"made on this machine.* cannot be used"):
        promote("svm")
    assert promoted() == "svm"
    monkeypatch.setattr(sharing, "open_lock", lambda path, *_: open_lock(path, 0))
    with (
        open_lock(models_dir() / ".store.lock"),
        pytest.raises(NotSharedError, match=r"at work on it\..*nothing was sent"),
    ):
        promote("knn")
    assert promoted() == "knn"


@pytest.mark.parametrize("url", ["s3://no-such-bucket", "no address"])
def test_a_machine_that_never_saw_the_models_says_so_if_asked(
    on, monkeypatch, tmp_path, url
):
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path / "new"))
    monkeypatch.setattr(sharing, "_following", None)
    monkeypatch.setenv("COIN_STORAGE_URL", url)
    assert promoted() is None  # pages go on with what is here
    for _ in range(2):
        with pytest.raises(StoreError):
            sharing.follow(strict=True)
    monkeypatch.setattr(sharing, "_following", None)  # the thread ends


def test_an_empty_store_counts_as_seen(team_store, monkeypatch):
    monkeypatch.setattr(sharing, "_following", None)
    sharing.follow(strict=True)
    monkeypatch.setattr(ObjectStore, "find", pytest.fail)
    sharing.follow(strict=True)
    monkeypatch.setattr(sharing, "_following", None)


def test_a_change_elsewhere_is_followed_without_being_asked(
    team_store, monkeypatch, tmp_path
):
    monkeypatch.setattr(sharing, "POLL_S", 0.05)
    monkeypatch.setattr(sharing, "_following", None)
    assert promoted() is None
    synchronize = sharing.synchronize

    def fail_once(*arguments, **options):
        monkeypatch.setattr(sharing, "synchronize", synchronize)
        raise RuntimeError("a mistake")

    monkeypatch.setattr(sharing, "synchronize", fail_once)
    team_store.replace("models/promoted.json", b'{"model": "knn"}', "")
    end = time.monotonic() + 60
    while promoted() != "knn":
        assert time.monotonic() < end
        time.sleep(0.02)
    monkeypatch.setattr(sharing, "_following", None)  # the thread ends
