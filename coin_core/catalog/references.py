"""References to the catalogues of coins, between text and values."""

from __future__ import annotations

import re
from collections.abc import Iterable

from coin_core.catalog.records import CoinReference

_ONE = re.compile(
    r"\s*(?P<work>[^\d(]*?)\s*(?P<number>[^\s(]*\d[^(]*?)?\s*"
    r"(?:\((?P<edition>[^)]*)\))?\s*"
)


def references_from(text: str) -> tuple[CoinReference, ...]:
    """References such as "Hendin 1132 (5th edition); TJC A12"."""
    found = []
    for part in re.split(r"[;|]", text):
        match = _ONE.fullmatch(part)
        if match is None:
            if part.strip():
                found.append(CoinReference(catalogue="", number=part.strip()))
        elif match["work"] or match["number"]:
            found.append(
                CoinReference(
                    catalogue=match["work"] or "",
                    number=(match["number"] or "").strip(),
                    edition=match["edition"] or "",
                )
            )
    return tuple(found)


def references_in_words(references: Iterable[CoinReference]) -> str:
    """The inverse of `references_from`."""
    return "; ".join(
        " ".join(part for part in (one.catalogue, one.number) if part)
        + (f" ({one.edition})" if one.edition else "")
        for one in references
    )
