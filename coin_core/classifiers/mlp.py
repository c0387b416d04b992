"""Four fully connected layers with batch norm and dropout, on the VGG features."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from torch import nn

from coin_core.classifiers.registry import register_classifier
from coin_core.classifiers.torch_classifier import NetClassifier, best_device

FEATURES = 4096
PROJECTED = 256


class ProjectedMlp(nn.Module):
    """Standardise and project features, then four Linear layers.

    The projection is learnt before the layers (principal components) and is part of
    the module, so that one file of tensors is the whole classifier.
    """

    mean: torch.Tensor
    axes: torch.Tensor

    def __init__(
        self, classes: int, inputs: int = FEATURES, projected: int = PROJECTED
    ) -> None:
        super().__init__()
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
        """Features (N, inputs) to logits (N, classes)."""
        logits: torch.Tensor = self.layers((x - self.mean) @ self.axes.T)
        return logits


class MlpClassifier(NetClassifier):
    """The net with its projection, which `fit` learns first."""

    def begin(self, X: Any) -> None:
        """Forget everything and learn the projection from features (N, inputs)."""
        features = np.asarray(X, dtype=np.float32)
        self.set_params(module__inputs=features.shape[1])
        super().begin(features)
        mean, axes = _learn_projection(features, len(self.module_.axes), self.seed)
        with torch.no_grad():
            self.module_.mean.copy_(torch.from_numpy(mean))
            self.module_.axes.copy_(torch.from_numpy(axes))

    def load_tensors(self, tensors: dict[str, torch.Tensor]) -> NetClassifier:
        """Become the net that gave these `tensors`, however wide its input was."""
        if "mean" in tensors:
            self.set_params(module__inputs=int(tensors["mean"].numel()))
        return super().load_tensors(tensors)


def _learn_projection(
    X: NDArray[np.float32], projected: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean (D,) and scaled principal axes (projected, D) of standardised X."""
    mean = X.mean(axis=0)
    spread = X.std(axis=0)
    # Features that hardly ever fire must not be blown up into noise.
    spread = np.maximum(spread, 0.05 * float(spread.mean()) + 1e-6)
    wanted = min(projected, *X.shape)
    pca = PCA(n_components=wanted, random_state=seed).fit((X - mean) / spread)
    # One scale for all axes: whitening would make the least as loud as the first.
    scale = float(np.sqrt(pca.explained_variance_.mean() + 1e-12))
    axes = np.zeros((projected, X.shape[1]), dtype=np.float32)
    axes[:wanted] = pca.components_ / scale / spread
    return mean.astype(np.float32), axes


@register_classifier(
    name="mlp", title="Four-layer perceptron on VGG features", inputs="features"
)
def build_mlp(labels: tuple[str, ...], *, seed: int) -> MlpClassifier:
    """The unfitted classifier."""
    return MlpClassifier(
        ProjectedMlp,
        module__classes=len(labels),
        classes=labels,
        seed=seed,
        max_epochs=40,
        batch_size=128,
        lr=2e-3,
        optimizer__weight_decay=1e-2,
        device=best_device(),
    )
