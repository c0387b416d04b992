"""Fitting: learns, keeps coins apart, and survives being killed."""

import numpy as np
import pytest
from torch import nn

from coin_core.classifiers import register_classifier, registry
from coin_core.classifiers.torch_classifier import NetClassifier
from coin_core.errors import TrainingDataError, TrainingStoppedError
from coin_core.jobs import Progress
from coin_core.training import cross_validation, task
from coin_core.training.config import TrainingConfig
from coin_core.training.cross_validation import fit_classifier
from coin_core.training.initialization import freeze_backbone
from coin_core.training.runs import Run, RunState, list_runs, resume_run, start_run
from coin_core.training.task import add_rotations, set_optimizer, with_copies

CLASSES = ("b", "c", "a")


@pytest.fixture(autouse=True)
def _own_data(tmp_path, monkeypatch):
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def rows():
    rng = np.random.default_rng(5)
    groups = np.array([f"coin {i // 2}" for i in range(48)])
    # Two photos of one coin are of one class.
    y = np.array([CLASSES[i // 2 % 3] for i in range(48)])
    X = rng.normal(size=(48, 40)).astype(np.float32)
    for row, label in zip(X, y, strict=True):
        row[CLASSES.index(label) * 10 : CLASSES.index(label) * 10 + 10] += 1.5
    return X, y, groups


def run_for(name):
    return start_run({"classifier": name})


def fit(name, rows, run, **changes):
    settings = {"classes": CLASSES, "folds": 3, "epochs": 4, "seed": 1} | changes
    return fit_classifier(name, *rows, run=run, **settings)


@pytest.mark.parametrize("name", ["svm", "knn", "mlp"])
def test_feature_classifiers_learn_what_can_be_learnt(name, rows):
    run = run_for(name)
    fitted = fit(name, rows, run, epochs=12)
    assert fitted.report.accuracy > 0.7
    assert fitted.report.n == 48
    assert fitted.probabilities.shape == (48, 3)
    np.testing.assert_allclose(fitted.probabilities.sum(axis=1), 1, atol=1e-5)
    assert 0.05 <= fitted.calibration.temperature <= 20
    refused = (fitted.probabilities.max(axis=1) < fitted.threshold.value).mean()
    assert refused <= 0.05
    assert (fitted.classifier.predict(rows[0]) == rows[1]).mean() > 0.9
    assert {row["fold"] for row in run.rows()} >= {0, 1, 2}


class Blurry(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.layers = nn.Sequential(
            nn.AvgPool2d(16), nn.Flatten(), nn.Linear(48, classes)
        )

    def forward(self, x):
        return self.layers(x)


@pytest.fixture
def blurry(monkeypatch):
    """A photo net so small that an epoch takes no time, registered for one test."""
    monkeypatch.setattr(registry, "_specs", dict(registry._specs))

    @register_classifier(
        name="blurry", title="Blurry", short_title="Blurry", inputs="photo", order=99
    )
    def build(labels, *, seed):
        return NetClassifier(
            Blurry, module__classes=len(labels), classes=labels, seed=seed, lr=1e-2
        )


def test_a_photo_net_trains_on_crops(blurry):
    rng = np.random.default_rng(0)
    y = np.array([CLASSES[i % 3] for i in range(12)])
    X = rng.integers(0, 60, (12, 64, 64, 3), dtype=np.uint8)
    run = run_for("blurry")
    groups = np.arange(12)
    fitted = fit("blurry", (X, y, groups), run, folds=2, epochs=1, size_px=64)
    assert fitted.epochs == 1
    assert fitted.report.n == 12
    assert fitted.classifier.preparation.size_px == 64
    row = run.rows()[0]
    assert {"fold", "epoch", "rate", "train_loss", "valid_loss", "seconds"} <= set(row)


class Killed(BaseException):
    """Stands for the signal: nothing in the program catches it."""


def test_a_killed_fitting_goes_on_and_ends_as_it_would_have(rows, monkeypatch):
    whole = fit("mlp", rows, run_for("mlp"))
    config = {"classifier": "mlp", "seed": 1}
    log = Run.log
    for stop_after in (2, 3, 5):
        count = 0

        def log_and_die(self, row, stop_after=stop_after):
            nonlocal count
            log(self, row)
            count += 1
            if count == stop_after:
                raise Killed

        monkeypatch.setattr(Run, "log", log_and_die)
        with pytest.raises(Killed):
            fit("mlp", rows, resume_run(config))
    monkeypatch.setattr(Run, "log", log)
    run = resume_run(config)
    resumed = fit("mlp", rows, run)
    assert len(list_runs()) == 2
    np.testing.assert_array_equal(resumed.probabilities, whole.probabilities)
    assert resumed.calibration == whole.calibration
    assert resumed.report == whole.report
    np.testing.assert_array_equal(
        resumed.classifier.predict_proba(rows[0]),
        whole.classifier.predict_proba(rows[0]),
    )
    epochs = [(row["fold"], row["epoch"]) for row in run.rows()]
    assert len(epochs) == len(set(epochs))


@pytest.mark.parametrize("stop_after", [2, 6])
def test_a_stopped_fitting_keeps_its_best_and_can_go_on(rows, monkeypatch, stop_after):
    """Stopped in the first fold, and between the epochs of the second."""
    whole = fit("mlp", rows, run_for("mlp"))
    log, count = Run.log, 0

    def log_and_count(self, row):
        nonlocal count
        log(self, row)
        count += 1

    bars = []

    class NotedProgress(Progress):
        def __enter__(self):
            bars.append(self)
            return super().__enter__()

    monkeypatch.setattr(task, "Progress", NotedProgress)
    monkeypatch.setattr(Run, "log", log_and_count)
    monkeypatch.setattr(task, "stop_requested", lambda: count >= stop_after)
    config = {"classifier": "mlp", "seed": 1}
    run = resume_run(config)
    stopped = fit("mlp", rows, run)
    assert 0 < bars[-1].done < bars[-1].total, "it does not say that all is done"
    assert stopped.stopped
    assert 0 < stopped.report.n < 48
    assert stopped.report.n == (stopped.fold_of >= 0).sum()
    assert stopped.classifier.predict_proba(rows[0]).shape == (48, 3)
    run.finish({}, state=RunState.STOPPED)
    monkeypatch.setattr(Run, "log", log)
    monkeypatch.setattr(task, "stop_requested", lambda: False)
    again = resume_run(config)
    assert again.run_id == run.run_id
    resumed = fit("mlp", rows, again)
    assert not resumed.stopped
    np.testing.assert_array_equal(resumed.probabilities, whole.probabilities)
    looks = [look["fold"] for look in again.report()["tests"]]
    # The fold that was stopped had been measured; that stays on record.
    assert sorted(looks) == sorted([0, 1, 2, 0 if stop_after == 2 else 1])


def test_stopped_before_the_first_epoch_there_is_nothing_to_keep(rows, monkeypatch):
    run = run_for("mlp")
    monkeypatch.setattr(task, "stop_requested", lambda: True)
    with pytest.raises(TrainingStoppedError):
        fit("mlp", rows, run)


def test_a_config_changes_what_a_net_learns_from(blurry):
    crops = np.zeros((4, 32, 32, 3), np.uint8)
    y, learn = np.array(["a", "b", "a", "b"]), np.array([0, 1])
    X = add_rotations(crops, 5)
    labels, seen = with_copies(X, y, learn)
    assert len(seen) == 6 * len(learn)
    assert list(labels[seen]).count("a") == 6
    assert len(X) == len(labels) == 6 * 4
    net = NetClassifier(Blurry, module__classes=2, classes=("a", "b"), lr=1e-3)
    set_optimizer(net, TrainingConfig(momentum=0.9))
    net.begin(crops)
    assert net.optimizer_.param_groups[0]["momentum"] == 0.9
    with pytest.raises(TrainingDataError, match="trunk"):
        freeze_backbone(net.module_)
    assert TrainingConfig(rotations=0).inputs_are_fixed
    for wrong in ({"patience": 0}, {"rotations": 99}, {"momentum": 1.0}):
        with pytest.raises(TrainingDataError):
            TrainingConfig(**wrong)


def test_no_measured_coin_is_learnt_from(rows, monkeypatch):
    groups = rows[2]
    seen = []
    spied = cross_validation._run_fold

    def spy(task, fold, X, y, groups, learn, measure):
        seen.append((set(groups[learn]), set(groups[measure])))
        return spied(task, fold, X, y, groups, learn, measure)

    monkeypatch.setattr(cross_validation, "_run_fold", spy)
    fit("knn", rows, run_for("knn"))
    assert all(not learnt & measured for learnt, measured in seen)
    assert set.union(*(measured for _, measured in seen)) == set(groups)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda X, y, g: (X, np.array(["b"] * len(y)), g), "two classes"),
        (lambda X, y, g: (X[:4], y[:4], g[:4]), "at least 3 coins of each"),
        (lambda X, y, g: (X, y[:-1], g), "do not belong together"),
    ],
)
def test_data_that_cannot_be_learnt_from_is_refused(rows, change, said):
    with pytest.raises(TrainingDataError, match=said):
        fit("knn", change(*rows), run_for("knn"))
