"""The small net that finds where the legend of a coin lies and how it is turned."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from coin_core.detection.nets import (
    conv_bn_relu,
    load_small_net,
    local_contrast_normalize,
)
from coin_core.imaging.legend_pose import (
    VIEW_MARGIN,
    LegendPose,
    least_turn,
    warp_to_legend,
)
from coin_core.model_store.bundle import find_bundle

FRAMES = "frames"
FRAME_PX = 128
TURNS = 36  # directions, 10 degrees apart
USUAL = LegendPose()
_BATCH = 64
# Of the crops that the net learnt from, a third lay at any turn; of photographs far
# fewer do, and an upright one that is turned is lost.
_UPRIGHT_DEG = 45
_UPRIGHT_LEAN = 1.4
# A second turn with this share is right now and then, with less hardly ever.
_SECOND = 0.02


class FrameNet(nn.Module):
    """Evened crops (N, 1, 128, 128) to 3 numbers and 36 logits.

    The numbers are the centre's distance from the middle, right and down, in usual
    radii, and the logarithm of the radius over the usual one; the logits are of the
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
        """Place (N, 3) and turn logits (N, 36)."""
        seen = self.trunk(crops)
        return self.place(seen), self.turn(seen)


@lru_cache(maxsize=1)
def frame_net() -> nn.Module:
    """The shipped net, read once."""
    return load_small_net(find_bundle(FRAMES), FrameNet)


def to_frame_net(crops: NDArray[np.uint8]) -> Tensor:
    """Crops uint8 (N, S, S, 3) as the net's input."""
    size = (FRAME_PX, FRAME_PX)
    way = cv2.INTER_AREA if crops.shape[1] > FRAME_PX else cv2.INTER_LINEAR
    small = [cv2.resize(crop, size, interpolation=way) for crop in crops]
    return local_contrast_normalize(np.stack(small).astype(np.uint8))


def frames_of(
    crops: NDArray[np.uint8], net: nn.Module | None = None
) -> list[LegendPose]:
    """The likeliest frames of crops (N, S, S, 3), by this net or the shipped one."""
    return [turns[0] for turns in predict_poses(crops, net)]


def predict_poses(
    crops: NDArray[np.uint8], net: nn.Module | None = None
) -> list[tuple[LegendPose, ...]]:
    """One frame of each crop, and one turned otherwise where that may be.

    The mean of a look at the crop and one at the legend found there is nearer to the
    truth than either.
    """
    net = net or frame_net()
    likely = _look(crops, net)
    of = [k for k, frames in enumerate(likely) for _ in frames]
    first = [frame for frames in likely for frame in frames]
    windows = [window_around(frame) for frame in first]
    again = _look(warp_to_legend(crops[of], windows, FRAME_PX), net)
    found: list[list[LegendPose]] = [[] for _ in likely]
    for k, one, seen, window in zip(of, first, again, windows, strict=True):
        found[k].append(_between(one, seen[0].compose(window)))
    return [tuple(frames) for frames in found]


def window_around(frame: LegendPose) -> LegendPose:
    """The part of a crop on which a legend lies in the middle, as large as usual."""
    return replace(frame, radius=frame.radius / (2 * VIEW_MARGIN * USUAL.radius))


def _between(one: LegendPose, other: LegendPose) -> LegendPose:
    turned = least_turn(other.turn_deg - one.turn_deg)
    return LegendPose(
        centre_x=(one.centre_x + other.centre_x) / 2,
        centre_y=(one.centre_y + other.centre_y) / 2,
        radius=math.sqrt(one.radius * other.radius),
        turn_deg=one.turn_deg + turned / 2,
    )


def _look(crops: NDArray[np.uint8], net: nn.Module) -> list[list[LegendPose]]:
    """For each crop the frame in the likeliest turn, and in the next if it may be."""
    frames: list[list[LegendPose]] = []
    for first in range(0, len(crops), _BATCH):
        with torch.inference_mode():
            places, turns = net(to_frame_net(crops[first : first + _BATCH]))
        shares = (turns.float() + _lean()).softmax(1).numpy()
        for (dx, dy, grown), share in zip(places.tolist(), shares, strict=True):
            frames.append(
                [
                    LegendPose(
                        centre_x=0.5 + dx * USUAL.radius,
                        centre_y=0.5 + dy * USUAL.radius,
                        radius=USUAL.radius * math.exp(max(-1.0, min(1.0, grown))),
                        turn_deg=turn,
                    )
                    for turn in _likely_turns(share)
                ]
            )
    return frames


@lru_cache(maxsize=1)
def _lean() -> Tensor:
    """What is added to the logits of the turn, (36,)."""
    away = (torch.arange(TURNS) * 360 / TURNS + 180) % 360 - 180
    return _UPRIGHT_LEAN * (away.abs() <= _UPRIGHT_DEG).float()


def _likely_turns(share: NDArray[np.float32]) -> list[float]:
    """Turns in degrees, -180 to 180: the likeliest, and the next if it may be.

    Each is the mean around its direction.
    """
    left = share.copy()
    turns: list[float] = []
    for least in (0.0, _SECOND):
        around = left + np.roll(left, 1) + np.roll(left, -1)
        best = int(around.argmax())
        near = np.arange(best - 2, best + 3)
        weights = left[near % TURNS]
        if weights.sum() > least:
            turn = float((weights * near).sum() / weights.sum()) * 360 / TURNS
            turns.append(least_turn(turn))
        left[np.arange(best - 3, best + 4) % TURNS] = 0
    return turns
