"""Coins that look unlike those that a classifier learned from."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from coin_core.classifiers.legend_net import FEATURES
from coin_core.classifiers.scope import (
    MIN_COINS,
    fit_scope,
    outside_in_turn,
    outside_scope,
)
from coin_core.classifiers.torch_classifier import (
    LEAST_READ,
    find_least_read,
    how_much_read,
    too_little_read,
)
from coin_core.model_store.card import Card, card_from_json, card_to_json

_CHANNELS = 24


def embeddings(
    count: int, seed: int, shift: float = 0.0, tilt: float = 0.0
) -> NDArray[np.float32]:
    """Embeddings of 16 cells a channel; coins vary along one direction most."""
    rng = np.random.default_rng(seed)
    along = np.linspace(-1, 1, _CHANNELS)
    odd = np.where(np.arange(_CHANNELS) % 2, 1.0, -1.0)
    means = rng.normal(0, 3, (count, 1)) * along + rng.normal(0, 1, (count, _CHANNELS))
    means += shift + tilt * odd
    cells = means[:, :, None] + rng.normal(0, 0.5, (count, _CHANNELS, 16))
    return cells.reshape(count, -1).astype(np.float32)


def test_coins_of_the_same_kind_are_inside_and_others_are_not() -> None:
    scope = fit_scope(embeddings(200, 0), np.arange(200))
    # One in 33 is refused by design.
    assert outside_scope(scope, embeddings(400, 1)).mean() < 0.08
    assert outside_scope(scope, embeddings(50, 2, shift=4)).mean() > 0.9
    assert outside_scope(scope, embeddings(50, 3, tilt=3)).mean() > 0.9


def test_coins_to_learn_from_are_held_against_the_others() -> None:
    rows, groups = embeddings(100, 0), np.arange(100)
    rows[7] += 9
    scope = fit_scope(rows, groups)
    outside = outside_in_turn(scope, rows, groups)
    assert outside[7]
    assert outside.sum() == 3  # as many as are refused by design
    assert not outside_in_turn({}, rows, groups).any()


def test_photos_of_one_coin_are_held_out_together() -> None:
    """Copies would make held-out coins look nearer than new ones are."""
    one_each = embeddings(40, 0)
    doubled = np.repeat(one_each, 2, axis=0)
    scope = fit_scope(doubled, np.repeat(np.arange(40), 2))
    assert scope["limit"] == pytest.approx(
        fit_scope(one_each, np.arange(40))["limit"], rel=0.2
    )


def test_of_too_few_coins_nothing_is_said() -> None:
    few = MIN_COINS - 1
    assert fit_scope(embeddings(2 * few, 0), np.arange(2 * few) // 2) == {}
    assert not outside_scope({}, embeddings(3, 1, shift=99)).any()


def test_rows_that_are_no_numbers_are_left_to_the_probabilities() -> None:
    scope = fit_scope(embeddings(40, 0), np.arange(40))
    rows = embeddings(2, 1)
    rows[0] = np.nan
    assert not outside_scope(scope, rows)[0]


def a_card(**changes: object) -> Card:
    values = {"name": "own", "classifier": "svm", "title": "t", "classes": ("a", "b")}
    files = {"model.skops": "0" * 64}
    return Card(**(values | {"files": files} | changes))  # type: ignore[arg-type]


def test_a_card_keeps_the_scope_and_one_without_it_stays_as_it_was() -> None:
    scope = fit_scope(embeddings(40, 0), np.arange(40))
    read = card_from_json(card_to_json(a_card(scope=scope)).encode())
    shown = embeddings(30, 1, tilt=1)
    before, after = (outside_scope(one, shown) for one in (scope, read.scope))
    assert (before == after).all()
    assert "scope" not in json.loads(card_to_json(a_card()))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mean": [1.0]}, "one length"),
        ({"mean": "abc"}, "lists"),
        ({"scale": [0.0] * _CHANNELS}, "above 0"),
        ({"axes": [[1.0] * _CHANNELS] * 17}, "at most"),
        ({"limit": -1.0}, "limit"),
        ({"limit": "1"}, "number"),
        ({"more": 1}, "scope holds"),
        ({"axes": [[True] * _CHANNELS]}, "number"),
    ],
)
def test_a_scope_that_makes_no_sense_is_refused(
    changes: dict[str, object], said: str
) -> None:
    scope = fit_scope(embeddings(40, 0), np.arange(40)) | changes
    with pytest.raises(ValueError, match=said):
        a_card(scope=scope)


def test_too_little_is_what_four_legible_coins_in_a_hundred_have() -> None:
    rng = np.random.default_rng(0)
    read = rng.uniform(1, 2, 500)[:, None] * rng.random((500, FEATURES))
    # What a net finds besides the legend says nothing of it.
    besides = rng.normal(50, 100, (500, 64))
    legible = np.hstack([read, besides]).astype(np.float32)
    sure = np.full(500, 0.99, np.float32)
    limits = {LEAST_READ: find_least_read(legible, sure)}
    assert too_little_read(limits, legible, sure).sum() == 20
    assert too_little_read(limits, legible[:9] * np.float32(0.4), sure[:9]).all()
    assert not too_little_read({}, legible * 0, sure).any()


def test_what_is_read_counts_less_the_less_sure_a_legend_is_there() -> None:
    rows = np.ones((5, FEATURES), np.float32)
    sureness = np.array([0.0, 0.3, 0.6, 0.9, 0.99], np.float32)
    read = how_much_read(rows, sureness)
    assert (np.diff(read) > 0).all()
    assert read[-1] == pytest.approx(1)
    certain = np.array([0.999, 1.0], np.float32)
    assert how_much_read(rows[:2], certain).tolist() == [1, 1]
    limits = {LEAST_READ: 0.6}
    refused = too_little_read(limits, rows, sureness)
    assert refused.tolist() == [True, True, True, False, False]


def test_a_row_that_is_no_number_is_not_too_little() -> None:
    rows = np.zeros((2, FEATURES), np.float32)
    rows[0, 5] = np.nan
    sure = np.ones(2, np.float32)
    assert too_little_read({LEAST_READ: 1.0}, rows, sure).tolist() == [False, True]
