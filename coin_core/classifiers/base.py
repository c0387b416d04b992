"""scikit-learn classifiers whose labels keep the order of the model card."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import Normalizer, StandardScaler, normalize
from sklearn.utils.validation import check_is_fitted

from coin_core.classifiers.class_space import LEAST_SPREAD, class_axes


def to_columns(y: ArrayLike, labels: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the column of each label name, int64 (N,).

    Raises:
        ValueError: A name is not among the labels.
    """
    column = {name: number for number, name in enumerate(labels)}
    names = np.asarray(y).tolist()
    unknown = sorted({str(name) for name in names if name not in column})
    if unknown:
        raise ValueError(
            f"Unknown labels: {', '.join(unknown)}. Known are: {', '.join(labels)}."
        )
    return np.array([column[name] for name in names], dtype=np.int64)


class Directions(TransformerMixin, BaseEstimator):
    """Unit vectors of standardized features whose parts are equally long.

    In a pipeline what `class_space.Standardized` is in nets.

    Attributes:
        parts: How many there are, of about the same width.
        mean_: Of each feature, (D,).
        spread_: The deviation of each, and a little more, (D,).
    """

    def __init__(self, parts: int = 1) -> None:
        self.parts = parts

    def fit(self, X: NDArray[Any], y: object = None) -> Directions:
        """Take mean and deviation from features (N, D)."""
        self.n_features_in_ = X.shape[1]
        self.mean_, self.spread_ = X.mean(axis=0), X.std(axis=0) + LEAST_SPREAD
        return self

    def transform(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return unit vectors (N, D) of features (N, D)."""
        pieces = np.array_split((X - self.mean_) / self.spread_, self.parts, axis=1)
        unit = np.concatenate([normalize(one) for one in pieces], axis=1)
        scaled: NDArray[Any] = unit / self.parts**0.5
        return scaled


def build_pipeline(
    name: str,
    classifier: Any,
    *,
    seed: int,
    components: int = 64,
    parts: int | None = None,
) -> Pipeline:
    """Build a pipeline of principal components, on the unit sphere, and a classifier.

    There, classifiers compare the directions of features and not their brightness.
    With `parts`, so do the components, each part of the features by itself.
    """
    return Pipeline(
        [
            ("scale", Directions(parts) if parts else StandardScaler()),
            ("pca", PCA(n_components=components, random_state=seed)),
            ("normalise", Normalizer()),
            (name, classifier),
        ]
    )


class NamedLabelsClassifier(ClassifierMixin, BaseEstimator):
    """A scikit-learn classifier whose columns are `labels`, in that order.

    scikit-learn sorts the classes and drops those without data; a model card has an
    order of its own. The estimator inside works on column numbers. A label without
    training coins gets probability 0.

    Attributes:
        estimator: The unfitted pipeline; `estimator_` is the fitted one. The steps
            "pca" and "knn" are limited to what the data allow.
        labels: The label names.
    """

    def __init__(self, estimator: Any, labels: tuple[str, ...]) -> None:
        self.estimator = estimator
        self.labels = labels

    @property
    def classes_(self) -> NDArray[Any]:
        """The label names, in the order of the columns."""
        return np.asarray(self.labels)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")

    def fit(self, X: NDArray[np.float32], y: ArrayLike) -> NamedLabelsClassifier:
        """Fit to features (N, D) and label names (N,).

        Raises:
            ValueError: A name is not among the labels.
        """
        columns = to_columns(y, self.labels)
        estimator = clone(self.estimator)
        components = estimator.get_params().get("pca__n_components")
        if components is not None:
            estimator.set_params(pca__n_components=min(components, *np.shape(X)))
        neighbours = estimator.get_params().get("knn__n_neighbors")
        if neighbours is not None:
            estimator.set_params(knn__n_neighbors=min(neighbours, len(columns)))
        self.estimator_ = estimator.fit(np.asarray(X, dtype=np.float32), columns)
        return self

    def predict_proba(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return probabilities, float32 (N, labels); each row sums to 1."""
        check_is_fitted(self)
        known = _probabilities(self.estimator_, np.asarray(X, dtype=np.float32))
        probabilities = np.zeros((len(known), len(self.labels)), dtype=np.float32)
        probabilities[:, self.estimator_.classes_] = known
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        return probabilities

    def predict(self, X: NDArray[np.float32]) -> NDArray[Any]:
        """Return the name of the most probable label of each row."""
        names: NDArray[Any] = self.classes_
        best: NDArray[np.int64] = self.predict_proba(X).argmax(axis=1)
        return names[best]


def _probabilities(estimator: Any, X: NDArray[np.float32]) -> NDArray[Any]:
    """Of each known class, (N, K): the estimator's own, or a softmax of its margins."""
    if hasattr(estimator, "predict_proba"):
        own: NDArray[Any] = estimator.predict_proba(X)
        return own
    margins = estimator.decision_function(X)
    if margins.ndim == 1:
        margins = np.stack([-margins, margins], axis=1) / 2
    soft: NDArray[Any] = softmax(_SHARPNESS * margins, axis=1)
    return soft


# Probabilities are then about right before they are calibrated.
_SHARPNESS = 2.0
NEIGHBOURS = 10
# A ruler without a coin among the neighbours is not impossible: each class gets this
# fraction of a vote in advance (Lidstone smoothing).
_PRIOR_VOTES = 0.1


class SmoothedKNN(NamedLabelsClassifier):
    """k nearest neighbours with smoothed votes, so that no probability is 0 or 1.

    Attributes:
        learns_axes: Whether the principal components are turned into `class_axes`.
    """

    def __init__(
        self, estimator: Any, labels: tuple[str, ...], learns_axes: bool = False
    ) -> None:
        super().__init__(estimator, labels)
        self.learns_axes = learns_axes

    def fit(self, X: NDArray[np.float32], y: ArrayLike) -> SmoothedKNN:
        """Fit to features (N, D) and label names (N,)."""
        super().fit(X, y)
        columns = to_columns(y, self.labels)
        if self.learns_axes and len(np.unique(columns)) > 1:
            *_, (_, pca), _, (_, knn) = self.estimator_.steps
            X = np.asarray(X, np.float32)
            axes = class_axes(self.estimator_[:-2].transform(X), columns)
            pca.components_ = (axes.T @ pca.components_).astype(np.float32)
            knn.fit(self.estimator_[:-1].transform(X), columns)
        return self

    def predict_proba(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return probabilities above 0, float32 (N, labels); each row sums to 1."""
        votes = super().predict_proba(X) * NEIGHBOURS + np.float32(_PRIOR_VOTES)
        smoothed: NDArray[np.float32] = votes / votes.sum(axis=1, keepdims=True)
        return smoothed
