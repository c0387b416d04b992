"""What names none of the rulers: how often it is answered "cannot tell", and why.

    python benchmarks/out_of_scope.py [--count 200] [--classifiers NAME ...]
        [--photos DIR ...]

DIR holds photos of other coins, at any depth. The last line is the other side of the
bargain: how many legible rendered coins are refused.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from coin_core.classifiers import shipped_classifiers
from coin_core.evaluation.metrics import format_proportion
from coin_core.imaging import photo_io
from coin_core.pipeline import CoinClassifier
from coin_core.rendering import render_coin
from coin_core.results import PhotoResult, RejectReason

SEED = 6_000_011
SIZE_PX = 240
LEGEND_HIDDEN = frozenset({RejectReason.LEGEND_NOT_SHOWN})
OTHERS = frozenset({RejectReason.NOT_THESE})
NOTHING = frozenset({RejectReason.NO_COIN, RejectReason.NOT_THESE})


def main() -> None:
    """Measure each kind with each classifier and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--classifiers", nargs="*", default=list(shipped_classifiers()))
    parser.add_argument("--photos", type=Path, nargs="*", default=[])
    given = parser.parse_args()
    coin_classifier = CoinClassifier()
    for name in given.classifiers:
        cases = [
            ("cornucopia side", struck("cornucopia", given.count), LEGEND_HIDDEN),
            ("star and anchor", struck("star_anchor", given.count), OTHERS),
            ("other coins", struck("other", given.count), OTHERS),
            ("noise", noise(given.count), NOTHING),
            *((f"photos {d.name}", walk(d), OTHERS) for d in given.photos),
        ]
        for title, pictures, kinds in cases:
            show(
                name, title, list(coin_classifier.classify_batch(pictures, name)), kinds
            )
        legible = list(coin_classifier.classify_batch(legible_coins(given.count), name))
        refused = sum(one.verdicts[0].ruler is None for one in legible)
        print(f"{name}: legible coins refused: {format_proportion(refused, len(legible))}")


def show(
    name: str, title: str, readings: list[PhotoResult], kinds: Iterable[RejectReason]
) -> None:
    """Print how many were refused, and how many for the right kind of reason."""
    reasons = [one.verdicts[0].reason for one in readings]
    refused = sum(reason is not None for reason in reasons)
    right = sum(reason in set(kinds) for reason in reasons)
    print(
        f"{name}: {title}: refused {format_proportion(refused, len(reasons))}, "
        f"for the right kind of reason {format_proportion(right, len(reasons))}"
    )


def struck(kind: str, count: int) -> Iterator[np.ndarray]:
    """Rendered coins of a kind."""
    for index in range(count):
        yield render_coin(SEED, index, size_px=SIZE_PX, kind=kind).image


def legible_coins(count: int) -> Iterator[np.ndarray]:
    """Rendered wreath sides with half or more of the name's letters legible."""
    index = 0
    while count:
        coin = render_coin(SEED, index, size_px=SIZE_PX, kind="legend")
        index += 1
        if coin.name_legibility >= 0.5:
            count -= 1
            yield coin.image


def noise(count: int) -> Iterator[np.ndarray]:
    """Plain grounds, grain and smooth blotches."""
    rng = np.random.default_rng(SEED)
    for index in range(count):
        cells = (1, 8, SIZE_PX)[index % 3]
        coarse = rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        yield np.kron(
            coarse, np.ones((SIZE_PX // cells, SIZE_PX // cells, 1), np.uint8)
        )


def walk(folder: Path) -> Iterator[np.ndarray]:
    """Every photo in a folder and the folders in it."""
    yield from map(photo_io.read, photo_io.inside(folder))


if __name__ == "__main__":
    main()
