import numpy as np
import pytest

from coin_core.rendering.clutter import draw_clutter, overlap, paste


@pytest.mark.parametrize(
    ("centre", "rows", "columns"),
    [
        ((5, 5), (3, 7), (2, 8)),
        ((0, 0), (0, 2), (0, 3)),
        ((10, 10), (8, 10), (7, 10)),
        ((40, 5), (3, 7), None),
        ((5, -40), None, (2, 8)),
    ],
)
def test_what_overlaps_has_the_same_size_in_both(centre, rows, columns):
    whole, part = np.arange(100).reshape(10, 10), np.zeros((4, 6))
    there, here = overlap(whole.shape, part.shape, centre)
    assert whole[there].shape == part[here].shape
    for found, expected in zip(there, (rows, columns), strict=True):
        if expected is None:
            assert found.start == found.stop
        else:
            assert (found.start, found.stop) == expected


def test_opacity_decides_how_much_of_a_part_is_seen():
    picture = np.full((20, 20, 3), 100, np.uint8)
    cover = np.zeros((4, 4), np.uint8)
    cover[:, :2], cover[:, 2] = 255, 51
    paste(picture, np.full((4, 4, 3), 200, np.uint8), cover, (10, 10))
    assert picture[10, 8:12, 0].tolist() == [200, 200, 120, 100]
    assert (picture[:8] == 100).all()


def test_what_is_beyond_the_edge_is_cut_off():
    picture = np.zeros((20, 20, 3), np.uint8)
    part, cover = np.full((8, 8, 3), 9, np.uint8), np.full((8, 8), 255, np.uint8)
    paste(picture, part, cover, (0, 19))
    assert (picture == 9).all(axis=2).sum() == 4 * 5
    paste(picture, part, cover, (300, 300))
    assert (picture == 9).all(axis=2).sum() == 4 * 5


def test_clutter_changes_a_part_of_the_picture():
    changed = []
    for seed in range(40):
        picture = np.full((90, 120, 3), 128, np.uint8)
        draw_clutter(np.random.default_rng(seed), picture, 1)
        changed.append((picture != 128).any(axis=2).mean())
    assert np.mean(np.array(changed) > 0) > 0.9
    assert np.median(changed) < 0.4


def test_the_same_seed_gives_the_same_clutter():
    first, again = (np.full((90, 120, 3), 128, np.uint8) for _ in range(2))
    for picture in (first, again):
        draw_clutter(np.random.default_rng(6), picture, 3)
    assert np.array_equal(first, again)
