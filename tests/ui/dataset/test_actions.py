from __future__ import annotations

import threading

import pytest
from streamlit.testing.v1 import AppTest

from coin_core.catalog import Catalog, CatalogFace, PhotoStatus, RotatedBox
from coin_core.jobs import Job, JobKind, hold_job, list_jobs, report_details
from tests.ui.dataset.dataset_page import (
    grid_of,
    open_page,
    press,
    wait_for_task,
    words_of,
)
from ui.dataset import cropping


def test_the_chosen_photos_are_labelled_excluded_and_taken_back(
    catalog: Catalog,
) -> None:
    page = open_page()
    ids = [tile["id"] for tile in grid_of(page)["photos"]][:3]
    page.session_state["dataset_session"].select(ids)
    page.run()
    press(page, "set_ruler_john_hyrcanus_i")
    assert {photo.ruler for photo in catalog.photos.get_many(ids)} == {
        "john_hyrcanus_i"
    }
    press(page, "exclude_noise")
    assert {p.status for p in catalog.photos.get_many(ids)} == {PhotoStatus.EXCLUDED}
    press(page, "undo_edit")
    press(page, "undo_edit")
    assert {p.status for p in catalog.photos.get_many(ids)} == {PhotoStatus.UNREVIEWED}
    assert {p.ruler for p in catalog.photos.get_many(ids)} != {"john_hyrcanus_i"}
    press(page, "redo_edit")
    assert {photo.ruler for photo in catalog.photos.get_many(ids)} == {
        "john_hyrcanus_i"
    }


def test_a_new_class_is_made_by_labelling_coins_with_it(catalog: Catalog) -> None:
    page = open_page()
    ids = [tile["id"] for tile in grid_of(page)["photos"]][:2]
    page.session_state["dataset_session"].select(ids)
    page.run()
    assert page.button(key="set_other_ruler").disabled
    page.text_input(key="other_ruler").set_value(" Mattathias Antigonus ").run()
    press(page, "set_other_ruler")
    assert {photo.ruler for photo in catalog.photos.get_many(ids)} == {
        "mattathias_antigonus"
    }
    page.text_input(key="other_ruler").set_value("Alexander Jannaeus").run()
    press(page, "set_other_ruler")
    assert {photo.ruler for photo in catalog.photos.get_many(ids)} == {
        "alexander_jannaeus"
    }
    press(page, "undo_edit")
    assert [b for b in page.button if b.key == "set_ruler_mattathias_antigonus"]


def test_all_chosen_photos_are_turned_as_one_action(catalog: Catalog) -> None:
    page = open_page()
    press(page, "choose_all")
    assert len(page.session_state["dataset_session"].selected) == 12
    press(page, "crop_all_Turn 90° right")
    ids = page.session_state["dataset_session"].selected
    assert {catalog.photos.faces(i)[0].box.turn_deg for i in ids} == {90.0}
    press(page, "undo_edit")
    assert {catalog.photos.faces(i)[0].box.turn_deg for i in ids} == {0.0}


def test_long_work_has_a_bar_and_a_stop_and_changes_nothing_halfway(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def find(_catalog, photo, faces):
        if photo.photo_id != 12:  # the first of the chosen is quick
            go_on.wait(60)
        return (CatalogFace(box=RotatedBox(left=0, top=0, right=0.5, bottom=1)),)

    monkeypatch.setitem(cropping.EDITS, "Find the coins", find)
    page = open_page()
    press(page, "choose_all")
    page.button(key="crop_all_Find the coins").click().run()
    assert not page.exception
    page.run()
    assert "1 of 12 photos" in page.get("progress")[0].proto.text
    page.button(key="stop_work").click().run()
    go_on.set()
    wait_for_task(page)
    assert not page.get("progress")
    assert page.toast[0].value == "Stopped; nothing was changed."
    assert catalog.photos.faces(12)[0].box.right == 0.95
    press(page, "crop_all_Find the coins")
    assert {catalog.photos.faces(i)[0].box.right for i in range(1, 13)} == {0.5}
    press(page, "undo_edit")  # all of it at once
    assert {catalog.photos.faces(i)[0].box.right for i in range(1, 13)} == {0.95}


def test_a_licence_is_told_for_all_chosen(catalog: Catalog) -> None:
    page = open_page()
    press(page, "choose_all")
    assert page.button(key="tell_all").disabled
    page.selectbox(key="told_licence").set_value("CC0 1.0").run()
    page.text_input(key="told_credit").set_value("R. Cohen").run()
    press(page, "tell_all")
    photos = catalog.queries.find(limit=20).photos
    assert {photo.licence for photo in photos} == {"cc0-1.0"}
    assert {(p.credit, p.source) for p in photos} == {("R. Cohen", "own camera")}
    press(page, "undo_edit")
    assert {p.licence for p in catalog.queries.find(limit=20).photos} == {
        None,
        "cc-by-4.0",
    }


def test_photos_with_different_labels_that_show_one_coin_are_named(
    catalog: Catalog,
) -> None:
    page = open_page()
    session = page.session_state["dataset_session"]
    ids = [tile["id"] for tile in grid_of(page)["photos"]][:2]
    for photo_id, ruler in zip(sorted(ids), ("alexander_jannaeus", "john_hyrcanus_i")):
        catalog.edits.set_ruler([photo_id], ruler, who="Anna")
    session.select(ids)
    page.run()
    press(page, "do_They show one coin")
    (told,) = [one.value for one in page.toast if "one coin" in one.value]
    kept = catalog.photos.get(ids[0]).ruler
    assert kept == catalog.photos.get(ids[1]).ruler == "alexander_jannaeus"
    assert "labelled Alexander Jannaeus in place of John Hyrcanus I." in told


def test_the_measures_that_one_coin_does_not_keep_are_named(catalog: Catalog) -> None:
    page = open_page()
    session = page.session_state["dataset_session"]
    ids = sorted(tile["id"] for tile in grid_of(page)["photos"])[:2]
    coins = [catalog.photos.get(photo_id).coin_id for photo_id in ids]
    for coin_id, weight_g in zip(sorted(coins), (1.9, 2.5), strict=True):
        facts = {"weight_g": weight_g, "diameter_mm": 14.0, "die_axis_h": None}
        catalog.edits.edit_coin(coin_id, facts, who="Anna")
    session.select(ids)
    page.run()
    press(page, "do_They show one coin")
    (told,) = [one.value for one in page.toast if "one coin" in one.value]
    assert "Not kept of the others: weight in g 2.5" in told
    assert "diameter" not in told
    assert "die axis" not in told


def show_asking() -> None:
    from ui.dataset.actions import AskingPanel

    AskingPanel().show()


def test_a_later_visit_finds_what_the_classifiers_did_not_read() -> None:
    for number, skipped in enumerate((0, 2)):
        kind, name = JobKind.CLASSIFY, f"asking-{number}"
        with hold_job(Job(job_id=name, kind=kind, title=name, arguments=())):
            report_details(read=5, skipped=skipped, left_out=["a.png: damaged."])
    page = AppTest.from_function(show_asking).run()
    assert "2 were not: they are excluded" in words_of(page)
    assert [part.value for part in page.text].count("a.png: damaged.") == 1
    page.button(key="forget_asking-1").click().run()
    assert not page.exception
    assert [job.job_id for job in list_jobs()] == ["asking-0"]
    assert not words_of(page).strip()
