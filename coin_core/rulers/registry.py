"""The rulers whose names the wreath sides carry, and what is known of their coins.

A photo can show the name on the coin; the ruler is an attribution of that name, and
attributions have changed (see `Ruler.attributions`). The facts stand in
`_rulers`, each with the work it is taken from.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from coin_core.errors import UnknownRulerError
from coin_core.rulers.alexander_jannaeus import ALEXANDER_JANNAEUS
from coin_core.rulers.aliases import fold, name_aliases, ruler_aliases
from coin_core.rulers.john_hyrcanus_i import JOHN_HYRCANUS_I
from coin_core.rulers.judah_aristobulus_i import JUDAH_ARISTOBULUS_I
from coin_core.rulers.letters import (
    HEBREW_TO_LETTER,
    LETTERS,
    Letter,
    to_paleo,
    transliterate,
)
from coin_core.rulers.records import (
    Attribution,
    Evidence,
    Layout,
    Reference,
    Ruler,
    Spelling,
)

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
    "find_name_on_coin",
    "find_ruler",
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


_RULER_ALIASES: Final = MappingProxyType(ruler_aliases(RULERS.values()))
_NAME_ALIASES: Final = MappingProxyType(name_aliases(RULERS.values()))


def find_ruler(text: str) -> str | None:
    """The class key that a folder name or a cell means, or None.

    A ruler's name and the name on his coins are understood, in Latin or Hebrew
    letters; what is ambiguous, such as "Hyrcanus" alone, is not guessed.
    """
    folded = fold(text)
    return _RULER_ALIASES.get(folded) or _NAME_ALIASES.get(folded, (None, None))[1]


def find_name_on_coin(text: str) -> str | None:
    """The usual form of a name as it stands on coins, such as "yonatan", or None."""
    return _NAME_ALIASES.get(fold(text), (None,))[0]
