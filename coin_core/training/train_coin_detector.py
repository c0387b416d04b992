"""Train and measure the net that finds coins in a photo."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

from coin_core import detection
from coin_core.detection import (
    COIN_BUNDLE,
    PHOTO_PX,
    ZOOM_PX,
    CoinSegmentationNet,
    iou,
    letterbox,
    photos_to_input,
    zoom_crop,
)
from coin_core.evaluation.metrics import accuracy_figures
from coin_core.imaging.preprocessing import RotatedBox
from coin_core.model_store.card import Card
from coin_core.rendering.coins import KINDS, RenderedCoin, render_coin
from coin_core.rendering.scenes import Scene, draw_scene
from coin_core.training.release import checkpoints_of, save_small_net
from coin_core.training.rendered_dataset import rendered_in_background
from coin_core.training.trainer import fit_small_net

_BATCH = 8
_ARRANGEMENTS = ("none", *["one"] * 4, *["pair"] * 2, *["several"] * 3)
_POOL = 200  # coins of each kind, used again and again
_PLAIN = 0.25  # plain backgrounds are seldom left to the net
_POOL_PX = 144
_CORE = 0.45  # of the distance from the edge to the innermost point
_MIN_IOU = 0.85
_PEAK_RATE = 2.5e-3

Views = tuple[tuple[Tensor, Tensor], ...]


class Pool:
    """Coins rendered once, for every scene of a training."""

    def __init__(self, seed: int, each: int, size_px: int) -> None:
        self.coins = {
            kind: [
                render_coin(seed, k, size_px=size_px, kind=kind) for k in range(each)
            ]
            for kind in KINDS
        }

    def __call__(
        self, rng: np.random.Generator, kind: str, size_px: int
    ) -> RenderedCoin:
        """One of the coins of a kind."""
        coins = self.coins[kind]
        return coins[int(rng.integers(len(coins)))]


def train_coin_detector(
    out: Path,
    *,
    seed: int = 0,
    scenes: int = 60_000,
    epochs: int = 150,
    batch: int = _BATCH,
    workers: int = 0,
) -> dict[str, Any]:
    """Train the coin detector on rendered scenes and write it as a bundle.

    Args:
        out: Folder of the bundle. An interrupted training resumes from the checkpoint
            beside it.
        seed: Seed of coins, scenes and the net's first weights.
        scenes: Scenes of all epochs; each is drawn for one of them.
        epochs: At least 1.
        batch: Scenes of a step.
        workers: Processes that draw scenes; with 0, this one.

    Returns:
        The figures of `measure_coin_detector` on scenes that were not trained on.
    """
    steps = max(1, scenes // epochs // batch)
    torch.manual_seed(seed)
    net = CoinSegmentationNet()
    pool = Pool(seed + 1, _POOL, _POOL_PX)

    def draw_epoch(epoch: int) -> Iterator[Views]:
        first = epoch * steps
        return iter(
            rendered_in_background(workers, _Scenes(pool, seed, first, steps, batch))
        )

    facts = {
        "data": "rendered scenes",
        "scenes": steps * batch * epochs,
        "epochs": epochs,
        "seed": seed,
    }
    seconds = fit_small_net(
        net,
        draw_epoch,
        _loss,
        folder=checkpoints_of(out),
        name=COIN_BUNDLE,
        settings=facts,
        epochs=epochs,
        steps=steps,
        peak_rate=_PEAK_RATE,
    )
    figures = measure_coin_detector(200, seed + 10_000, net=net)
    card = Card(
        name=COIN_BUNDLE,
        classifier="",
        title="Finds the coins in a photo",
        classes=("flan", "core"),
        preprocessing={"long_px": PHOTO_PX, "zoom_px": ZOOM_PX},
        training=facts,
        metrics=(figures,),
    )
    save_small_net(out, net, card, seconds=seconds)
    return figures


class _Scenes(Dataset[Views]):
    """Batches from number `first` on."""

    def __init__(
        self, pool: Pool, seed: int, first: int, batches: int, batch: int
    ) -> None:
        self.pool, self.seed, self.first = pool, seed, first
        self.batches, self.batch = batches, batch

    def __len__(self) -> int:
        return self.batches

    def __getitem__(self, number: int) -> Views:
        return _draw_batch(self.pool, self.seed, self.first + number, self.batch)


def _draw_batch(pool: Pool, seed: int, number: int, batch: int) -> Views:
    """Whole views, and zoomed views of one coin of each scene, with their maps."""
    rng = np.random.default_rng([seed, number, 5])
    wholes, zooms = [], []
    for _ in range(batch):
        long_px = round(float(np.exp(rng.uniform(np.log(90), np.log(400)))))
        arrangement = _ARRANGEMENTS[int(rng.integers(len(_ARRANGEMENTS)))]
        scene = draw_scene(
            rng,
            coin_source=pool,
            longer_side_px=long_px,
            arrangement=arrangement,
            plain_fraction=_PLAIN,
        )
        view, _, owners = letterbox(
            scene.photo, square=True, instances=scene.instance_map
        )
        wholes.append((_tinted(rng, view), target_maps(owners)))
        box = _box_to_zoom(rng, scene)
        view, _, _, owners = zoom_crop(scene.photo, box, scene.instance_map)
        zooms.append((_tinted(rng, view), target_maps(owners)))
    return tuple(
        (
            photos_to_input(np.stack([view for view, _ in views])),
            torch.from_numpy(np.stack([maps for _, maps in views])),
        )
        for views in (wholes, zooms)
    )


def _tinted(rng: np.random.Generator, view: NDArray[np.uint8]) -> NDArray[np.uint8]:
    gains = rng.uniform(0.75, 1.25, 3) if rng.random() < 0.5 else np.ones(3)
    return np.asarray(np.clip(view * gains, 0, 255), np.uint8)


def _box_to_zoom(
    rng: np.random.Generator, scene: Scene
) -> tuple[float, float, float, float]:
    """A coin's box with an error, as the whole view would give it."""
    height, width = scene.photo.shape[:2]
    if not scene.boxes:
        side = float(rng.uniform(0.2, 0.9)) * min(height, width)
        x = float(rng.uniform(0, width - side))
        y = float(rng.uniform(0, height - side))
        return x, y, x + side, y + side
    box = scene.boxes[int(rng.integers(len(scene.boxes)))]
    wide, high = (box.right - box.left) * width, (box.bottom - box.top) * height
    dx, dy = rng.normal(0, 0.06, 2) * max(wide, high)
    grown = float(rng.uniform(-0.08, 0.12)) * max(wide, high)
    return (
        box.left * width + dx - grown,
        box.top * height + dy - grown,
        box.right * width + dx + grown,
        box.bottom * height + dy + grown,
    )


def target_maps(owners: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The target maps: flan and core, float32 (2, H/2, W/2).

    Args:
        owners: The number of the coin at each pixel, 0 for none, (H, W).
    """
    height, width = owners.shape
    half = (width // 2, height // 2)
    flan = np.asarray(owners > 0, np.float32)
    core = np.zeros((height, width), np.float32)
    for number in range(1, int(owners.max(initial=0)) + 1):
        mask = np.asarray(owners == number, np.uint8)
        depth = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
        core[depth > max(1.0, _CORE * float(depth.max()))] = 1
    return np.stack(
        [
            cv2.resize(flan, half, interpolation=cv2.INTER_AREA),
            cv2.resize(core, half, interpolation=cv2.INTER_AREA),
        ]
    )


def _loss(net: Callable[[Tensor], Any], views: Views) -> Tensor:
    """Cross-entropy and Dice loss of both maps."""
    total = torch.zeros(())
    for photos, maps in views:
        logits = net(photos)
        total = total + functional.binary_cross_entropy_with_logits(logits, maps)
        p = logits.sigmoid()
        overlap = (p * maps).sum((2, 3))
        dice = (2 * overlap + 20) / (p.sum((2, 3)) + maps.sum((2, 3)) + 20)
        total = total + 0.3 * (1 - dice).mean()
    return total


def measure_coin_detector(
    n: int, seed: int, *, net: nn.Module | None = None
) -> dict[str, Any]:
    """How often every coin of an unseen rendered scene is found, and nothing else.

    Returns:
        Fraction of scenes where each coin has a box with IoU over 0.85 and there is no
        other box, with its Wilson interval; the same by arrangement and by background;
        the fraction of the coins found; the median time of a photo in ms.
    """
    hits: dict[str, list[bool]] = defaultdict(list)
    coins: list[bool] = []
    times = []
    for number in range(n):
        rng = np.random.default_rng([seed, number, 77])
        scene = draw_scene(rng)
        started = time.perf_counter()
        found = detection.detect_coins(scene.photo, net=net)
        times.append(time.perf_counter() - started)
        good = [
            any(iou(_edges(box), _edges(other)) > _MIN_IOU for other in found)
            for box in scene.boxes
        ]
        right = all(good) and len(found) == len(good)
        coins += good
        for key in ("all", scene.arrangement, f"on {scene.background}"):
            hits[key].append(right)
    return {
        "data": f"rendered scenes, seed {seed}",
        **accuracy_figures(hits["all"]),
        "coins_found": sum(coins) / max(1, len(coins)),
        "by": {k: round(sum(v) / len(v), 4) for k, v in sorted(hits.items())},
        "median_ms": round(1000 * float(np.median(times)), 1),
    }


def _edges(box: RotatedBox) -> tuple[float, float, float, float]:
    return box.left, box.top, box.right, box.bottom
