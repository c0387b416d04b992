"""Asking the classifiers about photos of the catalog."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from coin_core.catalog import Catalog
from coin_core.errors import WeightsMissingError
from ui import cache


def ask_classifiers(
    catalog: Catalog, photo_ids: Sequence[int], *, again: bool = False
) -> None:
    """Let every classifier read these photos, and keep what they say.

    Args:
        catalog: Where the photos are.
        photo_ids: About which.
        again: Also what the same models have read before.

    Raises:
        CoinError: There is no classifier, or a photo is gone.
    """
    from coin_core.catalog.suspects import record_opinions

    unusable = cache.unusable()
    names = [b.name for b in cache.bundles()[0] if b.name not in unusable]
    if not names:
        raise WeightsMissingError(
            "There are no classifiers in this installation yet. This makes them: "
            "python -m coin_core train all --data rendered"
        )
    bar = st.progress(0.0, "Reading …")
    record_opinions(
        catalog,
        cache.attributor(),
        photo_ids,
        classifiers=names,
        again=again,
        progress=lambda done, total: bar.progress(
            done / max(total, 1), f"{done} of {total} photos read"
        ),
    )
    bar.empty()


def look_for_wrong_labels(catalog: Catalog) -> None:
    """Fill the queue of suspected labels.

    Raises:
        CatalogError: No classifier has been trained on the catalog with folds.
    """
    from coin_core.catalog.suspects import find_suspects

    find_suspects(catalog)
