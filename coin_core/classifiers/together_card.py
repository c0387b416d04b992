"""The card of the verdict of all classifiers: its threshold, and how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from coin_core.classifiers.registry import shipped_classifiers
from coin_core.model_store.card import Card
from coin_core.rulers import DEFAULT_CLASSES

TOGETHER: Final = "together"
"""What the verdict of all is called where a classifier is named."""

# python -m benchmarks.together
TOGETHER_CARD: Final = Card(
    name=TOGETHER,
    classifier=TOGETHER,
    title="All classifiers together",
    classes=DEFAULT_CLASSES,
    threshold=0.67,
    metrics=(
        {
            "data": "rendered",
            "n": 1500,
            "answered": 1457,
            "accuracy": 0.983,
            "accuracy_low": 0.976,
            "accuracy_high": 0.989,
            "accuracy_answered": 0.996,
            "ece": 0.009,
        },
        {
            "data": "photos",
            "what": "photos of real coins",
            "n": 18,
            "answered": 11,
            "accuracy": 16 / 18,
            "accuracy_low": 0.672,
            "accuracy_high": 0.969,
            "accuracy_answered": 10 / 11,
        },
    ),
    origin="shipped",
)


def can_read_together(cards: Mapping[str, Card]) -> bool:
    """Whether all classifiers that ship are there, and none is a user's own."""
    return all(
        name in cards and cards[name].origin == "shipped"
        for name in shipped_classifiers()
    )
