"""`evaluate`: how good the models are, on photos or on rendered coins."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from coin_core._commands.train import NO_CATALOG
from coin_core.attribution import SHIPPED, Attributor
from coin_core.errors import CatalogError, TrainingDataError
from coin_core.evaluation import (
    LegibilityRow,
    Report,
    accuracy_by_legibility,
    confusion_table,
    report_json,
    report_table,
)
from coin_core.rulers import DEFAULT_CLASSES


def run(given: argparse.Namespace) -> int:
    """Measure the models asked for; 1 when some photo could not be read."""
    if given.data == "catalog":
        raise CatalogError(NO_CATALOG)
    attributor = Attributor()
    names = _names(given)
    for name in names:
        attributor.model(name)
    if given.data == "rendered":
        return _evaluate_rendered(given, attributor, names)
    if given.by_legibility or given.legible is not None:
        raise TrainingDataError(
            "How legible a name is, is known of rendered coins only: --data rendered."
        )
    return _evaluate_folder(given, attributor, names)


def _names(given: argparse.Namespace) -> tuple[str, ...]:
    if given.model:
        return (given.model,)
    if given.classifier == "all":
        return SHIPPED
    from coin_core.classifiers import get_classifier

    return (get_classifier(given.classifier).name,)


def _evaluate_folder(
    given: argparse.Namespace, attributor: Attributor, names: tuple[str, ...]
) -> int:
    from coin_core.learning.datasets import load_folder
    from coin_core.learning.measuring import measure_crops, measure_photos

    folder = Path(given.data)
    ours = all(
        set(attributor.model(name).card.classes) <= set(DEFAULT_CLASSES)
        for name in names
    )
    if ours:
        reports, unreadable = measure_photos(attributor, names, folder)
    else:
        # Which side of the Hasmonean coins a photo shows is no question here.
        coins = load_folder(folder)
        unreadable = list(coins.unreadable)
        reports = [report for report, _ in measure_crops(attributor, names, coins)]
    for sentence in unreadable:
        sys.stderr.write(f"{sentence}\n")
    _show(reports, as_json=given.json)
    return 1 if unreadable else 0


def _evaluate_rendered(
    given: argparse.Namespace, attributor: Attributor, names: tuple[str, ...]
) -> int:
    from coin_core.learning.datasets import load_rendered
    from coin_core.learning.measuring import measure_crops
    from coin_core.learning.pretraining import TEST_SEED

    seed = TEST_SEED if given.seed is None else given.seed
    for name in names:
        training = attributor.model(name).card.training
        if seed in (training.get("seed"), training.get("coins_seed")):
            raise TrainingDataError(
                f"{name} may have learnt from the coins of seed {seed}. "
                "Take another --seed."
            )
    coins = load_rendered(seed, given.count, at_least_legible=given.legible or 0.0)
    legibility = np.zeros(0) if coins.legibility is None else coins.legibility
    measured = measure_crops(attributor, names, coins)
    tables = {
        report.classifier: accuracy_by_legibility(
            coins.labels, p, report.classes, legibility
        )
        for report, p in measured
    }
    _show(
        [report for report, _ in measured],
        tables if given.by_legibility else {},
        as_json=given.json,
    )
    return 0


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
