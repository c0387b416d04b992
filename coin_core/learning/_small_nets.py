"""The training loop of the two small nets: seeded, and resumable after a kill."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from tqdm import tqdm

from coin_core.classifiers.torch_classifier import best_device, learning_numbers
from coin_core.learning.checkpoints import load_tensors, save_tensors
from coin_core.learning.machine import describe_machine
from coin_core.model_store.bundle import Card, halve, save_bundle

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
    save_bundle(out, card, tensors=halve(net.state_dict()))
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
