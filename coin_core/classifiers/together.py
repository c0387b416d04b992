"""One verdict of all classifiers that ship: several looks at a coin, weighed.

Where the nets are in doubt or disagree, both read the coin again in other turns, since
the net that finds legends is sometimes wrong by a quarter or by half. A look counts the
more, the more letters are read in it. The legends of each ruler are laid over these
letters too, whole and line by line. What each part weighs was chosen on rendered coins:
python -m benchmarks.together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from coin_core.classifiers.legend_net import predict_poses
from coin_core.classifiers.letter_alignment import score_rulers
from coin_core.classifiers.torch_classifier import (
    SMALLEST,
    PhotoClassifier,
    counted,
    letters_read,
    log_probabilities,
    predict_once,
)
from coin_core.imaging.preprocessing import LegendPose, normalize_degrees
from coin_core.rulers import DEFAULT_CLASSES

READERS: Final = ("resnet", "vgg")
"""The nets that read a coin again."""

# python -m benchmarks.together --fit
_WEIGHTS: Final = (0.05, 0.05, 0.27, 0.32, 0.13, 0.19)  # in the order of `evidence`
_CLEAR: Final = 0.95  # both nets are at least so sure, of the same ruler
_TURNS: Final = (0, -90, 90, 180)  # from the turn that was found, in degrees
_LOOKS: Final = len(_TURNS) + 1  # and one as the photo is
_SHARPNESS: Final = 6  # a look with twice the letters counts 64 times as much


def read_together(
    crops: NDArray[np.uint8],
    probabilities: Mapping[str, NDArray[np.float32]],
    nets: Mapping[str, PhotoClassifier],
    class_logit_bias: NDArray[np.float64],
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return the calibrated probabilities of all together, and how much is read.

    The first are (N, C). The second, (N, 2), is for each net the mean of the legend's
    features in the turn in which it is largest; minus infinity for coins that are not
    read again.

    Args:
        crops: uint8 (N, S, S, 3).
        probabilities: Of each classifier on these crops, float32 (N, C).
        nets: The `READERS` by name.
        class_logit_bias: Added to the logits of the nets, (C,).
    """
    parts, read = evidence(crops, probabilities, nets, class_logit_bias)
    return weigh(parts), read


def weigh(parts: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the probabilities (N, C) of what `evidence` returns."""
    scores = np.einsum("p,npc->nc", _WEIGHTS, parts)
    together: NDArray[np.float32] = softmax(scores, axis=1).astype(np.float32)
    return together


def read_by_both(
    usual: NDArray[np.float64],
    turned: NDArray[np.float64],
    sureness: NDArray[np.float32],
    limits: Sequence[float],
) -> NDArray[np.float64]:
    """Return how much of a legend both nets read, (N,); below 1 is too little.

    It is the geometric mean of the multiples of their limits, so a net that reads twice
    its limit makes up for one that reads half of its own (python -m
    benchmarks.refusal). Each counts in the turn in which it reads most.

    Args:
        usual: `how_much_read` of the features of each of the `READERS`, (N, 2).
        turned: What `read_together` returns, (N, 2).
        sureness: As for `how_much_read`.
        limits: `LEAST_READ` of each card.
    """
    most = np.maximum(usual, turned * counted(sureness)[:, None])
    mean: NDArray[np.float64] = np.sqrt((most / np.maximum(limits, SMALLEST)).prod(1))
    return mean


def evidence(
    crops: NDArray[np.uint8],
    probabilities: Mapping[str, NDArray[np.float32]],
    nets: Mapping[str, PhotoClassifier],
    class_logit_bias: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the logarithms that are weighed, (N, 6, C), and how much is read.

    The logarithms are those of resnet, vgg, the mean of the other classifiers, what
    each net reads in all turns, and how well the rulers' legends fit the letters that
    both nets read in the turn in which they read most. Of a clear coin the last three
    are resnet, vgg and the mean of both.

    Args:
        crops: As for `read_together`.
        probabilities: As for `read_together`.
        nets: As for `read_together`.
        class_logit_bias: As for `read_together`.
    """
    logs = {name: log_probabilities(rows) for name, rows in probabilities.items()}
    first = [logs[name] for name in READERS]
    others = [rows for name, rows in logs.items() if name not in READERS]
    fit = np.mean(first, axis=0)
    parts = np.stack([*first, np.mean(others, axis=0), *first, fit], axis=1)
    read = np.full((len(crops), len(READERS)), -np.inf)
    doubtful = np.flatnonzero(in_doubt(*(probabilities[name] for name in READERS)))
    if len(doubtful):
        poses = [turns[0] for turns in predict_poses(crops[doubtful])]
        looks = [
            _look(nets[name], crops[doubtful], poses, class_logit_bias)
            for name in READERS
        ]
        for i, look in enumerate(looks):
            parts[doubtful, 3 + i], read[doubtful, i] = look.logs, look.read
        parts[doubtful, 5] = _fit_legends(looks)
    return parts, read


def in_doubt(*readings: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which coins are read again: one net is not sure, or they disagree."""
    best = np.stack([rows.argmax(axis=1) for rows in readings])
    sure = np.stack([rows.max(axis=1) >= _CLEAR for rows in readings]).all(axis=0)
    doubtful: NDArray[np.bool_] = ~sure | (best != best[0]).any(axis=0)
    return doubtful


class _Look(NamedTuple):
    """What a net reads in all turns.

    Attributes:
        logs: Logarithms of the probabilities, weighed by the letters, (N, C).
        read: How much it reads, (N,).
        amounts: How many letters in each turn, (N, T).
        letters: Probabilities of the letters in each turn, (N, T, 17, H, W).
    """

    logs: NDArray[np.float64]
    read: NDArray[np.float64]
    amounts: NDArray[np.float64]
    letters: NDArray[np.float32]


def _look(
    net: PhotoClassifier,
    crops: NDArray[np.uint8],
    poses: list[LegendPose],
    class_logit_bias: NDArray[np.float64],
) -> _Look:
    turned = [
        replace(pose, turn_deg=normalize_degrees(turn))
        for pose in poses
        for turn in (*(pose.turn_deg + turn for turn in _TURNS), 0.0)
    ]
    many = np.repeat(crops, _LOOKS, axis=0)
    output = predict_once(net.module_.eval(), many, net.preparation, turned)
    logits = output.logits.double().cpu().numpy() + class_logit_bias
    logs = log_softmax(logits.reshape(len(crops), _LOOKS, -1), axis=2)
    amounts = letters_read(output).double().cpu().numpy().reshape(len(crops), -1)
    weights = np.maximum(amounts, SMALLEST) ** _SHARPNESS
    weights /= weights.sum(axis=1, keepdims=True)
    features = output.features.double().cpu().numpy().mean(axis=1)
    letters = output.letters.softmax(1).cpu().numpy()
    return _Look(
        logs=np.einsum("nt,ntc->nc", weights, logs),
        read=features.reshape(len(crops), -1).max(axis=1),
        amounts=amounts,
        letters=letters.reshape(*amounts.shape, *letters.shape[1:]),
    )


def _fit_legends(looks: Sequence[_Look]) -> NDArray[np.float64]:
    """How well the legends fit the mean of what the nets read, as logarithms (N, C)."""
    turns = np.sum([look.amounts for look in looks], axis=0).argmax(axis=1)
    coins = np.arange(len(turns))
    mean = np.mean([look.letters[coins, turns] for look in looks], axis=0)
    scores = [score_rulers(np.log(p + SMALLEST), DEFAULT_CLASSES) for p in mean]
    fit: NDArray[np.float64] = log_softmax(np.array(scores, np.float64), axis=1)
    return fit
