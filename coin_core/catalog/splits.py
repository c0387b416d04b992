"""Divide coins among training, validation and test. Plain functions, no database."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from coin_core.errors import CatalogError

RARE_COINS = 30
"""Below this many coins of a ruler, an accuracy measured on them says little."""


class Split(StrEnum):
    """What a coin of a version is for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


Fractions = tuple[float, float, float]


def check_fractions(fractions: Sequence[float]) -> Fractions:
    """Fractions of training, validation and test that sum to 1.

    Raises:
        CatalogError: They do not, or nothing is left for training.
    """
    valid = len(fractions) == 3 and all(0 <= fraction <= 1 for fraction in fractions)
    if not valid or abs(sum(fractions) - 1) > 1e-6 or fractions[0] == 0:
        given = ", ".join(f"{fraction:g}" for fraction in fractions)
        raise CatalogError(
            "Shares of training, validation and test are three numbers from 0 to 1 "
            f"that sum to 1, the first above 0; got {given}. Usual are 0.7, 0.15, 0.15."
        )
    return fractions[0], fractions[1], fractions[2]


def split_coins(
    rulers: Mapping[str, str], *, fractions: Fractions, seed: int
) -> dict[str, Split]:
    """A split for each coin, with the same fractions for each ruler.

    The order of the coins depends only on the seed and each coin's own key. So a coin
    that joins later moves few others, and a coin in the test set of one version is
    nearly always in the test set of the next.
    """
    coins: dict[str, list[str]] = defaultdict(list)
    for key, ruler in rulers.items():
        coins[ruler].append(key)
    splits = {}
    for keys in coins.values():
        ordered = sorted(
            keys, key=lambda key: hashlib.sha256(f"{seed} {key}".encode()).hexdigest()
        )
        test, validation = _split_sizes(len(ordered), fractions)
        for place, key in enumerate(ordered):
            if place < test:
                splits[key] = Split.TEST
            elif place < test + validation:
                splits[key] = Split.VALIDATION
            else:
                splits[key] = Split.TRAIN
    return splits


def _split_sizes(coins: int, fractions: Fractions) -> tuple[int, int]:
    """Coins for test and validation; at least one is left for training."""
    sizes = []
    for fraction in (fractions[2], fractions[1]):
        size = round(coins * fraction)
        sizes.append(max(1, size) if fraction and coins >= 3 else size)
    test = min(sizes[0], coins - 1)
    return test, min(sizes[1], coins - 1 - test)


def rare_rulers(rulers: Mapping[str, str]) -> dict[str, int]:
    """Rulers with fewer than `RARE_COINS` coins, and how many coins they have."""
    counts = sorted(Counter(rulers.values()).items())
    return {ruler: count for ruler, count in counts if count < RARE_COINS}


def join_coins(
    coins: Iterable[int], pairs: Iterable[tuple[int, int]]
) -> dict[int, int]:
    """The group of each coin, where the coins of a pair share a group.

    A group is named by its lowest coin.
    """
    from scipy.cluster.hierarchy import DisjointSet

    groups = DisjointSet(coins)
    for one, other in pairs:
        groups.merge(one, other)
    return {coin: min(group) for group in groups.subsets() for coin in group}
