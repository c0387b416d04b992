"""What ships is taught, calibrated, measured and saved in one go."""

import errno
import shutil

import numpy as np
import pytest
import torch

from coin_core.classifiers import loading, pretrained_classifiers
from coin_core.classifiers.legend_net import build_legend_net
from coin_core.errors import (
    CoinError,
    JobStoppedError,
    TrainingDataError,
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
