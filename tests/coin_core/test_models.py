"""Models come through one door: checked, tried once, marked, installed whole."""

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from coin_core import detection, models
from coin_core.classifiers import get_classifier, loading
from coin_core.classifiers.features import networks_beside
from coin_core.classifiers.together_card import TOGETHER
from coin_core.classifiers.torch_classifier import predict_calibrated
from coin_core.errors import (
    BusyError,
    CoinError,
    WeightsMismatchError,
    WeightsMissingError,
)
from coin_core.explain import nearest_coins
from coin_core.model_store import bundle
from coin_core.model_store.card import Card, card_to_json
from coin_core.models import install_model, open_model
from coin_core.pipeline import CoinClassifier
from coin_core.rendering import render_coin
from coin_core.results import RejectReason, sentence, to_json
from coin_core.storage import PROJECT_DIR, dump_json

NAN = float("nan")


@pytest.fixture(scope="module")
def coin():
    return render_coin(77, 1, size_px=200, wear=0.1).image


def copy(name, source="vgg", *, tensors=None, **changes):
    """A copy of a shipped bundle in the data folder, with changes, as a card of it."""
    folder = bundle.models_dir() / name
    shutil.copytree(bundle.WEIGHTS_DIR / source, folder)
    raw = json.loads((folder / "card.json").read_text())
    if tensors is not None:
        path = folder / bundle.TENSORS_FILE
        weights = safetensors.torch.load_file(path)
        data = safetensors.torch.save(tensors(weights))
        path.write_bytes(data)
        import hashlib

        raw["files"] = {path.name: hashlib.sha256(data).hexdigest()}
    text = json.dumps(raw | {"name": name} | changes)
    (folder / "card.json").write_text(text)
    return folder


def filled(value):
    """A change of all kernels and matrices of a net."""
    return lambda weights: {
        name: torch.full_like(tensor.float(), value) if tensor.ndim > 1 else tensor
        for name, tensor in weights.items()
    }


def without(key):
    return lambda weights: {k: v for k, v in weights.items() if k != key}


def as_type(dtype):
    return lambda weights: {
        name: tensor.to(dtype) if tensor.ndim > 1 else tensor
        for name, tensor in weights.items()
    }


def with_one(key, change):
    def altered(weights):
        return weights | {key: change(weights[key].clone().float())}

    return altered


def negative(variance):
    return variance - 100


def test_the_shipped_bundles_are_those_of_the_table():
    found = {
        path.parent.name: bundle.verdict_digest(bundle.load_card(path.parent))
        for path in bundle.WEIGHTS_DIR.glob("*/card.json")
    }
    assert found == bundle.SHIPPED, "make digests"
    assert all(info.card.origin == "shipped" for info in bundle.discover()[0])


def test_the_table_is_written_again(monkeypatch, tmp_path):
    from coin_core.model_store import shipped

    path = tmp_path / "shipped.py"
    path.write_text('A = 1\nSHIPPED = {\n    "x": "y",\n}\nB = 2\n')
    monkeypatch.setattr(shipped, "__file__", str(path))
    bundle.write_shipped_table()
    written: dict[str, object] = {}
    exec(path.read_text(), written)
    assert written["SHIPPED"] == bundle.SHIPPED
    assert (written["A"], written["B"]) == (1, 2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (filled(NAN), "not finite"),
        (filled(float("inf")), "not finite"),
        (with_one("pooled.bias", lambda bias: bias * NAN), "not finite"),
        (with_one("trunk.features.1.running_var", negative), "is negative"),
        (without("ruler.weight"), "'ruler.weight' is missing"),
        (lambda weights: weights | {"x": torch.zeros(3)}, "'x' belongs to another"),
        (with_one("ruler.bias", lambda bias: bias[:2]), "3 classes, and the network"),
        (with_one("trunk.features.0.weight", lambda w: w.sum()), "has the shape"),
        (as_type(torch.int8), "torch.int8"),
        (as_type(torch.complex64), "torch.complex64"),
        (as_type(torch.float8_e4m3fn), "torch.float8_e4m3fn"),
    ],
)
def test_weights_of_another_net_or_no_numbers_are_refused(change, said):
    copy("evil", tensors=change)
    with pytest.raises(WeightsMismatchError, match="evil: ") as caught:
        open_model("evil")
    assert said in str(caught.value)
    assert "train it again" in str(caught.value).lower()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tensors": filled(0.0)}, "same answer. It may have learned from too few"),
        ({"tensors": filled(1e30)}, "no numbers"),
        (
            {
                "tensors": with_one(
                    "ruler.bias", lambda bias: bias + torch.tensor([0.0, 40.0, 0.0])
                )
            },
            "the classifier is broken",
        ),
        (
            {
                "classes": [
                    "alexander_jannaeus",
                    "judah_aristobulus_i",
                    "john_hyrcanus_i",
                ]
            },
            "in another order",
        ),
    ],
)
def test_the_trial_shows_a_broken_classifier(changes, said):
    copy("evil", **changes)
    for _ in range(2):
        with pytest.raises(WeightsMismatchError, match="evil: ") as caught:
            open_model("evil")
        assert said in str(caught.value)


def test_a_model_is_tried_once(monkeypatch):
    folder = copy("mine")
    open_model("mine")
    monkeypatch.setattr(models, "_find_problem", lambda model: "is tried again")
    bundle.add_figures(
        folder, bundle.load_card(folder), {"what": "other coins", "n": 3}
    )
    assert open_model("mine").card.metrics[-1]["n"] == 3
    raw = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(raw | {"threshold": 0.6}))
    with pytest.raises(WeightsMismatchError, match="is tried again"):
        open_model("mine")


def test_shipped_models_are_not_tried(monkeypatch):
    monkeypatch.setattr(models, "_find_problem", lambda model: "is tried")
    assert open_model("vgg").card.origin == "shipped"


def test_an_own_model_of_a_shipped_name_is_marked(coin):
    copy("vgg", threshold=0.5)
    own = CoinClassifier().classify(coin, classifiers=["vgg"])
    assert own.verdicts[0].origin == "own"
    assert to_json("x", own)[0]["origin"] == "own"
    shipped = str(bundle.WEIGHTS_DIR / "vgg")
    verdict = CoinClassifier().classify(coin, classifiers=[shipped]).verdicts[0]
    assert verdict.origin == "shipped"
    listed = [info.card.origin for info in bundle.discover()[0] if info.name == "vgg"]
    assert listed == ["shipped", "own"]


def test_a_damaged_vgg_of_ones_own_leaves_what_was_trained_on_the_shipped_one(coin):
    copy("vgg", tensors=filled(NAN))
    coin_classifier = CoinClassifier()
    with pytest.raises(WeightsMismatchError, match=r"vgg: .* the shipped one answers"):
        coin_classifier.model("vgg")
    verdicts = coin_classifier.classify(coin, classifiers=["svm", "mlp"]).verdicts
    assert {verdict.ruler for verdict in verdicts} == {"judah_aristobulus_i"}


def test_the_programs_own_networks_are_not_replaced():
    assert TOGETHER in bundle.RESERVED
    for name in bundle.DETECTION:
        copy(name, name)
    for name in ("all", "Together"):
        copy(name, "svm")
    assert detection.find_detection_bundle("faces") == bundle.WEIGHTS_DIR / "faces"
    found, problems = bundle.discover()
    assert {info.folder.parent for info in found} == {bundle.WEIGHTS_DIR}
    assert len(problems) == len(bundle.DETECTION) + 2
    assert "Rename the folder" in problems[0].sentence


class Broken:
    """A classifier whose answer for bright rows is no number."""

    def __init__(self, value):
        self.value = value

    def predict_proba(self, X):
        flat = np.asarray(X, np.float32).reshape(len(X), -1)
        bright = flat.mean(axis=1) > 100
        rows = np.full((len(X), 3), 1 / 3, np.float32)
        rows[bright] = self.value
        return rows


CARD = Card(
    name="b", classifier="vgg", title="B", classes=("x", "y", "z"), threshold=0.1
)


@pytest.mark.parametrize("value", [NAN, float("inf"), -1.0, 0.0, 0.9, 1e38])
def test_only_the_rows_that_are_no_probabilities_are_lost(value):
    crops = np.zeros((4, 8, 8, 3), np.uint8)
    crops[2] = 200
    rows = predict_calibrated(Broken(value), CARD, crops)
    assert np.isnan(rows[2]).all()
    np.testing.assert_allclose(rows[[0, 1, 3]], 1 / 3, atol=1e-6)


def test_features_that_are_no_numbers_cost_their_own_row():
    svm = open_model("svm")
    X = np.random.default_rng(1).random((3, 4096)).astype(np.float32)
    alone = predict_calibrated(svm.classifier, svm.card, X[[0, 2]])
    X[1, 7] = NAN
    rows = predict_calibrated(svm.classifier, svm.card, X)
    assert np.isnan(rows[1]).all()
    np.testing.assert_allclose(rows[[0, 2]], alone, atol=1e-6)


def test_a_failing_classifier_of_ones_own_gives_no_rows_and_a_shipped_one_raises():
    class Failing:
        def predict_proba(self, X):
            raise ValueError("x")

    from dataclasses import replace

    crops = np.zeros((2, 8, 8, 3), np.uint8)
    assert np.isnan(predict_calibrated(Failing(), CARD, crops)).all()
    with pytest.raises(ValueError, match="x"):
        predict_calibrated(Failing(), replace(CARD, origin="shipped"), crops)


def test_a_damaged_classifier_names_nobody_and_stops_nobody(coin, monkeypatch):
    real = open_model("vgg").classifier.predict_proba

    def second_is_lost(crops):
        rows = real(crops)
        rows[1:2] = NAN
        return rows

    coin_classifier = CoinClassifier()
    net = coin_classifier.model("vgg").classifier
    monkeypatch.setattr(net, "predict_proba", second_is_lost, raising=False)
    results = list(coin_classifier.classify_batch([coin] * 3, ["vgg", "resnet"]))
    damaged = results[1].verdicts[0]
    assert damaged.reason is RejectReason.DAMAGED
    assert damaged.ruler is None
    assert not damaged.probabilities
    assert "damaged" in sentence(damaged)
    others = [v for r in results for v in r.verdicts if v is not damaged]
    assert {verdict.ruler for verdict in others} == {"judah_aristobulus_i"}
    for result in results:
        dump_json(to_json("x", result))
    with pytest.raises(WeightsMismatchError, match=r"vgg is damaged: .* 1 of 2 coins"):
        coin_classifier.probabilities(np.zeros((2, 160, 160, 3), np.uint8), "vgg")


def test_json_refuses_what_is_no_number():
    with pytest.raises(CoinError, match="no number"):
        dump_json({"a": [1.0, NAN]})


def packed(folder, path, inside="model"):
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"{inside}/{file.name}" if inside else file.name)
    return path


@pytest.mark.parametrize("how", ["folder", "zip", "flat zip"])
def test_a_bundle_is_installed_under_a_name(tmp_path, how):
    source = bundle.WEIGHTS_DIR / "vgg"
    if how != "folder":
        inside = "" if how == "flat zip" else "a/b"
        source = packed(source, tmp_path / "vgg.zip", inside)
    model = install_model(source, "from-afar")
    assert model.card.name == model.folder.name == "from-afar"
    assert model.card.origin == "own"
    assert model.digest == open_model("vgg").digest
    with pytest.raises(CoinError, match="'from-afar' is taken"):
        install_model(source, "from-afar")
    assert [path.name for path in bundle.models_dir().iterdir()] == ["from-afar"]


def test_a_name_that_is_taken_during_the_trial_keeps_its_model(monkeypatch):
    try_first = models._open

    def train_meanwhile(name, folder, *tries):
        copy("mine", "svm")
        return try_first(name, folder, *tries)

    with monkeypatch.context() as patch:
        patch.setattr(models, "_open", train_meanwhile)
        with pytest.raises(CoinError, match="'mine' is taken"):
            install_model(bundle.WEIGHTS_DIR / "vgg", "mine")
    assert bundle.load_card(bundle.models_dir() / "mine").classifier == "svm"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        *[(name, "uses it itself") for name in (*sorted(bundle.RESERVED), "Faces")],
        *[(name, "a name is up to 64") for name in ("../x", ".x", "модель", "x" * 65)],
    ],
)
def test_some_names_cannot_be_installed(name, said):
    for source in (bundle.WEIGHTS_DIR / "vgg", Path("of nobody.zip")):
        with pytest.raises(CoinError, match=f"^A model cannot have.*{said}"):
            install_model(source, name)
    assert not (bundle.models_dir() / name).exists()


def test_a_broken_bundle_is_not_installed(tmp_path):
    broken = copy("evil", tensors=filled(0.0)).rename(tmp_path / "evil")
    for source in (broken, packed(broken, tmp_path / "evil.zip")):
        with pytest.raises(WeightsMismatchError, match=r"^evil: the classifier is "):
            install_model(source)
    assert not any(bundle.models_dir().iterdir())


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"hello", WeightsMismatchError),
        (b"PK\x05\x06" + bytes(18), WeightsMissingError),
        (b"PK\x05\x06" + b"\xff" * 18, WeightsMismatchError),
    ],
)
def test_a_file_that_is_no_packed_bundle_is_not_installed(tmp_path, content, error):
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    with pytest.raises(error, match=r"x.zip"):
        install_model(path)


def test_a_full_disk_is_said_where_a_model_is_installed(monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("coin_core.storage._write_synced", full)
    with pytest.raises(BusyError, match=r"the disk is full.*nothing was changed"):
        install_model(bundle.WEIGHTS_DIR / "svm", "mine")
    assert not any(bundle.models_dir().iterdir())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("name", ["card.json", bundle.TENSORS_FILE])
@pytest.mark.parametrize("kind", ["pipe", "link", "device", "folder"])
def test_only_regular_files_are_read(name, kind):
    path = copy("evil") / name
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero" if kind == "device" else __file__)
    for use in (open_model, lambda _: install_model(bundle.models_dir() / "evil", "z")):
        with pytest.raises(WeightsMismatchError, match="is a link, a folder or a dev"):
            use("evil")
    assert len(bundle.discover()[1]) == 1


def test_a_cycle_of_features_is_refused():
    digest = bundle.weights_digest(bundle.load_card(bundle.WEIGHTS_DIR / "svm"))
    for one, other in (("a", "b"), ("b", "a")):
        copy(one, "svm", features_from={"name": other, "sha256": digest})
    with pytest.raises(WeightsMismatchError, match="features of another network b"):
        open_model("a")


@pytest.mark.parametrize("network", ["pictures", "rims"])
def test_a_model_names_the_networks_that_helped_vgg(network, monkeypatch):
    monkeypatch.setattr(models, "_find_problem", lambda model: "")  # not its answers
    digest = bundle.weights_digest(bundle.load_card(bundle.WEIGHTS_DIR / "vgg"))
    source = {"name": "vgg", "sha256": digest, "sight": "read rim"}
    copy("mine", "svm", features_from=source | networks_beside("read rim"))
    assert open_model("mine").card.features_from["rims"]
    copy("older", "svm", features_from=source | {"sight": "rim"})
    assert open_model("older")
    copy("first", "svm", features_from=source)
    with pytest.raises(WeightsMismatchError, match="another network rims than"):
        open_model("first")  # cards named no reader while there was but one
    copy("other", "svm", features_from=source | {network: "0" * 64})
    with pytest.raises(
        WeightsMismatchError, match=f"another network {network} than .*PHOT"
    ):
        open_model("other")


@pytest.mark.parametrize(
    ("source", "changes"),
    [("svm", {"features_from": {}}), ("vgg", {"features_from": "svm"})],
)
def test_features_are_named_for_those_that_take_them(source, changes):
    if changes["features_from"]:
        card = bundle.load_card(bundle.WEIGHTS_DIR / "svm")
        changes = {"features_from": dict(card.features_from)}
    copy("evil", source, **changes)
    with pytest.raises(WeightsMismatchError, match="must name the bundle of the feat"):
        open_model("evil")


def test_an_mlp_for_gigantic_inputs_is_refused_before_it_is_built(monkeypatch):
    copy("evil", "mlp", tensors=lambda w: w | {"mean": torch.zeros(10**6)})
    with pytest.raises(WeightsMismatchError, match="for 1000000 features"):
        open_model("evil")


def test_another_classifier_named_knn_has_no_near_coins(coin):
    copy("knn", "svm")
    crop = np.ascontiguousarray(coin[:160, :160])
    assert nearest_coins(CoinClassifier(), crop) == []


def test_a_small_net_on_other_coins_is_tried_without_rulers():
    labels = ("carp", "bream", "asp")
    net = get_classifier("vgg").build(labels, seed=1)
    net.initialize()
    card = Card(
        name="fish",
        classifier="vgg",
        title="Fish",
        classes=labels,
        preprocessing=net.preparation.as_dict(),
    )
    loading.save_classifier(bundle.models_dir() / "fish", card, net)
    assert open_model("fish").card.origin == "own"


def test_a_card_survives_writing(tmp_path):
    card = bundle.load_card(bundle.WEIGHTS_DIR / "vgg")
    assert "origin" not in json.loads(card_to_json(card))


@pytest.fixture
def slow_trial(monkeypatch):
    """Trials that go on until the second event is set; they set the first."""
    began, may_end = threading.Event(), threading.Event()

    def find_problem(model):
        began.set()
        assert may_end.wait(600)
        return ""

    monkeypatch.setattr(models, "_find_problem", find_problem)
    yield began, may_end
    may_end.set()


def test_while_a_new_model_is_tried_the_others_load(slow_trial):
    began, may_end = slow_trial
    copy("mine")
    with ThreadPoolExecutor(2) as pool:
        tried = pool.submit(open_model, "mine")
        assert began.wait(600)
        shared = CoinClassifier()
        assert shared.model("resnet").name == "resnet"
        assert shared.model("svm").extractor is open_model("vgg")
        again = pool.submit(open_model, "mine")  # waits for the same trial
        assert not again.done()
        may_end.set()
        assert tried.result(600) is again.result(600)


def test_the_last_version_of_a_model_answers_while_the_next_one_is_tried(slow_trial):
    began, may_end = slow_trial
    may_end.set()
    copy("mine")
    shared = CoinClassifier()
    before = shared.model("mine")
    shutil.rmtree(bundle.models_dir() / "mine")
    may_end.clear()
    began.clear()
    copy("mine", threshold=0.77)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(shared.model, "mine")
        assert began.wait(600)
        assert shared.model("mine") is before
        may_end.set()
        after = first.result(600)
    assert after.card.threshold == 0.77
    assert shared.model("mine") is after


# A process that opens a model, and notes whom it asks for a trial; the trial goes on
# until so many processes have come to it, and for ever if they do not.
OPEN_MINE = """
import os, sys, time
from pathlib import Path
from coin_core import models

folder, awaited = Path(sys.argv[1]), int(sys.argv[2])
try_once = models._try_once

def come(model):
    (folder / f"came {os.getpid()}").touch()
    try_once(model)

def find_problem(model):
    (folder / f"tried {os.getpid()}").touch()
    while len(list(folder.glob("came *"))) < awaited:
        time.sleep(0.01)
    time.sleep(0.5)
    return ""

models._try_once, models._find_problem = come, find_problem
models.open_model("mine")
"""


@pytest.fixture
def open_in_a_process(tmp_path):
    """A function that starts such a process; the test ends with all of them."""
    started = []

    def start(awaited):
        command = [sys.executable, "-c", OPEN_MINE, str(tmp_path), str(awaited)]
        started.append(subprocess.Popen(command, cwd=PROJECT_DIR))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_of_two_processes_one_tries_a_new_model(tmp_path, open_in_a_process):
    copy("mine")
    processes = [open_in_a_process(2) for _ in range(2)]
    assert [process.wait(600) for process in processes] == [0, 0]
    assert len(list(tmp_path.glob("came *"))) == 2
    assert len(list(tmp_path.glob("tried *"))) == 1


@pytest.mark.slow
def test_a_process_that_is_killed_in_a_trial_leaves_it_to_the_next(
    tmp_path, open_in_a_process
):
    copy("mine")
    first = open_in_a_process(99)
    while not list(tmp_path.glob("tried *")):
        assert first.poll() is None
        time.sleep(0.01)
    second = open_in_a_process(2)
    while len(list(tmp_path.glob("came *"))) < 2:
        assert second.poll() is None
        time.sleep(0.01)
    assert len(list(tmp_path.glob("tried *"))) == 1, "it waits"
    first.kill()
    first.wait()
    assert second.wait(600) == 0
    assert len(list(tmp_path.glob("tried *"))) == 2


def test_a_model_is_tried_where_nothing_can_be_written(monkeypatch, tmp_path):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    tried = []
    copy("mine")
    monkeypatch.setattr(models, "open_lock", refuse)
    monkeypatch.setattr(models, "write_json", refuse)
    monkeypatch.setattr(models, "_find_problem", lambda model: tried.append(1) or "")
    assert open_model("mine").name == "mine"
    assert tried == [1]


def test_a_disk_that_fails_is_told_as_such_also_of_a_shipped_model(monkeypatch):
    def fail(folder):
        raise OSError(errno.EIO, "Input/output error", str(folder / "card.json"))

    monkeypatch.setattr(models, "load_classifier", fail)
    monkeypatch.setattr(models, "_loaded", {})
    sentence = r"^vgg: the bundle cannot be read\. "
    with pytest.raises(WeightsMismatchError, match=sentence):
        CoinClassifier().model("vgg")


@pytest.mark.parametrize(
    ("name", "how"), [("alexnet", "train alexnet --data DIR"), ("nosuch", "CLASSIFIER")]
)
def test_a_classifier_without_a_model_says_how_to_make_it(name, how):
    with pytest.raises(WeightsMissingError, match=how):
        models.open_model(name)
