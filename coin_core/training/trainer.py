"""Train a net epoch by epoch, so that it can be killed between any two."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from skorch.callbacks import Callback
from torch import Tensor, nn
from tqdm import tqdm

from coin_core.classifiers.torch_classifier import (
    NetClassifier,
    best_device,
    learning_numbers,
)
from coin_core.evaluation.metrics import evaluate
from coin_core.model_store.bundle import save_bundle, to_half
from coin_core.model_store.card import Card
from coin_core.training.checkpoint import (
    load_tensors,
    restore_training,
    save_tensors,
    save_training,
)
from coin_core.training.config import Recipe
from coin_core.training.environment import describe_machine
from coin_core.training.initialization import Start, start_net


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


Batch = TypeVar("Batch")


def fit_small_net(
    net: nn.Module,
    draw_epoch: Callable[[int], Iterator[Batch]],
    loss_of: Callable[[Callable[[Tensor], Any], Batch], Tensor],
    *,
    work: Path,
    name: str,
    epochs: int,
    steps: int,
    rate: float,
) -> float:
    """Train in place with AdamW and one warm-up and cosine over all steps.

    Args:
        net: The net; taken up from the checkpoint in `work` where there is one.
        draw_epoch: The batches of an epoch by its number, the same every time.
        loss_of: Loss of one batch, given what answers as the net does.
        work: Folder of the checkpoint, written after every epoch.
        name: Shown beside the progress bar.
        epochs: How often `draw_epoch` is called.
        steps: Batches of an epoch.
        rate: Highest learning rate.

    Returns:
        Seconds spent, those before an interruption included.
    """
    device = best_device()
    net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.01)
    checkpoint = work / "training.safetensors"
    first, spent = _restore(checkpoint, net, optimizer)
    seeing = _quick(net, device)
    for epoch in range(first, epochs):
        started = time.monotonic()
        net.train()
        torch.manual_seed(epoch)  # dropout
        bar = tqdm(draw_epoch(epoch), total=steps, desc=f"{name} {epoch + 1}/{epochs}")
        mean = 0.0
        for step, batch in enumerate(bar):
            for group in optimizer.param_groups:
                group["lr"] = rate * _share(epoch * steps + step, epochs * steps)
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(seeing, batch)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimizer.step()
            mean += (float(loss.detach()) - mean) / (step + 1)
            bar.set_postfix(loss=f"{mean:.4f}")
        spent += time.monotonic() - started
        _save(checkpoint, net, optimizer, {"epochs": epoch + 1, "seconds": spent})
    net.eval().to("cpu")
    return spent


def _quick(net: nn.Module, device: str) -> Callable[[Tensor], Any]:
    """The net as this machine learns fastest; its answers come to the CPU."""

    def see(photos: Tensor) -> Any:
        with learning_numbers(device):
            out = net(photos.to(device))
        if isinstance(out, tuple):
            return tuple(part.float().cpu() for part in out)
        return out.float().cpu()

    return see


def save_small_net(
    out: Path, net: nn.Module, card: Card, work: Path, *, seconds: float
) -> None:
    """Write a trained net as a bundle and remove its checkpoint.

    Args:
        out: Folder of the bundle.
        net: The net; it is saved in half precision.
        card: What is particular to it; the same for all of them is added.
        work: Folder of the checkpoint.
        seconds: That the training took.
    """
    common: dict[str, Any] = {
        "seconds": round(seconds),
        "command": f"python -m coin_core train {card.name} --data rendered",
        "machine": describe_machine(),
    }
    card = replace(card, training={**card.training, **common}, licence="MIT")
    save_bundle(out, card, tensors=to_half(net.state_dict()))
    forget_training(work)


def forget_training(work: Path) -> None:
    """Remove the checkpoint of a training that has come to its end."""
    shutil.rmtree(work, ignore_errors=True)


def _share(step: int, steps: int) -> float:
    warm = max(1, steps // 12)
    if step < warm:
        return (step + 1) / warm
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))


def _save(
    path: Path,
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    notes: dict[str, float],
) -> None:
    tensors = {f"net.{name}": value for name, value in net.state_dict().items()}
    for number, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            tensors[f"optimizer.{number}.{key}"] = torch.as_tensor(value)
    save_tensors(path, tensors, notes)


def _restore(
    path: Path, net: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[int, float]:
    tensors, notes = load_tensors(path)
    if not notes:
        return 0, 0.0
    states: dict[int, dict[str, Tensor]] = {}
    weights: dict[str, Tensor] = {}
    for name, value in tensors.items():
        kind, rest = name.split(".", 1)
        if kind == "net":
            weights[rest] = value
        else:
            number, key = rest.split(".", 1)
            states.setdefault(int(number), {})[key] = value
    net.load_state_dict(weights)
    optimizer.load_state_dict({**optimizer.state_dict(), "state": states})
    return int(notes["epochs"]), float(notes["seconds"])
