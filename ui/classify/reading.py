"""What the letters that were read say for a verdict, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from coin_core.i18n import N_, _
from coin_core.legend_alignment import LegendFit, LetterState, NameLetter
from coin_core.rulers import LETTERS, RULERS
from ui.components.paleo_hebrew import letter_name

if TYPE_CHECKING:
    from coin_core.classifiers.rim_reader import RimLetter

_SIGNS = {letter.key: letter.transliteration for letter in LETTERS}
_STATES = {
    LetterState.CLEAR: N_("clear"),
    LetterState.DOUBTFUL: N_("doubtful"),
    LetterState.MISSING: N_("missing"),
}
_UNREAD = "·"
_FITS_AS_WELL = 0.2  # probability of the other ruler's legends, by the letters alone
_BETTER = 3  # times as probable
_FEW = 2  # missing letters that are named one by one
_FEWEST_ON_RIM = 6  # fewer tell nothing
_GAP = 1.8  # usual steps from letter to letter


def reading_sentences(fits: Sequence[LegendFit], ruler: str) -> str:
    """What was read of a ruler's name, the letters that decide, and any doubt.

    Args:
        fits: The fit of each ruler's legends to the letters, as of `fit_legends`.
        ruler: The ruler of the verdict, or the most probable one if there is none.
    """
    by_ruler = {fit.ruler: fit for fit in fits}
    fit = by_ruler[ruler]
    name = _(RULERS[ruler].name_on_coin)
    if not fit.found:
        none = _("No letter of the name {name} could be read.").format(name=name)
        return f"{none} {_unread(fits)}".strip()
    spelled = "".join(
        _UNREAD if letter.state is LetterState.MISSING else _(_SIGNS[letter.letter])
        for letter in fit.name
    )
    parts = [
        _("Read {letters}, {found} of {count} letters of {name}").format(
            letters=spelled, found=fit.found, count=len(fit.name), name=name
        )
    ]
    parts += _telling(fit)
    missing = [i for i, x in enumerate(fit.name) if x.state is LetterState.MISSING]
    missing = [i for i in missing if fit.name[i].letter not in _tellers(ruler)]
    if 0 < len(missing) <= _FEW:
        placed = [_placed_name(fit.name, i) for i in missing]
        if len(placed) == 1:
            parts.append(_("{letter} is missing").format(letter=placed[0]))
        else:
            words = _("{letter} and {other} are missing")
            parts.append(words.format(letter=placed[0], other=placed[1]))
    sentences = [f"{'; '.join(parts)}.", _unread(fits), _doubt(fits, fit)]
    return " ".join(filter(None, sentences))


def rim_sentence(letters: Sequence[RimLetter]) -> str:
    """What was read along the rim, with a point where letters are missing; or "".

    Of photos many letters are misread, so it is said with care.
    """
    if len(letters) < _FEWEST_ON_RIM:
        return ""
    steps = [after.turn_deg - before.turn_deg for before, after in pairwise(letters)]
    gap = _GAP * median(steps)
    spelled = letters[0].letter
    for letter, step in zip(letters[1:], steps, strict=True):
        spelled += f" {_UNREAD} " * (step > gap) + letter.letter
    words = _(
        "Letters that may stand along the rim, clockwise from below: {letters}. "
        "Compare them with the coin."
    )
    return words.format(letters=spelled)


def _tellers(ruler: str) -> tuple[str, ...]:
    return RULERS[ruler].telling_letters


def _telling(fit: LegendFit) -> list[str]:
    """The state of the letters that tell the name from the others, if one was read."""
    states = {x.letter: x.state for x in fit.name if x.letter in _tellers(fit.ruler)}
    return [
        _("the {letter}, which decides, is {state}").format(
            letter=letter_name(key), state=_(_STATES[state])
        )
        for key, state in states.items()
        if state is not LetterState.MISSING
    ]


def _unread(fits: Sequence[LegendFit]) -> str:
    """A sentence if none of the letters that decide was read for any name."""
    keys = list(dict.fromkeys(key for fit in fits for key in _tellers(fit.ruler)))
    if any(_telling(fit) for fit in fits):
        return ""
    *first, last = [letter_name(key) for key in keys]
    listed = last
    if first:
        listed = _("{letters} or {last}").format(letters=", ".join(first), last=last)
    return _("The letter that decides ({letters}) could not be read.").format(
        letters=listed
    )


def _doubt(fits: Sequence[LegendFit], fit: LegendFit) -> str:
    """A sentence if the letters fit another ruler's legends as well, or better."""
    others = [other for other in fits if other.ruler != fit.ruler]
    best = max(others, key=lambda other: other.probability, default=None)
    if best is None or best.probability < _FITS_AS_WELL:
        return ""
    name = _(RULERS[best.ruler].name_on_coin)
    if best.probability > _BETTER * fit.probability:
        return _("By themselves the letters fit {name} better.").format(name=name)
    return _("The letters fit {name} as well.").format(name=name)


def _placed_name(name: Sequence[NameLetter], place: int) -> str:
    """A letter of a name, such as "the taw" or "the last nun"."""
    key = name[place].letter
    places = [i for i, letter in enumerate(name) if letter.letter == key]
    words = _("the {letter}")
    if len(places) > 1:
        is_first = place == places[0]
        words = _("the first {letter}") if is_first else _("the last {letter}")
    return words.format(letter=letter_name(key))
