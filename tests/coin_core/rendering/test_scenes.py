import numpy as np
import pytest

from coin_core.rendering.backgrounds import BACKGROUNDS, draw_background
from coin_core.rendering.coins import render_coin
from coin_core.rendering.scenes import draw_scene, render_scene


@pytest.fixture(scope="module")
def coin_source():
    coins = {
        kind: render_coin(3, 0, size_px=64, kind=kind)
        for kind in ("legend", "cornucopia", "star_anchor", "other")
    }
    return lambda _rng, kind, _size_px: coins[kind]


@pytest.mark.parametrize("kind", BACKGROUNDS)
@pytest.mark.parametrize("size", [(40, 25), (160, 240)])
def test_every_ground_covers_the_photo(kind, size):
    picture = draw_background(np.random.default_rng(1), *size, kind)
    assert picture.shape == (size[1], size[0], 3)
    assert picture.dtype == np.uint8


@pytest.mark.parametrize(
    ("arrangement", "least", "most"),
    [("none", 0, 0), ("one", 1, 1), ("pair", 2, 2), ("several", 2, 24)],
)
def test_a_scene_holds_as_many_coins_as_it_says(coin_source, arrangement, least, most):
    for seed in range(8):
        scene = draw_scene(
            np.random.default_rng(seed),
            coin_source=coin_source,
            longer_side_px=200,
            arrangement=arrangement,
        )
        assert least <= len(scene.boxes) <= most
        assert len(scene.kinds) == len(scene.boxes)
        assert scene.instance_map.shape == scene.photo.shape[:2]
        assert max(scene.photo.shape[:2]) == 200


def test_a_box_is_tight_around_what_is_seen_of_a_coin(coin_source):
    for seed in range(6):
        scene = draw_scene(
            np.random.default_rng(seed),
            coin_source=coin_source,
            longer_side_px=300,
            arrangement="one",
        )
        height, width = scene.instance_map.shape
        rows, columns = np.nonzero(scene.instance_map == 1)
        (box,) = scene.boxes
        assert box.left * width == pytest.approx(columns.min())
        assert box.right * width == pytest.approx(columns.max() + 1)
        assert box.top * height == pytest.approx(rows.min())
        assert box.bottom * height == pytest.approx(rows.max() + 1)


def test_coins_side_by_side_do_not_cover_each_other(coin_source):
    for seed in range(10):
        scene = draw_scene(
            np.random.default_rng(seed),
            coin_source=coin_source,
            longer_side_px=300,
            arrangement="pair",
        )
        left, right = sorted(scene.boxes, key=lambda box: box.left)
        assert left.right < right.left + 0.03


@pytest.mark.parametrize("longer_side_px", [60, 1500])
def test_small_and_large_photos_have_the_size_asked_for(coin_source, longer_side_px):
    scene = draw_scene(
        np.random.default_rng(4), coin_source=coin_source, longer_side_px=longer_side_px
    )
    assert max(scene.photo.shape[:2]) == longer_side_px


def test_the_same_numbers_give_the_same_pixels():
    first, again = render_scene(11, 3), render_scene(11, 3)
    assert np.array_equal(first.photo, again.photo)
    assert (first.boxes, first.kinds) == (again.boxes, again.kinds)
    other = render_scene(11, 4).photo
    assert other.shape != first.photo.shape or (other != first.photo).any()
