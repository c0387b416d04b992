"""The coins that readers are taught on: how many, how often, what is true of them."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info

from coin_core.imaging.legend_pose import LegendPose, warp_to_legend
from coin_core.imaging.preprocessing import Preprocessing, standardize
from coin_core.rendering import RenderedCoin, render_coin
from coin_core.rulers import DEFAULT_CLASSES
from coin_core.training.augmentation import disturb
from coin_core.training.datasets import CROP_PX
from coin_core.training.letter_targets import letter_map

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """So many coins, each seen `views` times, taught `batch` at a time.

    The rate rises to `peak_rate` and falls along a cosine. If `disturbed`, each view is
    changed as other photographs would.
    """

    coins: int
    views: int = 1
    batch: int = 16
    peak_rate: float = 6e-4
    disturbed: bool = False

    @property
    def batches(self) -> int:
        """Of different coins; the last coins that would not fill one are left out."""
        return max(1, self.coins // self.batch)

    @property
    def seen(self) -> int:
        """Views of all coins."""
        return self.batches * self.batch * self.views

    def rate_at(self, share: float) -> float:
        """Learning rate after that share of the round."""
        if share < 0.04:
            return self.peak_rate * (0.05 + 0.95 * share / 0.04)
        fall = (share - 0.04) / 0.96
        return self.peak_rate * (0.002 + 0.998 * (1 + math.cos(math.pi * fall)) / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How readers are taught: in rounds, one after the other.

    Each begins anew at a high rate, which leaves what the last one settled on for
    something better (Loshchilov and Hutter, "SGDR", ICLR 2017).
    """

    rounds: tuple[Round, ...] = (
        Round(coins=120_000, peak_rate=1e-3),
        Round(coins=220_000),
        Round(coins=160_000),
        Round(coins=290_000, views=5, batch=128, peak_rate=1.2e-3, disturbed=True),
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
        """The round after `seen` views, its first coin, and its views seen already."""
        coins = 0
        for part in self.rounds[:-1]:
            if seen < part.seen:
                return part, coins, seen
            seen -= part.seen
            coins += part.coins
        return self.rounds[-1], coins, seen

    def rate_at(self, seen: int) -> float:
        """Learning rate after `seen` views."""
        part, _, within = self.at(seen)
        return part.rate_at(min(1.0, within / part.seen))

    def wear_of(self, coin: int) -> float:
        """Wear of a coin by its number: fresh ones first."""
        return min(1.0, 0.25 + 0.75 * coin / self.easy_coins)


SCHEDULE = Schedule()
SETTINGS = Preprocessing(framed=True)
_FRAME_STREAM = 71  # of the chances that a frame is off, beside those of the coin
_FAR_OFF = 0.1
_EVEN = 0.08  # of a standardised picture's deviation, as 4 grey levels are of a coin's


class Batch(NamedTuple):
    """N coins as seen in their frames, and what is true of them.

    views: uint8 (N, S, S, 3); rulers: int64 (N,); legible: float (N,), the share of the
    name; letters: int64 (N, S/8, S/8), with their weights, float.
    """

    views: Tensor
    rulers: Tensor
    legible: Tensor
    letters: Tensor
    weights: Tensor

    def to(self, device: str) -> "Batch":
        """The same on another device."""
        return Batch(*(part.to(device, non_blocking=True) for part in self))

    def inputs(self, *, disturbed: bool = False) -> Tensor:
        """What a reader sees of them, float32 (N, 3, S, S)."""
        seen = standardize(self.views.permute(0, 3, 1, 2).float(), SETTINGS)
        if disturbed:
            seen = standardize(disturb(seen), SETTINGS, _EVEN)
        return seen.contiguous(memory_format=torch.channels_last)


def found_about(rng: np.random.Generator, coin: RenderedCoin) -> LegendPose:
    """A legend's frame as it might be found: nearly right, now and then far off."""
    if coin.legend_pose is None:
        raise ValueError(f"A coin that shows a {coin.kind} has no legend to read.")
    off = np.float64(2.5 if rng.random() < _FAR_OFF else 1.0)
    right, down = (rng.normal(0, 0.06, 2) * off * coin.legend_pose.radius).tolist()
    grown, turn = (rng.normal(0, (0.07, 5.0)) * off).tolist()
    return LegendPose(
        centre_x=coin.legend_pose.centre_x + right,
        centre_y=coin.legend_pose.centre_y + down,
        radius=coin.legend_pose.radius * math.exp(grown),
        turn_deg=coin.legend_pose.turn_deg + turn,
    )


def render_batch(seed: int, first: int, count: int, wear: float = 1.0) -> Batch:
    """Strike coins first..first+count of a collection and see each once."""
    return see_batch(_strike(seed, first, count, wear), seed, first, 0)


def _strike(seed: int, first: int, count: int, wear: float) -> list[RenderedCoin]:
    return [
        render_coin(seed, first + i, size_px=CROP_PX, wear=wear) for i in range(count)
    ]


def see_batch(coins: list[RenderedCoin], seed: int, first: int, view: int) -> Batch:
    """Struck coins, from number `first` on, in frames as they might be found."""
    streams = [[seed, first + i, _FRAME_STREAM, view] for i in range(len(coins))]
    frames = [
        # the first view draws as the only one did
        found_about(np.random.default_rng(stream if view else stream[:3]), coin)
        for stream, coin in zip(streams, coins, strict=True)
    ]
    maps = [
        letter_map(coin, SETTINGS, frame)
        for coin, frame in zip(coins, frames, strict=True)
    ]
    images = np.stack([coin.image for coin in coins])
    rulers = [DEFAULT_CLASSES.index(coin.ruler or "") for coin in coins]
    return Batch(
        views=torch.from_numpy(warp_to_legend(images, frames, SETTINGS.size_px)),
        rulers=torch.tensor(rulers),
        legible=torch.tensor([coin.name_legibility for coin in coins]),
        letters=torch.from_numpy(np.stack([labels for labels, _ in maps])),
        weights=torch.from_numpy(np.stack([weights for _, weights in maps])),
    )


class RenderedBatches(IterableDataset[Batch]):
    """Batches after `seen` views, in order, shared out over the workers.

    A worker keeps a batch of coins until each was seen often enough; with several
    workers the views of one batch lie that far apart.
    """

    def __init__(self, seed: int, seen: int, schedule: Schedule) -> None:
        self.seed, self.seen, self.schedule = seed, seen, schedule

    def __iter__(self) -> Iterator[Batch]:
        number, of = which_worker()
        seen = self.seen
        # the loader takes from the workers in turn, beginning with the first
        turn = 0
        struck: tuple[int, list[RenderedCoin]] = (-1, [])
        while seen < self.schedule.seen:
            part, coins_before, within = self.schedule.at(seen)
            if turn % of == number:
                place, view = _place(within // part.batch, part, of)
                first = coins_before + place * part.batch
                if struck[0] != first:
                    wear = self.schedule.wear_of(first)
                    coins = _strike(self.seed, first, part.batch, wear)
                    struck = (first, coins)
                yield see_batch(struck[1], self.seed, first, view)
            seen += part.batch
            turn += 1


def which_worker() -> tuple[int, int]:
    """The number of the process that strikes, and how many strike."""
    worker = get_worker_info()
    return (worker.id, worker.num_workers) if worker else (0, 1)


def rendered_in_background(
    workers: int, batches: Dataset[Item], *, pinned: bool = False
) -> DataLoader[Item]:
    """A loader of batches that so many processes strike ahead; with 0, this one.

    Args:
        workers: Processes.
        batches: Whole batches; if they come in no order but their own, the dataset
            itself shares them out over the workers.
        pinned: Lay them where a GPU fetches them fastest.
    """
    # a process that is forked beside OpenCV's threads waits for them for ever
    cv2.setNumThreads(1)
    # threads that wait for a core on which coins are struck take twenty times as long
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
    """Which coins the batch of that number in its round shows, and which view."""
    groups, within = divmod(number, workers * part.views)
    left = part.batches - groups * workers
    view, place = divmod(within, min(workers, left))
    return groups * workers + place, view
