"""Train a classifier on a person's own folder of photos, into a bundle."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coin_core import models
from coin_core.classifiers import get_classifier
from coin_core.evaluation import report_json
from coin_core.learning.datasets import CoinSet
from coin_core.learning.features import compute_features
from coin_core.learning.fitting import Fitted, fit_classifier
from coin_core.learning.history import resume_run
from coin_core.learning.machine import describe_machine
from coin_core.learning.shipping import FEATURES_NET
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
    command: str = "",
) -> tuple[models.Card, Fitted]:
    """Cross-validate a classifier on coins, fit it on all of them, save it.

    Args:
        name: A registered classifier.
        coins: The crops with their labels.
        out: The bundle's folder.
        init: Where nets start: "rendered", "imagenet" or "scratch".
        epochs: At most this many per fold.
        folds: Of the cross-validation.
        seed: Fixes splits, first weights and augmentation.
        size_px: Side of a net's input; as the classifier has it if None.
        command: What makes the bundle again, for the card.

    Raises:
        TrainingDataError: There are too few coins.
        WeightsMissingError: The weights to start from, or the vgg net that features
            come from, are not there.
    """
    spec = get_classifier(name)
    features_from: dict[str, str] = {}
    X: NDArray[Any] = coins.crops
    config = {
        "classifier": name,
        "data": coins.source,
        "digest": coins.digest,
        "init": init,
        "epochs": epochs,
        "folds": folds,
        "seed": seed,
        "size_px": size_px,
    }
    preprocessing = Preprocessing()
    if spec.inputs == "features":
        base, net = models.load_classifier(models.find_bundle(FEATURES_NET))
        digest = models.weights_digest(base)
        features_from = {"name": FEATURES_NET, "sha256": digest}
        config["features"] = digest
        preprocessing = net.preparation
        X = _features(net, coins.crops)
    run = resume_run(config)
    fitted = fit_classifier(
        name,
        X,
        coins.labels,
        coins.groups,
        classes=coins.classes,
        init=init,
        epochs=epochs,
        folds=folds,
        seed=seed,
        size_px=size_px,
        run=run,
    )
    if spec.inputs == "photo":
        preprocessing = fitted.classifier.preparation
    how = f"{folds}-fold cross-validation by coin"
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
            "run": run.run_id,
        },
        metrics=(figures,),
    )
    card = models.save_classifier(out, card, fitted.classifier, half=True)
    run.finish({"report": report_json(fitted.report), "bundle": out.name})
    # The bundle holds what the checkpoints were for.
    shutil.rmtree(run.folder / "checkpoints", ignore_errors=True)
    return card, fitted


def _features(net: Any, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    from tqdm import tqdm

    with tqdm(total=len(crops), desc="features", unit="coin") as bar:
        return compute_features(net, crops, progress=bar.update)
