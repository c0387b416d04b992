"""Teach a reader on rendered coins: where each letter is, and whose coin it is.

Coins are struck as they are needed and each is seen once; the coin's number is
the step times the batch, so a run that was killed goes on with the coins that it
would have seen.
"""

import json
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset
from tqdm import tqdm

from coin_core.classifiers._net import learning_precision
from coin_core.classifiers._reader import Reader
from coin_core.classifiers._trunks import build_reader
from coin_core.learning.datasets import CROP_PX
from coin_core.learning.targets import NONE, letter_map
from coin_core.legend_frame import LegendFrame
from coin_core.preprocessing import Preprocessing, prepare
from coin_core.rendering import RenderedCoin, strike_coin
from coin_core.rulers import DEFAULT_CLASSES

logger = logging.getLogger(__name__)

# seeds of the collections; no two of them share a coin
VALIDATION_SEED = 1_000_003
CALIBRATION_SEED = 1_000_033
TEST_SEED = 1_000_037


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How a reader is taught: in rounds of so many coins, one after the other.

    Each round begins anew at a high rate, which leaves what the last one settled on
    for something better (Loshchilov and Hutter, "SGDR", ICLR 2017).
    """

    rounds: tuple[int, ...] = (120_000, 220_000, 160_000)
    batch: int = 16
    peak_rate: float = 1e-3
    weight_decay: float = 0.02
    later_peak: float = 0.6
    ruler_weight: float = 1.0
    easy_coins: int = 24_000
    validate_every: int = 10_000
    validation_coins: int = 300

    @property
    def images(self) -> int:
        """Coins in all rounds together."""
        return sum(self.rounds)

    def rate_at(self, seen: int) -> float:
        """Learning rate after `seen` coins: in each round a short rise, then a cosine.

        Rounds after the first rise to `later_peak` of the peak.
        """
        number = 0
        while number < len(self.rounds) - 1 and seen >= self.rounds[number]:
            seen -= self.rounds[number]
            number += 1
        peak = self.peak_rate * (self.later_peak if number else 1.0)
        share = min(1.0, seen / self.rounds[number])
        if share < 0.04:
            return peak * (0.05 + 0.95 * share / 0.04)
        fall = (share - 0.04) / 0.96
        return peak * (0.002 + 0.998 * (1 + math.cos(math.pi * fall)) / 2)

    def hardship_at(self, seen: int) -> float:
        """Wear of the coins: fresh ones first."""
        return min(1.0, 0.25 + 0.75 * seen / self.easy_coins)


SCHEDULES = {"resnet": Schedule(), "vgg": Schedule()}
SETTINGS = Preprocessing(framed=True)
_FRAME_STREAM = 71  # of the chances that a frame is off, beside those of the coin
_FAR_OFF = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """N coins: input, ruler numbers, name legibility, letter maps and weights."""

    inputs: NDArray[np.float32]
    rulers: NDArray[np.int64]
    legible: NDArray[np.float32]
    letters: NDArray[np.int64]
    weights: NDArray[np.float32]


def found_about(rng: np.random.Generator, coin: RenderedCoin) -> LegendFrame:
    """A legend's frame as it might be found: nearly right, now and then far off."""
    if coin.frame is None:
        raise ValueError(f"A coin that shows a {coin.kind} has no legend to read.")
    off = np.float64(2.5 if rng.random() < _FAR_OFF else 1.0)
    right, down = (rng.normal(0, 0.06, 2) * off * coin.frame.radius).tolist()
    grown, turn = (rng.normal(0, (0.07, 5.0)) * off).tolist()
    return LegendFrame(
        centre_x=coin.frame.centre_x + right,
        centre_y=coin.frame.centre_y + down,
        radius=coin.frame.radius * math.exp(grown),
        turn_deg=coin.frame.turn_deg + turn,
    )


def strike_batch(seed: int, first: int, count: int, hardship: float = 1.0) -> Batch:
    """Strike coins first..first+count of a collection and make them input."""
    coins = [
        strike_coin(seed, first + i, size_px=CROP_PX, hardship=hardship)
        for i in range(count)
    ]
    frames = [
        found_about(np.random.default_rng([seed, first + i, _FRAME_STREAM]), coin)
        for i, coin in enumerate(coins)
    ]
    maps = [
        letter_map(coin, SETTINGS, frame)
        for coin, frame in zip(coins, frames, strict=True)
    ]
    return Batch(
        inputs=prepare(np.stack([coin.image for coin in coins]), SETTINGS, frames),
        rulers=np.array([DEFAULT_CLASSES.index(coin.ruler or "") for coin in coins]),
        legible=np.array([coin.name_legibility for coin in coins], np.float32),
        letters=np.stack([labels for labels, _ in maps]),
        weights=np.stack([weights for _, weights in maps]),
    )


class Strikes(IterableDataset[Batch]):
    """Batches from `seen` coins on, in order, shared out over the workers."""

    def __init__(self, seed: int, seen: int, schedule: Schedule) -> None:
        self.seed, self.seen, self.schedule = seed, seen, schedule

    def __iter__(self) -> Iterator[Batch]:
        cv2.setNumThreads(1)
        worker = torch.utils.data.get_worker_info()
        number, of = (worker.id, worker.num_workers) if worker else (0, 1)
        step = self.schedule.batch
        for first in range(self.seen + number * step, self.schedule.images, of * step):
            yield strike_batch(
                self.seed,
                first,
                step,
                self.schedule.hardship_at(first),
            )


def one_batch(items: list[Batch]) -> Batch:
    """What a loader of whole batches hands over."""
    return items[0]


def reading_loss(reader: Reader, batch: Batch, ruler_weight: float) -> Tensor:
    """Cross-entropy of the letter map, weighted, and of the ruler."""
    inputs = torch.from_numpy(batch.inputs).contiguous(
        memory_format=torch.channels_last
    )
    quick = learning_precision("cpu") == "bfloat16"
    with torch.autocast("cpu", torch.bfloat16, enabled=quick):
        out = reader.read(inputs)
    weights = torch.from_numpy(batch.weights)
    cells = functional.cross_entropy(
        out.letters.float(), torch.from_numpy(batch.letters), reduction="none"
    )
    letters = (cells * weights).sum() / weights.sum()
    rulers = ruler_loss(
        out.classes.float(),
        torch.from_numpy(batch.rulers),
        torch.from_numpy(batch.legible),
    )
    return letters + ruler_weight * rulers


def ruler_loss(logits: Tensor, rulers: Tensor, legible: Tensor) -> Tensor:
    """Cross-entropy of class logits (N, C), weighted by the legible share (N,)."""
    # a coin without a legible name says little of how to judge
    worth = 0.25 + 0.75 * legible
    each = functional.cross_entropy(logits, rulers, reduction="none")
    return (each * worth).sum() / worth.sum()


@torch.inference_mode()
def validate(reader: Reader, coins: int) -> dict[str, float]:
    """Letters and rulers right on unseen rendered coins."""
    reader.eval()
    letters = rulers = legible = legible_right = cells = 0.0
    for first in range(0, coins, 50):
        batch = strike_batch(VALIDATION_SEED, first, min(50, coins - first))
        out = reader.read(torch.from_numpy(batch.inputs))
        real = (batch.letters != NONE) & (batch.weights >= 0.5)
        read = out.letters[:, :-1].argmax(1).numpy()
        letters += float((read == batch.letters)[real].sum())
        cells += float(real.sum())
        right = out.classes.argmax(1).numpy() == batch.rulers
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


def train_reader(
    name: str,
    folder: Path,
    *,
    seed: int = 0,
    schedule: Schedule | None = None,
    workers: int = 1,
) -> tuple[Reader, dict[str, Any]]:
    """Teach a reader from nothing, or go on where it was stopped.

    Args:
        name: "resnet" or "vgg".
        folder: The run's folder, for history.jsonl and the checkpoint.
        seed: Seed of the weights and of the coins.
        schedule: How long and how hard; by default the shipped one.
        workers: Processes that strike coins.

    Returns:
        The reader in evaluation mode, and what is known of the training: coins,
        seconds, the last validation.
    """
    schedule = schedule or SCHEDULES[name]
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    # channels last and the fused step are a sixth faster on a CPU
    reader = build_reader(name, len(DEFAULT_CLASSES)).to(
        memory_format=torch.channels_last  # type: ignore[call-overload]
    )
    # a reader judges by letters alone; the other way stays shut until fine-tuning
    reader.pooled.requires_grad_(False)
    optimizer = torch.optim.AdamW(
        [parameter for _, parameter in _taught(reader)],
        lr=1e-3,
        weight_decay=schedule.weight_decay,
        fused=True,
    )
    seen = _restore(folder, reader, optimizer)
    history = folder / "history.jsonl"
    before = _forget_after(history, seen)
    started, last = time.monotonic(), {}
    loader = DataLoader(
        Strikes(seed, seen, schedule),
        batch_size=1,
        collate_fn=one_batch,
        num_workers=workers,
        prefetch_factor=6 if workers else None,
    )
    reader.train()
    losses: list[float] = []
    bar = tqdm(total=schedule.images, initial=seen, unit="coin", desc=name)
    for batch in loader:
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate_at(seen)
        # dropout falls as it would have without an interruption
        torch.manual_seed(seed * 1_000_003 + seen)
        optimizer.zero_grad()
        loss = reading_loss(reader, batch, schedule.ruler_weight)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(reader.parameters(), 5.0)
        optimizer.step()
        losses.append(float(loss.detach()))
        count = len(batch.rulers)
        due = (
            seen + count
        ) // schedule.validate_every > seen // schedule.validate_every
        seen += count
        bar.update(count)
        if due or seen >= schedule.images:
            last = validate(reader, schedule.validation_coins)
            row = {
                "epoch": seen // schedule.validate_every,
                "seen": seen,
                "loss": sum(losses) / len(losses),
                "rate": schedule.rate_at(seen),
                "seconds": round(before + time.monotonic() - started, 1),
                **last,
            }
            with history.open("a") as lines:
                lines.write(json.dumps(row) + "\n")
            _checkpoint(folder, reader, optimizer, seen)
            bar.set_postfix({k: f"{v:.3f}" for k, v in last.items()})
            losses.clear()
    bar.close()
    reader.eval()
    seconds = before + time.monotonic() - started
    return reader, {"coins": seen, "seconds": round(seconds), "validation": last}
