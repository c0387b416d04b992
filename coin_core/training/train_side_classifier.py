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
from tqdm import tqdm

from coin_core.detection.faces import RotatedBox, Side, crop_to_flan
from coin_core.detection.nets import (
    LEGEND_LOGIT_BIAS,
    SIDE_PX,
    SIDES,
    SideNet,
    local_contrast_normalize,
    side_probabilities,
)
from coin_core.evaluation.metrics import wilson
from coin_core.model_store.card import Card
from coin_core.rendering.backgrounds import BACKGROUNDS, draw_background
from coin_core.rendering.clutter import draw_clutter
from coin_core.rendering.coins import render_coin
from coin_core.training.checkpoint import load_tensors, save_tensors
from coin_core.training.trainer import fit_small_net, save_small_net

__all__ = ["measure_sides", "train_sides"]

Image = NDArray[np.uint8]

_BATCH = 32
_STRUCK_PX = 112
_CHUNK = 200
# of every 20 coins; legend sides most, for it is worst to refuse one
_TURNS = (
    *["legend"] * 7,
    *["cornucopia"] * 4,
    *["star_anchor"] * 3,
    *["other"] * 6,
)
_NOTHING = 0.08  # of the crops
_TAKEN = 0.03  # of the other sides for a legend, at the lift that is chosen
_MOST_LIFT = 2.5


def train_sides(
    out: Path,
    *,
    seed: int = 0,
    coins: int = 32_000,
    epochs: int = 16,
    batch: int = _BATCH,
) -> dict[str, Any]:
    """Train the side net on rendered coins and write it as a bundle.

    Args:
        out: Folder of the bundle. A training that was cut off goes on from the
            checkpoint beside it.
        seed: Draws coins, crops and the net's first weights.
        coins: How many are struck; every epoch photographs each anew.
        epochs: At least 1.
        batch: Crops of a step.

    Returns:
        The figures of `measure_sides` on coins that were not trained on.
    """
    work = out.with_name(f".{out.name}-training")
    images, masks, labels = _strike_all(work, seed, coins)
    torch.manual_seed(seed)
    net = SideNet()
    steps = max(1, len(images) // batch)
    chance = np.random.default_rng([seed, 4])
    empty = [draw_nothing(chance) for _ in range(max(8, len(images) // 12))]
    grounds = [
        _grey(
            chance,
            draw_background(
                chance, _STRUCK_PX, _STRUCK_PX, BACKGROUNDS[k % len(BACKGROUNDS)]
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
                    crops.append(photograph_anew(rng, images[k], masks[k], grounds))
                    sides.append(int(labels[k]))
            yield local_contrast_normalize(np.stack(crops)), torch.tensor(sides)

    seconds = fit_small_net(
        net,
        draw_epoch,
        _loss,
        work=work,
        name="sides",
        epochs=epochs,
        steps=steps,
        rate=3e-3,
    )
    lift = find_lift(net, draw_sample(1000, seed + 20_000))
    figures = measure_sides(1000, seed + 10_000, net=net, lift=lift)
    card = Card(
        name=SIDES,
        classifier="",
        title="Tells which side of a coin is shown",
        classes=tuple(side.value for side in Side),
        preprocessing={"size_px": SIDE_PX},
        limits={LEGEND_LOGIT_BIAS: lift},
        training={
            "data": "rendered coins",
            "coins": coins,
            "epochs": epochs,
            "seed": seed,
        },
        metrics=(figures,),
    )
    save_small_net(out, net, card, work, seconds=seconds)
    return figures


def _loss(net: Callable[[Tensor], Any], batch: tuple[Tensor, Tensor]) -> Tensor:
    crops, sides = batch
    return functional.cross_entropy(net(crops), sides, label_smoothing=0.02)


def _strike_all(
    work: Path, seed: int, coins: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Strike the coins, in chunks that a cut-off training finds again."""
    parts = []
    bar = tqdm(total=coins, desc="striking")
    for first in range(0, coins, _CHUNK):
        count = min(_CHUNK, coins - first)
        path = work / f"coins-{seed}-{first}-{count}.safetensors"
        tensors, _ = load_tensors(path)
        if not tensors:
            struck = [
                render_coin(seed, k, size_px=_STRUCK_PX, kind=_TURNS[k % len(_TURNS)])
                for k in range(first, first + count)
            ]
            tensors = {
                "images": torch.from_numpy(np.stack([coin.image for coin in struck])),
                "masks": torch.from_numpy(np.stack([coin.mask for coin in struck])),
                "labels": torch.tensor(
                    [list(Side).index(Side(coin.kind)) for coin in struck],
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
    rng: np.random.Generator, image: Image, mask: Image, grounds: list[Image]
) -> Image:
    """Another photo of a struck coin, grey: ground, crop, turn, tone, size, blur.

    Args:
        rng: Source of chance.
        image: The coin as it was struck, uint8 (S, S, 3).
        mask: Its cover, 255 on the flan.
        grounds: Grey pictures (S, S) to lay it on at times.
    """
    side = image.shape[0]
    grey = _grey(rng, image)
    if rng.random() < 0.35:
        ground = grounds[int(rng.integers(len(grounds)))]
        cover = cv2.erode(mask, np.ones((3, 3), np.uint8))
        grey = np.where(cover > 127, grey, ground)
    turn = float(rng.uniform(-180, 180) if rng.random() < 0.25 else rng.normal(0, 12))
    scale = SIDE_PX / side * float(rng.uniform(0.9, 1.12))
    way = cv2.getRotationMatrix2D((side / 2, side / 2), turn, scale)
    way[0, :2] = way[0, :2] * (1 + float(rng.normal(0, 0.04)))
    middle = SIDE_PX / 2 + rng.normal(0, 0.025, 2) * SIDE_PX
    way[:, 2] = middle - way[:, :2] @ np.array([side / 2, side / 2])
    soft = cv2.GaussianBlur(grey, (3, 3), 0.7)  # the warp shrinks
    out = cv2.warpAffine(soft, way, (SIDE_PX, SIDE_PX), borderMode=cv2.BORDER_REPLICATE)
    return _blurred(rng, np.asarray(out, np.uint8))


def _grey(rng: np.random.Generator, image: Image) -> Image:
    """One of many ways from colour to grey; now and then a negative."""
    share = rng.dirichlet((2.0, 4.0, 2.0)).astype(np.float32)
    real = image @ share
    if rng.random() < 0.12:
        real = np.float32(255) - real
    bent = real * np.float32(rng.uniform(0.6, 1.3)) + np.float32(rng.normal(0, 15))
    return np.asarray(np.clip(bent, 0, 255), np.uint8)


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
    """A crop without a coin: a ground, clutter, noise, a blank."""
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
    """Crops (N, S, S, 3), their sides (N,), and which legends can be read (N,)."""

    crops: NDArray[np.uint8]
    sides: NDArray[np.int64]
    legible: NDArray[np.bool_]


def draw_sample(n: int, seed: int) -> Sample:
    """Crops as `find` would give them, a fifth of each side."""
    rng = np.random.default_rng([seed, 13])
    crops, legible = [], []
    for k in range(n):
        side = list(Side)[k % len(Side)]
        if side is Side.NOTHING:
            crops.append(draw_nothing(rng))
            legible.append(False)
            continue
        size_px = int(rng.integers(64, 200))
        coin = render_coin(seed, k, size_px=size_px, kind=side.value)
        left, top, right, bottom = (min(1.0, max(0.0, v)) for v in coin.flan_box)
        box = RotatedBox(left=left, top=top, right=right, bottom=bottom)
        crops.append(crop_to_flan(coin.image, box, SIDE_PX))
        legible.append(side is Side.LEGEND and coin.name_legibility >= 0.5)
    return Sample(np.stack(crops), np.arange(n) % len(Side), np.array(legible))


def find_lift(net: nn.Module, sample: Sample) -> float:
    """The most lift of the legend side at which few other sides are taken for it."""
    others = sample.crops[sample.sides != 0]
    lift = 0.0
    while lift < _MOST_LIFT and len(others):
        said = side_probabilities(others, net, lift + 0.1).argmax(axis=1)
        if float((said == 0).mean()) > _TAKEN:
            break
        lift += 0.1
    return round(lift, 1)


def measure_sides(
    n: int, seed: int, *, net: nn.Module | None = None, lift: float = 0.0
) -> dict[str, Any]:
    """How often the side of an unseen rendered coin is told.

    Args:
        n: Crops, a fifth of each side.
        seed: Of the coins.
        net: The side net, by default the shipped one with its own lift.
        lift: Of the legend side, for a net that is given.

    Returns:
        Accuracy with its Wilson interval, recall by side, of the legend sides whose
        name is half legible or more the share taken for something else, and of all
        other crops the share taken for a legend.
    """
    sample = draw_sample(n, seed)
    said = np.concatenate(
        [
            side_probabilities(sample.crops[k : k + 100], net, lift).argmax(axis=1)
            for k in range(0, n, 100)
        ]
    )
    right = said == sample.sides
    low, high = wilson(int(right.sum()), n)
    return {
        "data": f"rendered coins, seed {seed}",
        "n": n,
        "accuracy": float(right.mean()),
        "accuracy_low": low,
        "accuracy_high": high,
        "recall": {
            side.value: _share(right[sample.sides == k]) for k, side in enumerate(Side)
        },
        "legible_legends": int(sample.legible.sum()),
        "legible_legends_refused": _share(~right[sample.legible]),
        "others_taken_for_legends": _share(said[sample.sides != 0] == 0),
    }


def _share(hits: NDArray[np.bool_]) -> float:
    return round(float(hits.mean()), 4) if len(hits) else 0.0
