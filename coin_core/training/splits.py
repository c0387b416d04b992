"""Splits by coin: photos of one coin are never on both sides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coin_core.errors import TrainingDataError
from coin_core.i18n import _
from coin_core.results import class_title

Indices = NDArray[np.int64]


def split_by_coin(
    y: ArrayLike, groups: ArrayLike, *, folds: int, seed: int
) -> Iterator[tuple[Indices, Indices]]:
    """Rows to learn from and rows to measure on, `folds` times.

    Args:
        y: The label of each row, (N,).
        groups: The coin of each row, (N,).
        folds: How many; every row is measured on exactly once.
        seed: Fixes the shuffle.

    Raises:
        TrainingDataError: Some class has fewer coins than there are folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    labels, coins = np.asarray(y), np.asarray(groups)
    check_enough(coins_per_class(labels, coins), folds=folds)
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    yield from splitter.split(np.zeros(len(labels)), labels, coins)


def hold_out_by_coin(
    y: ArrayLike, groups: ArrayLike, *, fraction: float, seed: int
) -> tuple[Indices, Indices]:
    """One split: rows to learn from, and about `fraction` of the rows held out.

    Of each class that share of its coins is held out, and at least one. A class of a
    single coin is kept for training: it cannot be on both sides.

    Raises:
        TrainingDataError: Each class has only one coin.
    """
    labels, coins = np.asarray(y), np.asarray(groups)
    of_class = {label: np.unique(coins[labels == label]) for label in np.unique(labels)}
    single = [label for label, own in of_class.items() if len(own) == 1]
    if len(single) == len(of_class):
        raise TrainingDataError(
            f"Each class has only one coin to learn from "
            f"({', '.join(map(class_title, single))}): none is left to choose the "
            "epoch by. Add photos."
        )
    rng = np.random.default_rng(seed)
    chosen = [
        rng.permutation(own)[: max(1, round(fraction * len(own)))]
        for label, own in of_class.items()
        if label not in single
    ]
    is_held_out = np.isin(coins, np.concatenate(chosen))
    is_held_out &= ~np.isin(coins, coins[np.isin(labels, single)])
    return np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)


def coins_per_class(y: ArrayLike, groups: ArrayLike) -> dict[str, int]:
    """How many coins each label has; several photos of one count once."""
    labels, coins = np.asarray(y), np.asarray(groups)
    return {
        str(label): len(np.unique(coins[labels == label]))
        for label in np.unique(labels)
    }


def check_enough(
    per_class: Mapping[str, int], *, folds: int, to_learn: int = 1
) -> None:
    """Refuse a cross-validation for which a class has too few coins, with the counts.

    Args:
        per_class: Coins of each class.
        folds: Of the cross-validation.
        to_learn: Coins of each class that must be left to learn from in a fold.

    Raises:
        TrainingDataError: There are too few classes, coins or folds.
    """
    counts = ", ".join(f"{class_title(key)}: {n:,}" for key, n in per_class.items())
    if len(per_class) < 2:
        raise TrainingDataError(
            "Training needs coins of at least two classes; here are "
            f"{counts or 'none'}. Add photos of another class, or label more."
        )
    if folds < 2:
        raise TrainingDataError(f"A split needs at least 2 folds, not {folds}.")
    least = folds
    while least - -(-least // folds) < to_learn:
        least += 1
    if min(per_class.values()) < least:
        raise TrainingDataError(
            f"{folds} folds need at least {least} coins of each class; here are "
            f"{counts}. Add photos of the rare classes, or take fewer folds."
        )


# Below this the figures of a class say little: 20 of 25 is 61 to 91 %.
FEW_COINS = 30


def few_coins_warning(per_class: Mapping[str, int]) -> str:
    """One sentence on the classes with too few coins to trust; "" without any."""
    few = {label: count for label, count in per_class.items() if count < FEW_COINS}
    if not few:
        return ""
    named = ", ".join(f"{class_title(key)} ({count})" for key, count in few.items())
    return _(
        "Fewer than {count} coins of {named}: what is measured for so few may be far "
        "off. Add coins before relying on it."
    ).format(count=FEW_COINS, named=named)
