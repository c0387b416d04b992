"""Rendered coins for pretraining: how many, how often, and what is true of them."""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info

from coin_core.imaging.preprocessing import (
    CROP_PX,
    LegendPose,
    Preprocessing,
    standardize,
    warp_to_legend,
)
from coin_core.rendering import RenderedCoin, render_coin
from coin_core.rulers import DEFAULT_CLASSES
from coin_core.training.augmentation import randomize_appearance
from coin_core.training.letter_targets import letter_map
from coin_core.training.trainer import warmup_cosine

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A number of coins, each shown in `views` views, `batch` at a time.

    The learning rate rises to `peak_rate` and falls along a cosine. If `augmented`, the
    appearance of each view is randomized.
    """

    coins: int
    views: int = 1
    batch: int = 16
    peak_rate: float = 6e-4
    augmented: bool = False

    @property
    def batches(self) -> int:
        """Batches of different coins; coins that do not fill one are left out."""
        return max(1, self.coins // self.batch)

    @property
    def seen(self) -> int:
        """Views of all coins."""
        return self.batches * self.batch * self.views


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The rounds of pretraining, one after the other.

    Each starts again at a high learning rate, which leaves the last optimum for a
    better one (Loshchilov and Hutter, "SGDR", ICLR 2017).
    """

    rounds: tuple[Round, ...] = (
        Round(coins=120_000, peak_rate=1e-3),
        Round(coins=220_000),
        Round(coins=160_000),
        Round(coins=290_000, views=5, batch=128, peak_rate=1.2e-3, augmented=True),
    )
    weight_decay: float = 0.02
    ruler_weight: float = 1.0
    easy_coins: int = 24_000
    validations: int = 140
    validation_coins: int = 600

    @property
    def seen(self) -> int:
        """Views of all coins in all rounds."""
        return sum(part.seen for part in self.rounds)

    def at(self, seen: int) -> tuple[Round, int, int]:
        """The round after `seen` views, its first coin, and its views shown already."""
        coins = 0
        for part in self.rounds[:-1]:
            if seen < part.seen:
                return part, coins, seen
            seen -= part.seen
            coins += part.coins
        return self.rounds[-1], coins, seen

    def epochs(self) -> list[list[int]]:
        """The views shown before each batch; an epoch ends with a validation."""
        every = self.seen / self.validations
        epochs: list[list[int]] = [[]]
        seen = 0
        while seen < self.seen:
            epochs[-1].append(seen)
            before, seen = seen, seen + self.at(seen)[0].batch
            if int(seen / every) > int(before / every) and seen < self.seen:
                epochs.append([])
        return epochs

    def rate_at(self, seen: int) -> float:
        """Learning rate after `seen` views."""
        part, _, within = self.at(seen)
        warmup = 0.04 * part.seen
        return part.peak_rate * warmup_cosine(
            within, part.seen, warmup=warmup, start=0.05, end=0.002
        )

    def wear_of(self, coin: int) -> float:
        """Wear of a coin by its number: fresh ones first."""
        return min(1.0, 0.25 + 0.75 * coin / self.easy_coins)


SCHEDULE = Schedule()
SETTINGS = Preprocessing(framed=True)
_POSE_STREAM = 71  # of the random errors of the legend's pose, beside those of the coin
_LARGE_ERRORS = 0.1  # fraction of the poses with a large error
_LEAST_DEVIATION = 0.08  # of a standardized picture, as 4 grey levels are of a coin


class Batch(NamedTuple):
    """N coins as seen in the poses of their legends, with their labels.

    views: uint8 (N, S, S, 3); rulers: int64 (N,); legible: float (N,), the fraction of
    the name; letters: int64 (N, S/8, S/8), with their weights, float.
    """

    views: Tensor
    rulers: Tensor
    legible: Tensor
    letters: Tensor
    weights: Tensor

    def to(self, device: str) -> "Batch":
        """The same on another device."""
        return Batch(*(part.to(device, non_blocking=True) for part in self))

    def inputs(self, *, augmented: bool = False) -> Tensor:
        """The input of a net, float32 (N, 3, S, S)."""
        inputs = standardize(self.views.permute(0, 3, 1, 2).float(), SETTINGS)
        if augmented:
            changed = randomize_appearance(inputs)
            inputs = standardize(changed, SETTINGS, _LEAST_DEVIATION)
        return inputs.contiguous(memory_format=torch.channels_last)


def perturb_pose(rng: np.random.Generator, coin: RenderedCoin) -> LegendPose:
    """A legend's pose as it may be predicted: nearly right, sometimes far off."""
    pose = coin.legend_pose
    if pose is None:
        raise ValueError(f"A coin that shows a {coin.kind} has no legend to read.")
    off = np.float64(2.5 if rng.random() < _LARGE_ERRORS else 1.0)
    right, down = (rng.normal(0, 0.06, 2) * off * pose.radius).tolist()
    scale, turn = (rng.normal(0, (0.07, 5.0)) * off).tolist()
    return LegendPose(
        centre_x=pose.centre_x + right,
        centre_y=pose.centre_y + down,
        radius=pose.radius * math.exp(scale),
        turn_deg=pose.turn_deg + turn,
    )


def render_batch(seed: int, first: int, count: int, wear: float = 1.0) -> Batch:
    """Render coins first..first+count of a dataset, in one view each."""
    return view_batch(_render_coins(seed, first, count, wear), seed, first, 0)


def _render_coins(seed: int, first: int, count: int, wear: float) -> list[RenderedCoin]:
    return [
        render_coin(seed, first + i, size_px=CROP_PX, wear=wear) for i in range(count)
    ]


def view_batch(coins: list[RenderedCoin], seed: int, first: int, view: int) -> Batch:
    """Rendered coins, from number `first` on, in poses as they may be predicted."""
    streams = [[seed, first + i, _POSE_STREAM, view] for i in range(len(coins))]
    poses = [
        # The first view has no number, as in datasets with one view a coin.
        perturb_pose(np.random.default_rng(stream if view else stream[:3]), coin)
        for stream, coin in zip(streams, coins, strict=True)
    ]
    maps = [
        letter_map(coin, SETTINGS, pose)
        for coin, pose in zip(coins, poses, strict=True)
    ]
    images = np.stack([coin.image for coin in coins])
    rulers = [DEFAULT_CLASSES.index(coin.ruler or "") for coin in coins]
    return Batch(
        views=torch.from_numpy(warp_to_legend(images, poses, SETTINGS.size_px)),
        rulers=torch.tensor(rulers),
        legible=torch.tensor([coin.name_legibility for coin in coins]),
        letters=torch.from_numpy(np.stack([labels for labels, _ in maps])),
        weights=torch.from_numpy(np.stack([weights for _, weights in maps])),
    )


class RenderedBatches(IterableDataset[Batch]):
    """Batches after `seen` views, in order, divided among the workers.

    A worker keeps a batch of coins until each was shown in all views; with several
    workers the views of one batch are that many batches apart.
    """

    def __init__(self, seed: int, seen: int, schedule: Schedule) -> None:
        self.seed, self.seen, self.schedule = seed, seen, schedule

    def __iter__(self) -> Iterator[Batch]:
        worker, workers = _this_worker()
        seen = self.seen
        # The loader takes from the workers in turn, beginning with the first.
        turn = 0
        cached: tuple[int, list[RenderedCoin]] = (-1, [])
        while seen < self.schedule.seen:
            part, coins_before, within = self.schedule.at(seen)
            if turn % workers == worker:
                place, view = _place(within // part.batch, part, workers)
                first = coins_before + place * part.batch
                if cached[0] != first:
                    wear = self.schedule.wear_of(first)
                    coins = _render_coins(self.seed, first, part.batch, wear)
                    cached = (first, coins)
                yield view_batch(cached[1], self.seed, first, view)
            seen += part.batch
            turn += 1


class RenderedGroups(IterableDataset[Item]):
    """Batches of groups of coins: each group is rendered once and shown in each view.

    Args:
        seed: Of the views.
        groups: The numbers of the groups; those of one epoch follow each other.
        size: Coins of a group.
        views: How often each group is shown.
        render: Makes the coin of a number.
        show: Makes a batch of the coins of a group.
    """

    def __init__(
        self,
        seed: int,
        groups: range,
        size: int,
        views: int,
        *,
        render: Callable[[int], RenderedCoin],
        show: Callable[[np.random.Generator, Sequence[RenderedCoin]], Item],
    ) -> None:
        self.seed, self.groups, self.size, self.views = seed, groups, size, views
        self.render, self.show = render, show

    def __iter__(self) -> Iterator[Item]:
        worker, workers = _this_worker()
        for group in self.groups[worker::workers]:
            first = group * self.size
            rng = np.random.default_rng([self.seed, first, 17])
            coins = [self.render(first + k) for k in range(self.size)]
            for _ in range(self.views):
                yield self.show(rng, coins)


def _this_worker() -> tuple[int, int]:
    """The number of this rendering process, and how many there are."""
    worker = get_worker_info()
    return (worker.id, worker.num_workers) if worker else (0, 1)


def rendered_in_background(
    workers: int, batches: Dataset[Item], *, pinned: bool = False
) -> DataLoader[Item]:
    """A loader of batches that are rendered ahead in other processes.

    Args:
        workers: How many processes; with 0, this one renders.
        batches: Whole batches. An iterable dataset divides them among the workers.
        pinned: Put them into memory from which a GPU copies fastest.
    """
    # A process that is forked while OpenCV has threads waits for them forever.
    cv2.setNumThreads(1)
    # Threads that compete with the rendering for a core take twenty times as long.
    spare = (os.cpu_count() or 1) - workers
    torch.set_num_threads(max(1, min(torch.get_num_threads(), spare)))
    return DataLoader(
        batches,
        batch_size=None,
        num_workers=workers,
        prefetch_factor=6 if workers else None,
        pin_memory=pinned,
    )


def _place(number: int, part: Round, workers: int) -> tuple[int, int]:
    """The coins that a batch of a round shows, and their view, by its number."""
    groups, within = divmod(number, workers * part.views)
    left = part.batches - groups * workers
    view, place = divmod(within, min(workers, left))
    return groups * workers + place, view
