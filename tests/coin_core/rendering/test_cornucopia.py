import numpy as np

from coin_core.rendering import cornucopia


def test_a_die_has_horns_on_both_sides():
    for seed in range(10):
        die = cornucopia.draw_die(np.random.default_rng(seed), 160)
        assert die[40:110, 25:75].max() > 0.5
        assert die[40:110, 85:135].max() > 0.5


def test_the_horns_are_alike_but_not_mirrored_exactly():
    for seed in range(5):
        die = cornucopia.draw_die(np.random.default_rng(seed), 96)
        inner = die[20:76, 20:76]
        assert np.corrcoef(inner.ravel(), inner[:, ::-1].ravel())[0, 1] > 0.3
        assert not np.array_equal(inner, inner[:, ::-1])
