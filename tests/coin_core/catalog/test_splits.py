"""Dividing coins, joining them, comparing hashes: plain functions."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coin_core.catalog.licences import is_free, licence_page, read_licence
from coin_core.catalog.splits import (
    Split,
    check_shares,
    divide,
    join_coins,
    near_pairs,
    rare_rulers,
)
from coin_core.errors import CatalogError

SHARES = (0.7, 0.15, 0.15)


def coins(**counts):
    return {f"{ruler}-{i}": ruler for ruler, n in counts.items() for i in range(n)}


def count(divided, rulers, ruler, split):
    return sum(divided[k] is split for k, r in rulers.items() if r == ruler)


def test_each_ruler_is_divided_by_the_same_shares():
    rulers = coins(leo=100, zeno=20)
    divided = divide(rulers, shares=SHARES, seed=0)
    assert [count(divided, rulers, "leo", split) for split in Split] == [70, 15, 15]
    assert [count(divided, rulers, "zeno", split) for split in Split] == [14, 3, 3]


def test_the_seed_decides_and_the_order_of_coins_does_not():
    rulers = coins(leo=40, zeno=9)
    shuffled = list(rulers.items())
    random.Random(1).shuffle(shuffled)
    first = divide(rulers, shares=SHARES, seed=5)
    assert divide(dict(shuffled), shares=SHARES, seed=5) == first
    assert divide(rulers, shares=SHARES, seed=6) != first


def test_coins_that_come_later_move_few_others():
    before = divide(coins(leo=200), shares=SHARES, seed=0)
    after = divide(coins(leo=220), shares=SHARES, seed=0)
    moved = sum(before[key] is not after[key] for key in before)
    assert moved <= 12
    # Drawn anew, about half of them would move.
    drawn = divide(coins(leo=200), shares=SHARES, seed=1)
    assert sum(before[key] is not drawn[key] for key in before) > 60


@settings(max_examples=25)
@given(st.dictionaries(st.sampled_from("abcde"), st.integers(1, 40), min_size=1))
def test_every_ruler_keeps_a_coin_to_learn_from(counts):
    rulers = coins(**counts)
    divided = divide(rulers, shares=SHARES, seed=3)
    assert divided.keys() == rulers.keys()
    for ruler, number in counts.items():
        assert count(divided, rulers, ruler, Split.TRAIN) >= 1
        if number >= 3:
            assert count(divided, rulers, ruler, Split.TEST) >= 1
            assert count(divided, rulers, ruler, Split.VALIDATION) >= 1


def test_a_share_of_nothing_gets_nothing():
    rulers = coins(leo=10)
    divided = divide(rulers, shares=(0.8, 0.0, 0.2), seed=0)
    assert count(divided, rulers, "leo", Split.VALIDATION) == 0


@pytest.mark.parametrize(
    "shares", [(0.5, 0.5), (0.5, 0.4, 0.4), (0, 0.5, 0.5), (1.5, -0.5, 0)]
)
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(CatalogError, match="sum to 1"):
        check_shares(shares)


def test_rare_rulers_are_named():
    assert rare_rulers(coins(leo=30, zeno=29)) == {"zeno": 29}


def test_coins_are_joined_through_others():
    assert join_coins([1, 2, 3, 9], [(3, 2), (2, 1)]) == {1: 1, 2: 1, 3: 1, 9: 9}


@settings(max_examples=25)
@given(
    st.lists(st.integers(0, 2**256 - 1), min_size=1, max_size=12), st.integers(0, 140)
)
def test_near_hashes_are_found(numbers, most):
    hashes = [f"{number:064x}" for number in numbers]
    wanted = [
        (i, j, (numbers[i] ^ numbers[j]).bit_count())
        for i in range(len(numbers))
        for j in range(i + 1, len(numbers))
        if (numbers[i] ^ numbers[j]).bit_count() <= most
    ]
    assert near_pairs(hashes, most) == wanted


def test_near_hashes_are_found_across_the_blocks_of_many():
    hashes = [f"{number * 2**128 + number:064x}" for number in range(5000)]
    told = []
    pairs = near_pairs(["", *hashes, hashes[3]], 2, lambda *stand: told.append(stand))
    wanted = sum(
        (k ^ (1 << bit)) > k
        for k in range(5000)
        for bit in range(13)
        if k ^ (1 << bit) < 5000
    )
    assert (
        sum(bits == 2 for *_, bits in pairs) == wanted + 13
    )  # those near the last one too
    assert (4, 5001, 0) in pairs
    assert told[-1] == (5002, 5002)
    assert told == sorted(told)


def test_photos_without_hash_are_like_nothing():
    assert near_pairs(["", "", "ff", "ff", "00ff"], 0) == [(2, 3, 0)]


@pytest.mark.parametrize(
    ("licence", "free"),
    [
        ("cc0-1.0", True),
        ("pdm-1.0", True),
        ("public-domain", True),
        ("cc-by-4.0", True),
        ("CC BY-SA 3.0", True),
        ("cc-by-sa-3.0-de", True),
        ("gfdl-1.2", True),
        ("fal-1.3", True),
        ("cc-by-nc-4.0", False),
        ("cc-by-nc", False),
        ("cc-by-nd-4.0", False),
        ("cc-by-nc-sa-4.0", False),
        ("cc-by-4.0-nc", False),
        ("public-domain-not", False),
        ("all-rights-reserved", False),
        ("", False),
        (None, False),
    ],
)
def test_which_licences_are_free(licence, free):
    assert is_free(licence) is free


def test_licences_have_pages():
    assert licence_page("cc-by-sa-4.0").endswith("/licenses/by-sa/4.0/")
    assert licence_page("cc0-1.0").endswith("/publicdomain/zero/1.0/")
    assert licence_page("own") == ""


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("CC BY-SA 4.0", "cc-by-sa-4.0"),
        ("by-nc 3.0", "cc-by-nc-3.0"),
        ("https://creativecommons.org/licenses/by/4.0/deed.de", "cc-by-4.0"),
        ("http://creativecommons.org/licenses/by-nc-sa/3.0/", "cc-by-nc-sa-3.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "cc0-1.0"),
        ("Public Domain Mark 1.0", "public-domain"),
        ("own photo", "own-photo"),
        ("", None),
        ("ask me first " * 9, None),
    ],
)
def test_licences_are_read_as_they_are_written(written, key):
    assert read_licence(written) == key
