"""Teaching a net to read the coins of rulers: trains, stops, resumes, keeps others."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from benchmarks.unseen_coins import render_unseen_coin
from coin_core.classifiers.letter_alignment import AlignedLetters
from coin_core.classifiers.loading import load_classifier
from coin_core.classifiers.torch_classifier import (
    LEAST_READ,
    apply_temperature,
    calibrated,
)
from coin_core.errors import TrainingStoppedError
from coin_core.evaluation.calibration import LEAST_PROBABILITY
from coin_core.imaging.preprocessing import normalize_degrees
from coin_core.model_store import bundle
from coin_core.rulers import DEFAULT_CLASSES
from coin_core.training import comparison, reading, task
from coin_core.training.comparison import Comparison
from coin_core.training.config import TrainingConfig
from coin_core.training.cross_validation import fit_classifier
from coin_core.training.datasets import load_rendered
from coin_core.training.holdout import fit_on_split
from coin_core.training.initialization import Start, find_start
from coin_core.training.letter_targets import NONE
from coin_core.training.run_comparison import record_of_reading
from coin_core.training.runs import Run, start_run
from coin_core.training.task import start_training, teaches_reading
from coin_core.training.train_legend_localizer import crop_to_coin

RULERS = (DEFAULT_CLASSES[0], DEFAULT_CLASSES[2])


@pytest.fixture(autouse=True)
def _own_data(tmp_path, monkeypatch):
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path / "data"))
    for name, value in {"_RENDERED": 16, "_VIEWS": 2, "_STEPS": 2}.items():
        monkeypatch.setattr(reading, name, value)
    monkeypatch.setattr(reading, "ALIGNED_AGAIN", 1)
    monkeypatch.setattr(comparison, "FEWEST", 3)


@pytest.fixture(scope="module")
def coins():
    """Eight rendered coins of two rulers, clear ones."""
    drawn = load_rendered(9_000_043, 24, at_least_legible=0.8)
    rows = [
        row
        for ruler in RULERS
        for row in np.flatnonzero(drawn.labels == ruler)[:4].tolist()
    ]
    return drawn.take(rows)


def fit(coins, run, **changes):
    settings = {"classes": RULERS, "folds": 2, "epochs": 2, "seed": 1}
    start = find_start("vgg", "rendered")
    return fit_classifier(
        "vgg",
        coins.crops,
        coins.labels,
        coins.groups,
        start=start,
        run=run,
        **(settings | changes),
    )


def test_legends_are_taught_where_the_start_knows_them_and_nowhere_else():
    start, config = find_start("vgg", "rendered"), TrainingConfig()
    assert teaches_reading("vgg", RULERS, start, config)
    assert teaches_reading("vgg", tuple(DEFAULT_CLASSES), start, config)
    assert teaches_reading("vgg", RULERS, start, TrainingConfig(class_weights=False))
    others = [
        ("vgg", ("anchor", "lily"), start, config),
        ("vgg", (*RULERS, "lily"), start, config),
        ("svm", RULERS, start, config),
        ("alexnet", RULERS, start, config),
        ("vgg", RULERS, Start(init="scratch"), config),
        ("vgg", RULERS, Start(init="imagenet"), config),
        ("vgg", RULERS, start, TrainingConfig(frozen=True)),
        ("vgg", RULERS, start, TrainingConfig(fresh_head=True)),
        ("vgg", RULERS, start, TrainingConfig(rotations=3)),
        ("vgg", RULERS, start, TrainingConfig(momentum=0.9)),
    ]
    for other in others:
        assert not teaches_reading(*other)
    assert not teaches_reading("vgg", RULERS, start, config, 64)


def test_it_starts_with_what_is_known_of_these_rulers(coins):
    run = start_run({"classifier": "vgg"})
    with start_training(
        "vgg",
        classes=RULERS,
        folds=1,
        with_final=False,
        start=find_start("vgg", "rendered"),
        run=run,
    ) as task:
        net = task.build(coins.labels)
        task.initialize(net, coins.crops)
        card = bundle.load_card(bundle.WEIGHTS_DIR / "vgg")
        assert task.least_probability == card.threshold > LEAST_PROBABILITY
    known = load_classifier(bundle.WEIGHTS_DIR / "vgg")[1].tensors()["ruler.weight"]
    own = net.tensors()["ruler.weight"]
    assert torch.allclose(own, known[[0, 2]].float())


def check_answers_as_shipped(fitted, coins):
    card, shipped = load_classifier(bundle.WEIGHTS_DIR / "vgg")
    p = calibrated(shipped.predict_proba(coins.crops), card)[:, [0, 2]]
    rows = fitted.fold_of >= 0
    expected = p / p.sum(1, keepdims=True)
    assert fitted.probabilities[rows] == pytest.approx(expected[rows], abs=1e-3)
    assert fitted.calibration.temperature == card.temperature
    assert fitted.threshold.value == card.threshold
    assert fitted.epochs == 0
    answers = fitted.classifier.predict_proba(coins.crops)
    assert apply_temperature(answers, card.temperature) == pytest.approx(
        expected, abs=1e-3
    )


@pytest.mark.parametrize("split", [False, True])
def test_of_few_coins_nothing_is_learned(coins, split, monkeypatch):
    monkeypatch.setattr(comparison, "FEWEST", 20)
    run = start_run({"classifier": "vgg"})
    if split:
        splits = np.tile(["train", "train", "validation", "test"], 2)
        fitted = fit_on_split(
            "vgg",
            coins.crops,
            coins.labels,
            splits,
            classes=RULERS,
            start=find_start("vgg", "rendered"),
            run=run,
        )
    else:
        fitted = fit(coins, run)
    check_answers_as_shipped(fitted, coins)
    assert not fitted.comparison.is_kept
    run.finish({"comparison": asdict(fitted.comparison)})
    assert "too few photos" in record_of_reading(run)


@pytest.mark.parametrize("split", [False, True])
def test_coins_of_which_too_little_is_read_are_not_answered(coins, split, monkeypatch):
    monkeypatch.setattr(comparison, "FEWEST", 20)
    strict = replace(find_start("vgg", "rendered"), limits={LEAST_READ: 1e6})
    settings = {
        "classes": RULERS,
        "start": strict,
        "run": start_run({"classifier": "vgg"}),
    }
    given = coins.crops, coins.labels
    if split:
        splits = np.tile(["train", "train", "validation", "test"], 2)
        fitted = fit_on_split("vgg", *given, splits, **settings)
    else:
        fitted = fit_classifier("vgg", *given, coins.groups, folds=2, **settings)
    measured = fitted.fold_of >= 0
    assert (fitted.unread == measured).all()
    assert fitted.probabilities[measured].max() >= fitted.threshold.value
    assert fitted.report.answered == 0


@pytest.mark.slow
def test_what_does_not_help_is_not_kept(coins, monkeypatch):
    monkeypatch.setattr(reading, "RATE", 0.3)  # spoils the net
    run = start_run({"classifier": "vgg"})
    fitted = fit(coins, run)
    assert fitted.comparison.after > fitted.comparison.before
    check_answers_as_shipped(fitted, coins)
    run.finish({"comparison": asdict(fitted.comparison)})
    assert "did not help on 8 others" in record_of_reading(run)


def test_a_run_says_what_learning_to_read_gave():
    run = start_run({"classifier": "vgg"})
    assert record_of_reading(run) == ""
    better = Comparison(coins=1200, before=0.7, after=0.6, error=0.01)
    run.finish({"comparison": asdict(better)})
    assert "on 1,200 that it did not learn from" in record_of_reading(run)


def test_a_taught_net_goes_half_of_the_way():
    net = load_classifier(bundle.WEIGHTS_DIR / "vgg")[1]
    start = reading.copy_weights(net)
    with torch.no_grad():
        for value in net.module_.letters.parameters():
            value.add_(2.0)
    reading.go_half_way(net, start)
    for name, value in net.module_.named_parameters():
        moved = 1.0 if name.startswith("letters.") else 0.0
        assert torch.allclose(value, start[name] + moved, atol=1e-5)


@pytest.mark.slow
def test_a_killed_training_ends_as_it_would_have(coins, monkeypatch):
    monkeypatch.setattr(Comparison, "is_kept", True)
    whole = fit(coins, start_run({"classifier": "vgg"}))
    assert whole.report.n == 8
    assert whole.epochs == 2
    before = load_classifier(bundle.WEIGHTS_DIR / "vgg")[1].tensors()
    after = whole.classifier.tensors()
    moved = {
        name for name in after if not torch.equal(after[name], before[name].float())
    }
    assert "letters.mix.5.weight" in moved
    known = ("legend.", "ruler.", "anywhere.", "pooled.")
    assert not [
        name for name in moved if name.startswith(known) and len(after[name]) != 2
    ]
    assert torch.equal(after["ruler.weight"], before["ruler.weight"][[0, 2]].float())
    early = [name for name in after if name.startswith("trunk.features.0.")]
    assert early
    assert not moved & set(early)
    assert not after["pooled.weight"].any()
    assert not [name for name in moved if "running" in name]

    log = Run.log

    def log_and_die(self, row):
        log(self, row)
        if (row["fold"], row["epoch"]) == ("final", 1):
            raise KeyboardInterrupt

    run = start_run({"classifier": "vgg"})
    with monkeypatch.context() as patched:
        patched.setattr(Run, "log", log_and_die)
        with pytest.raises(KeyboardInterrupt):
            fit(coins, run)
    resumed = fit(coins, run)
    assert np.allclose(resumed.probabilities, whole.probabilities)
    assert all(
        torch.equal(value, after[name])
        for name, value in resumed.classifier.tensors().items()
    )


@pytest.mark.slow
def test_a_stopped_training_keeps_its_best_and_goes_on(coins, monkeypatch):
    run = start_run({"classifier": "vgg"})
    with monkeypatch.context() as patched:
        patched.setattr(task, "stop_requested", lambda: True)
        with pytest.raises(TrainingStoppedError, match="before anything was learned"):
            fit(coins, run)
    run = start_run({"classifier": "vgg"})
    log, logged = Run.log, []

    def log_and_note(self, row):
        log(self, row)
        logged.append(row)

    with monkeypatch.context() as patched:
        patched.setattr(Run, "log", log_and_note)
        patched.setattr(task, "stop_requested", lambda: bool(logged))
        stopped = fit(coins, run)
        logged.clear()
        patched.setattr(Comparison, "is_kept", property(lambda self: False))
        unchanged = fit(coins, start_run({"classifier": "vgg"}))
    for fitted in (stopped, unchanged):
        assert fitted.stopped
        assert fitted.report.n == 4
        assert fitted.classifier.predict_proba(coins.crops[:1]).shape == (1, 2)
    # What is reported is what the classifier that is kept answers.
    measured = unchanged.fold_of >= 0
    answers = unchanged.classifier.predict_proba(coins.crops[measured])
    assert np.allclose(
        unchanged.calibration.apply(answers, RULERS),
        unchanged.probabilities[measured],
        atol=1e-4,
    )


def test_a_coin_is_taught_in_the_turn_in_which_it_is_read():
    # In a quarter turn some legend of the ruler fits worn letters as well.
    drawn = [render_unseen_coin(41, number) for number in range(24)]
    placed = [crop_to_coin(coin) for coin in drawn]
    net = load_classifier(bundle.WEIGHTS_DIR / "vgg")[1]
    found = reading._align_crops(
        net.module_.eval(),
        np.stack([crop for crop, _ in placed]),
        [str(coin.ruler) for coin in drawn],
        net.preparation,
    )
    away = [
        abs(normalize_degrees(pose.turn_deg - true.turn_deg))
        for (pose, _), (_, true) in zip(found, placed, strict=True)
    ]
    assert sum(turn > 25 for turn in away) <= 3


def test_only_sure_letters_of_a_legend_that_fits_are_believed():
    def believed(score):
        letters = AlignedLetters(
            keys=np.arange(4),
            places=np.zeros((4, 4), np.float32),
            confidence=np.array([0.3, 0.5, 0.7, 0.95], np.float32),
            in_name=np.ones(4, bool),
            score=score,
        )
        return reading._believed(letters).confidence

    assert believed(4 * 0.8) == pytest.approx([0, 0, 0.5, 1], abs=1e-6)
    assert not believed(0.0).any()


def test_doubtful_letters_are_neither_taught_nor_taken_for_empty():
    pose = reading._pose_of((0.5, 0.5, 1 / 2.44, 0.0))
    row = [5.0, 0.5, 0.5, 0.12, 0.15, 0.9, 1.0]
    packed = torch.full((reading._MOST_LETTERS, 7), -1.0)
    packed[0] = torch.tensor(row)
    settings = reading.Preprocessing(framed=True)
    targets, weights = reading.letter_targets(packed, pose, settings)
    assert targets[8, 8] == 5
    assert weights[8, 8] > 0.9
    assert targets[0, 0] == NONE
    empty = weights[0, 0]
    packed[0, 5] = 0.2
    targets, weights = reading.letter_targets(packed, pose, settings)
    assert weights[8, 8] == 0
    assert 0 < weights[0, 0] < empty / 2
