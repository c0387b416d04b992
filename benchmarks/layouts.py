"""Into which lines legends break, fitted to the places of letters on real coins.

    python -m benchmarks.layouts TABLE.csv [--rows even]

TABLE is that of `benchmarks/letters.py`. It has the number of each letter on a coin,
their mean place and its spread, not the lines. So every wording of a ruler is broken
into four and five lines in every way that fills a round field, each coin is compared
with all of these layouts, and expectation and maximisation finds the smallest mixture
of them that explains the coins of a ruler. The frequent ones are in the rulers' files
in `coin_core/rulers/`, with weights of about these frequencies.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import pairwise, product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import argument_parser
from benchmarks.letters import COLUMNS, RULERS
from coin_core.rulers import HEBREW_TO_LETTER, get_ruler

Floats = NDArray[np.float64]

TITLES = ("הכהנהגדל", "הכהנהגדול", "כהנהגדל", "כהנגדול", "הכהנגדל", "כהנגדל")
# The end of the legend is often missing, and the letters of its last word vary.
ENDINGS = (
    *("וחברהיהודים", "וחברהיהדים", "וחברהידים", "וחבריהודים", "וחברהיהוד", "וחברהיהד"),
    *("וחברהיה", "וחברהי", "וחברה", "וחבר", "חברהיהודים", "חברהיהדים", "חברהיה"),
)
MIN_LETTERS = 10  # fewer do not tell lines
ROW = 1.25  # distance of two lines, where letters are 1 apart
DEVIATION = 0.55  # of a letter from its place, in the same unit
FARTHEST = 2.8  # in deviations; a letter beyond was misread
MISSING, FOREIGN = 0.9, 2.5  # what a letter that is not seen, or is too much, costs
STEPS, PLAIN_STEPS, SPARSITY = 200, 60, 0.15
SHOWN = 0.01


class Layouts(NamedTuple):
    """Layouts, and where their letters are.

    Attributes:
        lines: Hebrew letters of each, with bars between the lines.
        places: The letters of `COLUMNS`, (K, L, 9, 2), NaN where there are fewer.
        counts: How many there are, (K, L).
        means: Their mean places, (K, L, 2), 0 where there are none.
        spreads: Standard deviations of their places, (K, L, 2).
    """

    lines: list[str]
    places: Floats
    counts: NDArray[np.int64]
    means: Floats
    spreads: Floats


class Sighting(NamedTuple):
    """The letters of a coin: counts (L,), mean places and their spread (L, 2)."""

    counts: NDArray[np.int64]
    means: Floats
    spreads: Floats


def main() -> None:
    """Print the layouts of every ruler with their frequencies."""
    parser = argument_parser(__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("--rows", choices=("even", "odd", "all"), default="even")
    args = parser.parse_args()
    with args.table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    picked = {"even": rows[::2], "odd": rows[1::2], "all": rows}[args.rows]
    for title, key in RULERS.items():
        coins = [sighting_of(row) for row in picked if row["Class"] == title]
        coins = [coin for coin in coins if coin.counts.sum() >= MIN_LETTERS]
        layouts = build_layouts(key)
        costs = np.stack([compare(coin, layouts) for coin in coins])
        weights = mixture(costs[np.isfinite(costs.min(1))])
        print(f"{key}: {len(coins)} coins, {len(layouts.lines)} layouts")
        for number in np.argsort(-weights):
            if weights[number] >= SHOWN:
                print(f"  {weights[number]:.3f}  {layouts.lines[number]}")


def sighting_of(row: dict[str, str]) -> Sighting:
    """The letters of a row of the table."""
    numbers = np.array(
        [
            [float(row[f"{letter}_{part}"]) for letter in COLUMNS]
            for part in ("Count", "AvgX", "AvgY", "StdX", "StdY")
        ]
    )
    return Sighting(np.rint(numbers[0]).astype(int), numbers[1:3].T, numbers[3:].T)


def build_layouts(ruler: str) -> Layouts:
    """Every wording of a ruler in every way of breaking it into lines."""
    names = [name for name, _ in get_ruler(ruler).legend_frequencies.names]
    texts = ("".join(parts) for parts in product(names, TITLES, ENDINGS))
    lines = list(dict.fromkeys(line for text in texts for line in break_text(text)))
    columns = {key: number for number, key in enumerate(COLUMNS.values())}
    places = np.full((len(lines), len(columns), 9, 2), np.nan)
    counts = np.zeros((len(lines), len(columns)), int)
    for number, layout in enumerate(lines):
        for row, line in enumerate(layout.split(" | ")):
            for at, sign in enumerate(line):
                letter = columns[HEBREW_TO_LETTER[sign]]
                place = ((len(line) - 1) / 2 - at, row * ROW)
                places[number, letter, counts[number, letter]] = place
                counts[number, letter] += 1
    there = np.maximum(counts, 1)[..., None]
    means = np.nansum(places, axis=2) / there
    spreads = np.sqrt(np.nansum((places - means[:, :, None]) ** 2, axis=2) / there)
    return Layouts(lines, places, counts, means, spreads)


def break_text(text: str) -> Iterator[str]:
    """Break a text into four and five lines of three to eight letters."""
    for lines in (4, 5):
        for lengths in product(range(3, 9), repeat=lines - 1):
            last = len(text) - sum(lengths)
            # The last of five lines may be short.
            if 6 - lines <= last <= 8 and max(*lengths, last) - min(lengths) <= 4:
                ends = np.cumsum([0, *lengths, last]).tolist()
                yield " | ".join(text[first:end] for first, end in pairwise(ends))


def compare(coin: Sighting, layouts: Layouts) -> Floats:
    """How badly a coin fits each layout, (K,); infinite if too little is comparable.

    Letters that are as many as they should be place the layout on the coin: its centre,
    and a scale along each axis. What is left are the deviations of all letters.
    """
    counts = layouts.counts
    same = (counts == coin.counts) & (coin.counts > 0)
    weights = (same * coin.counts)[..., None].astype(float)
    total = np.maximum(weights.sum(1), 1)
    centre = (weights * coin.means).sum(1) / total
    middle = (weights * layouts.means).sum(1) / total
    seen, wanted = coin.means - centre[:, None], layouts.means - middle[:, None]
    size = np.maximum((weights * seen**2).sum(1), 1e-9)
    common = np.sqrt((weights * wanted**2).sum((1, 2)) / size.sum(1))[:, None]
    scale = (weights * seen * wanted).sum(1) / size
    scale = np.clip(scale, 0.6 * common, 1.5 * common)[:, None]
    away = ((seen * scale - wanted) ** 2).sum(2)
    wider = ((coin.spreads * scale - layouts.spreads) ** 2).sum(2) * (coin.counts > 1)
    costs = (weights[..., 0] * (_limited(away) + _limited(wider))).sum(1)
    # One sighting of a letter that occurs more often is of the nearest.
    one = np.flatnonzero(coin.counts == 1)
    guess = (seen * scale + middle[:, None])[:, one, None]
    apart = ((layouts.places[:, one] - guess) ** 2).sum(3)
    nearest = np.nan_to_num(apart, nan=np.inf).min(2)
    costs += ((counts[:, one] > 1) * _limited(nearest)).sum(1)
    # Whether there is a Greek A is no matter of the layout.
    more = (counts - coin.counts)[:, 1:]
    costs += MISSING * np.maximum(more, 0).sum(1) - FOREIGN * np.minimum(more, 0).sum(1)
    return np.where(same.sum(1) >= 4, costs, np.inf)


def _limited(squares: Floats) -> Floats:
    return np.minimum(squares / DEVIATION**2, FARTHEST**2) / 2


def mixture(costs: Floats) -> Floats:
    """Frequencies (K,) of layouts that explain coins with these costs (N, K)."""
    likely = np.exp(costs.min(1, keepdims=True) - costs)
    weights = np.full(costs.shape[1], 1 / costs.shape[1])
    for step in range(STEPS):
        shares = likely * weights
        sums = (shares / shares.sum(1, keepdims=True)).sum(0)
        sums -= SPARSITY if step > PLAIN_STEPS else 0
        weights = np.maximum(sums, 1e-9)
        weights /= weights.sum()
    return weights


if __name__ == "__main__":
    main()
