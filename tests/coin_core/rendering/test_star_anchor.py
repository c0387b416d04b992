import numpy as np
import pytest

from coin_core.rendering import star_anchor


@pytest.mark.parametrize("size_px", [48, 160, 320])
def test_a_star_has_its_hub_in_the_middle_at_every_size(size_px):
    die = star_anchor.draw_star(np.random.default_rng(3), size_px)
    assert die[size_px // 2, size_px // 2] > 0.5
    assert die[0, 0] == 0


def test_a_star_has_rays_in_all_directions():
    y, x = np.mgrid[:160, :160] - 79.5
    ring = (np.hypot(x, y) > 0.12 * 160) & (np.hypot(x, y) < 0.19 * 160)
    sectors = ((np.arctan2(y, x) + np.pi) / (np.pi / 3)).astype(int)
    for seed in range(20):
        ink = star_anchor.draw_star(np.random.default_rng(seed), 160) > 0.35
        counts = [ink[ring & (sectors == sector)].sum() for sector in range(6)]
        assert min(counts) > 20


def test_an_anchor_has_a_shaft_through_the_middle():
    for seed in range(12):
        die = star_anchor.draw_anchor(np.random.default_rng(seed), 160)
        assert (die[62:98, 76:84].max(axis=1) > 0.5).all()


def test_both_sides_are_drawn():
    stars = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        is_star = rng.random() < 0.5
        stars += is_star
        draw = star_anchor.draw_star if is_star else star_anchor.draw_anchor
        die = star_anchor.draw_die(np.random.default_rng(seed), 64)
        assert np.array_equal(die, draw(rng, 64))
    assert 10 < stars < 30
