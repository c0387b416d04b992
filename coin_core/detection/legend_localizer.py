"""The networks that look at the crop of a coin: its side, the pose of its legend."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from coin_core.detection.coin_detector import check_finite
from coin_core.detection.nets import conv_bn_relu, load_small_net
from coin_core.imaging.preprocessing import (
    VIEW_MARGIN,
    LegendPose,
    normalize_degrees,
    warp_to_legend,
)
from coin_core.model_store.bundle import find_detection_bundle, load_card

BUNDLE = "frames"
INPUT_PX = 128
TURNS = 36  # directions, 10 degrees apart
DEFAULT_POSE = LegendPose()
_BATCH = 64
# A third of the training crops are at any angle. Far fewer photos are, and a legend
# that is wrongly turned cannot be read, so turns near upright get a bias.
_UPRIGHT_DEG = 45
_UPRIGHT_LOGIT_BIAS = 1.4
_SECOND = 0.02  # a second turn of a lower probability is hardly ever right

SIDE_BUNDLE = "sides"
SIDE_PX = 64
LEGEND_LOGIT_BIAS = "legend_lift"
"""The limit in the side network's card that is added to the logit of the legend."""


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


class LegendLocalizerNet(nn.Module):
    """From normalized crops (N, 1, 128, 128) to 3 numbers and 36 logits.

    The numbers are the offset of the centre from the middle, right and down, in default
    radii, and the logarithm of the radius over the default one. The logits are of the
    turn, clockwise from upright in steps of 10 degrees.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            conv_bn_relu(1, 24, 2),
            conv_bn_relu(24, 48, 2),
            conv_bn_relu(48, 48),
            conv_bn_relu(48, 96, 2),
            conv_bn_relu(96, 96),
            conv_bn_relu(96, 96),
            conv_bn_relu(96, 160, 2),
            conv_bn_relu(160, 160),
            conv_bn_relu(160, 160),
            nn.Conv2d(160, 64, 1),
            nn.Flatten(),
            nn.ReLU(inplace=True),
            nn.Dropout(0.1),
            nn.Linear(64 * 64, 256),
            nn.ReLU(inplace=True),
        )
        self.place = nn.Linear(256, 3)
        self.turn = nn.Linear(256, TURNS)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Return places (N, 3) and turn logits (N, 36)."""
        hidden = self.trunk(crops)
        return self.place(hidden), self.turn(hidden)


@lru_cache(maxsize=1)
def shipped_net() -> nn.Module:
    """Return the shipped network, loaded once."""
    return load_small_net(find_detection_bundle(BUNDLE), LegendLocalizerNet)


def to_input(crops: NDArray[np.uint8]) -> Tensor:
    """Turn crops uint8 (N, S, S, 3) into network inputs (N, 1, 128, 128)."""
    size = (INPUT_PX, INPUT_PX)
    mode = cv2.INTER_AREA if crops.shape[1] > INPUT_PX else cv2.INTER_LINEAR
    small = [cv2.resize(crop, size, interpolation=mode) for crop in crops]
    return local_contrast_normalize(np.stack(small).astype(np.uint8))


def best_poses(
    crops: NDArray[np.uint8], net: nn.Module | None = None
) -> list[LegendPose]:
    """Return the likeliest pose of each crop, see `predict_poses`."""
    return [turns[0] for turns in predict_poses(crops, net)]


def predict_poses(
    crops: NDArray[np.uint8], net: nn.Module | None = None
) -> list[tuple[LegendPose, ...]]:
    """Predict the poses of the legends on crops of coins.

    The mean of a prediction on the crop and one on the view found there is closer to
    the truth than either.

    Args:
        crops: uint8 (N, S, S, 3).
        net: The network; the shipped one if None.

    Returns:
        For each crop the likeliest pose, and a second one with another turn where that
        may be right. On a coin without a legend it is about the middle of the flan.

    Raises:
        WeightsMissingError: The weights are missing.
    """
    net = net or shipped_net()
    per_crop = _predict(crops, net)
    owner = [k for k, poses in enumerate(per_crop) for _ in poses]
    first = [pose for poses in per_crop for pose in poses]
    windows = [window_around(pose) for pose in first]
    second = _predict(warp_to_legend(crops[owner], windows, INPUT_PX), net)
    merged: list[list[LegendPose]] = [[] for _ in per_crop]
    for k, pose, again, window in zip(owner, first, second, windows, strict=True):
        merged[k].append(_mean(pose, again[0].compose(window)))
    return [tuple(poses) for poses in merged]


def window_around(pose: LegendPose) -> LegendPose:
    """Return the pose in whose view the legend is centred and of the default size."""
    return replace(pose, radius=pose.radius / (2 * VIEW_MARGIN * DEFAULT_POSE.radius))


def _mean(one: LegendPose, other: LegendPose) -> LegendPose:
    turned = normalize_degrees(other.turn_deg - one.turn_deg)
    return LegendPose(
        centre_x=(one.centre_x + other.centre_x) / 2,
        centre_y=(one.centre_y + other.centre_y) / 2,
        radius=math.sqrt(one.radius * other.radius),
        turn_deg=one.turn_deg + turned / 2,
    )


def _predict(crops: NDArray[np.uint8], net: nn.Module) -> list[list[LegendPose]]:
    """Return one or two poses for each crop, from one pass."""
    poses: list[list[LegendPose]] = []
    usual = DEFAULT_POSE.radius
    for first in range(0, len(crops), _BATCH):
        with torch.inference_mode():
            places, turns = (
                check_finite(output, BUNDLE)
                for output in net(to_input(crops[first : first + _BATCH]))
            )
        probabilities = (turns.float() + _turn_logit_bias()).softmax(1).numpy()
        for (dx, dy, growth), row in zip(places.tolist(), probabilities, strict=True):
            poses.append(
                [
                    LegendPose(
                        centre_x=0.5 + dx * usual,
                        centre_y=0.5 + dy * usual,
                        radius=usual * math.exp(max(-1.0, min(1.0, growth))),
                        turn_deg=turn,
                    )
                    for turn in _likely_turns(row)
                ]
            )
    return poses


@lru_cache(maxsize=1)
def _turn_logit_bias() -> Tensor:
    """Return the bias added to the logits of the turn, (36,)."""
    away = (torch.arange(TURNS) * 360 / TURNS + 180) % 360 - 180
    return _UPRIGHT_LOGIT_BIAS * (away.abs() <= _UPRIGHT_DEG).float()


def _likely_turns(probabilities: NDArray[np.float32]) -> list[float]:
    """Return the likeliest turn, and the next if it may be right, in degrees.

    Each is the mean over the directions around it, -180 to 180.
    """
    remaining = probabilities.copy()
    turns: list[float] = []
    for least in (0.0, _SECOND):
        smoothed = remaining + np.roll(remaining, 1) + np.roll(remaining, -1)
        best = int(smoothed.argmax())
        near = np.arange(best - 2, best + 3)
        weights = remaining[near % TURNS]
        if weights.sum() > least:
            turn = float((weights * near).sum() / weights.sum()) * 360 / TURNS
            turns.append(normalize_degrees(turn))
        remaining[np.arange(best - 3, best + 4) % TURNS] = 0
    return turns


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
    folder = find_detection_bundle(SIDE_BUNDLE)
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
        logits = check_finite(net(local_contrast_normalize(crops)), SIDE_BUNDLE)
        logits[:, 0] += legend_bias
        out: NDArray[np.float32] = logits.softmax(dim=1).numpy()
    return out
