"""What tells classes of coins apart, learned from few coins and many numbers.

The classifiers of coins that differ in their appearance share it. Fisher's linear
discriminants, regularized: coins of one class differ in many ways that do not tell the
classes apart, and all these count less. They are a space where coins of one class lie
close together (knn, mlp), or planes between the classes (resnet, vgg), which are
computed, not trained.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

AXES = 200
LEAST_SPREAD = 3e-3
"""Added to the deviation of each number: one that never varies must not decide."""
# How much of what coins of one class differ in counts as the same in all directions,
# since few coins tell it badly; and how much of the mean difference of the classes
# counts in directions in which they do not differ.
_SHRINKAGE, _ELSEWHERE = 0.1, 0.3
# The ridge of `class_planes`, and how many times as long the logits are as the scores:
# then probabilities are about right before they are calibrated.
_RIDGE, _SHARPNESS = 3e-4, 6.0
_NEVER = -10.0  # the score of a class without coins; others are about 0 to 1


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


def class_planes(
    Z: NDArray[Any], columns: NDArray[np.int64], classes: int, *, balanced: bool = True
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return weights (C, D) and biases (C,) of class logits of unit vectors Z (N, D).

    They come nearest to 1 for the class of a coin and 0 for the others, times a
    constant, with ridge regression: a least-squares support vector machine (Suykens
    and Vandewalle 1999), in one step.

    Args:
        Z: Of the coins, float.
        columns: Their classes.
        classes: How many there are.
        balanced: Whether each class counts the same, however few its coins are.
    """
    from scipy.linalg import solve

    counts = np.bincount(columns, minlength=classes)
    weights = 1 / counts[columns] if balanced else np.ones(len(columns))
    weights *= len(weights) / weights.sum()
    root = np.sqrt(weights)[:, None]
    targets = np.eye(classes)[columns]
    mean, share = weights @ Z / len(Z), weights @ targets / len(Z)
    rows = (root * (Z - mean)).astype(np.float32)
    # As many unknowns as coins, which are fewer than numbers as a rule.
    inner = (rows @ rows.T).astype(float)
    inner[np.diag_indices_from(inner)] += _RIDGE * len(Z)
    found = solve(inner, root * (targets - share), assume_a="pos")
    planes = found.T @ rows
    biases = np.where(counts > 0, share - planes @ mean, _NEVER)
    return (
        (_SHARPNESS * planes).astype(np.float32),
        (_SHARPNESS * biases).astype(np.float32),
    )


class Standardized(nn.Module):
    """Features by their direction, not by how strong they are.

    Each of their parts is as long as the others. Models of before have a single part;
    that there are more is kept with the weights.

    Attributes:
        mean: Of each feature, (width,).
        spread: The deviation of each, (width,).
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, width: int, parts: int = 1) -> None:
        super().__init__()
        self._parts = parts
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("spread", torch.ones(width))
        if parts > 1:
            self.register_buffer("parts", torch.tensor(parts))

    def standardize(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Take mean and spread from features (N, width), and return the directions."""
        X = torch.from_numpy(np.asarray(features, np.float32)).to(self.mean.device)
        with torch.no_grad():
            self.mean.copy_(X.mean(0))
            self.spread.copy_(X.std(0, correction=0) + LEAST_SPREAD)
            found: NDArray[np.float32] = self.directions(X).cpu().numpy()
        return found

    def directions(self, features: Tensor) -> Tensor:
        """Return unit vectors (N, width) of features (N, width)."""
        Z = (features - self.mean) / self.spread
        pieces = torch.tensor_split(Z, self._parts, dim=1)
        unit = torch.cat([functional.normalize(one) for one in pieces], dim=1)
        return unit.div(self._parts**0.5)


class ClassSpace(Standardized):
    """Unit vectors (N, 200) of features (N, width), alike for coins of one class.

    Features are compared by their direction before and after the axes are taken.
    """

    origin: Tensor
    axes: Tensor

    def __init__(self, width: int, parts: int = 1) -> None:
        super().__init__(width, parts)
        self.register_buffer("origin", torch.zeros(AXES))
        self.register_buffer("axes", torch.zeros(AXES, width))

    @torch.no_grad()
    def learn(self, features: NDArray[Any], columns: NDArray[np.int64]) -> None:
        """Take the axes from features (N, width) of coins and their classes (N,)."""
        from sklearn.decomposition import PCA  # only trainings need it

        Z = self.standardize(features)
        pca = PCA(min(AXES, *Z.shape), random_state=0).fit(Z)
        axes = class_axes(pca.transform(Z), columns).T @ pca.components_
        self.origin.zero_()[: len(axes)] = torch.from_numpy(axes @ pca.mean_)
        self.axes.zero_()[: len(axes)] = torch.from_numpy(axes)

    def forward(self, features: Tensor) -> Tensor:
        """Return unit vectors (N, 200) of features (N, width)."""
        return functional.normalize(
            self.directions(features) @ self.axes.T - self.origin
        )
