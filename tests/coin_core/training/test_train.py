"""Data that are poor, damaged or gone, and disks and machines that fail."""

import errno
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from coin_core import detection, models
from coin_core.classifiers import loading
from coin_core.classifiers.scope import fit_scope, outside_in_turn, outside_scope
from coin_core.errors import (
    CoinError,
    JobStoppedError,
    TrainingDataError,
    WeightsMismatchError,
)
from coin_core.imaging.preprocessing import Preprocessing
from coin_core.model_store import bundle
from coin_core.training import datasets
from coin_core.training import train as own
from coin_core.training.datasets import load_folder
from coin_core.training.run_comparison import summaries
from coin_core.training.runs import Run, RunState, list_runs, runs_dir, start_run
from coin_core.training.train import Training, train_on_coins

CLASSES = ("anchor", "wreath")


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Photos are used whole, and features are some of their pixels."""

    class Net:
        preparation = Preprocessing()

    card = bundle.Card(
        name="vgg",
        classifier="vgg",
        title="VGG",
        classes=CLASSES,
        files={bundle.TENSORS_FILE: "0" * 64},
    )
    monkeypatch.setattr(detection, "detect_coins", lambda photo: ())
    monkeypatch.setattr(loading, "load_classifier", lambda folder: (card, Net()))
    monkeypatch.setattr(bundle, "find_bundle", lambda name: bundle.WEIGHTS_DIR / name)

    def some_pixels(net, digest, crops, **_):
        return crops.reshape(len(crops), -1)[:, ::997].astype(np.float32)

    monkeypatch.setattr(own, "cached_features", some_pixels)
    monkeypatch.setattr(models, "_try_new", lambda folder, name: None)


@pytest.fixture
def folder(tmp_path):
    """A function (photos a class) -> a folder of folders."""

    def make(*counts):
        rng = np.random.default_rng(1)
        for name, count in zip((*CLASSES, "lily"), counts, strict=False):
            (tmp_path / "coins" / name).mkdir(parents=True)
            for i in range(count):
                grey = 60 if name == "anchor" else 180
                image = rng.integers(grey, grey + 50, (40, 40, 3), dtype=np.uint8)
                Image.fromarray(image).save(tmp_path / "coins" / name / f"{i}.png")
        return tmp_path / "coins"

    return make


def train(name, coins, **settings):
    training = Training(name=name, epochs=1, **({"folds": 2} | settings))
    return train_on_coins(training, coins, out=bundle.models_dir() / "out", data="x")


def test_an_empty_class_is_named_and_left_out(folder, caplog):
    coins = load_folder(folder(4, 4, 0))
    assert coins.classes == CLASSES
    assert "no photo inside: lily" in caplog.text


@pytest.mark.parametrize("name", ["knn", "svm", "mlp", "resnet"])
def test_one_photo_a_class_is_refused_in_a_sentence(folder, name, monkeypatch):
    monkeypatch.setattr(own, "cached_features", None)  # before any is computed
    with pytest.raises(TrainingDataError, match="Add photos"):
        train(name, load_folder(folder(1, 1)))
    assert not list_runs()


@pytest.mark.parametrize(
    ("name", "too_few", "enough"), [("knn", 1, 2), ("mlp", 2, 3), ("svm", 1, 2)]
)
def test_too_few_photos_for_the_folds_are_refused(folder, name, too_few, enough):
    coins = load_folder(folder(enough, enough))
    fewer = coins.take(np.arange(2 * enough) % enough < too_few)
    with pytest.raises(TrainingDataError, match="Add photos"):
        train(name, fewer)
    assert train(name, coins)[0].metrics[0]["n"] == 2 * enough


@pytest.mark.parametrize(("name", "epochs"), [("svm", None), ("mlp", 1)])
def test_a_number_of_epochs_is_a_setting_only_where_it_has_an_effect(
    folder, name, epochs
):
    train(name, load_folder(folder(12, 12)))
    assert summaries()[0].settings.get("epochs") == epochs


def test_a_stop_before_the_first_step_is_no_failure(folder, monkeypatch):
    def stop(self, X, y):
        raise JobStoppedError("It was stopped.")

    monkeypatch.setattr("coin_core.training.task.TrainingTask.inputs", stop)
    with pytest.raises(JobStoppedError):
        train("svm", load_folder(folder(4, 4)))
    (run,) = list_runs()
    assert run.state() is RunState.STOPPED


def test_a_training_does_not_go_on_with_other_splits_of_the_same_photos(
    folder, monkeypatch
):
    coins = load_folder(folder(12, 12))
    parts = ["train", "train", "validation", "test"] * 6
    with monkeypatch.context() as patched:
        patched.setattr(Run, "write_predictions", full_disk)
        with pytest.raises(CoinError, match="disk is full"):
            train("mlp", replace(coins, splits=np.array(parts)))
    other = replace(coins, splits=np.array(parts[::-1]))
    train("mlp", other)
    states = {run.state() for run in list_runs()}
    assert states == {RunState.FAILED, RunState.DONE}, "two runs"


def test_the_rows_of_a_set_are_told_apart(folder):
    coins = load_folder(folder(3, 3))
    order = np.array([1, 0, 2, 3, 4, 5])
    others = (
        coins.take(order),
        replace(coins, groups=coins.groups[order]),
        replace(coins, splits=np.array(["train", "validation"] * 3)),
        replace(coins, crops=coins.crops[order]),
    )
    digests = {one.rows_digest() for one in (coins, *others)}
    assert len(digests) == 5
    assert coins.rows_digest() == coins.take(np.arange(6)).rows_digest()


def test_a_classifier_of_other_coins_knows_what_its_coins_look_like(folder):
    card, fitted = train("svm", load_folder(folder(12, 12)))
    assert card.scope["limit"] > 0
    assert bundle.load_card(bundle.models_dir() / "out").scope == card.scope
    assert card.title == "SVM, linear kernel, on VGG features, folder coins"
    # No answer that is more likely wrong than right.
    assert fitted.threshold.value >= 0.5


@pytest.mark.parametrize("split", [False, True])
def test_a_card_counts_the_coins_that_the_saved_model_answers(
    folder, split, monkeypatch
):
    def more_pixels(net, digest, crops, **_):
        return crops.reshape(len(crops), -1)[:, ::97].astype(np.float32)

    monkeypatch.setattr(own, "cached_features", more_pixels)
    coins = load_folder(folder(30, 30))
    odd = np.arange(0, 60, 20)  # test coins unlike all others
    coins.crops[odd, ::2] = 255 - coins.crops[odd, ::2]
    if split:
        parts = np.array(["test", "train", "train", "train", "validation"] * 12)
        coins = replace(coins, splits=parts)
    card, fitted = train("svm", coins)
    measured = fitted.fold_of >= 0
    rows = more_pixels(None, {}, coins.crops)
    if split:
        learned = parts == "train"
        assert card.scope == fit_scope(rows[learned], coins.groups[learned])
        outside = outside_scope(card.scope, rows)
        assert outside[odd].all()
    else:
        outside = outside_in_turn(card.scope, rows, coins.groups)
    sure = fitted.probabilities.max(axis=1) >= card.threshold
    answered = (sure & ~outside)[measured].sum()
    assert card.metrics[0]["answered"] == answered < sure[measured].sum()
    assert summaries()[0].n == measured.sum()


def test_the_time_of_a_training_counts_finding_the_coins_too(folder):
    coins = load_folder(folder(4, 4))
    training = Training(name="knn", folds=2)
    out = bundle.models_dir() / "out"
    card, fitted = train_on_coins(training, coins, out=out, data="x", loading_s=500)
    assert fitted.seconds >= 500
    assert card.training["seconds"] == fitted.seconds
    assert summaries()[0].seconds == fitted.seconds


def test_unreadable_photos_are_left_out_and_counted(folder):
    place = folder(4, 4)
    (place / "anchor" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    (place / "wreath" / "empty.jpg").write_bytes(b"")
    coins = load_folder(place)
    assert len(coins) == 8
    assert [told.split(":")[0] for told in coins.unreadable] == [
        "anchor/torn.png",
        "wreath/empty.jpg",
    ]
    train("knn", coins)
    config = list_runs()[0].config()
    assert config["unreadable"] == 2
    assert config["left_out"] == list(coins.unreadable)


def test_a_class_of_unreadable_photos_alone_is_no_class(folder):
    place = folder(4, 0)
    (place / "wreath" / "torn.png").write_bytes(b"torn")
    with pytest.raises(TrainingDataError, match="readable photos of 1 classes"):
        load_folder(place)


def test_photos_deleted_while_they_are_read_are_left_out(folder, monkeypatch):
    place = folder(4, 4)
    walk = datasets._walk

    def losing(root):
        for number, path in enumerate(list(walk(root))):
            yield path
            if number == 5:  # listed and hashed, then gone before it is read
                (place / "anchor" / "0.png").unlink()

    monkeypatch.setattr(datasets, "_walk", losing)
    coins = load_folder(place)
    assert len(coins) == 7
    assert "anchor/0.png" in coins.unreadable[0]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads all")
def test_photos_that_may_not_be_read_are_left_out(folder):
    place = folder(4, 4)
    (place / "anchor" / "0.png").chmod(0)
    assert len(load_folder(place).unreadable) == 1


def test_data_deleted_during_a_training_do_not_end_it(folder, monkeypatch):
    place = folder(4, 4)
    coins = load_folder(place)
    log = Run.log

    def delete_and_log(self, row):
        shutil.rmtree(place, ignore_errors=True)
        log(self, row)

    monkeypatch.setattr(Run, "log", delete_and_log)
    _, fitted = train("knn", coins)
    assert fitted.report.n == 8
    assert (bundle.models_dir() / "out" / "card.json").is_file()
    with pytest.raises(TrainingDataError, match="is not a folder"):
        load_folder(place)


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("where", "what"),
    [
        ("coin_core.training.trainer", "save_checkpoint"),
        ("coin_core.training.trainer", "save_tensors"),
        ("coin_core.training.cross_validation", "save_tensors"),
        ("coin_core.training.train", "prediction_rows"),
        ("coin_core.model_store.bundle", "write_folder"),
        ("coin_core.storage.os", "fsync"),
    ],
)
def test_a_full_disk_is_said_and_the_training_goes_on_later(
    folder, monkeypatch, where, what
):
    coins = load_folder(folder(6, 6))
    with monkeypatch.context() as patched:
        patched.setattr(f"{where}.{what}", full_disk)
        with pytest.raises(CoinError, match="disk is full"):
            train("mlp", coins)
    train("mlp", coins)
    assert [run.state() for run in list_runs()][-1] is RunState.DONE
    assert not list(bundle.models_dir().glob(".*.tmp"))


def test_the_card_says_why_the_last_digits_may_differ(folder, monkeypatch):
    coins = load_folder(folder(6, 6))
    card, _ = train("knn", coins)
    assert "number of threads (1): same figures" in card.training["repeatable"]
    with monkeypatch.context() as patched:
        patched.setattr("coin_core.training.train.prediction_rows", full_disk)
        with pytest.raises(CoinError):
            train("knn", coins, seed=1)
    monkeypatch.setattr(
        "coin_core.training.environment.torch.get_num_threads", lambda: 2
    )
    card, _ = train("knn", coins, seed=1)
    assert card.training["repeatable"] == (
        "not to the last digit: begun with 1 threads in float32, "
        "ended with 2 threads in float32"
    )


def test_a_disk_too_full_for_a_run_folder_is_said(folder, monkeypatch):
    coins = load_folder(folder(4, 4))
    monkeypatch.setattr(own, "resume_run", full_disk)
    with pytest.raises(CoinError, match="disk is full"):
        train("knn", coins)


GARBAGE = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"7",
    b"\xff\xfe\x00\x80",
    b'{"classifier": 3, "coins_per_class": [1], "recipe": 9, "schedule": 1}',
    b'{"state": "done", "report": {"accuracy": "x"}, "best": {"0": {"epoch": "a"}}}',
    b'{"state": "moved", "tests": [{"fold": "zero"}], "latest": []}',
    b'{"fold": [1], "epoch": {}}\n{"fold": 0, "epoch": 1, "valid_loss": "low"}\n',
    b'{"photo": 1}\n{"photo": "a", "label": "b", "probabilities": {"b": "much"}}\n',
]


@pytest.mark.parametrize("name", ["config.json", "report.json", "history.jsonl"])
@pytest.mark.parametrize("garbage", GARBAGE)
def test_a_damaged_run_is_listed_and_harms_no_other(name, garbage):
    good = start_run({"classifier": "knn", "seed": 1})
    good.finish({"seconds": 1.0})
    bad = start_run({"classifier": "mlp", "seed": 1})
    bad.finish({})
    (bad.folder / name).write_bytes(garbage)
    (bad.folder / "predictions.jsonl").write_bytes(garbage)
    states = {run.run_id: run.state for run in summaries()}
    assert states[good.run_id] is RunState.DONE
    assert bad.run_id in states
    assert isinstance(bad.predictions(), list)
    bad.rows()


def test_a_half_written_run_is_damaged_until_it_is_deleted():
    half = runs_dir() / "20260101-000000-knn-0000"
    half.mkdir(parents=True)
    (half / "checkpoints").mkdir()
    (summary,) = summaries()
    assert summary.state is RunState.DAMAGED
    Run(folder=half).delete()
    assert summaries() == []


def test_a_model_that_is_broken_is_not_kept_and_its_run_says_why(folder, monkeypatch):
    coins = load_folder(folder(4, 4))
    card, _ = train("svm", coins)

    def fail(temporary, name):
        assert (temporary / "card.json").is_file()
        raise WeightsMismatchError(f"{name}: it gives one answer.{models._AGAIN}")

    monkeypatch.setattr(models, "_try_new", fail)
    with pytest.raises(WeightsMismatchError, match="out: it gives one answer"):
        train("svm", coins, seed=1)
    assert bundle.load_card(bundle.models_dir() / "out") == card
    ended = {run.state_and_reason() for run in list_runs()}
    assert (RunState.FAILED, "out: it gives one answer. It is not kept.") in ended
