"""A net in the middle of its training, as one safetensors file.

Tensors named `net.*` are the weights, those named `optimizer.<number>.*` the state of
the optimizer for the parameter of that number. The notes are JSON in the metadata.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from coin_core.storage import dump_json, parse_json, write_file

logger = logging.getLogger(__name__)


def save_tensors(path: Path, tensors: dict[str, Tensor], notes: dict[str, Any]) -> None:
    """Write tensors and notes in one step."""
    whole = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    data = safetensors.torch.save(whole, metadata={"notes": dump_json(notes)})
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, data)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and notes; both empty when there is no such file or it has no notes."""
    if not path.exists():
        return {}, {}
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            notes = parse_json((file.metadata() or {}).get("notes", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, ValueError) as error:
        logger.warning("%s cannot be read and is not used: %s", path, error)
        return {}, {}
    return (tensors, notes) if notes else ({}, {})


def save_checkpoint(
    path: Path, net: nn.Module, optimizer: torch.optim.Optimizer, notes: dict[str, Any]
) -> None:
    """Write the net, its optimizer and notes in one step."""
    tensors = {f"net.{name}": value for name, value in net.state_dict().items()}
    for number, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            tensors[f"optimizer.{number}.{name}"] = torch.as_tensor(value)
    save_tensors(path, tensors, notes)


def load_checkpoint(
    path: Path, net: nn.Module, optimizer: torch.optim.Optimizer
) -> dict[str, Any]:
    """Restore the net and its optimizer.

    Returns:
        The notes; {} when there is no checkpoint, or one of another net or an older
        version, which is left unused with a warning.
    """
    tensors, notes = load_tensors(path)
    weights = _under("net.", tensors)
    shapes = {name: value.shape for name, value in net.state_dict().items()}
    if "epoch" not in notes or {k: v.shape for k, v in weights.items()} != shapes:
        if path.exists():
            logger.warning(
                "%s is of another version or another net: training starts anew.", path
            )
        return {}
    net.load_state_dict(weights)
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    states = {
        number: {
            # A fused step needs its moments in the memory format of the weights.
            name: torch.empty_like(parameter, dtype=value.dtype).copy_(value).detach()
            if value.shape == parameter.shape
            else value
            for name, value in _under(f"optimizer.{number}.", tensors).items()
        }
        for number, parameter in enumerate(parameters)
    }
    states = {number: state for number, state in states.items() if state}
    optimizer.load_state_dict({**optimizer.state_dict(), "state": states})
    return notes


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
