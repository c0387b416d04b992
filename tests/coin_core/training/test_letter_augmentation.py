"""Letter maps are spoilt as worse coins spoil them, and no more than that."""

import numpy as np
import pytest
import torch

from coin_core.classifiers.legend_net import LETTER_CLASSES
from coin_core.training.letter_augmentation import spoil_letters

COINS, LETTERS, CELLS = 300, LETTER_CLASSES - 1, 16


@pytest.fixture(scope="module")
def maps() -> torch.Tensor:
    """A letter of 2 x 2 cells in each square of a field of 3 x 3 letters."""
    rng = np.random.default_rng(3)
    p = torch.zeros(COINS, LETTERS, CELLS, CELLS)
    for coin in range(COINS):
        for place in range(9):
            row, column = 2 + 4 * (place // 3), 2 + 4 * (place % 3)
            letter = int(rng.integers(LETTERS))
            p[coin, letter, row : row + 2, column : column + 2] = 0.96
    return p


def test_a_seed_gives_the_same_probabilities_which_are_probabilities(maps):
    spoilt = spoil_letters(maps, 5)
    assert spoilt.shape == maps.shape
    assert torch.equal(spoilt, spoil_letters(maps, 5))
    assert not torch.equal(spoilt, spoil_letters(maps, 6))
    assert spoilt.min() >= 0
    assert spoilt.sum(1).max() <= 1 + 1e-5
    before = torch.random.get_rng_state()
    spoil_letters(maps[:2], 5)
    assert torch.equal(before, torch.random.get_rng_state())


def test_some_letters_are_lost_and_some_misread_and_most_that_are_left_are_right(maps):
    spoilt = spoil_letters(maps, 7)
    # Poses move letters by less than half their distance, so the place tells which.
    near = torch.nn.functional.max_pool2d(spoilt, 5, 1, 2)[:, :, 3:12:4, 3:12:4]
    truth = torch.nn.functional.max_pool2d(maps, 3, 1, 1)[:, :, 3:12:4, 3:12:4]
    read = near.amax(1) > 0.3
    right = near.argmax(1) == truth.argmax(1)
    assert 0.4 < read.float().mean() < 0.9
    assert 0.75 < right[read].float().mean() < 0.97
    of_coin = read.float().mean((1, 2))
    assert (of_coin < 0.5).float().mean() > 0.05
    assert (of_coin > 0.85).float().mean() > 0.1


def test_arcs_are_lost_as_a_whole(maps):
    """Neighbours are lost together more often than letters far from each other."""
    lost = spoil_letters(maps, 9).amax(1)
    lost = torch.nn.functional.max_pool2d(lost[:, None], 5, 1, 2)[:, 0]
    lost = (lost[:, 3:12:4, 3:12:4] < 0.2).float()
    one = lost - lost.mean((1, 2), keepdim=True)
    near = (one[:, :, :2] * one[:, :, 1:]).mean() + (one[:, :2] * one[:, 1:]).mean()
    far = (one[:, 0, 0] * one[:, 2, 2] + one[:, 0, 2] * one[:, 2, 0]).mean()
    assert near > far + 0.01
