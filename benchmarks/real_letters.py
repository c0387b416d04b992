"""How many letters of real coins the networks read, beside those of rendered coins.

    python -m benchmarks.real_letters PHOTOS_DIR [--coins 40]

`real_letters.csv` beside this file says where the letters of real coins are, as
fractions of a photo's width and height. They were marked by eye from the photos, with
the legends known; no expert checked them, and doubtful letters are left out. PHOTOS_DIR
holds these photos. Rendered coins are measured in the same way, at three sizes of
photo: their marks are the letters with a legibility of at least one half.

A mark is read if the nearest letter that a network reads there is the right one.
Precision is of the letters that are read at marks; what is read elsewhere cannot be
judged. Each coin is read at the pose that the program finds, and at the same pose in
the turn that the marks tell.
"""

from __future__ import annotations

import csv
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import argument_parser
from coin_core.classifiers import pretrained_classifiers
from coin_core.detection import face_to_read
from coin_core.evaluation.metrics import format_proportion
from coin_core.explain import find_legend_pose, read_letters
from coin_core.imaging import photo_io
from coin_core.imaging.preprocessing import (
    CROP_PX,
    LegendPose,
    RotatedBox,
    crop_matrix,
    crop_to_flan,
    normalize_degrees,
)
from coin_core.pipeline import CoinClassifier, prepare_photo
from coin_core.rendering import RenderedCoin, render_coin
from coin_core.rulers import LETTERS

MARKS = Path(__file__).with_name("real_letters.csv")
SEED = 9_000_011
SIZES_PX = (370, 137, 70)  # of rendered photos; the real ones are about as large
SMALL_PX = 200
LEGIBLE = 0.5
NEAR = 0.09  # of the view's side, from a mark to what is read there; half a letter
TURNED_DEG = 25  # a pose that is turned by more is wrong
WHOLE = RotatedBox(left=0, top=0, right=1, bottom=1)
NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A letter, its line from 0, and its place in fractions of the photo."""

    letter: str
    line: int
    x: float
    y: float


Marked = tuple[NDArray[np.uint8], list[Mark]]
"""A photo, and the marks on it in reading order."""


@dataclass
class Tally:
    """What was read at the marks of some coins.

    Attributes:
        read: The right letter and what was read, a pair for each mark.
        elsewhere: Letters that were read where there is no mark.
        coins: How many.
        turned: Coins whose found pose is turned by more than `TURNED_DEG`.
    """

    read: list[tuple[str, str]] = field(default_factory=list)
    elsewhere: int = 0
    coins: int = 0
    turned: int = 0

    def recall(self, letter: str | None = None) -> tuple[int, int]:
        """How many marks are read right, and how many there are."""
        pairs = [pair for pair in self.read if letter in (None, pair[0])]
        return sum(true == read for true, read in pairs), len(pairs)

    def precision(self, letter: str | None = None) -> tuple[int, int]:
        """How many of the letters read at marks are right, and how many there are."""
        pairs = [p for p in self.read if p[1] != NOTHING and letter in (None, p[1])]
        return sum(true == read for true, read in pairs), len(pairs)

    def confusions(self, letter: str) -> str:
        """What a letter was taken for, the most frequent first."""
        wrong = Counter(b for a, b in self.read if a == letter != b)
        return ", ".join(f"{read} {count}" for read, count in wrong.most_common())


def main() -> None:
    """Print the figures of both networks, on real and on rendered coins."""
    parser = argument_parser(__doc__, coins=40)
    parser.add_argument("photos", type=Path)
    args = parser.parse_args()
    real = list(marked_photos(args.photos))
    groups: dict[str, Iterable[Marked]] = {
        f"real, {SMALL_PX} px and more": [one for one in real if not _is_small(one)],
        "real, smaller": [one for one in real if _is_small(one)],
    }
    for size in SIZES_PX:
        groups[f"rendered, {size} px"] = rendered(size, args.coins)
    by_letter: dict[tuple[str, str], Tally] = defaultdict(Tally)
    classifier = CoinClassifier()
    for title, coins in groups.items():
        coins = list(coins)
        for name in pretrained_classifiers():
            for way in ("found pose", "marked turn"):
                tally = measure(classifier, name, coins, way == "marked turn")
                report(f"{title}, {name}, {way}", tally)
                if way == "marked turn":
                    by_letter[title.split(",")[0], name].read += tally.read
    for letter in (letter.key for letter in LETTERS):
        for (kind, name), tally in by_letter.items():
            if tally.recall(letter)[1]:
                print(
                    f"{letter}, {kind}, {name}: "
                    f"read {format_proportion(*tally.recall(letter))}; right among "
                    f"those read so {format_proportion(*tally.precision(letter))}; "
                    f"taken for {tally.confusions(letter) or 'no other'}"
                )


def report(title: str, tally: Tally) -> None:
    """Print the figures of some coins."""
    print(
        f"{title}: read {format_proportion(*tally.recall())}; "
        f"right among what is read at marks {format_proportion(*tally.precision())}; "
        f"{tally.elsewhere} read elsewhere; "
        f"{tally.turned} of {tally.coins} coins found turned",
        flush=True,
    )


def marked_photos(folder: Path) -> Iterator[Marked]:
    """The photos of a folder that have marks."""
    with MARKS.open(newline="", encoding="utf-8") as rows:
        for name, own in groupby(csv.DictReader(rows), lambda row: row["file"]):
            marks = [
                Mark(
                    letter=row["letter"],
                    line=int(row["line"]),
                    x=float(row["x"]),
                    y=float(row["y"]),
                )
                for row in own
            ]
            yield photo_io.read(folder / name), marks


def rendered(size_px: int, number: int) -> Iterator[Marked]:
    """Rendered coins with a line or more to read."""
    for index in range(number):
        coin = render_coin(SEED, index, size_px=size_px)
        marks = marks_of(coin)
        if any(mark.line == other.line for mark, other in pairwise(marks)):
            yield coin.image, marks


def marks_of(coin: RenderedCoin) -> list[Mark]:
    """The legible letters of a rendered coin."""
    lengths = [len(line) for line in coin.legend]
    first = len(coin.letters) - sum(lengths)  # the Greek A has a line of its own
    lines = np.repeat(range(len(lengths) + first), [*[1] * first, *lengths])
    return [
        Mark(
            letter=one.letter,
            line=line,
            x=(one.left + one.right) / 2,
            y=(one.top + one.bottom) / 2,
        )
        for one, line in zip(coin.letters, lines.tolist(), strict=True)
        if one.legibility >= LEGIBLE
    ]


def _is_small(coin: Marked) -> bool:
    return max(coin[0].shape[:2]) < SMALL_PX


def measure(
    classifier: CoinClassifier, name: str, coins: Iterable[Marked], in_true_turn: bool
) -> Tally:
    """What a network reads at the marks of coins."""
    tally = Tally()
    for photo, marks in coins:
        crop, placed = on_crop(photo, marks)
        pose = find_legend_pose(classifier, crop, name)
        turn = turn_of(placed)
        tally.coins += 1
        tally.turned += abs(normalize_degrees(pose.turn_deg - turn)) > TURNED_DEG
        if in_true_turn:
            pose = replace(pose, turn_deg=turn)
        add(tally, placed, pose, read_at(classifier, name, crop, pose))
    return tally


def on_crop(
    photo: NDArray[np.uint8], marks: Sequence[Mark]
) -> tuple[NDArray[np.uint8], list[Mark]]:
    """The crop that classifiers get of a photo, and the marks in fractions of it."""
    faces = prepare_photo(photo).faces
    at = face_to_read(faces)
    box = WHOLE if at is None else faces[at].box
    height, width = photo.shape[:2]
    matrix = crop_matrix(box, width, height)
    px = np.array([(mark.x * width, mark.y * height) for mark in marks])
    places = np.linalg.solve(matrix[:, :2], (px - matrix[:, 2]).T).T
    moved = [
        replace(mark, x=x, y=y)
        for mark, (x, y) in zip(marks, places.tolist(), strict=True)
    ]
    return crop_to_flan(photo, box, CROP_PX), moved


def turn_of(marks: Sequence[Mark]) -> float:
    """How far the lines are turned clockwise, in degrees.

    It is the direction in which the letters of the lines spread most; lines are read
    from right to left.
    """
    away, order = [], []
    for _, group in groupby(marks, lambda mark: mark.line):
        line = np.array([(mark.x, mark.y) for mark in group])
        away.append(line - line.mean(0))
        order.append(np.arange(len(line)) - (len(line) - 1) / 2)
    spread = np.concatenate(away)
    rightward = np.linalg.svd(spread)[2][0]
    if np.concatenate(order) @ spread @ rightward > 0:
        rightward = -rightward
    return math.degrees(math.atan2(rightward[1], rightward[0]))


Read = list[tuple[str, float, float]]
"""Letters with their places in the view."""


def read_at(
    classifier: CoinClassifier, name: str, crop: NDArray[np.uint8], pose: LegendPose
) -> Read:
    """The letters that a network reads in the view at a pose."""
    return [
        (
            one.letter,
            (one.box.left + one.box.right) / 2,
            (one.box.top + one.box.bottom) / 2,
        )
        for one in read_letters(classifier, crop, name, pose)
    ]


def add(tally: Tally, marks: Sequence[Mark], pose: LegendPose, read: Read) -> None:
    """Add a coin: each mark and each letter belong together once, the nearest first."""
    places = [pose.to_view(mark.x, mark.y) for mark in marks]
    pairs = sorted(
        (math.dist(place, at), i, k)
        for i, place in enumerate(places)
        for k, (_, *at) in enumerate(read)
    )
    found: dict[int, int] = {}
    for away, i, k in pairs:
        if away <= NEAR and i not in found and k not in found.values():
            found[i] = k
    for i, mark in enumerate(marks):
        tally.read.append((mark.letter, read[found[i]][0] if i in found else NOTHING))
    tally.elsewhere += len(read) - len(found)


if __name__ == "__main__":
    main()
