"""The verdict of all classifiers beside each of them: accuracy, calibration, cost.

    python -m benchmarks.together [--coins 1500] [--hard 400] [--photos DIR]
        [--others DIR ...] [--fit] [--unseen 500]

Measured on legible rendered coins, and on as hard ones as real photos are: small,
pale, blurred, off the centre, and with a legend pose that is wrong by a quarter or by
half a turn on a fourth of them, as the net's is on real coins. `--photos` is a folder
with one folder of photos per ruler, `--others` holds coins of other kinds, on which a
ruler is a mistake. With `--fit` it prints the weights and the threshold instead, from
other rendered coins: as many legible ones, as many hard ones, and `--unseen` in a style
that no classifier was taught.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from itertools import count, islice
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from tqdm import tqdm

from benchmarks.common import argument_parser
from benchmarks.unseen_coins import render_unseen_coin
from coin_core.classifiers import (
    legend_net,
    shipped_classifiers,
    together,
    torch_classifier,
)
from coin_core.classifiers.together_card import TOGETHER
from coin_core.evaluation.calibration import (
    MAX_REFUSED,
    TARGET_ACCURACY,
    find_threshold,
)
from coin_core.evaluation.metrics import evaluate, format_proportion
from coin_core.imaging import photo_io
from coin_core.imaging.preprocessing import (
    CROP_PX,
    LegendPose,
    RotatedBox,
    crop_to_flan,
    normalize_degrees,
)
from coin_core.pipeline import CoinClassifier
from coin_core.rendering import RenderedCoin, render_coin
from coin_core.rendering.photo import compress_jpeg
from coin_core.results import PhotoResult
from coin_core.rulers import DEFAULT_CLASSES
from coin_core.training.pretraining import TEST_SEED

FIT_SEED, HARD_SEED = 8_000_009, 8_000_011
LEGIBLE = 0.5
HARD_LEGIBLE = 0.3
NAMES = (*shipped_classifiers(), TOGETHER)

EDGES = ("left", "top", "right", "bottom")

Coin = tuple[NDArray[np.uint8], RotatedBox, str]
"""A photo, the box of the flan, the ruler."""


def main() -> None:
    """Print a line for each classifier and set of coins."""
    parser = argument_parser(__doc__, coins=1500, hard=400, unseen=500)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--others", type=Path, nargs="*", default=[])
    args = parser.parse_args()
    classifier = CoinClassifier()
    if args.fit:
        fit(classifier, args.coins, args.hard, args.unseen)
        return
    if args.photos:
        labels, results = [], []
        for ruler in DEFAULT_CLASSES:
            for path in photo_io.inside(args.photos / ruler):
                labels.append(ruler)
                photo = photo_io.read(path)
                results.append(classifier.classify(photo, classifiers=NAMES))
        report(f"photos {args.photos.name}", labels, results)
    for folder in args.others:
        photos = map(photo_io.read, photo_io.inside(folder))
        results = list(classifier.classify_batch(photos, NAMES))
        for i, name in enumerate(NAMES):
            named = sum(one.verdicts[i].ruler is not None for one in results)
            share = format_proportion(named, len(results))
            print(f"photos {folder.name}, {name}: named on {share}", flush=True)
    coins = draw_coins(TEST_SEED, args.coins, LEGIBLE)
    report("legible rendered coins", *classify(classifier, coins))
    coins = draw_coins(HARD_SEED, args.hard, HARD_LEGIBLE)
    with wrong_poses():
        report("hard rendered coins", *classify(classifier, map(harden, coins)))


def report(title: str, labels: Sequence[str], results: Sequence[PhotoResult]) -> None:
    """Print what each classifier reaches on these coins."""
    if not labels:
        return
    for i, name in enumerate(NAMES):
        verdicts = [one.verdicts[i] for one in results]
        even = dict.fromkeys(DEFAULT_CLASSES, 1 / len(DEFAULT_CLASSES))
        p = [list((v.probabilities or even).values()) for v in verdicts]
        answered = np.array([verdict.ruler is not None for verdict in verdicts])
        of_all = evaluate(
            name, np.array(labels), np.array(p, np.float32), DEFAULT_CLASSES, answered
        )
        among = f"{of_all.accuracy_answered or 0:.1%}"
        print(
            f"{title}, {name}: "
            f"{format_proportion(round(of_all.accuracy * of_all.n), of_all.n)}, "
            f"log loss {of_all.log_loss:.3f}, ECE {of_all.ece:.4f}, "
            f"answered {of_all.answered}, right among them {among}",
            flush=True,
        )
    seconds = [sum(v.seconds for v in one.verdicts[:-1]) for one in results]
    whole = [one.verdicts[-1].seconds for one in results]
    print(
        f"{title}: all five {1000 * np.mean(seconds):.0f} ms a coin, "
        f"{1000 * np.mean(whole):.0f} with the verdict of all (means)"
    )


def classify(
    classifier: CoinClassifier, coins: Iterable[Coin]
) -> tuple[list[str], list[PhotoResult]]:
    """The rulers of coins, and the verdicts on them."""
    rulers, results = [], []
    for photo, box, ruler in tqdm(coins, unit="coin"):
        rulers.append(ruler)
        results.append(classifier.classify(photo, classifiers=NAMES, box=box))
    return rulers, results


def draw_coins(
    seed: int,
    number: int,
    at_least_legible: float,
    render: Callable[[int, int], RenderedCoin] = render_coin,
) -> Iterator[Coin]:
    """Rendered coins, with at least this fraction of the name's letters legible."""
    rendered = (render(seed, index) for index in count())
    legible = (coin for coin in rendered if coin.name_legibility >= at_least_legible)
    for coin in islice(legible, number):
        edges = np.clip(coin.flan_box, 0, 1).tolist()
        box = RotatedBox(**dict(zip(EDGES, edges, strict=True)))
        yield coin.image, box, str(coin.ruler)


def harden(coin: Coin) -> Coin:
    """A coin as on a small, pale, noisy photo, and a box that is a little off."""
    photo, box, ruler = coin
    rng = np.random.default_rng(list(sha256(photo.tobytes()).digest()[:8]))
    side = int(math.exp(rng.uniform(math.log(60), math.log(150))))
    small = cv2.resize(photo, (side, side), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        small = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(0.3, 1.0)))
    real = small.astype(np.float32)
    mean = real.mean((0, 1))
    real = mean + (real - mean) * np.float32(rng.uniform(0.35, 1.0))
    real += rng.normal(0, rng.uniform(0, 4), real.shape).astype(np.float32)
    noisy = np.clip(np.rint(real), 0, 255).astype(np.uint8)
    moves = np.tile(rng.normal(0, 0.06, 2) * (box.right - box.left), 2)
    edges = np.array([box.left, box.top, box.right, box.bottom])
    edges = np.clip(edges + moves, 0, 1)
    moved = RotatedBox(**dict(zip(EDGES, edges.tolist(), strict=True)))
    return compress_jpeg(noisy, int(rng.integers(45, 93))), moved, ruler


@contextmanager
def wrong_poses() -> Iterator[None]:
    """Let the legend poses be as wrong as on real coins while this lasts."""
    found = legend_net.predict_poses

    def predict_poses(crops: NDArray[np.uint8]) -> list[tuple[LegendPose, ...]]:
        return [
            (_spoil(poses[0], crop), *poses[1:])
            for crop, poses in zip(crops, found(crops), strict=True)
        ]

    with (
        patch.object(torch_classifier, "predict_poses", predict_poses),
        patch.object(together, "predict_poses", predict_poses),
    ):
        yield


def _spoil(pose: LegendPose, crop: NDArray[np.uint8]) -> LegendPose:
    """The pose of a crop, which may be turned and moved; always in the same way."""
    rng = np.random.default_rng(list(sha256(crop.tobytes()).digest()[:8]))
    chance, turn = rng.random(), 0.0
    if chance < 0.25:
        turn = float(rng.choice([90, -90, 180])) + float(rng.normal(0, 10))
    elif chance < 0.32:
        turn = float(rng.uniform(25, 65)) * float(rng.choice([-1, 1]))
    off = 0.18 * pose.radius * (rng.random() < 0.15)
    right, down = (rng.normal(0, 1, 2) * off).tolist()
    return replace(
        pose,
        centre_x=pose.centre_x + right,
        centre_y=pose.centre_y + down,
        turn_deg=normalize_degrees(pose.turn_deg + turn),
    )


def fit(classifier: CoinClassifier, coins: int, hard: int, unseen: int) -> None:
    """Print the weights and the threshold that other rendered coins give."""
    plain = read(classifier, draw_coins(FIT_SEED, coins, 0.0))
    drawn = draw_coins(FIT_SEED + 1, hard, HARD_LEGIBLE)
    with wrong_poses():
        spoilt = read(classifier, map(harden, drawn))
    drawn = draw_coins(FIT_SEED + 3, unseen, HARD_LEGIBLE, render_unseen_coin)
    parts, right = map(
        np.concatenate, zip(plain, spoilt, read(classifier, drawn), strict=True)
    )
    rows = np.arange(len(right))

    def loss(weights: NDArray[np.float64]) -> float:
        logs = log_softmax(np.einsum("p,npc->nc", weights, parts), axis=1)
        return -float(logs[rows, right].mean())

    start = np.full(parts.shape[1], 1 / parts.shape[1])
    at_least = [(0.05, None)] * len(start)  # so that each is heard
    found = minimize(loss, start, bounds=at_least, method="L-BFGS-B")
    print("weights", found.x.round(3).tolist())
    legible, columns = read(classifier, draw_coins(FIT_SEED + 4, coins, LEGIBLE))
    scores = softmax(np.einsum("p,npc->nc", found.x, legible), axis=1)
    print(
        find_threshold(scores, columns, target=TARGET_ACCURACY, max_refused=MAX_REFUSED)
    )


def read(
    classifier: CoinClassifier, coins: Iterable[Coin]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The parts of the verdicts on coins, (N, 5, C), and the right columns, (N,)."""
    models = {name: classifier.model(name) for name in shipped_classifiers()}
    readers = {name: models[name].classifier for name in together.READERS}
    bias = models[together.READERS[0]].card.class_logit_bias
    parts, columns = [], []
    for photo, box, ruler in tqdm(coins, unit="coin"):
        crop = crop_to_flan(photo, box, CROP_PX)[None]
        rows = {name: classifier.probabilities(crop, name) for name in models}
        added = np.array([bias.get(one, 0.0) for one in DEFAULT_CLASSES])
        parts.append(together.evidence(crop, rows, readers, added)[0][0])
        columns.append(DEFAULT_CLASSES.index(ruler))
    return np.stack(parts), np.array(columns)


if __name__ == "__main__":
    main()
