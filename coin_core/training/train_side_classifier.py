"""Train and measure the side net: legend, cornucopia, star, other coin, nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from coin_core.detection import (
    LEGEND_LOGIT_BIAS,
    SIDE_BUNDLE,
    SIDE_PX,
    SideNet,
    side_probabilities,
    side_view,
)
from coin_core.evaluation.metrics import accuracy_figures
from coin_core.imaging.preprocessing import (
    CROP_PX,
    RotatedBox,
    crop_to_flan,
    local_contrast_normalize,
)
from coin_core.jobs import Progress
from coin_core.model_store.card import Card
from coin_core.rendering.backgrounds import BACKGROUNDS, draw_background
from coin_core.rendering.clutter import draw_clutter
from coin_core.rendering.coins import render_coin
from coin_core.results import Side
from coin_core.training.checkpoint import load_tensors, save_tensors
from coin_core.training.release import checkpoints_of, save_small_net
from coin_core.training.trainer import fit_small_net

Image = NDArray[np.uint8]

_BATCH = 64
_RENDERED_PX = 112
_CHUNK = 200
# Of every 28 coins; most are legend sides, because refusing one is the worst error.
_KINDS = (
    *["legend"] * 8,
    *["cornucopia"] * 2,
    *["rough_cornucopia"] * 4,
    *["star_anchor"] * 3,
    *["other"] * 3,
    *["foreign"] * 8,
)
_HARDER = {Side.CORNUCOPIA: "rough_cornucopia", Side.OTHER: "foreign"}
_SIDES = {kind: side for side, kind in _HARDER.items()}
_NOTHING = 0.08  # of the crops
_ANY_TURN = (0.25, 0.5)  # of the rulers' coins, and of others: who knows what is up?
_CUT_OUT = 0.12  # of the crops: a disc on a plain ground, as in catalogues
_MAX_REFUSED = 0.01  # of the legible legends; classifiers refuse other sides too
_MAX_BIAS = 2.5


def train_side_classifier(
    out: Path,
    *,
    seed: int = 0,
    coins: int = 28_000,
    epochs: int = 16,
    batch: int = _BATCH,
) -> dict[str, Any]:
    """Train the side net on rendered coins and write it as a bundle.

    Args:
        out: Folder of the bundle. An interrupted training resumes from the checkpoint
            beside it.
        seed: Seed of coins, crops and the net's first weights.
        coins: How many are rendered; every epoch photographs each anew.
        epochs: At least 1.
        batch: Crops of a step.

    Returns:
        The figures of `measure_side_classifier` on coins that were not trained on.
    """
    images, masks, labels = _render_all(checkpoints_of(out), seed, coins)
    torch.manual_seed(seed)
    net = SideNet()
    steps = max(1, len(images) // batch)
    chance = np.random.default_rng([seed, 4])
    empty = [draw_nothing(chance) for _ in range(max(8, len(images) // 12))]
    backgrounds = [
        _grey(
            chance,
            draw_background(
                chance, _RENDERED_PX, _RENDERED_PX, BACKGROUNDS[k % len(BACKGROUNDS)]
            ),
        )
        for k in range(60)
    ]

    def draw_epoch(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        rng = np.random.default_rng([seed, epoch, 9])
        order = rng.permutation(len(images))
        for step in range(steps):
            crops, sides = [], []
            for k in order[step * batch : (step + 1) * batch]:
                if rng.random() < _NOTHING:
                    bare = empty[int(rng.integers(len(empty)))]
                    crops.append(_blurred(rng, _grey(rng, bare)))
                    sides.append(4)
                else:
                    side = int(labels[k])
                    any_turn = _ANY_TURN[list(Side)[side] is Side.OTHER]
                    crops.append(
                        photograph_anew(
                            rng, images[k], masks[k], backgrounds, any_turn=any_turn
                        )
                    )
                    sides.append(side)
            yield local_contrast_normalize(np.stack(crops)), torch.tensor(sides)

    facts = {
        "data": "rendered coins",
        "coins": coins,
        "epochs": epochs,
        "seed": seed,
    }
    seconds = fit_small_net(
        net,
        draw_epoch,
        _loss,
        folder=checkpoints_of(out),
        name=SIDE_BUNDLE,
        settings=facts,
        epochs=epochs,
        steps=steps,
        peak_rate=3e-3,
    )
    bias = find_legend_bias(net, draw_sample(2500, seed + 20_000))
    figures = measure_side_classifier(2000, seed + 10_000, net=net, bias=bias)
    card = Card(
        name=SIDE_BUNDLE,
        classifier="",
        title="Tells which side of a coin is shown",
        classes=tuple(side.value for side in Side),
        preprocessing={"size_px": SIDE_PX},
        limits={LEGEND_LOGIT_BIAS: bias},
        training=facts,
        metrics=(figures,),
    )
    save_small_net(out, net, card, seconds=seconds)
    return figures


def _loss(net: Callable[[Tensor], Any], batch: tuple[Tensor, Tensor]) -> Tensor:
    crops, sides = batch
    return functional.cross_entropy(net(crops), sides, label_smoothing=0.02)


def _render_all(
    folder: Path, seed: int, coins: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Render the coins, in chunks that an interrupted training finds again."""
    parts = []
    bar = Progress("rendering coins", coins, unit="coin")
    for first in range(0, coins, _CHUNK):
        count = min(_CHUNK, coins - first)
        path = folder / f"coins-{seed}-{first}-{count}.safetensors"
        tensors, _ = load_tensors(path)
        if not tensors:
            rendered = [
                render_coin(seed, k, size_px=_RENDERED_PX, kind=_KINDS[k % len(_KINDS)])
                for k in range(first, first + count)
            ]
            tensors = {
                "images": torch.from_numpy(np.stack([coin.image for coin in rendered])),
                "masks": torch.from_numpy(np.stack([coin.mask for coin in rendered])),
                "labels": torch.tensor(
                    [
                        list(Side).index(_SIDES.get(coin.kind) or Side(coin.kind))
                        for coin in rendered
                    ],
                    dtype=torch.uint8,
                ),
            }
            save_tensors(path, tensors, {"count": count})
        parts.append(tensors)
        bar.update(count)
    bar.close()
    images, masks, labels = (
        torch.cat([part[name] for part in parts]).numpy()
        for name in ("images", "masks", "labels")
    )
    return images, masks, labels


def photograph_anew(
    rng: np.random.Generator,
    image: Image,
    mask: Image,
    backgrounds: list[Image],
    *,
    any_turn: float = _ANY_TURN[0],
) -> Image:
    """Another photo of a rendered coin, grey: background, crop, turn, tone, blur.

    Args:
        rng: Random generator.
        image: The rendered coin, uint8 (S, S, 3).
        mask: 255 on the flan, uint8 (S, S).
        backgrounds: Grey images (S, S), one of which is sometimes put behind it.
        any_turn: How often the coin lies at any turn.
    """
    side = image.shape[0]
    grey = _grey(rng, image)
    if rng.random() < 0.35:
        background = backgrounds[int(rng.integers(len(backgrounds)))]
        cover = cv2.erode(mask, np.ones((3, 3), np.uint8))
        grey = np.where(cover > 127, grey, background)
    if rng.random() < _CUT_OUT:
        disc = np.zeros_like(mask)
        radius = round(side * float(rng.uniform(0.4, 0.5)))
        cv2.circle(disc, (side // 2, side // 2), radius, 255, cv2.FILLED)
        grey = np.where(disc > 0, grey, np.uint8(rng.integers(256)))
    at_any_turn = rng.random() < any_turn
    turn = float(rng.uniform(-180, 180) if at_any_turn else rng.normal(0, 12))
    scale = SIDE_PX / side * float(rng.uniform(0.9, 1.12))
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), turn, scale)
    matrix[0, :2] = matrix[0, :2] * (1 + float(rng.normal(0, 0.04)))
    centre = SIDE_PX / 2 + rng.normal(0, 0.025, 2) * SIDE_PX
    matrix[:, 2] = centre - matrix[:, :2] @ np.array([side / 2, side / 2])
    soft = cv2.GaussianBlur(grey, (3, 3), 0.7)  # the warp shrinks
    out = cv2.warpAffine(
        soft, matrix, (SIDE_PX, SIDE_PX), borderMode=cv2.BORDER_REPLICATE
    )
    return _blurred(rng, np.asarray(out, np.uint8))


def _grey(rng: np.random.Generator, image: Image) -> Image:
    """Random weights of the colours in grey; sometimes a negative."""
    weights = rng.dirichlet((2.0, 4.0, 2.0)).astype(np.float32)
    real = image @ weights
    if rng.random() < 0.12:
        real = np.float32(255) - real
    toned = real * np.float32(rng.uniform(0.6, 1.3)) + np.float32(rng.normal(0, 15))
    return np.asarray(np.clip(toned, 0, 255), np.uint8)


def _blurred(rng: np.random.Generator, grey: Image) -> Image:
    """Small photos, soft photos, grain and JPEG."""
    out = grey
    if rng.random() < 0.35:
        small = int(rng.integers(32, SIDE_PX))
        soft = cv2.resize(out, (small, small), interpolation=cv2.INTER_AREA)
        out = np.asarray(cv2.resize(soft, (SIDE_PX, SIDE_PX)), np.uint8)
    if rng.random() < 0.2:
        sigma = float(rng.uniform(0.3, 0.9))
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), sigma), np.uint8)
    if rng.random() < 0.2:
        reach = int(rng.integers(1, 16))
        grain = rng.integers(-reach, reach + 1, out.shape)
        out = np.asarray(np.clip(out + grain, 0, 255), np.uint8)
    if rng.random() < 0.2:
        quality = int(rng.integers(35, 95))
        _, packed = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, quality])
        out = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)
    return out


def draw_nothing(rng: np.random.Generator) -> Image:
    """A crop without a coin: background, clutter or noise."""
    chance = rng.random()
    if chance < 0.12:
        cells = int(rng.integers(2, SIDE_PX))
        noise = rng.integers(0, 256, (cells, cells, 3)).astype(np.uint8)
        picture = cv2.resize(noise, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_LINEAR)
        return np.asarray(picture, np.uint8)
    view = int(rng.integers(SIDE_PX, 3 * SIDE_PX))
    picture = draw_background(rng, view, view, str(rng.choice(BACKGROUNDS)))
    if rng.random() < 0.75:
        draw_clutter(rng, picture, int(rng.integers(1, 4)))
    x, y = (int(v) for v in rng.integers(0, view - SIDE_PX + 1, 2))
    part = picture[y : y + SIDE_PX, x : x + SIDE_PX]
    if rng.random() < 0.5:
        size = (SIDE_PX, SIDE_PX)
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        part = np.asarray(small, np.uint8)
    return np.asarray(part, np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Grey crops (N, S, S), their sides (N,), and which legends can be read (N,)."""

    crops: NDArray[np.uint8]
    sides: NDArray[np.int64]
    legible: NDArray[np.bool_]


def draw_sample(n: int, seed: int) -> Sample:
    """Crops as the coin detector gives them, a fifth of each side.

    Half of the cornucopia sides and of the other coins are of the harder kinds.
    """
    rng = np.random.default_rng([seed, 13])
    crops, legible = [], []
    for k in range(n):
        side = list(Side)[k % len(Side)]
        if side is Side.NOTHING:
            crops.append(side_view(draw_nothing(rng)))
            legible.append(False)
            continue
        size_px = int(rng.integers(64, 200))
        kind = _HARDER.get(side, side.value) if k // len(Side) % 2 else side.value
        coin = render_coin(seed, k, size_px=size_px, kind=kind)
        left, top, right, bottom = (min(1.0, max(0.0, v)) for v in coin.flan_box)
        box = RotatedBox(left=left, top=top, right=right, bottom=bottom)
        crops.append(side_view(crop_to_flan(coin.image, box, CROP_PX)))
        legible.append(side is Side.LEGEND and coin.name_legibility >= 0.5)
    return Sample(np.stack(crops), np.arange(n) % len(Side), np.array(legible))


def find_legend_bias(net: nn.Module, sample: Sample) -> float:
    """The smallest logit bias of the legend at which few legible ones are refused."""
    legible = sample.crops[sample.legible]
    bias = 0.0
    while bias < _MAX_BIAS and len(legible):
        refused = side_probabilities(legible, net, bias).argmax(axis=1) != 0
        if float(refused.mean()) <= _MAX_REFUSED:
            break
        bias += 0.1
    return round(bias, 1)


def measure_side_classifier(
    n: int, seed: int, *, net: nn.Module | None = None, bias: float = 0.0
) -> dict[str, Any]:
    """How often the side of an unseen rendered coin is classified right.

    Args:
        n: Crops, a fifth of each side.
        seed: Of the coins.
        net: The side net, by default the shipped one with its own bias.
        bias: Logit bias of the legend side, for a net that is passed.

    Returns:
        Accuracy with its Wilson interval, recall by side, the fraction of legend sides
        with a half legible name that are called something else, and the fraction of
        all other crops that are called a legend.
    """
    sample = draw_sample(n, seed)
    predicted = np.concatenate(
        [
            side_probabilities(sample.crops[k : k + 100], net, bias).argmax(axis=1)
            for k in range(0, n, 100)
        ]
    )
    right = predicted == sample.sides
    return {
        "data": f"rendered coins, seed {seed}",
        **accuracy_figures(right),
        "recall": {
            side.value: _fraction(right[sample.sides == k])
            for k, side in enumerate(Side)
        },
        "legible_legends": int(sample.legible.sum()),
        "legible_legends_refused": _fraction(~right[sample.legible]),
        "others_taken_for_legends": _fraction(predicted[sample.sides != 0] == 0),
    }


def _fraction(hits: NDArray[np.bool_]) -> float:
    return round(float(hits.mean()), 4) if len(hits) else 0.0
