"""Coins in two splits of a version that nobody has grouped, found by their look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from coin_core.catalog._division import bits_between
from coin_core.catalog._hashing import HASH_BITS, MAX_APART, SAME_PICTURE, compare_looks
from coin_core.catalog._matching import Looks
from coin_core.catalog._version_values import Leak, Version, VersionItem, nearness

if TYPE_CHECKING:
    from coin_core.catalog import Catalog

_MOST_COMPARED = 5
_BLOCK = 512


def find_lookalikes(
    catalog: Catalog,
    version: Version,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Leak, ...]:
    """Pairs in different splits whose pictures, laid over each other, are the same.

    Finds what `leaks` cannot see in the hashes alone, such as a cropped copy that was
    given a coin of its own. Each photo is compared with the few photos of other splits
    whose hashes are nearest. Another picture of the coin, under another light, is not
    recognised.

    Args:
        catalog: Where the originals are; what cannot be read is passed over.
        version: The version to look through.
        progress: Called with photos done and photos in all.
    """
    items = [i for i in version.items if i.photo_id and len(i.phash) == HASH_BITS // 4]
    there = {p.photo_id: p for p in catalog.photos([i.photo_id or 0 for i in items])}
    looks = Looks(catalog)
    found: dict[tuple[str, str], Leak] = {}
    for done, (item, others) in enumerate(_nearest(items), 1):
        for other, bits in others:
            first, second = sorted((item, other), key=nearness)
            key = (first.sha256, second.sha256)
            if key in found or first.coin_now == second.coin_now:
                continue
            one = looks.of(there[item.photo_id or 0])
            two = looks.of(there[other.photo_id or 0])
            if one is None or two is None or compare_looks(one, two) < SAME_PICTURE:
                continue
            found[key] = Leak(first=first, second=second, why="same_picture", bits=bits)
        if progress is not None:
            progress(done, len(items))
    return tuple(found.values())


def _nearest(
    items: list[VersionItem],
) -> Iterator[tuple[VersionItem, list[tuple[VersionItem, int]]]]:
    """Each photo with those of other splits whose hashes are nearest, and how near."""
    splits = np.array([str(item.split) for item in items])
    hashes = [item.phash for item in items]
    for begin in range(0, len(items), _BLOCK):
        apart = bits_between(hashes[begin : begin + _BLOCK], hashes)
        for row, bits in enumerate(apart, begin):
            bits[splits == splits[row]] = HASH_BITS
            near = np.flatnonzero(bits <= MAX_APART)
            near = near[np.argsort(bits[near], kind="stable")][:_MOST_COMPARED]
            yield items[row], [(items[k], int(bits[k])) for k in near.tolist()]
