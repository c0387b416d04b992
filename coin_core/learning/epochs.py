"""Train a net epoch by epoch, so that it can be killed between any two."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skorch.callbacks import Callback

from coin_core.classifiers.torch_classifier import NetClassifier
from coin_core.evaluation.metrics import evaluate
from coin_core.learning.checkpoints import (
    load_tensors,
    restore_training,
    save_tensors,
    save_training,
)
from coin_core.learning.recipes import Recipe
from coin_core.learning.starting import Start, start_net


class _StopAskedError(Exception):
    """Ends an epoch in the middle."""


class _StopWatch(Callback):
    """Looks after each batch whether the training is to stop."""

    def __init__(self, asked: Callable[[], bool]) -> None:
        self.asked = asked

    def on_batch_end(self, net: Any, **kwargs: Any) -> None:
        """Leave the epoch when somebody asked for it."""
        if self.asked():
            raise _StopAskedError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NetTraining:
    """How one net is trained.

    Attributes:
        name: The classifier.
        start: Where it starts.
        epochs: At most this many.
        folder: Where checkpoints lie.
        fold: What the history calls this training.
        run_log: Takes one row per epoch.
        bar: A progress bar that counts epochs.
        recipe: What differs from the usual way.
        stop_asked: Whether to stop and keep the best so far.
    """

    name: str
    start: Start
    epochs: int
    folder: Path
    fold: int | str
    run_log: Callable[[dict[str, Any]], None]
    bar: Any
    recipe: Recipe = field(default_factory=Recipe)
    stop_asked: Callable[[], bool] = lambda: False

    def run(
        self,
        net: NetClassifier,
        X: NDArray[Any],
        y: NDArray[Any],
        learn: NDArray[np.int64],
        valid: NDArray[np.int64],
    ) -> dict[str, Any]:
        """Train on the rows `learn` and go on from a checkpoint if there is one.

        The net ends as its best epoch on the rows `valid`, or as its last epoch when
        there are none.

        Returns:
            "epochs", the number of the epoch that was kept, 0 when it was stopped
            before the first was over; "seconds"; and "stopped".
        """
        net.begin(X[learn])
        start_net(net, self.name, self.start, fresh_head=self.recipe.fresh_head)
        self.recipe.freeze(net)
        net.callbacks_.append(("stop", _StopWatch(self.stop_asked)))
        notes = restore_training(self._file("latest"), net) or {
            "epoch": 0,
            "best_epoch": 0,
            "best_loss": None,
            "seconds": 0.0,
        }
        self.bar.update(int(notes["epoch"]))
        stopped = False
        patience = self.recipe.patience
        while notes["epoch"] < self.epochs:
            if len(valid) and notes["epoch"] - notes["best_epoch"] >= patience:
                break
            started = time.monotonic()
            try:
                row = self._train_epoch(net, X[learn], y[learn], int(notes["epoch"]))
            except _StopAskedError:
                stopped = True
                restore_training(self._file("latest"), net)
                break
            notes["epoch"] = row["epoch"]
            if len(valid):
                row |= self._validate(net, X[valid], y[valid], notes)
            notes["seconds"] = float(notes["seconds"]) + time.monotonic() - started
            save_training(self._file("latest"), net, notes)
            self.run_log(row | {"seconds": round(notes["seconds"], 1)})
            self.bar.update(1)
            self.bar.set_postfix(
                {key: f"{row[key]:.3f}" for key in row if key.startswith("valid")}
            )
        best, _ = load_tensors(self._file("best"))
        if best:
            net.module_.load_state_dict(best)
        net.module_.eval()
        return {
            "epochs": notes["best_epoch"] or notes["epoch"],
            "seconds": notes["seconds"],
            "stopped": stopped,
        }

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.safetensors"

    def _train_epoch(
        self, net: NetClassifier, X: NDArray[Any], y: NDArray[Any], epoch: int
    ) -> dict[str, Any]:
        rate = rate_at(float(net.lr), epoch, self.epochs)
        for group in net.optimizer_.param_groups:
            group["lr"] = rate * group.get("factor", 1.0)
        net.epochs_before_ = epoch
        net.history.clear()
        net.fit_loop(X, y, epochs=1)
        return {
            "fold": self.fold,
            "epoch": epoch + 1,
            "rate": rate,
            "train_loss": float(net.history[-1]["train_loss"]),
        }

    def _validate(
        self,
        net: NetClassifier,
        X: NDArray[Any],
        y: NDArray[Any],
        notes: dict[str, Any],
    ) -> dict[str, float]:
        report = evaluate(self.name, y, net.predict_proba(X), tuple(net.classes))
        if notes["best_loss"] is None or report.log_loss < notes["best_loss"]:
            notes |= {"best_loss": report.log_loss, "best_epoch": notes["epoch"]}
            save_tensors(self._file("best"), net.tensors(), {"epoch": notes["epoch"]})
        return {
            "valid_loss": report.log_loss,
            "valid_accuracy": report.accuracy,
            "valid_n": report.n,
        }


def rate_at(peak: float, epoch: int, epochs: int) -> float:
    """The learning rate of an epoch: one to warm up, then a cosine down."""
    if epoch == 0 and epochs > 1:
        return peak * 0.3
    return peak * (0.02 + 0.98 * (1 + math.cos(math.pi * epoch / epochs)) / 2)
