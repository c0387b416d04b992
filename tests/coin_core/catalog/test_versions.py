"""Freezing, comparing, leaks: on a catalog of photos that need no pixels."""

import os
from dataclasses import replace

import pytest
from sqlalchemy import text

from coin_core.catalog import (
    CatalogFace,
    CoinFacts,
    PhotoQuery,
    RotatedBox,
    Side,
    versions,
)
from coin_core.catalog.removed import discard_photos, list_removed, restore_photos
from coin_core.catalog.splits import Split
from coin_core.catalog.versions import (
    compare_versions,
    find_leaks,
    freeze,
    list_versions,
    load_version,
)
from coin_core.errors import CatalogError

RULERS = ("john_hyrcanus_i", "judah_aristobulus_i", "alexander_jannaeus")


@pytest.fixture
def add(add_photo, monkeypatch):
    """A function (n, ruler=None, **record) -> id; rulers take turns."""
    # What lies in the files is no matter here, nor is waiting for the disk.
    monkeypatch.setattr(os, "fsync", lambda handle: None)

    def labelled(number, ruler="", **record):
        chosen = RULERS[number % 3] if ruler == "" else ruler
        return add_photo(number, coin=CoinFacts(ruler_attributed=chosen), **record)

    return labelled


@pytest.fixture
def ids(add):
    return [add(number) for number in range(30)]


def by_photo(version):
    return {item.photo_id: item for item in version.items}


def test_a_version_holds_the_labelled_photos_divided(catalog, ids):
    version = freeze(catalog, "v1", who="ada")
    assert len(version.items) == 30
    for ruler in RULERS:
        assert version.counts[ruler] == {
            Split.TRAIN: 6,
            Split.VALIDATION: 2,
            Split.TEST: 2,
        }
        assert version.coins[ruler] == 10
    assert "ada" in version.note
    assert len(version.digest) == 64
    assert set(version.rare) == set(RULERS)
    assert len(version.warnings) == 3
    assert "only 10 coins" in version.warnings[0]
    (listed,) = list_versions(catalog)
    assert listed == version.summary()
    assert (listed.coins, sum(listed.photos.values())) == (30, 30)


def test_what_cannot_be_learnt_from_is_left_out(catalog, add, ids):
    add(31, ruler=None)
    excluded, reverse, bare = add(32), add(33), add(34)
    catalog.edits.exclude([excluded], "noise", who="ada")
    box = RotatedBox(left=0, top=0, right=1, bottom=1)
    catalog.edits.set_faces(
        reverse, [CatalogFace(box=box, side=Side.CORNUCOPIA)], who="ada"
    )
    catalog.edits.set_faces(bare, [], who="ada")
    version = freeze(catalog, "v1")
    assert set(by_photo(version)) == {*ids, bare}
    assert by_photo(version)[bare].face_index is None
    for part in ("1 excluded", "1 without a ruler", "1 without the legend side"):
        assert part in version.note


def test_only_freely_licensed_photos_on_request(catalog, add):
    free = [add(n, licence="cc-by-sa-4.0") for n in range(6)]
    for n in range(6, 12):
        add(n, licence="cc-by-nc-4.0" if n % 2 else None)
    version = freeze(catalog, "v1", free_only=True)
    assert sorted(by_photo(version)) == free
    assert version.free_only
    assert "6 not freely licensed" in version.note


def test_rendered_coins_only_where_there_is_nothing_else(catalog, add):
    rendered = [add(n, is_rendered=True) for n in range(6)]
    assert set(by_photo(freeze(catalog, "demo"))) == set(rendered)
    real = [add(n) for n in range(6, 12)]
    assert set(by_photo(freeze(catalog, "real"))) == set(real)
    both = freeze(catalog, "both", with_rendered=True)
    assert set(by_photo(both)) == {*rendered, *real}


def test_photos_of_one_coin_stay_together(catalog, ids):
    for first in range(0, 30, 6):
        catalog.edits.group_coins([ids[first], ids[first + 3]], who="ada")
    version = freeze(catalog, "v1")
    splits = {}
    for item in version.items:
        splits.setdefault(item.coin_id, set()).add(item.split)
    assert all(len(several) == 1 for several in splits.values())
    assert find_leaks(version) == ()


def test_photos_that_look_the_same_stay_together(catalog, add):
    for number in range(30):
        near = f"{number // 2 * 3:x}" * 64
        add(number, ruler="alexander_jannaeus", phash=near[:64])
    version = freeze(catalog, "v1")
    split = {item.phash: set() for item in version.items}
    for item in version.items:
        split[item.phash].add(item.split)
    assert all(len(several) == 1 for several in split.values())
    assert find_leaks(version) == ()


def test_the_same_catalog_gives_the_same_digest(catalog, ids):
    first, second = freeze(catalog, "v1"), freeze(catalog, "v2")
    assert first.digest == second.digest
    assert compare_versions(first, second).identical
    assert freeze(catalog, "v3", seed=1).digest != first.digest


@pytest.mark.parametrize("steps", [1, 2])
def test_freezing_that_is_stopped_leaves_nothing(catalog, ids, steps):
    told = []

    def stop(done, total):
        told.append((done, total))
        if len(told) == steps:  # while reading, while writing
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        freeze(catalog, "v1", progress=stop)
    assert told == [(0, 0), (30, 30)][:steps]
    assert list_versions(catalog) == ()
    assert len(freeze(catalog, "v1").items) == 30


def test_a_version_does_not_change_with_the_catalog(catalog, ids):
    before = freeze(catalog, "v1")
    catalog.edits.set_ruler([ids[0]], "alexander_jannaeus", who="ada")
    catalog.edits.exclude([ids[1]], "noise", who="ada")
    turned = RotatedBox(left=0.2, top=0.2, right=0.8, bottom=0.8, turn_deg=30)
    catalog.edits.set_faces(
        ids[2], [CatalogFace(box=turned, side=Side.LEGEND)], who="ada"
    )
    assert load_version(catalog, "v1") == before
    found = compare_versions(before, freeze(catalog, "v2"))
    sha = {item.photo_id: item.sha256 for item in before.items}
    assert found.removed == (sha[ids[1]],)
    assert found.added == ()
    assert [(c.sha256, c.before, c.after) for c in found.relabelled] == [
        (sha[ids[0]], "john_hyrcanus_i", "alexander_jannaeus")
    ]
    assert found.recropped == (sha[ids[2]],)
    assert not found.identical
    assert found.same <= 27


def test_photos_that_were_grouped_and_parted_again_are_the_same(catalog, ids):
    first = freeze(catalog, "v1")
    catalog.edits.group_coins(ids[0:6:3], who="ada")
    second = freeze(catalog, "v2")
    sha = {item.photo_id: item.sha256 for item in first.items}
    grouped = compare_versions(first, second).regrouped
    assert set(grouped) == {sha[ids[0]], sha[ids[3]]}
    catalog.edits.ungroup(ids[0:6:3], who="ada")
    third = freeze(catalog, "v3")
    assert third.digest == first.digest
    assert compare_versions(first, third).identical


def test_test_coins_that_were_learnt_from_are_told(catalog, ids):
    first, second = freeze(catalog, "v1"), freeze(catalog, "v2", seed=9)
    assert compare_versions(first, first).contaminated == ()
    learnt = {i.sha256 for i in first.items if i.split is not Split.TEST}
    asked = {i.sha256 for i in second.items if i.split is Split.TEST}
    assert set(compare_versions(first, second).contaminated) == learnt & asked
    assert compare_versions(first, second).moved


def test_test_photos_of_coins_that_were_grouped_later_are_told(catalog, ids):
    first, second = freeze(catalog, "v1"), freeze(catalog, "v2", seed=9)
    learnt = {i.photo_id for i in first.items if i.split is not Split.TEST}
    asked = [i.photo_id for i in second.items if i.split is Split.TEST]
    unseen = min({*asked} - learnt)
    # The photo that was learnt from comes later, so it moves to the other's coin.
    partner = max(learnt - {*asked})
    assert unseen < partner
    catalog.edits.group_coins([unseen, partner], who="ada")
    sha = by_photo(first)[unseen].sha256
    assert sha not in compare_versions(first, second).contaminated
    first, second = load_version(catalog, "v1"), load_version(catalog, "v2")
    assert sha in compare_versions(first, second).contaminated


def test_test_photos_of_coins_grouped_between_two_versions_are_told(catalog, ids):
    first = freeze(catalog, "v1")
    learnt = {i.photo_id for i in first.items if i.split is not Split.TEST}
    unseen = min({*ids} - learnt)
    catalog.edits.group_coins([unseen, max(learnt)], who="ada")
    second = freeze(catalog, "v2")
    items = [
        replace(i, split=Split.TEST) if i.photo_id == unseen else i
        for i in second.items
    ]
    found = compare_versions(first, replace(second, items=tuple(items)))
    assert by_photo(first)[unseen].sha256 in found.contaminated


def test_coins_grouped_later_are_a_leak(catalog, ids):
    version = freeze(catalog, "v1")
    train = next(i for i in version.items if i.split is Split.TRAIN)
    test = next(i for i in version.items if i.split is Split.TEST)
    catalog.edits.group_coins([train.photo_id, test.photo_id], who="ada")
    (leak,) = find_leaks(load_version(catalog, "v1"))
    assert (leak.why, leak.first.sha256, leak.second.sha256) == (
        "same_coin_now",
        train.sha256,
        test.sha256,
    )
    assert find_leaks(freeze(catalog, "v2")) == ()


def test_leaks_of_a_bad_split_are_found(catalog, ids):
    version = freeze(catalog, "v1")
    items = list(version.items)
    train = next(n for n, i in enumerate(items) if i.split is Split.TRAIN)
    test = next(n for n, i in enumerate(items) if i.split is Split.TEST)
    items[train] = replace(items[train], phash="0" * 64)
    items[test] = replace(items[test], phash="0" * 61 + "fff")
    (leak,) = find_leaks(replace(version, items=tuple(items)))
    assert (leak.why, leak.bits) == ("same_picture", 12)
    items[test] = replace(items[test], coin_id=items[train].coin_id, phash="")
    (leak,) = find_leaks(replace(version, items=tuple(items)))
    assert leak.why == "same_coin"


@pytest.mark.parametrize("name", ["", "../v1", "a b", ".v", "x" * 65, "=1"])
def test_a_name_is_a_plain_name(catalog, ids, name):
    with pytest.raises(CatalogError, match="letters, digits"):
        freeze(catalog, name)


def test_a_name_is_given_once(catalog, ids):
    freeze(catalog, "v1")
    with pytest.raises(CatalogError, match="never change"):
        freeze(catalog, "v1")
    assert len(list_versions(catalog)) == 1


def test_an_unknown_version_names_the_known_ones(catalog, ids):
    freeze(catalog, "v1")
    with pytest.raises(CatalogError, match="known: v1"):
        load_version(catalog, "v2")


def test_nothing_to_freeze_says_why(catalog, add_photo):
    with pytest.raises(CatalogError, match="empty"):
        freeze(catalog, "v1")
    add_photo(1)
    with pytest.raises(CatalogError, match="1 without a ruler"):
        freeze(catalog, "v1")


def test_a_version_changed_by_other_means_is_refused(catalog, ids):
    freeze(catalog, "v1")
    with catalog.database.writing() as connection:
        connection.execute(text("UPDATE version_items SET split = 'train'"))
    with pytest.raises(CatalogError, match="not what was frozen"):
        load_version(catalog, "v1")


def test_removed_demo_coins_leave_a_version_readable(catalog, add):
    ids = [add(n, is_rendered=True) for n in range(12)]
    version = freeze(catalog, "v1")
    catalog.photos.remove(ids[:2], who="ada")
    again = load_version(catalog, "v1")
    assert again.digest == version.digest
    assert sum(item.photo_id is None for item in again.items) == 2


def test_a_version_has_photos_again_that_come_back(catalog, add):
    ids = [add(n, is_rendered=True) for n in range(12)]
    version = freeze(catalog, "v1")
    discard_photos(catalog, ids[:2], who="ada")
    (item,) = list_removed()
    restore_photos(catalog, item.item_id)
    catalog.photos.remove(ids[2:3], who="ada")
    back = {add(2, is_rendered=True)}  # the same bytes, as another import has them
    again = load_version(catalog, "v1")
    assert again.digest == version.digest
    sha = {item.photo_id: item.sha256 for item in again.items}
    assert None not in sha
    assert back < sha.keys()
    found = catalog.queries.find(PhotoQuery()).photos
    assert all(photo.sha256 == sha[photo.photo_id] for photo in found)


def test_demo_coins_may_be_removed_while_they_are_frozen(catalog, add, monkeypatch):
    ids = [add(n, is_rendered=True) for n in range(12)]
    split_coins = versions.split_coins

    def remove_two(*arguments, **options):
        catalog.photos.remove(ids[:2], who="ada")
        return split_coins(*arguments, **options)

    monkeypatch.setattr(versions, "split_coins", remove_two)
    version = freeze(catalog, "v1")
    assert sum(item.photo_id is None for item in version.items) == 2
