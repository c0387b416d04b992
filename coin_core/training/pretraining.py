"""Pretrain legend nets on rendered coins: where each letter is, and whose coin it is.

Coins are rendered as they are needed. The schedule and the number of workers alone
decide which coin is shown when, so a killed run resumes with the coins that it would
have seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional

from coin_core.classifiers import legend_net
from coin_core.classifiers.legend_net import LegendNet
from coin_core.classifiers.torch_classifier import best_device, training_autocast
from coin_core.i18n import N_
from coin_core.jobs import Progress
from coin_core.rulers import DEFAULT_CLASSES
from coin_core.training.legend_layers import ruler_loss
from coin_core.training.letter_targets import NONE
from coin_core.training.rendered_dataset import (
    SCHEDULE,
    Batch,
    RenderedBatches,
    Schedule,
    render_batch,
    rendered_in_background,
)
from coin_core.training.runs import Run
from coin_core.training.trainer import Trainer, fit

# Seeds of the rendered datasets; no two of them share a coin.
VALIDATION_SEED = 1_000_003
CALIBRATION_SEED = 1_000_033
TEST_SEED = 1_000_037

# Inputs, what is true of them, and the views that were shown before.
Step = tuple[Tensor, Batch, int]


def legend_loss(
    net: LegendNet, inputs: Tensor, batch: Batch, ruler_weight: float
) -> Tensor:
    """Weighted cross-entropy of the letter map, plus that of the ruler."""
    with training_autocast(inputs.device.type):
        out = net.read_letters(inputs)
    cells = functional.cross_entropy(
        out.letters.float(), batch.letters, reduction="none"
    )
    letters = (cells * batch.weights).sum() / batch.weights.sum()
    return letters + ruler_weight * ruler_loss(out.logits, batch.rulers, batch.legible)


@lru_cache(maxsize=1)
def _validation_batch(coins: int) -> Batch:
    return render_batch(VALIDATION_SEED, 0, coins)


@torch.inference_mode()
def validate(net: LegendNet, coins: int) -> dict[str, float]:
    """The fraction of letters and rulers classified right on unseen rendered coins."""
    net.eval()
    device = next(net.parameters()).device.type
    letters = rulers = legible = legible_right = cells = 0.0
    whole = _validation_batch(coins)
    for parts in zip(*(torch.split(part, 50) for part in whole), strict=True):
        batch = Batch(*parts).to(device)
        out = net.read_letters(batch.inputs())
        real = (batch.letters != NONE) & (batch.weights >= 0.5)
        letters += float((out.letters[:, :-1].argmax(1) == batch.letters)[real].sum())
        cells += float(real.sum())
        right = out.logits.argmax(1) == batch.rulers
        rulers += float(right.sum())
        clear = batch.legible >= 0.5
        legible += float(clear.sum())
        legible_right += float(right[clear].sum())
    return {
        "letters": letters / max(cells, 1),
        "rulers": rulers / coins,
        "rulers_legible": legible_right / max(legible, 1),
    }


def _build_trainer(
    name: str, folder: Path, seed: int, schedule: Schedule, device: str
) -> Trainer[Step]:
    """An untrained net, or one from the checkpoint of its run."""
    torch.manual_seed(seed)
    # Channels last and the fused optimizer are a sixth faster on a CPU.
    net = legend_net.build_legend_net(name, len(DEFAULT_CLASSES)).to(
        device,
        memory_format=torch.channels_last,  # type: ignore[call-overload]
    )
    # It classifies by letters alone; the pooled maps are used from fine-tuning on.
    net.pooled.requires_grad_(False)
    seen = schedule.epochs()
    run = Run(folder=folder)
    folder.mkdir(parents=True, exist_ok=True)

    def compute_loss(step: Step) -> tuple[Tensor, int]:
        inputs, batch, shown = step
        torch.manual_seed(seed * 1_000_003 + shown + 1)
        return legend_loss(net, inputs, batch, schedule.ruler_weight), len(inputs)

    def figures() -> dict[str, float]:
        shown = seen[trainer.epoch][0] if trainer.epoch < len(seen) else schedule.seen
        return {
            "epoch": round(shown * schedule.validations / schedule.seen),
            "seen": shown,
            "rate": schedule.rate_at(shown),
            **validate(net, schedule.validation_coins),
        }

    trainer: Trainer[Step] = Trainer(
        net=net,
        optimizer=torch.optim.AdamW(
            [weight for weight in net.parameters() if weight.requires_grad],
            lr=1e-3,
            weight_decay=schedule.weight_decay,
            fused=True,
        ),
        compute_loss=compute_loss,
        learning_rate=lambda epoch, step: schedule.rate_at(seen[epoch][step]),
        checkpoint=folder / "checkpoint.safetensors",
        validate=figures,
        report=run.log,
    )
    return trainer


def pretrain(
    folders: Mapping[str, Path],
    *,
    seed: int = 0,
    schedule: Schedule = SCHEDULE,
    workers: int = 1,
) -> dict[str, tuple[LegendNet, dict[str, Any]]]:
    """Pretrain legend nets on the same coins, from the start or their checkpoints.

    Args:
        folders: "resnet" or "vgg" or both, each with its run's folder, for history and
            checkpoint.
        seed: Seed of the weights and of the coins.
        schedule: How many coins, how often, how fast.
        workers: Processes that render coins.

    Returns:
        The nets in evaluation mode on the CPU, and facts about each training: "coins",
        "seen" (views), "seconds", "validation" (the last figures).
    """
    device = best_device()
    torch.backends.cudnn.benchmark = True
    trainers = {
        name: _build_trainer(name, folder, seed, schedule, device)
        for name, folder in folders.items()
    }
    epochs = schedule.epochs()
    first = min(trainer.epoch for trainer in trainers.values())
    shown = epochs[first][0] if first < len(epochs) else schedule.seen
    batches = rendered_in_background(
        workers, RenderedBatches(seed, shown, schedule), pinned=device == "cuda"
    )
    words = N_("training {names} on rendered coins")
    words = words.format(names=" and ".join(folders))
    bar = Progress(words, schedule.seen, done=shown, unit="coin")

    def steps() -> Iterator[Step]:
        shown_now = shown
        for rendered in batches:
            part, _, _ = schedule.at(shown_now)
            # The random state is as it would be without an interruption.
            torch.manual_seed(seed * 1_000_003 + shown_now)
            batch = rendered.to(device)
            yield batch.inputs(augmented=part.augmented), batch, shown_now
            shown_now += part.batch
            bar.update(part.batch)

    stream = steps()
    fit(
        [*trainers.values()],
        lambda epoch: islice(stream, len(epochs[epoch])),
        epochs=len(epochs),
    )
    bar.skip(schedule.seen - bar.done)
    bar.close()
    return {
        name: (
            cast("LegendNet", trainer.net.to("cpu")),
            {
                "coins": sum(part.coins for part in schedule.rounds),
                "seen": schedule.seen,
                "seconds": round(trainer.notes["seconds"]),
                "validation": {
                    key: trainer.notes["last"][key]
                    for key in ("letters", "rulers", "rulers_legible")
                },
            },
        )
        for name, trainer in trainers.items()
    }
