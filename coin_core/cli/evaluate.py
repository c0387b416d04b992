"""`evaluate`: how good the models are, on photos or on rendered coins."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from coin_core.errors import CatalogError, TrainingDataError
from coin_core.evaluation.metrics import (
    LegibilityRow,
    Report,
    accuracy_by_legibility,
    confusion_table,
    report_json,
    report_table,
)
from coin_core.model_store import bundle
from coin_core.pipeline import SHIPPED, CoinClassifier
from coin_core.rulers import DEFAULT_CLASSES
from coin_core.training.catalog_dataset import (
    is_catalog,
    load_catalog,
    take_rows,
    version_of,
)

if TYPE_CHECKING:
    from coin_core.catalog import Catalog
    from coin_core.model_store.card import Card
    from coin_core.training.datasets import CoinSet


def run(given: argparse.Namespace) -> int:
    """Measure the models asked for; 1 when some photo could not be read."""
    coin_classifier = CoinClassifier()
    names = _names(given)
    if given.data != "rendered" and (given.by_legibility or given.legible is not None):
        raise TrainingDataError(
            "How legible a name is, is known of rendered coins only: --data rendered."
        )
    if is_catalog(given.data):
        return _evaluate_catalog(given, coin_classifier, names)
    for name in names:
        coin_classifier.model(name)
    if given.data == "rendered":
        return _evaluate_rendered(given, coin_classifier, names)
    return _evaluate_folder(given, coin_classifier, names)


def _names(given: argparse.Namespace) -> tuple[str, ...]:
    if given.model:
        return (given.model,)
    if given.classifier == "all":
        return SHIPPED
    from coin_core.classifiers import get_classifier

    return (get_classifier(given.classifier).name,)


def _evaluate_folder(
    given: argparse.Namespace, coin_classifier: CoinClassifier, names: tuple[str, ...]
) -> int:
    from coin_core.training.datasets import load_folder
    from coin_core.training.evaluate import measure_crops, measure_photos

    folder = Path(given.data)
    ours = all(
        set(coin_classifier.model(name).card.classes) <= set(DEFAULT_CLASSES)
        for name in names
    )
    if ours:
        reports, unreadable = measure_photos(coin_classifier, names, folder)
    else:
        # Which side of the Hasmonean coins a photo shows is no question here.
        coins = load_folder(folder)
        unreadable = list(coins.unreadable)
        reports = [report for report, _ in measure_crops(coin_classifier, names, coins)]
    for sentence in unreadable:
        sys.stderr.write(f"{sentence}\n")
    _keep(given, coin_classifier, reports, "photos")
    _show(reports, as_json=given.json)
    return 1 if unreadable else 0


def _evaluate_catalog(
    given: argparse.Namespace, coin_classifier: CoinClassifier, names: tuple[str, ...]
) -> int:
    from coin_core.catalog import open_catalog
    from coin_core.training.evaluate import measure_crops

    version = version_of(given.data)
    catalog = open_catalog()
    coins = load_catalog(catalog, version)
    for sentence in coins.unreadable:
        sys.stderr.write(f"{sentence}\n")
    if coins.splits is not None and (coins.splits == "test").any():
        coins = take_rows(coins, coins.splits == "test")
        sys.stderr.write(f"Measured on the {len(coins)} photos of the test split.\n")
    for name in names:
        _refuse_learnt(name, coin_classifier.model(name).card, coins, catalog)
    kind = _kind_of(catalog, coins) if given.keep else ""
    reports = [report for report, _ in measure_crops(coin_classifier, names, coins)]
    _keep(given, coin_classifier, reports, kind)
    _show(reports, as_json=given.json)
    return 1 if coins.unreadable else 0


def _kind_of(catalog: Catalog, coins: CoinSet) -> str:
    """Whether these coins are rendered or photographed.

    Raises:
        TrainingDataError: They are both; such figures are never added up.
    """
    ids = [] if coins.photo_ids is None else coins.photo_ids.tolist()
    kinds = {photo.is_rendered for photo in catalog.photos.get_many(ids)}
    if len(kinds) > 1:
        raise TrainingDataError(
            "These are photos and rendered coins together, and their figures are kept "
            "apart. Leave --keep away, or freeze a version of photos alone: "
            "python -m coin_core dataset freeze NAME --no-with-rendered"
        )
    return "rendered" if kinds == {True} else "photos"


def _refuse_learnt(name: str, card: Card, coins: CoinSet, catalog: Catalog) -> None:
    """Models are not measured on what they have learnt from.

    Raises:
        TrainingDataError: This one has learnt from all these coins.
    """
    data, digest = str(card.training.get("data", "")), card.training.get("digest")
    whole = coins.splits is None or not (coins.splits == "test").any()
    if digest == coins.digest and whole:
        raise TrainingDataError(
            f"{name} has learnt from these photos. What its folds measured is on its "
            "card; for another measurement freeze a version and train on that: "
            "python -m coin_core dataset freeze NAME"
        )
    if digest == coins.digest or not is_catalog(data.split(" ")[0]):
        return
    known = _known_coins(catalog, data.split(" ")[0])
    rows = set(coins.photo_ids.tolist() if coins.photo_ids is not None else [])
    if known is None or rows & known:
        count = "some" if known is None else str(len(rows & known))
        sys.stderr.write(
            f"{name} was trained on {data} and may know {count} of these "
            f"{len(coins)} photos: the figures are too good to be true.\n"
        )


def _known_coins(catalog: Catalog, data: str) -> set[int] | None:
    """Photos of coins that a model trained on `data` has seen; None if unknown."""
    from coin_core.catalog.splits import Split
    from coin_core.catalog.versions import load_version

    version = version_of(data)
    if version is None:
        return None
    try:
        items = load_version(catalog, version).items
    except CatalogError:
        return None
    learnt = {item.coin_now for item in items if item.split is not Split.TEST}
    shown: set[int] = set()
    for coin_id in learnt - {None}:
        shown |= {p.photo_id for p in catalog.photos.of_coin(int(coin_id or 0))}
    return shown


def _evaluate_rendered(
    given: argparse.Namespace, coin_classifier: CoinClassifier, names: tuple[str, ...]
) -> int:
    from coin_core.training.datasets import load_rendered
    from coin_core.training.evaluate import measure_crops
    from coin_core.training.pretraining import TEST_SEED

    seed = TEST_SEED if given.seed is None else given.seed
    for name in names:
        training = coin_classifier.model(name).card.training
        if seed in (training.get("seed"), training.get("coins_seed")):
            raise TrainingDataError(
                f"{name} may have learnt from the coins of seed {seed}. "
                "Take another --seed."
            )
    coins = load_rendered(seed, given.count, at_least_legible=given.legible or 0.0)
    legibility = np.zeros(0) if coins.legibility is None else coins.legibility
    measured = measure_crops(coin_classifier, names, coins)
    tables = {
        report.classifier: accuracy_by_legibility(
            coins.labels, p, report.classes, legibility
        )
        for report, p in measured
    }
    _keep(given, coin_classifier, [report for report, _ in measured], "rendered")
    _show(
        [report for report, _ in measured],
        tables if given.by_legibility else {},
        as_json=given.json,
    )
    return 0


def _keep(
    given: argparse.Namespace,
    coin_classifier: CoinClassifier,
    reports: list[Report],
    data: str,
) -> None:
    """Note the figures in the cards where that was asked for."""
    if not given.keep:
        return
    for report in reports:
        figures = {"data": data, "what": given.keep, **report_json(report)}
        bundle.add_figures(coin_classifier.model(report.classifier).folder, figures)


def _show(
    reports: list[Report],
    tables: dict[str, tuple[LegibilityRow, ...]] | None = None,
    *,
    as_json: bool,
) -> None:
    tables = tables or {}
    if as_json:
        for report in reports:
            line = report_json(report)
            if report.classifier in tables:
                line["by_legibility"] = [
                    {name: getattr(row, name) for name in LegibilityRow.__slots__}
                    for row in tables[report.classifier]
                ]
            sys.stdout.write(json.dumps(line) + "\n")
        return
    sys.stdout.write(report_table(reports) + "\n")
    if tables:
        sys.stdout.write("\n" + _legibility_table(tables) + "\n")
    for report in reports:
        sys.stdout.write("\n" + confusion_table(report) + "\n")


def _legibility_table(tables: dict[str, tuple[LegibilityRow, ...]]) -> str:
    first = next(iter(tables.values()))
    lines = [
        "right, by share of the name's letters that are legible",
        f"{'classifier':<12}"
        + "".join(f"{f'{row.low:.0%} to {row.high:.0%}':>16}" for row in first),
        f"{'coins':<12}" + "".join(f"{row.n:>16}" for row in first),
    ]
    for name, rows in tables.items():
        shares = (f"{row.accuracy:.1%}" if row.n else "-" for row in rows)
        lines.append(f"{name:<12}" + "".join(f"{share:>16}" for share in shares))
    return "\n".join(lines)
