"""Hashes and likeness of photos: copies are near, other coins are not."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coin_core.catalog.similarity import (
    HASH_BITS,
    MAX_HASH_DISTANCE,
    SAME_PICTURE,
    HashIndex,
    compare_thumbnails,
    estimate_quality,
    hash_photo,
    main_face,
    make_thumbnail,
    near_pairs,
)
from coin_core.imaging.preprocessing import RotatedBox
from coin_core.rendering import render_coin

WHOLE = RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0)


@pytest.fixture(scope="module")
def coins():
    """Photos of four rendered coins, each with the box of its flan."""
    struck = [render_coin(77, n, size_px=160) for n in range(4)]
    return [(coin.image, box_of(coin.flan_box)) for coin in struck]


def box_of(edges):
    left, top, right, bottom = np.clip(edges, 0, 1).tolist()
    return RotatedBox(left=left, top=top, right=right, bottom=bottom)


def jpeg_40(photo, box):
    _, packed = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, 40])
    return cv2.imdecode(packed, cv2.IMREAD_COLOR), box


def half(photo, box):
    size = (photo.shape[1] // 2, photo.shape[0] // 2)
    return cv2.resize(photo, size, interpolation=cv2.INTER_AREA), box


def cropped(photo, box):
    cut = round(0.025 * len(photo))
    share = cut / len(photo)
    edges = [box.left, box.top, box.right, box.bottom]
    moved = [(edge - share) / (1 - 2 * share) for edge in edges]
    return photo[cut:-cut, cut:-cut].copy(), box_of(moved)


def similarity(one, one_box, other, other_box):
    thumbnails = make_thumbnail(one, one_box), make_thumbnail(other, other_box)
    return compare_thumbnails(*thumbnails)


@pytest.mark.parametrize("change", [jpeg_40, half, cropped])
def test_a_copy_is_the_same_picture(coins, change):
    for photo, box in coins:
        copy, place = change(photo, box)
        one, other = hash_photo(photo, [box]), hash_photo(copy, [place])
        assert near_pairs([one, other], MAX_HASH_DISTANCE)
        assert similarity(photo, box, copy, place) >= SAME_PICTURE


def test_other_coins_are_not(coins):
    for place, (photo, box) in enumerate(coins):
        for other, other_box in coins[:place]:
            assert similarity(photo, box, other, other_box) < SAME_PICTURE


def test_a_hash_is_64_hexadecimal_digits_and_the_same_every_time(coins):
    photo, box = coins[0]
    text = hash_photo(photo, [box])
    assert len(text) == HASH_BITS // 4
    assert int(text, 16) >= 0
    assert hash_photo(photo, [box]) == text
    assert len(hash_photo(photo, [])) == 64


def test_distances_count_bits_and_no_hash_is_near_nothing():
    zero, one = "0" * 64, "0" * 63 + "3"
    index = HashIndex()
    for photo_id, phash in enumerate([zero, one, "", "ff"]):
        index.add(photo_id, phash)
    assert index.nearest(zero, max_bits=HASH_BITS) == [(0, 0), (1, 2)]
    assert index.nearest("", max_bits=HASH_BITS) == []


def test_the_index_gives_the_nearest_first_and_grows():
    index = HashIndex()
    for number in range(1500):
        index.add(number, f"{number:064x}")
    index.add(9999, "")
    assert len(index) == 1500
    assert index.nearest(f"{1027:064x}", limit=2)[0] == (1027, 0)
    assert index.nearest(f"{1027:064x}", max_bits=0) == [(1027, 0)]
    assert index.nearest("f" * 64) == []
    assert index.nearest("") == []


def test_the_first_of_the_large_coins_stands_for_the_photo():
    crumb = RotatedBox(left=0.0, top=0.0, right=0.1, bottom=0.1)
    first = RotatedBox(left=0.1, top=0.1, right=0.5, bottom=0.5)
    second = RotatedBox(left=0.5, top=0.1, right=0.95, bottom=0.55)
    assert main_face([crumb, first, second], 100, 100) == first
    assert main_face([], 100, 100) == WHOLE


def test_quality_falls_with_blur_and_with_size(coins):
    photo, box = coins[0]
    sharp = estimate_quality(photo, [box])
    blurred = estimate_quality(cv2.GaussianBlur(photo, (0, 0), 3), [box])
    small = estimate_quality(half(*half(photo, box))[0], [box])
    assert 0 <= blurred < sharp <= 1
    assert small < sharp
    assert estimate_quality(np.zeros((64, 64, 3), np.uint8), []) >= 0


@settings(max_examples=25)
@given(
    st.lists(st.integers(0, 2**256 - 1), min_size=1, max_size=12), st.integers(0, 140)
)
def test_near_hashes_are_found(numbers, most):
    hashes = [f"{number:064x}" for number in numbers]
    wanted = [
        (i, j, (numbers[i] ^ numbers[j]).bit_count())
        for i in range(len(numbers))
        for j in range(i + 1, len(numbers))
        if (numbers[i] ^ numbers[j]).bit_count() <= most
    ]
    assert near_pairs(hashes, most) == wanted


def test_near_hashes_are_found_across_the_blocks_of_many():
    hashes = [f"{number * 2**128 + number:064x}" for number in range(5000)]
    told = []
    pairs = near_pairs(["", *hashes, hashes[3]], 2, lambda *stand: told.append(stand))
    wanted = sum(
        (k ^ (1 << bit)) > k
        for k in range(5000)
        for bit in range(13)
        if k ^ (1 << bit) < 5000
    )
    assert (
        sum(bits == 2 for *_, bits in pairs) == wanted + 13
    )  # those near the last one too
    assert (4, 5001, 0) in pairs
    assert told[-1] == (5002, 5002)
    assert told == sorted(told)


def test_photos_without_hash_are_like_nothing():
    assert near_pairs(["", "", "ff", "ff", "00ff"], 0) == [(2, 3, 0)]
