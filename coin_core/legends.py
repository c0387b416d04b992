"""Legends inside the wreath: wording, spelling, and breaks into lines.

Spelling and layout vary from die to die (Meshorer, *A Treasury of Jewish Coins*, 2001,
groups A to U; Hendin, *Guide to Biblical Coins*, 5th edition, 2010, nos. 1132 to 1159):
with and without the article, with and without waw and yod, "and the Council" or "head
of the Council". Some of the legends follow the attested layouts of `coin_core.rulers`.
The others break the attested wording as an engraver does who fills a round field.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from coin_core.rulers import HEBREW_TO_LETTER, RULERS

HEAD_OF_COUNCIL = (("ראשחברהיהודים", 0.5), ("ראשהחברהיהדים", 0.5))
# Relative lengths of the lines from top to bottom.
LINE_PROFILES: tuple[tuple[float, ...], ...] = (
    (0.8, 1.0, 1.0, 0.8),
    (0.7, 0.95, 1.0, 0.95, 0.6),
    (0.6, 0.9, 1.0, 0.9, 0.6),
    (0.75, 1.0, 1.0, 0.9, 0.4),
)

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Legend:
    """A legend in lines.

    Attributes:
        lines: Letter keys of each line in reading order, right to left.
        name_letters: How many letters, from the first, spell the ruler's name.
        greek_a: Whether there is a Greek A above the first line.
    """

    lines: tuple[tuple[str, ...], ...]
    name_letters: int
    greek_a: bool = False

    def text(self) -> tuple[str, ...]:
        """The lines in Hebrew letters, for display."""
        # reversed: the first sign of a key, not its final form, comes out
        hebrew = {key: sign for sign, key in list(HEBREW_TO_LETTER.items())[::-1]}
        return tuple("".join(hebrew[key] for key in line) for line in self.lines)


def _pick(rng: np.random.Generator, weighted: Sequence[tuple[Item, float]]) -> Item:
    """One of the items, by their relative frequencies."""
    point = rng.random() * sum(weight for _, weight in weighted)
    for item, weight in weighted:
        point -= weight
        if point < 0:
            return item
    return weighted[-1][0]


def _happens(rng: np.random.Generator, probability: float) -> bool:
    """Draw a random event; does not use `rng` if the probability is 0."""
    return probability > 0 and bool(rng.random() < probability)


def _break_lines(rng: np.random.Generator, text: str) -> list[str]:
    """Break a text into 4 or 5 lines that follow the round of the field."""
    profile = np.array(LINE_PROFILES[int(rng.integers(len(LINE_PROFILES)))])
    profile = profile * rng.uniform(0.88, 1.12, len(profile))
    ends = np.round(np.cumsum(profile) / profile.sum() * len(text)).astype(int)
    starts = [0, *ends[:-1].tolist()]
    return [text[a:b] for a, b in zip(starts, ends.tolist(), strict=True) if b > a]


def draw_legend(rng: np.random.Generator, ruler: str) -> Legend:
    """Draw a random legend of a ruler, who is a key of `rulers.RULERS`."""
    frequencies = RULERS[ruler].legend_frequencies
    names = tuple(name for name, _ in frequencies.names)
    layouts = [
        (layout.lines, layout.weight)
        for layout in RULERS[ruler].layouts
        if len(layout.lines) >= 4 and "".join(layout.lines).startswith(names)
    ]
    if layouts and rng.random() < frequencies.layouts:
        lines = list(_pick(rng, layouts))
    else:
        is_head = _happens(rng, frequencies.head_of_council)
        council = _pick(rng, HEAD_OF_COUNCIL if is_head else frequencies.councils)
        text = _pick(rng, frequencies.names) + _pick(rng, frequencies.titles) + council
        # engravers ran out of room: the end of the legend is often missing
        missing = int(rng.integers(0, 5)) if rng.random() < 0.5 else 0
        lines = _break_lines(rng, text[: len(text) - missing])
    whole = "".join(lines)
    return Legend(
        lines=tuple(tuple(HEBREW_TO_LETTER[sign] for sign in line) for line in lines),
        name_letters=max(len(name) for name in names if whole.startswith(name)),
        greek_a=_happens(rng, frequencies.greek_a),
    )
