"""A classifier on the split of a frozen version."""

import numpy as np
import pytest

from coin_core.errors import TrainingDataError, TrainingStoppedError
from coin_core.training import task
from coin_core.training.holdout import fit_on_split, how_measured
from coin_core.training.runs import start_run

CLASSES = ("b", "a")
SPLITS = np.array(["train"] * 24 + ["validation"] * 12 + ["test"] * 12)
Y = np.array([CLASSES[i % 2] for i in range(48)])


def features(y=Y):
    rng = np.random.default_rng(5)
    apart = (y == "a")[:, None] * 2
    return (rng.normal(size=(len(y), 30)) + apart).astype(np.float32)


@pytest.mark.parametrize("name", ["svm", "mlp"])
def test_the_test_coins_are_measured_and_no_others(name):
    run = start_run({"classifier": name})
    fitted = fit_on_split(
        name, features(), Y, SPLITS, classes=CLASSES, run=run, epochs=8
    )
    assert fitted.report.n == 12
    assert fitted.report.accuracy > 0.9
    assert (fitted.fold_of >= 0).tolist() == (SPLITS == "test").tolist()
    assert [look["coins"] for look in run.report()["tests"]] == [12]


def test_without_test_coins_the_validation_coins_are_measured():
    run = start_run({"classifier": "svm"})
    rows = SPLITS != "test"
    fitted = fit_on_split(
        "svm", features()[rows], Y[rows], SPLITS[rows], classes=CLASSES, run=run
    )
    assert fitted.report.n == 12
    assert how_measured(SPLITS[rows], 5).startswith("the version's validation split")
    assert how_measured(SPLITS, 5).startswith("12 photos of the version's test split")
    assert how_measured(None, 5) == "5-fold cross-validation by coin"


def test_a_split_with_one_class_is_refused():
    one = np.where(SPLITS == "validation", "a", Y)
    with pytest.raises(TrainingDataError, match="The validation split"):
        fit_on_split(
            "svm",
            features(one),
            one,
            SPLITS,
            classes=CLASSES,
            run=start_run({"classifier": "svm"}),
        )


@pytest.mark.parametrize("name", ["svm", "mlp"])
def test_stopped_before_anything_was_learned(name, monkeypatch):
    run = start_run({"classifier": name})
    monkeypatch.setattr(task, "stop_requested", lambda: True)
    with pytest.raises(TrainingStoppedError):
        fit_on_split(name, features(), Y, SPLITS, classes=CLASSES, run=run)
