"""Other libraries get the history too, where they are; they never end a training."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from coin_core.errors import TrainingStoppedError
from coin_core.training import task
from coin_core.training.cross_validation import fit_classifier
from coin_core.training.initialization import Start
from coin_core.training.runs import start_run


def train(run, epochs=2):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(24, 16)).astype(np.float32), np.array(list("ab" * 12))
    settings = {"folds": 2, "epochs": epochs, "start": Start(init="scratch")}
    return fit_classifier(
        "mlp", X, y, np.arange(24), classes=("a", "b"), run=run, **settings
    )


@pytest.fixture
def mlflow(monkeypatch):
    """MLflow's client as far as it is used, kept in memory."""
    runs = {}

    class Client:
        def get_experiment_by_name(self, name):
            return SimpleNamespace(experiment_id="1") if runs else None

        def create_experiment(self, name):
            return "1"

        def create_run(self, experiment, run_name):
            run_id = f"r{len(runs)}"
            runs[run_id] = {"name": run_name, "status": "RUNNING", "metrics": []}
            return SimpleNamespace(info=SimpleNamespace(run_id=run_id))

        def log_param(self, run_id, key, value):
            runs[run_id].setdefault("params", {})[key] = value

        def log_metric(self, run_id, key, value, step):
            runs[run_id]["metrics"].append((key, step))

        def update_run(self, run_id, status):
            runs[run_id]["status"] = status

        def set_terminated(self, run_id, status):
            runs[run_id]["status"] = status

    module = ModuleType("mlflow")
    module.MlflowClient, module.set_tracking_uri = Client, lambda uri: None
    monkeypatch.setitem(sys.modules, "mlflow", module)
    monkeypatch.setenv("COIN_MLFLOW", "1")
    return runs


def test_mlflow_gets_every_epoch_and_is_told_the_end(mlflow):
    run = start_run({"classifier": "mlp", "seed": 0})
    train(run)
    (kept,) = mlflow.values()
    assert kept["name"] == run.run_id
    assert kept["params"]["classifier"] == "mlp"
    assert kept["status"] == "FINISHED"
    assert {("valid_loss.fold-0", 1), ("valid_loss.fold-1", 2)} <= {*kept["metrics"]}


def test_a_stopped_training_goes_on_in_the_same_mlflow_run(mlflow, monkeypatch):
    run = start_run({"classifier": "mlp", "seed": 0})
    with monkeypatch.context() as patched:
        patched.setattr(task, "stop_requested", lambda: True)
        with pytest.raises(TrainingStoppedError):
            train(run)
    assert [kept["status"] for kept in mlflow.values()] == ["KILLED"]
    train(run)
    assert [kept["status"] for kept in mlflow.values()] == ["FINISHED"]


def test_tensorboard_gets_scalars_and_is_closed(monkeypatch):
    told = []

    class Writer:
        def __init__(self, folder):
            told.append(folder)

        def __getattr__(self, name):
            return lambda *args: told.append((name, *args))

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    monkeypatch.setenv("COIN_TENSORBOARD", "1")
    run = start_run({"classifier": "mlp"})
    train(run)
    assert told[0] == str(run.folder / "tensorboard")
    scalars = {(call[1], call[3]) for call in told if call[0] == "add_scalar"}
    assert {("train_loss/fold-0", 1), ("train_loss/fold-final", 1)} <= scalars
    assert told[-1] == ("close",)


def test_a_library_that_is_missing_or_fails_is_named_and_left_alone(
    mlflow, monkeypatch, caplog
):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    monkeypatch.setenv("COIN_TENSORBOARD", "1")

    def fail(*_, **__):
        raise RuntimeError("the server is gone")

    monkeypatch.setattr(sys.modules["mlflow"].MlflowClient, "log_metric", fail)
    assert train(start_run({"classifier": "mlp"})).report.n == 24
    assert "TensorBoard is not installed" in caplog.text
    assert caplog.text.count("the server is gone") == 1
