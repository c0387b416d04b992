"""Where the letters of a legend are on a coin whose ruler is known: forced alignment.

As in speech, the text is known and its place is not. The legends and line breaks that
are attested for the ruler are laid over the net's letter map by dynamic programming:
letters of a line from right to left at a nearly even distance (Viterbi), lines from top
to bottom. A letter's confidence is the probability, by the forward-backward algorithm
(Rabiner, "A Tutorial on Hidden Markov Models", 1989), that it is there at all and where
it was put, over the likeliest legends together. How well the legends of each ruler fit
tells whose coin it is.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax

from coin_core.imaging.preprocessing import VIEW_MARGIN, LegendPose
from coin_core.legends import Legend, draw_legend
from coin_core.rulers import HEBREW_TO_LETTER, LETTERS, RULERS

Floats = NDArray[np.float32]

_INDEX = {letter.key: number for number, letter in enumerate(LETTERS)}
_DRAWS = 250  # legends of each ruler, beside his attested layouts
_LIKELIEST = 6  # legends whose letters are compared
# All that follows is in cells of the letter map, as rendered dies are cut.
_PITCHES = (1.7, 2.2, 2.8)  # from letter to letter
_PITCH_SPREAD, _CENTRE_SPREAD = 0.53, 1.06
_REACH = 2  # half cells by which a step may differ from the pitch
_LINE_SPREAD, _TOP_SPREAD = 0.65, 1.18
_LINE_STEPS = (2, 3, 4)
_MISSED = 0.2  # a letter of the legend that is not on the coin any more
_USUAL = 0.08  # probability of a letter in a cell that tells nothing
_OFF_LINE = 0.3  # log probability that a letter is a cell above or below its line
_SURENESS = 0.55  # neighbouring cells are not independent: evidence counts less
_NEAR = 1.25  # distance up to which two places are the same


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AlignedLetters:
    """The letters of a legend on a view, or on a crop, and how sure their places are.

    Attributes:
        keys: Indices of `LETTERS` in reading order, int (M,).
        places: Centre x, y and width, height, in fractions of the side, (M, 4).
        confidence: From 0 to 1, (M,).
        in_name: Whether a letter is one of the ruler's name, bool (M,).
        score: How well the legend fits, to compare poses of one coin.
    """

    keys: NDArray[np.int64]
    places: Floats
    confidence: Floats
    in_name: NDArray[np.bool_]
    score: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidates:
    """The legends of a ruler, and their lines, each once.

    Attributes:
        legends: The legends.
        log_weights: Logarithms of their frequencies, (L,).
        lines: Indices of `LETTERS`, line by line.
        rows: The lines of each legend from top to bottom, by number.
    """

    legends: tuple[Legend, ...]
    log_weights: Floats
    lines: tuple[tuple[int, ...], ...]
    rows: tuple[tuple[int, ...], ...]


@cache
def find_candidates(ruler: str) -> Candidates:
    """Return the legends that may be on a coin of a ruler, a key of `RULERS`."""
    rng = np.random.default_rng(0)
    drawn = Counter(
        (legend.lines, legend.name_letters, legend.greek_a)
        for legend in (draw_legend(rng, ruler) for _ in range(_DRAWS))
    )
    for layout in RULERS[ruler].layouts:
        lines = tuple(tuple(HEBREW_TO_LETTER[i] for i in line) for line in layout.lines)
        drawn[lines, len(layout.name), layout.greek_a] += 1
    legends = tuple(
        Legend(lines=lines, name_letters=name, greek_a=greek_a)
        for lines, name, greek_a in drawn
    )
    numbers: dict[tuple[int, ...], int] = {}
    rows = []
    for legend in legends:
        lines = ((("greek_a",),) if legend.greek_a else ()) + legend.lines
        keys = [tuple(_INDEX[key] for key in line) for line in lines]
        rows.append(tuple(numbers.setdefault(line, len(numbers)) for line in keys))
    weights = np.array(list(drawn.values()), np.float32)
    return Candidates(
        legends=legends,
        log_weights=np.log(weights / weights.sum()),
        lines=tuple(numbers),
        rows=tuple(rows),
    )


def align_letters(logits: Floats, ruler: str) -> AlignedLetters:
    """Find the letters of a ruler's legend on a letter map.

    Args:
        logits: Of the 16 letters and "none", (17, H, H).
        ruler: A key of `RULERS`.

    Returns:
        The letters of the likeliest legend, on the view that the map is of.
    """
    known = find_candidates(ruler)
    evidence = _evidence(logits)
    scores, rows, best_pitch = _score(evidence, known)
    likeliest = np.argsort(-scores, kind="stable")[:_LIKELIEST]
    found = [
        _place(evidence, known.lines, known.rows[number], rows[number], best_pitch)
        for number in likeliest.tolist()
    ]
    shares = softmax(scores[likeliest])
    keys, places, sure = found[0]
    agreed = np.zeros(len(keys), np.float32)
    for share, (other_keys, other_places, _) in zip(shares, found, strict=True):
        away = np.abs(places[:, None, :2] - other_places[None, :, :2]).max(2)
        same = (keys[:, None] == other_keys[None]) & (away <= _NEAR)
        agreed += np.float32(share) * same.any(1)
    legend = known.legends[int(likeliest[0])]
    order = np.arange(len(keys)) - legend.greek_a
    return AlignedLetters(
        keys=keys,
        places=(places / logits.shape[1]).astype(np.float32),
        confidence=(sure * agreed).astype(np.float32),
        in_name=(order >= 0) & (order < legend.name_letters),
        score=float(logsumexp(scores)),
    )


def score_rulers(logits: Floats, rulers: Sequence[str]) -> Floats:
    """Return how well the legends of each ruler fit a letter map, (C,).

    The scores are log likelihoods up to a constant. As all of a legend is compared,
    letters count that are common to the rulers but stand elsewhere on their coins.

    Args:
        logits: As for `align_letters`.
        rulers: Keys of `RULERS`.
    """
    evidence = _evidence(logits)
    scores = [_score(evidence, find_candidates(ruler))[0] for ruler in rulers]
    return np.array([logsumexp(each) for each in scores], np.float32)


def on_crop(letters: AlignedLetters, pose: LegendPose) -> AlignedLetters:
    """Return letters of the view in a pose as letters of the crop."""
    scale = 2 * VIEW_MARGIN * pose.radius
    places = letters.places.copy()
    for row, (u, v, width, height) in enumerate(letters.places.tolist()):
        places[row] = (*pose.to_crop(u, v), width * scale, height * scale)
    return AlignedLetters(
        keys=letters.keys,
        places=places,
        confidence=letters.confidence,
        in_name=letters.in_name,
        score=letters.score,
    )


def _score(
    evidence: Floats, known: Candidates
) -> tuple[Floats, dict[int, NDArray[np.int64]], NDArray[np.int64]]:
    """The score of each legend (L,), the rows of its lines, and each line's pitch."""
    by_line = _line_scores(evidence, known.lines)  # (U, pitches, H)
    best = by_line.max(1)
    scores = np.zeros(len(known.legends), np.float32)
    rows: dict[int, NDArray[np.int64]] = {}
    counts = np.array([len(lines) for lines in known.rows])
    for count in np.unique(counts):
        numbers = np.flatnonzero(counts == count)
        lines = np.array([known.rows[number] for number in numbers])
        scores[numbers], found_rows = _find_rows(best[lines])
        rows |= dict(zip(numbers.tolist(), found_rows, strict=True))
    return _SURENESS * scores + known.log_weights, rows, by_line.argmax(1)


def _evidence(logits: Floats) -> Floats:
    """How much a letter at a place is likelier than chance, (16, H, 2 H), as logs.

    Columns are half cells. A letter may be a cell above or below its line.
    """
    cells = softmax(np.asarray(logits, np.float32), axis=0)[:-1]
    ratio = np.log(_MISSED + (1 - _MISSED) * cells / _USUAL)
    fine = np.repeat(ratio, 2, axis=2)
    fine[:, :, 1:-1:2] = (ratio[:, :, :-1] + ratio[:, :, 1:]) / 2
    out = fine.copy()
    out[:, 1:] = np.maximum(out[:, 1:], fine[:, :-1] - _OFF_LINE)
    out[:, :-1] = np.maximum(out[:, :-1], fine[:, 1:] - _OFF_LINE)
    return np.asarray(out, np.float32)


def _start(letters: int, pitch: float, columns: int, *, last: bool = False) -> Floats:
    """Log probability that a line, whose middle is near the field's, begins here."""
    away = (letters - 1) / 2 * pitch * (-1 if last else 1)
    places = (np.arange(columns, dtype=np.float32) + 1) / 2
    off = (places - columns / 4 - away) / _CENTRE_SPREAD
    return np.asarray(-0.25 * off**2, np.float32)


def _step_logs(pitch: float) -> list[tuple[int, np.float32]]:
    return [
        (step, np.float32(-0.5 * ((step / 2 - pitch) / _PITCH_SPREAD) ** 2))
        for step in range(round(2 * pitch) - _REACH, round(2 * pitch) + _REACH + 1)
    ]


def _line_scores(evidence: Floats, lines: Sequence[tuple[int, ...]]) -> Floats:
    """The best score of each line in each row at each pitch, (U, pitches, H)."""
    _, height, columns = evidence.shape
    out = np.zeros((len(lines), len(_PITCHES), height), np.float32)
    for length in {len(line) for line in lines}:
        numbers = [n for n, line in enumerate(lines) if len(line) == length]
        keys = np.array([lines[n] for n in numbers])
        for place, pitch in enumerate(_PITCHES):
            state = evidence[keys[:, 0]] + _start(length, pitch, columns)
            spare = np.empty_like(state)
            for letter in range(1, length):
                before = np.full_like(state, -np.inf)
                for step, log in _step_logs(pitch):
                    # The letter before is to the right.
                    way = np.add(state[..., step:], log, out=spare[..., step:])
                    part = before[..., :-step]
                    np.maximum(part, way, out=part)
                state = np.add(before, evidence[keys[:, letter]], out=before)
            state = state + _start(length, pitch, columns, last=True)
            out[numbers, place] = state.max(2)
    return out


def _find_rows(scores: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """The best rows of lines one below the other, (L, K), and their scores, (L,).

    Args:
        scores: Of L legends, each with K lines, in each row: (L, K, H).
    """
    _, count, height = scores.shape
    # A field is as high as four lines at least.
    pitch = height / VIEW_MARGIN / max(count, 4)
    first = height / 2 - pitch * (count - 1) / 2
    places = np.arange(height) + 0.5
    state = scores[:, 0] - 0.5 * ((places - first) / _TOP_SPREAD) ** 2
    back = []
    for line in range(1, count):
        ways = np.full((len(_LINE_STEPS), *state.shape), -np.inf)
        for number, step in enumerate(_LINE_STEPS):
            log = -0.5 * ((step - pitch) / _LINE_SPREAD) ** 2
            ways[number, :, step:] = state[:, :-step] + log
        back.append(np.array(_LINE_STEPS)[ways.argmax(0)])
        state = ways.max(0) + scores[:, line]
    rows = [state.argmax(1)]
    for steps in reversed(back):
        rows.append(rows[-1] - np.take_along_axis(steps, rows[-1][:, None], 1)[:, 0])
    return state.max(1).astype(np.float32), np.stack(rows[::-1], axis=1)


def _place(
    evidence: Floats,
    known: Sequence[tuple[int, ...]],
    lines: Sequence[int],
    rows: NDArray[np.int64],
    best_pitch: NDArray[np.int64],
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Keys, places in cells (M, 4) and confidences of the letters of a legend."""
    height = evidence.shape[1]
    line_pitch = height / VIEW_MARGIN / max(len(lines), 4)
    keys: list[int] = []
    places: list[tuple[float, float, float, float]] = []
    sure: list[float] = []
    for line, row in zip(lines, rows.tolist(), strict=True):
        pitch = _PITCHES[int(best_pitch[line, row])]
        columns, likely = _posterior(evidence[:, row], known[line], pitch)
        for key, column, chance in zip(known[line], columns, likely, strict=True):
            y = _row_near(evidence[key, :, column], row)
            there = 1 - _MISSED / math.exp(float(evidence[key, row, column]))
            x = (column + 1) / 2
            places.append((x, y, 0.9 * pitch, 0.8 * line_pitch))
            keys.append(key)
            sure.append(chance * max(0.0, there))
    return np.array(keys), np.array(places, np.float32), np.array(sure, np.float32)


def _row_near(column: Floats, row: int) -> float:
    """The middle of what is read in a column near a row."""
    rows = np.arange(max(row - 1, 0), min(row + 2, len(column)))
    weights = softmax(2 * column[rows].astype(np.float64))
    return float(weights @ rows) + 0.5


def _posterior(
    evidence: Floats, line: tuple[int, ...], pitch: float
) -> tuple[list[int], list[float]]:
    """The likeliest half cell of each letter of a line in its row, and how likely.

    Args:
        evidence: Of the row, (16, 2 H).
        line: Its letters.
        pitch: From letter to letter.
    """
    columns = evidence.shape[1]
    seen = np.exp(_SURENESS * evidence[list(line)].astype(np.float64))
    moves = _moves(columns, pitch)
    first, last = (
        np.exp(_start(len(line), pitch, columns, last=last)) for last in (False, True)
    )
    forward = [first * seen[0]]
    for row in seen[1:]:
        forward.append(forward[-1] @ moves * row)
    backward = [last]
    for row in seen[:0:-1]:
        backward.append(moves @ (backward[-1] * row))
    places, likely = [], []
    for one, other in zip(forward, backward[::-1], strict=True):
        chances = one * other
        column = int(chances.argmax())
        near = float(chances[max(column - 2, 0) : column + 3].sum())
        places.append(column)
        likely.append(near / float(chances.sum()))
    return places, likely


@cache
def _moves(columns: int, pitch: float) -> NDArray[np.float64]:
    """How likely a letter follows another, by their columns: (from, to)."""
    moves = np.zeros((columns, columns))
    for step, log in _step_logs(pitch):
        moves += np.eye(columns, k=-step) * math.exp(log)
    return moves
