"""Make the models that ship, from nothing but rendered coins.

The readers learn from one collection of rendered coins, the classifiers of features
from a second that the vgg net has not seen; temperature and threshold come from a
third, and the figures in the card from a fourth.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coin_core.classifiers import get_classifier
from coin_core.errors import TrainingDataError
from coin_core.evaluation.calibration import calibrate_and_measure, apply_logit_bias
from coin_core.evaluation.metrics import Report, report_json
from coin_core.model_store import bundle
from coin_core.storage import write_file
from coin_core.training.datasets import CoinSet, load_rendered
from coin_core.training.environment import describe_machine
from coin_core.training.runs import Run, resume_run

READERS = ("resnet", "vgg")
FEATURES_NET = "vgg"
LICENCE = "MIT"

# The collections beside the readers' own, whose seed is the command's. The seeds of
# calibration and test stand in pretraining.
FEATURES_SEED = 1_000_039
FEATURES_COINS = 6_000
# On real coins letters are missed that are clear on rendered ones. What learns from
# features sees each coin so often, each time with other letters hidden.
FADED = 2
# On so many coins a perceptron is done sooner than on a small collection; learning
# on only makes it too sure of itself.
EPOCHS = {"mlp": 12}
CALIBRATION_COINS = 1_500
TEST_COINS = 1_000
# A coin of whose name this share is legible ought to be answered.
LEGIBLE = 0.5
_AT_A_TIME = 32


def _class_logit_bias() -> dict[str, float]:
    """The measured bias of each ruler that has one."""
    from coin_core.rulers import RULERS

    biases = {key: ruler.class_logit_bias for key, ruler in RULERS.items()}
    return {key: bias for key, bias in biases.items() if bias}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """What a classifier sees of a collection, with the truth.

    `inputs` are crops or features, (N, ...); `labels` and `legibility` are (N,).
    """

    inputs: NDArray[Any]
    labels: NDArray[np.str_]
    legibility: NDArray[np.float32]


Draw = Callable[[int, int], Sample]


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
        seed: Seed of the weights and, for readers, of the coins.
        coins: How many to learn from; the usual number if None.
        workers: Processes that strike coins for the readers.
        run: Where to keep history and checkpoints; if None, the latest unfinished run
            with these settings or a new one.

    Raises:
        TrainingDataError: The classifier cannot be taught on rendered coins.
        WeightsMissingError: The vgg net that features come from is missing.
    """
    out = out or bundle.WEIGHTS_DIR / name
    if name in READERS:
        runs = {name: run} if run else {}
        [shipped] = train_readers_shipped({name: out}, seed, coins, workers, runs)
        return shipped
    if get_classifier(name).inputs != "features":
        raise TrainingDataError(
            f"{name} does not ship and learns from a folder: "
            f"python -m coin_core train {name} --data DIR"
        )
    return _train_on_features(name, out, seed, coins or FEATURES_COINS, run)


def train_readers_shipped(
    outs: Mapping[str, Path],
    seed: int = 0,
    coins: int | None = None,
    workers: int = 1,
    runs: Mapping[str, Run] | None = None,
) -> list[tuple[bundle.Card, Report]]:
    """Teach readers on the same coins, which are struck once; then as `train_shipped`.

    Args:
        outs: "resnet" or "vgg" or both, each with its bundle's folder.
        seed: Seed of the weights and of the coins.
        coins: How many to learn from; the usual rounds if None.
        workers: Processes that strike coins.
        runs: Where to keep history and checkpoints, of readers that have a run.
    """
    from coin_core.training.pretraining import train_readers
    from coin_core.training.rendered_dataset import SCHEDULE

    schedule = SCHEDULE
    if coins is not None:
        first = replace(SCHEDULE.rounds[0], coins=coins)
        schedule = replace(SCHEDULE, rounds=(first,))
    runs = dict(runs or {})
    for name in outs.keys() - runs.keys():
        config = {"classifier": name, "seed": seed, "schedule": asdict(schedule)}
        runs[name] = resume_run(json.loads(json.dumps(config)))
    taught = train_readers(
        {name: runs[name].folder for name in outs},
        seed=seed,
        schedule=schedule,
        workers=workers,
    )
    return [
        _ship_reader(name, outs[name], seed, runs[name], *taught[name]) for name in outs
    ]


def _ship_reader(
    name: str, out: Path, seed: int, run: Run, reader: Any, notes: dict[str, Any]
) -> tuple[bundle.Card, Report]:
    from coin_core.classifiers.legend_net import reader_in_half
    from coin_core.rulers import DEFAULT_CLASSES

    # What is measured is what will be loaded again: rounded to half precision.
    tensors = reader_in_half(reader)
    classes = tuple(DEFAULT_CLASSES)
    net = get_classifier(name).build(classes, seed=seed)
    net.load_tensors({key: value.float() for key, value in tensors.items()})
    card = bundle.Card(
        name=name,
        classifier=name,
        title=get_classifier(name).title,
        classes=classes,
        class_logit_bias=_class_logit_bias(),
        preprocessing=net.preparation.as_dict(),
        training=_training(name, seed, int(notes["coins"])),
        licence=LICENCE,
    )
    card, report = _measured(card, net, _draw_crops, float(notes["seconds"]))
    card = bundle.save_bundle(out, card, tensors=tensors)
    run.finish({"report": report_json(report), "bundle": out.name, **notes})
    return card, report


def _train_on_features(
    name: str, out: Path, seed: int, coins: int, run: Run | None
) -> tuple[bundle.Card, Report]:
    from coin_core.rulers import DEFAULT_CLASSES

    config = {"classifier": name, "seed": seed, "data": "rendered", "coins": coins}
    run = run or resume_run(config)
    started = time.monotonic()
    base, net = bundle.load_classifier(
        bundle.find_bundle(bundle.WEIGHTS_DIR / FEATURES_NET)
    )
    digest = bundle.weights_digest(base)

    def draw(collection: int, count: int) -> Sample:
        return _draw_features(net, digest, collection, count)

    learn = _draw_features(net, digest, FEATURES_SEED, coins, faded=FADED)
    classifier = get_classifier(name).build(tuple(DEFAULT_CLASSES), seed=seed)
    if name in EPOCHS:
        classifier.set_params(max_epochs=EPOCHS[name])
    classifier.fit(learn.inputs, learn.labels)
    card = bundle.Card(
        name=name,
        classifier=name,
        title=get_classifier(name).title,
        classes=tuple(DEFAULT_CLASSES),
        class_logit_bias=_class_logit_bias(),
        preprocessing=base.preprocessing,
        features_from={"name": FEATURES_NET, "sha256": digest},
        training=_training(name, seed, coins) | {"coins_seed": FEATURES_SEED},
        licence=LICENCE,
    )
    card, report = _measured(card, classifier, draw, time.monotonic() - started)
    card = bundle.save_classifier(out, card, classifier)
    run.finish({"report": report_json(report), "bundle": out.name})
    return card, report


def _training(name: str, seed: int, coins: int) -> dict[str, Any]:
    return {
        "data": "rendered",
        "digest": hashlib.sha256(f"rendered {seed} 0 {coins}".encode()).hexdigest(),
        "coins": coins,
        "seed": seed,
        "command": f"python -m coin_core train {name} --data rendered --seed {seed}",
        "machine": describe_machine(),
    }


def _measured(
    card: bundle.Card, classifier: Any, draw: Draw, seconds: float
) -> tuple[bundle.Card, Report]:
    """The card with temperature, threshold and the figures on unseen coins."""
    from coin_core.training.pretraining import CALIBRATION_SEED, TEST_SEED

    started = time.monotonic()
    held_out = draw(CALIBRATION_SEED, CALIBRATION_COINS)
    test = draw(TEST_SEED, TEST_COINS)

    def told(inputs: NDArray[Any]) -> NDArray[np.float32]:
        return apply_logit_bias(
            classifier.predict_proba(inputs), card.classes, card.class_logit_bias
        )

    measured = calibrate_and_measure(
        card.name,
        card.classes,
        held_out=(told(held_out.inputs), held_out.labels),
        legible=held_out.legibility >= LEGIBLE,
        test=(told(test.inputs), test.labels),
    )
    took = round(seconds + time.monotonic() - started)
    figures = {"data": "rendered", "seed": TEST_SEED, **report_json(measured.report)}
    card = replace(
        card,
        temperature=measured.temperature,
        threshold=measured.threshold.value,
        training={**card.training, "seconds": took},
        metrics=(figures,),
    )
    return card, measured.report


def _draw_crops(seed: int, count: int) -> Sample:
    coins = load_rendered(seed, count)
    return Sample(inputs=coins.crops, labels=coins.labels, legibility=_share(coins))


def _draw_features(
    net: Any, digest: str, seed: int, count: int, *, faded: int = 0
) -> Sample:
    """Features of a collection; computed once for all classifiers that want them.

    If `faded`, all coins come that often, each time with other letters hidden.
    """
    from coin_core.classifiers.features import drop_letters, read_crops

    key = hashlib.sha256(f"{digest} {seed} {count} {faded}".encode()).hexdigest()[:32]
    path = bundle.data_dir() / "cache" / "features" / f"{key}.npz"
    if path.is_file():
        with np.load(path, allow_pickle=False) as kept:
            return Sample(
                inputs=kept["features"].astype(np.float32),
                labels=kept["labels"],
                legibility=kept["legibility"],
            )
    coins = load_rendered(seed, count)
    times = max(1, faded)
    seen: list[list[NDArray[np.float32]]] = [[] for _ in range(times)]
    for first in range(0, count, _AT_A_TIME):
        reading = read_crops(net, coins.crops[first : first + _AT_A_TIME])
        for number, rows in enumerate(seen):
            features = reading.features
            if faded:
                features = drop_letters(net, reading.letters, first * times + number)
            rows.append(features.cpu().numpy())
    sample = Sample(
        inputs=np.concatenate(list(chain.from_iterable(seen))).astype(np.float16),
        labels=np.tile(coins.labels, times),
        legibility=np.tile(_share(coins), times),
    )
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        features=sample.inputs,
        labels=sample.labels,
        legibility=sample.legibility,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, buffer.getvalue())
    return replace(sample, inputs=sample.inputs.astype(np.float32))


def _share(coins: CoinSet) -> NDArray[np.float32]:
    if coins.legibility is None:
        raise ValueError("Only rendered coins know how legible they are.")
    return coins.legibility
