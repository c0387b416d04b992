"""Teach readers on rendered coins: where each letter is, and whose coin it is.

Coins are struck as they are needed; which coin is seen when depends on the schedule
and the number of workers alone, so a run that was killed goes on with the coins that
it would have seen.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from coin_core.classifiers.backbones import build_reader
from coin_core.classifiers.legend_net import LegendNet
from coin_core.classifiers.torch_classifier import best_device, learning_numbers
from coin_core.rulers import DEFAULT_CLASSES
from coin_core.training.letter_targets import NONE
from coin_core.training.rendered_dataset import (
    SCHEDULE,
    Batch,
    RenderedBatches,
    Schedule,
    render_batch,
    rendered_in_background,
)

# seeds of the collections; no two of them share a coin
VALIDATION_SEED = 1_000_003
CALIBRATION_SEED = 1_000_033
TEST_SEED = 1_000_037


def reading_loss(
    reader: LegendNet, inputs: Tensor, batch: Batch, ruler_weight: float
) -> Tensor:
    """Cross-entropy of the letter map, weighted, and of the ruler."""
    with learning_numbers(inputs.device.type):
        out = reader.read(inputs)
    cells = functional.cross_entropy(
        out.letters.float(), batch.letters, reduction="none"
    )
    letters = (cells * batch.weights).sum() / batch.weights.sum()
    rulers = ruler_loss(out.classes.float(), batch.rulers, batch.legible)
    return letters + ruler_weight * rulers


def ruler_loss(logits: Tensor, rulers: Tensor, legible: Tensor) -> Tensor:
    """Cross-entropy of class logits (N, C), weighted by the legible share (N,)."""
    # a coin without a legible name says little of how to judge
    worth = 0.25 + 0.75 * legible
    each = functional.cross_entropy(logits, rulers, reduction="none")
    return (each * worth).sum() / worth.sum()


@lru_cache(maxsize=1)
def _unseen(coins: int) -> Batch:
    return render_batch(VALIDATION_SEED, 0, coins)


@torch.inference_mode()
def validate(reader: LegendNet, coins: int) -> dict[str, float]:
    """Letters and rulers right on unseen rendered coins."""
    reader.eval()
    device = next(reader.parameters()).device.type
    letters = rulers = legible = legible_right = cells = 0.0
    for parts in zip(*(torch.split(part, 50) for part in _unseen(coins)), strict=True):
        batch = Batch(*parts).to(device)
        out = reader.read(batch.inputs())
        real = (batch.letters != NONE) & (batch.weights >= 0.5)
        letters += float((out.letters[:, :-1].argmax(1) == batch.letters)[real].sum())
        cells += float(real.sum())
        right = out.classes.argmax(1) == batch.rulers
        rulers += float(right.sum())
        clear = batch.legible >= 0.5
        legible += float(clear.sum())
        legible_right += float(right[clear].sum())
    reader.train()
    return {
        "letters": letters / max(cells, 1),
        "rulers": rulers / coins,
        "rulers_legible": legible_right / max(legible, 1),
    }


def _taught(reader: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [(n, p) for n, p in reader.named_parameters() if p.requires_grad]


def _checkpoint(
    folder: Path, reader: nn.Module, optimizer: torch.optim.Optimizer, seen: int
) -> None:
    """Write net and optimizer to one file, then move it into place."""
    tensors = {f"net.{k}": v for k, v in reader.state_dict().items()}
    names = [name for name, _ in _taught(reader)]
    for number, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            tensors[f"adam.{names[number]}.{key}"] = torch.as_tensor(value)
    half_done = folder / "checkpoint.part"
    save_file(
        {k: v.detach().clone().contiguous() for k, v in tensors.items()},
        half_done,
        metadata={"seen": str(seen)},
    )
    half_done.replace(folder / "checkpoint.safetensors")


def _restore(folder: Path, reader: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    """Go on where a checkpoint ended; returns the coins seen, 0 without one."""
    path = folder / "checkpoint.safetensors"
    if not path.exists():
        return 0
    from safetensors import safe_open

    with safe_open(path, "pt") as opened:
        seen = int(opened.metadata()["seen"])
    tensors = load_file(path)
    reader.load_state_dict(
        {k[4:]: v for k, v in tensors.items() if k.startswith("net.")}
    )
    state: dict[int, dict[str, Tensor]] = {}
    for number, (name, parameter) in enumerate(_taught(reader)):
        start = f"adam.{name}."
        # the fused step wants its moments laid out in memory as the weights are
        state[number] = {
            k.removeprefix(start): (
                torch.empty_like(parameter).copy_(v) if v.ndim == 4 else v
            ).detach()
            for k, v in tensors.items()
            if k.startswith(start)
        }
    saved = optimizer.state_dict()
    saved["state"] = {k: v for k, v in state.items() if v}
    optimizer.load_state_dict(saved)
    return seen


def _forget_after(history: Path, seen: int) -> float:
    """Drop the lines of coins beyond the checkpoint; returns the seconds so far."""
    lines = history.read_text().splitlines() if history.exists() else []
    rows = [json.loads(line) for line in lines if line.endswith("}")]
    kept = [row for row in rows if row["seen"] <= seen]
    history.write_text("".join(json.dumps(row) + "\n" for row in kept))
    return float(kept[-1]["seconds"]) if kept else 0.0


@dataclass(slots=True, kw_only=True, eq=False)
class TrainState:
    """A reader that is being taught."""

    name: str
    folder: Path
    reader: LegendNet
    optimizer: torch.optim.Optimizer
    seen: int
    seconds_before: float
    losses: list[Tensor] = field(default_factory=list)
    last: dict[str, float] = field(default_factory=dict)

    @classmethod
    def enrol(
        cls, name: str, folder: Path, seed: int, schedule: Schedule, device: str
    ) -> "TrainState":
        """A new reader, or one as it was when its run was cut off."""
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(seed)
        # channels last and the fused step are a sixth faster on a CPU
        reader = build_reader(name, len(DEFAULT_CLASSES)).to(
            device,
            memory_format=torch.channels_last,  # type: ignore[call-overload]
        )
        # it judges by letters alone; the other way stays shut until fine-tuning
        reader.pooled.requires_grad_(False)
        optimizer = torch.optim.AdamW(
            [parameter for _, parameter in _taught(reader)],
            lr=1e-3,
            weight_decay=schedule.weight_decay,
            fused=True,
        )
        seen = _restore(folder, reader, optimizer)
        before = _forget_after(folder / "history.jsonl", seen)
        return cls(
            name=name,
            folder=folder,
            reader=reader.train(),
            optimizer=optimizer,
            seen=seen,
            seconds_before=before,
        )

    def learn(self, inputs: Tensor, batch: Batch, schedule: Schedule) -> None:
        """One step."""
        for group in self.optimizer.param_groups:
            group["lr"] = schedule.rate_at(self.seen)
        self.optimizer.zero_grad()
        loss = reading_loss(self.reader, inputs, batch, schedule.ruler_weight)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.reader.parameters(), 5.0)
        self.optimizer.step()
        self.losses.append(loss.detach())
        self.seen += len(inputs)

    def examine(self, schedule: Schedule, number: int, seconds: float) -> None:
        """Validate, and write down what came of it and the state to go on from."""
        self.last = validate(self.reader, schedule.validation_coins)
        row = {
            "epoch": number,
            "seen": self.seen,
            "loss": float(torch.stack(self.losses).mean()),
            "rate": schedule.rate_at(self.seen),
            "seconds": round(self.seconds_before + seconds, 1),
            **self.last,
        }
        with (self.folder / "history.jsonl").open("a") as lines:
            lines.write(json.dumps(row) + "\n")
        _checkpoint(self.folder, self.reader, self.optimizer, self.seen)
        self.losses.clear()


def train_readers(
    folders: Mapping[str, Path],
    *,
    seed: int = 0,
    schedule: Schedule = SCHEDULE,
    workers: int = 1,
) -> dict[str, tuple[LegendNet, dict[str, Any]]]:
    """Teach readers on the same coins, from nothing or where they were stopped.

    Args:
        folders: "resnet" or "vgg" or both, each with its run's folder, for
            history.jsonl and the checkpoint.
        seed: Seed of the weights and of the coins.
        schedule: How long and how hard.
        workers: Processes that strike coins.

    Returns:
        The readers in evaluation mode on the CPU, and what is known of each training:
        coins seen, seconds, the last validation.
    """
    device = best_device()
    torch.backends.cudnn.benchmark = True
    pupils = [
        TrainState.enrol(name, folder, seed, schedule, device)
        for name, folder in folders.items()
    ]
    started = time.monotonic()
    seen = min(pupil.seen for pupil in pupils)
    loader = rendered_in_background(
        workers, RenderedBatches(seed, seen, schedule), pinned=device == "cuda"
    )
    every = schedule.seen / schedule.validations
    bar = tqdm(total=schedule.seen, initial=seen, unit="coin", desc=" ".join(folders))
    for struck in loader:
        part, _, _ = schedule.at(seen)
        # chance falls as it would have without an interruption
        torch.manual_seed(seed * 1_000_003 + seen)
        batch = struck.to(device)
        inputs = batch.inputs(disturbed=part.disturbed)
        due = int((seen + part.batch) / every) > int(seen / every)
        for pupil in pupils:
            if pupil.seen > seen:  # its checkpoint is of later than the others'
                continue
            torch.manual_seed(seed * 1_000_003 + seen + 1)
            pupil.learn(inputs, batch, schedule)
            if due or pupil.seen >= schedule.seen:
                number = round(pupil.seen / every)
                pupil.examine(schedule, number, time.monotonic() - started)
                legible = pupil.last["rulers_legible"]
                bar.set_postfix({pupil.name: f"{legible:.3f}"})
        seen += part.batch
        bar.update(part.batch)
    bar.close()
    seconds = time.monotonic() - started
    return {
        pupil.name: (
            pupil.reader.eval().to("cpu"),
            {
                "coins": sum(part.coins for part in schedule.rounds),
                "seen": pupil.seen,
                "seconds": round(pupil.seconds_before + seconds),
                "validation": pupil.last,
            },
        )
        for pupil in pupils
    }
