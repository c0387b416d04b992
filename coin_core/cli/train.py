"""Train a classifier on photos, or the shipped models on rendered coins."""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coin_core.cli import arguments
from coin_core.cli.output import write_json, write_reports
from coin_core.errors import CatalogError, TrainingDataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from coin_core.evaluation.metrics import Report
    from coin_core.model_store import bundle
    from coin_core.training.config import TrainingConfig
    from coin_core.training.cross_validation import FittedClassifier
    from coin_core.training.datasets import CoinSet
    from coin_core.training.initialization import Start

# Settings of nets that see photos.
_OF_NETS = ("size_px", "frozen", "rotations")
DETECTORS = ("faces", "sides", "frames", "rims")
_FEWEST_RENDERED = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `train`."""
    from coin_core.classifiers import list_classifiers

    add = parser.add_argument
    names = ", ".join(spec.name for spec in list_classifiers())
    add(
        "classifier",
        metavar="CLASSIFIER",
        help=f"{names}; with --data rendered also faces, sides, frames, rims, or all",
    )
    arguments.add_data(parser)
    add(
        "--init",
        metavar="START",
        help="initial weights of a net: rendered (the shipped weights, default), "
        "imagenet, scratch, or a model's name or folder",
    )
    add(
        "--epochs",
        type=arguments.count,
        help="maximum per fold; resnet and vgg take none for coins of other kinds than "
        "the rulers', unless they start from scratch or imagenet",
    )
    add("--folds", type=arguments.folds, help="of the cross-validation (default 5)")
    add("--seed", type=arguments.seed, default=0, help="default 0")
    add(
        "--size-px",
        type=arguments.input_size,
        help="side of a net's input, a multiple of 8",
    )
    add(
        "--patience",
        type=arguments.count,
        help="epochs without improvement before a fold ends",
    )
    add(
        "--no-class-weights",
        dest="class_weights",
        action="store_false",
        help="do not weight rare classes as much as frequent ones",
    )
    add(
        "--frozen",
        action="store_true",
        help="train only a net's last layers; with --data rendered those above the "
        "letters, after a change of the rulers' legends",
    )
    add("--rotations", type=int, help="rotated copies in place of random augmentation")
    add("--momentum", type=float, help="use plain gradient descent with this momentum")
    add(
        "--coins",
        type=arguments.count,
        help="number of rendered coins to train on, for faces of scenes (--data "
        "rendered)",
    )
    add(
        "--workers",
        type=arguments.count,
        help="processes that render coins during the training (default 1)",
    )
    add(
        "--out",
        type=Path,
        metavar="BUNDLE",
        help="folder of the trained model (default: one in data/models; with --data "
        "rendered weights/CLASSIFIER, replacing what ships)",
    )
    arguments.add_json(parser, "the result as one line of JSON")


def run(options: argparse.Namespace) -> int:
    """Train the models; return 1 if a photo cannot be read."""
    from coin_core.classifiers import get_classifier, shipped_classifiers
    from coin_core.model_store import bundle, sharing

    names: tuple[str, ...] = (options.classifier,)
    if options.classifier == "all":
        names = (*DETECTORS, *shipped_classifiers())
    for name in names:
        if name not in DETECTORS:
            get_classifier(name)
    if options.out:
        bundle.check_place(options.out)
    if options.data == "rendered":
        _check_rendered(options, names)
        code = _train_rendered(options, names)
    elif options.classifier == "all" or options.classifier in DETECTORS:
        raise TrainingDataError(
            f"{options.classifier} is trained on rendered coins: "
            f"python -m coin_core train {options.classifier} --data rendered"
        )
    else:
        code = _train_on_photos(options)
    sharing.publish()
    return code


def _check_rendered(options: argparse.Namespace, names: Sequence[str]) -> None:
    unused = ("init", "epochs", "folds", "size_px", "patience", "rotations", "momentum")
    frozen = () if _are_nets(names) else ("frozen",)
    given = arguments.flags_given(options, (*unused, *frozen, "class_weights"))
    if given:
        raise TrainingDataError(
            f"{', '.join(given)}: not for rendered coins. A training on rendered coins "
            "starts from scratch with a fixed schedule. Use --coins and --seed, with "
            "resnet and vgg also --frozen, or train on photos."
        )
    if options.coins is not None and options.coins < _FEWEST_RENDERED:
        raise TrainingDataError(
            f"--coins {options.coins}: too few to learn from. Take {_FEWEST_RENDERED} "
            "or more, or leave it out for the usual number."
        )
    if options.out and len(names) > 1:
        raise TrainingDataError("--out is for one model; train all writes to weights/.")


def _are_nets(names: Sequence[str]) -> bool:
    from coin_core.classifiers import pretrained_classifiers

    return set(names) <= set(pretrained_classifiers())


def _train_rendered(options: argparse.Namespace, names: Sequence[str]) -> int:
    from coin_core.classifiers import pretrained_classifiers

    start = time.monotonic()
    options.workers = options.workers or 1
    # The legend nets are trained together, on coins that are rendered once.
    together = pretrained_classifiers() if len(names) > 1 else ()
    steps = dict.fromkeys(together if name in together else (name,) for name in names)
    reports = _train_steps(list(steps), options)
    write_reports(reports, as_json=options.json)
    sys.stderr.write(f"Trained in {_duration(time.monotonic() - start)}.\n")
    return 0


def _train_steps(
    steps: list[tuple[str, ...]], options: argparse.Namespace
) -> list[Report]:
    """Train step by step; skip the steps that an interrupted `train all` finished."""
    from coin_core import storage

    if len(steps) == 1:
        return _train_step(steps[0], options)
    path = storage.data_dir() / "train-all.json"
    settings = {"seed": options.seed, "coins": options.coins}
    done: list[str] = []
    with suppress(OSError, ValueError, AttributeError, KeyError, TypeError):
        saved = storage.parse_json(storage.read_text(path))
        if {key: saved.get(key) for key in settings} == settings:
            done = [
                title for title in map(" and ".join, steps) if title in saved["done"]
            ]
            sys.stderr.write(f"Already trained: {', '.join(done)}. Resuming.\n")
    reports = []
    for step in steps:
        if (title := " and ".join(step)) not in done:
            reports += _train_step(step, options)
            done.append(title)
            path.parent.mkdir(parents=True, exist_ok=True)
            storage.write_json(path, {**settings, "done": done})
    path.unlink(missing_ok=True)
    return reports


def _train_step(names: tuple[str, ...], options: argparse.Namespace) -> list[Report]:
    """Train one model, or several legend nets together, and save their bundles."""
    from coin_core.model_store import bundle
    from coin_core.training.release import (
        train_last_layers,
        train_legend_nets,
        train_shipped,
    )

    outs = {name: options.out or bundle.WEIGHTS_DIR / name for name in names}
    if names[0] in DETECTORS:
        figures = _train_detector(names[0], outs[names[0]], options)
        write_json({"model": names[0], **figures})
        return []
    if options.frozen:
        [name] = names
        _, report = train_last_layers(
            name, out=outs[name], seed=options.seed, coins=options.coins
        )
        return [report]
    if len(names) > 1:
        shipped = train_legend_nets(outs, options.seed, options.coins, options.workers)
        return [report for _, report in shipped]
    _, report = train_shipped(
        names[0],
        out=outs[names[0]],
        seed=options.seed,
        coins=options.coins,
        workers=options.workers,
    )
    return [report]


def _train_detector(name: str, out: Path, options: argparse.Namespace) -> Any:
    from coin_core.training.train_coin_detector import train_coin_detector
    from coin_core.training.train_legend_localizer import train_legend_localizer
    from coin_core.training.train_rim_reader import train_rim_reader
    from coin_core.training.train_side_classifier import train_side_classifier

    trainings: dict[str, Callable[..., Any]] = {
        "faces": train_coin_detector,
        "sides": train_side_classifier,
        "frames": train_legend_localizer,
        "rims": train_rim_reader,
    }
    settings: dict[str, Any] = {"seed": options.seed}
    if name != "sides":  # renders its coins before it learns
        settings["workers"] = options.workers
    if options.coins is not None:
        settings["scenes" if name == "faces" else "coins"] = options.coins
    return trainings[name](out, **settings)


def _train_on_photos(options: argparse.Namespace) -> int:
    if options.coins is not None:
        raise TrainingDataError(
            "--coins: not for photos. It is the number of rendered coins, with --data "
            "rendered; a training on photos learns from all of them."
        )
    from coin_core.jobs import report_details
    from coin_core.model_store import bundle
    from coin_core.training.catalog_dataset import is_catalog
    from coin_core.training.initialization import find_start
    from coin_core.training.run_comparison import record_of_reading
    from coin_core.training.runs import find_run
    from coin_core.training.splits import coins_per_class, few_coins_warning
    from coin_core.training.train import FOLDS, Training, train_on_coins

    init = options.init or "rendered"
    # Both fail before photos are loaded.
    start, config = find_start(options.classifier, init), _config(options)
    began = time.monotonic()
    report_details(more_steps=True)
    coins = arguments.load_coins(
        options.data, allow_duplicates=options.allow_duplicates
    )
    _drop_unused(options, coins, start, config)
    training = Training(
        name=options.classifier,
        init=init,
        epochs=options.epochs,
        folds=options.folds or FOLDS,
        seed=options.seed,
        size_px=options.size_px,
        config=_config(options),
        allow_duplicates=options.allow_duplicates,
    )
    data = options.data
    # Cards are published: they name a folder without its path.
    title = data if is_catalog(data) else Path(data).resolve().name
    out = options.out or bundle.models_dir() / _bundle_name(training.name, title)
    sys.stderr.write(
        f"{len(coins)} coins of {len(coins.classes)} classes from {coins.source}. "
        f"{len(coins.unreadable)} files cannot be read. No coin was detected in "
        f"{coins.without_face} photos, which are used whole.\n"
    )
    if warning := few_coins_warning(coins_per_class(coins.labels, coins.groups)):
        sys.stderr.write(f"{warning}\n")
    replaced = out.exists() and bundle.is_in_models_dir(out)
    card, fitted = train_on_coins(
        training, coins, out=out, data=data, loading_s=time.monotonic() - began
    )
    write_reports([fitted.report], as_json=options.json)
    if fitted.stopped:
        sys.stderr.write("Stopped: the model is the best so far.\n")
    if learned := record_of_reading(find_run(card.training["run"])):
        sys.stderr.write(f"{learned}\n")
    if coins.photo_ids is not None:
        _record_predictions(training.name, coins.photo_ids, card, fitted)
    sys.stderr.write(
        f"Measured by {card.metrics[0]['how']}. "
        f"Trained in {_duration(fitted.seconds)}; the model is in {out}.\n"
    )
    if replaced:
        sys.stderr.write("The model that had this name before is in the bin.\n")
    return 1 if coins.unreadable else 0


def _config(options: argparse.Namespace) -> TrainingConfig:
    from coin_core.training.config import TrainingConfig

    return TrainingConfig.from_dict(
        {key: value for key, value in vars(options).items() if value is not None}
    )


def _drop_unused(
    options: argparse.Namespace, coins: CoinSet, start: Start, config: TrainingConfig
) -> None:
    """Name the settings that have no effect on this training, and forget them."""
    from coin_core.classifiers import get_classifier
    from coin_core.classifiers.torch_classifier import NetClassifier
    from coin_core.training.task import learns_in_epochs, teaches_reading

    name = options.classifier
    spec = get_classifier(name)
    unused: dict[str, tuple[str, ...]] = {}
    if not isinstance(spec.build(coins.classes, seed=0), NetClassifier):
        of_steps = ("epochs", "patience", "momentum", "class_weights")
        unused[f"{name} is no net"] = (*of_steps, *_OF_NETS)
    elif spec.inputs == "features":
        unused[f"{name} learns from features"] = _OF_NETS
    elif teaches_reading(name, coins.classes, start, config):
        unused["the letters are learned"] = ("patience", "class_weights")
    elif not learns_in_epochs(name, coins.classes, start, config):
        unused["the last layer is computed in one step"] = ("epochs", "patience")
    if coins.splits is not None:
        unused["the photos are divided already"] = ("folds",)
    unused["nothing is rendered"] = ("workers",)
    for reason, settings in unused.items():
        arguments.drop(options, settings, f"no effect, since {reason}")


def _record_predictions(
    classifier: str,
    photo_ids: NDArray[np.int64],
    card: bundle.Card,
    fitted: FittedClassifier,
) -> None:
    """Record out-of-fold predictions in the catalog, and look for wrong labels."""
    from coin_core.catalog import open_catalog
    from coin_core.label_review.label_errors import (
        find_label_issues,
        record_out_of_fold,
    )
    from coin_core.model_store import bundle

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
        # The test split of a version has too few photos to look for wrong labels.
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


def _bundle_name(classifier: str, title: str) -> str:
    """A name in Latin letters; others are told apart by a few digits of their hash."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", title).strip("-")
    if not title.isascii():
        digits = hashlib.sha256(title.encode("utf-8", "surrogateescape")).hexdigest()
        plain = f"{plain[:40] or 'photos'}-{digits[:6]}"
    return f"{classifier}-{plain or 'photos'}"[:64]


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
