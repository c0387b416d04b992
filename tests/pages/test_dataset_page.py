"""The Dataset page on a small catalog: every part opens and does its work."""

from __future__ import annotations

import io
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from coin_core.catalog import (
    Catalog,
    CatalogFace,
    CoinFacts,
    PhotoQuery,
    PhotoRecord,
    PhotoStatus,
    RotatedBox,
    Side,
    open_catalog,
)
from coin_core.catalog.importing.ingest import import_photos
from coin_core.catalog.versions import freeze
from coin_core.model_store.bundle import data_dir
from ui.dataset import cropping, gallery
from ui.dataset.review import ReviewQueue, apply_decision

PAGE = Path(__file__).parents[2] / "pages" / "2_Dataset.py"
RULERS = ("john_hyrcanus_i", "judah_aristobulus_i", "alexander_jannaeus", None)
NASTY = '<img src=x onerror="alert(1)">[link](http://evil.example)'


def a_photo(grey: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((60, 120, 3), grey, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def empty() -> Catalog:
    return open_catalog()


@pytest.fixture
def catalog(empty: Catalog) -> Catalog:
    """Twelve photos, three of each ruler and three of none."""
    for k in range(12):
        record = PhotoRecord(
            extension="png",
            width_px=120,
            height_px=60,
            file_name=NASTY if k == 0 else f"locus {k}.png",
            lot_text=NASTY if k == 0 else "",
            source="own camera",
            licence="cc-by-4.0" if k % 2 else None,
            is_rendered=k == 11,
            coin=CoinFacts(ruler_attributed=RULERS[k % 4]),
        )
        face = CatalogFace(
            box=RotatedBox(left=0.05, top=0.1, right=0.95, bottom=0.9), side=Side.LEGEND
        )
        empty.photos.add(a_photo(20 * k + 10), record, [face], who="import")
    return empty


def open_page(part: str = "browse", who: str = "Anna") -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert not page.exception
    if who and "dataset_session" in page.session_state:
        page.session_state["dataset_session"].reviewer = who
    if part != "browse":
        page.button_group(key="dataset_part").set_value(part)
    page.run()
    assert not page.exception
    return page


def components(page: AppTest) -> list[dict[str, object]]:
    """What the components of our own were given."""
    import json

    return [
        json.loads(part.proto.json or part.proto.mixed.json or "{}")
        for part in page.get("bidi_component")
    ]


def grid_of(page: AppTest) -> dict[str, object]:
    return next(data for data in components(page) if "photos" in data)


def shown_in(page: AppTest) -> list[str]:
    return [tile["name"] for tile in grid_of(page)["photos"]]


def words_of(page: AppTest) -> str:
    parts = [*page.markdown, *page.caption, *page.text, *page.header, *page.subheader]
    return " ".join(str(part.value) for part in parts)


def press(page: AppTest, key: str) -> AppTest:
    page.button(key=key).click().run()
    assert not page.exception
    return wait_for_work(page)


def wait_for_work(page: AppTest) -> AppTest:
    """What runs beside the page is over, and the page shows what came of it."""
    work = page.session_state["dataset_session"].task
    if work is not None:
        work._thread.join(60)
        page.run()
        assert not page.exception
    return page


def test_an_empty_collection_says_how_to_begin(empty: Catalog) -> None:
    page = open_page()
    assert "The collection is empty" in words_of(page)
    assert page.button(key="demo_make").label == "Strike 300 demo coins"
    assert page.file_uploader


def test_the_grid_shows_every_photo_with_its_faces_and_marks(catalog: Catalog) -> None:
    gallery = grid_of(open_page())
    assert len(gallery["photos"]) == 12
    tile = gallery["photos"][0]  # the newest first
    assert tile["tags"] == ["rendered"]
    assert tile["src"].startswith("data:image/jpeg;base64,")
    assert tile["faces"][0]["label"] == "1 · legend side"


def test_the_counts_filter_the_grid(catalog: Catalog) -> None:
    page = open_page()
    counts = next(data for data in components(page) if "rows" in data)
    assert {row["key"]: row["count"] for row in counts["rows"]} == {
        "john_hyrcanus_i": 3,
        "judah_aristobulus_i": 3,
        "alexander_jannaeus": 3,
        "unlabelled": 3,
    }
    page.session_state["dataset_session"].ruler = "unlabelled"
    page.run()
    assert len(shown_in(page)) == 3
    press(page, "f_clear")
    assert len(shown_in(page)) == 12


def test_search_status_and_source_filter(catalog: Catalog) -> None:
    page = open_page()
    page.text_input(key="f_text").set_value("locus 7").run()
    assert shown_in(page) == ["locus 7.png"]
    page.text_input(key="f_text").set_value("no such words").run()
    assert "No photo fits" in page.info[0].value
    press(page, "f_clear")
    page.selectbox(key="f_status").set_value(PhotoStatus.EXCLUDED).run()
    assert not page.exception
    assert "No photo fits" in page.info[0].value


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
    wait_for_work(page)
    assert not page.get("progress")
    assert page.toast[0].value == "Stopped; nothing was changed."
    assert catalog.photos.faces(12)[0].box.right == 0.95
    press(page, "crop_all_Find the coins")
    assert {catalog.photos.faces(i)[0].box.right for i in range(1, 13)} == {0.5}
    press(page, "undo_edit")  # all of it at once
    assert {catalog.photos.faces(i)[0].box.right for i in range(1, 13)} == {0.95}


def test_changes_ask_for_a_name_first(catalog: Catalog) -> None:
    page = open_page(who="")
    page.session_state["dataset_session"].select([1])
    page.run()
    assert not [b for b in page.button if b.key == "set_ruler_john_hyrcanus_i"]
    page.text_input(key="reviewer_asked").set_value("  Anna ").run()
    assert not page.exception
    assert page.session_state["dataset_session"].reviewer == "Anna"
    assert [b for b in page.button if b.key == "set_ruler_john_hyrcanus_i"]


def test_an_opened_photo_shows_names_and_lot_texts_as_text(catalog: Catalog) -> None:
    page = open_page()
    page.session_state["dataset_session"].open_photo(1)
    page.run()
    assert not page.exception
    plain = [part.value for part in page.text]
    assert NASTY in plain
    assert f"lot text: {NASTY}" in plain
    interpreted = [*page.markdown, *page.caption, *page.get("html")]
    assert not [p for p in interpreted if "onerror" in str(p.value)]


def test_the_tools_split_turn_swap_and_go_back(catalog: Catalog) -> None:
    page = open_page()
    page.session_state["dataset_session"].open_photo(2)
    page.run()
    before = catalog.photos.faces(2)
    press(page, "crop_Split in two")
    first, second = catalog.photos.faces(2)
    assert first.box.right == second.box.left
    press(page, "crop_Swap sides")
    assert [f.side for f in catalog.photos.faces(2)] != [first.side, second.side]
    press(page, "crop_Turn 90° left")
    assert catalog.photos.faces(2)[0].box.turn_deg == -90
    press(page, "crop_original")
    assert catalog.photos.faces(2) == before
    press(page, "undo_edit")
    assert catalog.photos.faces(2)[0].box.turn_deg == -90


def test_a_face_is_turned_by_any_angle_and_told_its_side(catalog: Catalog) -> None:
    page = open_page()
    page.session_state["dataset_session"].open_photo(2)
    page.run()
    page.slider[0].set_value(17).run()
    assert catalog.photos.faces(2)[0].box.turn_deg == 17
    side = next(s for s in page.selectbox if s.label == "Face 1 shows")
    side.set_value(Side.CORNUCOPIA).run()
    assert catalog.photos.faces(2)[0].side is Side.CORNUCOPIA
    assert not page.exception


def test_the_coin_is_edited_and_a_wrong_measure_refused(catalog: Catalog) -> None:
    page = open_page()
    page.session_state["dataset_session"].open_photo(2)
    page.run()
    weight = next(n for n in page.number_input if n.label == "Weight in g")
    weight.set_value(1.97)
    next(b for b in page.button if b.label == "Keep").click().run()
    assert not page.exception
    assert catalog.photos.coin(catalog.photos.get(2).coin_id).weight_g == 1.97


def test_references_are_written_as_one_reads_them(catalog: Catalog) -> None:
    page = open_page()
    page.session_state["dataset_session"].open_photo(2)
    page.run()
    field = next(t for t in page.text_input if t.label == "References")
    field.set_value("Hendin 1132 (5th edition); TJC A12")
    next(b for b in page.button if b.label == "Keep").click().run()
    assert not page.exception
    first, second = catalog.photos.coin(catalog.photos.get(2).coin_id).references
    assert (first.catalogue, first.number, first.edition) == (
        "Hendin",
        "1132",
        "5th edition",
    )
    assert second.number == "A12"


def test_where_a_photo_comes_from_is_corrected_and_taken_back(catalog: Catalog) -> None:
    page = open_page()
    page.session_state["dataset_session"].open_photo(1)  # whose texts are hostile
    page.run()
    field = next(t for t in page.text_input if t.label == "Licence")
    field.set_value("CC BY 4.0")
    next(b for b in page.button if "told_1" in b.form_id).click().run()
    assert not page.exception
    photo = catalog.photos.get(1)
    assert (photo.licence, photo.licence_raw) == ("cc-by-4.0", "CC BY 4.0")
    assert (photo.source, photo.lot_text) == ("own camera", NASTY)
    press(page, "undo_edit")
    assert catalog.photos.get(1).licence is None


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


def test_a_photo_that_is_gone_leads_back_to_the_grid(catalog: Catalog) -> None:
    page = open_page()
    page.session_state["dataset_session"].open_photo(9999)
    page.run()
    assert not page.exception
    assert "9999" in page.error[0].value
    assert len(shown_in(page)) == 12


def test_the_review_shows_one_photo_and_its_progress(catalog: Catalog) -> None:
    page = open_page("review")
    keys = next(data for data in components(page) if "reasons" in data)
    assert [ruler["key"] for ruler in keys["rulers"]] == list(RULERS[:3])
    assert keys["photo"] == 1
    assert "0 of 12 photos reviewed" in page.get("progress")[0].proto.text
    assert "kappa" in words_of(page)


def a_sitting(catalog: Catalog) -> ReviewQueue:
    return ReviewQueue(
        kind="unreviewed", photo_ids=list(catalog.queries.queue("unreviewed"))
    )


def say(
    page: AppTest, catalog: Catalog, now: ReviewQueue, what: str, value: object
) -> None:
    session = page.session_state["dataset_session"]
    said = {"photo": now.photo_id, "turn": now.turn, "what": what, "value": value}
    apply_decision(session, catalog, now, said)
    assert not session.error


def test_each_key_stores_a_decision_before_the_next_photo(catalog: Catalog) -> None:
    page, now = open_page(), a_sitting(catalog)
    say(page, catalog, now, "ruler", "alexander_jannaeus")
    assert catalog.photos.get(1).ruler == "alexander_jannaeus"
    assert catalog.photos.get(1).status is PhotoStatus.REVIEWED
    assert now.photo_id == 2
    say(page, catalog, now, "ruler", None)
    assert catalog.reviews.of_photo(2)[0].ruler is None
    say(page, catalog, now, "exclude", "wrong_coin")
    assert catalog.photos.get(3).status is PhotoStatus.EXCLUDED
    assert now.photo_id == 4
    say(page, catalog, now, "undo", None)
    assert now.photo_id == 3
    assert catalog.photos.get(3).status is PhotoStatus.UNREVIEWED
    say(page, catalog, now, "step", -1)
    say(page, catalog, now, "step", -1)
    say(page, catalog, now, "step", -1)
    assert now.photo_id == 1


def test_the_review_leads_to_the_tools_and_back(catalog: Catalog) -> None:
    page = open_page("review")
    press(page, "review_crop")
    assert "Back to the review" in [b.label for b in page.button]
    press(page, "crop_Turn 90° right")
    assert catalog.photos.faces(1)[0].box.turn_deg == 90
    next(b for b in page.button if b.label == "Back to the review").click().run()
    page.run()
    assert not page.exception
    keys = next(data for data in components(page) if "reasons" in data)
    assert keys["photo"] == 1


def test_the_next_page_is_turned_to_at_the_foot(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "PAGE_SIZE", 5)
    page = open_page()
    first = shown_in(page)
    press(page, "next_page")
    assert len(shown_in(page)) == 5
    assert not set(first) & set(shown_in(page))
    press(page, "next_page")
    assert len(shown_in(page)) == 2
    assert not [b for b in page.button if b.key == "next_page"]


def test_a_second_reviewer_is_shown_what_the_first_has_seen(catalog: Catalog) -> None:
    for photo_id in (1, 2, 3):
        catalog.reviews.add(photo_id, "john_hyrcanus_i", who="Boaz")
    page = open_page("review")
    page.button_group(key="review_queue").set_value("second_look").run()
    assert not page.exception
    keys = next(data for data in components(page) if "reasons" in data)
    assert keys["photo"] in (1, 2, 3)
    assert not any(ruler["current"] or ruler["note"] for ruler in keys["rulers"])
    for photo_id, ruler in ((1, "john_hyrcanus_i"), (2, None)):
        catalog.reviews.add(photo_id, ruler, who="Anna")
    page.run()
    assert page.metric[0].label == "Cohen's kappa"


def test_a_version_is_frozen_inspected_and_exported(catalog: Catalog) -> None:
    page = open_page("versions")
    page.text_input[0].set_value("spring-2026")
    next(b for b in page.button if b.label == "Freeze").click().run()
    assert not page.exception
    assert not page.error
    assert "catalog:spring-2026" in page.code[0].value
    assert "spring-2026" in list(page.dataframe[0].value["name"])
    assert "No leak" in " ".join(s.value for s in page.success)
    next(b for b in page.button if b.label == "Compare the pictures too").click().run()
    wait_for_work(page)
    assert "no two pictures" in " ".join(s.value for s in page.success)
    press(page, "export_prepare")
    assert page.get("download_button")
    assert "12 photos." in words_of(page)
    page.checkbox(key="export_notes").set_value(True).run()
    assert not page.get("download_button")  # that one was packed without


def test_a_large_version_is_looked_through_on_request(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ui.dataset import versions_panel

    for name in ("spring", "autumn"):
        freeze(catalog, name)
    page = open_page("versions")
    assert {s.value for s in page.success} >= {"Nothing differs."}
    monkeypatch.setattr(versions_panel, "_MAX_UNASKED", 0)
    page.run()
    assert not page.success
    for ask, found in (("leaks", "No leak"), ("differences", "Nothing differs")):
        press(page, f"ask_{ask}")
        wait_for_work(page)
        assert found in " ".join(s.value for s in page.success)
    assert page.button(key="ask_leaks").label.endswith("again")
    page.selectbox(key="version_shown").set_value("spring").run()
    assert "No leak" not in " ".join(s.value for s in page.success)


def test_a_folder_is_exported_as_one_file(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ui.dataset import export_panel

    page = open_page("versions")
    page.selectbox(key="export_form").set_value("coco").run()
    press(page, "export_prepare")
    (place,) = (data_dir() / "cache" / "exports").iterdir()
    (packed,) = place.iterdir()  # the folder it was made of is gone
    with zipfile.ZipFile(packed) as archive:
        assert archive.testzip() is None
        assert "coins-all/ATTRIBUTION.txt" in archive.namelist()
        assert sum(n.startswith("coins-all/images/") for n in archive.namelist()) == 12
    monkeypatch.setattr(export_panel, "_MOST_MB", 0)
    page.run()
    assert not page.get("download_button")
    assert str(packed) in words_of(page)


def test_nothing_free_is_told_and_nothing_is_exported(catalog: Catalog) -> None:
    ids = [
        p.photo_id for p in catalog.queries.find(PhotoQuery(licence="cc-by-4.0")).photos
    ]
    catalog.edits.exclude(ids, "noise", who="Anna")
    page = open_page("versions")
    page.checkbox(key="export_free").set_value(True).run()
    press(page, "export_prepare")
    assert page.error
    assert not page.get("download_button")


def test_what_was_not_taken_from_a_table_is_told(
    empty: Catalog, tmp_path: Path
) -> None:
    for k in (1, 2):
        (tmp_path / f"{k}.png").write_bytes(a_photo(60 * k))
    table = tmp_path / "table.csv"
    table.write_text("file,ruler,weight\n1.png,Herod,heavy\n2.png,,2\nno.png,,\n")
    for _ in import_photos(empty, [table], who="Anna"):
        pass
    page = open_page("bring")
    failed, remarked = (part.value for part in page.dataframe)
    (missing,) = failed["why"]
    assert "no.png, which is not there" in missing
    assert "Herod" in remarked["why"][0]
    assert "heavy" in remarked["why"][0]
    assert "3 of 3 photos looked at: 2 brought in" in words_of(page)


def test_a_dropped_table_shows_what_its_columns_mean(catalog: Catalog) -> None:
    page = open_page("bring")
    table = "photo;king;weight\nlocus 90.png;John Hyrcanus I;1.9\nx.png;Herod;2\n"
    page.file_uploader[0].set_value(
        [
            ("finds.csv", table.encode(), "text/csv"),
            ("locus 90.png", a_photo(7), "image/png"),
        ]
    ).run()
    assert not page.exception
    chosen = {s.label: s.value for s in page.selectbox}
    assert chosen["file"] == "photo"
    assert chosen["ruler"] == "king"
    assert chosen["weight g"] == "weight"
    assert "Herod" in words_of(page)
    assert page.button(key="import_start").label == "Bring in 2 files"


def test_the_demo_coins_go_with_one_click(catalog: Catalog) -> None:
    page = open_page("bring")
    assert "1 of the 12 photos" in words_of(page)
    press(page, "demo_remove")
    assert catalog.queries.progress().total == 11


def test_a_damaged_catalog_is_told_and_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path))
    broken = tmp_path / "catalog.sqlite"
    broken.write_bytes(b"not a database at all" * 100)
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert not page.exception
    assert page.error
    assert broken.read_bytes().startswith(b"not a database")
