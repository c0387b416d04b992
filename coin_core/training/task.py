"""What every part of one training shares, and the one way to begin it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from coin_core.classifiers import get_classifier
from coin_core.classifiers.appearance_net import FeatureMode, sight_for
from coin_core.classifiers.base import to_columns
from coin_core.classifiers.torch_classifier import NetClassifier
from coin_core.errors import TrainingDataError
from coin_core.training.config import Recipe
from coin_core.training.initialization import Start, start_net
from coin_core.training.loggers import ExtraLog
from coin_core.training.runs import Run
from coin_core.training.trainer import NetTraining

# Epochs that suffice for a few hundred photos; early stopping ends most before.
EPOCHS = {"resnet": 16, "vgg": 12, "alexnet": 40, "mlp": 30}
# Coins differ in more ways by their look than by their legends.
LOOK_COMPONENTS = 200
_AT_A_TIME = 32  # crops


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """The settings of one training, its run, and where its progress is shown."""

    name: str
    classes: tuple[str, ...]
    start: Start
    epochs: int
    seed: int
    run: Run
    size_px: int | None
    recipe: Recipe
    bar: Any
    extra: ExtraLog

    def log(self, row: dict[str, Any]) -> None:
        """Add an epoch to the history, and to whatever else was asked for."""
        self.run.log(row)
        values = {k: v for k, v in row.items() if isinstance(v, float)}
        self.extra.add(f"fold-{row['fold']}", values, int(row["epoch"]))

    def folder(self, fold: int | str) -> Path:
        """Where the checkpoints of a fold lie."""
        return self.run.folder / "checkpoints" / f"fold-{fold}"

    def build(self, y: NDArray[Any]) -> Any:
        """An unfitted classifier; a net weighs each class alike and sees photos anew.

        Args:
            y: The label names it will learn from, (N,).
        """
        spec = get_classifier(self.name)
        classifier = spec.build(self.classes, seed=self.seed)
        if not isinstance(classifier, NetClassifier):
            if sight_for(self.classes) is not FeatureMode.LEGEND:
                classifier.set_params(estimator__pca__n_components=LOOK_COMPONENTS)
            return classifier
        if self.recipe.class_weights:
            columns = to_columns(y, self.classes)
            counts = np.bincount(columns, minlength=len(self.classes))
            weights = len(y) / (len(self.classes) * np.maximum(counts, 1))
            classifier.set_params(
                criterion__weight=torch.tensor(weights, dtype=torch.float32)
            )
        classifier.set_params(criterion__label_smoothing=0.05)
        self.recipe.set_up(classifier)
        if spec.inputs == "photo":
            usual = classifier.preparation
            sized = replace(usual, size_px=self.size_px or usual.size_px)
            classifier.set_params(**self.recipe.sight(self.classes, sized))
        return classifier

    def inputs(self, X: NDArray[Any]) -> NDArray[Any]:
        """What a net learns from: crops, the turned copies of all of them behind them.

        Of a frozen net that sees a photo always the same, only the last layers are
        asked again in each epoch: then what they judge by is worked out here, once.
        """
        X = self.recipe.turned(X)
        if X.ndim != 4 or not (self.recipe.frozen and self.recipe.repeats_itself):
            return X
        net = self.build(np.array(self.classes))
        net.begin(X[:1])
        start_net(net, self.name, self.start, fresh_head=self.recipe.fresh_head)
        self.recipe.freeze(net)
        parts = [
            net.see(part).cpu() for part in np.array_split(X, -(-len(X) // _AT_A_TIME))
        ]
        seen: NDArray[Any] = torch.cat(parts).numpy()
        return seen

    def fit(self, classifier: Any, X: NDArray[Any], y: NDArray[Any]) -> None:
        """Fit a classifier that does not learn in epochs.

        Raises:
            TrainingDataError: It cannot learn from so few coins.
        """
        try:
            classifier.fit(X, y)
        except ValueError as error:
            fewest = min(np.unique(y, return_counts=True)[1].tolist())
            raise TrainingDataError(
                f"{self.name} cannot learn when a class has only {fewest} photos in a "
                f"fold ({error}) Add photos or take fewer folds."
            ) from error

    def training(self, fold: int | str, epochs: int | None = None) -> NetTraining:
        """How the net of a fold is trained."""
        return NetTraining(
            name=self.name,
            start=self.start,
            epochs=epochs or self.epochs,
            folder=self.folder(fold),
            fold=fold,
            run_log=self.log,
            bar=self.bar,
            recipe=self.recipe,
            stop_asked=self.run.stop_asked,
        )


@contextmanager
def begin(
    name: str,
    *,
    classes: tuple[str, ...],
    folds: int,
    with_final: bool,
    start: Start | None = None,
    epochs: int | None = None,
    seed: int = 0,
    size_px: int | None = None,
    recipe: Recipe | None = None,
    run: Run,
) -> Iterator[Task]:
    """Begin a training: its plan is noted, its loggers are opened, its bar is shown.

    Args:
        name: A registered classifier.
        classes: The labels in the order of the probabilities.
        folds: How often it is fitted to be measured.
        with_final: Whether it is fitted once more, on every coin.
        start: Where nets start; from the shipped weights if None.
        epochs: At most this many per fold; a good number for the classifier if None.
        seed: Fixes first weights and augmentation.
        size_px: Side of a net's input; as the classifier has it if None.
        recipe: What differs from the usual way of training a net.
        run: Where to keep history and checkpoints.

    Raises:
        UnknownClassifierError: There is no such classifier.
    """
    built = get_classifier(name).build(classes, seed=seed)
    usual = EPOCHS.get(name, 20) if isinstance(built, NetClassifier) else 1
    epochs = epochs if epochs and isinstance(built, NetClassifier) else usual
    fits = folds + with_final
    run.amend({"plan": {"folds": folds, "epochs": epochs, "fits": fits}})
    extra = ExtraLog(run.folder, run.config())
    whole = False
    try:
        with tqdm(total=fits * epochs, desc=name, unit="epoch") as bar:
            yield Task(
                name=name,
                classes=classes,
                start=start or Start(init="rendered"),
                epochs=epochs,
                seed=seed,
                run=run,
                size_px=size_px,
                recipe=recipe or Recipe(),
                bar=bar,
                extra=extra,
            )
            bar.update(bar.total - bar.n)
        whole = not run.stop_asked()
    finally:
        extra.end(whole=whole)
