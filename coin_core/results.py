"""What a classifier says of a coin: a ruler with a probability, or why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from coin_core.detection.faces import DetectedFace
from coin_core.rulers import RULERS


class RejectReason(StrEnum):
    """Why a classifier does not answer."""

    NO_COIN = "no_coin_found"
    LEGEND_NOT_SHOWN = "legend_side_not_shown"
    TOO_WORN = "too_worn_to_tell"
    NOT_THESE = "not_one_of_these_coins"


_WHY = {
    RejectReason.NO_COIN: "no coin was found in the photo.",
    RejectReason.LEGEND_NOT_SHOWN: (
        "this is the cornucopia side, which names no ruler. "
        "Photograph the side with the inscription in the wreath."
    ),
    RejectReason.TOO_WORN: "too little of the name can be read.",
    RejectReason.NOT_THESE: (
        "this does not look like a coin with the legend in a wreath."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One classifier's answer on one coin.

    `shares` holds (class, calibrated probability 0..1) in the order of the model
    card; it is empty where no coin was found. `ruler` is None exactly when there
    is a `reason`. `seconds` is the classifier's own time.
    """

    classifier: str
    shares: tuple[tuple[str, float], ...]
    ruler: str | None
    reason: RejectReason | None
    seconds: float

    def __post_init__(self) -> None:
        if (self.ruler is None) == (self.reason is None):
            raise ValueError("A verdict has either a ruler or a reason.")

    @property
    def probabilities(self) -> Mapping[str, float]:
        """Probability by class."""
        return dict(self.shares)

    @property
    def ranked(self) -> tuple[tuple[str, float], ...]:
        """Classes with their probabilities, the most probable first."""
        return tuple(sorted(self.shares, key=lambda pair: -pair[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoResult:
    """A photo's faces, which of them carries the legend, and the verdicts on it."""

    faces: tuple[DetectedFace, ...]
    legend: int | None
    verdicts: tuple[Verdict, ...]


def class_title(name: str) -> str:
    """A class as a person reads it: the ruler's name, or the label itself."""
    return RULERS[name].name if name in RULERS else name.replace("_", " ")


def sentence(verdict: Verdict) -> str:
    """The verdict in one sentence."""
    if verdict.reason is not None:
        return f"Cannot tell: {_WHY[verdict.reason]}"
    best, share = verdict.ranked[0]
    # never "100 %": the classifiers were not measured finely enough for that
    shown = min(99, round(100 * share))
    return f"{class_title(best)}, {shown} %"


def answers(photo: str, reading: PhotoResult) -> list[dict[str, Any]]:
    """One object per verdict.

    Args:
        photo: The photo's name, as it was given.
        reading: What was read in it.
    """
    faces = [
        {"box": asdict(face.box), "side": str(face.side)} for face in reading.faces
    ]
    return [
        {
            "photo": photo,
            "classifier": verdict.classifier,
            "ruler": verdict.ruler,
            "reason": None if verdict.reason is None else str(verdict.reason),
            "probabilities": dict(verdict.probabilities),
            "faces": faces,
            "seconds": round(verdict.seconds, 4),
        }
        for verdict in reading.verdicts
    ]
