"""How people write the rulers: in folder names, tables and lot titles."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from coin_core.rulers.records import Ruler

# Bare "Hyrcanus" is left out: older lists give Yonatan's coins to the second of them.
_RULERS_TOO: dict[str, tuple[str, ...]] = {
    "john_hyrcanus_i": (
        "john hyrcanus",
        "johannes hyrcanus i",
        "johannes hyrkanos i",
        "hyrcanus i",
        "hyrcanus 1",
        "john hyrcanus 1",
        "hyrkanos i",
        "yohanan hyrcanus",
        "יוחנן הורקנוס",
        "הורקנוס הראשון",
    ),
    "judah_aristobulus_i": (
        "aristobulus i",
        "aristobulus",
        "aristobulos i",
        "judah aristobulus",
        "judas aristobulus i",
        "judas aristobulus",
        "judea",
        "judaea",
        "aristobulus 1",
        "judah aristobulus 1",
        "אריסטובולוס הראשון",
        "יהודה אריסטובולוס",
        "יהודה אריסטובולוס הראשון",
    ),
    "alexander_jannaeus": (
        "jannaeus",
        "alexander jannaios",
        "alexander iannaeus",
        "alexander yannai",
        "yannai",
        "jannai",
        "אלכסנדר ינאי",
        "ינאי",
    ),
}
_NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    "john_hyrcanus_i": {
        "yehohanan": ("yehochanan", "jehohanan", "yhwhnn", "יהוחנן"),
        "yohanan": ("yochanan", "johanan", "yhnn", "יוחנן"),
    },
    "judah_aristobulus_i": {
        "yehudah": ("yehuda", "jehudah", "judah", "yhwdh", "yhdh", "יהודה", "יהדה"),
    },
    "alexander_jannaeus": {
        "yehonatan": (
            "yehonathan",
            "jehonatan",
            "jehonathan",
            "yhwntn",
            "yhntn",
            "יהונתן",
        ),
        "yonatan": (
            *("yonathan", "jonathan", "jonatan", "yntn", "ywntn", "ינתן"),
            "יונתן",
        ),
    },
}


def fold(text: str) -> str:
    """A name without case, accents, vowel points, punctuation and counting numbers."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(char for char in apart if not unicodedata.combining(char))
    words = re.sub(r"[\W_]+", " ", bare).split()
    if len(words) > 1 and words[0].isdigit():  # "01 Yehohanan", as folders are sorted
        words = words[1:]
    return " ".join(words)


def ruler_aliases(rulers: Iterable[Ruler]) -> dict[str, str]:
    """Folded name to class key."""
    found: dict[str, str] = {}
    for ruler in rulers:
        names = [ruler.key, ruler.name, ruler.name_hebrew]
        names += _RULERS_TOO.get(ruler.key, ())
        for name in names:
            found[fold(name)] = ruler.key
    return found


def name_aliases(rulers: Iterable[Ruler]) -> dict[str, tuple[str, str]]:
    """Folded name on a coin to its usual form and the class key it stands for."""
    found: dict[str, tuple[str, str]] = {}
    for ruler in rulers:
        main = fold(ruler.name_on_coin)
        own = (ruler.name_hebrew_on_coin, ruler.letters_transliterated)
        names: dict[str, tuple[str, ...]] = {main: own}
        for name, others in _NAMES.get(ruler.key, {}).items():
            names[name] = (*names.get(name, ()), *others)
        for name, others in names.items():
            for text in (name, *others):
                found[fold(text)] = (name, ruler.key)
    return found
