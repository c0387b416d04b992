"""The catalog of coins, photos, faces, labels, provenance and edits.

`open_catalog()` opens it; everything else is a method of the `Catalog` it returns.
Plain values come out, every write is one transaction, and every edit is signed and
logged in the same transaction.
"""

from __future__ import annotations

from coin_core.catalog._catalog import Catalog, open_catalog
from coin_core.catalog._references import references_from, references_in_words
from coin_core.catalog._values import (
    UNLABELLED,
    AddedPhoto,
    Agreement,
    CatalogFace,
    CatalogPhoto,
    Choices,
    Coin,
    CoinFacts,
    CoinReference,
    CropBox,
    Edit,
    EditGroup,
    ExcludeReason,
    Opinion,
    OpinionKind,
    Page,
    PairAgreement,
    PhotoOrder,
    PhotoQuery,
    PhotoRecord,
    PhotoStatus,
    Problem,
    Progress,
    QueueKind,
    Review,
    Side,
)

__all__ = [
    "UNLABELLED",
    "AddedPhoto",
    "Agreement",
    "Catalog",
    "CatalogFace",
    "CatalogPhoto",
    "Choices",
    "Coin",
    "CoinFacts",
    "CoinReference",
    "CropBox",
    "Edit",
    "EditGroup",
    "ExcludeReason",
    "Opinion",
    "OpinionKind",
    "Page",
    "PairAgreement",
    "PhotoOrder",
    "PhotoQuery",
    "PhotoRecord",
    "PhotoStatus",
    "Problem",
    "Progress",
    "QueueKind",
    "Review",
    "Side",
    "open_catalog",
    "references_from",
    "references_in_words",
]
