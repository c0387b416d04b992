"""What tells other coins from legible ones of the rulers, on rendered coins.

    python -m benchmarks.refusal [--legible 600] [--foreign 300]

For each net, how well these scores part the two (area under the curve): the distance to
the nearest features of legible coins, the energy of the logits, the highest
probability, how much of a legend is read, the side classifier, and the last two
together. Then the weights of both in a logistic regression (`_DOUBT` of
`torch_classifier` is near their ratio), and at several limits how many legible coins
are refused by all that refuses, and on how many others a ruler is named. Last, the same
for the verdict of all. None of these coins was learned from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from tqdm import tqdm

from benchmarks.common import argument_parser
from coin_core.classifiers import shipped_classifiers, together
from coin_core.classifiers.legend_net import FEATURES
from coin_core.classifiers.together_card import TOGETHER_CARD
from coin_core.classifiers.torch_classifier import LEAST_READ, how_much_read
from coin_core.detection import sides_of_crops
from coin_core.imaging.preprocessing import CROP_PX, RotatedBox, crop_to_flan
from coin_core.pipeline import CoinClassifier
from coin_core.rendering import render_coin
from coin_core.rulers import DEFAULT_CLASSES

SEED = 9_100_001
LEGIBLE = 0.5
SIZES = (64, 240)
OTHERS = ("foreign", "foreign", "foreign", "other")
QUANTILES = (0.0, 0.005, 0.01, 0.015, 0.02, 0.03)
_BATCH = 16
_NEIGHBOURS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the classifiers say of N coins: their features, probabilities, sureness."""

    features: dict[str, NDArray[np.float32]]
    probabilities: dict[str, NDArray[np.float32]]
    sureness: NDArray[np.float32]
    is_legend: NDArray[np.bool_]
    turned: NDArray[np.float64]


def main() -> None:
    """Print a line for each score, each limit and the verdict of all."""
    parser = argument_parser(__doc__, legible=600, foreign=300)
    args = parser.parse_args()
    if args.legible < 2 * _NEIGHBOURS:  # distances are measured to half of them
        parser.error(f"--legible: expected {2 * _NEIGHBOURS} or more")
    if args.foreign < 1:
        parser.error("--foreign: expected 1 or more")
    classifier = CoinClassifier()
    legible = look(classifier, draw(args.legible, ("legend",)))
    others = look(classifier, draw(args.foreign, OTHERS))
    for net in together.READERS:
        show_scores(net, legible, others)
    for name in shipped_classifiers():
        card = classifier.model(name).card
        net = name if name in together.READERS else together.READERS[1]
        sides = (legible, others)
        read = [how_much_read(one.features[net], one.sureness) for one in sides]
        limit = card.limits.get(LEAST_READ, 0.0)
        show_limits(name, card.threshold, limit, read, sides)
    both = [read_by_both(classifier, one) for one in (legible, others)]
    limit = 1.0  # of the limits of both nets, in the geometric mean
    show_limits("together", TOGETHER_CARD.threshold, limit, both, (legible, others))


def draw(number: int, kinds: Sequence[str]) -> NDArray[np.uint8]:
    """Crops of rendered coins of these kinds, of many sizes, legible if of legends."""
    crops: list[NDArray[np.uint8]] = []
    rng = np.random.default_rng(SEED)
    for index in count():
        kind = kinds[index % len(kinds)]
        size_px = int(rng.integers(*SIZES))
        coin = render_coin(SEED, index, size_px=size_px, kind=kind)
        if kind == "legend" and coin.name_legibility < LEGIBLE:
            continue
        left, top, right, bottom = np.clip(coin.flan_box, 0, 1).tolist()
        box = RotatedBox(left=left, top=top, right=right, bottom=bottom)
        crops.append(crop_to_flan(coin.image, box, CROP_PX))
        if len(crops) == number:
            break
    return np.stack(crops)


def look(classifier: CoinClassifier, crops: NDArray[np.uint8]) -> Seen:
    """All that may tell whether crops (N, S, S, 3) show a legend of the rulers."""
    models = {name: classifier.model(name) for name in shipped_classifiers()}
    nets = {name: models[name].classifier for name in together.READERS}
    bias = models[together.READERS[0]].card.class_logit_bias
    added = np.array([bias.get(one, 0.0) for one in DEFAULT_CLASSES])
    features: dict[str, list[NDArray[np.float32]]] = {name: [] for name in nets}
    rows: dict[str, list[NDArray[np.float32]]] = {name: [] for name in models}
    rows["together"] = []
    turned = []
    for first in tqdm(range(0, len(crops), _BATCH), unit="batch"):
        part = crops[first : first + _BATCH]
        own = {name: classifier.features(part, name) for name in nets}
        legend = own[together.READERS[1]][:, :FEATURES]
        probabilities = {
            name: classifier.probabilities(part, name, own.get(name, legend))
            for name in models
        }
        whole, read = together.read_together(part, probabilities, nets, added)
        probabilities["together"] = whole
        for name, values in own.items():
            features[name].append(values)
        for name, values in probabilities.items():
            rows[name].append(values)
        turned.append(read)
    sides = sides_of_crops(crops)
    return Seen(
        features={name: np.concatenate(parts) for name, parts in features.items()},
        probabilities={name: np.concatenate(parts) for name, parts in rows.items()},
        sureness=sides[:, 0],
        is_legend=sides.argmax(axis=1) == 0,
        turned=np.concatenate(turned),
    )


def show_scores(net: str, legible: Seen, others: Seen) -> None:
    """Print how well each score parts legible coins from others."""
    half = len(legible.sureness) // 2
    kept = legible.features[net][:half]
    is_other = np.repeat([0, 1], [len(legible.sureness) - half, len(others.sureness)])
    whole = np.concatenate([legible.features[net][half:], others.features[net]])
    p = np.concatenate([legible.probabilities[net][half:], others.probabilities[net]])
    sureness = np.concatenate([legible.sureness[half:], others.sureness])
    scores: dict[str, NDArray[np.float64]] = {}
    for words, columns in (
        ("the legend's features", slice(0, FEATURES)),
        ("the trunk's means", slice(FEATURES, None)),
    ):
        spread = kept[:, columns].std(axis=0) + 1e-3
        nearest = NearestNeighbors(n_neighbors=_NEIGHBOURS)
        nearest.fit(kept[:, columns] / spread)
        distances = nearest.kneighbors(whole[:, columns] / spread)[0]
        scores[f"distance to {words}"] = distances.mean(axis=1)
    logs = np.log(np.maximum(p, 1e-12))
    scores["energy"] = -logsumexp(logs - logs.mean(axis=1, keepdims=True), axis=1)
    scores["highest probability"] = -p.max(axis=1).astype(float)
    read = np.log(how_much_read(whole, np.ones(len(whole), np.float32)) + 1e-9)
    odds = np.log(sureness / np.maximum(1 - sureness, 1e-7) + 1e-9)
    scores["little read"] = -read
    scores["side classifier"] = -odds
    scores["both"] = -np.log(how_much_read(whole, sureness) + 1e-9)
    for words, score in scores.items():
        print(f"{net}, {words}: area {roc_auc_score(is_other, score):.3f}")
    both = np.stack([read, odds], axis=1)
    weights = LogisticRegression(C=10).fit(both, 1 - is_other).coef_[0]
    print(f"{net}: weights of read and odds {weights.round(2).tolist()}", flush=True)


def read_by_both(classifier: CoinClassifier, seen: Seen) -> NDArray[np.float64]:
    """What both nets read, as the geometric mean of the multiples of their limits."""
    nets = together.READERS
    read = [how_much_read(seen.features[name], seen.sureness) for name in nets]
    limits = [classifier.model(name).card.limits[LEAST_READ] for name in nets]
    usual = np.stack(read, axis=1)
    return together.read_by_both(usual, seen.turned, seen.sureness, limits)


def show_limits(
    name: str,
    threshold: float,
    limit: float,
    read: Sequence[NDArray[np.float64]],
    sides: Sequence[Seen],
) -> None:
    """Print what limits on how much is read cost and what they refuse."""
    limits = [(f"{q:.1%}", float(np.quantile(read[0], q))) for q in QUANTILES[1:]]
    for words, least in (("none", 0.0), *limits, ("the card's", limit)):
        named = [
            int(
                (
                    one.is_legend
                    & (one.probabilities[name].max(1) >= threshold)
                    & (r >= least)
                ).sum()
            )
            for r, one in zip(read, sides, strict=True)
        ]
        legible, others = (len(one.sureness) for one in sides)
        print(
            f"{name}, limit {words} ({least:.6g}): {1 - named[0] / legible:.1%} of "
            f"{legible} legible refused, {named[1]} of {others} others named",
            flush=True,
        )


if __name__ == "__main__":
    main()
