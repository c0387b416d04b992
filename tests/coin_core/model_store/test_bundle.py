"""Bundles: written whole, verified before they are parsed, refused by name."""

import hashlib
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline

from coin_core.classifiers import get_classifier, loading
from coin_core.errors import (
    TrainingDataError,
    WeightsMismatchError,
    WeightsMissingError,
)
from coin_core.model_store import bundle as models
from coin_core.model_store import estimator_io
from coin_core.recycle_bin import list_bin

ROOT = Path(__file__).resolve().parents[3]
LABELS = ("b", "c", "a")


def card(**changes):
    values = {
        "name": "tiny",
        "classifier": "mlp",
        "title": "Tiny",
        "classes": LABELS,
        "training": {"data": "rendered", "seed": 1},
        "metrics": ({"data": "rendered", "n": 3, "accuracy": 1.0},),
        "licence": "MIT",
    }
    return models.Card(**(values | changes))


def tiny_tensors():
    return {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.zeros(2)}


def edit_card(folder, **changes):
    path = folder / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.fixture
def bundle(tmp_path):
    folder = tmp_path / "tiny"
    models.save_bundle(folder, card(), tensors=tiny_tensors())
    return folder


@pytest.fixture
def rows():
    rng = np.random.default_rng(3)
    y = np.array([LABELS[i % 3] for i in range(30)])
    X = rng.normal(size=(30, 24)).astype(np.float32)
    X[np.arange(30), [LABELS.index(name) for name in y]] += 6
    return X, y


def test_a_bundle_comes_back_as_it_was_saved(bundle):
    read = models.load_card(bundle)
    assert read.classes == LABELS
    assert read.metrics[0]["accuracy"] == 1.0
    assert read.created
    assert "torch" in read.versions
    tensors = models.read_tensors(bundle)
    for name, value in tiny_tensors().items():
        torch.testing.assert_close(tensors[name], value)
    assert sorted(path.name for path in bundle.iterdir()) == [
        "card.json",
        "model.safetensors",
    ]


def test_saving_again_replaces_the_whole_bundle(bundle, rows):
    classifier = get_classifier("knn").build(LABELS, seed=0).fit(*rows)
    loading.save_classifier(bundle, card(classifier="knn"), classifier)
    assert sorted(path.name for path in bundle.iterdir()) == [
        "card.json",
        "model.skops",
    ]
    assert not list(bundle.parent.glob(".*"))


@pytest.mark.parametrize("kind", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_a_damaged_zip_of_a_bundle_is_named(bundle, tmp_path, kind):
    path = tmp_path / "tiny.zip"
    with zipfile.ZipFile(path, "w", kind) as archive:
        archive.write(bundle / "card.json", "card.json")
    whole = path.read_bytes()
    assert models.read_files(path)["card.json"] == (bundle / "card.json").read_bytes()
    refused = 0
    for place in range(0, 300, 7):
        data = bytearray(whole)
        data[place] ^= 0xFF
        path.write_bytes(data)
        with suppress(WeightsMismatchError, WeightsMissingError):
            models.read_files(path)
            continue
        refused += 1
    assert refused > 30


@pytest.mark.parametrize("inside", ["photo.jpg", "model.safetensors", "card.json"])
def test_a_folder_of_other_files_is_never_replaced(bundle, tmp_path, inside):
    folder = tmp_path / "photos"
    folder.mkdir()
    models.check_place(folder)
    (folder / inside).write_bytes(b"precious")
    if inside == "card.json":
        (folder / "notes.txt").write_bytes(b"precious")
    for write in (
        models.check_place,
        lambda folder: models.save_bundle(folder, card(), tensors=tiny_tensors()),
    ):
        with pytest.raises(TrainingDataError, match="other files than a model"):
            write(folder)
    assert (folder / inside).read_bytes() == b"precious"
    with pytest.raises(TrainingDataError, match="is a file"):
        models.check_place(folder / inside)
    models.check_place(bundle)


@pytest.mark.parametrize("name", ["модель", "my model", "..", "a" * 65, "faces"])
def test_a_model_is_not_trained_for_a_name_that_it_cannot_have(name):
    with pytest.raises(TrainingDataError, match="cannot have the name"):
        models.check_place(models.models_dir() / name)


def test_what_is_replaced_is_in_the_bin_where_the_data_folder_is_a_link(
    tmp_path, monkeypatch
):
    (tmp_path / "disk").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "disk")
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path / "data"))
    folder = (tmp_path / "data").resolve() / "models" / "tiny"
    for title in ("Old", "New"):
        models.save_bundle(folder, card(title=title), tensors=tiny_tensors())
    assert [item.path for item in list_bin()] == ["models/tiny"]


def test_figures_are_added_to_a_card_once_per_measurement(bundle):
    before = models.load_card(bundle)
    for accuracy in (0.5, 0.75):
        figures = {"data": "photos", "what": "real photos", "accuracy": accuracy}
        models.add_figures(bundle, before, figures)
    card = models.load_card(bundle)
    assert card.metrics[:-1] == before.metrics
    assert card.metrics[-1]["accuracy"] == 0.75
    assert models.weights_digest(card) == models.weights_digest(before)


def test_figures_of_a_model_that_was_replaced_meanwhile_are_refused(bundle):
    before = models.load_card(bundle)
    other = {**tiny_tensors(), "bias": torch.ones(2)}
    models.save_bundle(bundle, card(title="New"), tensors=other)
    with pytest.raises(WeightsMismatchError, match="was replaced while"):
        models.add_figures(bundle, before, {"data": "photos", "what": "real photos"})
    assert models.load_card(bundle).metrics == card().metrics


def test_two_measurements_at_once_are_both_kept(bundle):
    before = models.load_card(bundle)
    with ThreadPoolExecutor(4) as pool:
        for number in range(8):
            pool.submit(models.add_figures, bundle, before, {"what": str(number)})
    kept = {figures.get("what") for figures in models.load_card(bundle).metrics}
    assert kept == {None, *map(str, range(8))}


def test_a_card_of_many_classes_is_written_so_that_it_can_be_read(tmp_path):
    classes = tuple(f"class-{number}" for number in range(300))
    each = {"recall": dict.fromkeys(classes, 0.5), "confusion": [[1] * 300] * 300}
    figures = {"data": "photos", "what": "mine", "n": 9, "accuracy": 0.5, **each}
    many = card(classes=classes, metrics=(figures,))
    folder = tmp_path / "many"
    assert models.save_bundle(folder, many, tensors=tiny_tensors()) == (
        models.load_card(folder)
    )
    models.add_figures(folder, models.load_card(folder), figures | {"what": "other"})
    kept = models.load_card(folder).metrics
    assert [figures["accuracy"] for figures in kept] == [0.5, 0.5]
    too_much, before = (
        {"what": "x", "more": ["x" * 4000] * 100},
        models.load_card(folder),
    )
    with pytest.raises(WeightsMismatchError, match="would be larger than 256 KiB"):
        models.add_figures(folder, before, too_much)
    assert len(models.load_card(folder).metrics) == 2


def test_replacing_works_where_folders_cannot_be_exchanged(bundle, monkeypatch):
    monkeypatch.setattr("coin_core.storage._exchange", lambda one, other: False)
    models.save_bundle(bundle, card(title="New"), tensors=tiny_tensors())
    assert models.load_card(bundle).title == "New"
    assert not list(bundle.parent.glob(".*"))


def test_a_bundle_set_aside_by_a_killed_writer_is_put_back(bundle):
    bundle.rename(bundle.with_name(".tiny.previous"))
    assert models.load_card(bundle).title == "Tiny"


def test_matrices_are_halved_and_vectors_are_not(tmp_path):
    halved = models.to_half(tiny_tensors())
    assert halved["weight"].dtype == torch.float16
    assert halved["bias"].dtype == torch.float32


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 99}, "format is 99"),
        ({"classes": ["a"]}, "2 to"),
        ({"classes": ["a", "a"]}, "twice"),
        ({"classes": ["a", 1]}, "text"),
        ({"classes": ["a", "b\x00"]}, "control"),
        ({"classes": "abc"}, "list"),
        ({"temperature": 0}, "temperature"),
        ({"temperature": "1"}, "number"),
        ({"temperature": True}, "number"),
        ({"threshold": 1.5}, "threshold"),
        ({"name": "../up"}, "name"),
        ({"title": "x" * 5000}, "text"),
        ({"files": {}}, "no file"),
        ({"files": {"../../etc/passwd": "0" * 64}}, "a bundle holds"),
        ({"files": {"/etc/passwd": "0" * 64}}, "a bundle holds"),
        ({"files": {"model.pkl": "0" * 64}}, "a bundle holds"),
        ({"files": {"model.safetensors": "xyz"}}, "hexadecimal"),
        ({"files": ["model.safetensors"]}, "object"),
        ({"preprocessing": []}, "object"),
        ({"preprocessing": {"size_px": 1024}}, "from 16 to 512"),
        ({"metrics": [1]}, "objects"),
    ],
)
def test_a_card_that_makes_no_sense_is_refused_by_name(bundle, changes, said):
    edit_card(bundle, **changes)
    with pytest.raises(WeightsMismatchError, match=said) as caught:
        models.load_card(bundle)
    assert str(caught.value).startswith("tiny: ")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"[1, 2]",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"format": 1, "name": NaN}',
        b" " * 300_000,
    ],
)
def test_a_card_that_is_no_card_is_refused(bundle, content):
    (bundle / "card.json").write_bytes(content)
    with pytest.raises(WeightsMismatchError, match=r"tiny: (the card|card.json)"):
        models.load_card(bundle)


def test_weights_are_verified_before_they_are_parsed(bundle, monkeypatch):
    path = bundle / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    monkeypatch.setattr(
        "safetensors.torch.load", lambda data: pytest.fail("parsed unverified bytes")
    )
    with pytest.raises(WeightsMismatchError, match="sha256"):
        models.read_tensors(bundle)


def test_missing_and_linked_weights_are_refused(bundle, tmp_path):
    path = bundle / "model.safetensors"
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    with pytest.raises(WeightsMissingError, match="is missing"):
        models.read_tensors(bundle)
    path.symlink_to(elsewhere)
    with pytest.raises(WeightsMismatchError, match="link"):
        models.read_tensors(bundle)


LONG = "a" * 70_000


@pytest.mark.parametrize(
    "header",
    [b"\xff", LONG, ["x"], 7, {"x": LONG}, {"x": {"shape": [1], "dtype": LONG}}],
)
def test_a_file_of_another_kind_with_the_right_sha256_is_refused(bundle, header):
    path = bundle / "model.safetensors"
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + bytes(64))
    edit_card(
        bundle,
        files={path.name: hashlib.sha256(path.read_bytes()).hexdigest()},
    )
    with pytest.raises(WeightsMismatchError, match="no safetensors") as refused:
        models.read_tensors(bundle)
    assert len(str(refused.value)) < 500  # the library quotes the file


def test_a_net_does_not_load_as_another(bundle):
    with pytest.raises(WeightsMismatchError, match="tiny: The weights do not fit"):
        loading.load_classifier(bundle)


def test_an_estimator_beyond_the_list_is_neither_saved_nor_loaded(tmp_path, rows):
    import skops.io

    X, y = rows
    forest = RandomForestClassifier(2, random_state=0).fit(X, y)
    with pytest.raises(WeightsMismatchError, match="RandomForestClassifier"):
        models.save_bundle(tmp_path / "f", card(), estimator=forest)
    folder = tmp_path / "f"
    models.save_bundle(folder, card(), estimator=PCA(2).fit(X))
    data = skops.io.dumps(Pipeline([("forest", forest)]))
    (folder / "model.skops").write_bytes(data)
    edit_card(folder, files={"model.skops": hashlib.sha256(data).hexdigest()})
    with pytest.raises(WeightsMismatchError, match=r"f: .*not trusted"):
        models.read_estimator(folder)


def skops_with(schema, extra=b""):
    import io

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", json.dumps(schema))
        if extra:
            archive.writestr("big.npy", extra)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"no zip at all",
        skops_with({"__class__": "system", "__module__": "os", "__loader__": "X"}),
        skops_with(
            {
                "__class__": "partial",
                "__module__": "functools",
                "__loader__": "PartialNode",
            }
        ),
        skops_with({"__class__": "dict", "__module__": "builtins"}),
        skops_with({}, extra=bytes(2_000_000)),
    ],
    ids=["text", "os.system", "partial", "no loader", "bomb"],
)
def test_a_hostile_estimator_file_is_refused(tmp_path, rows, data, monkeypatch):
    monkeypatch.setattr(estimator_io, "MAX_UNPACKED_BYTES", 1_000_000)
    folder = tmp_path / "h"
    models.save_bundle(folder, card(), estimator=PCA(2).fit(rows[0]))
    (folder / "model.skops").write_bytes(data)
    edit_card(folder, files={"model.skops": hashlib.sha256(data).hexdigest()})
    with pytest.raises(WeightsMismatchError, match="h: the estimator"):
        models.read_estimator(folder)


def test_discover_lists_good_bundles_and_names_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "WEIGHTS_DIR", tmp_path / "weights")
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path / "data"))
    own = tmp_path / "data" / "models"
    shipped = models.save_bundle(
        tmp_path / "weights" / "mlp", card(), tensors=tiny_tensors()
    )
    monkeypatch.setitem(models.SHIPPED, "mlp", models.verdict_digest(shipped))
    for name in ("good", "damaged", "foreign", "emptied"):
        models.save_bundle(own / name, card(), tensors=tiny_tensors())
    (own / "damaged" / "model.safetensors").write_bytes(b"short")
    (own / "foreign" / "card.json").write_text('{"hello": 1}')
    (own / "emptied" / "card.json").unlink()
    (own / "note.txt").write_text("a stray file")
    found, problems = models.discover()
    assert [(info.name, info.card.origin) for info in found] == [
        ("mlp", "shipped"),
        ("good", "own"),
    ]
    assert {problem.folder.name for problem in problems} == {
        "damaged",
        "foreign",
        "emptied",
    }
    for problem in problems:
        assert problem.sentence.startswith(problem.folder.name + ": ")
        assert "\n" not in problem.sentence


def test_a_bundle_that_is_replaced_while_bundles_are_listed_is_no_problem(monkeypatch):
    folder = models.models_dir() / "tiny"
    models.save_bundle(folder, card(), tensors=tiny_tensors())
    check_file, titles = models._check_file, ["Third", "Second"]

    def check_after_a_training(path: Path) -> None:
        if path.parent == folder and titles:
            tensors = {"weight": torch.full((2,), float(len(titles)))}
            models.save_bundle(folder, card(title=titles.pop()), tensors=tensors)
        check_file(path)

    monkeypatch.setattr(models, "_check_file", check_after_a_training)
    found, problems = models.discover()
    assert (found[-1].folder, found[-1].card.title) == (folder, "Third")
    assert problems == ()


def test_a_bundle_that_is_deleted_while_bundles_are_listed_is_no_problem(monkeypatch):
    folder = models.models_dir() / "tiny"
    models.save_bundle(folder, card(), tensors=tiny_tensors())
    check_file = models._check_file

    def check_after_its_end(path: Path) -> None:
        if path.parent == folder:
            shutil.rmtree(folder)
        check_file(path)

    monkeypatch.setattr(models, "_check_file", check_after_its_end)
    found, problems = models.discover()
    assert folder not in [one.folder for one in found]
    assert problems == ()


def test_find_bundle_looks_at_paths_then_own_then_shipped(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "WEIGHTS_DIR", tmp_path / "weights")
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path / "data"))
    shipped = tmp_path / "weights" / "mlp"
    models.save_bundle(shipped, card(), tensors=tiny_tensors())
    assert models.find_bundle("mlp") == shipped
    own = tmp_path / "data" / "models" / "mlp"
    models.save_bundle(own, card(), tensors=tiny_tensors())
    assert models.find_bundle("mlp") == own
    assert models.find_bundle(shipped) == shipped
    with pytest.raises(WeightsMissingError, match="train resnet --data rendered"):
        models.find_bundle("resnet")
    # No command trains a classifier of that name.
    with pytest.raises(
        WeightsMissingError, match="train CLASSIFIER --data DIR"
    ) as all_:
        models.find_bundle("my_hoard")
    assert "train my_hoard" not in str(all_.value)


WRITER = """
import sys, torch
from pathlib import Path
from coin_core.model_store import bundle as models
folder = Path(sys.argv[1])
for turn in range(100000):
    card = models.Card(name="t", classifier="mlp", title=str(turn), classes=("a", "b"))
    models.save_bundle(folder, card, tensors={"x": torch.full((300, 300), float(turn))})
    print(turn, flush=True)
"""


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_a_whole_bundle(tmp_path):
    folder = tmp_path / "t"
    for pause_s in (0.0, 0.013, 0.031):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert writer.stdout is not None
        for _ in range(3):
            writer.stdout.readline()
        time.sleep(pause_s)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        written = models.load_card(folder)
        value = models.read_tensors(folder)["x"][0, 0]
        assert float(value) == float(written.title)
