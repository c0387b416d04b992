"""What classifiers are called where there is little room."""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from pathlib import Path

import coin_core
from coin_core.model_store.bundle import BundleInfo
from coin_core.model_store.card import Card

_SHORT = {
    "resnet": "ResNet",
    "vgg": "VGG",
    "svm": "SVM",
    "knn": "kNN",
    "mlp": "MLP",
    "alexnet": "AlexNet",
}


def classifier_names() -> list[str]:
    """Every classifier there is, read from their files: their nets are not loaded."""
    folder = Path(coin_core.__file__).parent / "classifiers"
    names = [m.name for m in pkgutil.iter_modules([str(folder)]) if m.name[0] != "_"]
    return sorted(names, key=lambda n: list(_SHORT).index(n) if n in _SHORT else 99)


def classifier_title(name: str) -> str:
    """A classifier by its short name."""
    return _SHORT.get(name, name)


def short_title(card: Card) -> str:
    """A name for buttons and charts; one's own bundle keeps the name it was given."""
    short = _SHORT.get(card.classifier, card.classifier)
    return short if card.name == card.classifier else f"{short}, {card.name}"


def menu_titles(found: Sequence[BundleInfo]) -> dict[str, str]:
    """Bundle name to what the switch calls it."""
    return {
        bundle.name: short_title(bundle.card)
        + (" (yours)" if bundle.origin == "own" else "")
        for bundle in found
    }
