"""Train a classifier on a user's own photos, in folders or the catalog."""

from __future__ import annotations

import shlex
import shutil
import time
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coin_core.classifiers import get_classifier, loading
from coin_core.classifiers.appearance_net import FeatureMode, feature_mode_for
from coin_core.classifiers.features import cached_features, networks_beside
from coin_core.classifiers.scope import fit_scope, outside_in_turn, outside_scope
from coin_core.classifiers.torch_classifier import NetClassifier
from coin_core.errors import TrainingDataError
from coin_core.evaluation.metrics import evaluate, report_json
from coin_core.i18n import N_
from coin_core.jobs import Progress, report_details
from coin_core.model_store import bundle
from coin_core.models import try_trained
from coin_core.training.augmentation import jitter
from coin_core.training.config import FEATURE_VIEWS, TrainingConfig, views_of
from coin_core.training.cross_validation import FittedClassifier, fit_classifier
from coin_core.training.datasets import CoinSet
from coin_core.training.environment import arithmetic, describe_machine
from coin_core.training.holdout import check_split, fit_on_split, how_measured
from coin_core.training.initialization import INITS, Start, find_start
from coin_core.training.prediction_store import prediction_rows
from coin_core.training.runs import (
    Run,
    RunState,
    as_coin_error,
    failing,
    resume_run,
)
from coin_core.training.splits import check_enough, coins_per_class
from coin_core.training.task import (
    learns_in_epochs,
    learns_on_stored_maps,
    teaches_reading,
)

FOLDS = 5
# Unreadable photos that a run names; the others are only counted.
_MAX_NAMED = 200
_BATCH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What to train on coins, and how.

    Attributes:
        name: A registered classifier.
        init: Where it starts: "rendered", "imagenet", "scratch", or a bundle's name
            or folder.
        epochs: At most this many per fold; the classifier's default if None.
        folds: Of the cross-validation.
        seed: Fixes splits, first weights and augmentation.
        size_px: Side of a net's input; the classifier's own if None.
        config: Further settings of a net.
        allow_duplicates: Whether the folder may have a photo in two classes.
    """

    name: str
    init: str = "rendered"
    epochs: int | None = None
    folds: int = FOLDS
    seed: int = 0
    size_px: int | None = None
    config: TrainingConfig = field(default_factory=TrainingConfig)
    allow_duplicates: bool = False

    def command(self, data: str, *, folds: bool = True) -> str:
        """The command that repeats it on `data`, without flags that have no effect.

        Args:
            data: The value of --data.
            folds: Whether the data are cross-validated; a version has its own split.
        """
        spec = get_classifier(self.name)
        is_net = isinstance(spec.build(("a", "b"), seed=0), NetClassifier)
        parts = ["python", "-m", "coin_core", "train", self.name, "--data", data]
        parts += ["--allow-duplicates"] if self.allow_duplicates else []
        if self.init not in INITS or spec.backbone:
            parts += ["--init", self.init]
        if folds:
            parts += ["--folds", str(self.folds)]
        parts += ["--seed", str(self.seed)]
        if self.epochs and is_net:
            parts += ["--epochs", str(self.epochs)]
        if self.size_px and spec.inputs == "photo":
            parts += ["--size-px", str(self.size_px)]
        return shlex.join(parts + (self.config.flags() if is_net else []))


def train_on_coins(
    training: Training,
    coins: CoinSet,
    *,
    out: Path,
    data: str,
    loading_s: float = 0.0,
) -> tuple[bundle.Card, FittedClassifier]:
    """Cross-validate a classifier on coins, fit it on all of them, save it.

    Coins that come with a split are not cross-validated: the classifier learns from
    the training coins, and is measured on the test coins.

    Args:
        training: What to train, and how.
        coins: The crops with their labels.
        out: The bundle's folder.
        data: The value of `--data`; the card keeps only the folder's name.
        loading_s: How long it took to find the coins, which counts as time of the
            training.

    Raises:
        TrainingDataError: There are too few coins.
        TrainingStoppedError: It was stopped before anything was learned.
        WeightsMissingError: The weights to start from, or the feature extractor, are
            missing.
    """
    training = _in_effect(training, coins)
    crossed = coins.splits is None
    in_catalog = coins.photo_ids is not None
    spec = get_classifier(training.name)
    command = training.command(
        data if in_catalog else str(Path(data).resolve()), folds=crossed
    )
    try:
        empty = bundle.Card(
            name=out.name,
            classifier=training.name,
            title=f"{spec.title_for(coins.classes)}, {coins.source}",
            classes=coins.classes,
        )
    except ValueError as error:
        raise TrainingDataError(
            f"No model of these coins can be saved: {error}. Change that first."
        ) from error
    source, run, fitted = _fit(training, coins, command=command)
    fitted.seconds = round(fitted.seconds + loading_s, 1)
    scope, outside = _scope(coins, source.features, fitted.classifier)
    _measure_again(training.name, coins, fitted, outside)
    how = how_measured(coins.splits, training.folds)
    if fitted.stopped:
        words = N_("{how}, stopped when {count} of {total} were measured")
        how = words.format(how=how, count=fitted.report.n, total=len(coins))
    if caution := source.start.caution(coins.digest):
        how += f"; {caution}"
    figures = {"data": coins.source, "how": how, **report_json(fitted.report)}
    published = replace(training, init=source.start.init).command(
        data if in_catalog else Path(data).resolve().name, folds=crossed
    )
    card = replace(
        empty,
        preprocessing=source.preprocessing or fitted.classifier.preparation.as_dict(),
        class_logit_bias=fitted.calibration.class_logit_bias,
        temperature=fitted.calibration.temperature,
        threshold=fitted.threshold.value,
        # What is too little to be read, as of the net that it started from.
        limits=source.start.limits if fitted.comparison else {},
        scope=scope,
        features_from=source.features_from,
        training={
            "data": coins.source,
            "digest": coins.digest,
            "coins": len(coins),
            "views": source.views,
            "seed": training.seed,
            "init": source.start.init,
            "epochs": fitted.epochs,
            "seconds": fitted.seconds,
            "command": published,
            "machine": describe_machine(),
            "repeatable": _repeatable(fitted.classifier, training.name, run),
            "run": run.run_id,
        },
        metrics=(figures,),
    )
    with failing(run):
        trial = partial(try_trained, out.name)
        card = loading.save_classifier(
            out, card, fitted.classifier, half=True, trial=trial
        )
    _finish(run, fitted, out.name)
    return card, fitted


def measure_on_coins(
    training: Training, coins: CoinSet, *, command: str
) -> tuple[Run, FittedClassifier]:
    """Cross-validate a classifier on coins without keeping a model.

    Raises:
        TrainingDataError: There are too few coins.
        TrainingStoppedError: It was stopped before anything was learned.
        WeightsMissingError: The weights to start from, or the feature extractor, are
            missing.
    """
    training = _in_effect(training, coins)
    _, run, fitted = _fit(training, coins, command=command, with_final=False)
    _finish(run, fitted, "")
    return run, fitted


def _in_effect(training: Training, coins: CoinSet) -> Training:
    """The training without a number of epochs where that has no effect."""
    start = Start(init=training.init)
    if learns_in_epochs(training.name, coins.classes, start, training.config):
        return training
    return replace(training, epochs=None)


@dataclass(slots=True, kw_only=True, eq=False)
class _Source:
    """Where the weights and the features of a training come from."""

    start: Start
    features_from: dict[str, str] = field(default_factory=dict)
    preprocessing: dict[str, Any] = field(default_factory=dict)
    features: NDArray[np.float32] | None = None
    views: int = 1


def _load_inputs(training: Training, coins: CoinSet) -> tuple[NDArray[Any], _Source]:
    """The inputs of the classifier, (N, ...): crops, or features of several views."""
    start = find_start(training.name, training.init)
    folder = start.folder
    if folder is None or get_classifier(training.name).inputs == "photo":
        return coins.crops, _Source(start=start)
    base, net = loading.load_classifier(bundle.find_bundle(folder))
    mode = feature_mode_for(coins.classes)
    if mode is FeatureMode.APPEARANCE:
        mode = FeatureMode.READ_RIM
    features_from = {
        "name": folder.name,
        "sha256": bundle.weights_digest(base),
        "sight": str(mode),
        **networks_beside(mode),
    }
    # Legends are read from several views already.
    views = views_of(len(coins), FEATURE_VIEWS) if mode is FeatureMode.READ_RIM else 1
    rng = np.random.default_rng(training.seed)
    parts = []
    with Progress("computing features", views * len(coins), unit="view") as bar:
        for view in range(views):
            crops = jitter(coins.crops, rng) if view else coins.crops
            parts.append(
                cached_features(net, features_from, crops, progress=bar.update)
            )
    return np.concatenate(parts), _Source(
        start=start,
        features_from=features_from,
        preprocessing=net.preparation.as_dict(),
        features=parts[0],
        views=views,
    )


def _scope(
    coins: CoinSet, features: NDArray[np.float32] | None, classifier: Any
) -> tuple[dict[str, Any], NDArray[np.bool_]]:
    """What the coins to learn from look like, and which of all look unlike them.

    Of rulers alone the sides of a coin tell as much.
    """
    if feature_mode_for(coins.classes) is FeatureMode.LEGEND:
        return {}, np.zeros(len(coins), bool)
    if features is None:
        parts = np.array_split(coins.crops, -(-len(coins) // _BATCH))
        features = np.concatenate([classifier.embed(one).cpu() for one in parts])
    if coins.splits is None:
        scope = fit_scope(features, coins.groups)
        return scope, outside_in_turn(scope, features, coins.groups)
    learned = coins.splits == "train"
    scope = fit_scope(features[learned], coins.groups[learned])
    return scope, outside_scope(scope, features)


def _measure_again(
    name: str, coins: CoinSet, fitted: FittedClassifier, outside: NDArray[np.bool_]
) -> None:
    """Count as not answered, too, what the saved model refuses for its looks."""
    rows = fitted.fold_of >= 0
    p = fitted.probabilities[rows]
    refused = (fitted.unread | outside)[rows]
    answered = (p.max(axis=1) >= fitted.threshold.value) & ~refused
    fitted.report = evaluate(name, coins.labels[rows], p, coins.classes, answered)


def _fit(
    training: Training, coins: CoinSet, *, command: str, with_final: bool = True
) -> tuple[_Source, Run, FittedClassifier]:
    """Fit and measure, in an unfinished run with the same settings if there is one."""
    began = time.monotonic()
    per_class = coins_per_class(coins.labels, coins.groups)
    if coins.splits is None:
        check_enough(per_class, folds=training.folds)
    else:
        check_split(coins.labels, coins.splits)
    X, source = _load_inputs(training, coins)
    inputs_s = time.monotonic() - began
    report_details(more_steps=False)
    start = source.start
    config = {
        "classifier": training.name,
        "data": coins.source,
        "digest": coins.digest,
        "rows": coins.rows_digest(),
        "init": start.init,
        "epochs": training.epochs,
        "folds": training.folds if coins.splits is None else None,
        "seed": training.seed,
        "size_px": training.size_px,
        "recipe": training.config.as_dict(),
    }
    if start.digest:
        config["init_digest"] = start.digest
    if source.features_from:
        config["features"] = source.features_from
        config["views"] = source.views
    if learns_on_stored_maps(training.name, coins.classes, start, training.config):
        config["learns_on"] = "stored maps, fine rims and pictures, by planes"
    if teaches_reading(
        training.name, coins.classes, start, training.config, training.size_px
    ):
        config["learns_on"] = "letters, half of the way"
    if not with_final:
        config["measured_only"] = True
    about = {
        "coins": len(np.unique(coins.groups)),
        "photos": len(coins),
        "classes": list(coins.classes),
        "coins_per_class": per_class,
        "unreadable": len(coins.unreadable),
        "left_out": list(coins.unreadable[:_MAX_NAMED]),
        "without_face": coins.without_face,
        "machine": describe_machine(),
        "versions": bundle.library_versions(),
        "command": command,
        **arithmetic(training.name),
    }
    if caution := start.caution(coins.digest):
        about["caution"] = caution
    try:
        run = resume_run(config, about)
    except OSError as error:
        raise as_coin_error(error) from error
    settings: dict[str, Any] = {
        "classes": coins.classes,
        "start": start,
        "epochs": training.epochs,
        "seed": training.seed,
        "size_px": training.size_px,
        "config": training.config,
        "run": run,
    }
    name, y = training.name, coins.labels
    with failing(run):
        if coins.splits is not None:
            fitted = fit_on_split(name, X, y, coins.splits, **settings)
        else:
            settings |= {"folds": training.folds, "with_final": with_final}
            fitted = fit_classifier(name, X, y, coins.groups, **settings)
        fitted.seconds += inputs_s
        rows = prediction_rows(coins, fitted.probabilities, fitted.fold_of)
        run.write_predictions(rows)
    return source, run, fitted


def _finish(run: Run, fitted: FittedClassifier, bundle_name: str) -> None:
    """Write the results, and remove the checkpoints of a completed training."""
    run.finish(
        {
            "report": report_json(fitted.report),
            "bundle": bundle_name,
            "epochs": fitted.epochs,
            "seconds": fitted.seconds,
            "temperature": fitted.calibration.temperature,
            "class_logit_bias": fitted.calibration.class_logit_bias,
            "threshold": fitted.threshold.value,
            "comparison": asdict(fitted.comparison) if fitted.comparison else None,
        },
        state=RunState.STOPPED if fitted.stopped else RunState.DONE,
    )
    if not fitted.stopped:
        shutil.rmtree(run.folder / "checkpoints", ignore_errors=True)


def _repeatable(classifier: Any, name: str, run: Run) -> str:
    """Whether the same seed gives the same figures again, for the card."""
    device = getattr(classifier, "device", "cpu")
    if device != "cpu":
        return f"not to the last digit: {device} adds numbers in no fixed order"
    now = arithmetic(name)
    before = {key: run.config().get(key) for key in now}
    if before != now:
        first, last = (
            f"{one['threads']} threads in {one['precision']}" for one in (before, now)
        )
        return f"not to the last digit: begun with {first}, ended with {last}"
    return (
        "same seed, machine, libraries and number of threads "
        f"({now['threads']}): same figures"
    )
