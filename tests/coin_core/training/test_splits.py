"""Photos of one coin stay together."""

import numpy as np
import pytest

from coin_core.errors import TrainingDataError
from coin_core.training.splits import check_enough, hold_out_by_coin, split_by_coin

Y = np.array(["a", "a", "b", "b"] * 15)
COINS = np.array([f"{i // 2}" for i in range(60)])


def test_every_row_is_measured_once_and_no_coin_is_on_both_sides():
    measured = []
    for learn, measure in split_by_coin(Y, COINS, folds=5, seed=0):
        assert not set(COINS[learn]) & set(COINS[measure])
        assert set(Y[measure]) == {"a", "b"}
        measured.extend(measure)
    assert sorted(measured) == list(range(60))


def test_the_seed_settles_the_split():
    one = [m.tolist() for _, m in split_by_coin(Y, COINS, folds=3, seed=4)]
    assert one == [m.tolist() for _, m in split_by_coin(Y, COINS, folds=3, seed=4)]
    assert one != [m.tolist() for _, m in split_by_coin(Y, COINS, folds=3, seed=5)]


def test_a_share_is_held_out():
    learn, held_out = hold_out_by_coin(Y, COINS, fraction=0.15, seed=0)
    assert len(learn) + len(held_out) == 60
    assert 6 <= len(held_out) <= 14
    assert not set(COINS[learn]) & set(COINS[held_out])


@pytest.mark.parametrize("rare", [2, 3, 5])
def test_a_rare_class_costs_the_others_no_more_coins(rare):
    y = np.array(["a"] * 100 + ["b"] * 100 + ["c"] * rare)
    _, held_out = hold_out_by_coin(y, range(len(y)), fraction=0.15, seed=0)
    per_class = {label: int((y[held_out] == label).sum()) for label in "abc"}
    assert per_class == {"a": 15, "b": 15, "c": 1}


def test_a_single_coin_of_a_class_is_learnt_from_and_the_rest_held_out():
    y = np.array(["a"] * 6 + ["b"] * 6 + ["c", "c"])
    coins = np.array([*range(12), 12, 12])
    learn, held_out = hold_out_by_coin(y, coins, fraction=0.15, seed=0)
    assert {12, 13} <= set(learn)
    assert set(y[held_out]) == {"a", "b"}
    assert sorted([*learn, *held_out]) == list(range(14))
    with pytest.raises(TrainingDataError, match="only one coin"):
        hold_out_by_coin(["a", "b", "b"], [1, 2, 2], fraction=0.15, seed=0)


@pytest.mark.parametrize(
    ("y", "folds", "said"),
    [
        (["a"] * 4, 2, "two classes"),
        (
            ["a", "a", "a", "b"],
            2,
            "at least 2 coins of each class; here are a: 3, b: 1",
        ),
        (["a", "a", "b", "b"], 1, "at least 2 folds"),
    ],
)
def test_what_cannot_be_split_is_refused(y, folds, said):
    with pytest.raises(TrainingDataError, match=said):
        list(split_by_coin(y, range(4), folds=folds, seed=0))


@pytest.mark.parametrize(
    ("per_class", "folds", "least"),
    [({"a": 9, "b": 5}, 5, None), ({"a": 9, "b": 4}, 5, 5), ({"a": 9, "b": 5}, 2, 6)],
)
def test_enough_coins_are_left_to_learn_from_in_each_fold(per_class, folds, least):
    if least is None:
        check_enough(per_class, folds=folds, to_learn=3)
        return
    with pytest.raises(TrainingDataError, match=f"at least {least} coins") as refused:
        check_enough(per_class, folds=folds, to_learn=3)
    assert "a: 9, b: " in str(refused.value)


def test_people_read_names_of_rulers_and_no_keys():
    with pytest.raises(TrainingDataError, match="Judah Aristobulus I: 2"):
        check_enough({"judah_aristobulus_i": 2, "john_hyrcanus_i": 9}, folds=5)
