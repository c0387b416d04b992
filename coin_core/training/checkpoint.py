"""A net in the middle of its training, as one safetensors file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from coin_core.classifiers.torch_classifier import NetClassifier
from coin_core.storage import write_file


def save_tensors(
    path: Path, tensors: dict[str, torch.Tensor], notes: dict[str, Any]
) -> None:
    """Write tensors and notes in one step."""
    whole = {name: value.detach().contiguous() for name, value in tensors.items()}
    data = safetensors.torch.save(whole, metadata={"notes": json.dumps(notes)})
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, data)


def load_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors and notes; both empty when there is no such file."""
    if not path.exists():
        return {}, {}
    with safetensors.safe_open(path, framework="pt") as file:
        notes = json.loads((file.metadata() or {}).get("notes", "{}"))
        return {name: file.get_tensor(name) for name in file.keys()}, notes  # noqa: SIM118


def save_training(path: Path, net: NetClassifier, notes: dict[str, Any]) -> None:
    """Write the net with its optimizer, from which training goes on."""
    tensors = {f"net.{name}": value for name, value in net.tensors().items()}
    for number, state in net.optimizer_.state_dict()["state"].items():
        for name, value in state.items():
            tensors[f"optimizer.{number}.{name}"] = torch.as_tensor(value).cpu()
    save_tensors(path, tensors, notes)


def restore_training(path: Path, net: NetClassifier) -> dict[str, Any]:
    """Take net and optimizer up where they were; returns the notes, {} without any."""
    tensors, notes = load_tensors(path)
    if not notes:
        return {}
    weights: dict[str, torch.Tensor] = {}
    states: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        kind, rest = name.split(".", 1)
        if kind == "net":
            weights[rest] = value
        else:
            number, key = rest.split(".", 1)
            states.setdefault(int(number), {})[key] = value
    net.module_.load_state_dict(weights)
    whole = net.optimizer_.state_dict()
    net.optimizer_.load_state_dict({**whole, "state": states})
    return notes
