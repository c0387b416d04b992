"""Weight, diameter and die axis from lot texts and fields."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_NUMBER: Final = r"(\d{1,3}(?:[.,]\d{1,3})?)"
# "TJC G3" is a group of coins, so a unit in front takes a full stop, or decimals.
_WEIGHT: Final = re.compile(
    rf"(?:{_NUMBER}|(?<![\w.,])(\.\d{{1,3}}))"
    r"\s*(?:gms?|gr|gramm?(?:s|es?|i)?|gramos?|g|гр?|грамм\w*|גרם|ג')(?![\w])"
    rf"|(?<!tjc )(?<!group )(?<!gruppe )(?<!groupe )(?<!gruppo )\bgr?"
    rf"(?:\.\s*{_NUMBER}|\s*(\d{{1,3}}[.,]\d{{1,3}}))(?![\d-]|[.,]\d)"
    r"|\b(?:peso|wt|weight|gewicht|poids|вес|משקל)\b\.?\s*(?:\(\w+\)\s*)?[:=]?\s*"
    rf"{_NUMBER}(?![\d-]|[.,]\d|\s*mm)",
    re.IGNORECASE,
)
_DIAMETER: Final = re.compile(
    rf"{_NUMBER}(?:\s*[-x×]\s*\d+(?:[.,]\d+)?)?\s*(?:mm|мм|מ\"מ|מ״מ)(?!\w)",
    re.IGNORECASE,
)
_AXIS: Final = re.compile(r"\b(1[0-2]|[1-9])\s*(?:h|uhr)\b", re.IGNORECASE)
_DENOMINATION: Final = re.compile(
    r"\b(?:(?:half|double|demi|halbe?|doppel|mezza|media)[ -]?)?"
    r"(?:prutah?|prutá|lepton|dilepton)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """The measures in a text; None where it has no credible one."""

    weight_g: float | None = None
    diameter_mm: float | None = None
    die_axis_h: int | None = None
    denomination: str | None = None


def read_measures(text: str) -> Measures:
    """Read the measures of one coin from the text of a lot.

    A bronze of these rulers weighs less than 30 g and is less than 40 mm wide: larger
    numbers are something else, such as a price, and are ignored.
    """
    weight = _first(_WEIGHT, text, 30.0)
    axis = _AXIS.search(text)
    denomination = _DENOMINATION.search(text)
    return Measures(
        weight_g=weight,
        diameter_mm=_first(_DIAMETER, text, 40.0),
        die_axis_h=int(axis[1]) if axis else None,
        denomination=denomination[0] if denomination else None,
    )


def _first(pattern: re.Pattern[str], text: str, below: float) -> float | None:
    for match in pattern.finditer(text):
        value = float(next(one for one in match.groups() if one).replace(",", "."))
        if 0 < value < below:
            return value
    return None


def parse_size(text: str) -> float | None:
    """A weight or diameter from a field of its own, such as "2,05 g", or None."""
    found = re.search(r"\d+(?:[.,]\d+)?", text)
    try:
        value = float(text)
    except ValueError:
        value = float(found[0].replace(",", ".")) if found else 0.0
    return value if 0 < value < 10_000 else None


def parse_axis(text: str) -> int | None:
    """A die axis from a field of its own, such as "12 h"; None unless 1 to 12."""
    found = re.match(r"\d{1,2}(?![\d.,])", text)
    return int(found[0]) if found and 1 <= int(found[0]) <= 12 else None
