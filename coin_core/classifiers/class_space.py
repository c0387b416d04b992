"""Where coins of one class lie close together, learned from few coins and many numbers.

The classifiers of coins that differ in their appearance compare them there. Fisher's
linear discriminants, regularized: coins of one class differ in many ways that do not
tell the classes apart, and all these count less.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

AXES = 200
# A number that never varies must not decide.
_LEAST_SPREAD = 3e-3
# How much of what coins of one class differ in counts as the same in all directions,
# since few coins tell it badly; and how much of the mean difference of the classes
# counts in directions in which they do not differ.
_SHRINKAGE, _ELSEWHERE = 0.1, 0.3


def class_axes(Z: NDArray[Any], columns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return axes (D, D) along which classes lie apart, for rows Z (N, D).

    Coins of one class differ as much along each axis. The axes are as long as the
    classes differ along them, and a little longer, so that coins of one class are not
    all alike. Those along which they differ most are the last.
    """
    from scipy.linalg import eigh

    Z = np.asarray(Z, float)
    _, own, counts = np.unique(columns, return_inverse=True, return_counts=True)
    means = np.stack([Z[own == one].mean(0) for one in range(len(counts))])
    inside = Z - means[own]
    within = inside.T @ inside / len(Z)
    even = np.trace(within) / len(within) + 1e-12
    within = (1 - _SHRINKAGE) * within + _SHRINKAGE * even * np.eye(len(within))
    apart = (means - Z.mean(0)) * np.sqrt(counts / len(Z))[:, None]
    strength, axes = eigh(apart.T @ apart, within)
    strength = np.clip(strength, 0, None)
    scaled: NDArray[np.float64] = axes * np.sqrt(
        strength + _ELSEWHERE * strength.mean()
    )
    return scaled


class ClassSpace(nn.Module):
    """Unit vectors (N, 200) of features (N, width), alike for coins of one class.

    Features are standardized and compared by their direction, not by how strong they
    are, before and after the axes are taken.
    """

    mean: Tensor
    spread: Tensor
    origin: Tensor
    axes: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("spread", torch.ones(width))
        self.register_buffer("origin", torch.zeros(AXES))
        self.register_buffer("axes", torch.zeros(AXES, width))

    @torch.no_grad()
    def learn(self, features: NDArray[Any], columns: NDArray[np.int64]) -> None:
        """Take the axes from features (N, width) of coins and their classes (N,)."""
        from sklearn.decomposition import PCA  # only trainings need it

        X = torch.from_numpy(np.asarray(features, np.float32))
        self.mean.copy_(X.mean(0))
        self.spread.copy_(X.std(0, correction=0) + _LEAST_SPREAD)
        Z = self._directions(X.to(self.mean.device)).cpu().numpy()
        pca = PCA(min(AXES, *Z.shape), random_state=0).fit(Z)
        axes = class_axes(pca.transform(Z), columns).T @ pca.components_
        self.origin.zero_()[: len(axes)] = torch.from_numpy(axes @ pca.mean_)
        self.axes.zero_()[: len(axes)] = torch.from_numpy(axes)

    def _directions(self, features: Tensor) -> Tensor:
        return functional.normalize((features - self.mean) / self.spread)

    def forward(self, features: Tensor) -> Tensor:
        """Return unit vectors (N, 200) of features (N, width)."""
        return functional.normalize(
            self._directions(features) @ self.axes.T - self.origin
        )
