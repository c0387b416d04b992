"""The skorch estimator of every network.

It takes label names and uint8 crops. From one seed it trains the same way whether or
not it is interrupted between two epochs.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skorch import NeuralNetClassifier
from skorch.callbacks import EpochTimer, PassthroughScoring
from skorch.utils import to_tensor

from coin_core.classifiers.base import to_columns
from coin_core.detection.legend_localizer import best_poses
from coin_core.errors import WeightsMismatchError
from coin_core.imaging.preprocessing import Preprocessing, prepare

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


class NetClassifier(NeuralNetClassifier):
    """A network as a scikit-learn classifier over label names.

    The module returns logits; only `predict_proba` applies the softmax.

    Attributes:
        seed: Fixes the initial weights, the order of the data and the dropout.
        preprocessing: How crops become inputs; the default settings if None.
        augment: Changes a training batch of crops, uint8 (N, S, S, 3), or None. It
            draws from torch's random state, which is seeded for each epoch.
    """

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

    def begin(self, X: Any) -> None:
        """Initialize the network for inputs like X."""
        self.epochs_before_ = 0
        self.initialize()

    def fit(self, X: Any, y: Any, **fit_params: Any) -> Any:
        """Train from scratch on inputs and their label names."""
        self.begin(X)
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
    def embed(self, crops: NDArray[np.uint8]) -> torch.Tensor:
        """Return the embeddings (N, D) of crops (N, S, S, 3)."""
        inputs = torch.from_numpy(to_inputs(crops, self.preparation))
        embedding: torch.Tensor = self.module_.eval().embed(inputs.to(self.device))
        return embedding

    @property
    def preparation(self) -> Preprocessing:
        """How crops become inputs."""
        return self.preprocessing or Preprocessing()

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """Return probabilities, float32 (N, classes); each row sums to 1."""
        logits = self.forward(X)
        logits = logits[0] if isinstance(logits, tuple) else logits
        return torch.softmax(logits.to(torch.float32), dim=1).numpy()

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the name of the most probable class of each row."""
        names: NDArray[Any] = np.asarray(self.classes_)
        best: NDArray[np.int64] = self.predict_proba(X).argmax(axis=1)
        return names[best]

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return the weights and buffers by name, on the CPU."""
        self.check_is_fitted()
        return {
            name: value.detach().to("cpu").contiguous()
            for name, value in self.module_.state_dict().items()
        }

    def load_tensors(self, tensors: dict[str, torch.Tensor]) -> NetClassifier:
        """Load weights and buffers.

        Raises:
            WeightsMismatchError: They belong to another network.
        """
        self.initialize()
        # The counters of batches matter to no prediction and may be missing.
        counters = {
            name: value
            for name, value in self.module_.state_dict().items()
            if name.endswith("num_batches_tracked")
        }
        try:
            self.module_.load_state_dict(counters | tensors)
        except RuntimeError as error:
            first = str(error).strip().splitlines()[-1].strip()
            raise WeightsMismatchError(
                f"The weights do not fit this network: {first} "
                "Train it again with python -m coin_core train."
            ) from error
        self.module_.eval()
        return self
