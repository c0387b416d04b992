"""The one skorch estimator under every net.

It takes label names, prepares uint8 crops on its way in, and trains the same way from
the same seed whether or not it was interrupted between two epochs.
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


def learning_precision(device: str) -> str:
    """In what numbers photos are learnt from: "bfloat16" or "float32".

    What multiplies in bfloat16 learns nearly twice as fast that way. Weights and steps
    stay float32, and nothing is measured or answered in it.
    """
    if device == "cuda":
        quick = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        quick = device == "cpu" and bool(
            torch.cpu.get_capabilities().get("avx512_bf16", False)
        )
    return "bfloat16" if quick else "float32"


def learning_numbers(device: str) -> AbstractContextManager[Any]:
    """Where photos are learnt from: multiplies in what `learning_precision` says."""
    quick = learning_precision(device) == "bfloat16"
    return torch.autocast(device if quick else "cpu", torch.bfloat16, enabled=quick)


class NetClassifier(NeuralNetClassifier):
    """A net as a scikit-learn classifier over label names.

    The module answers with logits; the softmax belongs to `predict_proba` alone.

    Attributes:
        seed: Fixes the first weights, the order of the data and the dropout.
        preprocessing: How crops become input.
        augment: Changes a training batch of crops uint8 (N, S, S, 3); None for not.
            It draws from torch's random state, which each epoch sets anew.
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
        """Make the module; its first weights depend on the seed alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            super().initialize_module()
        if self.device == "cpu":
            # Convolutions on a CPU are a sixth faster that way.
            self.module_.to(memory_format=torch.channels_last)
        return self

    def begin(self, X: Any) -> None:
        """Forget everything and get ready to learn from inputs like X."""
        self.epochs_before_ = 0
        self.initialize()

    def fit(self, X: Any, y: Any, **fit_params: Any) -> Any:
        """Learn from nothing: inputs and their label names."""
        self.begin(X)
        return self.partial_fit(X, y, **fit_params)

    def fit_loop(
        self, X: Any, y: Any = None, epochs: int | None = None, **fit_params: Any
    ) -> Any:
        """Train on label names, leaving the caller's random state alone."""
        columns = None if y is None else to_columns(y, self.classes)
        with torch.random.fork_rng(devices=[]):
            return super().fit_loop(X, columns, epochs=epochs, **fit_params)

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Seed each epoch by its number, so that a resumed one goes as it would."""
        done = getattr(self, "epochs_before_", 0) + len(self.history)
        torch.manual_seed(self.seed * 100_003 + done)
        super().on_epoch_begin(net, **kwargs)

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """The batches, without a last one of a single coin.

        Batch norm cannot learn from that.
        """
        iterator = super().get_iterator(dataset, training=training)
        size = iterator.batch_size
        if training and len(dataset) > size and len(dataset) % size == 1:
            kept = self.get_params_for("iterator_train") | {"drop_last": True}
            iterator = self.iterator_train(dataset, **({"batch_size": size} | kept))
        return iterator

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Run the module, preparing crops on the way."""
        x = to_tensor(x, device="cpu")
        if x.dtype == torch.uint8:
            crops = x.numpy()
            if self.augment is not None and self.module_.training:
                crops = self.augment(crops)
            x = torch.from_numpy(prepare(crops, self.preparation))
        if x.ndim == 4 and self.device == "cpu":
            x = x.contiguous(memory_format=torch.channels_last)
        if x.ndim == 4 and self.module_.training:
            with learning_numbers(self.device):
                return self.module_(x.to(self.device), **fit_params).float()
        return self.module_(x.to(self.device), **fit_params)

    @torch.inference_mode()
    def see(self, crops: NDArray[np.uint8]) -> torch.Tensor:
        """What the last layers judge by, (N, D), of crops (N, S, S, 3)."""
        inputs = torch.from_numpy(prepare(crops, self.preparation))
        seen: torch.Tensor = self.module_.eval().see(inputs.to(self.device))
        return seen

    @property
    def preparation(self) -> Preprocessing:
        """How crops become input: as set, or as usual."""
        return self.preprocessing or Preprocessing()

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """Probabilities, float32 (N, classes); each row sums to 1."""
        logits = self.forward(X)
        logits = logits[0] if isinstance(logits, tuple) else logits
        return torch.softmax(logits.to(torch.float32), dim=1).numpy()

    def predict(self, X: Any) -> NDArray[Any]:
        """The name of the most probable class of each row."""
        names: NDArray[Any] = np.asarray(self.classes_)
        best: NDArray[np.int64] = self.predict_proba(X).argmax(axis=1)
        return names[best]

    def tensors(self) -> dict[str, torch.Tensor]:
        """Everything that was learnt, on the CPU, by name."""
        self.check_is_fitted()
        return {
            name: value.detach().to("cpu").contiguous()
            for name, value in self.module_.state_dict().items()
        }

    def load_tensors(self, tensors: dict[str, torch.Tensor]) -> NetClassifier:
        """Become the net that gave these `tensors`.

        Raises:
            WeightsMismatchError: They belong to another net.
        """
        self.initialize()
        # How many batches were seen matters to no prediction and may be left out.
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
                f"The weights do not fit this net: {first} "
                "Train it anew with python -m coin_core train."
            ) from error
        self.module_.eval()
        return self
