"""The same seed gives the same figures to the last digit, whoever is trained."""

from dataclasses import replace

import numpy as np
import pytest

from coin_core.classifiers import get_classifier, list_classifiers, torch_classifier
from coin_core.rulers import DEFAULT_CLASSES
from coin_core.training.config import TrainingConfig
from coin_core.training.cross_validation import fit_classifier
from coin_core.training.initialization import Start
from coin_core.training.runs import Run, start_run

OTHERS = ("anchor", "lily", "star")


def draw(name, classes):
    rng = np.random.default_rng(3)
    y = np.array([classes[i % 3] for i in range(18)])
    if get_classifier(name).inputs == "features":
        return rng.normal(size=(18, 60)).astype(np.float32), y, np.arange(18)
    crops = rng.integers(0, 255, (18, 64, 64, 3), dtype=np.uint8)
    return crops, y, np.arange(18)


def train(name, classes, config=None, epochs=1, run=None):
    return fit_classifier(
        name,
        *draw(name, classes),
        classes=classes,
        folds=2,
        epochs=epochs,
        seed=11,
        size_px=64,
        start=Start(init="scratch"),
        config=config,
        run=run or start_run({"classifier": name}),
    )


def same(one, other):
    np.testing.assert_array_equal(one.probabilities, other.probabilities)
    assert one.report == other.report
    assert one.calibration == other.calibration
    assert one.threshold == other.threshold


_SLOW = ("alexnet", "resnet")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(spec.name, marks=[pytest.mark.slow] * (spec.name in _SLOW))
        for spec in list_classifiers()
    ],
)
def test_a_run_repeated_with_the_same_seed_gives_the_same_figures(name):
    same(train(name, OTHERS), train(name, OTHERS))


@pytest.mark.slow
@pytest.mark.parametrize("classes", [DEFAULT_CLASSES, (*DEFAULT_CLASSES[:2], "lily")])
def test_readers_of_legends_repeat_themselves_too(classes):
    same(train("vgg", classes), train("vgg", classes))


class Killed(BaseException):
    """Stands for the signal: nothing in the program catches it."""


@pytest.mark.slow
@pytest.mark.parametrize("classes", [OTHERS, (*DEFAULT_CLASSES[:2], "lily")])
def test_a_killed_photo_net_ends_as_it_would_have(classes, monkeypatch):
    whole = train("vgg", classes, epochs=2)
    log, count = Run.log, 0

    def log_and_die(self, row):
        nonlocal count
        log(self, row)
        count += 1
        if count in (1, 4):
            raise Killed

    monkeypatch.setattr(Run, "log", log_and_die)
    run = start_run({"classifier": "vgg"})
    for _ in range(2):
        with pytest.raises(Killed):
            train("vgg", classes, epochs=2, run=run)
    same(train("vgg", classes, epochs=2, run=run), whole)


def test_frozen_and_turned_too():
    config = TrainingConfig(frozen=True, rotations=1, momentum=0.9)
    same(train("resnet", OTHERS, config), train("resnet", OTHERS, config))


@pytest.mark.parametrize("classes", [OTHERS, DEFAULT_CLASSES])
def test_learning_in_bfloat16_repeats_itself_and_tells_in_float32(classes, monkeypatch):
    # Few and small inputs: most processors only emulate bfloat16.
    crops, y = (part[:9] for part in draw("vgg", classes)[:2])

    def learn(precision):
        monkeypatch.setattr(
            torch_classifier, "training_precision", lambda device: precision
        )
        net = get_classifier("vgg").build(classes, seed=1)
        small = replace(net.preparation, size_px=32)
        net.set_params(max_epochs=2, preprocessing=small)
        net.fit(crops, y)
        return net, net.history[-1]["train_loss"]

    (quick, loss), (again, _), (slow, slow_loss) = map(
        learn, ("bfloat16", "bfloat16", "float32")
    )
    told = quick.predict_proba(crops)
    np.testing.assert_array_equal(told, again.predict_proba(crops))
    assert {value.dtype for value in quick.tensors().values()} == {
        value.dtype for value in slow.tensors().values()
    }
    assert loss != slow_loss, "it was learnt in fewer digits"
    assert loss == pytest.approx(slow_loss, rel=0.2)
    monkeypatch.setattr(
        torch_classifier, "training_precision", lambda device: "float32"
    )
    np.testing.assert_array_equal(told, quick.predict_proba(crops))
