"""Train a classifier on a user's own photos, in folders or the catalog."""

from __future__ import annotations

import errno
import shlex
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coin_core.classifiers import feature_extractor, get_classifier, loading
from coin_core.classifiers.appearance_net import FeatureMode, feature_mode_for
from coin_core.classifiers.features import cached_features, networks_beside
from coin_core.classifiers.scope import fit_scope
from coin_core.classifiers.torch_classifier import NetClassifier
from coin_core.errors import (
    CoinError,
    JobStoppedError,
    TrainingDataError,
    TrainingStoppedError,
)
from coin_core.evaluation.metrics import report_json
from coin_core.i18n import N_
from coin_core.jobs import Progress, report_details
from coin_core.model_store import bundle
from coin_core.models import after_trial
from coin_core.training.augmentation import jitter
from coin_core.training.config import FEATURE_VIEWS, TrainingConfig, views_of
from coin_core.training.cross_validation import FittedClassifier, fit_classifier
from coin_core.training.datasets import CoinSet
from coin_core.training.environment import arithmetic, describe_machine
from coin_core.training.holdout import check_split, fit_on_split, how_measured
from coin_core.training.initialization import INITS, Start, find_start
from coin_core.training.prediction_store import prediction_rows
from coin_core.training.runs import Run, RunState, resume_run
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
    command = training.command(
        data if in_catalog else str(Path(data).resolve()), folds=crossed
    )
    source, run, fitted = _fit(training, coins, command=command)
    fitted.seconds = round(fitted.seconds + loading_s, 1)
    spec = get_classifier(training.name)
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
    card = bundle.Card(
        name=out.name,
        classifier=training.name,
        title=f"{spec.title_for(coins.classes)}, {coins.source}",
        classes=coins.classes,
        preprocessing=source.preprocessing or fitted.classifier.preparation.as_dict(),
        class_logit_bias=fitted.calibration.class_logit_bias,
        temperature=fitted.calibration.temperature,
        threshold=fitted.threshold.value,
        # What is too little to be read, as of the net that it started from.
        limits=source.start.limits if fitted.comparison else {},
        scope=_scope(coins, source.features, fitted.classifier),
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
    with _failing(run), after_trial(out) as folder:
        card = loading.save_classifier(folder, card, fitted.classifier, half=True)
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
    if get_classifier(training.name).inputs == "photo":
        return coins.crops, _Source(start=start)
    folder = start.folder or bundle.find_bundle(feature_extractor())
    base, net = loading.load_classifier(folder)
    if base.classifier != feature_extractor():
        raise TrainingDataError(
            f"{training.name} needs the features of a {feature_extractor()} net; "
            f"{folder} holds {base.classifier}. Rename that folder."
        )
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
) -> dict[str, Any]:
    """What the coins look like; of rulers alone the sides of a coin tell as much."""
    if feature_mode_for(coins.classes) is FeatureMode.LEGEND:
        return {}
    if features is None:
        parts = np.array_split(coins.crops, -(-len(coins) // _BATCH))
        features = np.concatenate([classifier.embed(one).cpu() for one in parts])
    return fit_scope(features, coins.groups)


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
        raise _as_coin_error(error) from error
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
    with _failing(run):
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


@contextmanager
def _failing(run: Run) -> Iterator[None]:
    """Note on the run why the block failed, and raise it as a CoinError."""
    try:
        yield
    except (TrainingStoppedError, JobStoppedError):  # also while maps are computed
        run.finish({}, state=RunState.STOPPED)
        raise
    except (CoinError, OSError) as error:
        reason = _as_coin_error(error)
        try:
            run.finish({"error": str(reason)}, state=RunState.FAILED)
        except OSError:
            run.release()
        raise reason from error


def _as_coin_error(error: CoinError | OSError) -> CoinError:
    if isinstance(error, CoinError):
        return error
    if error.errno == errno.ENOSPC:
        return CoinError("The disk is full. Make room; the same command then resumes.")
    return CoinError(f"The run cannot be written ({error}).")


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
