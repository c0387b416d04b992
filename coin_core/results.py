"""The result for a photo: its coins, and a ruler or the reason for none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from coin_core.i18n import N_, _
from coin_core.imaging.preprocessing import RotatedBox
from coin_core.rulers import LETTERS, RULERS

_TRANSLITERATIONS = {letter.key: letter.transliteration for letter in LETTERS}


class Side(StrEnum):
    """The side that a face shows."""

    LEGEND = "legend"
    CORNUCOPIA = "cornucopia"
    STAR_ANCHOR = "star_anchor"
    OTHER = "other"
    NOTHING = "nothing"


MAX_COINS: Final = 24
"""Of the coins in a photo, the largest ones are detected, up to so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedFace:
    """The visible side of one coin; `confidence` is the probability of `side`."""

    box: RotatedBox
    side: Side
    confidence: float


_SURELY_LEGEND = 0.9


def are_of_several_coins(faces: Sequence[DetectedFace]) -> bool:
    """Whether faces are more than the two sides of one coin, or two legend sides."""
    sides = [face.side for face in faces if face.side is not Side.NOTHING]
    legends = [
        face
        for face in faces
        if face.side is Side.LEGEND and face.confidence >= _SURELY_LEGEND
    ]
    return len(sides) > 2 or len(legends) > 1


class RejectReason(StrEnum):
    """Why a classifier names no ruler."""

    NO_COIN = "no_coin_found"
    LEGEND_NOT_SHOWN = "legend_side_not_shown"
    TOO_WORN = "too_worn_to_tell"
    NOT_THESE = "not_one_of_these_coins"
    DAMAGED = "classifier_is_damaged"


_REASONS = {
    RejectReason.NO_COIN: N_("no coin was found in the photo."),
    RejectReason.LEGEND_NOT_SHOWN: N_(
        "this is the cornucopia side, which names no ruler. "
        "Photograph the side with the inscription in the wreath."
    ),
    RejectReason.TOO_WORN: N_("too little of the name can be read."),
    RejectReason.NOT_THESE: N_(
        "this does not look like a coin with the legend in a wreath."
    ),
    RejectReason.DAMAGED: N_(
        "this classifier is damaged, its answer is no number. "
        "Choose another one, and copy or train this one again."
    ),
}


# Of a classifier of other coins than those of the rulers.
_UNLIKE = N_("this does not look like the coins that this classifier learned from.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One classifier's result for one coin.

    Attributes:
        classifier: The name of the model.
        probabilities: Calibrated probability 0..1 of each class, in the order of the
            model card; empty if no coin was found or the model is damaged.
        ruler: The class, or None if there is a `reason`.
        reason: Why there is no ruler.
        seconds: The classifier's own time.
        model: The digest of the weights that made it; "" if it is not known.
        origin: Whether the model is "shipped" or a user's "own".
        face: The index of the face that was classified; None without faces.
    """

    classifier: str
    probabilities: Mapping[str, float]
    ruler: str | None
    reason: RejectReason | None
    seconds: float
    model: str = ""
    origin: str = "shipped"
    face: int | None = None

    def __post_init__(self) -> None:
        if (self.ruler is None) == (self.reason is None):
            raise ValueError("A verdict has either a ruler or a reason.")

    @property
    def is_of_rulers(self) -> bool:
        """Whether the classes are rulers, whom only the side with the legend names."""
        return set(self.probabilities) <= set(RULERS)

    @property
    def ranked(self) -> tuple[tuple[str, float], ...]:
        """Classes with their probabilities, the most probable first."""
        return tuple(sorted(self.probabilities.items(), key=lambda pair: -pair[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterRead:
    """A letter that a network read.

    Attributes:
        letter: Its key.
        box: Its box, in fractions of the legend's view.
        probability: That of its best cell, uncalibrated, 0..1.
        line: Counts from the top, from 0.
        place: Counts within the line from the right, from 0.
    """

    letter: str
    box: RotatedBox
    probability: float
    line: int
    place: int


def transliterated(letters: Sequence[LetterRead]) -> str:
    """The lines that were read, each from right to left, in the script of the page."""
    lines: dict[int, str] = {}
    for letter in letters:
        sign = _(_TRANSLITERATIONS[letter.letter])
        lines[letter.line] = lines.get(letter.line, "") + sign
    return " / ".join(lines.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoResult:
    """A photo's faces, the index of the one with the legend, and the verdicts."""

    faces: tuple[DetectedFace, ...]
    legend: int | None
    verdicts: tuple[Verdict, ...]

    def face_read(self, verdict: Verdict) -> int | None:
        """The index of the face that a verdict is of.

        Of rulers it is the face with the legend, None if none was found; of other
        coins that which was classified, whatever it shows.
        """
        return self.legend if verdict.is_of_rulers else verdict.face


def class_title(name: str) -> str:
    """Return what a person reads for a class: the ruler's name, or the label."""
    return _(RULERS[name].name if name in RULERS else name.replace("_", " "))


def stated(probability: float) -> float:
    """A probability as people are told it: never surer than 0.99, and never 0.

    The calibration is not measured finely enough for either.
    """
    return min(max(probability, 0.001), 0.99)


def sentence(verdict: Verdict) -> str:
    """Return the verdict in one sentence."""
    if verdict.reason is not None:
        if verdict.reason is RejectReason.NOT_THESE and not verdict.is_of_rulers:
            return _("Cannot tell: {reason}").format(reason=_(_UNLIKE))
        return _("Cannot tell: {reason}").format(reason=_(_REASONS[verdict.reason]))
    best, probability = verdict.ranked[0]
    percent = round(100 * stated(probability))
    return _("{ruler}, {percent} %").format(ruler=class_title(best), percent=percent)


def to_json(photo: str, result: PhotoResult) -> list[dict[str, Any]]:
    """Return one JSON object for each verdict."""
    faces = [{"box": asdict(face.box), "side": str(face.side)} for face in result.faces]
    return [
        {
            "photo": photo,
            "classifier": verdict.classifier,
            "ruler": verdict.ruler,
            "reason": None if verdict.reason is None else str(verdict.reason),
            "probabilities": dict(verdict.probabilities),
            "faces": faces,
            "face": verdict.face,
            "seconds": round(verdict.seconds, 4),
            "origin": verdict.origin,
        }
        for verdict in result.verdicts
    ]
