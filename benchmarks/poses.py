"""How well the poses of legends are found, also in styles that no net was taught.

    python -m benchmarks.poses [--coins 600]

Of rendered coins of five kinds with 30 % of the name legible or more: as usual, hard
(`benchmarks.together`), in an unseen style (`benchmarks.unseen_coins`), both, and
filtered (`filter_photo`). Near is within a fifth of the radius and 15 degrees, turned
is wrong by more than 25 degrees.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import count

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.common import argument_parser
from benchmarks.together import EDGES, HARD_LEGIBLE, Coin, harden
from benchmarks.unseen_coins import render_unseen_coin
from coin_core.classifiers.legend_net import predict_poses
from coin_core.evaluation.metrics import format_proportion
from coin_core.imaging.preprocessing import (
    CROP_PX,
    LegendPose,
    RotatedBox,
    crop_matrix,
    crop_to_flan,
    normalize_degrees,
)
from coin_core.rendering import RenderedCoin, render_coin
from coin_core.rendering.photo import compress_jpeg

SEED = 7_200_000
NEAR, NEAR_DEG, TURNED_DEG = 0.2, 15, 25
_SIDES_PX = (60, 150)


def main() -> None:
    """Print a line for each kind of coins."""
    args = argument_parser(__doc__, coins=600).parse_args()
    for number, (kind, draw) in enumerate(KINDS.items(), start=1):
        crops, true = zip(*draw_crops(draw, SEED + number, args.coins), strict=True)
        report(kind, true, predict_poses(np.stack(crops)))


def report(
    kind: str, true: tuple[LegendPose, ...], found: list[tuple[LegendPose, ...]]
) -> None:
    """Print how many of the first poses found are near, and how many are turned."""
    near = turned = missed = 0
    for one, poses in zip(true, found, strict=True):
        best = poses[0]
        away = math.hypot(best.centre_x - one.centre_x, best.centre_y - one.centre_y)
        turns = [abs(normalize_degrees(p.turn_deg - one.turn_deg)) for p in poses]
        near += (
            away < NEAR * one.radius
            and abs(math.log(best.radius / one.radius)) < NEAR
            and turns[0] < NEAR_DEG
        )
        turned += turns[0] > TURNED_DEG
        missed += min(turns) > TURNED_DEG
    number = len(true)
    print(
        f"{kind}: near {format_proportion(near, number)}, "
        f"turned {format_proportion(turned, number)}, "
        f"every turn given is wrong {format_proportion(missed, number)}",
        flush=True,
    )


def draw_crops(
    draw: Callable[[int, int], tuple[RenderedCoin, Coin]], seed: int, number: int
) -> Iterator[tuple[NDArray[np.uint8], LegendPose]]:
    """Crops as the classifiers get them, and the true poses on them."""
    for index in count(1):
        rendered, (photo, box, _) = draw(seed, index)
        pose = rendered.legend_pose
        if pose is None or rendered.name_legibility < HARD_LEGIBLE:
            continue
        height, width = photo.shape[:2]
        matrix = crop_matrix(box, width, height)
        place = np.array([pose.centre_x * width, pose.centre_y * height])
        centre = np.linalg.solve(matrix[:, :2], place - matrix[:, 2])
        yield (
            crop_to_flan(photo, box, CROP_PX),
            LegendPose(
                centre_x=float(centre[0]),
                centre_y=float(centre[1]),
                radius=pose.radius * width / float(matrix[0, 0]),
                turn_deg=pose.turn_deg,
            ),
        )
        number -= 1
        if not number:
            return


def as_usual(seed: int, index: int) -> tuple[RenderedCoin, Coin]:
    """A coin rendered as those that the nets learned from."""
    return _with_box(render_coin(seed, index))


def hard(seed: int, index: int) -> tuple[RenderedCoin, Coin]:
    """A small, pale, noisy coin in a box that is a little off."""
    rendered, coin = as_usual(seed, index)
    return rendered, harden(coin)


def unseen(seed: int, index: int) -> tuple[RenderedCoin, Coin]:
    """A coin with other letter forms, strokes, metal and photos."""
    return _with_box(render_unseen_coin(seed, index))


def unseen_and_hard(seed: int, index: int) -> tuple[RenderedCoin, Coin]:
    """A coin of the unseen style that is small, pale and noisy as well."""
    rendered, coin = unseen(seed, index)
    return rendered, harden(coin)


def filtered(seed: int, index: int) -> tuple[RenderedCoin, Coin]:
    """A coin on a photo of a style of its own."""
    rendered, (_, box, ruler) = as_usual(seed, index)
    rng = np.random.default_rng([seed, index, 5])
    return rendered, (filter_photo(rng, rendered), box, ruler)


def _with_box(rendered: RenderedCoin) -> tuple[RenderedCoin, Coin]:
    edges = np.clip(rendered.flan_box, 0, 1).tolist()
    box = RotatedBox(**dict(zip(EDGES, edges, strict=True)))
    return rendered, (rendered.image, box, str(rendered.ruler))


KINDS = {
    "as usual": as_usual,
    "unseen style": unseen,
    "hard": hard,
    "filtered": filtered,
    "unseen style, hard": unseen_and_hard,
}
"""How the coins are drawn, by what they are called."""


def filter_photo(rng: np.random.Generator, coin: RenderedCoin) -> NDArray[np.uint8]:
    """A grey photo in a random style: filtered, cut out, dark or pale, small.

    Two layers of random filters with a rectifier between them, low frequencies as
    strong as in a random fractal, a flat background, halos, noise, few pixels, JPEG.
    """
    grey = coin.image.astype(np.float32).mean(axis=2) / 255
    if rng.random() < 0.6:
        deep = _random_layers(rng, grey)
        share = rng.uniform(0.4, 0.9)
        grey = share * deep + (1 - share) * grey
    if rng.random() < 0.6:
        grey = _fractal_strengths(rng, grey)
    grey = grey.mean() + (grey - grey.mean()) * rng.uniform(0.25, 1.1)
    grey = np.clip(grey, 0, 1) ** rng.uniform(0.5, 2.2)
    if rng.random() < 0.4:
        cover = cv2.GaussianBlur(coin.mask.astype(np.float32) / 255, (0, 0), 0.8)
        grey = cover * grey + (1 - cover) * rng.choice([1.0, 0.0, 0.5, 0.9])
    if rng.random() < 0.3:
        soft = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1.5)
        grey = grey + (grey - soft) * rng.uniform(1, 3)
    noisy = grey * 255 + rng.normal(0, rng.uniform(0, 6), grey.shape)
    out = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    side = int(math.exp(rng.uniform(*np.log(_SIDES_PX))))
    small = cv2.resize(out, (side, side), interpolation=cv2.INTER_AREA)
    return compress_jpeg(
        np.repeat(small[:, :, None], 3, axis=2), int(rng.integers(30, 90))
    )


def _random_layers(
    rng: np.random.Generator, grey: NDArray[np.float32]
) -> NDArray[np.float32]:
    def kernel(side: int) -> NDArray[np.float32]:
        out = rng.normal(0, 1 / side, (side, side))
        out[side // 2, side // 2] += rng.choice([-1, 1])
        return out.astype(np.float32)

    first = [np.maximum(cv2.filter2D(grey - 0.5, -1, kernel(3)), 0) for _ in range(6)]
    deep = np.sum([cv2.filter2D(one, -1, kernel(5)) for one in first], axis=0)
    unit = (deep - deep.mean()) / (deep.std() + 1e-6)
    return np.asarray(unit * grey.std() + grey.mean(), np.float32)


def _fractal_strengths(
    rng: np.random.Generator, grey: NDArray[np.float32]
) -> NDArray[np.float32]:
    size = grey.shape[0]
    spectrum = np.fft.rfft2(grey)
    down, across = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)
    frequency = np.hypot(down, across) * size
    noise = np.fft.rfft2(rng.normal(0, 1, (size, size)))
    other = np.abs(noise) / np.maximum(frequency, 1) ** rng.uniform(0.7, 1.8)
    low = (frequency > 0) & (frequency < 8)
    own = np.abs(spectrum[low])
    share = rng.uniform(0.4, 1)
    mixed = (1 - share) * own + share * other[low] * own.mean() / other[low].mean()
    spectrum[low] *= mixed / np.maximum(own, 1e-9)
    return np.asarray(np.fft.irfft2(spectrum, s=grey.shape), np.float32)


if __name__ == "__main__":
    main()
