"""Edits: one transaction each, logged, undone and redone in order."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coin_core.catalog import (
    Catalog,
    CatalogFace,
    CoinFacts,
    CoinReference,
    Edit,
    ExcludeReason,
    Prediction,
    RotatedBox,
    Side,
)
from coin_core.catalog import edits as edits_module
from coin_core.errors import CatalogError
from coin_core.rulers import DEFAULT_CLASSES

HYRCANUS, ARISTOBULUS, JANNAEUS = DEFAULT_CLASSES
Add = Callable[..., int]


def face(turn_deg: float = 0.0, side: Side | None = Side.LEGEND) -> CatalogFace:
    box = RotatedBox(left=0.25, top=1 / 3, right=0.75, bottom=1, turn_deg=turn_deg)
    return CatalogFace(box=box, side=side)


def what_is_logged(edits: tuple[Edit, ...]) -> list[tuple[str, dict, dict]]:
    return [(e.entity, dict(e.before), dict(e.after)) for e in edits]


def test_an_edit_is_logged_with_who_when_before_and_after(catalog, add_photo: Add):
    photo_id = add_photo(1)
    catalog.edits.set_ruler([photo_id], JANNAEUS, who=" bert ", authority="TJC 2001")
    arrival, edit = catalog.edits.history(photo_id)
    assert (arrival.entity, arrival.who) == ("added", "ada")
    assert (edit.who, edit.entity, edit.undone) == ("bert", "coin", False)
    assert edit.before == {"ruler_attributed": None, "authority": None}
    assert edit.after == {"ruler_attributed": JANNAEUS, "authority": "TJC 2001"}
    assert edit.at.tzinfo is not None


def test_what_is_so_already_is_not_logged(catalog: Catalog, add_photo: Add):
    photo_id = add_photo(1)
    catalog.edits.set_ruler([photo_id], None, who="ada")
    catalog.edits.set_faces(photo_id, catalog.photos.faces(photo_id), who="ada")
    assert len(catalog.edits.history(photo_id)) == 1
    assert catalog.edits.undo(who="ada") is None


def test_several_photos_are_one_step(catalog: Catalog, add_photo: Add):
    ids = [add_photo(k) for k in range(3)]
    catalog.edits.edit_faces({k: [face(90), face(side=None)] for k in ids}, who="ada")
    assert {catalog.photos.faces(k) for k in ids} == {(face(90), face(side=None))}
    undone = catalog.edits.undo(who="ada")
    assert undone is not None
    assert undone.photo_ids == tuple(ids)
    assert all(len(catalog.photos.faces(k)) == 1 for k in ids)
    assert catalog.edits.redo(who="ada") is not None
    assert catalog.photos.faces(ids[2]) == (face(90), face(side=None))


def test_back_to_the_original_after_many_edits(catalog: Catalog, add_photo: Add):
    ids = [add_photo(1), add_photo(2)]
    original = catalog.photos.faces(ids[0])
    for turn in (90, 180):
        catalog.edits.set_faces(ids[0], [face(turn)], who="ada")
    catalog.edits.undo(who="ada")
    catalog.edits.reset_faces(ids, who="bert")
    assert catalog.photos.faces(ids[0]) == original
    catalog.edits.undo(who="bert")
    assert catalog.photos.faces(ids[0]) == (face(90),)


def test_excluded_photos_come_back_as_they_were(catalog: Catalog, add_photo: Add):
    seen, unseen, other = (add_photo(k) for k in range(3))
    catalog.reviews.add(seen, HYRCANUS, who="ada")
    catalog.edits.exclude([seen, unseen], "wrong_coin", who="ada")
    assert catalog.photos.get(seen).exclude_reason is ExcludeReason.WRONG_COIN
    assert catalog.queries.progress().excluded == 2
    catalog.edits.restore([seen, unseen, other], who="ada")
    assert [catalog.photos.get(k).status for k in (seen, unseen, other)] == [
        "reviewed",
        "unreviewed",
        "unreviewed",
    ]
    assert catalog.photos.get(seen).exclude_reason is None


def test_an_undone_decision_leaves_those_of_others(catalog, add_photo: Add):
    photo_id = add_photo(1)
    for who in ("ada", "bert"):
        catalog.reviews.add(photo_id, HYRCANUS, who=who)
    for step in (catalog.edits.undo, catalog.edits.redo, catalog.edits.undo):
        group = step(who="ada")
        assert group is not None
        assert group.left_alone == ()
        photo = catalog.photos.get(photo_id)
        assert (photo.ruler, photo.status) == (HYRCANUS, "reviewed")
    group = catalog.edits.find_next(who="bert", undo=True)
    assert group is not None
    catalog.edits.reverse(group.group_id, who="ada")
    assert catalog.photos.get(photo_id).status == "unreviewed"


def test_a_photo_without_a_decision_is_not_reviewed(catalog, add_photo: Add):
    photo_id = add_photo(1)
    catalog.reviews.add(photo_id, HYRCANUS, who="ada")
    catalog.edits.exclude([photo_id], "duplicate", who="bert")
    catalog.edits.undo(who="ada")
    assert catalog.photos.get(photo_id).status == "excluded"
    catalog.edits.undo(who="bert")
    assert catalog.photos.get(photo_id).status == "unreviewed"


def status_of(catalog: Catalog, photo_id: int) -> tuple:
    photo = catalog.photos.get(photo_id)
    return photo.ruler, photo.status, photo.exclude_reason


@pytest.mark.parametrize("second", [ARISTOBULUS, HYRCANUS])
@pytest.mark.parametrize("first_label", [None, JANNAEUS])
@pytest.mark.parametrize("how", ["undone", "reversed"])
def test_decisions_withdrawn_in_any_order_leave_the_label_before(
    catalog: Catalog, add_photo: Add, second, first_label, how
):
    photo_id = add_photo(1, coin=CoinFacts(ruler_attributed=first_label))
    groups = {}
    for who, ruler in {"ada": ARISTOBULUS, "bert": second}.items():
        catalog.reviews.add(photo_id, ruler, who=who)
        groups[who] = catalog.edits.find_next(who=who, undo=True).group_id
    for who, label in {"ada": second, "bert": first_label}.items():
        if how == "undone":
            catalog.edits.undo(who=who)
        else:
            catalog.edits.reverse(groups[who], who="eva")
        assert catalog.photos.get(photo_id).ruler == label
    assert status_of(catalog, photo_id) == (first_label, "unreviewed", None)
    if how == "undone":
        for who in ("bert", "ada"):
            redone = catalog.edits.redo(who=who)
            assert redone is not None
            overruled = who == "ada" and second != ARISTOBULUS
            assert len(redone.left_alone) == overruled
            assert status_of(catalog, photo_id) == (second, "reviewed", None)


def test_both_decisions_on_a_coin_are_reversed_the_first_one_first(catalog, add_photo):
    ids = [add_photo(1), add_photo(2)]
    catalog.edits.group_coins(ids, who="ada")
    groups = []
    for photo_id in ids:
        catalog.reviews.add(photo_id, JANNAEUS, who="ada")
        groups.append(catalog.edits.find_next(who="ada", undo=True).group_id)
    for group_id in groups:
        catalog.edits.reverse(group_id, who="ada")
    assert [status_of(catalog, k) for k in ids] == [(None, "unreviewed", None)] * 2


def test_an_undone_decision_leaves_the_label_that_was_set_before(catalog, add_photo):
    photo_id = add_photo(1)
    catalog.reviews.add(photo_id, ARISTOBULUS, who="ada")
    catalog.edits.set_ruler([photo_id], None, who="ada")
    catalog.reviews.add(photo_id, HYRCANUS, who="ada")
    catalog.edits.undo(who="ada")
    assert status_of(catalog, photo_id) == (None, "reviewed", None)


def test_labels_of_two_who_both_undo_leave_the_one_before(catalog, add_photo: Add):
    photo_id = add_photo(1)
    catalog.edits.set_ruler([photo_id], ARISTOBULUS, who="ada")
    catalog.edits.set_ruler([photo_id], HYRCANUS, who="bert")
    for who, label in {"ada": HYRCANUS, "bert": None}.items():
        catalog.edits.undo(who=who)
        assert catalog.photos.get(photo_id).ruler == label


def test_a_decision_withdrawn_twice_stays_withdrawn_until_both_take_it_back(
    catalog, add_photo: Add
):
    photo_id = add_photo(1)
    catalog.reviews.add(photo_id, JANNAEUS, who="ada")
    group = catalog.edits.find_next(who="ada", undo=True)
    catalog.edits.reverse(group.group_id, who="bert")
    catalog.edits.undo(who="ada")
    catalog.edits.undo(who="bert")
    assert status_of(catalog, photo_id) == (None, "unreviewed", None)
    catalog.edits.redo(who="ada")
    assert status_of(catalog, photo_id) == (JANNAEUS, "reviewed", None)


def test_a_decision_does_not_label_the_coin_to_which_its_photo_is_moved(
    catalog, add_photo: Add
):
    one, two = add_photo(1), add_photo(2)
    catalog.reviews.add(one, ARISTOBULUS, who="ada")
    catalog.reviews.add(two, HYRCANUS, who="ada")
    catalog.edits.group_coins([one, two], who="ada")
    catalog.reviews.add(one, JANNAEUS, who="bert")
    catalog.edits.undo(who="bert")
    assert catalog.photos.get(one).ruler == ARISTOBULUS
    catalog.edits.ungroup([one], who="ada")  # what it said stays with the coin
    catalog.reviews.add(two, JANNAEUS, who="bert")
    catalog.edits.undo(who="bert")
    assert catalog.photos.get(two).ruler == ARISTOBULUS


def test_an_undone_decision_leaves_an_exclusion_that_can_be_redone(catalog, add_photo):
    photo_id = add_photo(1)
    catalog.reviews.add(photo_id, ARISTOBULUS, who="ada")
    catalog.edits.exclude([photo_id], "noise", who="bert")
    catalog.edits.undo(who="ada")
    catalog.edits.undo(who="bert")
    redone = catalog.edits.redo(who="bert")
    assert redone is not None
    assert redone.left_alone == ()
    assert status_of(catalog, photo_id) == (None, "excluded", "noise")


@pytest.mark.parametrize("how", ["undone", "reversed"])
def test_an_undone_exclusion_leaves_that_of_another_reviewer(catalog, add_photo, how):
    photo_id = add_photo(1)
    catalog.edits.exclude([photo_id], "noise", who="ada")
    catalog.edits.exclude([photo_id], "wrong_coin", who="bert")
    group = catalog.edits.find_next(who="ada", undo=True)
    if how == "undone":
        group = catalog.edits.undo(who="ada")
    else:
        group = catalog.edits.reverse(group.group_id, who="eva")
    assert len(group.left_alone) == 1
    assert status_of(catalog, photo_id) == (None, "excluded", "wrong_coin")
    catalog.edits.undo(who="bert")
    reason = None if how == "undone" else "noise"
    status = "unreviewed" if how == "undone" else "excluded"
    assert status_of(catalog, photo_id) == (None, status, reason)


def test_what_is_back_already_keeps_the_answers_of_classifiers(catalog, add_photo: Add):
    photo_id = add_photo(1)
    catalog.edits.set_faces(photo_id, [face(90)], who="ada")
    catalog.edits.reset_faces([photo_id], who="bert")
    probabilities = {HYRCANUS: 0.2, JANNAEUS: 0.8}
    answer = Prediction(
        photo_id=photo_id,
        classifier="svm",
        model_digest="d",
        probabilities=probabilities,
        ruler=JANNAEUS,
    )
    catalog.predictions.add([answer])
    undone = catalog.edits.undo(who="ada")
    assert undone is not None
    assert undone.left_alone == ()
    assert len(catalog.predictions.of_photo(photo_id)) == 1


def test_grouped_photos_share_a_coin_and_can_part_again(catalog, add_photo: Add):
    ids = [add_photo(k) for k in range(4)]
    catalog.edits.set_ruler([ids[1]], JANNAEUS, who="ada")
    coin_id = catalog.edits.group_coins(ids[:3], who="ada")
    assert coin_id == catalog.photos.get(ids[1]).coin_id  # the labelled one
    assert [catalog.photos.get(k).ruler for k in ids] == [*[JANNAEUS] * 3, None]
    catalog.edits.ungroup(ids[:2], who="ada")
    coins = [catalog.photos.get(k).coin_id for k in ids]
    assert len(set(coins)) == 4
    assert catalog.photos.coin(coins[0]).ruler_attributed == JANNAEUS
    catalog.edits.undo(who="ada")
    catalog.edits.undo(who="ada")
    assert [catalog.photos.get(k).ruler for k in ids] == [None, JANNAEUS, None, None]


def test_a_grouped_coin_keeps_the_facts_of_the_others(catalog, add_photo: Add):
    ids = [add_photo(k) for k in range(3)]
    coins = [catalog.photos.get(k).coin_id for k in ids]
    before = catalog.photos.coin(coins[1])
    catalog.edits.set_ruler([ids[1]], JANNAEUS, who="ada")
    catalog.edits.edit_coin(coins[1], {"weight_g": 1.9}, who="ada")
    reference = CoinReference(catalogue="Hendin", number="1143", edition="GBC5")
    facts = {"weight_g": 2.5, "notes": "worn", "references": (reference,)}
    catalog.edits.edit_coin(coins[2], facts, who="ada")
    assert catalog.edits.group_coins(ids, who="ada") == coins[1]
    coin = catalog.photos.coin(coins[1])
    assert (coin.weight_g, coin.notes, coin.references) == (1.9, "worn", (reference,))
    assert coin.ruler_attributed == JANNAEUS
    catalog.edits.undo(who="ada")
    coin = catalog.photos.coin(coins[1])
    assert (coin.notes, coin.references) == (before.notes, before.references)
    assert [catalog.photos.get(k).coin_id for k in ids] == coins


def test_a_grouped_coin_gets_no_facts_of_another_ruler(catalog, add_photo: Add):
    ids = [add_photo(k) for k in range(3)]
    coins = [catalog.photos.get(k).coin_id for k in ids]
    reference = CoinReference(catalogue="Hendin", number="1132", edition="GBC5")
    facts = {
        "name_on_coin": "yehohanan",
        "authority": "TJC 2001",
        "denomination": "tetradrachm",
        "references": (reference,),
        "die_axis_h": 3,
    }
    catalog.edits.set_ruler([ids[0]], JANNAEUS, who="ada")
    catalog.edits.set_ruler([ids[1]], HYRCANUS, who="ada")
    lacking = dict.fromkeys(("name_on_coin", "authority", "denomination"))
    catalog.edits.edit_coin(coins[0], lacking, who="ada")
    catalog.edits.edit_coin(coins[1], facts, who="ada")
    catalog.edits.group_coins(ids, who="ada")
    coin = catalog.photos.coin(coins[0])
    assert (coin.name_on_coin, coin.authority, coin.denomination) == (None, None, None)
    assert (coin.references, coin.die_axis_h) == ((), 3)


def test_a_grouped_coin_has_the_notes_of_all(catalog: Catalog, add_photo: Add):
    ids = [add_photo(k) for k in range(4)]
    coins = [catalog.photos.get(k).coin_id for k in ids]
    for coin_id, notes in zip(coins, ("worn", "bought 1999", "", "worn"), strict=True):
        catalog.edits.edit_coin(coin_id, {"notes": notes}, who="ada")
    for _ in range(2):
        catalog.edits.group_coins(ids, who="ada")
        assert catalog.photos.coin(coins[0]).notes == "worn\nbought 1999"
        catalog.edits.ungroup(ids, who="ada")


def test_the_facts_of_a_coin_change_and_come_back(catalog: Catalog, add_photo: Add):
    coin_id = catalog.photos.get(add_photo(1)).coin_id
    before = catalog.photos.coin(coin_id)
    reference = CoinReference(catalogue="Hendin", number="1143", edition="GBC5")
    changes = {"weight_g": 1.91, "name_on_coin": "yehudah", "references": (reference,)}
    catalog.edits.edit_coin(coin_id, changes, who="ada")
    coin = catalog.photos.coin(coin_id)
    assert (coin.weight_g, coin.references) == (1.91, (reference,))
    catalog.edits.undo(who="ada")
    assert catalog.photos.coin(coin_id) == before
    for wrong in ({"weight": 1}, {"die_axis_h": 0}):
        with pytest.raises(CatalogError):
            catalog.edits.edit_coin(coin_id, wrong, who="ada")
    assert catalog.photos.coin(coin_id) == before


def test_where_photos_come_from_is_told_for_several_and_taken_back(catalog, add_photo):
    ids = [add_photo(1, lot_text="wreath"), add_photo(2)]
    before = catalog.photos.get_many(ids)
    told = {"licence": " CC BY-SA 4.0 ", "credit": "R. Cohen", "source_url": ""}
    catalog.edits.edit_photos(dict.fromkeys(ids, told), who="ada")
    for photo in catalog.photos.get_many(ids):
        assert (photo.licence, photo.licence_raw) == ("cc-by-sa-4.0", "CC BY-SA 4.0")
        assert (photo.credit, photo.source_url) == ("R. Cohen", None)
    assert catalog.photos.get(ids[0]).lot_text == "wreath"
    edit = catalog.edits.history(ids[1])[-1]
    assert edit.before == {"licence": None, "licence_raw": "", "credit": ""}
    catalog.edits.undo(who="ada")
    assert catalog.photos.get_many(ids) == before
    for wrong in ({"sha256": "00"}, {"licence_raw": "x"}):
        with pytest.raises(CatalogError, match="its fields are source"):
            catalog.edits.edit_photos({ids[0]: wrong}, who="ada")


def test_each_user_undoes_only_their_own(catalog: Catalog, add_photo: Add):
    one, two = add_photo(1), add_photo(2)
    catalog.edits.set_ruler([one], HYRCANUS, who="ada")
    catalog.edits.set_ruler([two], JANNAEUS, who="bert")
    catalog.edits.undo(who="ada")
    assert [catalog.photos.get(k).ruler for k in (one, two)] == [None, JANNAEUS]
    assert catalog.edits.undo(who="ada") is None
    assert catalog.edits.undo(who="cleo") is None


def test_undo_leaves_what_somebody_else_has_changed_since(catalog, add_photo: Add):
    one, two = add_photo(1), add_photo(2)
    catalog.edits.set_ruler([one, two], HYRCANUS, who="ada")
    catalog.edits.set_ruler([one], JANNAEUS, who="bert")
    undone = catalog.edits.undo(who="ada")
    assert undone is not None
    assert [edit.entity for edit in undone.left_alone] == ["coin"]
    assert [catalog.photos.get(k).ruler for k in (one, two)] == [JANNAEUS, None]
    catalog.edits.redo(who="ada")
    assert [catalog.photos.get(k).ruler for k in (one, two)] == [JANNAEUS, HYRCANUS]


def test_undo_goes_on_where_the_coin_of_a_photo_is_removed(catalog, add_photo: Add):
    demo, own, other = add_photo(1, is_rendered=True), add_photo(2), add_photo(3)
    catalog.edits.set_ruler([other], JANNAEUS, who="anna")
    catalog.edits.group_coins([demo, own], who="anna")
    catalog.edits.ungroup([own], who="anna")
    catalog.photos.remove([demo], who="bert")
    coin_id = catalog.photos.get(own).coin_id
    for _ in range(3):
        undone = catalog.edits.undo(who="anna")
        if undone.photo_ids == (own,):
            assert [edit.entity for edit in undone.left_alone] == ["photo"]
            assert catalog.photos.get(own).coin_id == coin_id
    assert catalog.photos.get(other).ruler is None
    while catalog.edits.redo(who="anna"):
        pass
    assert catalog.photos.get(other).ruler == JANNAEUS
    assert catalog.check() == []


def test_a_new_edit_ends_what_can_be_redone(catalog: Catalog, add_photo: Add):
    photo_id = add_photo(1)
    catalog.edits.set_ruler([photo_id], HYRCANUS, who="ada")
    catalog.edits.undo(who="ada")
    catalog.edits.set_ruler([photo_id], JANNAEUS, who="ada")
    assert catalog.edits.redo(who="ada") is None
    assert catalog.photos.get(photo_id).ruler == JANNAEUS


def test_an_edit_in_place_of_an_undone_one_is_what_is_redone(catalog, add_photo: Add):
    photo_id, other_id = add_photo(1), add_photo(2)
    catalog.edits.set_ruler([photo_id], HYRCANUS, who="ada")
    catalog.edits.set_ruler([photo_id, other_id], ARISTOBULUS, who="ada")
    catalog.edits.undo(who="ada")
    catalog.edits.set_ruler([photo_id], JANNAEUS, who="ada")
    while catalog.edits.undo(who="ada") is not None:
        pass
    rulers = []
    while catalog.edits.redo(who="ada") is not None:
        rulers.append(catalog.photos.get(photo_id).ruler)
    assert rulers == [HYRCANUS, JANNAEUS]
    assert catalog.photos.get(other_id).ruler is None
    assert [edit.undone for edit in catalog.edits.history(photo_id)] == [
        *(False, False, True, False)
    ]


def test_what_changes_nothing_or_is_somebody_elses_leaves_the_redo(
    catalog: Catalog, add_photo: Add
):
    photo_id = add_photo(1)
    catalog.edits.set_ruler([photo_id], HYRCANUS, who="ada")
    catalog.edits.undo(who="ada")
    catalog.edits.set_ruler([photo_id], None, who="ada")
    catalog.edits.set_ruler([add_photo(2)], JANNAEUS, who="bert")
    assert catalog.edits.redo(who="ada") is not None
    assert catalog.photos.get(photo_id).ruler == HYRCANUS


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda c: c.edits.set_ruler([99], HYRCANUS, who="ada"), "no photo 99"),
        (lambda c: c.edits.set_faces(99, [], who="ada"), "no photo 99"),
        (lambda c: c.edits.exclude([99], "noise", who="ada"), "no photo 99"),
        (lambda c: c.edits.restore([99], who="ada"), "no photo 99"),
        (lambda c: c.reviews.add(99, None, who="ada"), "no photo 99"),
        (lambda c: c.edits.edit_coin(99, {}, who="ada"), "no coin 99"),
        (lambda c: c.edits.exclude([1], "boring", who="ada"), "noise, wrong_coin"),
        (lambda c: c.edits.group_coins([], who="ada"), "Choose"),
        (lambda c: c.edits.set_ruler([1], HYRCANUS, who=""), "signed"),
        (lambda c: c.edits.undo(who=" "), "signed"),
    ],
)
def test_a_wrong_edit_changes_nothing(catalog: Catalog, add_photo: Add, act, says):
    photo_id = add_photo(1)
    before = catalog.photos.get(photo_id)
    with pytest.raises(CatalogError, match=says):
        act(catalog)
    assert catalog.photos.get(photo_id) == before
    assert len(catalog.edits.history(photo_id)) == 1


def test_many_photos_are_edited_in_one_transaction(catalog: Catalog, add_photo: Add):
    photo_id = add_photo(1)
    with pytest.raises(CatalogError):
        catalog.edits.edit_faces({photo_id: [], 99: []}, who="ada")
    assert len(catalog.photos.faces(photo_id)) == 1
    catalog.edits.exclude(itertools.repeat(photo_id, 700), "noise", who="ada")
    assert len(catalog.edits.history(photo_id)) == 2


PHOTOS = st.lists(st.integers(0, 3), min_size=1, max_size=3)
STEPS = st.one_of(
    st.tuples(st.just("set_ruler"), PHOTOS, st.sampled_from([None, *DEFAULT_CLASSES])),
    st.tuples(st.just("exclude"), PHOTOS, st.sampled_from(list(ExcludeReason))),
    st.tuples(st.just("restore"), PHOTOS, st.none()),
    st.tuples(st.just("faces"), PHOTOS, st.lists(st.integers(0, 359), max_size=2)),
    st.tuples(st.just("original"), PHOTOS, st.none()),
    st.tuples(st.just("group"), PHOTOS, st.none()),
    st.tuples(st.just("ungroup"), PHOTOS, st.none()),
    st.tuples(st.just("weight"), PHOTOS, st.sampled_from([None, 1.5, 2.25])),
    st.tuples(st.just("review"), PHOTOS, st.sampled_from([None, *DEFAULT_CLASSES])),
)


def do(catalog: Catalog, ids: list[int], step: tuple, who: str) -> None:
    name, picked, value = step
    chosen = [ids[k] for k in picked]
    if name == "set_ruler":
        catalog.edits.set_ruler(chosen, value, who=who)
    elif name == "exclude":
        catalog.edits.exclude(chosen, value, who=who)
    elif name == "restore":
        catalog.edits.restore(chosen, who=who)
    elif name == "faces":
        catalog.edits.edit_faces(
            {k: [face(turn) for turn in value] for k in chosen}, who=who
        )
    elif name == "original":
        catalog.edits.reset_faces(chosen, who=who)
    elif name == "group":
        catalog.edits.group_coins(chosen, who=who)
    elif name == "ungroup":
        catalog.edits.ungroup(chosen, who=who)
    elif name == "weight":
        coin_id = catalog.photos.get(chosen[0]).coin_id
        catalog.edits.edit_coin(coin_id, {"weight_g": value}, who=who)
    else:
        catalog.reviews.add(chosen[0], value, who=who)


def state(catalog: Catalog, ids: list[int]) -> list[object]:
    photos = catalog.photos.get_many(ids)
    return [
        (
            photo,
            catalog.photos.coin(photo.coin_id),
            catalog.reviews.of_photo(photo.photo_id),
        )
        for photo in photos
    ] + [catalog.photos.faces_of(ids)]


NUMBERS = itertools.count()


@settings(max_examples=12)
@given(steps=st.lists(STEPS, min_size=1, max_size=6))
def test_undoing_everything_returns_the_state_before(
    catalog: Catalog, add_photo: Add, steps
):
    ids = [add_photo(k) for k in range(4)]
    who = f"user {next(NUMBERS)}"  # with nothing to undo yet
    before = state(catalog, ids)
    for step in steps:
        do(catalog, ids, step, who)
    after = state(catalog, ids)
    undone = 0
    while catalog.edits.undo(who=who) is not None:
        undone += 1
    assert state(catalog, ids) == before
    redone = 0
    while catalog.edits.redo(who=who) is not None:
        redone += 1
    assert (state(catalog, ids), redone) == (after, undone)


WHO = st.sampled_from(["ada", "bert", "cleo"])
RULER = st.sampled_from([None, HYRCANUS, JANNAEUS])
NOTHING = st.just((0, None))
PHOTO = st.integers(0, 2)
REVIEW_STEPS = st.one_of(
    st.tuples(st.just("review"), WHO, st.tuples(PHOTO, RULER)),
    st.tuples(st.just("set_ruler"), WHO, st.tuples(PHOTO, RULER)),
    st.tuples(
        st.just("exclude"),
        WHO,
        st.tuples(PHOTO, st.sampled_from(["noise", "wrong_coin"])),
    ),
    st.tuples(st.just("restore"), WHO, st.tuples(PHOTO, st.none())),
    st.tuples(st.just("undo"), WHO, NOTHING),
    st.tuples(st.just("redo"), WHO, NOTHING),
)


class ReplayedPhotos:
    """What two photos of one coin and one of another are after actions that stand."""

    def __init__(self) -> None:
        self.actions: list[list] = []  # name, who, photo, value, is undone
        self.ended: set[int] = set()  # actions that nobody can redo

    def take(self, name: str, who: str, photo: int, value: str | None) -> None:
        own = [k for k, action in enumerate(self.actions) if action[1] == who]
        standing = [k for k in own if not self.actions[k][4]]
        if name == "undo":
            if standing:
                self.actions[standing[-1]][4] = True
        elif name == "redo":
            last = standing[-1] if standing else -1
            undone = [k for k in own if k > last and k not in self.ended]
            if undone:
                self.actions[undone[0]][4] = False
        else:
            before = self.replay()
            self.actions.append([name, who, photo, value, False])
            if name != "review" and self.replay() == before:
                self.actions.pop()  # changes nothing
            else:
                self.ended |= set(own) - set(standing)

    def replay(self) -> list[tuple[str | None, str, str | None]]:
        labels: list[str | None] = [None, ARISTOBULUS]
        reasons: list[str | None] = [None] * 3
        said: list[tuple[int, str | None]] = []
        for name, _, photo, value, is_undone in self.actions:
            coin = photo // 2
            if is_undone:
                continue
            if name in ("exclude", "restore", "review"):
                reasons[photo] = value if name == "exclude" else None
            if name == "set_ruler" or (name == "review" and value):
                labels[coin] = value
            elif name == "review":
                others = [
                    ruler
                    for k, (other, ruler) in enumerate(said)
                    if ruler and other != photo and other // 2 == coin
                    if other not in [later for later, _ in said[k + 1 :]]
                ]
                own = [None, *(ruler for other, ruler in said if other == photo)][-1]
                if not others:
                    labels[coin] = None
                elif labels[coin] == own and own not in others:
                    labels[coin] = own and others[-1]
            if name == "review":
                said.append((photo, value))
        decided = {photo for photo, _ in said}
        return [
            (
                labels[photo // 2],
                "excluded"
                if reason
                else "reviewed"
                if photo in decided
                else "unreviewed",
                reason,
            )
            for photo, reason in enumerate(reasons)
        ]


@settings(max_examples=20)
@given(steps=st.lists(REVIEW_STEPS, min_size=4, max_size=14))
def test_labels_and_statuses_are_those_of_the_actions_that_stand(
    catalog: Catalog, add_photo: Add, steps
):
    example = 1000 + 3 * next(NUMBERS)
    labelled = CoinFacts(ruler_attributed=ARISTOBULUS)
    ids = [add_photo(example), add_photo(example + 1)]
    ids.append(add_photo(example + 2, coin=labelled))
    catalog.edits.group_coins(ids[:2], who="eva")
    expected = ReplayedPhotos()
    for name, who, (photo, value) in steps:
        expected.take(name, who, photo, value)
        signed = f"{who} {example}"
        if name in ("undo", "redo"):
            getattr(catalog.edits, name)(who=signed)
        else:
            do(catalog, ids, (name, [photo], value), signed)
        assert [
            (photo.ruler, str(photo.status), photo.exclude_reason)
            for photo in catalog.photos.get_many(ids)
        ] == expected.replay()


def test_anybodys_action_is_reversed_as_an_action_of_ones_own(
    catalog: Catalog, add_photo: Add
):
    one, two = add_photo(1), add_photo(2)
    catalog.edits.set_ruler([one, two], JANNAEUS, who="ada")
    catalog.reviews.add(one, HYRCANUS, who="ada")
    labelled, reviewed = dict.fromkeys(
        edit.group_id for edit in catalog.edits.history(one) if edit.entity == "coin"
    )
    group = catalog.edits.reverse(reviewed, who="bert")
    assert group.edits[0].who == "ada"
    assert not catalog.reviews.of_photo(one)
    assert catalog.photos.get(one).ruler == JANNAEUS
    # What has changed since is left alone; both are in the log under bert's name.
    catalog.edits.set_ruler([two], ARISTOBULUS, who="carl")
    group = catalog.edits.reverse(labelled, who="bert")
    assert len(group.left_alone) == 1
    assert [catalog.photos.get(k).ruler for k in (one, two)] == [None, ARISTOBULUS]
    assert catalog.edits.history(one)[-1].who == "bert"
    # So bert can undo it, and ada her own.
    assert catalog.edits.undo(who="bert") is not None
    assert catalog.photos.get(one).ruler == JANNAEUS
    with pytest.raises(CatalogError, match="can be undone"):
        catalog.edits.reverse(catalog.edits.history(one)[0].group_id, who="bert")
    with pytest.raises(CatalogError, match="can be undone"):
        catalog.edits.find_group("nothing")


def test_two_who_change_photos_of_one_coin_wait_for_each_other(
    catalog: Catalog, add_photo: Add, monkeypatch: pytest.MonkeyPatch
):
    first, second = add_photo(1), add_photo(2)
    coin_id = catalog.edits.group_coins([first, second], who="ada")
    is_at_work, go_on = threading.Event(), threading.Event()
    photos_of_coins = edits_module._photos_of_coins

    def wait_first(*arguments: object) -> list[int]:
        is_at_work.set()
        go_on.wait(10)
        return photos_of_coins(*arguments)

    monkeypatch.setattr(edits_module, "_photos_of_coins", wait_first)
    with ThreadPoolExecutor(2) as threads:
        group = threads.submit(catalog.edits.group_coins, [first], who="ada")
        assert is_at_work.wait(10)
        label = threads.submit(catalog.edits.set_ruler, [second], JANNAEUS, who="bert")
        threading.Timer(0.3, go_on.set).start()
        assert group.result(10) == coin_id
        label.result(10)
    assert catalog.photos.get(first).ruler == JANNAEUS
