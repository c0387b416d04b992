"""The skorch estimators of the networks, how a legend net predicts, calibration.

They take label names and uint8 crops. From one seed they train the same way
whether or not they are interrupted between two epochs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import fields, replace
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from skorch import NeuralNetClassifier
from skorch.callbacks import EpochTimer, PassthroughScoring
from skorch.utils import to_tensor
from torch import Tensor

from coin_core.classifiers.appearance_net import (
    FeatureMode,
    build_net,
    feature_mode_for,
    shape_parameters,
)
from coin_core.classifiers.base import to_columns
from coin_core.classifiers.legend_net import (
    FEATURES,
    LegendNet,
    LegendOutput,
    best_poses,
    predict_poses,
)
from coin_core.errors import CoinError, WeightsMismatchError
from coin_core.imaging.preprocessing import (
    LegendPose,
    Preprocessing,
    centred_pose,
    prepare,
)
from coin_core.model_store.bundle import load_weights
from coin_core.model_store.card import Card

logger = logging.getLogger(__name__)

LEAST_READ: Final = "least_read"
"""The limit in the card of a classifier that reads legends: nobody is named where
`how_much_read` is below it."""

_TOO_LITTLE = 0.04  # of legible coins
# What is read counts less on a coin that may show no legend. Both were chosen on
# rendered coins: python -m benchmarks.refusal
_SURE_ODDS = 55.0  # for a legend side; at these and above it counts in full
_DOUBT = 0.2  # half the odds let it count for 13 per cent less
SMALLEST = 1e-12
"""Used for a probability of 0, which has no logarithm."""

_SUM_TOLERANCE = 1e-3  # of the probabilities of a coin

Augment = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


def best_device() -> str:
    """The fastest device there is: "cuda", "mps" or "cpu"."""
    if torch.cuda.is_available():
        return "cuda"
    if torch.backends.mps.is_available():
        return "mps"
    return "cpu"


def training_precision(device: str) -> str:
    """Return the number format of the forward pass in training.

    "bfloat16" where the device multiplies in it natively, which is nearly twice as
    fast; else "float32". Weights, updates and predictions are always float32.
    """
    if device == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = device == "cpu" and bool(
            torch.cpu.get_capabilities().get("avx512_bf16", False)
        )
    return "bfloat16" if native else "float32"


def training_autocast(device: str) -> AbstractContextManager[Any]:
    """Return the autocast context of `training_precision`."""
    native = training_precision(device) == "bfloat16"
    return torch.autocast(device if native else "cpu", torch.bfloat16, enabled=native)


def to_inputs(crops: NDArray[np.uint8], settings: Preprocessing) -> NDArray[np.float32]:
    """Turn crops (N, S, S, 3) into network inputs, at their legend poses if asked."""
    return prepare(crops, settings, best_poses(crops) if settings.framed else None)


class _NoOptimizer(torch.optim.Optimizer):
    """Keeps nothing; a real one imports 70 MB that only trainings need."""

    def __init__(self) -> None:
        self.param_groups, self.defaults = [], {}


class NetClassifier(NeuralNetClassifier):
    """A network as a scikit-learn classifier over label names.

    The module returns logits; only `predict_proba` applies the softmax.

    Attributes:
        seed: Fixes the initial weights, the order of the data and the dropout.
        preprocessing: How crops become inputs; the default settings if None.
        augment: Changes a training batch of crops, uint8 (N, S, S, 3), or None. It
            draws from torch's random state, which is seeded for each epoch.
    """

    _is_loading = False

    def __init__(
        self,
        module: Any,
        *,
        classes: tuple[str, ...],
        seed: int = 0,
        preprocessing: Preprocessing | None = None,
        augment: Augment | None = None,
        criterion: Any = torch.nn.CrossEntropyLoss,
        optimizer: Any = torch.optim.AdamW,
        train_split: Any = None,
        iterator_train__shuffle: bool = True,
        verbose: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            module,
            classes=classes,
            criterion=criterion,
            optimizer=optimizer,
            train_split=train_split,
            iterator_train__shuffle=iterator_train__shuffle,
            verbose=verbose,
            **kwargs,
        )
        self.seed = seed
        self.preprocessing = preprocessing
        self.augment = augment

    @property
    def _default_callbacks(self) -> list[tuple[str, Any]]:
        return [
            ("epoch_timer", EpochTimer()),
            ("train_loss", PassthroughScoring(name="train_loss", on_train=True)),
            ("valid_loss", PassthroughScoring(name="valid_loss")),
        ]

    def initialize_module(self) -> Any:
        """Build the module; its initial weights depend on the seed alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            super().initialize_module()
        if self.device == "cpu":
            # Convolutions on a CPU are a sixth faster in this layout.
            self.module_.to(memory_format=torch.channels_last)
        return self

    def initialize_optimizer(self, *args: Any, **kwargs: Any) -> Any:
        """Make the optimizer; that of a net that only answers keeps no weights."""
        if not self._is_loading:
            return super().initialize_optimizer()
        self.optimizer_ = _NoOptimizer()
        return self

    def begin(self, X: Any, y: Any = None) -> None:
        """Initialize the network for inputs like X.

        Args:
            X: The inputs, (N, ...).
            y: Their label names, for a network that computes more than its training.
        """
        self.epochs_before_ = 0
        self.initialize()

    def fit(self, X: Any, y: Any, **fit_params: Any) -> Any:
        """Train from scratch on inputs and their label names."""
        self.begin(X, y)
        return self.partial_fit(X, y, **fit_params)

    def fit_loop(
        self, X: Any, y: Any = None, epochs: int | None = None, **fit_params: Any
    ) -> Any:
        """Train on label names, without touching the caller's random state."""
        columns = None if y is None else to_columns(y, self.classes)
        with torch.random.fork_rng(devices=[]):
            return super().fit_loop(X, columns, epochs=epochs, **fit_params)

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Seed each epoch by its number, so that a resumed training is the same."""
        done = getattr(self, "epochs_before_", 0) + len(self.history)
        torch.manual_seed(self.seed * 100_003 + done)
        super().on_epoch_begin(net, **kwargs)

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """Return the batches, without a last one of a single coin.

        Batch norm cannot be trained on one.
        """
        iterator = super().get_iterator(dataset, training=training)
        size = iterator.batch_size
        if training and len(dataset) > size and len(dataset) % size == 1:
            kept = self.get_params_for("iterator_train") | {"drop_last": True}
            iterator = self.iterator_train(dataset, **({"batch_size": size} | kept))
        return iterator

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Run the module; uint8 crops are preprocessed first."""
        x = to_tensor(x, device="cpu")
        if x.dtype == torch.uint8:
            crops = x.numpy()
            if self.augment is not None and self.module_.training:
                crops = self.augment(crops)
            x = torch.from_numpy(to_inputs(crops, self.preparation))
        if x.ndim == 4 and self.device == "cpu":
            x = x.contiguous(memory_format=torch.channels_last)
        if x.ndim == 4 and self.module_.training:
            with training_autocast(self.device):
                return self.module_(x.to(self.device), **fit_params).float()
        return self.module_(x.to(self.device), **fit_params)

    @torch.inference_mode()
    def embed(self, crops: NDArray[np.uint8]) -> Tensor:
        """Return the embeddings (N, D) of crops (N, S, S, 3)."""
        inputs = torch.from_numpy(to_inputs(crops, self.preparation))
        embedding: Tensor = self._answering().embed(inputs.to(self.device))
        return embedding

    def _answering(self) -> Any:
        """The module in evaluation mode; to set each layer's again takes time."""
        self.check_is_fitted()
        return self.module_.eval() if self.module_.training else self.module_

    @property
    def preparation(self) -> Preprocessing:
        """How crops become inputs."""
        return self.preprocessing or Preprocessing()

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """Return probabilities, float32 (N, classes); each row sums to 1."""
        if isinstance(X, np.ndarray) and len(X):
            # A loader of batches takes longer than a head does for one coin.
            rows = torch.from_numpy(np.require(X, requirements=["C", "W"]))
            with torch.inference_mode():
                self._answering()
                parts = [
                    self.infer(part) for part in torch.split(rows, self.batch_size)
                ]
            logits = torch.cat(parts).cpu()
        else:
            logits = self.forward(X)
            logits = logits[0] if isinstance(logits, tuple) else logits
        return torch.softmax(logits.to(torch.float32), dim=1).numpy()

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the name of the most probable class of each row."""
        names: NDArray[Any] = np.asarray(self.classes_)
        best: NDArray[np.int64] = self.predict_proba(X).argmax(axis=1)
        return names[best]

    def tensors(self) -> dict[str, Tensor]:
        """Return the weights and buffers by name, on the CPU."""
        self.check_is_fitted()
        return {
            name: value.detach().to("cpu").contiguous()
            for name, value in self.module_.state_dict().items()
        }

    def load_tensors(self, tensors: dict[str, Tensor]) -> NetClassifier:
        """Load weights and buffers.

        Raises:
            WeightsMismatchError: They belong to another network.
        """
        self._is_loading = True
        try:
            self.initialize()
        finally:
            self._is_loading = False
        own = self.module_.state_dict()
        outputs = {
            len(tensors[name])
            for name, value in own.items()
            if name in tensors
            and value.ndim
            and tensors[name].ndim
            and len(value) == len(self.classes) != len(tensors[name])
        }
        if len(outputs) == 1:
            raise WeightsMismatchError(
                f"the card names {len(self.classes)} classes, and the network has "
                f"{outputs.pop()}. Copy the bundle again, or train it again."
            )
        load_weights(self.module_, tensors)
        self.module_.eval()
        return self


# Test-time augmentation. The network that finds legends takes some for upside down, and
# the legend net decides: it reads more letters the right way up. On worn coins the
# result can change with a pose that is a little off, so doubtful coins are classified
# from nearby views as well, and the results averaged (as Krizhevsky, Sutskever and
# Hinton 2012 average over crops).
_BATCH = 8  # crops at once; with 32 the maps of ResNet take 110 MB more
# The less likely turn is chosen if it shows so many times as many letters.
_CLEARLY_MORE = 1.2
_DOUBTFUL = 0.95  # a highest probability below it
# Shifts right and down in radii, and scales.
_NEARBY = (
    (0.1, 0.0, 1.0),
    (0.0, 0.1, 1.0),
    (0.0, 0.0, 0.9),
)


def choose_poses(
    net: LegendNet, crops: NDArray[np.uint8], settings: Preprocessing
) -> list[LegendPose]:
    """Return the legend poses of crops (N, S, S, 3).

    Of two likely turns, it is the one in which the net reads more letters. Without
    `settings.framed`, it is the middle of each crop.
    """
    if not settings.framed:
        return [centred_pose(settings)] * len(crops)
    likely = predict_poses(crops)
    poses = [turns[0] for turns in likely]
    unsure = [k for k, turns in enumerate(likely) if len(turns) > 1]
    if unsure:
        two = [likely[k] for k in unsure]
        chosen = _read_turns(net, crops[unsure], settings, two)[1]
        for k, pose in zip(unsure, chosen, strict=True):
            poses[k] = pose
    return poses


def _read_turns(
    net: LegendNet,
    crops: NDArray[np.uint8],
    settings: Preprocessing,
    likely: Sequence[tuple[LegendPose, ...]],
) -> tuple[LegendOutput, list[LegendPose]]:
    """Return the outputs for each crop in the turn in which more is read, and those."""
    owners = [k for k, turns in enumerate(likely) for _ in turns]
    poses = [pose for turns in likely for pose in turns]
    output = predict_once(net, crops[owners], settings, poses)
    if len(poses) == len(likely):
        return output, poses
    read = letters_read(output).tolist()
    rows: list[int] = []
    first = 0
    for turns in likely:
        clearly = len(turns) > 1 and read[first + 1] > _CLEARLY_MORE * read[first]
        rows.append(first + clearly)
        first += len(turns)
    chosen = LegendOutput(
        *(getattr(output, item.name)[rows] for item in fields(LegendOutput))
    )
    return chosen, [poses[row] for row in rows]


@torch.inference_mode()
def predict(
    net: LegendNet, crops: NDArray[np.uint8], settings: Preprocessing
) -> LegendOutput:
    """Return the outputs of a net in evaluation mode for crops (N, S, S, 3).

    The letters are those of one view. Features, embedding and logits of doubtful coins
    come from the mean of four views.
    """
    if not settings.framed:
        return predict_once(net, crops, settings, [centred_pose(settings)] * len(crops))
    output, poses = _read_turns(net, crops, settings, predict_poses(crops))
    best = output.logits.softmax(1).amax(1)
    doubtful = torch.nonzero(best < _DOUBTFUL).flatten().tolist()
    if not doubtful:
        return output
    nearby = predict_once(
        net,
        crops[doubtful * len(_NEARBY)],
        settings,
        [_moved(poses[k], *move) for move in _NEARBY for k in doubtful],
    )
    features, embedding = output.features.clone(), output.embedding.clone()
    features[doubtful] = _mean(features[doubtful], nearby.features)
    embedding[doubtful] = _mean(embedding[doubtful], nearby.embedding)
    return replace(
        output,
        features=features,
        embedding=embedding,
        logits=net.classify(embedding),
    )


def _mean(first: Tensor, nearby: Tensor) -> Tensor:
    """The mean of rows (N, D) and those of the views near by, (3 N, D)."""
    return torch.cat([first[None], nearby.view(-1, *first.shape)]).mean(0)


def _moved(pose: LegendPose, right: float, down: float, scale: float) -> LegendPose:
    return replace(
        pose,
        centre_x=pose.centre_x + right * pose.radius,
        centre_y=pose.centre_y + down * pose.radius,
        radius=pose.radius * scale,
    )


@torch.inference_mode()
def predict_once(
    net: LegendNet,
    crops: NDArray[np.uint8],
    settings: Preprocessing,
    poses: Sequence[LegendPose],
) -> LegendOutput:
    """Return the outputs for one view of each crop (N, S, S, 3), at its pose."""
    device = next(net.parameters()).device
    parts = []
    for first in range(0, len(crops), _BATCH):
        rows = slice(first, first + _BATCH)
        inputs = torch.from_numpy(prepare(crops[rows], settings, poses[rows]))
        if device.type == "cpu" and net.frozen is None:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        parts.append(net.read_letters(inputs.to(device)))
    if len(parts) == 1:
        return parts[0]
    names = [item.name for item in fields(LegendOutput)]
    return LegendOutput(
        *(torch.cat([getattr(part, name) for part in parts]) for name in names)
    )


def letters_read(output: LegendOutput) -> Tensor:
    """Return how much is read on each coin, (N,); clear letters count most."""
    probabilities = output.letters.softmax(1)[:, :-1].amax(1)
    return (probabilities**2).sum((1, 2))


class PhotoClassifier(NetClassifier):
    """A classifier of crops, with a network of the shape of the weights it loads."""

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Return class logits; crops of legends go through `predict`."""
        if x.dtype != torch.uint8 or self.module_.training or not self._reads_legend:
            return super().infer(x, **fit_params)
        return predict(self.module_, np.asarray(x), self.preparation).logits

    def embed(self, crops: NDArray[np.uint8]) -> Tensor:
        """Return the embeddings (N, D) of crops (N, S, S, 3)."""
        if not self._reads_legend:
            return super().embed(crops)
        return predict(self._answering(), crops, self.preparation).embedding

    def freeze(self) -> None:
        """Let ONNX Runtime compute the network, which then only answers."""
        self.module_.eval().freeze(self.preparation.size_px)

    @property
    def _reads_legend(self) -> bool:
        return isinstance(self.module_, LegendNet)

    def load_tensors(self, tensors: dict[str, Tensor]) -> NetClassifier:
        """Load weights into a network of their shape."""
        self.set_params(**shape_parameters(tensors))
        return super().load_tensors(tensors)


def build_photo_classifier(
    backbone: str, labels: tuple[str, ...], *, seed: int, lr: float
) -> PhotoClassifier:
    """Build the unfitted classifier on a backbone ("resnet" or "vgg")."""
    feature_mode = feature_mode_for(labels)
    return PhotoClassifier(
        build_net,
        module__backbone=backbone,
        module__classes=len(labels),
        module__feature_mode=feature_mode,
        classes=labels,
        seed=seed,
        preprocessing=Preprocessing(framed=feature_mode is not FeatureMode.APPEARANCE),
        max_epochs=20,
        batch_size=32,
        lr=lr,
        optimizer__weight_decay=2e-2,
        device=best_device(),
    )


def predict_calibrated(
    classifier: Any, card: Card, inputs: NDArray[Any]
) -> NDArray[np.float32]:
    """Return the calibrated probabilities of a classifier, float32 (N, C).

    Rows that are no probabilities are NaN, and only these: features that are not
    finite say nothing of the other rows. If a user's own classifier fails, all are.

    Args:
        classifier: The fitted classifier.
        card: Its card.
        inputs: Crops uint8 (N, S, S, 3), or features float32 (N, D), as it takes them.
    """
    rows = np.full((len(inputs), len(card.classes)), np.nan, dtype=np.float32)
    usable = np.isfinite(inputs).all(axis=tuple(range(1, inputs.ndim)))
    if inputs.dtype == np.uint8:
        usable[:] = True
    if not usable.any():
        return rows
    try:
        rows[usable] = calibrated(classifier.predict_proba(inputs[usable]), card)
    except CoinError:
        raise  # the program's own networks are damaged
    except (ValueError, RuntimeError, LookupError, ArithmeticError, AttributeError):
        if card.origin == "shipped":
            raise
        logger.exception("The classifier %s is broken", card.name)
    return rows


def calibrated(probabilities: ArrayLike, card: Card) -> NDArray[np.float32]:
    """Calibrate probabilities (N, C) as the model card says, float32 (N, C).

    A row that is no probabilities becomes NaN.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        sums = p.sum(axis=1, keepdims=True)
        valid = (np.abs(sums - 1) < _SUM_TOLERANCE) & (p >= 0).all(
            axis=1, keepdims=True
        )
    return apply_temperature(
        apply_logit_bias(
            np.where(valid, p, np.nan), card.classes, card.class_logit_bias
        ),
        card.temperature,
    )


def apply_logit_bias(
    probabilities: ArrayLike,
    classes: tuple[str, ...],
    class_logit_bias: Mapping[str, float],
) -> NDArray[np.float32]:
    """Probabilities (N, C) with the logits of some classes shifted; rows sum to 1.

    Args:
        probabilities: As the classifier gave them.
        classes: The labels of the columns.
        class_logit_bias: Added to the logits of these labels.
    """
    p = np.maximum(np.asarray(probabilities, dtype=np.float64), SMALLEST)
    shifted = p * np.exp([class_logit_bias.get(label, 0.0) for label in classes])
    out: NDArray[np.float64] = shifted / shifted.sum(axis=1, keepdims=True)
    return out.astype(np.float32)


def apply_temperature(
    probabilities: ArrayLike, temperature: float
) -> NDArray[np.float32]:
    """The calibrated probabilities, float32 (N, C); each row sums to 1.

    Args:
        probabilities: As the classifier gave them, (N, C).
        temperature: Above 1 lowers the confidence; 1 changes nothing.

    Raises:
        ValueError: The temperature is not above 0.
    """
    if not temperature > 0:
        raise ValueError(f"A temperature is above 0, not {temperature!r}.")
    logits = log_probabilities(probabilities) / temperature
    scaled: NDArray[np.float64] = softmax(logits, axis=1)
    return scaled.astype(np.float32)


def log_probabilities(probabilities: ArrayLike) -> NDArray[np.float64]:
    """The natural logarithms of probabilities of any shape; 0 counts as 1e-12."""
    p = np.asarray(probabilities, dtype=np.float64)
    logs: NDArray[np.float64] = np.log(np.maximum(p, SMALLEST))
    return logs


def find_least_read(
    features: NDArray[np.float32], sureness: NDArray[np.float32]
) -> float:
    """The limit `LEAST_READ` of a classifier, from the features of legible coins.

    Args:
        features: What it gets of coins, or its embeddings of them, (N, 4096 or more).
        sureness: As for `how_much_read`.
    """
    read = how_much_read(features, sureness)
    return float(f"{np.quantile(read, _TOO_LITTLE):.6g}")


def too_little_read(
    limits: Mapping[str, float],
    features: NDArray[np.float32],
    sureness: NDArray[np.float32],
) -> NDArray[np.bool_]:
    """Whether too little of a legend was read to name anybody, (N,).

    Args:
        limits: Of the model card; without `LEAST_READ`, nothing is too little.
        features: Of the coins, (N, D). Rows that are no numbers are not too little.
        sureness: As for `how_much_read`.
    """
    if LEAST_READ not in limits:
        return np.zeros(len(features), bool)
    too_little: NDArray[np.bool_] = (
        how_much_read(features, sureness) < limits[LEAST_READ]
    )
    return too_little


def how_much_read(
    features: NDArray[np.float32], sureness: NDArray[np.float32]
) -> NDArray[np.float64]:
    """How much of a legend was read, (N,).

    It is the mean of the legend's features, and less the less sure it is that there is
    a legend.

    Args:
        features: Of the coins, (N, 4096 or more).
        sureness: The probability that each shows the side with the legend, (N,).
    """
    read: NDArray[np.float64] = np.asarray(features[:, :FEATURES], float).mean(1)
    return read * counted(sureness)


def counted(sureness: NDArray[np.float32]) -> NDArray[np.float64]:
    """The fraction that counts of what is read, (N,); see `how_much_read`."""
    sure = np.clip(np.asarray(sureness, float), SMALLEST, 1 - SMALLEST)
    odds = sure / (1 - sure)
    part: NDArray[np.float64] = np.minimum(odds / _SURE_ODDS, 1) ** _DOUBT
    return part
