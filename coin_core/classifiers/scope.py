"""Whether a coin looks like those that a classifier learned from.

A classifier names one of its classes on any photo. The shipped ones are told by the
side of the coin whether it can be theirs, and by their features how much of a legend
they read: on other coins the features of the legend are weak, even where the last layer
is sure. Of a user's own coins the program knows only what they look like. Their
embedding, averaged over the flan, is described by its mean, its spread and the few
directions in which it varies most; how far a coin is from that is the distance. The
limit is that of held-out coins.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coin_core.classifiers.appearance_net import GRID
from coin_core.classifiers.legend_net import FEATURES

LEAST_READ: Final = "least_read"
"""The limit in the card of a classifier that reads legends: the mean of the legend's
features below which too little was read."""

MIN_COINS: Final = 20
"""With fewer coins to learn from nothing is refused for its looks."""

_TOO_LITTLE = 0.01  # of legible coins
_AXES = 4
_REFUSED = 0.03  # of coins like those to learn from
_FOLDS = 5
_SMALLEST = 1e-3  # a channel that never varies must not decide
_DIGITS = 6


def fit_scope(
    embeddings: NDArray[np.float32], groups: ArrayLike, *, seed: int = 0
) -> dict[str, Any]:
    """Describe coins by their embeddings, for the `scope` of a model card.

    Args:
        embeddings: Of the coins to learn from, (N, D).
        groups: The coin of each row, (N,).
        seed: Fixes which coins are held out together to find the limit.

    Returns:
        Mean, scale and axes of the channels, and the limit; {} for too few coins.
    """
    channels = _channels(embeddings)
    coins, of_row = np.unique(np.asarray(groups), return_inverse=True)
    if len(coins) < MIN_COINS:
        return {}
    fold_of = np.random.default_rng(seed).permutation(len(coins)) % _FOLDS
    distances = np.empty(len(channels))
    for fold in range(_FOLDS):
        held_out = fold_of[of_row] == fold
        fitted = _fit(channels[~held_out])
        distances[held_out] = _distances(*fitted, channels[held_out])
    mean, scale, axes = _fit(channels)
    return {
        "mean": _rounded(mean),
        "scale": _rounded(scale),
        "axes": [_rounded(axis) for axis in axes],
        "limit": float(np.quantile(distances, 1 - _REFUSED)),
    }


def outside_scope(
    scope: Mapping[str, Any], embeddings: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Whether coins look unlike those that a classifier learned from, (N,).

    Args:
        scope: Of its model card; nothing is outside an empty one.
        embeddings: Of the coins, (N, D). Rows that are no numbers are not outside.
    """
    if not scope:
        return np.zeros(len(embeddings), bool)
    mean, scale, axes = (
        np.asarray(scope[name], float) for name in ("mean", "scale", "axes")
    )
    distances = _distances(mean, scale, axes, _channels(embeddings))
    outside: NDArray[np.bool_] = distances > scope["limit"]
    return outside


def find_least_read(features: NDArray[np.float32]) -> float:
    """The limit `LEAST_READ` of a classifier, from the features of legible coins.

    Args:
        features: What it gets of coins, or its embeddings of them, (N, 4096 or more).
    """
    return float(f"{np.quantile(_mean_read(features), _TOO_LITTLE):.{_DIGITS}g}")


def too_little_read(
    limits: Mapping[str, float], features: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Whether too little of a legend was read to name anybody, (N,).

    Args:
        limits: Of the model card; without `LEAST_READ`, nothing is too little.
        features: Of the coins, (N, D). Rows that are no numbers are not too little.
    """
    if LEAST_READ not in limits:
        return np.zeros(len(features), bool)
    too_little: NDArray[np.bool_] = _mean_read(features) < limits[LEAST_READ]
    return too_little


def _mean_read(features: NDArray[np.float32]) -> NDArray[np.float64]:
    read: NDArray[np.float64] = np.asarray(features[:, :FEATURES], float).mean(1)
    return read


def _channels(embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
    """The mean of each channel over the cells of the flan, (N, D / 16)."""
    cells = GRID**2
    usable = embeddings.shape[1] // cells * cells
    parts = np.asarray(embeddings[:, :usable], float)
    means: NDArray[np.float64] = parts.reshape(len(parts), -1, cells).mean(2)
    return means


def _fit(
    channels: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    mean, scale = channels.mean(0), channels.std(0) + _SMALLEST
    _, _, axes = np.linalg.svd((channels - mean) / scale, full_matrices=False)
    return mean, scale, axes[:_AXES]


def _distances(
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
    axes: NDArray[np.float64],
    channels: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The mean squared deviation that the axes do not explain, (N,)."""
    deviations = (channels - mean) / scale
    along = deviations @ axes.T
    whole = (deviations**2).sum(1) - (along**2).sum(1)
    distances: NDArray[np.float64] = whole / len(mean)
    return distances


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [float(f"{value:.{_DIGITS}g}") for value in values]
