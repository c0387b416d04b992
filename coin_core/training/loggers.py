"""The history of a run in TensorBoard and MLflow, where installed.

Training does not need this: `COIN_TENSORBOARD=1` or `COIN_MLFLOW=1` turns it on. A
library that is missing or fails is named once in the log and then ignored.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from coin_core.storage import data_dir, write_file

logger = logging.getLogger(__name__)

_VARIABLES = {"COIN_TENSORBOARD": "TensorBoard", "COIN_MLFLOW": "MLflow"}


class _Log(Protocol):
    """The record of a run in one library."""

    def add(self, fold: str, values: Mapping[str, float], epoch: int) -> None:
        """Note values by name."""

    def end(self, *, whole: bool) -> None:
        """Close the record; `whole` says whether the training was completed."""


class ExtraLog:
    """A run's history in every library that is turned on; no error ends a training."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        self._logs: list[_Log] = []
        for variable, library in _VARIABLES.items():
            if os.environ.get(variable, "") in ("", "0"):
                continue
            open_log = _TensorBoard if library == "TensorBoard" else _MLflow
            try:
                self._logs.append(open_log(folder, config))
            except ImportError:
                logger.warning("%s is not installed; nothing is logged there.", library)
            except Exception as error:  # noqa: BLE001 - a training must not end by it
                logger.warning("%s cannot be written: %s", library, error)

    def add(self, fold: str, values: Mapping[str, float], epoch: int) -> None:
        """Note values by name."""
        self._each(lambda log: log.add(fold, values, epoch))

    def end(self, *, whole: bool) -> None:
        """Close the records."""
        self._each(lambda log: log.end(whole=whole))

    def _each(self, act: Callable[[_Log], None]) -> None:
        for log in list(self._logs):
            try:
                act(log)
            except Exception as error:  # noqa: BLE001 - a training must not end by it
                self._logs.remove(log)
                logger.warning("This log is ignored from now on: %s", error)


class _TensorBoard:
    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder / "tensorboard"))
        settings = "\n\n".join(f"{name}: {value}" for name, value in config.items())
        self._writer.add_text("settings", settings)

    def add(self, fold: str, values: Mapping[str, float], epoch: int) -> None:
        for name, value in values.items():
            self._writer.add_scalar(f"{name}/{fold}", value, epoch)
        self._writer.flush()

    def end(self, *, whole: bool) -> None:
        self._writer.close()


class _MLflow:
    """One run of MLflow for each run, however often that is resumed."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        mlflow: Any = import_module("mlflow")
        if "MLFLOW_TRACKING_URI" not in os.environ:
            mlflow.set_tracking_uri(f"sqlite:///{(data_dir() / 'mlflow.db').resolve()}")
        self._client = mlflow.MlflowClient()
        name = "hasmonean-coins"
        found = self._client.get_experiment_by_name(name)
        experiment = (
            found.experiment_id if found else self._client.create_experiment(name)
        )
        kept = folder / "mlflow.txt"
        if kept.exists():
            self._run_id = kept.read_text("utf-8").strip()
            self._client.update_run(self._run_id, status="RUNNING")
            return
        run = self._client.create_run(experiment, run_name=folder.name)
        self._run_id = str(run.info.run_id)
        for key, value in config.items():
            self._client.log_param(self._run_id, key, str(value)[:250])
        write_file(kept, self._run_id.encode())

    def add(self, fold: str, values: Mapping[str, float], epoch: int) -> None:
        for metric, value in values.items():
            self._client.log_metric(self._run_id, f"{metric}.{fold}", value, step=epoch)

    def end(self, *, whole: bool) -> None:
        self._client.set_terminated(self._run_id, "FINISHED" if whole else "KILLED")
