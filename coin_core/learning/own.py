"""Train a classifier on a person's own photos, in folders or catalog, into a bundle."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coin_core import models
from coin_core.classifiers import get_classifier
from coin_core.errors import CoinError, TrainingStoppedError
from coin_core.evaluation import report_json
from coin_core.learning.datasets import CoinSet
from coin_core.learning.features import cached_features
from coin_core.learning.fitting import Fitted, fit_classifier
from coin_core.learning.history import Run, RunState, resume_run
from coin_core.learning.holding_out import fit_on_split, how_measured
from coin_core.learning.keeping import prediction_rows
from coin_core.learning.machine import describe_machine
from coin_core.learning.recipes import Recipe
from coin_core.learning.shipping import FEATURES_NET
from coin_core.learning.splits import coins_per_class
from coin_core.preprocessing import Preprocessing


def train_on_coins(
    name: str,
    coins: CoinSet,
    *,
    out: Path,
    init: str = "rendered",
    epochs: int | None = None,
    folds: int = 5,
    seed: int = 0,
    size_px: int | None = None,
    recipe: Recipe | None = None,
    command: str = "",
) -> tuple[models.Card, Fitted]:
    """Cross-validate a classifier on coins, fit it on all of them, save it.

    Coins that come with a split are not cross-validated: the classifier learns from
    its training coins, and is measured on its test coins.

    Args:
        name: A registered classifier.
        coins: The crops with their labels.
        out: The bundle's folder.
        init: Where nets start: "rendered", "imagenet" or "scratch".
        epochs: At most this many per fold.
        folds: Of the cross-validation.
        seed: Fixes splits, first weights and augmentation.
        size_px: Side of a net's input; as the classifier has it if None.
        recipe: What differs from the usual way of training a net.
        command: What makes the bundle again, for the card.

    Raises:
        TrainingDataError: There are too few coins.
        TrainingStoppedError: It was stopped before anything was learnt.
        WeightsMissingError: The weights to start from, or the vgg net that features
            come from, are not there.
    """
    spec = get_classifier(name)
    recipe = recipe or Recipe()
    features_from: dict[str, str] = {}
    X: NDArray[Any] = coins.crops
    config = {
        "classifier": name,
        "data": coins.source,
        "digest": coins.digest,
        "init": init,
        "epochs": epochs,
        "folds": folds if coins.splits is None else None,
        "seed": seed,
        "size_px": size_px,
        "recipe": recipe.as_dict(),
    }
    preprocessing = Preprocessing()
    if spec.inputs == "features":
        base, net = models.load_classifier(models.find_bundle(FEATURES_NET))
        digest = models.weights_digest(base)
        features_from = {"name": FEATURES_NET, "sha256": digest}
        config["features"] = digest
        preprocessing = net.preparation
        X = _features(net, coins.crops, digest)
    run = resume_run(config, _about(coins, command))
    try:
        settings: dict[str, Any] = {
            "classes": coins.classes,
            "init": init,
            "epochs": epochs,
            "seed": seed,
            "size_px": size_px,
            "recipe": recipe,
            "run": run,
        }
        if coins.splits is not None:
            fitted = fit_on_split(name, X, coins.labels, coins.splits, **settings)
        else:
            fitted = fit_classifier(
                name, X, coins.labels, coins.groups, folds=folds, **settings
            )
        rows = prediction_rows(coins, fitted.probabilities, fitted.fold_of)
        run.write_predictions(rows)
    except TrainingStoppedError:
        run.finish({}, state=RunState.STOPPED)
        raise
    except (CoinError, OSError) as error:
        raise _failed(run, error) from error
    if spec.inputs == "photo":
        preprocessing = fitted.classifier.preparation
    how = how_measured(coins.splits, folds)
    if fitted.stopped:
        how += f", stopped when {fitted.report.n} of {len(coins)} were measured"
    figures = {"data": coins.source, "how": how, **report_json(fitted.report)}
    card = models.Card(
        name=out.name,
        classifier=name,
        title=f"{spec.title}, {coins.source}",
        classes=coins.classes,
        preprocessing=preprocessing.as_dict(),
        temperature=fitted.temperature,
        threshold=fitted.threshold.value,
        features_from=features_from,
        training={
            "data": coins.source,
            "digest": coins.digest,
            "coins": len(coins),
            "seed": seed,
            "init": init,
            "epochs": fitted.epochs,
            "seconds": fitted.seconds,
            "command": command,
            "machine": describe_machine(),
            "repeatable": _repeatable(fitted.classifier),
            "run": run.run_id,
        },
        metrics=(figures,),
    )
    try:
        card = models.save_classifier(out, card, fitted.classifier, half=True)
    except (CoinError, OSError) as error:
        raise _failed(run, error) from error
    run.finish(
        {
            "report": report_json(fitted.report),
            "bundle": out.name,
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
    return card, fitted


def _about(coins: CoinSet, command: str) -> dict[str, Any]:
    """What a run's config says beside the settings."""
    return {
        "coins": len(np.unique(coins.groups)),
        "photos": len(coins),
        "classes": list(coins.classes),
        "coins_per_class": coins_per_class(coins.labels, coins.groups),
        "unreadable": len(coins.unreadable),
        "without_face": coins.without_face,
        "machine": describe_machine(),
        "versions": models.library_versions(),
        "command": command,
    }


def _failed(run: Run, error: CoinError | OSError) -> CoinError:
    """Note on the run why it ended; the error to raise in its place."""
    if isinstance(error, CoinError):
        told = error
    elif error.errno == errno.ENOSPC:
        told = CoinError(
            "The disk is full. Make room; the same command then goes on where it was."
        )
    else:
        told = CoinError(f"The run cannot be written ({error}).")
    try:
        run.finish({"error": str(told)}, state=RunState.FAILED)
    except OSError:
        run.release()
    return told


def _repeatable(classifier: Any) -> str:
    """Whether the same seed gives the same figures again, for the card."""
    device = getattr(classifier, "device", "cpu")
    if device == "cpu":
        return "same seed, same machine and same libraries: same figures"
    return f"not to the last digit: {device} adds numbers in no fixed order"


def _features(net: Any, crops: NDArray[np.uint8], digest: str) -> NDArray[np.float32]:
    """The features of crops; each photo's are computed once and then read."""
    from tqdm import tqdm

    with tqdm(total=len(crops), desc="features", unit="coin") as bar:
        return cached_features(net, digest, crops, progress=bar.update)
