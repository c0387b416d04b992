import hashlib

import numpy as np
import pytest

from coin_core.rendering.coins import render_coin
from coin_core.rendering.grounds import GROUNDS, draw_ground
from coin_core.rendering.scenes import compose_scene, draw_scene


@pytest.fixture(scope="module")
def supply():
    coins = {
        kind: render_coin(3, 0, size_px=64, kind=kind)
        for kind in ("legend", "cornucopia", "star_anchor", "other")
    }
    return lambda _rng, kind, _size_px: coins[kind]


@pytest.mark.parametrize("kind", GROUNDS)
@pytest.mark.parametrize("size", [(40, 25), (160, 240)])
def test_every_ground_covers_the_photo(kind, size):
    picture = draw_ground(np.random.default_rng(1), *size, kind)
    assert picture.shape == (size[1], size[0], 3)
    assert picture.dtype == np.uint8


@pytest.mark.parametrize(
    ("arrangement", "least", "most"),
    [("none", 0, 0), ("one", 1, 1), ("pair", 2, 2), ("several", 2, 24)],
)
def test_a_scene_holds_as_many_coins_as_it_says(supply, arrangement, least, most):
    for seed in range(8):
        scene = draw_scene(
            np.random.default_rng(seed),
            supply=supply,
            long_px=200,
            arrangement=arrangement,
        )
        assert least <= len(scene.boxes) <= most
        assert len(scene.kinds) == len(scene.boxes)
        assert scene.owners.shape == scene.photo.shape[:2]
        assert max(scene.photo.shape[:2]) == 200


def test_a_box_is_tight_around_what_is_seen_of_a_coin(supply):
    for seed in range(6):
        scene = draw_scene(
            np.random.default_rng(seed), supply=supply, long_px=300, arrangement="one"
        )
        height, width = scene.owners.shape
        rows, columns = np.nonzero(scene.owners == 1)
        (box,) = scene.boxes
        assert box.left * width == pytest.approx(columns.min())
        assert box.right * width == pytest.approx(columns.max() + 1)
        assert box.top * height == pytest.approx(rows.min())
        assert box.bottom * height == pytest.approx(rows.max() + 1)


def test_coins_side_by_side_do_not_cover_each_other(supply):
    for seed in range(10):
        scene = draw_scene(
            np.random.default_rng(seed), supply=supply, long_px=300, arrangement="pair"
        )
        left, right = sorted(scene.boxes, key=lambda box: box.left)
        assert left.right < right.left + 0.03


@pytest.mark.parametrize("long_px", [60, 1500])
def test_small_and_large_photos_have_the_size_asked_for(supply, long_px):
    scene = draw_scene(np.random.default_rng(4), supply=supply, long_px=long_px)
    assert max(scene.photo.shape[:2]) == long_px


def test_the_same_numbers_give_the_same_pixels():
    digests = set()
    for _ in range(2):
        photo, boxes, kinds = compose_scene(11, 3)
        digests.add((hashlib.sha256(photo.tobytes()).hexdigest(), boxes, kinds))
    assert len(digests) == 1
    other, _, _ = compose_scene(11, 4)
    assert other.shape != photo.shape or (other != photo).any()
