"""Measure classifiers: accuracy with its interval, calibration, confusion matrix."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from coin_core.cli import arguments
from coin_core.cli.output import write_json, write_reports
from coin_core.errors import CatalogError, CoinError, TrainingDataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from coin_core.catalog import Catalog
    from coin_core.evaluation.metrics import LegibilityRow, Report
    from coin_core.model_store.card import Card
    from coin_core.pipeline import CoinClassifier
    from coin_core.training.datasets import CoinSet

_COUNT = 3000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `evaluate`."""
    add = parser.add_argument
    arguments.add_data(parser)
    add("--classifier", help="name of a classifier, or all (default)")
    arguments.add_model(parser)
    add(
        "--count",
        type=arguments.count,
        help=f"number of rendered coins (default {_COUNT})",
    )
    add(
        "--seed",
        type=arguments.seed,
        help="seed of the rendered coins (default: the test seed)",
    )
    add(
        "--legible",
        type=arguments.fraction,
        metavar="FRACTION",
        help="only rendered coins with at least this fraction of the name legible",
    )
    add(
        "--by-legibility",
        action="store_true",
        help="also accuracy by fraction of legible letters (--data rendered)",
    )
    add(
        "--keep",
        type=arguments.card_text,
        metavar="WHAT",
        help="write the figures into the model cards, as measured on WHAT",
    )
    arguments.add_json(parser, "one line of JSON for each classifier")


def run(options: argparse.Namespace) -> int:
    """Measure the selected models; return 1 if a photo cannot be read."""
    from coin_core.pipeline import CoinClassifier
    from coin_core.training.catalog_dataset import is_catalog

    rendered = options.data == "rendered"
    if not rendered and (options.by_legibility or options.legible is not None):
        raise TrainingDataError(
            "The legibility of a name is known for rendered coins only: "
            "--data rendered."
        )
    if not rendered:
        arguments.drop(options, ("count", "seed"), "no effect on photos")
    names = arguments.selected_models(options, default="all")
    classifier = CoinClassifier()
    if is_catalog(options.data):
        return _evaluate_catalog(options, classifier, names)
    classifier = classifier.pinned(names)  # fails before photos are loaded
    if rendered:
        return _evaluate_rendered(options, classifier, names)
    return _evaluate_folder(options, classifier, names)


def _evaluate_folder(
    options: argparse.Namespace, classifier: CoinClassifier, names: tuple[str, ...]
) -> int:
    from coin_core.rulers import DEFAULT_CLASSES
    from coin_core.training.datasets import (
        digest_of_photos,
        list_photos,
        splits_of_photos,
    )
    from coin_core.training.evaluate import measure_crops, measure_photos

    cards = {name: classifier.model(name).card for name in names}
    known = {label for card in cards.values() for label in card.classes}
    if known <= set(DEFAULT_CLASSES):
        folder = Path(options.data)
        photos, _ = list_photos(folder, allow_duplicates=options.allow_duplicates)
        digest, splits = digest_of_photos(photos), splits_of_photos(photos)
        _tell_learned(cards, digest, splits, refuse=bool(options.keep))
        reports, unreadable = measure_photos(classifier, names, folder, photos)
        for sentence in unreadable:
            sys.stderr.write(f"{sentence}\n")
    else:
        # The side classifier knows Hasmonean coins only, so the sides are not judged.
        coins = arguments.load_coins(
            options.data, allow_duplicates=options.allow_duplicates
        )
        _tell_learned(cards, coins.digest, coins.splits, refuse=bool(options.keep))
        unreadable = list(coins.unreadable)
        if coins.splits is not None and (coins.splits == "test").any():
            coins = coins.take(coins.splits == "test")
        reports = [report for report, _ in measure_crops(classifier, names, coins)]
    write_reports(reports, as_json=options.json)
    _write_to_cards(options, classifier, reports, "photos")
    return 1 if unreadable else 0


def _tell_learned(
    cards: dict[str, Card],
    digest: str,
    splits: NDArray[np.str_] | None,
    *,
    refuse: bool,
) -> None:
    """Say which models learned from these photos, or refuse to measure them."""
    for name, card in cards.items():
        if not _learned_from(card, digest, splits):
            continue
        if refuse:
            raise TrainingDataError(
                f"{_seen(name)} For other figures take photos that it has not seen, or "
                "keep some back in a folder `test` beside `train` and `val`."
            )
        sys.stderr.write(f"{_seen(name)} These figures are too good to be true.\n")


def _evaluate_catalog(
    options: argparse.Namespace, classifier: CoinClassifier, names: tuple[str, ...]
) -> int:
    from coin_core.catalog import open_catalog
    from coin_core.training.evaluate import measure_crops

    coins = arguments.load_coins(options.data)
    catalog = open_catalog()
    if coins.splits is not None and (coins.splits == "test").any():
        coins = coins.take(coins.splits == "test")
        sys.stderr.write(f"Measured on the {len(coins)} photos of the test split.\n")
    classifier = classifier.pinned(names)
    for name in names:
        _check_unseen(name, classifier.model(name).card, coins, catalog)
    kind = _coin_kind(catalog, coins) if options.keep else ""
    reports = [report for report, _ in measure_crops(classifier, names, coins)]
    write_reports(reports, as_json=options.json)
    _write_to_cards(options, classifier, reports, kind)
    return 1 if coins.unreadable else 0


def _coin_kind(catalog: Catalog, coins: CoinSet) -> str:
    """Either "rendered" or "photos".

    Raises:
        TrainingDataError: The coins are of both kinds, whose figures stay separate.
    """
    ids = [] if coins.photo_ids is None else coins.photo_ids.tolist()
    kinds = {photo.is_rendered for photo in catalog.photos.get_many(ids)}
    if len(kinds) > 1:
        raise TrainingDataError(
            "The dataset holds photos and rendered coins, and their figures stay "
            "separate. Leave out --keep, or freeze a version with photos only: "
            "python -m coin_core dataset freeze NAME --no-with-rendered"
        )
    return "rendered" if kinds == {True} else "photos"


def _check_unseen(name: str, card: Card, coins: CoinSet, catalog: Catalog) -> None:
    """Refuse to measure a model on its training data; warn about an overlap.

    Raises:
        TrainingDataError: The model was trained on exactly these coins.
    """
    from coin_core.training.catalog_dataset import is_catalog

    if _learned_from(card, coins.digest, coins.splits):
        raise TrainingDataError(
            f"{_seen(name)} For another measurement freeze a version and train on "
            "that: python -m coin_core dataset freeze NAME"
        )
    data = str(card.training.get("data", "")).split(" ")[0]
    if card.training.get("digest") == coins.digest or not is_catalog(data):
        return
    trained = _trained_photos(catalog, data)
    measured = set(coins.photo_ids.tolist() if coins.photo_ids is not None else [])
    if trained is None or measured & trained:
        number = "some" if trained is None else str(len(measured & trained))
        sys.stderr.write(
            f"{name} was trained on {card.training['data']} and may know {number} of "
            f"these {len(coins)} photos: the figures are too good to be true.\n"
        )


def _learned_from(card: Card, digest: str, splits: NDArray[np.str_] | None) -> bool:
    """Whether a model learned from this whole set, and no test split was kept back."""
    kept_back = splits is not None and bool((splits == "test").any())
    return card.training.get("digest") == digest and not kept_back


def _seen(name: str) -> str:
    return (
        f"{name} was trained on these photos. Its card holds the result of its "
        "cross-validation."
    )


def _trained_photos(catalog: Catalog, data: str) -> set[int] | None:
    """Photos of the coins that a model trained on `data` knows; None if unknown."""
    from coin_core.catalog.splits import Split
    from coin_core.catalog.versions import load_version
    from coin_core.training.catalog_dataset import version_of

    version = version_of(data)
    if version is None:
        return None
    try:
        items = load_version(catalog, version).items
    except CatalogError:
        return None
    coin_ids = {item.current_coin_id for item in items if item.split is not Split.TEST}
    return {
        photo.photo_id
        for coin_id in coin_ids - {None}
        for photo in catalog.photos.of_coin(int(coin_id or 0))
    }


def _evaluate_rendered(
    options: argparse.Namespace, classifier: CoinClassifier, names: tuple[str, ...]
) -> int:
    from coin_core.training.datasets import load_rendered
    from coin_core.training.evaluate import measure_crops
    from coin_core.training.pretraining import TEST_SEED

    seed = TEST_SEED if options.seed is None else options.seed
    for name in names:
        training = classifier.model(name).card.training
        if seed in (training.get("seed"), training.get("coins_seed")):
            raise TrainingDataError(
                f"{name} may have been trained on the coins of seed {seed}. "
                "Use another --seed."
            )
    count = options.count or _COUNT
    coins = load_rendered(seed, count, at_least_legible=options.legible or 0.0)
    measured = measure_crops(classifier, names, coins)
    reports = [report for report, _ in measured]
    if options.by_legibility:
        _write_by_legibility(options, coins, measured)
    else:
        write_reports(reports, as_json=options.json)
    _write_to_cards(options, classifier, reports, "rendered")
    return 0


def _write_by_legibility(
    options: argparse.Namespace,
    coins: CoinSet,
    measured: list[tuple[Report, NDArray[np.float32]]],
) -> None:
    import numpy as np

    from coin_core.evaluation.metrics import accuracy_by_legibility, report_json

    reports = [report for report, _ in measured]
    legibility = np.zeros(0) if coins.legibility is None else coins.legibility
    rows = {
        report.classifier: accuracy_by_legibility(
            coins.labels, probabilities, report.classes, legibility
        )
        for report, probabilities in measured
    }
    if options.json:
        for report in reports:
            cells = [
                {name: getattr(row, name) for name in row.__slots__}
                for row in rows[report.classifier]
            ]
            write_json({**report_json(report), "by_legibility": cells})
    else:
        write_reports(reports, as_json=False)
        sys.stdout.write("\n" + _legibility_table(rows) + "\n")


def _write_to_cards(
    options: argparse.Namespace,
    classifier: CoinClassifier,
    reports: list[Report],
    data: str,
) -> None:
    from coin_core.evaluation.metrics import report_json
    from coin_core.model_store import bundle, sharing

    if not options.keep:
        return
    refused: list[CoinError] = []
    for report in reports:
        model = classifier.model(report.classifier)
        figures = {"data": data, "what": options.keep, **report_json(report)}
        try:
            bundle.add_figures(model.folder, model.card, figures)
        except CoinError as error:
            refused.append(error)
    sharing.publish()
    if refused:
        raise refused[0]


def _legibility_table(tables: dict[str, tuple[LegibilityRow, ...]]) -> str:
    import pandas as pd

    def column(row: LegibilityRow) -> str:
        return f"{row.low:.0%} to {row.high:.0%}"

    lines = {"coins": {column(row): str(row.n) for row in next(iter(tables.values()))}}
    for name, rows in tables.items():
        lines[name] = {column(r): f"{r.accuracy:.1%}" if r.n else "-" for r in rows}
    table = pd.DataFrame.from_dict(lines, orient="index").to_string()
    return f"accuracy by fraction of legible letters\n{table}"
