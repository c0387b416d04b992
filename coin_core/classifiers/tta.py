"""Test-time augmentation of a legend net: two turns, and nearby views in doubt.

The network that finds legends takes some for upside down. The legend net decides: it
reads more letters the right way up. On worn coins the result can change with a pose
that is a little off, so doubtful coins are classified from nearby views as well, and
the results averaged (as Krizhevsky, Sutskever and Hinton 2012 average over crops).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coin_core.classifiers.legend_net import LegendNet, LegendOutput
from coin_core.detection.legend_localizer import predict_poses
from coin_core.imaging.legend_pose import LegendPose
from coin_core.imaging.preprocessing import Preprocessing, centred_pose, prepare

_BATCH = 32
# The less likely turn is chosen if it shows so many times as many letters.
_CLEARLY_MORE = 1.2
_DOUBTFUL = 0.95  # a highest probability below it
# Shifts right and down in radii, and scales.
_NEARBY = (
    (-0.1, 0.0, 1.0),
    (0.1, 0.0, 1.0),
    (0.0, -0.1, 1.0),
    (0.0, 0.1, 1.0),
    (0.0, 0.0, 0.9),
    (0.0, 0.0, 1.12),
)


def choose_poses(
    net: LegendNet, crops: NDArray[np.uint8], settings: Preprocessing
) -> list[LegendPose]:
    """Return the legend poses of crops (N, S, S, 3).

    Of two likely turns, it is the one in which the net reads more letters. Without
    `settings.framed`, it is the middle of each crop.
    """
    if not settings.framed:
        return [centred_pose(settings)] * len(crops)
    likely = predict_poses(crops)
    poses = [turns[0] for turns in likely]
    unsure = [k for k, turns in enumerate(likely) if len(turns) > 1]
    if unsure:
        first, second = (
            _letters_read(
                predict_once(
                    net, crops[unsure], settings, [likely[k][turn] for k in unsure]
                )
            )
            for turn in range(2)
        )
        for k, clearly in zip(unsure, second > _CLEARLY_MORE * first, strict=True):
            poses[k] = likely[k][1] if clearly else poses[k]
    return poses


@torch.inference_mode()
def predict(
    net: LegendNet, crops: NDArray[np.uint8], settings: Preprocessing
) -> LegendOutput:
    """Return the outputs of a net in evaluation mode for crops (N, S, S, 3).

    The letters are those of one view. Features, embedding and logits of doubtful coins
    come from the mean of seven views.
    """
    poses = choose_poses(net, crops, settings)
    output = predict_once(net, crops, settings, poses)
    best = output.logits.softmax(1).amax(1)
    doubtful = torch.nonzero(best < _DOUBTFUL).flatten().tolist()
    if not settings.framed or not doubtful:
        return output
    nearby = [
        predict_once(
            net, crops[doubtful], settings, [_moved(poses[k], *move) for k in doubtful]
        )
        for move in _NEARBY
    ]
    features, embedding = output.features.clone(), output.embedding.clone()
    features[doubtful] = _mean(features[doubtful], [one.features for one in nearby])
    embedding[doubtful] = _mean(embedding[doubtful], [one.embedding for one in nearby])
    return replace(
        output,
        features=features,
        embedding=embedding,
        logits=net.classify(embedding),
    )


def _mean(first: Tensor, others: Sequence[Tensor]) -> Tensor:
    return torch.stack([first, *others]).mean(0)


def _moved(pose: LegendPose, right: float, down: float, scale: float) -> LegendPose:
    return replace(
        pose,
        centre_x=pose.centre_x + right * pose.radius,
        centre_y=pose.centre_y + down * pose.radius,
        radius=pose.radius * scale,
    )


@torch.inference_mode()
def predict_once(
    net: LegendNet,
    crops: NDArray[np.uint8],
    settings: Preprocessing,
    poses: Sequence[LegendPose],
) -> LegendOutput:
    """Return the outputs for one view of each crop (N, S, S, 3), at its pose."""
    device = next(net.parameters()).device
    parts = []
    for first in range(0, len(crops), _BATCH):
        rows = slice(first, first + _BATCH)
        inputs = torch.from_numpy(prepare(crops[rows], settings, poses[rows]))
        if device.type == "cpu":
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        parts.append(net.read_letters(inputs.to(device)))
    if len(parts) == 1:
        return parts[0]
    names = [item.name for item in fields(LegendOutput)]
    return LegendOutput(
        *(torch.cat([getattr(part, name) for part in parts]) for name in names)
    )


def _letters_read(output: LegendOutput) -> Tensor:
    """Return how much is read on each coin, (N,); clear letters count most."""
    probabilities = output.letters.softmax(1)[:, :-1].amax(1)
    return (probabilities**2).sum((1, 2))
