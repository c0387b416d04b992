import numpy as np
import pytest

from coin_core.rendering.backgrounds import (
    BACKGROUNDS,
    PLAIN_BACKGROUNDS,
    draw_background,
    draw_clouds,
)


@pytest.mark.parametrize("kind", BACKGROUNDS)
@pytest.mark.parametrize("size", [(40, 25), (160, 240)])
def test_every_background_covers_the_photo(kind, size):
    picture = draw_background(np.random.default_rng(1), *size, kind)
    assert picture.shape == (size[1], size[0], 3)
    assert picture.dtype == np.uint8


@pytest.mark.parametrize("kind", BACKGROUNDS)
def test_only_plain_backgrounds_are_of_one_colour(kind):
    spread = [
        draw_background(np.random.default_rng(seed), 120, 90, kind).std(axis=(0, 1))
        for seed in range(12)
    ]
    assert (np.mean(spread) < 6) == (kind in PLAIN_BACKGROUNDS)


@pytest.mark.parametrize(
    ("kind", "least", "most"), [("white", 220, 255), ("black", 0, 32)]
)
def test_white_is_light_and_black_is_dark(kind, least, most):
    for seed in range(6):
        picture = draw_background(np.random.default_rng(seed), 60, 40, kind)
        assert least <= picture.mean() <= most
        assert np.ptp(picture.mean(axis=(0, 1))) < 1


def test_the_same_seed_gives_the_same_background():
    first, again = (
        draw_background(np.random.default_rng(3), 90, 70, "cloth") for _ in range(2)
    )
    assert np.array_equal(first, again)


def test_clouds_are_smooth_and_centred():
    clouds = draw_clouds(np.random.default_rng(0), 100, 60, (6, 4))
    assert clouds.shape == (60, 100)
    assert -1 <= clouds.min() < -0.4
    assert 0.4 < clouds.max() <= 1
    assert np.abs(np.diff(clouds)).max() < 0.2
