import numpy as np
import pytest

from coin_core.rendering.backgrounds import PLAIN_BACKGROUNDS
from coin_core.rendering.scenes import draw_scene, render_scene


@pytest.mark.parametrize(
    ("arrangement", "least", "most"),
    [("none", 0, 0), ("one", 1, 1), ("pair", 2, 2), ("several", 2, 24)],
)
def test_a_scene_holds_the_coins_of_its_arrangement(
    coin_source, arrangement, least, most
):
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


def test_a_box_is_tight_around_the_visible_part_of_a_coin(coin_source):
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


def test_truth_matches_the_photo(coin_source):
    """Where the instance map has a coin, the photo differs from the bare background."""
    for seed in range(6):
        scene = draw_scene(
            np.random.default_rng(seed),
            coin_source=coin_source,
            longer_side_px=240,
            arrangement="one",
            plain_fraction=1.0,
        )
        assert scene.background in PLAIN_BACKGROUNDS
        coin = scene.instance_map == 1
        colour = np.median(scene.photo[~coin], axis=0)
        distance = np.abs(scene.photo - colour).mean(axis=2)
        assert np.median(distance[coin]) > 2 * np.median(distance[~coin])


def test_coins_of_a_large_lot_repeat_the_first_five(coin_source):
    calls = []

    def counting(rng, kind, size_px):
        calls.append(kind)
        return coin_source(rng, kind, size_px)

    for seed in range(12):
        calls.clear()
        scene = draw_scene(
            np.random.default_rng(seed),
            coin_source=counting,
            longer_side_px=400,
            arrangement="several",
        )
        assert len(calls) == min(len(scene.boxes), 5)
        assert set(scene.kinds) <= set(calls)
