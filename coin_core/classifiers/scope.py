"""Whether a coin looks like those that a classifier learned from.

A classifier names one of its classes on any photo. The shipped ones are told by the
side of the coin whether it can be theirs, and by how much of a legend is read
(`torch_classifier.too_little_read`). Of a user's own coins the program knows only what
they look like. Their embedding, averaged over the flan, is described by its mean, its
spread and the few directions in which it varies most; how far a coin is from that is
the distance. The limit is that of held-out coins.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coin_core.classifiers.appearance_net import GRID

MIN_COINS: Final = 20
"""With fewer coins to learn from nothing is refused for its looks."""

_AXES = 4
_REFUSED = 0.03  # of coins like those to learn from
_FOLDS = 5
_SMALLEST = 1e-3  # a channel that never varies must not decide
_DIGITS = 6


def fit_scope(embeddings: NDArray[np.float32], groups: ArrayLike) -> dict[str, Any]:
    """Describe coins by their embeddings, for the `scope` of a model card.

    Args:
        embeddings: Of the coins to learn from, (N, D).
        groups: The coin of each row, (N,).

    Returns:
        Mean, scale and axes of the channels, and the limit; {} for too few coins.
    """
    if len(np.unique(np.asarray(groups))) < MIN_COINS:
        return {}
    mean, scale, axes = _fit(_channels(embeddings))
    distances = _held_out_distances(embeddings, groups)
    return {
        "mean": _rounded(mean),
        "scale": _rounded(scale),
        "axes": [_rounded(axis) for axis in axes],
        "limit": float(np.quantile(distances, 1 - _REFUSED)),
    }


def outside_in_turn(
    scope: Mapping[str, Any], embeddings: NDArray[np.float32], groups: ArrayLike
) -> NDArray[np.bool_]:
    """Whether coins look unlike the others that `fit_scope` learned from, (N,).

    Each is held against coins of which it is none, as a coin is that comes later.

    Args:
        scope: What `fit_scope` returned for them.
        embeddings: As for `fit_scope`.
        groups: As for `fit_scope`.
    """
    if not scope:
        return np.zeros(len(embeddings), bool)
    outside: NDArray[np.bool_] = (
        _held_out_distances(embeddings, groups) > scope["limit"]
    )
    return outside


def _held_out_distances(
    embeddings: NDArray[np.float32], groups: ArrayLike
) -> NDArray[np.float64]:
    channels = _channels(embeddings)
    coins, of_row = np.unique(np.asarray(groups), return_inverse=True)
    fold_of = np.random.default_rng(0).permutation(len(coins)) % _FOLDS
    distances = np.empty(len(channels))
    for fold in range(_FOLDS):
        held_out = fold_of[of_row] == fold
        fitted = _fit(channels[~held_out])
        distances[held_out] = _distances(*fitted, channels[held_out])
    return distances


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
