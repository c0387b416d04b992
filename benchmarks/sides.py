"""How often the side of a coin is right, by kind, and where the net is sure of it.

    python -m benchmarks.sides [--count 1200]

Pages say "perhaps" below `ui.formatting.SURE_OF_SIDE`. The last lines show where the
limits for a reason may lie (`_SURE_WORN` and `_SURE_CORNUCOPIA` of `pipeline`): how
many worn legend sides and cornucopia sides are still said to be these, and how many
other coins are said to be one of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.common import argument_parser
from coin_core.detection import classify_sides, detect_coins
from coin_core.evaluation.metrics import format_proportion
from coin_core.imaging.preprocessing import RotatedBox
from coin_core.rendering import render_coin
from coin_core.results import Side
from ui.formatting import SURE_OF_SIDE

SEED = 777_001
KINDS = {
    "legend": Side.LEGEND,
    "cornucopia": Side.CORNUCOPIA,
    "rough_cornucopia": Side.CORNUCOPIA,
    "star_anchor": Side.STAR_ANCHOR,
    "other": Side.OTHER,
    "foreign": Side.OTHER,
}
SIZES = (64, 240)
WORN = 0.5  # of the name's letters are legible at most
LIMITS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
WHOLE = RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0)


def main() -> None:
    """Print how often the side is right, by kind, by sureness, and at each limit."""
    total = argument_parser(__doc__, count=1200).parse_args().count
    rng = np.random.default_rng(SEED)
    kinds, sides, sureness, worn = [], [], [], []
    for number in tqdm(range(total), unit="coin"):
        kind = list(KINDS)[number % len(KINDS)]
        size_px = int(rng.integers(*SIZES))
        coin = render_coin(SEED, number // len(KINDS), size_px=size_px, kind=kind)
        boxes = detect_coins(coin.image) or (WHOLE,)
        face, *_others = classify_sides(coin.image, boxes)
        kinds.append(kind)
        sides.append(face.side)
        sureness.append(face.confidence)
        worn.append(coin.name_legibility < WORN)
    kind_of, side_of = np.array(kinds), np.array([str(side) for side in sides])
    right = side_of == [str(KINDS[kind]) for kind in kinds]
    sure = np.array(sureness)
    is_sure = sure >= SURE_OF_SIDE
    for words, chosen in (
        *((kind, kind_of == kind) for kind in KINDS),
        ("sure", is_sure),
        ("in doubt", ~is_sure),
    ):
        print(f"{words}: {format_proportion(*share(right, chosen))} right")
    others = np.isin(kind_of, ("other", "foreign"))
    shows_horns = np.isin(kind_of, ("cornucopia", "rough_cornucopia"))
    worn_legend = (kind_of == "legend") & np.array(worn)
    for side, own in ((Side.LEGEND, worn_legend), (Side.CORNUCOPIA, shows_horns)):
        for limit in LIMITS:
            said = (side_of == side) & (sure >= limit)
            kept, taken = share(said, own), share(said, others)
            print(
                f"{side}, {limit:g} sure: said of {format_proportion(*kept)} of its "
                f"own and of {format_proportion(*taken)} of other coins"
            )


def share(hits: NDArray[np.bool_], among: NDArray[np.bool_]) -> tuple[int, int]:
    """How many of some coins are hits, and how many there are."""
    return int(hits[among].sum()), int(among.sum())


if __name__ == "__main__":
    main()
