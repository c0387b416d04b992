"""Copies in two splits, found by laying pictures over each other."""

from dataclasses import replace

import pytest

from coin_core import detection
from coin_core.catalog import CatalogFace, CoinFacts, PhotoRecord, Side
from coin_core.catalog.similarity import hash_photo
from coin_core.catalog.splits import Split
from coin_core.catalog.versions import find_leaks, find_visual_leaks, freeze
from coin_core.rendering import render_coin

COINS = 6


@pytest.fixture
def add(catalog, encode_photo):
    """A function (pixels) -> photo id, hashed as an import does it."""

    def photo(pixels):
        boxes = detection.detect_coins(pixels)
        record = PhotoRecord(
            extension="png",
            width_px=pixels.shape[1],
            height_px=pixels.shape[0],
            phash=hash_photo(pixels, boxes),
            coin=CoinFacts(ruler_attributed="alexander_jannaeus"),
        )
        seen = [CatalogFace(box=box, side=Side.LEGEND) for box in boxes]
        return catalog.photos.add(
            encode_photo(pixels), record, seen, who="ada"
        ).photo_id

    return photo


def split_apart(version, test_ids):
    """The version with these photos, and no others, for the test."""
    items = tuple(
        replace(i, split=Split.TEST if i.photo_id in test_ids else Split.TRAIN)
        for i in version.items
    )
    return replace(version, items=items)


def test_a_cropped_copy_in_another_split_is_found(catalog, add):
    coins = [render_coin(11, k, size_px=200).image for k in range(COINS)]
    ids = [add(coin) for coin in coins]
    copies = [add(coin[14:-8, 4:-14]) for coin in coins[:2]]
    version = split_apart(freeze(catalog, "v1"), {*copies, ids[5]})
    told = []
    found = find_visual_leaks(catalog, version, lambda *step: told.append(step))
    pairs = {(leak.first.photo_id, leak.second.photo_id) for leak in found}
    assert pairs == {(ids[0], copies[0]), (ids[1], copies[1])}
    assert {leak.why for leak in found} == {"same_picture"}
    assert told[-1] == (COINS + 2, COINS + 2)
    # More than the hashes alone say, or this would be of no use.
    assert len(find_leaks(version)) < 2


def test_one_coin_in_one_split_is_no_leak(catalog, add):
    coin = render_coin(11, 0, size_px=200).image
    ids = [add(coin), add(coin[14:-8, 4:-14])]
    version = split_apart(freeze(catalog, "v1"), set())
    assert find_visual_leaks(catalog, version) == ()
    catalog.photos.path(catalog.photos.get(ids[0])).unlink()
    assert find_visual_leaks(catalog, split_apart(version, {ids[1]})) == ()
