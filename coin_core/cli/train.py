"""`train`: a classifier on a folder of photos, or what ships on rendered coins."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coin_core.classifiers import get_classifier
from coin_core.errors import CatalogError, TrainingDataError
from coin_core.evaluation.metrics import (
    Report,
    confusion_table,
    report_json,
    report_table,
)
from coin_core.model_store import bundle
from coin_core.storage import write_file
from coin_core.training.config import Recipe
from coin_core.training.release import READERS, train_readers_shipped, train_shipped
from coin_core.training.splits import coins_per_class, few_coins_warning

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from coin_core.training.cross_validation import Fitted
    from coin_core.training.datasets import CoinSet

# In this order: features come from vgg.
SHIPPED = (*READERS, "svm", "knn", "mlp")
FINDERS = ("faces", "sides", "frames")


def run(given: argparse.Namespace) -> int:
    """Train what was asked for."""
    names = (*FINDERS, *SHIPPED) if given.classifier == "all" else (given.classifier,)
    for name in names:
        if name not in FINDERS:
            get_classifier(name)
    if given.data == "rendered":
        _refuse_ignored(given)
        return _train_rendered(given, names)
    if given.classifier == "all" or given.classifier in FINDERS:
        raise TrainingDataError(
            f"{given.classifier} is trained on rendered coins: "
            f"python -m coin_core train {given.classifier} --data rendered"
        )
    return _train_own(given)


def _refuse_ignored(given: argparse.Namespace) -> None:
    """Say which flags mean nothing for coins that the program strikes itself.

    Raises:
        TrainingDataError: One of them was given.
    """
    named = ("init", "epochs", "folds", "size_px", "patience", "rotations", "momentum")
    ignored = [name for name in named if getattr(given, name) is not None]
    ignored += ["frozen"] if given.frozen else []
    ignored += [] if given.class_weights else ["no_class_weights"]
    if ignored:
        told = ", ".join("--" + name.replace("_", "-") for name in ignored)
        raise TrainingDataError(
            f"{told}: not for rendered coins: what learns from them begins with "
            "nothing and in set rounds. Give --coins and --seed, or train on photos."
        )


def _train_rendered(given: argparse.Namespace, names: tuple[str, ...]) -> int:
    if given.out and len(names) > 1:
        raise TrainingDataError("--out is for one model; train all writes to weights/.")
    started = time.monotonic()
    steps: dict[str, Callable[[], list[Report]]] = {}
    for name in names:
        if name in FINDERS:
            steps[name] = partial(_train_finder, name, given)
        elif name in READERS and len(names) > 1:
            steps[" and ".join(READERS)] = partial(_train_readers, given)
        else:
            steps[name] = partial(_train_shipped, name, given)
    if len(steps) == 1:
        [train] = steps.values()
        reports = train()
    else:
        reports = _one_after_another(steps, given)
    _show(reports, as_json=given.json)
    sys.stderr.write(f"Trained in {_duration(time.monotonic() - started)}.\n")
    return 0


def _one_after_another(
    steps: dict[str, Callable[[], list[Report]]], given: argparse.Namespace
) -> list[Report]:
    """Take the steps but those that the same command, killed, had done."""
    kept = bundle.data_dir() / "train-all.json"
    wanted = {"seed": given.seed, "coins": given.coins}
    done: list[str] = []
    with suppress(OSError, ValueError, AttributeError, KeyError, TypeError):
        found = json.loads(kept.read_text("utf-8"))
        if {key: found.get(key) for key in wanted} == wanted:
            done = [step for step in found["done"] if step in steps]
            sys.stderr.write(f"Trained before: {', '.join(done)}. Going on.\n")
    reports = []
    for step, train in steps.items():
        if step in done:
            continue
        reports += train()
        done.append(step)
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_file(kept, json.dumps({**wanted, "done": done}).encode())
    kept.unlink(missing_ok=True)
    return reports


def _train_readers(given: argparse.Namespace) -> list[Report]:
    outs = {name: bundle.WEIGHTS_DIR / name for name in READERS}
    shipped = train_readers_shipped(outs, given.seed, given.coins, given.workers)
    return [report for _, report in shipped]


def _train_shipped(name: str, given: argparse.Namespace) -> list[Report]:
    _, report = train_shipped(
        name,
        out=given.out,
        seed=given.seed,
        coins=given.coins,
        workers=given.workers,
    )
    return [report]


def _train_finder(name: str, given: argparse.Namespace) -> list[Report]:
    from coin_core.training.train_coin_detector import train_finder
    from coin_core.training.train_legend_localizer import train_frames
    from coin_core.training.train_side_classifier import train_sides

    trainings: dict[str, Callable[..., dict[str, Any]]] = {
        "faces": partial(train_finder, workers=given.workers),
        "sides": train_sides,
        "frames": partial(train_frames, workers=given.workers),
    }
    out = given.out or bundle.WEIGHTS_DIR / name
    figures = trainings[name](out, seed=given.seed)
    line = json.dumps({"model": name, **figures}, default=float)
    sys.stdout.write(line + "\n")
    return []


def _train_own(given: argparse.Namespace) -> int:
    from coin_core.training.initialization import find_start
    from coin_core.training.train import FOLDS, Training, train_on_coins

    init = given.init or "rendered"
    find_start(given.classifier, init)  # before photos are read for nothing
    coins = _load(given.data)
    for sentence in coins.unreadable:
        sys.stderr.write(f"{sentence}\n")
    called = _called(given.data)
    out = given.out or bundle.models_dir() / _bundle_name(given.classifier, called)
    sys.stderr.write(
        f"{len(coins)} coins of {len(coins.classes)} classes from {coins.source}; "
        f"{len(coins.unreadable)} files could not be read, "
        f"in {coins.without_face} photos no coin was found and all of it is used.\n"
    )
    if warning := few_coins_warning(coins_per_class(coins.labels, coins.groups)):
        sys.stderr.write(f"{warning}\n")
    training = Training(
        name=given.classifier,
        init=init,
        epochs=given.epochs,
        folds=given.folds or FOLDS,
        seed=given.seed,
        size_px=given.size_px,
        recipe=_recipe(given),
    )
    card, fitted = train_on_coins(training, coins, out=out, data=given.data)
    _show([fitted.report], as_json=given.json)
    if fitted.stopped:
        sys.stderr.write("Stopped: the model is the best so far.\n")
    if coins.photo_ids is not None:
        _keep_opinions(given.classifier, coins.photo_ids, card, fitted)
    sys.stderr.write(
        f"Measured by {card.metrics[0]['how']}. "
        f"Trained in {_duration(fitted.seconds)}; the model is in {out}.\n"
    )
    return 1 if coins.unreadable else 0


def _load(data: str) -> CoinSet:
    from coin_core.training.catalog_dataset import is_catalog, load_catalog, version_of
    from coin_core.training.datasets import load_folder

    if not is_catalog(data):
        return load_folder(Path(data))
    version = version_of(data)
    from coin_core.catalog import open_catalog

    return load_catalog(open_catalog(), version)


def _called(data: str) -> str:
    """What the data are called; no folders, as cards are passed on."""
    from coin_core.training.catalog_dataset import is_catalog

    return data if is_catalog(data) else Path(data).resolve().name


def _keep_opinions(
    classifier: str, photo_ids: NDArray[np.int64], card: bundle.Card, fitted: Fitted
) -> None:
    """Keep in the catalog what was said of coins that had not been learnt from."""
    from coin_core.catalog import open_catalog
    from coin_core.catalog.label_errors import find_label_issues, record_out_of_fold

    rows = fitted.fold_of >= 0
    try:
        catalog = open_catalog()
        record_out_of_fold(
            catalog,
            classifier,
            photo_ids[rows].tolist(),
            fitted.probabilities[rows],
            card.classes,
            model_digest=bundle.weights_digest(card),
            threshold=card.threshold,
        )
        # Of a version only the test photos were measured: too few to compare.
        label_issues = () if (~rows).any() else find_label_issues(catalog)
    except CatalogError as error:
        # The model is saved all the same.
        sys.stderr.write(f"Labels were not checked: {error}\n")
        return
    if label_issues:
        sys.stderr.write(
            f"{len(label_issues)} labels look wrong; the Dataset page has them in the "
            "review queue of suspected errors.\n"
        )


def _recipe(given: argparse.Namespace) -> Recipe:
    """The settings that differ from the usual way, as far as they were given."""
    return Recipe(
        **{
            item.name: value
            for item in fields(Recipe)
            if (value := getattr(given, item.name, None)) is not None
        }
    )


def _bundle_name(classifier: str, called: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", called).strip("-")
    return f"{classifier}-{plain or 'photos'}"[:64]


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
