import numpy as np
import pytest

from coin_core.rendering.noise import blur, noise, smoothstep


def test_noise_is_between_0_and_1_and_the_same_from_the_same_seed():
    first, again = (noise(np.random.default_rng(1), 64, 6) for _ in range(2))
    assert first.shape == (64, 64)
    assert first.dtype == np.float32
    assert 0 <= first.min() < 0.2
    assert 0.8 < first.max() <= 1
    assert np.array_equal(first, again)


def test_more_grains_make_finer_noise():
    coarse, fine = (noise(np.random.default_rng(1), 64, grains) for grains in (3, 24))
    assert np.abs(np.diff(fine)).mean() > 3 * np.abs(np.diff(coarse)).mean()


def test_blur_keeps_the_sum_and_lowers_the_peak():
    field = np.zeros((31, 31), np.float32)
    field[15, 15] = 1
    soft = blur(field, 2.0)
    assert soft.sum() == pytest.approx(1, abs=0.02)
    assert soft.max() == soft[15, 15] < 0.1


def test_smoothstep_rises_from_low_to_high():
    x = np.array([-1, 2, 3, 4, 9], np.float32)
    assert smoothstep(x, 2, 4).tolist() == [0, 0, 0.5, 1, 1]
