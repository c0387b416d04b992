"""How often the side of a coin is right, where the net is sure of it and where not.

    python -m benchmarks.sides [--count 1000]

Pages say "perhaps" below `ui.formatting.SURE_OF_SIDE`.
"""

from __future__ import annotations

import numpy as np
from tqdm import tqdm

from benchmarks.common import argument_parser
from coin_core.detection.faces import RotatedBox, Side, classify_sides, detect_coins
from coin_core.evaluation.metrics import format_proportion
from coin_core.rendering import render_coin
from ui.formatting import SURE_OF_SIDE

SEED = 777_001
KINDS = (Side.LEGEND, Side.CORNUCOPIA, Side.STAR_ANCHOR, Side.OTHER)
WHOLE = RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0)


def main() -> None:
    """Print how often the side is right, above and below the limit."""
    count = argument_parser(__doc__, count=1000).parse_args().count
    is_sure, is_right = [], []
    for number in tqdm(range(count), unit="coin"):
        side = KINDS[number % len(KINDS)]
        image = render_coin(
            SEED, number // len(KINDS), size_px=240, kind=str(side)
        ).image
        (face, *_others) = classify_sides(image, detect_coins(image) or (WHOLE,))
        is_sure.append(face.confidence >= SURE_OF_SIDE)
        is_right.append(face.side is side)
    sure, right = np.array(is_sure), np.array(is_right)
    for words, chosen in (("sure", sure), ("in doubt", ~sure)):
        found, total = int(right[chosen].sum()), int(chosen.sum())
        print(f"{words}: {format_proportion(found, total)} right")


if __name__ == "__main__":
    main()
