"""The sources of the facts, and short ways to cite them."""

from __future__ import annotations

from dataclasses import replace

from coin_core.rulers.records import Evidence, Layout, Reference

TJC = "Meshorer, A Treasury of Jewish Coins, 2001"
AJC = "Meshorer, Ancient Jewish Coinage, 1982"
GBC4 = "Hendin, Guide to Biblical Coins, 4th ed., 2001"
GBC5 = "Hendin, Guide to Biblical Coins, 5th ed., 2010"
GBC6 = "Hendin, Guide to Biblical Coins, 6th ed., 2021"
HGC10 = "Hoover, Handbook of Coins of the Southern Levant (HGC 10), 2010"
TITLES = {
    **{"TJC": TJC, "AJC": AJC, "GBC4": GBC4, "GBC5": GBC5, "GBC6": GBC6},
    "HGC 10": HGC10,
}
"""The full titles of catalogues that are cited by their initials."""
TRADE = "dealers' descriptions that cite the catalogue"
COLLECTORS = "collectors' readings of well-struck specimens"
FORUM = "Forum Ancient Coins, legend printed line by line"
DETECTED = "letters that were detected on 383 coins (benchmarks/layouts.py)"
NOT_CHECKED = "general knowledge of the series, not checked against the book"


def cite(edition: str, number: str, note: str, *, checked: bool = True) -> Reference:
    """Return a catalogue number; `checked` if it was verified in the book."""
    source = TRADE if checked else NOT_CHECKED
    return Reference(
        edition=edition, number=number, note=note, source=source, checked=checked
    )


def break_lines(
    name: str,
    *rows: str,
    source: str,
    evidence: Evidence = Evidence.BUILT,
    greek_a: bool = False,
) -> tuple[Layout, ...]:
    """Return layouts of one source; rows have bars between lines, top line first."""
    return tuple(
        Layout(
            lines=tuple(line.strip() for line in row.split("|")),
            name=name,
            source=source,
            evidence=evidence,
            greek_a=greek_a,
        )
        for row in rows
    )


def fitted_lines(name: str, *weighted: tuple[float, str]) -> tuple[Layout, ...]:
    """Return the layouts that `benchmarks/layouts.py` finds on coins with this name.

    Each row, with bars between lines, comes after the number of coins in a hundred.
    """
    return tuple(
        replace(layout, weight=weight)
        for weight, row in weighted
        for layout in break_lines(name, row, source=DETECTED, evidence=Evidence.FITTED)
    )
