"""The study of the first project's experiments, on a handful of coins."""

import errno
import json
from dataclasses import replace

import numpy as np
import pytest

from coin_core.classifiers import list_classifiers, loading
from coin_core.errors import CoinError, TrainingDataError
from coin_core.imaging.preprocessing import Preprocessing
from coin_core.model_store import bundle
from coin_core.training import study, train, trainer
from coin_core.training.datasets import CoinSet
from coin_core.training.runs import RunState, list_runs, resume_run
from coin_core.training.study import experiments, run_study, study_figure, study_table

CLASSES = ("anchor", "wreath")


@pytest.fixture
def coins():
    rng = np.random.default_rng(0)
    labels = np.array([CLASSES[i % 2] for i in range(16)])
    crops = rng.integers(0, 90, (16, 32, 32, 3), dtype=np.uint8)
    crops[labels == "wreath"] += 100
    names = tuple(f"{label}/{i}.png" for i, label in enumerate(labels))
    return CoinSet(
        crops=crops,
        labels=labels,
        groups=np.array([str(i) for i in range(16)]),
        names=names,
        classes=CLASSES,
        source="folder tiny",
        digest="d" * 64,
    )


@pytest.fixture(autouse=True)
def _quick_features(monkeypatch):
    """Features without the vgg net: some of the pixels."""

    class Net:
        preparation = Preprocessing()

    card = bundle.Card(
        name="vgg",
        classifier="vgg",
        title="VGG",
        classes=CLASSES,
        files={bundle.TENSORS_FILE: "0" * 64},
    )
    monkeypatch.setattr(loading, "load_classifier", lambda folder: (card, Net()))
    monkeypatch.setattr(bundle, "find_bundle", lambda name: bundle.WEIGHTS_DIR / name)
    monkeypatch.setattr(
        train,
        "cached_features",
        lambda net, digest, crops, **_: crops.reshape(len(crops), -1)[:, ::7].astype(
            np.float32
        ),
    )


def test_it_holds_what_the_first_project_tried():
    keys = {one.key for one in experiments()}
    each = [8 if one.backbone else 1 for one in list_classifiers()]
    assert len(keys) == len(experiments()) == sum(each) >= 20
    assert {"alexnet", "knn", "svm", "mlp", "resnet-frozen-plain"} <= keys
    told = {one.key: one.reported for one in experiments()}
    assert told["resnet-fine-tuned-turned-momentum"] == "75 %"
    turned = next(one for one in experiments() if one.key == "vgg-frozen-turned")
    assert turned.config.rotations == 5, "six times the data"


def test_a_study_writes_table_and_figure_and_runs_nothing_twice(coins, tmp_path):
    chosen = ("knn", "mlp")
    outcomes = run_study(coins, tmp_path, chosen=chosen, folds=2, epochs=1)
    assert [one.key for one in outcomes] == ["knn", "mlp"]
    assert [one.n for one in outcomes] == [16, 16]
    table = (tmp_path / "study.md").read_text()
    assert "66 %" in table
    assert "other photos" in table
    figure = (tmp_path / "study.html").read_text()
    assert "Four layers with batch norm" in figure
    assert "<script src" not in figure, "it opens offline"
    assert len(list_runs()) == 2
    run_study(coins, tmp_path, chosen=chosen, folds=2, epochs=1)
    assert len(list_runs()) == 2
    kept = json.loads((tmp_path / "study.json").read_text())
    assert kept["outcomes"][0]["run_id"] == outcomes[0].run_id
    settings = json.loads((tmp_path / "study.json").read_text())["settings"]
    assert set(study._read(tmp_path / "study.json", settings)) == {"knn", "mlp"}


def test_an_earlier_study_is_not_replaced_by_another(coins, tmp_path):
    def refused(coins=coins, **settings):
        settings = {"folds": 2, "epochs": 1, **settings}
        with pytest.raises(TrainingDataError) as caught:
            run_study(coins, tmp_path, chosen=("knn",), **settings)
        return str(caught.value).removeprefix(f"{tmp_path} ")

    run_study(coins, tmp_path, chosen=("knn",), folds=2, epochs=1)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert refused(seed=1, epochs=None).startswith(
        "holds a study with --epochs 1, --seed 0. Give the same settings"
    )
    assert "with --size-px by default. " in refused(size_px=32)
    others = replace(coins, crops=coins.crops + 1, digest="e" * 64)
    assert "with other coins or labels. " in refused(others)
    assert "with other data. " in refused(replace(coins, source="folder other"))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"settings": 1}', "\xff"])
def test_a_damaged_study_is_named_and_stays(coins, tmp_path, text):
    path = tmp_path / "study.json"
    path.write_text(text, "latin-1")
    with pytest.raises(TrainingDataError, match="cannot be read as a study"):
        run_study(coins, tmp_path, chosen=("knn",), folds=2)
    assert path.read_text("latin-1") == text


def test_a_full_disk_ends_a_run_that_can_go_on(coins, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    training = train.Training(name="mlp", folds=2, epochs=1)
    with monkeypatch.context() as patched:
        patched.setattr(trainer, "save_checkpoint", full)
        with pytest.raises(CoinError, match="disk is full"):
            train.train_on_coins(training, coins, out=tmp_path / "model", data="tiny")
    (run,) = list_runs()
    state, reason = run.state_and_reason()
    assert state is RunState.FAILED
    assert "Make room" in reason
    # Going on, it is no longer failed, whatever happens next.
    going_on = resume_run({k: v for k, v in run.config().items() if k == "digest"})
    assert going_on.run_id == run.run_id
    assert going_on.report()["state"] == "running"


def test_an_experiment_that_is_not_there_is_named(coins, tmp_path):
    with pytest.raises(TrainingDataError, match="lenet"):
        run_study(coins, tmp_path, chosen=("lenet",))


def test_table_and_figure_stand_without_curves():
    assert study_table([], "nothing").startswith("Measured here on nothing")
    assert study_figure([]).startswith("<!doctype html>")
