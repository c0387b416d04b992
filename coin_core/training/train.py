"""Train a classifier on a person's own photos, in folders or catalog, into a bundle."""

from __future__ import annotations

import errno
import shlex
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coin_core.classifiers import feature_extractor, get_classifier, loading
from coin_core.classifiers.appearance_net import FeatureMode, feature_mode_for
from coin_core.classifiers.features import cached_features
from coin_core.classifiers.torch_classifier import NetClassifier
from coin_core.errors import CoinError, TrainingStoppedError
from coin_core.evaluation.metrics import report_json
from coin_core.jobs import Progress
from coin_core.model_store import bundle as models
from coin_core.training.config import TrainingConfig
from coin_core.training.cross_validation import FittedClassifier, fit_classifier
from coin_core.training.datasets import CoinSet
from coin_core.training.environment import arithmetic, describe_machine
from coin_core.training.holdout import fit_on_split, how_measured
from coin_core.training.initialization import INITS, Start, find_start
from coin_core.training.prediction_store import prediction_rows
from coin_core.training.runs import Run, RunState, resume_run
from coin_core.training.splits import coins_per_class

FOLDS = 5
# Photos that could not be read, by name; the rest are counted.
_MOST_NAMED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What is to be trained on coins, and how.

    Attributes:
        name: A registered classifier.
        init: Where it starts: "rendered", "imagenet", "scratch", or a bundle's name
            or folder.
        epochs: At most this many per fold; a good number for the classifier if None.
        folds: Of the cross-validation.
        seed: Fixes splits, first weights and augmentation.
        size_px: Side of a net's input; as the classifier has it if None.
        config: Further settings of a net.
    """

    name: str
    init: str = "rendered"
    epochs: int | None = None
    folds: int = FOLDS
    seed: int = 0
    size_px: int | None = None
    config: TrainingConfig = field(default_factory=TrainingConfig)

    def command(self, data: str, *, folds: bool = True) -> str:
        """The command that does it again on `data`, without what it would ignore.

        Args:
            data: What comes after --data.
            folds: Whether the data are cross-validated; a version has its own split.
        """
        spec = get_classifier(self.name)
        in_epochs = isinstance(spec.build(("a", "b"), seed=0), NetClassifier)
        parts = ["python", "-m", "coin_core", "train", self.name, "--data", data]
        if self.init not in INITS or get_classifier(self.name).backbone:
            parts += ["--init", self.init]
        if folds:
            parts += ["--folds", str(self.folds)]
        parts += ["--seed", str(self.seed)]
        if self.epochs and in_epochs:
            parts += ["--epochs", str(self.epochs)]
        if self.size_px and spec.inputs == "photo":
            parts += ["--size-px", str(self.size_px)]
        return shlex.join(parts + (self.config.flags() if in_epochs else []))


def train_on_coins(
    training: Training, coins: CoinSet, *, out: Path, data: str
) -> tuple[models.Card, FittedClassifier]:
    """Cross-validate a classifier on coins, fit it on all of them, save it.

    Coins that come with a split are not cross-validated: the classifier learns from
    its training coins, and is measured on its test coins.

    Args:
        training: What to train, and how.
        coins: The crops with their labels.
        out: The bundle's folder.
        data: What `--data` was; the card keeps no more than the folder's name.

    Raises:
        TrainingDataError: There are too few coins.
        TrainingStoppedError: It was stopped before anything was learnt.
        WeightsMissingError: The weights to start from, or the vgg net that features
            come from, are not there.
    """
    inputs = _inputs(training, coins)
    crossed = coins.splits is None
    where = data if coins.photo_ids is not None else str(Path(data).resolve())
    run, fitted = _fit(
        training,
        coins,
        inputs,
        command=training.command(where, folds=crossed),
        with_final=True,
    )
    spec = get_classifier(training.name)
    preprocessing = inputs.preprocessing
    if spec.inputs == "photo":
        preprocessing = fitted.classifier.preparation.as_dict()
    how = how_measured(coins.splits, training.folds)
    if fitted.stopped:
        how += f", stopped when {fitted.report.n} of {len(coins)} were measured"
    if caution := inputs.start.caution(coins.digest):
        how += f"; {caution}"
    figures = {"data": coins.source, "how": how, **report_json(fitted.report)}
    named = data if coins.photo_ids is not None else Path(data).resolve().name
    again = replace(training, init=inputs.start.init)
    card = models.Card(
        name=out.name,
        classifier=training.name,
        title=f"{spec.title}, {coins.source}",
        classes=coins.classes,
        preprocessing=preprocessing,
        temperature=fitted.temperature,
        threshold=fitted.threshold.value,
        features_from=inputs.features_from,
        training={
            "data": coins.source,
            "digest": coins.digest,
            "coins": len(coins),
            "seed": training.seed,
            "init": inputs.start.init,
            "epochs": fitted.epochs,
            "seconds": fitted.seconds,
            "command": again.command(named, folds=crossed),
            "machine": describe_machine(),
            "repeatable": _repeatable(fitted.classifier, training.name, run),
            "run": run.run_id,
        },
        metrics=(figures,),
    )
    try:
        card = loading.save_classifier(out, card, fitted.classifier, half=True)
    except (CoinError, OSError) as error:
        raise _failed(run, error) from error
    _finish(run, fitted, out.name)
    return card, fitted


def measure_on_coins(
    training: Training, coins: CoinSet, *, command: str
) -> tuple[Run, FittedClassifier]:
    """Cross-validate a classifier on coins, and keep no model of it.

    Args:
        training: What to train, and how.
        coins: The crops with their labels.
        command: What does it again.

    Raises what `train_on_coins` raises.
    """
    inputs = _inputs(training, coins)
    run, fitted = _fit(training, coins, inputs, command=command, with_final=False)
    _finish(run, fitted, "")
    return run, fitted


@dataclass(slots=True, kw_only=True, eq=False)
class _Inputs:
    """What the classifier sees of the coins, (N, ...), and where that comes from."""

    X: NDArray[Any]
    start: Start
    features_from: dict[str, str]
    preprocessing: dict[str, Any]


def _inputs(training: Training, coins: CoinSet) -> _Inputs:
    start = find_start(training.name, training.init)
    if get_classifier(training.name).inputs == "photo":
        return _Inputs(X=coins.crops, start=start, features_from={}, preprocessing={})
    folder = start.folder or models.find_bundle(feature_extractor())
    base, net = loading.load_classifier(folder)
    digest, mode = models.weights_digest(base), feature_mode_for(coins.classes)
    return _Inputs(
        X=_features(net, coins.crops, digest, mode),
        start=start,
        features_from={"name": folder.name, "sha256": digest, "sight": str(mode)},
        preprocessing=net.preparation.as_dict(),
    )


def _fit(
    training: Training,
    coins: CoinSet,
    inputs: _Inputs,
    *,
    command: str,
    with_final: bool,
) -> tuple[Run, FittedClassifier]:
    """Fit and measure, in a run that is gone on with where there is one."""
    start = inputs.start
    config = {
        "classifier": training.name,
        "data": coins.source,
        "digest": coins.digest,
        "init": start.init,
        "epochs": training.epochs,
        "folds": training.folds if coins.splits is None else None,
        "seed": training.seed,
        "size_px": training.size_px,
        "recipe": training.config.as_dict(),
    }
    if start.digest:
        config["init_digest"] = start.digest
    if inputs.features_from:
        config["features"] = inputs.features_from["sha256"]
        config["features_sight"] = inputs.features_from["sight"]
    if not with_final:
        config["measured_only"] = True
    about = _about(coins, command) | arithmetic(training.name)
    if caution := start.caution(coins.digest):
        about["caution"] = caution
    try:
        run = resume_run(config, about)
    except OSError as error:
        raise _said(error) from error
    settings: dict[str, Any] = {
        "classes": coins.classes,
        "start": start,
        "epochs": training.epochs,
        "seed": training.seed,
        "size_px": training.size_px,
        "config": training.config,
        "run": run,
    }
    name, X, y = training.name, inputs.X, coins.labels
    try:
        if coins.splits is not None:
            fitted = fit_on_split(name, X, y, coins.splits, **settings)
        else:
            fitted = fit_classifier(
                name,
                X,
                y,
                coins.groups,
                folds=training.folds,
                with_final=with_final,
                **settings,
            )
        rows = prediction_rows(coins, fitted.probabilities, fitted.fold_of)
        run.write_predictions(rows)
    except TrainingStoppedError:
        run.finish({}, state=RunState.STOPPED)
        raise
    except (CoinError, OSError) as error:
        raise _failed(run, error) from error
    return run, fitted


def _finish(run: Run, fitted: FittedClassifier, bundle: str) -> None:
    """Note what came out, and clear away what a stopped training would need."""
    run.finish(
        {
            "report": report_json(fitted.report),
            "bundle": bundle,
            "epochs": fitted.epochs,
            "seconds": fitted.seconds,
            "temperature": fitted.temperature,
            "threshold": fitted.threshold.value,
        },
        state=RunState.STOPPED if fitted.stopped else RunState.DONE,
    )
    if not fitted.stopped:
        # The bundle holds what the checkpoints were for.
        shutil.rmtree(run.folder / "checkpoints", ignore_errors=True)


def _about(coins: CoinSet, command: str) -> dict[str, Any]:
    """What a run's config says beside the settings."""
    return {
        "coins": len(np.unique(coins.groups)),
        "photos": len(coins),
        "classes": list(coins.classes),
        "coins_per_class": coins_per_class(coins.labels, coins.groups),
        "unreadable": len(coins.unreadable),
        "left_out": list(coins.unreadable[:_MOST_NAMED]),
        "without_face": coins.without_face,
        "machine": describe_machine(),
        "versions": models.library_versions(),
        "command": command,
    }


def _failed(run: Run, error: CoinError | OSError) -> CoinError:
    """Note on the run why it ended; the error to raise in its place."""
    told = _said(error)
    try:
        run.finish({"error": str(told)}, state=RunState.FAILED)
    except OSError:
        run.release()
    return told


def _said(error: CoinError | OSError) -> CoinError:
    if isinstance(error, CoinError):
        return error
    if error.errno == errno.ENOSPC:
        return CoinError(
            "The disk is full. Make room; the same command then goes on where it was."
        )
    return CoinError(f"The run cannot be written ({error}).")


def _repeatable(classifier: Any, name: str, run: Run) -> str:
    """Whether the same seed gives the same figures again, for the card."""
    device = getattr(classifier, "device", "cpu")
    if device != "cpu":
        return f"not to the last digit: {device} adds numbers in no fixed order"
    now = arithmetic(name)
    begun = {key: run.config().get(key) for key in now}
    if begun != now:
        then, here = (
            f"{one['threads']} threads in {one['precision']}" for one in (begun, now)
        )
        return f"not to the last digit: begun with {then}, ended with {here}"
    return (
        "same seed, machine, libraries and number of threads "
        f"({now['threads']}): same figures"
    )


def _features(
    net: Any, crops: NDArray[np.uint8], digest: str, mode: FeatureMode
) -> NDArray[np.float32]:
    """The features of crops; each photo's are computed once and then read."""
    with Progress("computing features", len(crops), unit="photo") as bar:
        return cached_features(net, digest, crops, mode=mode, progress=bar.update)
