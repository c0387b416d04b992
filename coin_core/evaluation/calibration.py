"""Probabilities that mean what they say, and where to stop answering."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from coin_core.classifiers.base import to_columns
from coin_core.errors import TrainingDataError
from coin_core.evaluation.metrics import Report, evaluate

if TYPE_CHECKING:
    from coin_core.model_store.card import Card

# A probability of 0 has no logarithm; this is what float32 can still tell from it.
_SMALLEST = 1e-12
# Beyond these no held-out data of a reasonable size can decide.
_COOLEST, _HOTTEST = 0.05, 20.0
# A shipped classifier is to be right in 99 of 100 answers on rendered coins, for real
# ones are harder; but it may refuse no more than one legible coin in twenty. On these
# coins one in twenty-five is allowed, for on others there may be a few more.
TRUSTED, MAX_REFUSED = 0.99, 0.04


class _HandedOn(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose margins are its inputs."""

    def __init__(self, classes: int) -> None:
        self.classes = classes

    @property
    def classes_(self) -> NDArray[np.int64]:
        """The columns, by number."""
        return np.arange(self.classes)

    def decision_function(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """The logits that came in; of two classes half their difference."""
        return (X[:, 1] - X[:, 0]) / 2 if X.shape[1] == 2 else X

    def fit(self, X: NDArray[np.float64], y: NDArray[np.int64]) -> _HandedOn:
        """Nothing is left to learn."""
        return self

    def predict(self, X: NDArray[np.float64]) -> NDArray[np.int64]:
        """The column of the largest logit of each row."""
        largest: NDArray[np.int64] = X.argmax(axis=1)
        return largest

    def __sklearn_is_fitted__(self) -> bool:
        return True


def fit_temperature(probabilities: ArrayLike, y: ArrayLike) -> float:
    """The temperature that makes held-out probabilities most likely.

    Args:
        probabilities: On coins the classifier has not learnt from, (N, C).
        y: The column of the right class, int (N,).

    Raises:
        TrainingDataError: There are no coins, or all are of one class.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    columns = np.asarray(y)
    if len(np.unique(columns)) < 2:
        raise TrainingDataError(
            "Calibration needs held-out coins of at least two classes."
        )
    logits = np.log(np.maximum(p, _SMALLEST))
    present = np.unique(columns)
    # Columns without a coin say nothing here, and scikit-learn would stumble on them.
    logits = logits[:, present]
    # Nothing is learnt but the temperature, so every row serves at once.
    rows = np.arange(len(columns))
    calibrated = CalibratedClassifierCV(
        FrozenEstimator(_HandedOn(len(present))),
        method="temperature",
        ensemble=False,
        cv=[(rows, rows)],
    ).fit(_two_sided(logits), np.searchsorted(present, columns))
    beta = float(calibrated.calibrated_classifiers_[0].calibrators[0].beta_)
    return float(np.clip(1 / beta, _COOLEST, _HOTTEST))


def _two_sided(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logits with both signs, which are not taken for probabilities."""
    centred: NDArray[np.float64] = logits - logits.mean(axis=1, keepdims=True)
    return centred


def calibrated(probabilities: ArrayLike, card: Card) -> NDArray[np.float32]:
    """What a classifier's raw probabilities (N, C) mean by its card, float32 (N, C)."""
    return apply_temperature(
        weighed(probabilities, card.classes, card.class_logit_bias), card.temperature
    )


def weighed(
    probabilities: ArrayLike,
    classes: tuple[str, ...],
    class_logit_bias: Mapping[str, float],
) -> NDArray[np.float32]:
    """Probabilities (N, C) of which some labels weigh more or less; rows sum to 1.

    Args:
        probabilities: As the classifier gave them.
        classes: The labels of the columns.
        class_logit_bias: Added to the logits of these labels.
    """
    p = np.maximum(np.asarray(probabilities, dtype=np.float64), _SMALLEST)
    heavier = p * np.exp([class_logit_bias.get(label, 0.0) for label in classes])
    out: NDArray[np.float64] = heavier / heavier.sum(axis=1, keepdims=True)
    return out.astype(np.float32)


def apply_temperature(
    probabilities: ArrayLike, temperature: float
) -> NDArray[np.float32]:
    """The calibrated probabilities, float32 (N, C); each row sums to 1.

    Args:
        probabilities: As the classifier gave them, (N, C).
        temperature: Over 1 makes them humbler; 1 changes nothing.

    Raises:
        ValueError: The temperature is not above 0.
    """
    if not temperature > 0:
        raise ValueError(f"A temperature is above 0, not {temperature!r}.")
    p = np.asarray(probabilities, dtype=np.float64)
    logits = np.log(np.maximum(p, _SMALLEST)) / temperature
    logits -= logits.max(axis=1, keepdims=True)
    scaled = np.exp(logits)
    scaled /= scaled.sum(axis=1, keepdims=True)
    return scaled.astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """Where a classifier stops answering.

    Attributes:
        value: Smallest highest probability that is an answer.
        accuracy: Share right among the answered held-out coins.
        refused: Share of the legible held-out coins that it refuses.
        reached: Whether the target accuracy was reached within the share that may be
            refused.
    """

    value: float
    accuracy: float
    refused: float
    reached: bool


def find_threshold(
    probabilities: ArrayLike,
    y: ArrayLike,
    *,
    legible: ArrayLike | None = None,
    target: float = 0.95,
    max_refused: float = 0.05,
) -> Threshold:
    """The smallest probability from which answers reach `target` accuracy.

    Where that would refuse more than `max_refused` of the legible coins, it is the
    largest that does not.

    Args:
        probabilities: Calibrated, on held-out coins, (N, C).
        y: The column of the right class, int (N,).
        legible: Which coins ought to be answered, bool (N,); all when None.
        target: Wanted share right among the answered.
        max_refused: Largest share of the legible ones that may be refused.

    Raises:
        TrainingDataError: There are no held-out coins.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if not len(p):
        raise TrainingDataError("A threshold needs held-out coins.")
    best = p.max(axis=1)
    right = p.argmax(axis=1) == np.asarray(y)
    ought = np.ones(len(p), bool) if legible is None else np.asarray(legible, bool)
    ought = ought if ought.any() else np.ones(len(p), bool)

    def at(value: float) -> tuple[float, float]:
        told = best >= value
        accuracy = float(right[told].mean()) if told.any() else 1.0
        return accuracy, float((~told[ought]).mean())

    # The mean of the answered rises and falls, so every candidate is looked at.
    candidates: list[float] = [0.0, *np.unique(np.floor(best * 1000) / 1000).tolist()]
    allowed: list[tuple[float, float, float]] = []
    for value in candidates:
        accuracy, refused = at(value)
        if refused > max_refused:
            break
        allowed.append((value, accuracy, refused))
    for value, accuracy, refused in allowed:
        if accuracy >= target:
            return Threshold(
                value=value, accuracy=accuracy, refused=refused, reached=True
            )
    value, accuracy, refused = allowed[-1]
    return Threshold(value=value, accuracy=accuracy, refused=refused, reached=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """Temperature and threshold, and what they gave on other coins."""

    temperature: float
    threshold: Threshold
    report: Report


def calibrate_and_measure(
    name: str,
    classes: tuple[str, ...],
    *,
    held_out: tuple[NDArray[np.float32], ArrayLike],
    legible: ArrayLike,
    test: tuple[NDArray[np.float32], ArrayLike],
) -> Calibrated:
    """Calibrate on held-out coins and measure on test coins.

    Args:
        name: The classifier, for the report.
        classes: The labels of the columns.
        held_out: Probabilities (N, C) and label names (N,).
        legible: Which of the held-out coins ought to be answered, bool (N,).
        test: Probabilities (M, C) and label names (M,) of other coins.
    """
    columns = to_columns(held_out[1], classes)
    temperature = fit_temperature(held_out[0], columns)
    threshold = find_threshold(
        apply_temperature(held_out[0], temperature),
        columns,
        legible=legible,
        target=TRUSTED,
        max_refused=MAX_REFUSED,
    )
    probabilities = apply_temperature(test[0], temperature)
    answered = probabilities.max(axis=1) >= threshold.value
    return Calibrated(
        temperature=temperature,
        threshold=threshold,
        report=evaluate(name, np.asarray(test[1]), probabilities, classes, answered),
    )
