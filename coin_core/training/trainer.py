"""The training loop of every net: steps, schedule, checkpoints, best epoch, stop."""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from coin_core.classifiers.torch_classifier import best_device, training_autocast
from coin_core.errors import TrainingDataError
from coin_core.jobs import Progress
from coin_core.storage import dump_json
from coin_core.training.checkpoint import (
    load_checkpoint,
    load_tensors,
    save_checkpoint,
    save_tensors,
)

logger = logging.getLogger(__name__)
Batch = TypeVar("Batch")


def warmup_cosine(
    step: float,
    steps: float,
    *,
    warmup: float,
    start: float,
    end: float,
    fall_from: float | None = None,
) -> float:
    """The learning rate as a fraction of its peak: a linear rise, then half a cosine.

    Loshchilov and Hutter, "SGDR", ICLR 2017.

    Args:
        step: Steps done.
        steps: Steps of the whole training.
        warmup: Steps of the rise.
        start: Fraction at step 0.
        end: Fraction at the last step.
        fall_from: Step at which the cosine begins; the end of the rise if None.
    """
    if step < warmup:
        return start + (1 - start) * step / warmup
    begin = warmup if fall_from is None else fall_from
    # A training of one step has no fall.
    phase = min(1.0, max(0.0, (step - begin) / max(1.0, steps - begin)))
    return end + (1 - end) * (1 + math.cos(math.pi * phase)) / 2


class _StopRequestedError(Exception):
    """Ends an epoch between two batches."""


@dataclass(slots=True, kw_only=True, eq=False)
class Trainer(Generic[Batch]):
    """A net in training.

    Attributes:
        net: The net; trained in place.
        optimizer: Its optimizer. A group of parameters may have a "factor" by which
            its learning rate differs.
        compute_loss: The loss of a batch, and the number of samples in it.
        learning_rate: The rate for a batch, by the epoch and its number in the epoch.
        checkpoint: File that is written after each epoch.
        report: Called after each epoch with "epoch" from 1, "rate", "train_loss",
            "seconds" and the figures of `validate`.
        validate: Figures on validation samples. A "valid_loss" chooses the best epoch;
            its weights are kept beside the checkpoint, as "best".
        patience: Epochs without a better "valid_loss" after which training ends.
        max_norm: Gradients are clipped to this norm; None for no clipping.
        notes: State besides the tensors: "epoch", "best_epoch", "best_loss", "seconds",
            and "last", the last report.
    """

    net: nn.Module
    optimizer: torch.optim.Optimizer
    compute_loss: Callable[[Batch], tuple[Tensor, int]]
    learning_rate: Callable[[int, int], float]
    checkpoint: Path
    report: Callable[[dict[str, Any]], None] = lambda row: None
    validate: Callable[[], dict[str, float]] | None = None
    patience: int | None = None
    max_norm: float | None = 5.0
    notes: dict[str, Any] = field(default_factory=dict)
    _losses: list[tuple[Tensor, int]] = field(default_factory=list)
    _rate: float = 0.0

    def __post_init__(self) -> None:
        self.restore()

    @property
    def epoch(self) -> int:
        """Epochs that are over."""
        return int(self.notes["epoch"])

    @property
    def best(self) -> Path:
        """The weights of the best epoch so far."""
        return self.checkpoint.with_name("best.safetensors")

    def restore(self) -> None:
        """Return to the last checkpoint; without one, only forget the open epoch."""
        first = {"epoch": 0, "best_epoch": 0, "best_loss": None, "seconds": 0.0}
        self.notes = first | load_checkpoint(self.checkpoint, self.net, self.optimizer)
        self._losses.clear()

    def is_over(self) -> bool:
        """Whether the last epochs brought nothing better."""
        waited = self.epoch - int(self.notes["best_epoch"])
        return self.patience is not None and waited >= self.patience

    def step(self, batch: Batch) -> None:
        """Take one optimizer step."""
        self._rate = self.learning_rate(self.epoch, len(self._losses))
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate * group.get("factor", 1.0)
        self.optimizer.zero_grad(set_to_none=True)
        loss, samples = self.compute_loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.max_norm is not None:
            nn.utils.clip_grad_norm_(self.net.parameters(), self.max_norm)
        self.optimizer.step()
        self._losses.append((loss.detach(), samples))

    def end_epoch(self, seconds: float) -> None:
        """Validate, keep the best epoch, write the checkpoint, report.

        Raises:
            TrainingDataError: The loss is no number.
        """
        started = time.monotonic()
        losses, samples = zip(*self._losses, strict=True)
        weights = torch.tensor(samples, dtype=torch.float64)
        mean = torch.stack(losses).cpu().double() @ weights / weights.sum()
        self._losses.clear()
        if not math.isfinite(mean):
            raise TrainingDataError(
                "The training diverged: its loss is no number any more. Start again "
                "from other weights (--init), or check the photos."
            )
        self.notes["epoch"] = self.epoch + 1
        row = {"epoch": self.epoch, "rate": self._rate, "train_loss": float(mean)}
        if self.validate is not None:
            row |= self.validate()
        lowest = self.notes["best_loss"]
        if "valid_loss" in row and (lowest is None or row["valid_loss"] < lowest):
            self.notes |= {"best_loss": row["valid_loss"], "best_epoch": self.epoch}
            save_tensors(self.best, self.net.state_dict(), {"epoch": self.epoch})
        self.notes["seconds"] += seconds + time.monotonic() - started
        row["seconds"] = round(self.notes["seconds"], 1)
        self.notes["last"] = row
        save_checkpoint(self.checkpoint, self.net, self.optimizer, self.notes)
        self.report(row)

    def finish(self) -> None:
        """Take the weights of the best epoch, if any, and leave training mode."""
        tensors, _ = load_tensors(self.best)
        if tensors:
            self.net.load_state_dict(tensors)
        self.net.eval()


def fit(
    trainers: Sequence[Trainer[Batch]],
    draw_epoch: Callable[[int], Iterable[Batch]],
    *,
    epochs: int,
    seed: int = 0,
    stop_requested: Callable[[], bool] = lambda: False,
) -> bool:
    """Train nets side by side on the same batches, from their checkpoints if any.

    A net that is further than the others waits for them. Each epoch begins with a
    random state of its own, so that a training that was killed between two epochs ends
    as it would have.

    Args:
        trainers: The nets.
        draw_epoch: The batches of an epoch by its number, the same every time.
        epochs: The number of epochs.
        seed: torch's seed of the first epoch; the following epochs count up from it.
        stop_requested: Whether to leave the open epoch and end; asked at each batch.

    Returns:
        Whether the training was stopped.
    """
    stopped = False
    with torch.random.fork_rng(devices=[]):
        for epoch in range(min(trainer.epoch for trainer in trainers), epochs):
            active = [t for t in trainers if t.epoch == epoch and not t.is_over()]
            if not active:
                break
            started = time.monotonic()
            for trainer in active:
                trainer.net.train()
            torch.manual_seed(seed + epoch)
            try:
                for batch in draw_epoch(epoch):
                    for trainer in active:
                        trainer.step(batch)
                    if stop_requested():
                        raise _StopRequestedError
            except _StopRequestedError:
                stopped = True
                for trainer in active:
                    trainer.restore()
                break
            seconds = time.monotonic() - started
            for trainer in active:
                trainer.end_epoch(seconds)
    for trainer in trainers:
        trainer.finish()
    return stopped


def fit_small_net(
    net: nn.Module,
    draw_epoch: Callable[[int], Iterable[Batch]],
    compute_loss: Callable[[Callable[[Tensor], Any], Batch], Tensor],
    *,
    folder: Path,
    name: str,
    settings: Mapping[str, Any],
    epochs: int,
    steps: int,
    peak_rate: float,
    least_rate: float = 0.01,
    decay: float | None = None,
) -> float:
    """Train a net in place with AdamW, one warm-up and one cosine over all steps.

    Args:
        net: The net; it continues from the checkpoint in `folder` if there is one of a
            training with the same settings.
        draw_epoch: The batches of an epoch by its number, the same every time.
        compute_loss: The loss of a batch, given a function that runs the net.
        folder: Folder of the checkpoint, written after every epoch.
        name: Shown beside the progress bar.
        settings: What the net depends on, besides the epochs, steps and rates.
        epochs: The number of epochs.
        steps: Batches of an epoch.
        peak_rate: Highest learning rate.
        least_rate: The last one, as a fraction of it.
        decay: Of the moving average of the weights over the steps, which the net has in
            the end; None for the weights of the last step.

    Returns:
        Seconds spent, including those before an interruption.
    """
    device = best_device()
    net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    warmup = max(1, epochs * steps // 12)
    numbers = (epochs, steps, peak_rate, least_rate, decay)
    told = dump_json([dict(settings), *numbers])
    digest = hashlib.sha256(told.encode()).hexdigest()[:12]

    def forward(inputs: Tensor) -> Any:
        with training_autocast(device):
            out = net(inputs.to(device))
        if isinstance(out, tuple):
            return tuple(part.float().cpu() for part in out)
        return out.float().cpu()

    def learning_rate(epoch: int, step: int) -> float:
        done = epoch * steps + step
        return peak_rate * warmup_cosine(
            done,
            epochs * steps,
            warmup=warmup - 1,
            start=1 / warmup,
            end=least_rate,
            fall_from=warmup,
        )

    optimizer = torch.optim.AdamW(net.parameters(), lr=peak_rate, weight_decay=0.01)
    kept, average = net, None
    if decay is not None:
        mean = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        average = AveragedModel(net, multi_avg_fn=mean, use_buffers=True)
        optimizer.register_step_post_hook(lambda *_: average.update_parameters(net))
        kept = nn.ModuleList([net, average])  # one checkpoint has both
    trainer: Trainer[Batch] = Trainer(
        net=kept,
        optimizer=optimizer,
        compute_loss=lambda batch: (compute_loss(forward, batch), 1),
        learning_rate=learning_rate,
        checkpoint=folder / f"training-{digest}.safetensors",
        report=lambda row: logger.info("%s: %s", name, row),
    )

    done = trainer.epoch * steps
    bar = Progress(f"training the net {name}", epochs * steps, done=done, unit="step")

    def batches(epoch: int) -> Iterator[Batch]:
        bar.describe(f"training the net {name}, epoch {epoch + 1} of {epochs}")
        for batch in draw_epoch(epoch):
            yield batch
            bar.update()

    with bar:
        fit([trainer], batches, epochs=epochs)
    if average is not None:
        net.load_state_dict(average.module.state_dict())
    net.to("cpu")
    return float(trainer.notes["seconds"])
