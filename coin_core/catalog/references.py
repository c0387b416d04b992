"""References to coin catalogues, as text and as values."""

from __future__ import annotations

import re
from collections.abc import Iterable

from coin_core.catalog.records import CoinReference

_REFERENCE = re.compile(
    r"\s*(?P<work>[^\d(]*?)\s*(?P<number>[^\s(]*\d[^(]*?)?\s*"
    r"(?:\((?P<edition>[^)]*)\))?\s*"
)


def references_from(text: str) -> tuple[CoinReference, ...]:
    """Parse references such as "Hendin 1132 (5th edition); TJC A12"."""
    references = []
    for part in re.split(r"[;|]", text):
        match = _REFERENCE.fullmatch(part)
        if match is None:
            if part.strip():
                references.append(CoinReference(catalogue="", number=part.strip()))
        elif match["work"] or match["number"]:
            references.append(
                CoinReference(
                    catalogue=match["work"] or "",
                    number=(match["number"] or "").strip(),
                    edition=match["edition"] or "",
                )
            )
    return tuple(references)


def references_in_words(references: Iterable[CoinReference]) -> str:
    """The inverse of `references_from`."""
    return "; ".join(
        " ".join(part for part in (one.catalogue, one.number) if part)
        + (f" ({one.edition})" if one.edition else "")
        for one in references
    )
