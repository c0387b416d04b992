"""What makes probabilities right, and the threshold below which no coin is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

from coin_core.classifiers.base import to_columns
from coin_core.classifiers.torch_classifier import (
    apply_logit_bias,
    apply_temperature,
    log_probabilities,
)
from coin_core.errors import TrainingDataError
from coin_core.evaluation.metrics import Report, check_probabilities, evaluate
from coin_core.model_store.card import BIASES, TEMPERATURES

# How much of the loss is the mean over classes instead of coins, and how far the weight
# of their shares is from 0 as a rule. Chosen on other divisions of the coins.
_BY_CLASS, _USUAL_WEIGHT = 0.25, 1.0
# A shipped classifier should be right in 99 of 100 answers on rendered coins, as real
# coins are harder, but refuse at most one legible coin in twenty. One in twenty-five is
# allowed on the held-out coins, because it may be a few more on others.
TARGET_ACCURACY, MAX_REFUSED = 0.99, 0.04
# A user's own classifier may be weak: below this its calibrated answer is more likely
# wrong than right.
LEAST_PROBABILITY = 0.5


def fit_temperature(
    probabilities: ArrayLike,
    y: ArrayLike,
    *,
    spread: float | None = None,
    usual: float = 1.0,
) -> float:
    """The temperature that gives held-out labels the highest likelihood.

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.

    Args:
        probabilities: On coins not used in training, (N, C).
        y: The column of the right class, int (N,).
        spread: How far the logarithm of the temperature is from that of `usual` as a
            rule, where that is known before: a dozen coins alone, all of them right,
            would make every answer certain.
        usual: The temperature that is expected.

    Raises:
        TrainingDataError: There are no coins, or all are of one class.
    """
    present, columns = np.unique(np.asarray(y), return_inverse=True)
    if len(present) < 2:
        raise TrainingDataError(
            "Calibration needs held-out coins of at least two classes."
        )
    p = check_probabilities("the classifier", probabilities)
    # Classes without a held-out coin would only add a constant error.
    logits = log_probabilities(p)[:, present]
    rows = np.arange(len(columns))

    def log_loss(log_beta: float) -> float:
        likely = log_softmax(np.exp(log_beta) * logits, axis=1)
        away = log_beta + np.log(usual)
        unusual = away**2 / (2 * spread**2 * len(columns)) if spread else 0.0
        return unusual - float(likely[rows, columns].mean())

    found = minimize_scalar(
        log_loss, bounds=(-10.0, 10.0), method="bounded", options={"xatol": 1e-12}
    )
    return float(np.clip(np.exp(-found.x), *TEMPERATURES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What makes the probabilities of a classifier right.

    Attributes:
        class_logit_bias: Added to the logits of some labels.
        temperature: Divides the logits after that.
    """

    class_logit_bias: Mapping[str, float] = field(default_factory=dict)
    temperature: float = 1.0

    def apply(
        self, probabilities: ArrayLike, classes: tuple[str, ...]
    ) -> NDArray[np.float32]:
        """Return calibrated probabilities (N, C) of those of a classifier."""
        biased = apply_logit_bias(probabilities, classes, self.class_logit_bias)
        return apply_temperature(biased, self.temperature)


def fit_calibration(
    probabilities: ArrayLike, y: ArrayLike, classes: tuple[str, ...]
) -> Calibration:
    """Return the temperature, and how much is added for rare classes.

    A classifier that learns from many coins of one class and few of another expects the
    rare one too seldom or too often. So the logit of each class gets a multiple of the
    logarithm of how many times as many coins the largest class has: one number, which
    few coins can tell (Menon et al., "Long-tail learning via logit adjustment", ICLR
    2021). It and the temperature make the log loss the least, of which a part is the
    mean over classes, since in the next box of coins the classes have other shares.

    Args:
        probabilities: On coins not used in training, (N, C).
        y: The column of the right class, int (N,).
        classes: The labels of the columns.

    Raises:
        TrainingDataError: There are no coins, or all are of one class.
    """
    usual = fit_temperature(probabilities, y)
    present, columns, counts = np.unique(
        np.asarray(y), return_inverse=True, return_counts=True
    )
    logits = log_probabilities(probabilities)[:, present]
    few = np.log(counts.max() / counts)
    each = (1 - _BY_CLASS) / len(columns) + _BY_CLASS / (len(counts) * counts)
    rows = np.arange(len(columns))

    def loss(values: NDArray[np.float64]) -> float:
        log_beta, weight = values
        likely = log_softmax(np.exp(log_beta) * logits + weight * few, axis=1)
        unusual = weight**2 / (2 * _USUAL_WEIGHT**2 * len(columns))
        return float(unusual - each[columns] @ likely[rows, columns])

    start = np.array([-np.log(usual), 0.0])
    log_beta, weight = minimize(loss, start, method="Nelder-Mead").x
    temperature = float(np.clip(np.exp(-log_beta), *TEMPERATURES))
    biases = np.clip(temperature * weight * few, *BIASES)
    return Calibration(
        temperature=temperature,
        class_logit_bias={
            classes[column]: round(bias, 4)
            for column, bias in zip(present.tolist(), biases.tolist(), strict=True)
            if round(bias, 4)
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """The probability below which a classifier does not answer.

    Attributes:
        value: Smallest highest probability that is an answer.
        accuracy: Fraction right among the answered held-out coins.
        refused: Fraction of the legible held-out coins that it refuses.
        reached: Whether the target accuracy was reached within the fraction that may
            be refused.
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
    least: float = 0.0,
) -> Threshold:
    """The smallest probability from which answers reach `target` accuracy.

    Where that would refuse more than `max_refused` of the legible coins, it is the
    largest that does not, but never below `least`.

    Args:
        probabilities: Calibrated, on held-out coins, (N, C).
        y: The column of the right class, int (N,).
        legible: Which coins should be answered, bool (N,); all when None.
        target: Fraction of answers that should be right.
        max_refused: Largest fraction of the legible ones that may be refused.
        least: No answer has a lower probability, however many that refuses.

    Raises:
        TrainingDataError: There are no held-out coins.
    """
    p = check_probabilities("the classifier", probabilities)
    if not len(p):
        raise TrainingDataError("A threshold needs held-out coins.")
    found = measure_threshold(p, y, least, legible=legible, target=target)
    # The accuracy of the answers is not monotonic: every candidate is tried.
    values = np.unique(np.floor(p.max(axis=1) * 1000) / 1000)
    for value in values[values > least].tolist():
        if found.reached:
            break
        tried = measure_threshold(p, y, value, legible=legible, target=target)
        if tried.refused > max_refused:
            break
        found = tried
    return found


def measure_threshold(
    probabilities: ArrayLike,
    y: ArrayLike,
    value: float,
    *,
    legible: ArrayLike | None = None,
    target: float = 0.95,
) -> Threshold:
    """What a threshold gives on held-out coins; arguments as of `find_threshold`."""
    p = np.asarray(probabilities)
    counted = np.ones(len(p), bool) if legible is None else np.asarray(legible, bool)
    counted = counted if counted.any() else np.ones(len(p), bool)
    answered = p.max(axis=1) >= value
    right = p.argmax(axis=1) == np.asarray(y)
    accuracy = float(right[answered].mean()) if answered.any() else 1.0
    return Threshold(
        value=value,
        accuracy=accuracy,
        refused=float((~answered[counted]).mean()),
        reached=accuracy >= target,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """Temperature and threshold, and the figures they give on other coins."""

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
        legible: Which of the held-out coins should be answered, bool (N,). The
            probabilities are to be right on these.
        test: Probabilities (M, C) and label names (M,) of other coins.
    """
    columns = to_columns(held_out[1], classes)
    counted = np.asarray(legible, bool)
    temperature = fit_temperature(held_out[0][counted], columns[counted])
    threshold = find_threshold(
        apply_temperature(held_out[0], temperature),
        columns,
        legible=legible,
        target=TARGET_ACCURACY,
        max_refused=MAX_REFUSED,
    )
    probabilities = apply_temperature(test[0], temperature)
    answered = probabilities.max(axis=1) >= threshold.value
    return Calibrated(
        temperature=temperature,
        threshold=threshold,
        report=evaluate(name, np.asarray(test[1]), probabilities, classes, answered),
    )
