"""Asking the classifiers about photos of the catalog."""

from __future__ import annotations

from collections.abc import Sequence

from coin_core.catalog import Catalog
from coin_core.catalog.label_errors import Recorded
from coin_core.errors import WeightsMissingError
from ui import cache
from ui.desk import Desk
from ui.work import Work, begin


def ask_classifiers(
    desk: Desk, catalog: Catalog, photo_ids: Sequence[int], *, again: bool = False
) -> None:
    """Let every classifier read these photos beside the page, and keep what they say.

    Args:
        desk: Of whoever asks.
        catalog: Where the photos are.
        photo_ids: About which.
        again: Also what the same models have read before.
    """
    from coin_core.catalog.label_errors import record_opinions

    with desk.doing():
        unusable = cache.unusable()
        names = [b.name for b in cache.bundles()[0] if b.name not in unusable]
        if not names:
            raise WeightsMissingError(
                "There are no classifiers in this installation yet. This makes them: "
                "python -m coin_core train all --data rendered"
            )
        attributor = cache.attributor()

        def say(found: Recorded) -> None:
            desk.said = _in_words(found, len(photo_ids))

        begin(
            desk,
            Work(
                title="Asking the classifiers",
                job=lambda tell: record_opinions(
                    catalog,
                    attributor,
                    photo_ids,
                    classifiers=names,
                    again=again,
                    progress=tell,
                ),
                then=say,
                if_stopped="Stopped; what was read is kept, and is not read again.",
            ),
        )


def _in_words(found: Recorded, asked: int) -> str:
    read = found.photos + found.known
    said = f"{read:,} photo{'s' * (read != 1)} read"
    if asked > read:
        said += (
            f"; {asked - read:,} not, as they are excluded, cannot be opened, or no "
            "legend side is marked on them"
        )
    return said


def look_for_wrong_labels(catalog: Catalog) -> None:
    """Fill the queue of suspected labels.

    Raises:
        CatalogError: No classifier has been trained on the catalog with folds.
    """
    from coin_core.catalog.label_errors import find_suspects

    find_suspects(catalog)
