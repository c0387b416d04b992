"""One training of a classifier: how it is built, prepared and fitted in each fold."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coin_core.classifiers import get_classifier
from coin_core.classifiers.appearance_net import (
    WHOLE_FLAN,
    FeatureMode,
    feature_mode_for,
)
from coin_core.classifiers.base import to_columns
from coin_core.classifiers.torch_classifier import (
    LEAST_READ,
    NetClassifier,
    too_little_read,
)
from coin_core.detection import sides_of_crops
from coin_core.errors import TrainingDataError, TrainingStoppedError
from coin_core.evaluation.calibration import (
    LEAST_PROBABILITY,
    Calibration,
    fit_calibration,
    fit_temperature,
)
from coin_core.evaluation.metrics import evaluate
from coin_core.i18n import N_
from coin_core.jobs import Progress, stop_requested
from coin_core.training import comparison, reading
from coin_core.training.augmentation import augment, augment_mirrored, jitter
from coin_core.training.checkpoint import load_tensors, save_tensors
from coin_core.training.config import (
    NET_VIEWS,
    PATIENCE,
    TrainingConfig,
    views_of,
)
from coin_core.training.initialization import Start, freeze_backbone, start_net
from coin_core.training.loggers import ExtraLog
from coin_core.training.runs import Run
from coin_core.training.trainer import Trainer, fit, warmup_cosine

# With plain gradient descent, the backbone learns faster than the last layers by this
# factor: the gradients that reach it are small.
_BACKBONE_FACTOR = 10.0
_BATCH = 32
_USUAL_SPREAD = 0.2
NOTHING_LEARNED = "Stopped before anything was learned. The same command starts again."


def set_optimizer(net: Any, config: TrainingConfig) -> None:
    """Set the optimizer of a net that is not initialized yet."""
    if config.momentum is None:
        return
    net.set_params(
        optimizer=torch.optim.SGD,
        optimizer__momentum=config.momentum,
        # AdamW's steps do not depend on the size of the gradient; these do.
        lr=10 * float(net.lr),
        optimizer__param_groups=[
            (f"{part}.*", {"factor": _BACKBONE_FACTOR})
            for part in ("trunk", "letters", "legend")
        ],
    )


def add_rotations(X: NDArray[Any], rotations: int | None) -> NDArray[Any]:
    """Crops, followed by rotated copies of all of them; features as they are."""
    if not rotations or X.ndim != 4:
        return X
    size, step = X.shape[1], 360 / (rotations + 1)
    centre = ((size - 1) / 2, (size - 1) / 2)
    copies = [X]
    for number in range(1, rotations + 1):
        matrix = cv2.getRotationMatrix2D(centre, step * number, 1.0)
        rotated = [
            cv2.warpAffine(crop, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE)
            for crop in X
        ]
        copies.append(np.stack(rotated).astype(np.uint8))
    return np.concatenate(copies)


def with_copies(
    X: NDArray[Any], y: NDArray[Any], train: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Labels of all inputs, and the rows to train on with their rotated copies.

    Args:
        X: Inputs, as `add_rotations` returns them.
        y: The labels of the first, (N,).
        train: Rows of those.
    """
    copies = len(X) // len(y)
    rows = np.concatenate([train + copy * len(y) for copy in range(copies)])
    return np.tile(y, copies), rows


def learns_on_stored_maps(
    name: str, classes: tuple[str, ...], start: Start, config: TrainingConfig
) -> bool:
    """Whether a net's last layer alone is computed anew, from maps computed once.

    So it is for coins that differ in their appearance: a few hundred photos are too few
    to improve what the early layers know. A training with the settings of the first
    project, from scratch or from ImageNet reaches all layers.
    """
    return (
        bool(get_classifier(name).backbone)
        and feature_mode_for(classes) is FeatureMode.APPEARANCE
        and start.init not in ("scratch", "imagenet")
        and config.rotations is None
        and config.momentum is None
    )


def learns_in_epochs(
    name: str, classes: tuple[str, ...], start: Start, config: TrainingConfig
) -> bool:
    """Whether the number of epochs has an effect; others learn in one step."""
    return not learns_on_stored_maps(name, classes, start, config) and isinstance(
        get_classifier(name).build(classes, seed=0), NetClassifier
    )


def teaches_reading(
    name: str,
    classes: tuple[str, ...],
    start: Start,
    config: TrainingConfig,
    size_px: int | None = None,
) -> bool:
    """Whether a net learns to read the coins of rulers whose legends it knows.

    The same exceptions as for `learns_on_stored_maps` reach other layers, in which
    the rulers alone are learned.
    """
    spec = get_classifier(name)
    return (
        bool(spec.backbone)
        and feature_mode_for(classes) is FeatureMode.LEGEND
        and set(classes) <= set(start.classes)
        and size_px is None
        and replace(config, patience=PATIENCE, class_weights=True) == TrainingConfig()
    )


@dataclass(slots=True, kw_only=True, eq=False)
class FoldResult:
    """A classifier after one fit.

    Attributes:
        classifier: The fitted classifier; None for a fold of an earlier session.
        epochs: The epoch that was kept; 0 for estimators without epochs.
        seconds: Time of the fit, over all sessions.
        stopped: Whether the fit was stopped early.
        probabilities: Of the held-out coins, float32 (M, C).
        unread: Whether too little is read on these, (M,).
    """

    classifier: Any
    epochs: int = 0
    seconds: float = 0.0
    stopped: bool = False
    probabilities: NDArray[np.float32] = field(
        default_factory=lambda: np.zeros((0, 0), np.float32)
    )
    unread: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingTask:
    """One training: its settings, its run, and where its progress is shown."""

    name: str
    classes: tuple[str, ...]
    start: Start
    epochs: int
    seed: int
    run: Run
    size_px: int | None
    config: TrainingConfig
    bar: Progress
    extra: ExtraLog

    def fold_title(self, fold: int | str) -> str:
        """The part of the training that a fold is, for its progress."""
        if fold == "final":
            return N_("last fit, on all coins")
        folds = int(self.run.report()["plan"]["folds"])
        if folds == 1:
            return N_("training")
        words = N_("fold {number} of {count}")
        return words.format(number=int(fold) + 1, count=folds)

    def log(self, row: dict[str, Any]) -> None:
        """Add an epoch to the history and to the optional loggers."""
        self.run.log(row)
        values = {k: v for k, v in row.items() if isinstance(v, float)}
        self.extra.add(f"fold-{row['fold']}", values, int(row["epoch"]))

    def checkpoint(self, fold: int | str, name: str) -> Any:
        """The path of a file in the folder of a fold: "latest", "best", "result"."""
        folder = self.run.folder / "checkpoints" / f"fold-{fold}"
        return folder / f"{name}.safetensors"

    @property
    def on_stored_maps(self) -> bool:
        """Whether the last layer is computed, see `learns_on_stored_maps`."""
        return learns_on_stored_maps(self.name, self.classes, self.start, self.config)

    @property
    def teaches_reading(self) -> bool:
        """Whether a net learns the letters of the coins, see `teaches_reading`."""
        return teaches_reading(
            self.name, self.classes, self.start, self.config, self.size_px
        )

    @property
    def has_fixed_length(self) -> bool:
        """Whether all epochs are taken, without coins that would choose one."""
        return self.on_stored_maps or self.teaches_reading

    def calibrate(
        self, probabilities: NDArray[np.float32], columns: NDArray[np.int64]
    ) -> Calibration:
        """The calibration of held-out coins, whose classes are in `columns`.

        A net that goes on from a calibrated one is nearly calibrated as that is.
        """
        if not self.teaches_reading:
            return fit_calibration(probabilities, columns, self.classes)
        temperature = fit_temperature(
            probabilities, columns, spread=_USUAL_SPREAD, usual=self.start.temperature
        )
        return Calibration(temperature=temperature)

    @property
    def start_calibration(self) -> Calibration:
        """That of the net it starts from; its biases are in its last layer."""
        return Calibration(temperature=self.start.temperature)

    @property
    def least_probability(self) -> float:
        """No answer has a lower probability.

        Where a net goes on from one that reads these rulers, the threshold of that one,
        found on thousands of coins, is not lowered by the few to learn from.
        """
        if self.teaches_reading:
            return max(LEAST_PROBABILITY, self.start.threshold)
        return LEAST_PROBABILITY

    def build(self, y: NDArray[Any]) -> Any:
        """An unfitted classifier, with class weights and augmentation for a net.

        Args:
            y: The label names it will be trained on, (N,).

        Raises:
            TrainingDataError: The size of the input is not possible.
        """
        spec = get_classifier(self.name)
        classifier = spec.build(self.classes, seed=self.seed)
        mode = feature_mode_for(self.classes)
        if not isinstance(classifier, NetClassifier):
            return classifier
        if self.config.class_weights:
            columns = to_columns(y, self.classes)
            counts = np.bincount(columns, minlength=len(self.classes))
            weights = len(y) / (len(self.classes) * np.maximum(counts, 1))
            classifier.set_params(
                criterion__weight=torch.tensor(weights, dtype=torch.float32)
            )
        # Smoothing counts with the weights of the classes, so that of features that
        # tell little rare classes would be expected everywhere.
        of_features = spec.inputs == "features" and mode is not FeatureMode.LEGEND
        smoothing = 0.0 if of_features else 0.05
        classifier.set_params(criterion__label_smoothing=smoothing)
        set_optimizer(classifier, self.config)
        if self.teaches_reading:
            classifier.set_params(lr=reading.RATE)
        if spec.inputs == "photo":
            usual = classifier.preparation
            if self.on_stored_maps:
                usual = replace(usual, **WHOLE_FLAN)
                classifier.set_params(module__rim=True)
            try:
                sized = replace(usual, size_px=self.size_px or usual.size_px)
            except ValueError as error:
                raise TrainingDataError(f"The input of a net: {error}") from error
            # Legends are not mirrored; a portrait facing left is of the same ruler.
            change: Any = (
                augment_mirrored if mode is FeatureMode.APPEARANCE else augment
            )
            if self.config.inputs_are_fixed:
                change = None
            classifier.set_params(augment=change, preprocessing=sized)
        return classifier

    def check_input_size(self) -> None:
        """Make sure that the net accepts inputs of the chosen size.

        Raises:
            TrainingDataError: They are too small; names the smallest size.
        """
        if self.size_px is None or get_classifier(self.name).inputs != "photo":
            return
        net = self.build(np.array(self.classes))
        if not isinstance(net, NetClassifier):
            return
        net.initialize()
        sizes = range(self.size_px, 513, 8)
        fitting = (size for size in sizes if _accepts(net.module_.eval(), size))
        smallest = next(fitting, None)
        if smallest != self.size_px:
            raise TrainingDataError(
                f"{self.name} needs an input of at least {smallest} px, not "
                f"{self.size_px}: --size-px {smallest}"
            )

    def inputs(self, X: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
        """What a net is trained on: crops and their rotated copies.

        The frozen layers of a net give the same values for a fixed input in each
        epoch: they are computed here, once, and the last layers are trained on them.
        """
        if self.teaches_reading:
            if len(X) >= comparison.FEWEST:
                reading.compute_maps(
                    self.start_net(X),
                    X,
                    y.tolist(),
                    self._maps,
                    seed=self.seed,
                    stopping=self._stopping,
                )
            return X
        X = add_rotations(X, self.config.rotations)
        if X.ndim != 4:
            return X
        fixed = self.config.frozen and self.config.inputs_are_fixed
        if not fixed and not self.on_stored_maps:
            return X
        return self._stored_embeddings(X, self.views(len(X)))

    @property
    def _maps(self) -> Path:
        return self.run.folder / "checkpoints" / "maps.safetensors"

    def _stopping(self) -> None:
        if stop_requested():
            raise TrainingStoppedError(NOTHING_LEARNED)

    def views(self, photos: int) -> int:
        """How many views of each of so many photos a net learns from."""
        return views_of(photos, NET_VIEWS) if self.on_stored_maps else 1

    def _stored_embeddings(self, X: NDArray[Any], views: int) -> NDArray[Any]:
        """The embeddings of crops, then of changed views of them.

        They are kept with the run, so that a training that resumes has them.
        """
        path = self.run.folder / "checkpoints" / "embeddings.safetensors"
        tensors, notes = load_tensors(path)
        if notes == {"views": views, "photos": len(X)}:
            kept: NDArray[Any] = tensors["embeddings"].numpy()
            return kept
        net = self.build(np.array(self.classes))
        self.initialize(net, X[:1])
        if self.on_stored_maps:
            net.freeze()  # it only answers here
        parts = []
        # Appearance nets take half precision, which halves the memory.
        dtype = torch.float16 if self.on_stored_maps else torch.float32
        rng = np.random.default_rng(self.seed)
        with Progress("computing the maps", views * len(X), unit="view") as bar:
            for view in range(views):
                for part in np.array_split(X, -(-len(X) // _BATCH)):
                    self._stopping()
                    crops = jitter(part, rng) if view else part
                    parts.append(net.embed(crops).cpu().to(dtype))
                    bar.update(len(part))
        embeddings = torch.cat(parts)
        save_tensors(
            path, {"embeddings": embeddings}, {"views": views, "photos": len(X)}
        )
        features: NDArray[Any] = embeddings.numpy()
        return features

    def fit(
        self,
        classifier: Any,
        X: NDArray[Any],
        y: NDArray[Any],
        train: NDArray[np.int64],
        valid: NDArray[np.int64],
        *,
        fold: int | str = 0,
        epochs: int | None = None,
    ) -> FoldResult | None:
        """Fit a classifier, from its checkpoint if there is one.

        Args:
            classifier: As `build` returns it.
            X: As `inputs` returns them.
            y: The label names, (N,).
            train: Rows to learn from.
            valid: Rows by which a net chooses its best epoch; its last epoch is kept
                when there are none.
            fold: The name of this fit in the history.
            epochs: At most so many; as the task has it if None.

        Returns:
            The classifier; None when it was stopped before anything was learned.

        Raises:
            TrainingDataError: The classifier cannot learn from so few coins.
        """
        started = time.monotonic()
        if isinstance(classifier, NetClassifier) and not self.on_stored_maps:
            return self._fit_net(classifier, X, y, train, valid, fold, epochs)
        if stop_requested():
            return None
        names, rows = with_copies(X, y, train)
        if isinstance(classifier, NetClassifier):
            self.initialize(classifier, X[rows], names[rows])
            seconds = time.monotonic() - started
            return FoldResult(classifier=classifier, seconds=seconds)
        try:
            classifier.fit(X[rows], names[rows])
        except ValueError as error:
            fewest = min(np.unique(y[train], return_counts=True)[1].tolist())
            raise TrainingDataError(
                f"{self.name} cannot learn when a class has only {fewest} photos in a "
                f"fold ({error}) Add photos or take fewer folds."
            ) from error
        return FoldResult(classifier=classifier, seconds=time.monotonic() - started)

    def start_net(self, X: NDArray[Any]) -> NetClassifier:
        """The net as it starts, which only answers.

        Args:
            X: Inputs it could be trained on.
        """
        net: NetClassifier = self.build(np.array(self.classes))
        self.initialize(net, X[:1])
        net.module_.eval()
        return net

    def answer_as_before(
        self, X: NDArray[Any], rows: NDArray[np.int64]
    ) -> tuple[NetClassifier, NDArray[np.float32]]:
        """The net as it starts, and its probabilities of some rows, (M, C)."""
        net = self.start_net(X)
        return net, net.predict_proba(X[rows])

    def too_little_read(
        self, classifier: Any, X: NDArray[Any], rows: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Whether a net that learns to read sees too little of a legend, (M,).

        The limit is that of the net that it starts from, as on the card of the model.
        """
        if not self.teaches_reading or LEAST_READ not in self.start.limits:
            return np.zeros(len(rows), bool)
        found = [np.zeros(0, bool)]
        for part in np.array_split(X[rows], -(-len(rows) // _BATCH) or 1):
            read, sureness = classifier.embed(part).cpu().numpy(), sides_of_crops(part)
            found.append(too_little_read(self.start.limits, read, sureness[:, 0]))
        return np.concatenate(found)

    def initialize(
        self, net: NetClassifier, X: NDArray[Any], names: NDArray[Any] | None = None
    ) -> None:
        """Load the weights to start from into a net, and freeze what is frozen.

        Args:
            net: As `build` returns it.
            X: Inputs it will be trained on.
            names: Their labels, where it is trained on them.
        """
        net.begin(X, names)
        start_net(net, self.name, self.start, fresh_head=self.config.fresh_head)
        if self.config.frozen or self.on_stored_maps:
            freeze_backbone(net.module_)
        if names is not None and self.on_stored_maps:
            columns = to_columns(names, self.classes)
            net.module_.learn(X, columns, balanced=self.config.class_weights)

    def _fit_net(
        self,
        net: NetClassifier,
        X: NDArray[Any],
        y: NDArray[Any],
        train: NDArray[np.int64],
        valid: NDArray[np.int64],
        fold: int | str,
        epochs: int | None,
    ) -> FoldResult | None:
        if self.teaches_reading and len(train) < comparison.FEWEST:
            return FoldResult(classifier=self.start_net(X))
        names, rows = with_copies(X, y, train)
        self.initialize(net, X[rows], names[rows])
        epochs = epochs or self.epochs
        draw_epoch, compute_loss, optimizer = self._lesson(net, X, names, rows, fold)
        start = reading.copy_weights(net) if self.teaches_reading else None

        def validate() -> dict[str, float]:
            report = evaluate(
                self.name, names[valid], net.predict_proba(X[valid]), self.classes
            )
            return {
                "valid_loss": report.log_loss,
                "valid_accuracy": report.accuracy,
                "valid_n": report.n,
            }

        words = self.fold_title(fold)

        def report(row: dict[str, Any]) -> None:
            self.log({"fold": fold, **row})
            self.bar.update(1)
            figures = {k: f"{row[k]:.3f}" for k in row if k.startswith("valid")}
            self.bar.describe(words, has_count=False, **figures)

        def learning_rate(epoch: int, _: int) -> float:
            # One epoch to warm up, unless it is the only one; then a cosine.
            warmup = 1 if epochs > 1 else 0
            return float(net.lr) * warmup_cosine(
                epoch, epochs, warmup=warmup, start=0.3, end=0.02, fall_from=0
            )

        chosen = len(valid) > 0 and not self.teaches_reading
        trainer: Trainer[Any] = Trainer(
            net=net.module_,
            optimizer=optimizer,
            compute_loss=compute_loss,
            learning_rate=learning_rate,
            checkpoint=self.checkpoint(fold, "latest"),
            report=report,
            validate=validate if chosen else None,
            patience=self.config.patience if chosen else None,
            max_norm=None,
        )
        self.bar.skip(trainer.epoch)
        self.bar.describe(words)
        stopped = fit(
            [trainer],
            draw_epoch,
            epochs=epochs,
            seed=net.seed * 100_003,
            stop_requested=stop_requested,
        )
        kept = int(trainer.notes["best_epoch"] or trainer.epoch)
        if not kept:
            return None
        if start is not None:
            reading.go_half_way(net, start)
        seconds = float(trainer.notes["seconds"])
        return FoldResult(classifier=net, epochs=kept, seconds=seconds, stopped=stopped)

    def _lesson(
        self,
        net: NetClassifier,
        X: NDArray[Any],
        names: NDArray[Any],
        rows: NDArray[np.int64],
        fold: int | str,
    ) -> tuple[
        Callable[[int], Iterable[Any]],
        Callable[[Any], tuple[Tensor, int]],
        torch.optim.Optimizer,
    ]:
        """The batches of an epoch, the loss of one, and what learns from it."""
        columns = to_columns(names[rows], self.classes)
        if self.teaches_reading:
            lesson = reading.ReadingLesson(
                net,
                reading.load_maps(self._maps),
                rows,
                names[rows].tolist(),
                self.checkpoint(fold, "letters"),
            )
            return lesson.draw_epoch, lesson.loss, lesson.optimizer(float(net.lr))
        dataset = net.get_dataset(X[rows], columns)
        batches = net.get_iterator(dataset, training=True)

        def compute_loss(batch: Any) -> tuple[Tensor, int]:
            inputs, targets = batch
            logits = net.infer(inputs)
            loss = net.get_loss(logits, targets, X=inputs, training=True)
            return loss, len(targets)

        return lambda epoch: batches, compute_loss, net.optimizer_


def _accepts(module: torch.nn.Module, size_px: int) -> bool:
    """Whether a net has an output for inputs of this size."""
    try:
        with torch.inference_mode():
            device = next(module.parameters()).device
            module(torch.zeros(1, 3, size_px, size_px, device=device))
    except RuntimeError:
        return False
    return True


@contextmanager
def start_training(
    name: str,
    *,
    classes: tuple[str, ...],
    folds: int,
    with_final: bool,
    start: Start | None = None,
    epochs: int | None = None,
    seed: int = 0,
    size_px: int | None = None,
    config: TrainingConfig | None = None,
    run: Run,
) -> Iterator[TrainingTask]:
    """Start a training: note its plan, open its loggers, show its progress bar.

    Args:
        name: A registered classifier.
        classes: The labels in the order of the probabilities.
        folds: How often it is fitted to be measured.
        with_final: Whether it is fitted once more, on every coin.
        start: Where nets start; from the shipped weights if None.
        epochs: At most this many per fold; the classifier's default if None.
        seed: Fixes first weights and augmentation.
        size_px: Side of a net's input; the classifier's own if None.
        config: Further settings of a net.
        run: Where to keep history and checkpoints.

    Raises:
        UnknownClassifierError: There is no such classifier.
        TrainingDataError: The input size is too small for the net.
    """
    spec = get_classifier(name)
    start, config = start or Start(init="rendered"), config or TrainingConfig()
    in_epochs = True
    if teaches_reading(name, classes, start, config, size_px):
        epochs = epochs or reading.EPOCHS
    elif learns_in_epochs(name, classes, start, config):
        epochs = epochs or spec.default_epochs or 20
    else:
        epochs, in_epochs = 1, False
    fits = folds + with_final
    run.amend({"plan": {"folds": folds, "epochs": epochs, "fits": fits}})
    extra = ExtraLog(run.folder, run.config())
    completed = False
    try:
        with (
            Progress("training", fits * epochs, unit="epoch", can_stop=False)
            if in_epochs
            else Progress("training", fits, unit="step", can_stop=False)
        ) as bar:
            task = TrainingTask(
                name=name,
                classes=classes,
                start=start,
                epochs=epochs,
                seed=seed,
                run=run,
                size_px=size_px,
                config=config,
                bar=bar,
                extra=extra,
            )
            task.check_input_size()
            yield task
            completed = not stop_requested()
            if completed:
                bar.skip(fits * epochs - bar.done)
    finally:
        extra.end(whole=completed)
