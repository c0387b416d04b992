"""Which ruler's legend the letters fit that were read on a coin.

The letters are aligned with the wordings and line breaks of each ruler's legends by a
pair hidden Markov model (Durbin et al., *Biological Sequence Analysis*, 1998, ch. 4):
a letter of the legend is read, misread or missed, and a mark may be read where there
is no letter. The forward probabilities say how well a ruler's legends fit, the most
probable path says which letters of the name were read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from coin_core.legends import Legend, draw_legend
from coin_core.results import LetterRead
from coin_core.rulers import LETTERS

CLEAR: Final = 0.7
"""A letter is clear from this probability on, doubtful below it."""

# Chosen on rendered coins: python -m benchmarks.legend_alignment.
_MISSED = 0.35  # a letter of the legend that was not read
_ADDED = 0.15  # a mark that was read as a letter
_SAME_LINE = 0.65  # two letters of one line are read in one line
_NEW_LINE = 0.55  # two letters of different lines are read in different lines
_SURE = 0.45, 0.97  # how far the probability of a letter is believed
_DRAWS = 300  # legends of each ruler

_INDEX: Final = {letter.key: number for number, letter in enumerate(LETTERS)}
_PAD = -1


class LetterState(StrEnum):
    """How a letter of a name was read."""

    CLEAR = "clear"
    DOUBTFUL = "doubtful"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class NameLetter:
    """A letter of a name in the legend.

    Attributes:
        letter: Its key.
        state: How it was read.
        read: Its position among the letters that were read; None if it is missing.
    """

    letter: str
    state: LetterState
    read: int | None


class PairState(StrEnum):
    """How a letter that was read and one of the legend go together."""

    CLEAR = "clear"
    DOUBTFUL = "doubtful"
    MISREAD = "misread"  # another letter was read in its place
    MISSING = "missing"  # nothing was read in its place
    ADDED = "added"  # read where the legend has no letter


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A letter that was read above one of the legend.

    Attributes:
        attested: The key of the legend's letter; None if a letter was added.
        read: The position among the letters that were read; None if it is missing.
        state: How they go together.
        of_name: Whether the legend's letter is one of the name.
    """

    attested: str | None
    read: int | None
    state: PairState
    of_name: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LegendFit:
    """How well the letters fit the legends of one ruler.

    Attributes:
        ruler: His key.
        probability: That the legend is his, 0..1, by the letters alone and with equal
            chances before; all rulers together give 1. It is not calibrated.
        legend: The legend of his that fits best.
        path: For each letter of that legend, line after line, the position of the
            letter that was read for it; None for a missing one.
        name: The letters of the name in that legend.
    """

    ruler: str
    probability: float
    legend: Legend
    path: tuple[int | None, ...]
    name: tuple[NameLetter, ...]

    @property
    def found(self) -> int:
        """How many letters of the name were read."""
        return sum(letter.state is not LetterState.MISSING for letter in self.name)


def fit_legends(
    letters: Sequence[LetterRead], rulers: Sequence[str]
) -> tuple[LegendFit, ...]:
    """Return how well letters fit the legends of each ruler, in the given order."""
    known = _legends(tuple(rulers))
    joint = _forward(letters, known) * known.weights
    total = joint.sum()
    fits = []
    for number, ruler in enumerate(rulers):
        of_ruler = np.where(known.rulers == number, joint, 0.0)
        legend = known.legends[int(of_ruler.argmax())]
        share = float(of_ruler.sum() / total)
        fits.append(_describe(letters, ruler, share, legend))
    return tuple(fits)


def align(
    letters: Sequence[LetterRead], fit: LegendFit
) -> tuple[tuple[Pair, ...], ...]:
    """Return the letters read beside those of the legend, line by line."""
    lines: list[list[Pair]] = []
    done = place = 0
    for line in fit.legend.lines:
        lines.append([])
        for key in line:
            read = fit.path[place]
            for mark in range(done, done if read is None else read):
                # A mark before a new line may have been read at the end of the last.
                is_before = len(lines) > 1 and not lines[-1] and mark > 0
                is_left = is_before and letters[mark].line == letters[mark - 1].line
                lines[-2 if is_left else -1].append(_added(mark))
            state = PairState.MISSING
            if read is not None:
                done = read + 1
                state = _pair_state(letters[read], key)
            of_name = place < fit.legend.name_letters
            pair = Pair(attested=key, read=read, state=state, of_name=of_name)
            lines[-1].append(pair)
            place += 1
    lines[-1].extend(_added(mark) for mark in range(done, len(letters)))
    return tuple(map(tuple, lines))


def _added(read: int) -> Pair:
    return Pair(attested=None, read=read, state=PairState.ADDED, of_name=False)


def _pair_state(letter: LetterRead, key: str) -> PairState:
    if letter.letter != key:
        return PairState.MISREAD
    return PairState.CLEAR if letter.probability >= CLEAR else PairState.DOUBTFUL


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Legends:
    """L legends with at most M letters.

    Attributes:
        legends: In the order of the columns.
        rulers: Whose they are, as positions in a list of rulers, int (L,).
        weights: Relative frequencies, (L,); those of a ruler sum to 1.
        letters: Indices of `LETTERS`, int (M, L); _PAD after the end.
        breaks: Whether a line ends before a letter, bool (M, L).
    """

    legends: tuple[Legend, ...]
    rulers: NDArray[np.int64]
    weights: NDArray[np.float64]
    letters: NDArray[np.int64]
    breaks: NDArray[np.bool_]


@cache
def _legends(rulers: tuple[str, ...]) -> _Legends:
    rng = np.random.default_rng(0)
    drawn = Counter(
        (number, legend.lines, legend.name_letters)
        for number, ruler in enumerate(rulers)
        for legend in (draw_legend(rng, ruler) for _ in range(_DRAWS))
    )
    longest = max(sum(map(len, lines)) for _, lines, _ in drawn)
    letters = np.full((longest, len(drawn)), _PAD)
    breaks = np.zeros(letters.shape, dtype=bool)
    for column, (_, lines, _) in enumerate(drawn):
        keys = [key for line in lines for key in line]
        letters[: len(keys), column] = [_INDEX[key] for key in keys]
        breaks[np.cumsum([len(line) for line in lines])[:-1], column] = True
    return _Legends(
        legends=tuple(Legend(lines=i, name_letters=name) for _, i, name in drawn),
        rulers=np.array([number for number, _, _ in drawn]),
        weights=np.array(list(drawn.values())) / _DRAWS,
        letters=letters,
        breaks=breaks,
    )


def _emissions(letters: Sequence[LetterRead]) -> NDArray[np.float64]:
    """The probability of each letter read, given each true letter: (N, 17).

    The last column, at index _PAD, is 0: behind the end of a legend nothing is read.
    """
    count = len(LETTERS)
    table = np.zeros((len(letters), count + 1))
    for row, letter in enumerate(letters):
        sure = float(np.clip(letter.probability, *_SURE))
        table[row, :count] = (1 - sure) / (count - 1)
        table[row, _INDEX[letter.letter]] = sure
    return table


def _line_starts(letters: Sequence[LetterRead]) -> list[bool]:
    """Whether a letter begins another line than the letter before it."""
    lines = [letter.line for letter in letters]
    return [i > 0 and lines[i] != lines[i - 1] for i in range(len(lines))]


def _step(crossed: bool, begins_line: bool) -> float:
    """The probability of a line break, or of none, between two letters read."""
    if crossed:
        return _NEW_LINE if begins_line else 1 - _NEW_LINE
    return 1 - _SAME_LINE if begins_line else _SAME_LINE


def _forward(letters: Sequence[LetterRead], known: _Legends) -> NDArray[np.float64]:
    """The likelihoods of the letters under each legend, (L,)."""
    longest, count = known.letters.shape
    # state[0] and state[1], (M + 1, L): the letters so far are read, the first m
    # letters of the legend are used; no line has ended since the last letter, or one.
    state = np.zeros((2, longest + 1, count))
    state[0, 0] = 1.0
    missed = np.where(known.letters == _PAD, 0.0, _MISSED)
    table = _emissions(letters)
    for row, begins_line in zip(table, _line_starts(letters), strict=True):
        for m in range(longest):
            skipped = state[:, m] * missed[m]
            within = np.where(known.breaks[m], 0.0, skipped[0])
            state[0, m + 1] += within
            state[1, m + 1] += skipped.sum(axis=0) - within
        read = row[known.letters] * (1 - _MISSED)  # (M, L)
        broken, whole = _step(True, begins_line), _step(False, begins_line)
        added = state * (_ADDED / len(LETTERS))
        first = state[0, :-1] * np.where(known.breaks, broken, whole)
        added[0, 1:] += read * (first + state[1, :-1] * broken)
        state = added
    total: NDArray[np.float64] = state.sum(axis=(0, 1))
    return total


def _describe(
    letters: Sequence[LetterRead], ruler: str, probability: float, legend: Legend
) -> LegendFit:
    keys = [key for line in legend.lines for key in line]
    path = _best_path(letters, legend)
    name = []
    for key, read in zip(keys[: legend.name_letters], path, strict=False):
        state = LetterState.MISSING
        if read is not None and letters[read].letter == key:
            is_clear = letters[read].probability >= CLEAR
            state = LetterState.CLEAR if is_clear else LetterState.DOUBTFUL
        else:
            read = None
        name.append(NameLetter(letter=key, state=state, read=read))
    return LegendFit(
        ruler=ruler,
        probability=probability,
        legend=legend,
        path=path,
        name=tuple(name),
    )


def _best_path(letters: Sequence[LetterRead], legend: Legend) -> tuple[int | None, ...]:
    """The most probable path: the letter read for each letter of a legend."""
    keys = [_INDEX[key] for line in legend.lines for key in line]
    breaks = set(np.cumsum([len(line) for line in legend.lines])[:-1].tolist())
    table, starts = _emissions(letters), _line_starts(letters)
    # (letters read, letters of the legend used, whether a line has ended since the
    # last letter read): the most probable way there, and its log probability.
    best: dict[tuple[int, int, bool], tuple[float, tuple[int | None, ...]]] = {
        (0, 0, False): (0.0, ())
    }
    for n, m in np.ndindex(len(letters), len(keys) + 1):
        for ended in (False, True):
            score, path = best.get((n, m, ended), (-np.inf, ()))
            ways = [((n + 1, m, ended), _ADDED / len(LETTERS), path)]
            if m < len(keys):
                now = ended or m in breaks
                read = table[n, keys[m]] * (1 - _MISSED) * _step(now, starts[n])
                ways.append(((n, m + 1, now), _MISSED, (*path, None)))
                ways.append(((n + 1, m + 1, False), read, (*path, n)))
            for place, probability, way in ways:
                there = score + float(np.log(probability))
                if there > best.get(place, (-np.inf, ()))[0]:
                    best[place] = there, way
    whole = [found for (n, _, _), found in best.items() if n == len(letters)]
    path = max(whole, key=lambda found: found[0])[1]
    return path + (None,) * (len(keys) - len(path))
