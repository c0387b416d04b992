"""The two small nets that see a photo first: one finds coins, one tells their side."""

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
from coin_core.model_store.bundle import find_bundle, load_card, read_tensors, to_single

FINDER = "faces"
SIDES = "sides"
FINDER_PX = 128
SIDE_PX = 64
LEGEND_LOGIT_BIAS = "legend_lift"
_MIRRORED: tuple[tuple[int, ...], ...] = ((), (3,), (2,), (2, 3))
STRIDE = 2  # the finder's maps are half as wide as its picture


def conv_bn_relu(inward: int, outward: int, stride: int = 1) -> nn.Sequential:
    """A 3 x 3 convolution, its batch norm and a ReLU."""
    return nn.Sequential(
        nn.Conv2d(inward, outward, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outward),
        nn.ReLU(inplace=True),
    )


class CoinSegmentationNet(nn.Module):
    """Flan and core of the flan for every second pixel of a reduced photo.

    (N, 3, H, W) in -1..1, H and W multiples of 32, to logits (N, 2, H/2, W/2): part
    of a flan; part of a flan's inner region, which never touches another's.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = conv_bn_relu(3, 12, 2)
        self.fourth = nn.Sequential(conv_bn_relu(12, 24, 2), conv_bn_relu(24, 24))
        self.eighth = nn.Sequential(conv_bn_relu(24, 48, 2), conv_bn_relu(48, 48))
        self.sixteenth = nn.Sequential(conv_bn_relu(48, 64, 2), conv_bn_relu(64, 64))
        self.whole = nn.Sequential(conv_bn_relu(64, 64, 2), conv_bn_relu(64, 64))
        self.to_sixteenth = conv_bn_relu(64 + 64, 48)
        self.to_eighth = conv_bn_relu(48 + 48, 32)
        self.to_fourth = conv_bn_relu(32 + 24, 24)
        self.to_half = conv_bn_relu(24 + 12, 16)
        self.maps = nn.Conv2d(16, 2, 1)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")

    def forward(self, photos: Tensor) -> Tensor:
        """Two maps of logits."""
        half = self.first(photos)
        fourth = self.fourth(half)
        eighth = self.eighth(fourth)
        sixteenth = self.sixteenth(eighth)
        x = self.whole(sixteenth)
        for again, way in (
            (sixteenth, self.to_sixteenth),
            (eighth, self.to_eighth),
            (fourth, self.to_fourth),
            (half, self.to_half),
        ):
            x = way(torch.cat((self.up(x), again), dim=1))
        out: Tensor = self.maps(x)
        return out


class SideNet(nn.Module):
    """The side of a coin: evened crops (N, 1, 64, 64) to five logits."""

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
        """Logits in the order of `Side`."""
        x = self.trunk(crops)
        pooled = torch.cat((x.mean((2, 3)), x.amax((2, 3))), dim=1)
        out: Tensor = self.head(self.drop(pooled))
        return out


def to_net(photos: NDArray[np.uint8]) -> Tensor:
    """uint8 (N, H, W, 3) to float (N, 3, H, W) in -1..1, channels last."""
    pixels = torch.from_numpy(np.ascontiguousarray(photos)).permute(0, 3, 1, 2)
    scaled = pixels.float().div_(127.5).sub_(1.0)
    return scaled.contiguous(memory_format=torch.channels_last)


def local_contrast_normalize(crops: NDArray[np.uint8]) -> Tensor:
    """Crops (N, S, S, 3), or grey (N, S, S), to (N, 1, S, S) without colour or light.

    Each pixel is its grey less the mean around it, over the spread around it: what a
    side shows is drawn by relief, and patina, metal and lamp only distract.
    """
    size = crops.shape[1]
    reach = (size // 4 | 1, size // 4 | 1)
    evened = np.empty((len(crops), 1, size, size), np.float32)
    for k, crop in enumerate(crops):
        flat = crop if crop.ndim == 2 else cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
        grey = np.asarray(flat, np.float32)
        mean = cv2.blur(grey, reach)
        spread = cv2.blur(grey * grey, reach) - mean * mean
        off = (grey - mean) / (np.sqrt(np.maximum(spread, 0)) + np.float32(4))
        evened[k, 0] = np.clip(off, -3, 3)
    return torch.from_numpy(evened).contiguous(memory_format=torch.channels_last)


def load_small_net(folder: Path, make: Callable[[], nn.Module]) -> nn.Module:
    """A small net from its bundle; the caller's random state stays as it is.

    Raises:
        WeightsMismatchError: The bundle belongs to another net.
    """
    # amid a training, first weights that nobody keeps must not change what follows
    with torch.random.fork_rng(devices=[]):
        net = make()
    try:
        net.load_state_dict(to_single(read_tensors(folder)))
    except RuntimeError as error:
        raise WeightsMismatchError(
            f"{folder.name}: the tensors are not those of this version's net. "
            f"Make them anew with: python -m coin_core train {folder.name} "
            "--data rendered"
        ) from error
    return net.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


@lru_cache(maxsize=1)
def finder_net() -> nn.Module:
    """The shipped finder, read once."""
    return load_small_net(find_bundle(FINDER), CoinSegmentationNet)


@lru_cache(maxsize=1)
def side_net() -> tuple[nn.Module, float]:
    """The shipped side net, read once, and the lift of its legend side."""
    folder = find_bundle(SIDES)
    lift = load_card(folder).limits.get(LEGEND_LOGIT_BIAS, 0.0)
    return load_small_net(folder, SideNet), float(lift)


def finder_maps(
    photos: NDArray[np.uint8], net: nn.Module | None = None
) -> NDArray[np.float32]:
    """Probabilities of flan and core, float32 (N, 2, H/2, W/2).

    The mean of what the net says of each photo and of its three mirror images.
    """
    pixels = to_net(photos)
    total = torch.zeros(())
    with torch.inference_mode():
        for axes in _MIRRORED:
            maps = (net or finder_net())(pixels.flip(axes)).sigmoid()
            total = total + maps.flip(axes)
    out: NDArray[np.float32] = (total / len(_MIRRORED)).numpy()
    return out


def side_probabilities(
    crops: NDArray[np.uint8], net: nn.Module | None = None, lift: float = 0.0
) -> NDArray[np.float32]:
    """How likely each side is.

    Args:
        crops: RGB, uint8 (N, 64, 64, 3).
        net: The net; by default the shipped one with its own lift.
        lift: Added to the legend's logit: to refuse a coin that can be read is worse
            than to read one that names nobody, and the readers have their own doubts.

    Returns:
        float32 (N, 5) in the order of `Side`.
    """
    if net is None:
        net, lift = side_net()
    with torch.inference_mode():
        logits = net(local_contrast_normalize(crops))
        logits[:, 0] += lift
        shares = logits.softmax(dim=1)
    out: NDArray[np.float32] = shares.numpy()
    return out
