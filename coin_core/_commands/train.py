"""`train`: a classifier on a folder of photos, or what ships on rendered coins."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
import time
from dataclasses import fields
from pathlib import Path

from coin_core import models
from coin_core.classifiers import get_classifier
from coin_core.errors import CatalogError, TrainingDataError
from coin_core.evaluation import Report, confusion_table, report_json, report_table
from coin_core.learning.enough import few_coins_warning
from coin_core.learning.recipes import Recipe, recipe_flags
from coin_core.learning.shipping import READERS, train_shipped

# In this order: features come from vgg.
SHIPPED = (*READERS, "svm", "knn", "mlp")
FINDERS = ("faces", "sides")


def run(given: argparse.Namespace) -> int:
    """Train what was asked for."""
    if given.data == "catalog":
        raise CatalogError(NO_CATALOG)
    names = (*FINDERS, *SHIPPED) if given.classifier == "all" else (given.classifier,)
    for name in names:
        if name not in FINDERS:
            get_classifier(name)
    if given.data == "rendered":
        return _train_rendered(given, names)
    if given.classifier == "all" or given.classifier in FINDERS:
        raise TrainingDataError(
            f"{given.classifier} is trained on rendered coins: "
            f"python -m coin_core train {given.classifier} --data rendered"
        )
    return _train_folder(given)


NO_CATALOG = (
    "There is no catalog yet. Give a folder with one folder of photos per class, "
    "or --data rendered."
)


def _train_rendered(given: argparse.Namespace, names: tuple[str, ...]) -> int:
    if given.out and len(names) > 1:
        raise TrainingDataError("--out is for one model; train all writes to weights/.")
    started = time.monotonic()
    reports = []
    for name in names:
        if name in FINDERS:
            _train_finder(name, given)
            continue
        _, report = train_shipped(
            name,
            out=given.out,
            seed=given.seed,
            coins=given.coins,
            workers=given.workers,
        )
        reports.append(report)
    _show(reports, as_json=given.json)
    sys.stderr.write(f"Trained in {_duration(time.monotonic() - started)}.\n")
    return 0


def _train_finder(name: str, given: argparse.Namespace) -> None:
    from coin_core.learning.finding import train_finder
    from coin_core.learning.siding import train_sides

    out = given.out or models.WEIGHTS_DIR / name
    train = train_finder if name == "faces" else train_sides
    figures = train(out, seed=given.seed)
    line = json.dumps({"model": name, **figures}, default=float)
    sys.stdout.write(line + "\n")


def _train_folder(given: argparse.Namespace) -> int:
    from coin_core.learning.datasets import load_folder
    from coin_core.learning.own import train_on_coins
    from coin_core.learning.splits import coins_per_class

    folder = Path(given.data)
    coins = load_folder(folder)
    for sentence in coins.unreadable:
        sys.stderr.write(f"{sentence}\n")
    out = given.out or models.models_dir() / _bundle_name(given.classifier, folder)
    sys.stderr.write(
        f"{len(coins)} coins of {len(coins.classes)} classes from {coins.source}; "
        f"{len(coins.unreadable)} files could not be read, "
        f"in {coins.without_face} photos no coin was found and all of it is used.\n"
    )
    if warning := few_coins_warning(coins_per_class(coins.labels, coins.groups)):
        sys.stderr.write(f"{warning}\n")
    _, fitted = train_on_coins(
        given.classifier,
        coins,
        out=out,
        init=given.init,
        epochs=given.epochs,
        folds=given.folds,
        seed=given.seed,
        size_px=given.size_px,
        recipe=_recipe(given),
        command=_command(given, folder),
    )
    _show([fitted.report], as_json=given.json)
    if fitted.stopped:
        sys.stderr.write("Stopped: the model is the best so far.\n")
    sys.stderr.write(
        f"Measured by {given.folds}-fold cross-validation by coin. "
        f"Trained in {_duration(fitted.seconds)}; the model is in {out}.\n"
    )
    return 1 if coins.unreadable else 0


def _recipe(given: argparse.Namespace) -> Recipe:
    """The settings that differ from the usual way, as far as they were given."""
    return Recipe(
        **{
            item.name: value
            for item in fields(Recipe)
            if (value := getattr(given, item.name, None)) is not None
        }
    )


def _bundle_name(classifier: str, folder: Path) -> str:
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", folder.resolve().name).strip("-")
    return f"{classifier}-{plain or 'photos'}"[:64]


def _command(given: argparse.Namespace, folder: Path) -> str:
    """The command for the card; only the folder's own name, as cards are passed on."""
    parts = ["python", "-m", "coin_core", "train", given.classifier]
    parts += ["--data", folder.resolve().name, "--init", given.init]
    parts += ["--folds", str(given.folds), "--seed", str(given.seed)]
    if given.epochs:
        parts += ["--epochs", str(given.epochs)]
    if given.size_px:
        parts += ["--size-px", str(given.size_px)]
    parts += recipe_flags(_recipe(given))
    return shlex.join(parts)


def _show(reports: list[Report], *, as_json: bool) -> None:
    if as_json:
        for report in reports:
            sys.stdout.write(json.dumps(report_json(report)) + "\n")
    elif reports:
        sys.stdout.write(report_table(reports) + "\n")
        for report in reports:
            sys.stdout.write("\n" + confusion_table(report) + "\n")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
