"""How a reader looks at a coin: which way up it lies, and again where it is in doubt.

The net that finds legends takes some for upside down; the reader knows better,
for it reads more letters the right way up. And on worn coins a reading may change with
a frame that is a little off, so doubtful coins are looked at from nearby as well
(Krizhevsky, Sutskever and Hinton 2012 average over crops of a photo likewise).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coin_core.classifiers.legend_net import LegendNet, LegendOutput
from coin_core.imaging.legend_pose import LegendPose, predict_poses
from coin_core.imaging.preprocessing import Preprocessing, frames_for, prepare

_AT_A_TIME = 32
# How many times as many letters the less likely turn must show to be believed.
_CLEARLY_MORE = 1.2
_DOUBTFUL = 0.95
# Right and down in radii, and times as large.
_NEARBY = (
    (-0.1, 0.0, 1.0),
    (0.1, 0.0, 1.0),
    (0.0, -0.1, 1.0),
    (0.0, 0.1, 1.0),
    (0.0, 0.0, 0.9),
    (0.0, 0.0, 1.12),
)


def frames_read(
    reader: LegendNet, crops: NDArray[np.uint8], settings: Preprocessing
) -> list[LegendPose]:
    """Where a reader sees the legends of crops (N, S, S, 3), and how they are turned.

    Of two likely turns it is the one in which more is read.
    """
    if not settings.framed:
        return frames_for(crops, settings)
    likely = predict_poses(crops)
    frames = [turns[0] for turns in likely]
    unsure = [k for k, turns in enumerate(likely) if len(turns) > 1]
    if unsure:
        one, other = (
            _letters_read(
                look(reader, crops[unsure], settings, [likely[k][n] for k in unsure])
            )
            for n in range(2)
        )
        for k, clearly in zip(unsure, other > _CLEARLY_MORE * one, strict=True):
            frames[k] = likely[k][1] if clearly else frames[k]
    return frames


@torch.inference_mode()
def read(
    reader: LegendNet, crops: NDArray[np.uint8], settings: Preprocessing
) -> LegendOutput:
    """Everything that a reader in evaluation mode makes of crops (N, S, S, 3).

    The letters are those of one look; what the ruler is judged by is, on doubtful
    coins, the mean of seven.
    """
    frames = frames_read(reader, crops, settings)
    first = look(reader, crops, settings, frames)
    best = first.classes.softmax(1).amax(1)
    doubtful = torch.nonzero(best < _DOUBTFUL).flatten().tolist()
    if not settings.framed or not doubtful:
        return first
    again = [
        look(
            reader,
            crops[doubtful],
            settings,
            [_moved(frames[k], *move) for k in doubtful],
        )
        for move in _NEARBY
    ]
    features, seen = first.features.clone(), first.seen.clone()
    features[doubtful] = _mean(features[doubtful], [look.features for look in again])
    seen[doubtful] = _mean(seen[doubtful], [look.seen for look in again])
    return replace(first, features=features, seen=seen, classes=reader.tell(seen))


def _mean(one: Tensor, others: Sequence[Tensor]) -> Tensor:
    return torch.stack([one, *others]).mean(0)


def _moved(frame: LegendPose, right: float, down: float, grown: float) -> LegendPose:
    return replace(
        frame,
        centre_x=frame.centre_x + right * frame.radius,
        centre_y=frame.centre_y + down * frame.radius,
        radius=frame.radius * grown,
    )


@torch.inference_mode()
def look(
    reader: LegendNet,
    crops: NDArray[np.uint8],
    settings: Preprocessing,
    frames: Sequence[LegendPose],
) -> LegendOutput:
    """What one look at each crop (N, S, S, 3) gives, seen as its frame says."""
    device = next(reader.parameters()).device
    parts = []
    for first in range(0, len(crops), _AT_A_TIME):
        rows = slice(first, first + _AT_A_TIME)
        inputs = torch.from_numpy(prepare(crops[rows], settings, frames[rows]))
        if device.type == "cpu":
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        parts.append(reader.read(inputs.to(device)))
    return parts[0] if len(parts) == 1 else _joined(parts)


def _joined(parts: Sequence[LegendOutput]) -> LegendOutput:
    joined: dict[str, Any] = {
        name: torch.cat([getattr(part, name) for part in parts])
        for name in ("letters", "features", "seen", "classes")
    }
    return LegendOutput(**joined)


def _letters_read(reading: LegendOutput) -> Tensor:
    """How much was read of each coin, (N,): clear letters count most."""
    shares = reading.letters.softmax(1)[:, :-1].amax(1)
    return (shares**2).sum((1, 2))
