"""The rulers whose names the wreath sides carry, and what is known of their coins.

A photo can show the name on the coin; the ruler is an attribution of that name, and
attributions have changed (see `Ruler.attributions`). The facts stand in
`_rulers`, each with the work it is taken from.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from coin_core._rulers.aristobulus import JUDAH_ARISTOBULUS_I
from coin_core._rulers.hyrcanus import JOHN_HYRCANUS_I
from coin_core._rulers.jannaeus import ALEXANDER_JANNAEUS
from coin_core._rulers.records import (
    Attribution,
    Evidence,
    Layout,
    Reference,
    Ruler,
    Spelling,
)
from coin_core.errors import UnknownRulerError
from coin_core.letters import HEBREW_TO_LETTER, LETTERS, Letter, to_paleo, transliterate

__all__ = [
    "DEFAULT_CLASSES",
    "HEBREW_TO_LETTER",
    "LETTERS",
    "RULERS",
    "Attribution",
    "Evidence",
    "Layout",
    "Letter",
    "Reference",
    "Ruler",
    "Spelling",
    "get_ruler",
    "to_paleo",
    "transliterate",
]

RULERS: Final = MappingProxyType(
    {
        ruler.key: ruler
        for ruler in (
            JOHN_HYRCANUS_I,
            JUDAH_ARISTOBULUS_I,
            ALEXANDER_JANNAEUS,
        )
    }
)
"""Key to ruler, in the order of their reigns."""

DEFAULT_CLASSES: Final = tuple(RULERS)


def get_ruler(key: str) -> Ruler:
    """Look a ruler up.

    Args:
        key: Such as "alexander_jannaeus".

    Raises:
        UnknownRulerError: If no ruler has that key.
    """
    try:
        return RULERS[key]
    except KeyError:
        known = ", ".join(RULERS)
        raise UnknownRulerError(
            f"No ruler is known as {key!r}; known are {known}."
        ) from None
