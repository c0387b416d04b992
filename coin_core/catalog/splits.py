"""Dividing coins among training, validation and test, and finding what leaks.

Plain functions over plain values: nothing here knows the database.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from coin_core.errors import CatalogError

# Below this many coins of a ruler, a share measured on them says little.
RARE_COINS = 30
# Photos are compared in blocks of so many, which stay in the processor's cache.
_ROWS, _COLUMNS = 64, 4096


class Split(StrEnum):
    """What a coin of a version is for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


Shares = tuple[float, float, float]


def check_shares(shares: Sequence[float]) -> Shares:
    """Shares of training, validation and test that sum to 1.

    Raises:
        CatalogError: They do not, or nothing is left to train on.
    """
    whole = len(shares) == 3 and all(0 <= share <= 1 for share in shares)
    if not whole or abs(sum(shares) - 1) > 1e-6 or shares[0] == 0:
        given = ", ".join(f"{share:g}" for share in shares)
        raise CatalogError(
            "Shares of training, validation and test are three numbers from 0 to 1 "
            f"that sum to 1, the first above 0; got {given}. Usual are 0.7, 0.15, 0.15."
        )
    return shares[0], shares[1], shares[2]


def divide(rulers: Mapping[str, str], *, shares: Shares, seed: int) -> dict[str, Split]:
    """A split for each coin, each ruler divided by the same shares.

    The order in which coins are taken comes from the seed and the coin's own key
    alone. So a coin that joins the collection later moves few of the others, and a
    coin of one version's test set nearly always is one of the next version's.

    Args:
        rulers: The ruler of each coin, by the coin's key.
        shares: Of training, validation and test; they sum to 1.
        seed: Fixes the order.
    """
    coins: dict[str, list[str]] = defaultdict(list)
    for key, ruler in rulers.items():
        coins[ruler].append(key)
    divided = {}
    for keys in coins.values():
        ordered = sorted(keys, key=lambda key: _rank(key, seed))
        test, validation = _counts(len(ordered), shares)
        for place, key in enumerate(ordered):
            if place < test:
                divided[key] = Split.TEST
            elif place < test + validation:
                divided[key] = Split.VALIDATION
            else:
                divided[key] = Split.TRAIN
    return divided


def _rank(key: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {key}".encode()).hexdigest()


def _counts(coins: int, shares: Shares) -> tuple[int, int]:
    """Coins for test and for validation; one for training stays in any case."""
    wanted = [round(coins * shares[2]), round(coins * shares[1])]
    if coins >= 3:
        wanted = [
            max(1, count) if share else 0
            for count, share in zip(wanted, (shares[2], shares[1]), strict=True)
        ]
    test = min(wanted[0], coins - 1)
    return test, min(wanted[1], coins - 1 - test)


def rare_rulers(rulers: Mapping[str, str]) -> dict[str, int]:
    """Rulers with fewer than `RARE_COINS` coins, and how many they have."""
    counts = Counter(rulers.values())
    return {
        ruler: counts[ruler] for ruler in sorted(counts) if counts[ruler] < RARE_COINS
    }


def join_coins(
    coins: Iterable[int], pairs: Iterable[tuple[int, int]]
) -> dict[int, int]:
    """The group of each coin, when coins of a pair belong together.

    A group is called after its lowest coin.
    """
    parent = {coin: coin for coin in coins}

    def root(coin: int) -> int:
        while parent[coin] != coin:
            parent[coin] = parent[parent[coin]]
            coin = parent[coin]
        return coin

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return {coin: root(coin) for coin in parent}


def near_pairs(
    hashes: Sequence[str],
    most_bits: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[tuple[int, int, int]]:
    """Rows whose perceptual hashes differ in at most so many bits.

    Args:
        hashes: Hexadecimal, of any lengths; "" is like nothing.
        most_bits: How many bits may differ.
        progress: Called with rows compared with all others and rows in all.

    Returns:
        (first row, second row, bits that differ), the first row below the second.
        Only hashes of one length are compared.
    """
    by_length: dict[int, list[int]] = defaultdict(list)
    for row, text in enumerate(hashes):
        by_length[len(text)].append(row)
    done = len(by_length.pop(0, ()))
    pairs: list[tuple[int, int, int]] = []
    for rows in by_length.values():
        words = _words([hashes[row] for row in rows])
        for first in range(0, len(rows), _ROWS):
            here = words[first : first + _ROWS]
            for second in range(first, len(rows), _COLUMNS):
                near = _near(here, words[second : second + _COLUMNS], most_bits)
                pairs += [
                    (rows[first + i], rows[second + j], bits)
                    for i, j, bits in near
                    if first + i < second + j
                ]
            done += len(here)
            if progress is not None:
                progress(done, len(hashes))
    return sorted(pairs)


def _near(
    one: NDArray[np.uint64], other: NDArray[np.uint64], most_bits: int
) -> Iterable[tuple[int, int, int]]:
    """Rows of one and of the other that are near, and the bits that differ."""
    # Half of each hash rules nearly all pairs out.
    half = -(-one.shape[1] // 2)
    i, j = np.nonzero(_differing(one[:, :half], other[:, :half]) <= most_bits)
    bits = np.bitwise_count(one[i] ^ other[j]).sum(axis=1)
    near = bits <= most_bits
    return zip(i[near].tolist(), j[near].tolist(), bits[near].tolist(), strict=True)


def bits_between(one: Sequence[str], other: Sequence[str]) -> NDArray[np.uint16]:
    """Bits that differ between each hash of one and each of the other, (N, M).

    All are hexadecimal and of one length.
    """
    return _differing(_words(list(one)), _words(list(other)))


def _words(hashes: list[str]) -> NDArray[np.uint64]:
    """The hashes as whole 64-bit words, (N, W)."""
    width = -(-len(hashes[0]) // 16) * 16
    data = bytes.fromhex("".join(text.zfill(width) for text in hashes))
    return np.frombuffer(data, dtype=">u8").reshape(len(hashes), -1).astype(np.uint64)


def _differing(
    one: NDArray[np.uint64], other: NDArray[np.uint64]
) -> NDArray[np.uint16]:
    """Bits that differ between each row of one and each of the other."""
    apart = np.zeros((len(one), len(other)), dtype=np.uint16)
    for word in range(one.shape[1]):
        apart += np.bitwise_count(one[:, word, None] ^ other[None, :, word])
    return apart
