"""Train and measure the net that finds where a legend lies and how it is turned."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import IterableDataset
from tqdm import tqdm

from coin_core.detection.legend_localizer import (
    FRAME_PX,
    FRAMES,
    TURNS,
    USUAL,
    FrameNet,
    frames_of,
    to_frame_net,
    window_around,
)
from coin_core.evaluation.metrics import wilson
from coin_core.imaging.legend_pose import (
    VIEW_MARGIN,
    LegendPose,
    least_turn,
    warp_to_legend,
)
from coin_core.model_store.card import Card
from coin_core.rendering import RenderedCoin, render_coin
from coin_core.training.rendered_dataset import rendered_in_background, which_worker
from coin_core.training.trainer import fit_small_net, save_small_net

__all__ = ["cropped", "measure_frames", "train_frames"]

_BATCH = 64
_COINS = 108_000
_STRUCK_PX = 128
_MARGIN = 1.08  # of a crop around the flan's box
_ANY_TURN = 0.35  # of the crops lie as they fell
_SECOND_LOOKS = 0.3
_STEP = 360 / TURNS
_SPREAD_DEG = 7.0  # of the turn that is taught, over neighbouring directions
_TEST_SEED = 1_000_099
_LYING_DEG = 40


class _Layings(IterableDataset[tuple[Tensor, Tensor, Tensor]]):
    """Batches of one epoch: coins struck for it, each laid down `lays` times.

    The coins are those of as many groups, one to a batch, from number `start` on.
    """

    def __init__(self, seed: int, start: int, groups: int, lays: int) -> None:
        self.seed, self.start, self.groups, self.lays = seed, start, groups, lays

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        number, of = which_worker()
        for group in range(number, self.groups, of):
            first = (self.start + group) * _BATCH
            rng = np.random.default_rng([self.seed, first, 17])
            coins = [
                render_coin(self.seed, first + k, size_px=_STRUCK_PX)
                for k in range(_BATCH)
            ]
            for _ in range(self.lays):
                yield _laid(rng, coins)


def _laid(
    rng: np.random.Generator, coins: Sequence[RenderedCoin]
) -> tuple[Tensor, Tensor, Tensor]:
    """Crops as the net sees them, and what it is to say of them."""
    true = [_frame(coin) for coin in coins]
    windows = [
        _window(rng, _flan(coin), frame)
        for coin, frame in zip(coins, true, strict=True)
    ]
    crops = warp_to_legend(np.stack([coin.image for coin in coins]), windows, FRAME_PX)
    laid = [
        frame.relative_to(window) for frame, window in zip(true, windows, strict=True)
    ]
    return to_frame_net(_photographed(rng, crops)), *_targets(laid)


def train_frames(
    out: Path,
    *,
    seed: int = 0,
    coins: int = _COINS,
    lays: int = 6,
    epochs: int = 20,
    workers: int = 1,
) -> dict[str, Any]:
    """Train the frame net on rendered coins and write it as a bundle.

    Args:
        out: Folder of the bundle. A training that was cut off goes on from the
            checkpoint beside it.
        seed: Draws coins, crops and the net's first weights.
        coins: How many are struck, each for one epoch.
        lays: How often each is laid down anew.
        epochs: At least 1.
        workers: Processes that strike coins.

    Returns:
        The figures of `measure_frames` on coins that were not trained on.
    """
    work = out.with_name(f".{out.name}-training")
    torch.manual_seed(seed)
    net = FrameNet()
    groups = max(1, coins // epochs // _BATCH)

    def draw_epoch(epoch: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        layings = _Layings(seed, epoch * groups, groups, lays)
        return iter(rendered_in_background(workers, layings))

    seconds = fit_small_net(
        net,
        draw_epoch,
        _loss,
        work=work,
        name=FRAMES,
        epochs=epochs,
        steps=groups * lays,
        rate=2e-3,
    )
    figures = measure_frames(2000, net=net)
    card = Card(
        name=FRAMES,
        classifier="",
        title="Finds where the legend lies and how it is turned",
        classes=("place", "turn"),
        preprocessing={"size_px": FRAME_PX},
        training={
            "data": "rendered coins",
            "coins": coins,
            "lays": lays,
            "epochs": epochs,
            "seed": seed,
        },
        metrics=(figures,),
    )
    save_small_net(out, net, card, work, seconds=seconds)
    return figures


def measure_frames(
    n: int, seed: int = _TEST_SEED, *, net: nn.Module | None = None
) -> dict[str, Any]:
    """How well the legends of unseen rendered coins are found.

    Args:
        n: Coins; one in ten lies at any turn.
        seed: Of the coins.
        net: The frame net, by default the shipped one.

    Returns:
        Median error of centre and radius (shares of the radius) and of the turn
        (degrees), and the share with all three near enough to read: a fifth of the
        radius and 15 degrees, with its Wilson interval; all, and of the turned ones.
    """
    coins = [render_coin(seed, k, size_px=160) for k in range(n)]
    bar = tqdm(coins, desc="legends", unit="coin", disable=n < 500)
    crops, frames = zip(*map(cropped, bar), strict=True)
    off, grown, turned, right = [], [], [], []
    for true, found in zip(frames, frames_of(np.stack(crops), net), strict=True):
        away = math.hypot(
            found.centre_x - true.centre_x, found.centre_y - true.centre_y
        )
        turn = abs(least_turn(found.turn_deg - true.turn_deg))
        off.append(away / true.radius)
        grown.append(abs(math.log(found.radius / true.radius)))
        turned.append(turn)
        right.append(bool(off[-1] < 0.2 and grown[-1] < 0.2 and turn < 15))
    lying = [abs(coin.turn_deg) > _LYING_DEG for coin in coins]
    low, high = wilson(sum(right), n)
    return {
        "data": f"rendered coins, seed {seed}",
        "n": n,
        "centre_error": float(np.median(off)),
        "radius_error": float(np.median(grown)),
        "turn_error_deg": float(np.median(turned)),
        "accuracy": sum(right) / n,
        "accuracy_low": low,
        "accuracy_high": high,
        "turned": sum(lying),
        "turned_right": sum(
            near for near, lies in zip(right, lying, strict=True) if lies
        ),
    }


def cropped(coin: RenderedCoin) -> tuple[NDArray[np.uint8], LegendPose]:
    """The square crop around a coin's flan (160, 160, 3), and the legend's frame on it.

    Raises:
        ValueError: The coin shows no legend.
    """
    window = _whole_flan(_flan(coin))
    crop: NDArray[np.uint8] = warp_to_legend(coin.image[None], [window], 160)[0]
    return crop, _frame(coin).relative_to(window)


def _frame(coin: RenderedCoin) -> LegendPose:
    if coin.legend_pose is None:
        raise ValueError(f"A coin that shows a {coin.kind} has no legend.")
    return coin.legend_pose


def _flan(coin: RenderedCoin) -> NDArray[np.float64]:
    """Middle (x, y) and longer side of the flan's box."""
    left, top, right, bottom = np.clip(coin.flan_box, 0, 1).tolist()
    return np.array(
        [(left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top)]
    )


def _whole_flan(
    flan: NDArray[np.float64],
    shift: tuple[float, float] = (0.0, 0.0),
    grown: float = 1.0,
    turn_deg: float = 0.0,
) -> LegendPose:
    """The square crop around a flan, as the frame whose view it is."""
    x, y, side = flan.tolist()
    return LegendPose(
        centre_x=x + shift[0] * side,
        centre_y=y + shift[1] * side,
        radius=_MARGIN * side * grown / (2 * VIEW_MARGIN),
        turn_deg=turn_deg,
    )


def _window(
    rng: np.random.Generator, flan: NDArray[np.float64], frame: LegendPose
) -> LegendPose:
    """A crop as a finder might cut it, with the coin laid down anew; or a second look.

    It is off by more than a finder is, so that the net looks for the legend and not
    for the middle of the flan: some dies struck it by a quarter off.
    """
    if rng.random() < _SECOND_LOOKS:
        right, down, grown = (rng.normal(0, 0.1, 3)).tolist()
        around = window_around(frame)
        return replace(
            around,
            centre_x=around.centre_x + right * frame.radius,
            centre_y=around.centre_y + down * frame.radius,
            radius=around.radius * math.exp(grown),
            turn_deg=around.turn_deg + float(rng.normal(0, 8)),
        )
    lies = rng.random() < _ANY_TURN
    turn = float(rng.uniform(-180, 180) if lies else rng.normal(0, 6))
    right, down = rng.normal(0, 0.05, 2).tolist()
    return _whole_flan(flan, (right, down), math.exp(rng.normal(0, 0.1)), turn)


def _photographed(
    rng: np.random.Generator, crops: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Crops in other light: now and then a negative, softer, or of fewer pixels."""
    out = crops.copy()
    for k, chance in enumerate(rng.random((len(crops), 3)).tolist()):
        if chance[0] < 0.15:  # earth may lie lighter or darker than the letters
            out[k] = 255 - out[k]
        if chance[1] < 0.25:
            small = int(rng.integers(40, FRAME_PX))
            size = (small, small)
            fewer = cv2.resize(out[k], size, interpolation=cv2.INTER_AREA)
            out[k] = cv2.resize(fewer, (FRAME_PX, FRAME_PX))
        if chance[2] < 0.25:
            out[k] = cv2.GaussianBlur(out[k], (0, 0), float(rng.uniform(0.4, 1.2)))
    return out


def _targets(frames: list[LegendPose]) -> tuple[Tensor, Tensor]:
    """Places (N, 3) and shares of the directions (N, 36) to be taught."""
    places = [
        (
            (frame.centre_x - 0.5) / USUAL.radius,
            (frame.centre_y - 0.5) / USUAL.radius,
            math.log(frame.radius / USUAL.radius),
        )
        for frame in frames
    ]
    turns = np.array([frame.turn_deg for frame in frames])
    away = (turns[:, None] - np.arange(TURNS) * _STEP + 180) % 360 - 180
    shares = np.exp(-((away / _SPREAD_DEG) ** 2) / 2)
    shares /= shares.sum(axis=1, keepdims=True)
    return torch.tensor(places), torch.from_numpy(shares.astype(np.float32))


def _loss(net: Callable[[Tensor], Any], batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    crops, places, turns = batch
    place, turn = net(crops)
    off = functional.smooth_l1_loss(place, places, beta=0.1)
    return 4 * off + functional.cross_entropy(turn, turns)
