"""Train the models that ship, on rendered coins alone.

The legend nets learn from one rendered dataset, the classifiers of features from a
second one that the feature extractor has not seen. Temperature and threshold come from
a third, and the figures in the card from a fourth.
"""

from __future__ import annotations

import hashlib
import io
import json
import shlex
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from coin_core.classifiers import (
    feature_extractor,
    get_classifier,
    pretrained_classifiers,
)
from coin_core.classifiers.features import (
    FEATURES_BYTES,
    features_dir,
    legend_features,
    read_crops,
)
from coin_core.classifiers.loading import load_classifier, save_classifier
from coin_core.classifiers.torch_classifier import (
    LEAST_READ,
    apply_logit_bias,
    find_least_read,
)
from coin_core.detection import sides_of_crops
from coin_core.errors import TrainingDataError
from coin_core.evaluation.calibration import calibrate_and_measure
from coin_core.evaluation.metrics import Report, report_json
from coin_core.jobs import Progress
from coin_core.model_store import bundle
from coin_core.models import try_trained
from coin_core.rulers import DEFAULT_CLASSES, RULERS
from coin_core.storage import dump_json, mark_used, write_cached
from coin_core.training.datasets import load_rendered
from coin_core.training.environment import describe_machine
from coin_core.training.legend_layers import teach_last_layers
from coin_core.training.letter_augmentation import spoil_letters
from coin_core.training.pretraining import CALIBRATION_SEED, TEST_SEED, pretrain
from coin_core.training.rendered_dataset import SCHEDULE
from coin_core.training.runs import Run, failing, resume_run

# The dataset of the classifiers of features. That of the legend nets has the seed of
# the command, those of calibration and test are in pretraining.
FEATURES_SEED = 1_000_039
FEATURES_COINS = 6_000
# The coins from which the last layers of legend nets learn again.
LAST_LAYERS_SEED = 1_000_081
LAST_LAYERS_COINS = 12_000
# On real coins letters are missed or misread that are clear on rendered ones. A
# classifier of features sees each coin as it is read, and else with spoilt letters.
LETTER_VIEWS = 3
CALIBRATION_COINS = 1_500
TEST_COINS = 1_000
# A coin with this fraction of its name legible should be answered.
LEGIBLE = 0.5
_BATCH = 32


class Sample(NamedTuple):
    """Crops or features (N, ...) with their labels (N,) and legibility (N,)."""

    inputs: NDArray[Any]
    labels: NDArray[np.str_]
    legibility: NDArray[np.float32]


def checkpoints_of(out: Path) -> Path:
    """The folder for the checkpoints of a training that writes the bundle `out`."""
    return out.with_name(f".{out.name}-training")


def command_of(name: str, seed: int, coins: int | None, *options: str) -> str:
    """The command of a training on rendered coins; without coins, on the usual ones."""
    number = () if coins is None else ("--coins", str(coins))
    words = (name, "--data", "rendered", "--seed", str(seed), *number, *options)
    return shlex.join(("python", "-m", "coin_core", "train", *words))


def save_small_net(
    out: Path, net: nn.Module, card: bundle.Card, *, seconds: float
) -> None:
    """Write a trained detection net as a bundle and remove its checkpoints.

    Args:
        out: Folder of the bundle.
        net: The net; it is saved in half precision.
        card: The card without the facts that all of them share.
        seconds: Time of the training.

    Raises:
        WeightsMismatchError: It cannot be loaded; `out` is as it was.
        TrainingDataError: It has learned nothing; another in `out` is not replaced.
    """
    [figures] = card.metrics
    if out.exists() and (
        not figures["accuracy"] or 0 in figures.get("recall", {}).values()
    ):
        raise TrainingDataError(
            f"{card.name} has learned nothing. {out} is left as it is. Train it on "
            "more coins."
        )
    facts = card.training
    coins = facts.get("scenes", facts.get("coins"))
    training = {
        **facts,
        "seconds": round(seconds),
        "command": command_of(card.name, facts["seed"], coins),
        "machine": describe_machine(),
    }
    card = replace(card, training=training, licence="MIT")
    bundle.save_bundle(
        out,
        card,
        tensors=bundle.to_half(net.state_dict()),
        # As the program does it.
        trial=lambda folder: bundle.load_weights(net, bundle.read_tensors(folder)),
    )
    shutil.rmtree(checkpoints_of(out), ignore_errors=True)


def train_shipped(
    name: str,
    *,
    out: Path | None = None,
    seed: int = 0,
    coins: int | None = None,
    workers: int = 1,
    run: Run | None = None,
) -> tuple[bundle.Card, Report]:
    """Train one of the classifiers that ship, calibrate it, measure it, save it.

    Args:
        name: "resnet", "vgg", or a classifier of features.
        out: The bundle's folder; the shipped place if None.
        seed: Seed of the weights and, for legend nets, of the coins.
        coins: How many to learn from; the usual number if None.
        workers: Processes that render coins for the legend nets.
        run: Where to keep history and checkpoints; if None, the latest unfinished run
            with these settings or a new one.

    Raises:
        TrainingDataError: The classifier is not trained on rendered coins, or there
            are none of some ruler.
        WeightsMissingError: The feature extractor is missing.
        WeightsMismatchError: It is broken after the training; `out` is as it was.
    """
    out = out or bundle.WEIGHTS_DIR / name
    if name in pretrained_classifiers():
        runs = {name: run} if run else {}
        [shipped] = train_legend_nets({name: out}, seed, coins, workers, runs)
        return shipped
    if get_classifier(name).inputs != "features":
        raise TrainingDataError(
            f"{name} does not ship and learns from a folder: "
            f"python -m coin_core train {name} --data DIR"
        )
    return _train_on_features(name, out, seed, coins, run)


def train_legend_nets(
    outs: Mapping[str, Path],
    seed: int = 0,
    coins: int | None = None,
    workers: int = 1,
    runs: Mapping[str, Run] | None = None,
) -> list[tuple[bundle.Card, Report]]:
    """Train legend nets on the same coins, which are rendered once.

    Args:
        outs: "resnet" or "vgg" or both, each with its bundle's folder.
        seed: Seed of the weights and of the coins.
        coins: How many to learn from; the usual rounds if None.
        workers: Processes that render coins.
        runs: Where to keep history and checkpoints, of nets that have a run.
    """
    schedule = SCHEDULE
    if coins is not None:
        first = replace(SCHEDULE.rounds[0], coins=coins)
        schedule = replace(SCHEDULE, rounds=(first,))
    runs = dict(runs or {})
    for name in outs.keys() - runs.keys():
        config = {"classifier": name, "seed": seed, "schedule": asdict(schedule)}
        runs[name] = resume_run(json.loads(dump_json(config)))
    folders = {name: runs[name].folder for name in outs}
    with failing(*runs.values()):
        trained = pretrain(folders, seed=seed, schedule=schedule, workers=workers)
    shipped = []
    for name, out in outs.items():
        legend_net, facts = trained[name]
        seen, seconds = int(facts["coins"]), float(facts["seconds"])
        with failing(runs[name]):
            card = _card(name, seed, seen, command_of(name, seed, coins))
            card, report = _save_legend_net(out, card, legend_net, seconds)
        results = {"report": report_json(report), "bundle": out.name, **facts}
        runs[name].finish(results)
        shipped.append((card, report))
    return shipped


def train_last_layers(
    name: str, *, out: Path | None = None, seed: int = 0, coins: int | None = None
) -> tuple[bundle.Card, Report]:
    """Teach a shipped legend net the rulers' legends again, not its letters.

    Args:
        name: "resnet" or "vgg".
        out: The bundle's folder; the shipped place if None.
        seed: Of the order of the coins.
        coins: How many to learn from; the usual number if None.

    Raises:
        WeightsMissingError: There is no such net.
        TrainingDataError: It knows other rulers, or there are no coins of some ruler.
        WeightsMismatchError: It is broken after the training; `out` is as it was.
    """
    started = time.monotonic()
    base, net = load_classifier(bundle.find_bundle(bundle.WEIGHTS_DIR / name))
    if base.classes != tuple(DEFAULT_CLASSES):
        raise TrainingDataError(
            f"{name} knows other rulers than this program; train it without --frozen."
        )
    command = command_of(name, seed, coins, "--frozen")
    coins = coins or LAST_LAYERS_COINS
    drawn = _draw_crops(LAST_LAYERS_SEED, coins)
    _check_rulers(drawn)
    letters = []
    with Progress("reading letters", coins, unit="coin") as bar:
        for first in range(0, coins, _BATCH):
            read = read_crops(net, drawn.inputs[first : first + _BATCH]).letters
            letters.append(read.softmax(1)[:, :-1].half().cpu())
            bar.update(len(read))
    rulers = [DEFAULT_CLASSES.index(label) for label in drawn.labels.tolist()]
    legend_net = net.module_.cpu()
    teach_last_layers(
        legend_net,
        torch.cat(letters),
        torch.tensor(rulers),
        torch.from_numpy(drawn.legibility),
        seed=seed,
    )
    last = {"coins": coins, "seed": seed, "coins_seed": LAST_LAYERS_SEED}
    card = _card(name, seed, coins, command)
    card = replace(
        card,
        training={**base.training, "last_layers": {**last, "command": command}},
    )
    return _save_legend_net(
        out or bundle.WEIGHTS_DIR / name, card, legend_net, time.monotonic() - started
    )


def _save_legend_net(
    out: Path, card: bundle.Card, legend_net: nn.Module, seconds: float
) -> tuple[bundle.Card, Report]:
    """Calibrate, measure and save a legend net."""
    # The figures are of the weights as they are loaded: in half precision.
    tensors = {
        key: value
        for key, value in bundle.to_half(legend_net.state_dict()).items()
        if not key.endswith("num_batches_tracked")
    }
    net = get_classifier(card.name).build(card.classes, seed=0)
    net.load_tensors({key: value.float() for key, value in tensors.items()})
    card = replace(card, preprocessing=net.preparation.as_dict())
    card, report = _calibrate(card, net, _draw_crops, seconds)
    trial = partial(try_trained, out.name)
    return bundle.save_bundle(out, card, tensors=tensors, trial=trial), report


def _train_on_features(
    name: str, out: Path, seed: int, asked: int | None, run: Run | None
) -> tuple[bundle.Card, Report]:
    coins = asked or FEATURES_COINS
    config = {"classifier": name, "seed": seed, "data": "rendered", "coins": coins}
    run = run or resume_run(config)
    with failing(run):
        card, report = _fit_on_features(name, out, seed, coins, asked)
    run.finish({"report": report_json(report), "bundle": out.name})
    return card, report


def _fit_on_features(
    name: str, out: Path, seed: int, coins: int, asked: int | None
) -> tuple[bundle.Card, Report]:
    """Fit, calibrate, measure and save a classifier of features."""
    started = time.monotonic()
    base, net = load_classifier(
        bundle.find_bundle(bundle.WEIGHTS_DIR / feature_extractor())
    )
    digest = bundle.weights_digest(base)
    spec = get_classifier(name)
    classifier = spec.build(tuple(DEFAULT_CLASSES), seed=seed)
    if spec.release_epochs is not None:
        classifier.set_params(max_epochs=spec.release_epochs)
    sample = _draw_features(net, digest, FEATURES_SEED, coins, views=LETTER_VIEWS)
    _check_rulers(sample)
    classifier.fit(sample.inputs, sample.labels)
    card = _card(name, seed, coins, command_of(name, seed, asked))
    card = replace(
        card,
        preprocessing=dict(base.preprocessing),
        features_from={"name": feature_extractor(), "sha256": digest},
        training={**card.training, "coins_seed": FEATURES_SEED},
    )
    card, report = _calibrate(
        card,
        classifier,
        lambda seed, count: _draw_features(net, digest, seed, count),
        time.monotonic() - started,
    )
    trial = partial(try_trained, out.name)
    return save_classifier(out, card, classifier, trial=trial), report


def _card(name: str, seed: int, coins: int, command: str) -> bundle.Card:
    biases = {key: ruler.class_logit_bias for key, ruler in RULERS.items()}
    return bundle.Card(
        name=name,
        classifier=name,
        title=get_classifier(name).title,
        classes=tuple(DEFAULT_CLASSES),
        class_logit_bias={key: bias for key, bias in biases.items() if bias},
        training={
            "data": "rendered",
            "digest": hashlib.sha256(f"rendered {seed} 0 {coins}".encode()).hexdigest(),
            "coins": coins,
            "seed": seed,
            "command": command,
            "machine": describe_machine(),
        },
        licence="MIT",
    )


def _calibrate(
    card: bundle.Card,
    classifier: Any,
    draw: Callable[[int, int], Sample],
    seconds: float,
) -> tuple[bundle.Card, Report]:
    """The card with temperature, threshold and the figures on unseen coins."""
    started = time.monotonic()
    held_out = draw(CALIBRATION_SEED, CALIBRATION_COINS)
    test = draw(TEST_SEED, TEST_COINS)

    def predict(inputs: NDArray[Any]) -> NDArray[np.float32]:
        return apply_logit_bias(
            classifier.predict_proba(inputs), card.classes, card.class_logit_bias
        )

    legible = held_out.legibility >= LEGIBLE
    seen = held_out.inputs[legible]
    if card.name in pretrained_classifiers():
        seen = np.concatenate(
            [
                classifier.embed(seen[first : first + _BATCH]).cpu().numpy()
                for first in range(0, len(seen), _BATCH)
            ]
        )
    crops = _draw_crops(CALIBRATION_SEED, CALIBRATION_COINS).inputs
    sureness = sides_of_crops(crops[legible])[:, 0]
    measured = calibrate_and_measure(
        card.name,
        card.classes,
        held_out=(predict(held_out.inputs), held_out.labels),
        legible=legible,
        test=(predict(test.inputs), test.labels),
    )
    total = round(seconds + time.monotonic() - started)
    figures = {"data": "rendered", "seed": TEST_SEED, **report_json(measured.report)}
    card = replace(
        card,
        temperature=measured.temperature,
        threshold=measured.threshold.value,
        limits={LEAST_READ: find_least_read(seen, sureness)},
        training={**card.training, "seconds": total},
        metrics=(figures,),
    )
    return card, measured.report


def _draw_crops(seed: int, count: int) -> Sample:
    coins = load_rendered(seed, count)
    if coins.legibility is None:
        raise ValueError("Only rendered coins have a known legibility.")
    return Sample(coins.crops, coins.labels, coins.legibility)


def _check_rulers(sample: Sample) -> None:
    """Check that there are coins of each ruler to learn from."""
    missing = [one for one in DEFAULT_CLASSES if one not in sample.labels]
    if missing:
        raise TrainingDataError(
            f"None of the rendered coins is of {RULERS[missing[0]].name}: they are too "
            "few. Take more with --coins."
        )


def _draw_features(
    net: Any, digest: str, seed: int, count: int, *, views: int = 0
) -> Sample:
    """Features of a rendered dataset, computed once for all classifiers.

    With `views`, each coin comes that often: first as it is read in one pose, then
    each time with other letters spoilt.
    """
    spoilt = f"{views} spoilt" if views else "0"
    key = hashlib.sha256(f"{digest} {seed} {count} {spoilt}".encode()).hexdigest()[:32]
    path = features_dir() / f"{key}.npz"
    mark_used(path)
    if path.is_file():
        with np.load(path, allow_pickle=False) as kept:
            features, labels, legible = (
                kept[name] for name in ("features", "labels", "legibility")
            )
        return Sample(features.astype(np.float32), labels, legible)
    coins = _draw_crops(seed, count)
    repeats = max(1, views)
    rows: list[list[NDArray[np.float32]]] = [[] for _ in range(repeats)]
    for first in range(0, count, _BATCH):
        out = read_crops(net, coins.inputs[first : first + _BATCH])
        for number, part in enumerate(rows):
            features = out.features
            if views:
                letters = out.letters.softmax(1)[:, :-1]
                if number:
                    letters = spoil_letters(letters, first * repeats + number)
                features = legend_features(net, letters)
            part.append(features.cpu().numpy())
    half = np.concatenate(list(chain.from_iterable(rows))).astype(np.float16)
    labels = np.tile(coins.labels, repeats)
    legible = np.tile(coins.legibility, repeats)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, features=half, labels=labels, legibility=legible)
    write_cached(path, buffer.getvalue(), features_dir(), FEATURES_BYTES)
    return Sample(half.astype(np.float32), labels, legible)
