"""Train and measure the net that predicts a legend's pose: place, size and turn."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from coin_core.classifiers.legend_net import (
    DEFAULT_POSE,
    LEGEND_BUNDLE,
    LEGEND_PX,
    TURNS,
    LegendLocalizerNet,
    best_poses,
    crops_to_input,
    window_around,
)
from coin_core.evaluation.metrics import accuracy_figures
from coin_core.imaging.preprocessing import (
    VIEW_MARGIN,
    LegendPose,
    normalize_degrees,
    warp_to_legend,
)
from coin_core.jobs import track
from coin_core.model_store.card import Card
from coin_core.rendering import RenderedCoin, render_coin
from coin_core.training.release import checkpoints_of, save_small_net
from coin_core.training.rendered_dataset import RenderedGroups, rendered_in_background
from coin_core.training.trainer import fit_small_net

_BATCH = 64
_COINS = 108_000
_RENDERED_PX = 128
_MARGIN = 1.08  # of a crop around the flan's box
_ANY_TURN = 0.35  # fraction of the crops turned by any angle
_SECOND_LOOKS = 0.3
_STEP = 360 / TURNS
_SPREAD_DEG = 7.0  # of the target turn, over neighbouring directions
_TEST_SEED = 1_000_099
_LYING_DEG = 40


Batch = tuple[Tensor, Tensor, Tensor]
"""Crops as the net takes them, and the targets of place and turn."""


def _placements(seed: int, groups: range, placements: int) -> RenderedGroups[Batch]:
    render = partial(render_coin, seed, size_px=_RENDERED_PX)
    return RenderedGroups(seed, groups, _BATCH, placements, render=render, show=_place)


def _place(rng: np.random.Generator, coins: Sequence[RenderedCoin]) -> Batch:
    """The input of the net, and its targets."""
    poses = [_pose(coin) for coin in coins]
    windows = [
        _window(rng, _flan(coin), pose) for coin, pose in zip(coins, poses, strict=True)
    ]
    crops = warp_to_legend(np.stack([coin.image for coin in coins]), windows, LEGEND_PX)
    relative = [
        pose.relative_to(window) for pose, window in zip(poses, windows, strict=True)
    ]
    return crops_to_input(_photograph(rng, crops)), *_targets(relative)


def train_legend_localizer(
    out: Path,
    *,
    seed: int = 0,
    coins: int = _COINS,
    placements: int = 6,
    epochs: int = 20,
    workers: int = 1,
) -> dict[str, Any]:
    """Train the legend localizer on rendered coins and write it as a bundle.

    Args:
        out: Folder of the bundle. An interrupted training resumes from the checkpoint
            beside it.
        seed: Seed of coins, crops and the net's first weights.
        coins: How many are rendered, each for one epoch.
        placements: How many crops of each are cut.
        epochs: At least 1.
        workers: Processes that render coins.

    Returns:
        The figures of `measure_legend_localizer` on coins that were not trained on.
    """
    torch.manual_seed(seed)
    net = LegendLocalizerNet()
    groups = max(1, coins // epochs // _BATCH)

    def draw_epoch(epoch: int) -> Iterator[Batch]:
        own = range(epoch * groups, (epoch + 1) * groups)
        batches = _placements(seed, own, placements)
        return iter(rendered_in_background(workers, batches))

    facts = {
        "data": "rendered coins",
        "coins": epochs * groups * _BATCH,
        "lays": placements,
        "epochs": epochs,
        "seed": seed,
    }
    seconds = fit_small_net(
        net,
        draw_epoch,
        _loss,
        folder=checkpoints_of(out),
        name=LEGEND_BUNDLE,
        settings=facts,
        epochs=epochs,
        steps=groups * placements,
        peak_rate=2e-3,
    )
    figures = measure_legend_localizer(2000, net=net)
    card = Card(
        name=LEGEND_BUNDLE,
        classifier="",
        title="Finds where the legend lies and how it is turned",
        classes=("place", "turn"),
        preprocessing={"size_px": LEGEND_PX},
        training=facts,
        metrics=(figures,),
    )
    save_small_net(out, net, card, seconds=seconds)
    return figures


def measure_legend_localizer(
    n: int, seed: int = _TEST_SEED, *, net: nn.Module | None = None
) -> dict[str, Any]:
    """How well the legends of unseen rendered coins are found.

    Args:
        n: Coins; one in ten is turned by any angle.
        seed: Of the coins.
        net: The localizer, by default the shipped one.

    Returns:
        Median error of centre and radius (fractions of the radius) and of the turn
        (degrees), and the fraction with all three near enough to read: a fifth of the
        radius and 15 degrees, with its Wilson interval; of all and of the turned ones.
    """
    numbers = track(range(n), "measuring legends", unit="coin", has_bar=n >= 500)
    coins = [render_coin(seed, k, size_px=160) for k in numbers]
    crops, poses = zip(*map(crop_to_coin, coins), strict=True)
    off, scaled, turned, right = [], [], [], []
    for true, found in zip(poses, best_poses(np.stack(crops), net), strict=True):
        away = math.hypot(
            found.centre_x - true.centre_x, found.centre_y - true.centre_y
        )
        turn = abs(normalize_degrees(found.turn_deg - true.turn_deg))
        off.append(away / true.radius)
        scaled.append(abs(math.log(found.radius / true.radius)))
        turned.append(turn)
        right.append(bool(off[-1] < 0.2 and scaled[-1] < 0.2 and turn < 15))
    lying = [abs(coin.turn_deg) > _LYING_DEG for coin in coins]
    return {
        "data": f"rendered coins, seed {seed}",
        "centre_error": float(np.median(off)),
        "radius_error": float(np.median(scaled)),
        "turn_error_deg": float(np.median(turned)),
        **accuracy_figures(right),
        "turned": sum(lying),
        "turned_right": sum(
            near for near, is_lying in zip(right, lying, strict=True) if is_lying
        ),
    }


def crop_to_coin(coin: RenderedCoin) -> tuple[NDArray[np.uint8], LegendPose]:
    """The square crop around a coin's flan (160, 160, 3), and the legend's pose on it.

    Raises:
        ValueError: The coin shows no legend.
    """
    window = _whole_flan(_flan(coin))
    crop: NDArray[np.uint8] = warp_to_legend(coin.image[None], [window], 160)[0]
    return crop, _pose(coin).relative_to(window)


def _pose(coin: RenderedCoin) -> LegendPose:
    if coin.legend_pose is None:
        raise ValueError(f"A coin that shows a {coin.kind} has no legend.")
    return coin.legend_pose


def _flan(coin: RenderedCoin) -> NDArray[np.float64]:
    """Centre (x, y) and longer side of the flan's box."""
    left, top, right, bottom = np.clip(coin.flan_box, 0, 1).tolist()
    return np.array(
        [(left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top)]
    )


def _whole_flan(
    flan: NDArray[np.float64],
    shift: tuple[float, float] = (0.0, 0.0),
    scale: float = 1.0,
    turn_deg: float = 0.0,
) -> LegendPose:
    """The square crop around a flan, as the pose whose view it is."""
    x, y, side = flan.tolist()
    return LegendPose(
        centre_x=x + shift[0] * side,
        centre_y=y + shift[1] * side,
        radius=_MARGIN * side * scale / (2 * VIEW_MARGIN),
        turn_deg=turn_deg,
    )


def _window(
    rng: np.random.Generator, flan: NDArray[np.float64], pose: LegendPose
) -> LegendPose:
    """A crop as the coin detector cuts it, or one around the predicted pose.

    Its errors are larger than the detector's, so that the net finds the legend and not
    the centre of the flan: some coins were struck off centre by a quarter.
    """
    if rng.random() < _SECOND_LOOKS:
        right, down, scale = (rng.normal(0, 0.1, 3)).tolist()
        around = window_around(pose)
        return replace(
            around,
            centre_x=around.centre_x + right * pose.radius,
            centre_y=around.centre_y + down * pose.radius,
            radius=around.radius * math.exp(scale),
            turn_deg=around.turn_deg + float(rng.normal(0, 8)),
        )
    any_turn = rng.random() < _ANY_TURN
    turn = float(rng.uniform(-180, 180) if any_turn else rng.normal(0, 6))
    right, down = rng.normal(0, 0.05, 2).tolist()
    return _whole_flan(flan, (right, down), math.exp(rng.normal(0, 0.1)), turn)


def _photograph(
    rng: np.random.Generator, crops: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Crops as other photos show them: some negative, blurred, or of fewer pixels."""
    out = crops.copy()
    for k, chance in enumerate(rng.random((len(crops), 3)).tolist()):
        if chance[0] < 0.15:  # earth may be lighter or darker than the letters
            out[k] = 255 - out[k]
        if chance[1] < 0.25:
            small = int(rng.integers(40, LEGEND_PX))
            size = (small, small)
            fewer = cv2.resize(out[k], size, interpolation=cv2.INTER_AREA)
            out[k] = cv2.resize(fewer, (LEGEND_PX, LEGEND_PX))
        if chance[2] < 0.25:
            out[k] = cv2.GaussianBlur(out[k], (0, 0), float(rng.uniform(0.4, 1.2)))
    return out


def _targets(poses: list[LegendPose]) -> tuple[Tensor, Tensor]:
    """Target places (N, 3) and probabilities of the directions (N, 36)."""
    places = [
        (
            (pose.centre_x - 0.5) / DEFAULT_POSE.radius,
            (pose.centre_y - 0.5) / DEFAULT_POSE.radius,
            math.log(pose.radius / DEFAULT_POSE.radius),
        )
        for pose in poses
    ]
    turns = np.array([pose.turn_deg for pose in poses])
    away = (turns[:, None] - np.arange(TURNS) * _STEP + 180) % 360 - 180
    directions = np.exp(-((away / _SPREAD_DEG) ** 2) / 2)
    directions /= directions.sum(axis=1, keepdims=True)
    return torch.tensor(places), torch.from_numpy(directions.astype(np.float32))


def _loss(net: Callable[[Tensor], Any], batch: Batch) -> Tensor:
    crops, places, turns = batch
    place, turn = net(crops)
    off = functional.smooth_l1_loss(place, places, beta=0.1)
    return 4 * off + functional.cross_entropy(turn, turns)
