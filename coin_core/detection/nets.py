"""The layers that the small networks share, and the network that classifies sides."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from coin_core.errors import WeightsMismatchError
from coin_core.model_store.bundle import (
    find_bundle,
    load_card,
    read_tensors,
    to_single,
)

SIDE_BUNDLE = "sides"
SIDE_PX = 64
LEGEND_LOGIT_BIAS = "legend_lift"
"""The limit in the side network's card that is added to the logit of the legend."""


def conv_bn_relu(inward: int, outward: int, stride: int = 1) -> nn.Sequential:
    """Return a 3 x 3 convolution, its batch norm and a ReLU."""
    return nn.Sequential(
        nn.Conv2d(inward, outward, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outward),
        nn.ReLU(inplace=True),
    )


def local_contrast_normalize(crops: NDArray[np.uint8]) -> Tensor:
    """Remove colour and light from crops (N, S, S, 3), or grey ones (N, S, S).

    Each pixel becomes its grey less the local mean, over the local standard deviation.
    What a side shows is in the relief; patina, metal and light only distract.

    Returns:
        float (N, 1, S, S), in -3..3.
    """
    size = crops.shape[1]
    window = (size // 4 | 1, size // 4 | 1)
    normalized = np.empty((len(crops), 1, size, size), np.float32)
    for k, crop in enumerate(crops):
        flat = crop if crop.ndim == 2 else cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
        grey = np.asarray(flat, np.float32)
        mean = cv2.blur(grey, window)
        variance = cv2.blur(grey * grey, window) - mean * mean
        off = (grey - mean) / (np.sqrt(np.maximum(variance, 0)) + np.float32(4))
        normalized[k, 0] = np.clip(off, -3, 3)
    return torch.from_numpy(normalized).contiguous(memory_format=torch.channels_last)


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
        net.load_state_dict(to_single(read_tensors(folder)))
    except RuntimeError as error:
        raise WeightsMismatchError(
            f"{folder.name}: the tensors are not those of this version's network. "
            f"Make them again with: python -m coin_core train {folder.name} "
            "--data rendered"
        ) from error
    return net.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


class SideNet(nn.Module):
    """The side of a coin: normalized crops (N, 1, 64, 64) to five logits."""

    def __init__(self, sides: int = 5) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            conv_bn_relu(1, 16, 2),
            conv_bn_relu(16, 24, 2),
            conv_bn_relu(24, 32),
            conv_bn_relu(32, 56, 2),
            conv_bn_relu(56, 56),
            conv_bn_relu(56, 96, 2),
            conv_bn_relu(96, 96),
        )
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(96 * 2, sides)

    def forward(self, crops: Tensor) -> Tensor:
        """Return logits in the order of `Side`."""
        x = self.trunk(crops)
        pooled = torch.cat((x.mean((2, 3)), x.amax((2, 3))), dim=1)
        out: Tensor = self.head(self.drop(pooled))
        return out


@lru_cache(maxsize=1)
def shipped_side_net() -> tuple[nn.Module, float]:
    """Return the shipped side network, loaded once, and its legend bias."""
    folder = find_bundle(SIDE_BUNDLE)
    bias = load_card(folder).limits.get(LEGEND_LOGIT_BIAS, 0.0)
    return load_small_net(folder, SideNet), float(bias)


def side_probabilities(
    crops: NDArray[np.uint8], net: nn.Module | None = None, legend_bias: float = 0.0
) -> NDArray[np.float32]:
    """Return the probability of each side.

    Args:
        crops: RGB, uint8 (N, 64, 64, 3).
        net: The network; the shipped one with its own bias if None.
        legend_bias: Added to the legend's logit. To refuse a readable coin is worse
            than to classify one without a name, since classifiers can refuse it too.

    Returns:
        float32 (N, 5) in the order of `Side`.
    """
    if net is None:
        net, legend_bias = shipped_side_net()
    with torch.inference_mode():
        logits = net(local_contrast_normalize(crops))
        logits[:, 0] += legend_bias
        out: NDArray[np.float32] = logits.softmax(dim=1).numpy()
    return out
