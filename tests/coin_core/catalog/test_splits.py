"""Splitting and joining coins: plain functions."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coin_core.catalog.splits import (
    Split,
    check_fractions,
    join_coins,
    rare_rulers,
    split_coins,
)
from coin_core.errors import CatalogError

FRACTIONS = (0.7, 0.15, 0.15)


def coins(**counts):
    return {f"{ruler}-{i}": ruler for ruler, n in counts.items() for i in range(n)}


def count(divided, rulers, ruler, split):
    return sum(divided[k] is split for k, r in rulers.items() if r == ruler)


def test_each_ruler_is_divided_by_the_same_shares():
    rulers = coins(leo=100, zeno=20)
    divided = split_coins(rulers, fractions=FRACTIONS, seed=0)
    assert [count(divided, rulers, "leo", split) for split in Split] == [70, 15, 15]
    assert [count(divided, rulers, "zeno", split) for split in Split] == [14, 3, 3]


def test_the_seed_decides_and_the_order_of_coins_does_not():
    rulers = coins(leo=40, zeno=9)
    shuffled = list(rulers.items())
    random.Random(1).shuffle(shuffled)
    first = split_coins(rulers, fractions=FRACTIONS, seed=5)
    assert split_coins(dict(shuffled), fractions=FRACTIONS, seed=5) == first
    assert split_coins(rulers, fractions=FRACTIONS, seed=6) != first


def test_coins_that_come_later_move_few_others():
    before = split_coins(coins(leo=200), fractions=FRACTIONS, seed=0)
    after = split_coins(coins(leo=220), fractions=FRACTIONS, seed=0)
    moved = sum(before[key] is not after[key] for key in before)
    assert moved <= 12
    # Drawn anew, about half of them would move.
    drawn = split_coins(coins(leo=200), fractions=FRACTIONS, seed=1)
    assert sum(before[key] is not drawn[key] for key in before) > 60


@settings(max_examples=25)
@given(st.dictionaries(st.sampled_from("abcde"), st.integers(1, 40), min_size=1))
def test_every_ruler_keeps_a_coin_to_learn_from(counts):
    rulers = coins(**counts)
    divided = split_coins(rulers, fractions=FRACTIONS, seed=3)
    assert divided.keys() == rulers.keys()
    for ruler, number in counts.items():
        assert count(divided, rulers, ruler, Split.TRAIN) >= 1
        if number >= 3:
            assert count(divided, rulers, ruler, Split.TEST) >= 1
            assert count(divided, rulers, ruler, Split.VALIDATION) >= 1


def test_a_share_of_nothing_gets_nothing():
    rulers = coins(leo=10)
    divided = split_coins(rulers, fractions=(0.8, 0.0, 0.2), seed=0)
    assert count(divided, rulers, "leo", Split.VALIDATION) == 0


@pytest.mark.parametrize(
    "shares", [(0.5, 0.5), (0.5, 0.4, 0.4), (0, 0.5, 0.5), (1.5, -0.5, 0)]
)
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(CatalogError, match="sum to 1"):
        check_fractions(shares)


def test_rare_rulers_are_named():
    assert rare_rulers(coins(leo=30, zeno=29)) == {"zeno": 29}


def test_coins_are_joined_through_others():
    assert join_coins([1, 2, 3, 9], [(3, 2), (2, 1)]) == {1: 1, 2: 1, 3: 1, 9: 9}
