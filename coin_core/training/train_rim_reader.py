"""Train and measure the net that reads capitals along a coin's rim."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from coin_core.classifiers.appearance_net import WHOLE_FLAN
from coin_core.classifiers.rim_reader import (
    AROUND_PX,
    CAPITALS,
    INNER,
    NO_LETTER,
    OUTER,
    PLACE_PX,
    REPEATED_PX,
    RIM_BUNDLE,
    RimReader,
    compiled_reader,
    unrolled,
)
from coin_core.evaluation.metrics import accuracy_figures
from coin_core.imaging.preprocessing import (
    CROP_PX,
    Preprocessing,
    RotatedBox,
    crop_matrix,
    crop_to_flan,
    standardize,
)
from coin_core.model_store.card import Card
from coin_core.rendering.coins import CAPITALS_KIND, RenderedCoin, render_coin
from coin_core.training.augmentation import randomize_appearance
from coin_core.training.release import checkpoints_of, save_small_net
from coin_core.training.rendered_dataset import RenderedGroups, rendered_in_background
from coin_core.training.trainer import fit_small_net

_BATCH = 32
_COINS = 45_000
# Larger than the crops, which are as sharp as those of photos then.
_RENDERED_PX = 192
_WEAR = 0.5  # legends that nobody can read teach nothing
_TEST_SEED = 1_000_117
_SETTINGS = Preprocessing(framed=False, **WHOLE_FLAN)
_PLACES = (AROUND_PX + 2 * REPEATED_PX) // PLACE_PX
# Standard deviations of the errors of a box: of its middle, in its sides, and of the
# logarithm of its size. One box in seven has errors 2.5 times as large.
_MOVED, _RESIZED, _LARGE, _LARGE_ERRORS = 0.0075, 0.03, 2.5, 0.15
_TURNED_DEG = 8.0
# What a longer training, or the weights of the last step, learn of rendered coins alone
# is of no use on photos (docs/experiments.md).
_PEAK_RATE, _LEAST_RATE, _DECAY = 2e-3, 0.5, 0.995
_CENTRAL = 0.36  # of a letter's width to either side of its middle
_ILLEGIBLE = 0.3  # below it a place counts neither as the letter nor as none
_NO_LETTER_WEIGHT = 0.25  # most places hold no letter and must not outweigh the others
_LEGIBLE = 0.5

Batch = tuple[Tensor, Tensor, Tensor]
"""Strips (N, 1, 48, 576), letters (N, 144), and how much each place counts (N, 144)."""


def _strips(seed: int, groups: range, views: int) -> RenderedGroups[Batch]:
    render = partial(_render, seed)
    return RenderedGroups(seed, groups, _BATCH, views, render=render, show=_augmented)


def _render(seed: int, number: int) -> RenderedCoin:
    return render_coin(
        seed, number, size_px=_RENDERED_PX, kind=CAPITALS_KIND, wear=_WEAR
    )


def _augmented(rng: np.random.Generator, coins: Sequence[RenderedCoin]) -> Batch:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        return _cut_out(rng, coins, augmented=True)


def _cut_out(
    rng: np.random.Generator, coins: Sequence[RenderedCoin], *, augmented: bool
) -> Batch:
    """The strips of coins, cut out as they may be found, and their letters."""
    boxes = [_found_box(rng, coin) for coin in coins]
    crops = np.stack(
        [
            crop_to_flan(coin.image, box, CROP_PX)
            for coin, box in zip(coins, boxes, strict=True)
        ]
    )
    whole = torch.from_numpy(crops).permute(0, 3, 1, 2).float()
    grey = standardize(whole, _SETTINGS).mean(1, keepdim=True)
    strips = unrolled(randomize_appearance(grey) if augmented else grey)
    targets = [letters_of(coin, box) for coin, box in zip(coins, boxes, strict=True)]
    letters, weights = (np.stack(part) for part in zip(*targets, strict=True))
    return strips, torch.from_numpy(letters), torch.from_numpy(weights)


def _found_box(rng: np.random.Generator, coin: RenderedCoin) -> RotatedBox:
    """The box of a flan nearly as it is, a little turned."""
    left, top, right, bottom = coin.flan_box
    off = _LARGE if rng.random() < _LARGE_ERRORS else 1.0
    side = max(right - left, bottom - top)
    across, down = (rng.normal(0, _MOVED * off, 2) * side).tolist()
    half = 0.5 * side * math.exp(float(rng.normal(0, _RESIZED * off)))
    x, y = (left + right) / 2 + across, (top + bottom) / 2 + down
    return RotatedBox(
        left=max(0.0, x - half),
        top=max(0.0, y - half),
        right=min(1.0, x + half),
        bottom=min(1.0, y + half),
        turn_deg=float(rng.normal(0, _TURNED_DEG)),
    )


def letters_of(
    coin: RenderedCoin, box: RotatedBox
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Numbers of the letters at the places of a strip, and how much each counts.

    Args:
        coin: Of `CAPITALS_KIND`.
        box: That it is cropped to.

    Returns:
        Letters int64 (144,), `NO_LETTER` between them, and weights float32 (144,): the
        legibility of a letter, 0 of one that is hardly legible or beyond the strip.
    """
    letters = np.full(_PLACES, NO_LETTER, np.int64)
    weights = np.full(_PLACES, _NO_LETTER_WEIGHT, np.float32)
    size_px = len(coin.image)
    to_photo = crop_matrix(box, size_px, size_px)
    turn, shift = to_photo[:, :2], to_photo[:, 2]
    crop_px = float(np.hypot(*turn[:, 0]))
    for letter in coin.letters:
        middle = np.array([letter.left + letter.right, letter.top + letter.bottom]) / 2
        right, down = 2 * np.linalg.solve(turn, middle * size_px - shift) - 1
        radius = max(math.hypot(right, down), 0.1)
        angle = math.atan2(down, right) - math.pi / 2
        at = angle / (2 * math.pi) * AROUND_PX % AROUND_PX + REPEATED_PX
        width = 2 * letter.upright_width * size_px / crop_px
        reach = _CENTRAL * width / radius / (2 * math.pi) * AROUND_PX
        height = 2 * letter.upright_height * size_px / crop_px
        inside = min(OUTER - radius, radius - INNER) / height  # of its middle
        for turned in (at - AROUND_PX, at, at + AROUND_PX):
            first = min(round((turned - reach) / PLACE_PX), int(turned // PLACE_PX))
            last = max(round((turned + reach) / PLACE_PX), int(turned // PLACE_PX) + 1)
            places = slice(max(first, 0), max(last, 0))
            if letter.legibility < _ILLEGIBLE or inside < 0.25:
                weights[places] = 0.0
            else:
                letters[places] = CAPITALS.index(letter.letter)
                weights[places] = letter.legibility
    return letters, weights


def train_rim_reader(
    out: Path,
    *,
    seed: int = 0,
    coins: int = _COINS,
    views: int = 1,
    epochs: int = 10,
    workers: int = 1,
) -> dict[str, Any]:
    """Train the reader of capitals on rendered coins and write it as a bundle.

    Args:
        out: Folder of the bundle. An interrupted training resumes from the checkpoint
            beside it.
        seed: Seed of coins, crops and the net's first weights.
        coins: How many are rendered, each for one epoch.
        views: How often each is cut out.
        epochs: At least 1.
        workers: Processes that render coins.

    Returns:
        The figures of `measure_rim_reader` on coins that were not trained on.
    """
    torch.manual_seed(seed)
    net = RimReader()
    groups = max(1, coins // epochs // _BATCH)

    def draw_epoch(epoch: int) -> Iterator[Batch]:
        batches = _strips(seed, range(epoch * groups, (epoch + 1) * groups), views)
        return iter(rendered_in_background(workers, batches))

    facts = {
        "data": "rendered coins",
        "coins": epochs * groups * _BATCH,
        "views": views,
        "epochs": epochs,
        "seed": seed,
    }
    seconds = fit_small_net(
        net,
        draw_epoch,
        _loss,
        folder=checkpoints_of(out),
        name=RIM_BUNDLE,
        settings=facts,
        epochs=epochs,
        steps=groups * views,
        peak_rate=_PEAK_RATE,
        least_rate=_LEAST_RATE,
        decay=_DECAY,
    )
    figures = measure_rim_reader(1000, net=net)
    card = Card(
        name=RIM_BUNDLE,
        classifier="",
        title="Reads Latin and Greek capitals along the rim",
        classes=tuple(CAPITALS),
        preprocessing={"size_px": CROP_PX},
        training=facts,
        metrics=(figures,),
    )
    save_small_net(out, net, card, seconds=seconds)
    return figures


def _loss(net: Callable[[Tensor], Any], batch: Batch) -> Tensor:
    strips, letters, weights = batch
    logits, _ = net(strips)
    each = functional.cross_entropy(logits[:, :, 0], letters, reduction="none")
    return (each * weights).sum() / weights.sum()


@torch.inference_mode()
def measure_rim_reader(
    n: int, seed: int = _TEST_SEED, *, net: nn.Module | None = None
) -> dict[str, Any]:
    """How many letters of unseen rendered coins are read.

    Args:
        n: Coins.
        seed: Of the coins.
        net: The reader, by default the shipped one.

    Returns:
        The fraction of the places in a legible letter where it is the likeliest, with
        its Wilson interval, which is too narrow, as places of one coin are not
        independent; and the fraction of places between letters where one is seen.
    """
    reader = compiled_reader("cpu") if net is None else net.eval()
    right: list[bool] = []
    invented: list[bool] = []
    for first in range(0, n, _BATCH):
        rng = np.random.default_rng([seed, first, 23])
        coins = [
            _render(seed, number) for number in range(first, min(first + _BATCH, n))
        ]
        strips, letters, weights = _cut_out(rng, coins, augmented=False)
        read = reader(strips)[0][:, :, 0].argmax(1)
        legible = (letters != NO_LETTER) & (weights >= _LEGIBLE)
        between = (letters == NO_LETTER) & (weights > 0)
        right += (read == letters)[legible].tolist()
        invented += (read != NO_LETTER)[between].tolist()
    return {
        "data": f"rendered coins with capitals, seed {seed}",
        "coins": n,
        **accuracy_figures(right),
        "invented": sum(invented) / max(1, len(invented)),
    }
