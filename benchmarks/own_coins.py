"""What a net learns from labelled coins of these rulers: a curve, and real photos.

    python -m benchmarks.own_coins [--test 300] [--labelled 0 50 200 600]
    python -m benchmarks.own_coins --photos DIR

Without photos, it simulates a collection whose letters, strokes, metal and photos are
unlike all that was taught (`benchmarks.unseen_coins`). Of the labelled coins, each
fifth gives temperature and threshold, the others are learned from; the test coins are
others. "letters" is the usual training; with --today, the one before it is measured as
well: all layers but the first learn, from the rulers alone. Shown too: how many of 500
coins rendered as usual the net names right afterwards, by its best guess.

With photos, in a folder for each ruler or beside a labels.csv (`file`, `ruler`), the
figures are of cross-validation by coin.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.unseen_coins import render_unseen_coin
from coin_core.classifiers import get_classifier
from coin_core.classifiers.loading import load_classifier
from coin_core.classifiers.torch_classifier import predict_calibrated
from coin_core.detection import face_to_read
from coin_core.evaluation.metrics import Report, evaluate, format_proportion
from coin_core.imaging import photo_io
from coin_core.model_store import bundle
from coin_core.pipeline import prepare_photo
from coin_core.training import reading
from coin_core.training.checkpoint import load_tensors, save_tensors
from coin_core.training.config import TrainingConfig
from coin_core.training.cross_validation import fit_classifier
from coin_core.training.datasets import (
    CoinSet,
    load_folder,
    load_rendered,
    order_classes,
)
from coin_core.training.holdout import fit_on_split
from coin_core.training.initialization import Start, find_start, start_net
from coin_core.training.runs import Run, start_run
from coin_core.training.train_legend_localizer import crop_to_coin

TRAIN_SEED, TEST_SEED, PLAIN_SEED = 41, 42, 43
PLAIN_COINS = 500
HELD_BACK = 5  # each fifth coin calibrates


def main() -> None:
    """Print a line for each training."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--classifiers", nargs="+", default=["resnet", "vgg"])
    parser.add_argument("--labelled", nargs="+", type=int, default=[0, 50, 200, 600])
    parser.add_argument("--test", type=int, default=300)
    parser.add_argument("--plain", type=int, default=PLAIN_COINS)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--today", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["COIN_DATA_DIR"] = folder
        for name in args.classifiers:
            if args.photos:
                _measure_photos(name, _load_photos(args.photos), args)
            else:
                _measure_curve(name, args)


def _measure_curve(name: str, args: argparse.Namespace) -> None:
    coins = _unseen(TRAIN_SEED, max(args.labelled)) if any(args.labelled) else None
    test = _unseen(TEST_SEED, args.test)
    plain = load_rendered(PLAIN_SEED, args.plain) if args.plain else None
    card, shipped = load_classifier(bundle.WEIGHTS_DIR / name)
    start = find_start(name, "rendered")
    maps = Path(os.environ["COIN_DATA_DIR"]) / f"maps-{name}.safetensors"
    for count in sorted(args.labelled):
        if not count:
            chances = predict_calibrated(shipped, card, test.crops)
            answered = chances.max(1) >= card.threshold
            report = evaluate(name, test.labels, chances, card.classes, answered)
            _show(name, "shipped", 0, report, _best_guesses(shipped, plain))
            continue
        if coins is None:
            raise ValueError("Some coins are labelled.")
        if not maps.exists():
            with _timed(f"{name}: maps of {len(coins)} coins"):
                _compute_maps(name, start, coins, maps)
        for how in ("letters", "rulers") if args.today else ("letters",):
            run = start_run({"classifier": name, "labelled": count, "how": how})
            if how == "letters":
                _take_maps(maps, run, count)
            with _timed(f"{name}, {count} coins, {how}"):
                fitted = fit_on_split(
                    name,
                    np.concatenate([coins.crops[:count], test.crops]),
                    np.concatenate([coins.labels[:count], test.labels]),
                    _splits(count, len(test)),
                    classes=coins.classes,
                    run=run,
                    **_settings(start, how),
                )
            guesses = _best_guesses(fitted.classifier, plain)
            _show(name, how, count, fitted.report, guesses)


def _settings(start: Start, how: str) -> dict[str, Any]:
    """What begins a training of the usual kind, or of the one before."""
    if how == "letters":
        return {"start": start}
    # That one knew nothing of what the start tells apart.
    return {"start": replace(start, classes=()), "config": TrainingConfig()}


def _measure_photos(name: str, coins: CoinSet, args: argparse.Namespace) -> None:
    start = find_start(name, "rendered")
    for how in ("letters", "rulers") if args.today else ("letters",):
        settings = _settings(start, how)
        if how == "rulers" and coins.classes != start.classes:
            settings["config"] = TrainingConfig(fresh_head=True)
        with _timed(f"{name}, {len(coins)} photos, {how}"):
            fitted = fit_classifier(
                name,
                coins.crops,
                coins.labels,
                coins.groups,
                classes=coins.classes,
                folds=args.folds,
                with_final=False,
                run=start_run({"classifier": name, "how": how}),
                **settings,
            )
        _show(name, how, len(coins), fitted.report, "")
    card, shipped = load_classifier(bundle.WEIGHTS_DIR / name)
    chances = predict_calibrated(shipped, card, coins.crops)
    columns = [card.classes.index(label) for label in coins.classes]
    among = chances[:, columns] / chances[:, columns].sum(1, keepdims=True)
    answered = among.max(1) >= card.threshold
    report = evaluate(name, coins.labels, among, coins.classes, answered)
    _show(name, "shipped, these rulers alone", 0, report, "")


def _unseen(seed: int, count: int) -> CoinSet:
    drawn = [render_unseen_coin(seed, number) for number in range(count)]
    names = tuple(map(str, range(count)))
    labels = [str(coin.ruler) for coin in drawn]
    return CoinSet(
        crops=np.stack([crop_to_coin(coin)[0] for coin in drawn]),
        labels=np.array(labels),
        groups=np.array(names),
        names=names,
        classes=order_classes(labels),
        source="unseen",
        digest="",
    )


def _load_photos(folder: Path) -> CoinSet:
    """The crops of the legend sides of photos."""
    table = folder / "labels.csv"
    if not table.is_file():
        return load_folder(folder)
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    names = tuple(row["file"] for row in rows)
    labels = [row["ruler"] for row in rows]
    classes = order_classes(labels)
    photos = [prepare_photo(photo_io.read(folder / name)) for name in names]
    crops = [one.crop_of(face_to_read(one.faces, classes)) for one in photos]
    return CoinSet(
        crops=np.stack(crops),
        labels=np.array(labels),
        groups=np.array([row.get("coin_id") or row["file"] for row in rows]),
        names=names,
        classes=classes,
        source=f"folder {folder.name}",
        digest="",
    )


def _splits(labelled: int, test: int) -> np.ndarray:
    held_back = np.arange(labelled) % HELD_BACK == 0
    splits = np.where(held_back, "validation", "train")
    return np.concatenate([splits, np.full(test, "test")])


def _compute_maps(name: str, start: Start, coins: CoinSet, path: Path) -> None:
    net = get_classifier(name).build(coins.classes, seed=0)
    net.begin(coins.crops[:1])
    start_net(net, name, start)
    reading.compute_maps(net, coins.crops, coins.labels.tolist(), path, seed=0)


def _take_maps(path: Path, run: Run, count: int) -> None:
    """Give a run the maps of the first coins; no others are looked at in a lesson."""
    tensors, notes = load_tensors(path)
    for part in ("own", "poses", "letters"):
        tensors[part] = tensors[part][:count].clone()
    save_tensors(run.folder / "checkpoints" / "maps.safetensors", tensors, notes)


def _best_guesses(classifier: Any, coins: CoinSet | None) -> str:
    """How many coins a classifier names right."""
    if coins is None:
        return ""
    with torch.inference_mode():
        best = classifier.predict_proba(coins.crops).argmax(1)
    right = int((classifier.classes_[best] == coins.labels).sum())
    return f"; as usual {format_proportion(right, len(coins))}"


def _show(name: str, how: str, labelled: int, report: Report, more: str) -> None:
    right = round(report.accuracy * report.n)
    answered = report.answered or 0
    named = round((report.accuracy_answered or 0.0) * answered)
    print(
        f"{name}, {labelled} labelled, {how}: {format_proportion(right, report.n)}, "
        f"log loss {report.log_loss:.3f}, calibration error {report.ece:.3f}, "
        f"answered {answered}, right {named}{more}",
        flush=True,
    )


@contextmanager
def _timed(what: str) -> Iterator[None]:
    began = time.process_time()
    yield
    print(f"{what}: {time.process_time() - began:.0f} s of computing", flush=True)


if __name__ == "__main__":
    main()
