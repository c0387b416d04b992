"""Words and numbers as the pages show them."""

from __future__ import annotations

from collections.abc import Sequence

from coin_core.classifiers import list_classifiers
from coin_core.detection.faces import Side
from coin_core.model_store.bundle import BundleInfo
from coin_core.model_store.card import Card

NBSP = "\N{NO-BREAK SPACE}"
SIDE_TITLES = {
    Side.LEGEND: "legend side",
    Side.CORNUCOPIA: "cornucopia side",
    Side.STAR_ANCHOR: "star or anchor",
    Side.OTHER: "another coin",
    Side.NOTHING: "no coin",
}


def classifier_names() -> list[str]:
    """The names of all classifiers, in the order of menus."""
    return [spec.name for spec in list_classifiers()]


def classifier_title(name: str) -> str:
    """The short title of a classifier."""
    titles = {spec.name: spec.short_title for spec in list_classifiers()}
    return titles.get(name, name)


def short_title(card: Card) -> str:
    """A name for buttons and charts; a user's bundle keeps its own name."""
    short = classifier_title(card.classifier)
    return short if card.name == card.classifier else f"{short}, {card.name}"


def menu_titles(found: Sequence[BundleInfo]) -> dict[str, str]:
    """The title of each bundle in the classifier menu, by bundle name."""
    return {
        bundle.name: short_title(bundle.card)
        + (" (yours)" if bundle.origin == "own" else "")
        for bundle in found
    }


def percent(fraction: float) -> str:
    """A fraction of 1 as a whole percentage, e.g. "91 %"."""
    return f"{100 * fraction:.0f}{NBSP}%"


def probability_text(probability: float) -> str:
    """A probability as a whole percentage, never 0 % or 100 %.

    The classifiers were not measured finely enough for either.
    """
    if probability < 0.005:
        return f"<{NBSP}1{NBSP}%"
    return percent(min(probability, 0.99))


def plural(count: int, noun: str) -> str:
    """A count with its noun, e.g. "1 photo" or "1,200 photos"."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def duration(seconds: float | None) -> str:
    """A time span in its two largest units, e.g. "2 h 05 min"; "" for None."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{max(1, round(seconds))}{NBSP}s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes}{NBSP}min"
    return f"{minutes // 60}{NBSP}h {minutes % 60:02d}{NBSP}min"
