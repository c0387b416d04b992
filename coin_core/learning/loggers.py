"""The history of a run in the formats of TensorBoard and MLflow, where installed.

Nothing here is needed to train: `COIN_TENSORBOARD=1` or `COIN_MLFLOW=1` asks for it,
and a library that is missing or fails is named once and then left alone.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from coin_core.models import data_dir

logger = logging.getLogger(__name__)

Log = Callable[[str, Mapping[str, float], int], None]
_ASKED = {"COIN_TENSORBOARD": "TensorBoard", "COIN_MLFLOW": "MLflow"}


def extra_log(folder: Path, config: Mapping[str, Any]) -> Log | None:
    """A function (fold, values by name, epoch) that logs elsewhere too, if asked for.

    Args:
        folder: The run's folder; TensorBoard's files go into `tensorboard` inside.
        config: The run's settings, noted with it.
    """
    logs: list[Log] = []
    for variable, library in _ASKED.items():
        if os.environ.get(variable, "") in ("", "0"):
            continue
        open_log = _open_tensorboard if library == "TensorBoard" else _open_mlflow
        try:
            logs.append(open_log(folder, config))
        except ImportError:
            logger.warning("%s is not installed; nothing is logged there.", library)
        except Exception as error:  # noqa: BLE001 - a training must not end by it
            logger.warning("%s cannot be written: %s", library, error)
    if not logs:
        return None

    def log(fold: str, values: Mapping[str, float], epoch: int) -> None:
        for one in list(logs):
            try:
                one(fold, values, epoch)
            except Exception as error:  # noqa: BLE001 - a training must not end by it
                logs.remove(one)
                logger.warning("The extra log is left alone from now on: %s", error)

    return log


def _open_tensorboard(folder: Path, config: Mapping[str, Any]) -> Log:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder / "tensorboard"))
    writer.add_text("settings", "\n\n".join(f"{k}: {v}" for k, v in config.items()))

    def log(fold: str, values: Mapping[str, float], epoch: int) -> None:
        for name, value in values.items():
            writer.add_scalar(f"{name}/{fold}", value, epoch)
        writer.flush()

    return log


def _open_mlflow(folder: Path, config: Mapping[str, Any]) -> Log:
    mlflow: Any = import_module("mlflow")

    if "MLFLOW_TRACKING_URI" not in os.environ:
        mlflow.set_tracking_uri(f"sqlite:///{(data_dir() / 'mlflow.db').resolve()}")
    client = mlflow.MlflowClient()
    name = "hasmonean-coins"
    found = client.get_experiment_by_name(name)
    experiment = found.experiment_id if found else client.create_experiment(name)
    run = client.create_run(experiment, run_name=folder.name)
    for key, value in config.items():
        client.log_param(run.info.run_id, key, str(value)[:250])

    def log(fold: str, values: Mapping[str, float], epoch: int) -> None:
        for metric, value in values.items():
            client.log_metric(run.info.run_id, f"{metric}.{fold}", value, step=epoch)

    return log
