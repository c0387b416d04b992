"""Train and measure the side net: legend, cornucopia, star, other coin, nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from coin_core._face_nets import SIDE_PX, SIDES, SideNet, side_probabilities, to_net
from coin_core.evaluation import wilson
from coin_core.faces import CropBox, Side, crop_to_flan
from coin_core.learning._small_nets import fit_small_net, forget_training
from coin_core.learning.checkpoints import load_tensors, save_tensors
from coin_core.learning.machine import describe_machine
from coin_core.models import Card, halve, save_bundle
from coin_core.rendering.clutter import paste, scatter
from coin_core.rendering.coins import strike_coin
from coin_core.rendering.grounds import GROUNDS, draw_ground

__all__ = ["measure_sides", "train_sides"]

Image = NDArray[np.uint8]

_BATCH = 64
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


def train_sides(
    out: Path, *, seed: int = 0, coins: int = 4000, epochs: int = 8, batch: int = _BATCH
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

    def draw_epoch(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        rng = np.random.default_rng([seed, epoch, 9])
        order = rng.permutation(len(images))
        for step in range(steps):
            crops, sides = [], []
            for k in order[step * batch : (step + 1) * batch]:
                if rng.random() < _NOTHING:
                    crops.append(draw_nothing(rng))
                    sides.append(4)
                else:
                    crops.append(photograph_anew(rng, images[k], masks[k]))
                    sides.append(int(labels[k]))
            yield to_net(np.stack(crops)), torch.tensor(sides)

    seconds = fit_small_net(
        net,
        draw_epoch,
        _loss,
        work=work,
        name="sides",
        epochs=epochs,
        steps=steps,
        rate=4e-3,
    )
    figures = measure_sides(600, seed + 10_000, net=net)
    card = Card(
        name=SIDES,
        classifier="",
        title="Tells which side of a coin is shown",
        classes=tuple(side.value for side in Side),
        preprocessing={"size_px": SIDE_PX},
        training={
            "data": "rendered coins",
            "coins": coins,
            "epochs": epochs,
            "seed": seed,
            "seconds": round(seconds),
            "command": f"python -m coin_core train {SIDES} --data rendered",
            "machine": describe_machine(),
        },
        metrics=(figures,),
        licence="MIT",
    )
    save_bundle(out, card, tensors=halve(net.state_dict()))
    forget_training(work)
    return figures


def _loss(net: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
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
                strike_coin(seed, k, size_px=_STRUCK_PX, kind=_TURNS[k % len(_TURNS)])
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


def photograph_anew(rng: np.random.Generator, image: Image, mask: Image) -> Image:
    """Another photo of a struck coin: ground, crop, turn, colour, size, blur."""
    side = image.shape[0]
    if rng.random() < 0.35:  # a ground that is not of one colour
        ground = draw_ground(rng, side, side, str(rng.choice(GROUNDS)))
        cover = cv2.GaussianBlur(cv2.erode(mask, np.ones((3, 3), np.uint8)), (3, 3), 0)
        paste(ground, image, np.asarray(cover, np.uint8), (side // 2, side // 2))
        image = ground
    turn = float(rng.uniform(-180, 180) if rng.random() < 0.25 else rng.normal(0, 12))
    scale = SIDE_PX / side * float(rng.uniform(0.9, 1.12))
    way = cv2.getRotationMatrix2D((side / 2, side / 2), turn, scale)
    stretch = float(rng.normal(0, 0.04))
    way[0, :2] *= 1 + stretch
    middle = SIDE_PX / 2 + rng.normal(0, 0.025, 2) * SIDE_PX
    way[:, 2] = middle - way[:, :2] @ np.array([side / 2, side / 2])
    out = cv2.warpAffine(
        image, way, (SIDE_PX, SIDE_PX), borderMode=cv2.BORDER_REPLICATE
    )
    out = _recoloured(rng, np.asarray(out, np.uint8))
    if rng.random() < 0.4:
        small = int(rng.integers(40, SIDE_PX))
        out = cv2.resize(out, (small, small), interpolation=cv2.INTER_AREA)
        out = cv2.resize(out, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.25:
        out = cv2.GaussianBlur(out, (0, 0), float(rng.uniform(0.4, 1.4)))
    if rng.random() < 0.3:
        _, packed = cv2.imencode(
            ".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 95))]
        )
        out = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    return np.asarray(out, np.uint8)


def _recoloured(rng: np.random.Generator, image: Image) -> Image:
    """Patina, gold, silver and bad light: colour must say nothing about the side."""
    real = image.astype(np.float32)
    chance = rng.random()
    if chance < 0.45:  # one metal from dark to light
        grey = real @ np.array([0.3, 0.59, 0.11], np.float32)
        tint = rng.uniform(0.45, 1.25, 3).astype(np.float32)
        tint /= tint.max()
        share = np.float32(rng.uniform(0.5, 1.0))
        real += (grey[:, :, None] * tint - real) * share
    elif chance < 0.7:
        real = real * rng.uniform(0.7, 1.3, 3).astype(np.float32)
    middle = np.float32(rng.uniform(90, 150))
    gain = np.float32(rng.uniform(0.55, 1.5))
    lift = np.float32(rng.normal(0, 22))
    real = (real - middle) * gain + middle + lift
    if rng.random() < 0.25:
        grain = rng.normal(0, rng.uniform(1, 10), real.shape[:2]).astype(np.float32)
        real = real + grain[:, :, None]
    return np.asarray(np.clip(real, 0, 255), np.uint8)


def draw_nothing(rng: np.random.Generator) -> Image:
    """A crop without a coin: a ground, clutter, noise, a blank."""
    chance = rng.random()
    if chance < 0.12:
        cells = int(rng.integers(2, SIDE_PX))
        noise = rng.integers(0, 256, (cells, cells, 3)).astype(np.uint8)
        picture = cv2.resize(noise, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_LINEAR)
        return np.asarray(picture, np.uint8)
    view = int(rng.integers(SIDE_PX, 3 * SIDE_PX))
    picture = draw_ground(rng, view, view, str(rng.choice(GROUNDS)))
    if rng.random() < 0.75:
        scatter(rng, picture, int(rng.integers(1, 4)))
    x, y = (int(v) for v in rng.integers(0, view - SIDE_PX + 1, 2))
    part = picture[y : y + SIDE_PX, x : x + SIDE_PX]
    if rng.random() < 0.5:
        part = cv2.resize(picture, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    return _recoloured(rng, np.asarray(part, np.uint8))


def measure_sides(n: int, seed: int, *, net: nn.Module | None = None) -> dict[str, Any]:
    """How often the side of an unseen rendered coin is told.

    Args:
        n: Crops, a fifth of each side.
        seed: Of the coins.
        net: The side net, by default the shipped one.

    Returns:
        Accuracy with its Wilson interval, recall by side, and of the legend sides
        whose name is half legible or more the share taken for something else.
    """
    rng = np.random.default_rng([seed, 13])
    crops, sides, legible = [], [], []
    for k in range(n):
        side = list(Side)[k % len(Side)]
        sides.append(k % len(Side))
        if side is Side.NOTHING:
            crops.append(draw_nothing(rng))
            legible.append(False)
            continue
        size_px = int(rng.integers(64, 200))
        coin = strike_coin(seed, k, size_px=size_px, kind=side.value)
        left, top, right, bottom = (min(1.0, max(0.0, v)) for v in coin.flan_box)
        box = CropBox(left=left, top=top, right=right, bottom=bottom)
        crops.append(crop_to_flan(coin.image, box, SIDE_PX))
        legible.append(side is Side.LEGEND and coin.name_legibility >= 0.5)
    truth = np.array(sides)
    said = np.concatenate(
        [
            side_probabilities(np.stack(crops[k : k + 100]), net).argmax(axis=1)
            for k in range(0, n, 100)
        ]
    )
    right_ones = said == truth
    low, high = wilson(int(right_ones.sum()), n)
    readable = np.array(legible)
    recall = {
        side.value: round(float(right_ones[truth == k].mean()), 4)
        for k, side in enumerate(Side)
        if (truth == k).any()
    }
    return {
        "data": f"rendered coins, seed {seed}",
        "n": n,
        "accuracy": float(right_ones.mean()),
        "accuracy_low": low,
        "accuracy_high": high,
        "recall": recall,
        "legible_legends": int(readable.sum()),
        "legible_legends_refused": float((~right_ones[readable]).mean())
        if readable.any()
        else 0.0,
    }
