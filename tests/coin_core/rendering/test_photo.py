import numpy as np
import pytest

from coin_core.rendering.photo import (
    compress_jpeg,
    parse_colours,
    simulate_camera,
    simulate_light,
)


@pytest.fixture(scope="module")
def relief():
    """Height, mask: a round flan with a bar across."""
    y, x = np.mgrid[:80, :80]
    mask = np.where(np.hypot(x - 40, y - 40) < 34, 255, 0).astype(np.uint8)
    height = np.zeros((80, 80), np.float32)
    height[36:44, 15:65] = 1
    return height, mask


def test_colours_are_read_from_hexadecimal():
    assert parse_colours("ff8000 0a0b0c").tolist() == [[255, 128, 0], [10, 11, 12]]


def test_the_background_is_plain_and_the_relief_is_visible(relief):
    height, mask = relief
    contrasts = []
    for seed in range(8):
        image = simulate_light(np.random.default_rng(seed), height * 3, height, mask)
        assert image.shape == (80, 80, 3)
        assert image.dtype == np.uint8
        corners = image[[0, 0, -1, -1], [0, -1, 0, -1]]
        assert (corners == corners[0]).all()
        grey = image.mean(axis=2)
        contrasts.append(grey[34:46, 25:55].std() - grey[50:62, 25:55].std())
    assert np.mean(contrasts) > 3


def test_one_light_makes_one_edge_bright_and_the_other_dark(relief):
    height, mask = relief
    differences = []
    for seed in range(12):
        image = simulate_light(np.random.default_rng(seed), height * 6, height, mask)
        grey = image.mean(axis=2)
        differences.append(grey[35:37, 25:55].mean() - grey[43:45, 25:55].mean())
    assert np.mean(np.abs(differences)) > 8


def test_the_camera_blurs_by_about_what_it_says():
    """A step edge has a slope of 1 / (sigma * sqrt(2 pi)) after a Gaussian blur."""
    edge = np.zeros((96, 96, 3), np.uint8)
    edge[:, 48:] = 200
    slopes, sigmas = [], []
    for seed in range(40):
        image, sigma = simulate_camera(np.random.default_rng(seed), edge)
        assert image.shape == edge.shape
        assert sigma >= 0.5
        profile = image.mean(axis=(0, 2))
        slopes.append(np.abs(np.diff(profile)).max() / np.ptp(profile))
        sigmas.append(sigma)
    assert len(set(sigmas)) > 30  # four of five photos are blurred
    assert np.corrcoef(slopes, sigmas)[0, 1] < -0.5


def test_jpeg_compression_loses_more_at_lower_quality():
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    errors = [
        np.abs(compress_jpeg(image, quality).astype(int) - image).mean()
        for quality in (95, 30)
    ]
    assert 0 < errors[0] < errors[1]
