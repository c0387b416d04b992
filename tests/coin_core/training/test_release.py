"""What ships is taught, calibrated, measured and saved in one go."""

import errno
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from coin_core import models
from coin_core.classifiers import loading, pretrained_classifiers
from coin_core.classifiers.legend_net import build_legend_net
from coin_core.errors import (
    CoinError,
    JobStoppedError,
    TrainingDataError,
    WeightsMismatchError,
    WeightsMissingError,
)
from coin_core.imaging.preprocessing import LegendPose
from coin_core.model_store import bundle
from coin_core.rulers import DEFAULT_CLASSES
from coin_core.training import release
from coin_core.training.runs import RunState, list_runs, start_run


@pytest.fixture(autouse=True)
def _tiny(tmp_path, monkeypatch):
    """A dozen coins where thousands are struck, and readers that know nothing."""
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path / "data"))
    # The limit on how much is read takes the side classifier's word.
    sides = bundle.WEIGHTS_DIR / "sides"
    shutil.copytree(sides, tmp_path / "weights" / "sides")
    monkeypatch.setattr(bundle, "WEIGHTS_DIR", tmp_path / "weights")
    monkeypatch.setattr(release, "CALIBRATION_COINS", 12)
    monkeypatch.setattr(release, "TEST_COINS", 9)

    def pretrain(folders, **options):
        notes = {"coins": 5, "seconds": 7, "validation": {}}
        return {
            name: (build_legend_net(name, len(DEFAULT_CLASSES)).eval(), notes)
            for name in folders
        }

    monkeypatch.setattr(release, "pretrain", pretrain)
    # Readers that know nothing do not pass the trial.
    monkeypatch.setattr(models, "_find_problem", lambda model: "")
    monkeypatch.setattr(
        "coin_core.classifiers.torch_classifier.predict_poses",
        lambda crops: [(LegendPose(),)] * len(crops),
    )


@pytest.mark.slow
def test_vgg_then_knn_ship_and_belong_together():
    card, report = release.train_shipped("vgg", seed=3)
    assert report.n == 9
    assert card.classes == tuple(DEFAULT_CLASSES)
    assert card.training["command"] == (
        "python -m coin_core train vgg --data rendered --seed 3"
    )
    assert card.metrics[0]["n"] == 9
    assert card.preprocessing
    knn, _ = release.train_shipped("knn", coins=15)
    assert knn.features_from == {
        "name": "vgg",
        "sha256": bundle.weights_digest(card),
    }
    found, problems = bundle.discover()
    assert [info.name for info in found if info.name != "sides"] == ["knn", "vgg"]
    assert not problems
    _, loaded = loading.load_classifier(bundle.find_bundle("knn"))
    p = loaded.predict_proba(np.zeros((2, 4096), dtype=np.float32))
    assert p.shape == (2, 3)
    # Each coin in several views, one after the other: a row tells its coin.
    rows = loaded.estimator_[-1]
    assert rows.n_samples_fit_ == release.LETTER_VIEWS * 15
    assert (rows._y.reshape(release.LETTER_VIEWS, 15) == rows._y[:15]).all()
    assert {run.report()["state"] for run in list_runs()} == {"done"}
    # What ships takes Judah for less likely.
    for one in (card, knn):
        assert one.class_logit_bias == {"judah_aristobulus_i": -0.6}
        kept = bundle.load_card(bundle.find_bundle(one.name))
        assert kept.class_logit_bias == one.class_logit_bias


def test_classifiers_of_features_need_the_vgg_net():
    with pytest.raises(WeightsMissingError, match="train vgg --data rendered"):
        release.train_shipped("knn")
    (run,) = list_runs()
    state, reason = run.state_and_reason()
    assert state is RunState.FAILED
    assert "train vgg --data rendered" in reason


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (JobStoppedError("It was stopped."), RunState.STOPPED),
        (OSError(errno.ENOSPC, "full"), RunState.FAILED),
    ],
)
@pytest.mark.parametrize("name", ["vgg", "knn"])
def test_a_training_that_ends_early_says_how(monkeypatch, name, error, state):
    def end(*args, **options):
        raise error

    monkeypatch.setattr(release, "pretrain", end)
    monkeypatch.setattr(release, "_fit_on_features", end)
    with pytest.raises(CoinError):
        release.train_shipped(name)
    (run,) = list_runs()
    assert run.state() is state
    with pytest.raises(CoinError):
        release.train_shipped(name)
    assert len(list_runs()) == 1, "the same run is resumed"


def test_what_does_not_ship_is_trained_on_a_folder():
    with pytest.raises(TrainingDataError, match="train alexnet --data DIR"):
        release.train_shipped("alexnet")


@pytest.mark.slow
def test_all_readers_are_taught_at_once(tmp_path):
    outs = {name: tmp_path / name for name in pretrained_classifiers()}
    shipped = release.train_legend_nets(outs)
    assert [card.name for card, _ in shipped] == list(pretrained_classifiers())
    assert all((out / "card.json").is_file() for out in outs.values())
    names = {run.report()["bundle"] for run in list_runs()}
    assert names == set(pretrained_classifiers())


@pytest.mark.slow
def test_a_reader_is_taught_in_the_run_that_was_given(tmp_path):
    run = start_run({"classifier": "vgg"})
    release.train_shipped("vgg", out=tmp_path / "vgg", run=run)
    assert [one.folder for one in list_runs()] == [run.folder]
    assert run.report()["state"] == "done"


@pytest.mark.slow
def test_the_last_layers_of_a_reader_are_taught_alone():
    before, _ = release.train_shipped("vgg", seed=3)
    folder = bundle.find_bundle("vgg")
    letters = bundle.read_tensors(folder, before)
    card, report = release.train_last_layers("vgg", coins=32)
    assert report.n == 9
    assert card.training["coins"] == before.training["coins"]
    assert card.training["last_layers"]["coins"] == 32
    assert card.training["last_layers"]["command"] == (
        "python -m coin_core train vgg --data rendered --seed 0 --coins 32 --frozen"
    )
    assert card.class_logit_bias == before.class_logit_bias
    tensors = bundle.read_tensors(folder, bundle.load_card(folder))
    assert tensors.keys() == letters.keys()
    changed = {
        key.split(".")[0]
        for key in letters
        if not torch.equal(letters[key], tensors[key])
    }
    assert changed == {"legend", "ruler", "anywhere"}


def test_the_last_layers_of_a_missing_reader_are_not_taught():
    with pytest.raises(WeightsMissingError, match="train vgg --data rendered"):
        release.train_last_layers("vgg")


def test_a_ruler_without_coins_is_told_before_anything_is_written(
    monkeypatch, tmp_path
):
    card = SimpleNamespace(files={}, preprocessing={}, classes=tuple(DEFAULT_CLASSES))
    monkeypatch.setattr(bundle, "find_bundle", lambda place: place)
    monkeypatch.setattr(release, "load_classifier", lambda folder: (card, None))
    drawn = release.Sample(
        np.zeros((4, 9)), np.array(DEFAULT_CLASSES[:2] * 2), np.ones(4)
    )
    monkeypatch.setattr(release, "_draw_features", lambda *_, **__: drawn)
    monkeypatch.setattr(release, "_draw_crops", lambda *_: drawn)
    for learn in (release.train_shipped, release.train_last_layers):
        with pytest.raises(TrainingDataError, match="of Alexander Jannaeus: they are"):
            learn("knn", out=tmp_path / "knn", coins=4)
    assert not (tmp_path / "knn").exists()


def test_a_broken_classifier_does_not_replace_what_ships(monkeypatch):
    net = build_legend_net("vgg", len(DEFAULT_CLASSES))
    out = bundle.WEIGHTS_DIR / "vgg"
    monkeypatch.setattr(release, "_calibrate", lambda card, *_: (card, None))
    card = release._card("vgg", 0, 100, "")
    release._save_legend_net(out, card, net, 1.0)
    before = (out / "card.json").read_bytes()
    monkeypatch.setattr(models, "_find_problem", lambda model: "it is broken.")
    with torch.no_grad():
        net.ruler.bias += 1
    with pytest.raises(
        WeightsMismatchError, match=r"vgg: it is broken\. It is not kept"
    ):
        release._save_legend_net(out, card, net, 1.0)
    assert (out / "card.json").read_bytes() == before
    assert {path.name for path in out.parent.iterdir()} == {"sides", "vgg"}


@pytest.mark.parametrize(
    ("weight", "figures", "said"),
    [
        (float("nan"), {"accuracy": 0.9}, "not finite"),
        (1.0, {"accuracy": 0.0}, "has learned nothing"),
        (1.0, {"accuracy": 0.4, "recall": {"legend": 1.0, "star": 0}}, "more coins"),
    ],
)
def test_a_small_net_that_knows_nothing_does_not_replace_what_ships(
    weight, figures, said
):
    out = bundle.WEIGHTS_DIR / "sides"
    before = (out / "card.json").read_bytes()
    net = torch.nn.Linear(2, 2)
    torch.nn.init.constant_(net.weight, weight)
    card = bundle.Card(
        name="sides",
        classifier="",
        title="Sides",
        classes=("a", "b"),
        training={"seed": 0, "coins": 5},
        metrics=({"n": 1000, **figures},),
    )
    with pytest.raises(CoinError, match=said):
        release.save_small_net(out, net, card, seconds=1)
    assert (out / "card.json").read_bytes() == before
