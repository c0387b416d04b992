"""What is true of coins without a screen or a network.

The public names are imported when first asked for, so that importing the package, or
one light module of it, does not load torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coin_core.classifiers import get_classifier, list_classifiers
    from coin_core.errors import CoinError, UnreadablePhotoError
    from coin_core.imaging.preprocessing import RotatedBox
    from coin_core.pipeline import CoinClassifier
    from coin_core.results import DetectedFace, PhotoResult, RejectReason, Side, Verdict
    from coin_core.rulers import DEFAULT_CLASSES, LETTERS, RULERS, get_ruler

_HOMES = {
    "CoinClassifier": "pipeline",
    "PhotoResult": "results",
    "RejectReason": "results",
    "Verdict": "results",
    "get_classifier": "classifiers",
    "list_classifiers": "classifiers",
    "CoinError": "errors",
    "UnreadablePhotoError": "errors",
    "RotatedBox": "imaging.preprocessing",
    "DetectedFace": "results",
    "Side": "results",
    "DEFAULT_CLASSES": "rulers",
    "LETTERS": "rulers",
    "RULERS": "rulers",
    "get_ruler": "rulers",
}

__all__ = [
    "DEFAULT_CLASSES",
    "LETTERS",
    "RULERS",
    "CoinClassifier",
    "CoinError",
    "DetectedFace",
    "PhotoResult",
    "RejectReason",
    "RotatedBox",
    "Side",
    "UnreadablePhotoError",
    "Verdict",
    "get_classifier",
    "get_ruler",
    "list_classifiers",
]


def __getattr__(name: str) -> Any:
    """Import the module that holds a public name when the name is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted({*globals(), *__all__})
