"""A multilayer perceptron on projected features, projection included."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from torch import nn

from coin_core.classifiers.appearance_net import KNOWN_PARTS
from coin_core.classifiers.base import to_columns
from coin_core.classifiers.class_space import AXES, ClassSpace
from coin_core.classifiers.legend_net import FEATURES
from coin_core.classifiers.torch_classifier import NetClassifier
from coin_core.errors import WeightsMismatchError

PROJECTED = 256
MAX_INPUTS = 4 * FEATURES
_LENGTH = 16.0  # of the vectors of a class space, where numbers are then about 1


class ProjectedMlp(nn.Module):
    """Standardization and projection of features, then four linear layers.

    The projection, onto principal components or into a `ClassSpace`, is fitted before
    the layers. It is part of the module, so that one file of tensors holds the whole
    classifier.
    """

    mean: torch.Tensor
    axes: torch.Tensor

    def __init__(
        self,
        classes: int,
        inputs: int = FEATURES,
        projected: int = PROJECTED,
        by_class: bool = False,
        parts: int = 1,
    ) -> None:
        super().__init__()
        self.space = ClassSpace(inputs, parts) if by_class else None
        if by_class:
            projected = AXES
        else:
            self.register_buffer("mean", torch.zeros(inputs))
            self.register_buffer("axes", torch.zeros(projected, inputs))

        def layer(width_in: int, width_out: int, dropout: float) -> list[nn.Module]:
            return [
                nn.Linear(width_in, width_out),
                nn.BatchNorm1d(width_out),
                nn.ReLU(inplace=True),
                nn.Dropout(dropout),
            ]

        self.layers = nn.Sequential(
            *layer(projected, 256, 0.3),
            *layer(256, 128, 0.3),
            *layer(128, 64, 0.2),
            nn.Linear(64, classes),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (N, classes) of features (N, inputs)."""
        if self.space is not None:
            projected = _LENGTH * self.space(x)
        else:
            projected = (x - self.mean) @ self.axes.T
        logits: torch.Tensor = self.layers(projected)
        return logits


class MlpClassifier(NetClassifier):
    """The network with its projection, which `fit` fits first."""

    def begin(self, X: Any, y: Any = None) -> None:
        """Initialize the network and fit the projection to features (N, inputs)."""
        features = np.asarray(X, dtype=np.float32)
        self.set_params(module__inputs=features.shape[1])
        super().begin(features, y)
        space = self.module_.space
        if space is not None:
            if y is not None:
                space.learn(features, to_columns(y, self.classes))
            return
        mean, axes = _fit_projection(features, len(self.module_.axes), self.seed)
        with torch.no_grad():
            self.module_.mean.copy_(torch.from_numpy(mean))
            self.module_.axes.copy_(torch.from_numpy(axes))

    def load_tensors(self, tensors: dict[str, torch.Tensor]) -> NetClassifier:
        """Load weights for inputs of any width up to `MAX_INPUTS`.

        Raises:
            WeightsMismatchError: They belong to another network.
        """
        by_class = "space.mean" in tensors
        mean = tensors.get("space.mean" if by_class else "mean")
        inputs = FEATURES if mean is None else mean.numel()
        if not 1 <= inputs <= MAX_INPUTS:
            raise WeightsMismatchError(
                f"the weights are for {inputs} features, where 1 to {MAX_INPUTS} were "
                "expected. Copy the bundle again, or train it again."
            )
        # Models of before have no parts.
        parts = tensors["space.parts"].tolist() if "space.parts" in tensors else 1
        if parts not in KNOWN_PARTS:
            raise WeightsMismatchError(
                f"the weights are for features of {parts} parts, which nothing here "
                "computes. Copy the bundle again, or train it again."
            )
        self.set_params(
            module__inputs=inputs, module__by_class=by_class, module__parts=parts
        )
        return super().load_tensors(tensors)


def _fit_projection(
    X: NDArray[np.float32], projected: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the mean (D,) and scaled principal axes (projected, D) of X (N, D)."""
    mean = X.mean(axis=0)
    spread = X.std(axis=0)
    # Features that are almost always 0 must not be scaled up into noise.
    spread = np.maximum(spread, 0.05 * float(spread.mean()) + 1e-6)
    count = min(projected, *X.shape)
    pca = PCA(n_components=count, random_state=seed).fit((X - mean) / spread)
    # One scale for all axes: whitening would weigh the last like the first.
    scale = float(np.sqrt(pca.explained_variance_.mean() + 1e-12))
    axes = np.zeros((projected, X.shape[1]), dtype=np.float32)
    axes[:count] = pca.components_ / scale / spread
    return mean.astype(np.float32), axes
