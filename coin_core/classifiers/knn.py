"""k nearest neighbours on the VGG features: the neighbours are coins to look at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from coin_core.classifiers.base import NamedLabelsClassifier
from coin_core.classifiers.registry import register_classifier

NEIGHBOURS = 10
# A ruler without a coin among the neighbours is not impossible: each gets this much
# of a vote beforehand (Lidstone's smoothing).
_PRIOR_VOTES = 0.1


class SmoothedKNN(NamedLabelsClassifier):
    """Neighbours of whom none speaks with certainty."""

    def predict_proba(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities, float32 (N, labels), none of them 0; each row sums to 1."""
        votes = super().predict_proba(X) * NEIGHBOURS + np.float32(_PRIOR_VOTES)
        smoothed: NDArray[np.float32] = votes / votes.sum(axis=1, keepdims=True)
        return smoothed


@register_classifier(
    name="knn", title="k nearest neighbours on VGG features", inputs="features"
)
def build_knn(labels: tuple[str, ...], *, seed: int) -> SmoothedKNN:
    """The unfitted classifier."""
    pipeline = Pipeline(
        [
            ("scale", StandardScaler()),
            ("pca", PCA(n_components=64, random_state=seed)),
            # On the unit sphere distance is similarity of direction.
            ("normalise", Normalizer()),
            # A tree is no faster in 64 dimensions, and would be one more type to
            # trust in a bundle.
            ("knn", KNeighborsClassifier(NEIGHBOURS, algorithm="brute")),
        ]
    )
    return SmoothedKNN(pipeline, labels)
