"""Legends: what stands inside the wreath, and how it breaks into lines.

Spellings and layouts vary from die to die (Meshorer TJC 2001, groups A-U; Hendin
GBC5 2010, 1132-1159): with and without the article, with and without waw and yod,
"and the Council" or "head of the Council". Part of the legends follows the
attested layouts of `coin_core.rulers`; the others break the attested wording as
an engraver does who fills a round field.
"""

from dataclasses import dataclass

import numpy as np

from coin_core.rulers import HEBREW_TO_LETTER, RULERS

COUNCIL = (
    ("וחברהיהודים", 0.4),
    ("וחברהיהדים", 0.3),
    ("וחברהידים", 0.15),
    ("וחברהיה", 0.15),
)
HEAD_OF_COUNCIL = (("ראשחברהיהודים", 0.5), ("ראשהחברהיהדים", 0.5))
PROFILES: tuple[tuple[float, ...], ...] = (
    (0.8, 1.0, 1.0, 0.8),
    (0.7, 0.95, 1.0, 0.95, 0.6),
    (0.6, 0.9, 1.0, 0.9, 0.6),
    (0.75, 1.0, 1.0, 0.9, 0.4),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Legend:
    """Lines of letter names, each read right to left.

    `name_letters` counts the letters, from the start, that spell the ruler's
    name; `greek_a` says that a Greek A stands above the first line.
    """

    lines: tuple[tuple[str, ...], ...]
    name_letters: int
    greek_a: bool = False

    def text(self) -> tuple[str, ...]:
        """The lines in Hebrew letters, for display."""
        back = {key: hebrew for hebrew, key in list(HEBREW_TO_LETTER.items())[::-1]}
        return tuple("".join(back.get(key, "?") for key in line) for line in self.lines)


def _pick(rng: np.random.Generator, table: tuple[tuple[str, float], ...]) -> str:
    point = rng.random() * sum(weight for _, weight in table)
    for text, weight in table:
        point -= weight
        if point < 0:
            return text
    return table[-1][0]


def _happens(rng: np.random.Generator, probability: float) -> bool:
    """Draw only where it is possible at all."""
    return probability > 0 and bool(rng.random() < probability)


def _broken(rng: np.random.Generator, text: str) -> list[str]:
    """Break the text into 4 or 5 lines that follow the round of the field."""
    profile = np.array(PROFILES[int(rng.integers(len(PROFILES)))])
    profile = profile * rng.uniform(0.88, 1.12, len(profile))
    ends = np.round(np.cumsum(profile) / profile.sum() * len(text)).astype(int)
    starts = [0, *ends[:-1].tolist()]
    return [text[a:b] for a, b in zip(starts, ends.tolist(), strict=True) if b > a]


def draw_legend(rng: np.random.Generator, ruler: str) -> Legend:
    """A legend of the ruler (a key of `rulers.RULERS`)."""
    frequencies = RULERS[ruler].legend_frequencies
    names = tuple(name for name, _ in frequencies.names)
    layouts = [
        layout.lines
        for layout in RULERS[ruler].layouts
        if len(layout.lines) >= 4 and "".join(layout.lines).startswith(names)
    ]
    if layouts and rng.random() < 0.4:
        lines = list(layouts[int(rng.integers(len(layouts)))])
    else:
        head = _happens(rng, frequencies.head_of_council)
        council = _pick(rng, HEAD_OF_COUNCIL if head else COUNCIL)
        text = _pick(rng, frequencies.names) + _pick(rng, frequencies.titles) + council
        # engravers ran out of room: the end of the legend is often missing
        cut = int(rng.integers(0, 5)) if rng.random() < 0.5 else 0
        lines = _broken(rng, text[: len(text) - cut])
    text = "".join(lines)
    return Legend(
        lines=tuple(tuple(HEBREW_TO_LETTER[c] for c in line) for line in lines),
        name_letters=max(len(name) for name in names if text.startswith(name)),
        greek_a=_happens(rng, frequencies.greek_a),
    )
