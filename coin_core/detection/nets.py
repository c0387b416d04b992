"""What the small networks of detection share: a layer, and how they are loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from coin_core.errors import WeightsMismatchError
from coin_core.model_store.bundle import load_weights, read_tensors


def conv_bn_relu(inward: int, outward: int, stride: int = 1) -> nn.Sequential:
    """Return a 3 x 3 convolution, its batch norm and a ReLU."""
    return nn.Sequential(
        nn.Conv2d(inward, outward, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outward),
        nn.ReLU(inplace=True),
    )


def load_small_net(folder: Path, build: Callable[[], nn.Module]) -> nn.Module:
    """Load a network from its bundle; the caller's random state stays as it is.

    Raises:
        WeightsMissingError: The bundle or its file is missing.
        WeightsMismatchError: The bundle belongs to another network.
    """
    # Initial weights are drawn and overwritten, which must not change a training.
    with torch.random.fork_rng(devices=[]):
        net = build()
    try:
        load_weights(net, read_tensors(folder))
    except WeightsMismatchError as error:
        raise WeightsMismatchError(
            f"{folder.name}: {error} This makes it again: "
            f"python -m coin_core train {folder.name} --data rendered"
        ) from error
    return net.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
