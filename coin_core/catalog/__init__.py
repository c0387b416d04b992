"""The catalog of coins, photos, faces, labels, provenance and edits.

`open_catalog()` returns a `Catalog`; its parts read and write plain values. Every write
is one transaction, and every edit is signed and logged in it.

The public names are imported when first asked for, so that a light module, such as
`licences`, does not load SQLAlchemy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coin_core.catalog.records import (
        UNLABELLED,
        Agreement,
        CatalogFace,
        CatalogPhoto,
        Choices,
        Coin,
        CoinFacts,
        CoinReference,
        Edit,
        EditGroup,
        ExcludeReason,
        Page,
        PhotoOrder,
        PhotoQuery,
        PhotoRecord,
        PhotoStatus,
        Prediction,
        PredictionKind,
        Progress,
        QueueKind,
        Review,
        class_key,
    )
    from coin_core.catalog.references import references_from, references_in_words
    from coin_core.catalog.repository import Catalog, open_catalog
    from coin_core.imaging.preprocessing import RotatedBox
    from coin_core.results import Side

_HOMES = {
    "Catalog": "repository",
    "open_catalog": "repository",
    "references_from": "references",
    "references_in_words": "references",
}

__all__ = [
    "UNLABELLED",
    "Agreement",
    "Catalog",
    "CatalogFace",
    "CatalogPhoto",
    "Choices",
    "Coin",
    "CoinFacts",
    "CoinReference",
    "Edit",
    "EditGroup",
    "ExcludeReason",
    "Page",
    "PhotoOrder",
    "PhotoQuery",
    "PhotoRecord",
    "PhotoStatus",
    "Prediction",
    "PredictionKind",
    "Progress",
    "QueueKind",
    "Review",
    "RotatedBox",
    "Side",
    "class_key",
    "open_catalog",
    "references_from",
    "references_in_words",
]


def __getattr__(name: str) -> Any:
    """Import the module that holds a public name; most are in `records`."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'records')}"), name)
