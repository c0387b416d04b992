"""The rulers, and how they are looked up.

A photo shows the name on the coin. The ruler is an attribution of that name, and
attributions have changed (see `Ruler.attributions`).
"""

from __future__ import annotations

import re
import unicodedata
from types import MappingProxyType
from typing import Final

from coin_core.errors import UnknownRulerError
from coin_core.rulers.records import Ruler

_rulers: dict[str, Ruler] = {}
_ruler_of_alias: dict[str, str] = {}
_name_of_alias: dict[str, tuple[str, str]] = {}

RULERS: Final = MappingProxyType(_rulers)
"""Ruler by key, in the order of the reigns."""


def register_ruler(ruler: Ruler) -> None:
    """Add a ruler; each file of this package calls it once.

    Raises:
        ValueError: The key, or one of the names, belongs to another ruler.
    """
    if ruler.key in _rulers:
        raise ValueError(f"A ruler with the key {ruler.key!r} is registered already.")
    names = {fold(text): ruler.key for text in _names_of(ruler)}
    names_on_coin = {
        fold(text): (form, ruler.key) for form, text in _names_on_coin_of(ruler)
    }
    for alias in (*names, *names_on_coin):
        if (owner := _find(alias)) is not None:
            raise ValueError(f"{alias!r} names both {owner} and {ruler.key}.")
    _ruler_of_alias.update(names)
    _name_of_alias.update(names_on_coin)
    ordered = sorted(
        (*_rulers.values(), ruler), key=lambda one: (one.reign_from, one.reign_to)
    )
    _rulers.clear()
    _rulers.update({one.key: one for one in ordered})


def get_ruler(key: str) -> Ruler:
    """Return the ruler with a key such as "alexander_jannaeus".

    Raises:
        UnknownRulerError: No ruler has that key.
    """
    try:
        return _rulers[key]
    except KeyError:
        raise UnknownRulerError(
            f"No ruler is known as {key!r}; known are {', '.join(_rulers)}."
        ) from None


def find_ruler(text: str) -> str | None:
    """Return the key of the ruler that a folder name or a table cell names, or None.

    The ruler's name and the name on the coins are recognised, in Latin or Hebrew
    letters. An ambiguous name, such as "Hyrcanus" alone, gives None.
    """
    return _find(fold(text))


def _find(folded: str) -> str | None:
    on_coin = _name_of_alias.get(folded)
    return _ruler_of_alias.get(folded) or (on_coin[1] if on_coin else None)


def find_name_on_coin(text: str) -> str | None:
    """Return the usual form of a name on coins, such as "yonatan", or None."""
    found = _name_of_alias.get(fold(text))
    return found[0] if found else None


def fold(text: str) -> str:
    """Return a name without case, accents, vowel points, punctuation and numbering."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    words = re.sub(r"[\W_]+", " ", bare).split()
    if len(words) > 1 and words[0].isdigit():  # "01 Yehohanan", as folders are sorted
        words = words[1:]
    return " ".join(words)


def _names_of(ruler: Ruler) -> tuple[str, ...]:
    return (ruler.key, ruler.name, ruler.name_hebrew, *ruler.aliases)


def _names_on_coin_of(ruler: Ruler) -> list[tuple[str, str]]:
    """Pairs of the usual form of a name on the coins and one way to write it."""
    main = fold(ruler.name_on_coin)
    spelled = (main, ruler.name_hebrew_on_coin, ruler.letters_transliterated)
    pairs = [(main, text) for text in spelled]
    for name in ruler.names_on_coin:
        pairs += [(name.form, text) for text in (name.form, *name.aliases)]
    return pairs
