"""The catalog of coins, photos, faces, labels, provenance and edits.

`open_catalog()` returns a `Catalog`; its parts read and write plain values. Every write
is one transaction, and every edit is signed and logged in it.
"""

from __future__ import annotations

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
)
from coin_core.catalog.references import references_from, references_in_words
from coin_core.catalog.repository import Catalog, open_catalog
from coin_core.detection.faces import RotatedBox, Side

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
    "open_catalog",
    "references_from",
    "references_in_words",
]
