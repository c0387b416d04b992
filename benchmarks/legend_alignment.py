"""How often the legends that fit the letters best name the right ruler.

    python -m benchmarks.legend_alignment [--count 1000] [--photos DIR]

The letters that the networks read on rendered coins with at least half the name legible
(or on photos in one folder per ruler) are aligned with the legends of each ruler. Shown
beside it: what the network's own last layer says, and how often the fit is sure
(0.9 and more) and right. This is where the constants of `coin_core.legend_alignment`
were chosen, on rendered coins.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import argument_parser
from coin_core.classifiers import pretrained_classifiers
from coin_core.evaluation.metrics import format_proportion
from coin_core.explain import read_letters
from coin_core.imaging import photo_io
from coin_core.legend_alignment import fit_legends
from coin_core.pipeline import CoinClassifier, prepare_photo
from coin_core.rendering import render_coin
from coin_core.rulers import DEFAULT_CLASSES
from coin_core.training.train_legend_localizer import crop_to_coin

SEED = 777_001
SURE = 0.9

Coin = tuple[NDArray[np.uint8], str]


def main() -> None:
    """Print a line for each network."""
    parser = argument_parser(__doc__, count=1000)
    parser.add_argument("--photos", type=Path)
    args = parser.parse_args()
    coins = list(_photos(args.photos) if args.photos else _rendered(args.count))
    classifier = CoinClassifier()
    for name in pretrained_classifiers():
        by_fit, by_net, sure, sure_right = 0, 0, 0, 0
        for crop, ruler in coins:
            fits = fit_legends(read_letters(classifier, crop, name), DEFAULT_CLASSES)
            best = max(fits, key=lambda fit: fit.probability)
            by_fit += best.ruler == ruler
            if best.probability >= SURE:
                sure += 1
                sure_right += best.ruler == ruler
            column = int(classifier.probabilities(crop[None], name)[0].argmax())
            by_net += classifier.model(name).card.classes[column] == ruler
        print(
            f"{name}: best fit {format_proportion(by_fit, len(coins))}, "
            f"last layer {format_proportion(by_net, len(coins))}; "
            f"fit sure of {sure}, right {format_proportion(sure_right, sure)}",
            flush=True,
        )


def _rendered(count: int) -> Iterator[Coin]:
    for number in range(count):
        coin = render_coin(SEED, number)
        if coin.name_legibility >= 0.5:
            yield crop_to_coin(coin)[0], coin.ruler


def _photos(folder: Path) -> Iterator[Coin]:
    """The crops of the legend sides, from a folder of photos for each ruler."""
    for ruler in DEFAULT_CLASSES:
        for path in photo_io.inside(folder / ruler):
            yield prepare_photo(photo_io.read(path)).crop, ruler


if __name__ == "__main__":
    main()
