"""Augmented crops are still the same coins."""

import numpy as np
import torch

from coin_core.training.augmentation import (
    augment,
    augment_mirrored,
    randomize_appearance,
)


def test_augmentation_follows_the_seed_and_keeps_shape_and_content():
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 255, (4, 48, 48, 3), dtype=np.uint8)
    before = crops.copy()
    torch.manual_seed(3)
    one = augment(crops)
    torch.manual_seed(3)
    np.testing.assert_array_equal(augment(crops), one)
    assert one.shape == crops.shape
    assert one.dtype == np.uint8
    assert (one != crops).any()
    np.testing.assert_array_equal(crops, before)


def test_portraits_may_be_mirrored():
    crops = np.zeros((60, 32, 32, 3), dtype=np.uint8)
    crops[:, :, :16] = 200
    torch.manual_seed(0)
    changed = augment_mirrored(crops).mean(axis=(1, 3))
    mirrored = changed[:, 22:].mean(axis=1) > changed[:, :10].mean(axis=1)
    assert 10 <= mirrored.sum() <= 30


def test_a_coin_is_never_mirrored():
    crop = np.zeros((1, 64, 64, 3), dtype=np.uint8)
    crop[:, :, :32] = 200
    torch.manual_seed(0)
    for _ in range(40):
        changed = augment(crop)[0].mean(axis=(0, 2))
        assert changed[:20].mean() > changed[44:].mean()


def test_randomizing_the_appearance_moves_nothing() -> None:
    spot = torch.zeros(64, 3, 64, 64)
    spot[:, :, 40:48, 16:24] = 4
    torch.manual_seed(0)
    changed = randomize_appearance(spot)
    assert changed.shape == spot.shape
    assert changed.isfinite().all()
    same = (changed == spot).flatten(1).all(1)
    assert 0.1 < same.float().mean() < 0.6
    strong = (changed - changed.mean((2, 3), keepdim=True)).abs().mean(1)
    inside = strong[:, 41:47, 17:23].mean((1, 2))
    assert (inside > strong.mean((1, 2)))[~same].float().mean() > 0.9


def test_a_batch_of_which_no_coin_is_changed_stays_as_it_is():
    coins = torch.randn(1, 3, 32, 32)
    torch.manual_seed(0)
    unchanged = [torch.equal(randomize_appearance(coins), coins) for _ in range(20)]
    assert 0 < sum(unchanged) < 20
