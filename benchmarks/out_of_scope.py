"""Photos that name none of the rulers: how often the answer is "cannot tell", and why.

    python -m benchmarks.out_of_scope [--count 200] [--classifiers NAME ...]
        [--photos DIR ...]

DIR holds photos of other coins; its folders are measured one by one and together. In a
folder `cornucopia`, that side is the right reason. The last lines show the price: how
many legible rendered coins are rejected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path

import numpy as np

from benchmarks.common import argument_parser
from coin_core.classifiers import shipped_classifiers
from coin_core.evaluation.metrics import format_proportion
from coin_core.imaging import photo_io
from coin_core.pipeline import CoinClassifier
from coin_core.rendering import render_coin
from coin_core.results import RejectReason

SEED = 6_000_011
SIZE_PX = 240
NOT_LEGEND = {RejectReason.LEGEND_NOT_SHOWN}
OTHER_COIN = {RejectReason.NOT_THESE}
CLASSIFIER = CoinClassifier()


def main() -> None:
    """Print a line for each classifier and kind of photo."""
    shipped = list(shipped_classifiers())
    parser = argument_parser(__doc__, count=200)
    parser.add_argument("--classifiers", nargs="*", default=shipped)
    parser.add_argument("--photos", type=Path, nargs="*", default=[])
    args = parser.parse_args()
    names = args.classifiers
    sets: list[tuple[str, Iterable[np.ndarray], set[RejectReason]]] = [
        ("cornucopia side", coins("cornucopia", args.count), NOT_LEGEND),
        ("rough cornucopia", coins("rough_cornucopia", args.count), NOT_LEGEND),
        ("star and anchor", coins("star_anchor", args.count), OTHER_COIN),
        ("other coins", coins("other", args.count), OTHER_COIN),
        ("foreign coins", coins("foreign", args.count), OTHER_COIN),
        ("noise", noise(args.count), {RejectReason.NO_COIN, *OTHER_COIN}),
        ("legible coins", legible_coins(args.count), set()),
    ]
    for title, pictures, expected in sets:
        show(title, classify(pictures, names), names, expected)
    for folder in args.photos:
        whole: list[tuple[RejectReason | None, ...]] = []
        every = list(photo_io.inside(folder))
        for name in sorted({path.parent for path in every}):
            part = [photo_io.read(path) for path in every if path.parent == name]
            expected = NOT_LEGEND if name.name == "cornucopia" else OTHER_COIN
            reasons = classify(part, names)
            show(f"photos {name.name}", reasons, names, expected)
            if expected is OTHER_COIN:
                whole += reasons
        show(f"photos {folder.name}, all other coins", whole, names, OTHER_COIN)


def classify(
    photos: Iterable[np.ndarray], names: Sequence[str]
) -> list[tuple[RejectReason | None, ...]]:
    """For each photo, each classifier's reason not to name a ruler."""
    results = CLASSIFIER.classify_batch(photos, names)
    return [tuple(one.reason for one in result.verdicts) for result in results]


def show(
    title: str,
    reasons: Sequence[tuple[RejectReason | None, ...]],
    names: Sequence[str],
    expected: set[RejectReason],
) -> None:
    """Print how many photos of a set each classifier refused, and rightly so."""
    for name, of_name in zip(names, zip(*reasons), strict=False):
        rejected = sum(reason is not None for reason in of_name)
        total = len(of_name)
        line = f"{title}: {name}: rejected {format_proportion(rejected, total)}"
        if expected:
            correct = sum(reason in expected for reason in of_name)
            line += f", for the right reason {format_proportion(correct, total)}"
        print(line, flush=True)


def coins(kind: str, number: int) -> Iterator[np.ndarray]:
    """Rendered coins of a kind, uint8 (S, S, 3)."""
    for index in range(number):
        yield render_coin(SEED, index, size_px=SIZE_PX, kind=kind).image


def legible_coins(number: int) -> Iterator[np.ndarray]:
    """Rendered legend sides with half or more of the name's letters legible."""
    rendered = (render_coin(SEED, index, size_px=SIZE_PX) for index in count())
    legible = (coin.image for coin in rendered if coin.name_legibility >= 0.5)
    return islice(legible, number)


def noise(number: int) -> Iterator[np.ndarray]:
    """Plain backgrounds, coarse noise and noise of single pixels."""
    rng = np.random.default_rng(SEED)
    for index in range(number):
        cells = (1, 8, SIZE_PX)[index % 3]
        coarse = rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        block = np.ones((SIZE_PX // cells, SIZE_PX // cells, 1), np.uint8)
        yield np.kron(coarse, block)


if __name__ == "__main__":
    main()
