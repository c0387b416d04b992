"""The Dataset page as a whole: empty, damaged, imports and exports."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from coin_core import access
from coin_core.access import Person, Role, acting_as
from coin_core.catalog import (
    Catalog,
    CatalogFace,
    PhotoQuery,
    PhotoStatus,
    RotatedBox,
    open_catalog,
)
from coin_core.catalog.backups import back_up, restore
from coin_core.catalog.importing.ingest import import_photos, make_demo
from coin_core.catalog.removed import list_removed
from coin_core.errors import NotAllowedError
from coin_core.jobs import list_jobs, main, stop_job
from tests.ui.dataset.dataset_page import (
    PAGE,
    RULERS,
    a_photo,
    open_page,
    press,
    shown_in,
    words_of,
)


def test_an_empty_collection_says_how_to_begin(empty: Catalog) -> None:
    page = open_page()
    assert "The dataset is empty. Begin with one of these:" in words_of(page)
    assert page.button(key="demo_make").label == "Generate 300 demo coins"
    assert page.file_uploader


@pytest.fixture
def _jobs_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("coin_core.jobs", "ui.components.job_panel"):
        monkeypatch.setattr(f"{module}.start_waiting", lambda: None)


@pytest.mark.usefixtures("_jobs_wait")
def test_an_import_shows_its_files_from_the_first_moment_beside_its_button(
    empty: Catalog,
) -> None:
    page = open_page()
    files = [(f"locus {k}.png", a_photo(60 * k), "image/png") for k in (1, 2, 3)]
    page.file_uploader[0].set_value(files).run()
    page.button(key="import_start").click().run()
    assert not page.exception
    assert "photos are being imported" in words_of(page)
    lines = [f"locus {k}.png: waits" for k in (1, 2, 3)]
    assert "\n".join(lines) in [part.value for part in page.text]
    (job,) = list_jobs()
    assert page.sidebar.button(key=f"side_stop_{job.job_id}")
    # The same in another tab, and after this one was closed.
    assert "photos are being imported" in words_of(open_page())
    main([job.job_id])
    page.run()
    assert not page.exception
    assert empty.queries.progress().total == 3
    assert "3 photos are in" in words_of(page), "beside the button that began it"
    assert "Importing photos: done" in [part.value for part in page.sidebar.caption]


@pytest.mark.usefixtures("_jobs_wait")
def test_the_button_of_the_demo_never_turns_into_another(empty: Catalog) -> None:
    page, other = open_page(), open_page()
    label = page.button(key="demo_make").label
    press(page, "demo_make")
    press(other, "demo_make")
    assert "is running already" in other.error[0].value
    assert "demo coins are being generated" in words_of(page)
    button = page.button(key="demo_make")
    assert (button.label, button.disabled) == (label, True)
    (job,) = list_jobs()
    stop_job(job.job_id)
    for _ in make_demo(empty, 3):
        pass
    page = open_page("bring")
    button = page.button(key="demo_make")
    assert (button.label, button.disabled) == (label, False), "for the other 297"
    assert "3 demo coins are here" in words_of(page)


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
    page.session_state["earlier_imports"] = True
    page.run()
    assert not page.dataframe, "whose cells are cut off"
    tables = [part.value for part in page.get("html") if "<table" in part.value]
    failed, remarked = (re.findall('"why".*?<bdi>(.+?)</bdi>', t) for t in tables)
    (missing,) = failed
    assert "no.png, which is not there" in missing
    assert "Herod" in remarked[0]
    assert "heavy" in remarked[0]
    assert "3 of 3 photos read: 2 imported" in words_of(page)


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
    assert chosen["weight in g"] == "weight"
    assert "Herod" in words_of(page)
    assert page.button(key="import_start").label == "Import 2 files"


def test_removed_demo_coins_can_be_restored_with_what_people_gave_them(
    catalog: Catalog,
) -> None:
    (rendered,) = catalog.queries.find(PhotoQuery(rendered=True)).photos
    ids = [rendered.photo_id]
    catalog.reviews.add(rendered.photo_id, "alexander_jannaeus", who="Anna")
    box = RotatedBox(left=0.1, top=0.1, right=0.5, bottom=0.5, turn_deg=20)
    catalog.edits.edit_faces({ids[0]: (CatalogFace(box=box),)}, who="Anna")
    page = open_page("bring")
    assert "1 of the photos here is a rendered coin" in words_of(page)
    press(page, "demo_remove")
    assert catalog.queries.progress().total == 11
    assert "1 rendered coin is in the bin" in page.toast[0].value
    (item,) = list_removed()
    press(open_page("bring"), f"demo_restore_{item.item_id}")
    (back,) = catalog.queries.find(PhotoQuery(rendered=True)).photos
    assert (back.sha256, back.ruler) == (rendered.sha256, "alexander_jannaeus")
    assert back.status is PhotoStatus.REVIEWED
    assert catalog.photos.faces(back.photo_id) == (CatalogFace(box=box),)
    (review,) = catalog.reviews.of_photo(back.photo_id)
    assert (review.reviewer, review.ruler) == ("Anna", "alexander_jannaeus")
    assert catalog.photos.path(back).is_file()
    assert list_removed() == ()


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


def lose(catalog: Catalog, rest: bytes = b"") -> Path:
    """Leave nothing of the catalog's file but `rest`."""
    catalog.close()
    path = Path(catalog.database.where)
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    path.write_bytes(rest)
    return path


def test_a_lost_catalog_beside_photos_is_told_with_a_way_back(catalog: Catalog) -> None:
    path = lose(catalog)
    shutil.rmtree(path.with_name("backups"))
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert not page.exception
    assert "is empty, but there are photos of it" in page.error[0].value
    assert "To start again" in page.error[0].value
    assert "restore_backup" not in {button.key for button in page.button}


@pytest.mark.parametrize("rest", [b"", b"not a database at all" * 100])
def test_a_backup_takes_the_place_of_a_lost_or_damaged_catalog(
    catalog: Catalog, rest: bytes
) -> None:
    backup = back_up(Path(catalog.database.where))
    catalog.edits.set_ruler([4], RULERS[0], who="Anna")
    path = lose(catalog, rest)
    damaged = back_up_of_nothing(path)
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert not page.exception
    choice = page.selectbox(key="backup")
    assert choice.options[0].endswith(" UTC, damaged")
    assert choice.options[1].endswith(" UTC, 12 photos")
    assert path.read_bytes() == rest  # nothing is done before the question is answered

    press(page, "restore_backup")
    assert "could not be put in the place" in page.error[-1].value
    assert path.read_bytes() == rest

    page.selectbox(key="backup").set_value(backup)
    press(page, "restore_backup")
    assert not page.error
    assert len(shown_in(page)) == 12
    assert open_catalog().photos.get(4).ruler is None  # as it was
    (aside,) = path.parent.glob("catalog.replaced.*.sqlite")
    assert aside.read_bytes() == rest
    assert any(aside.name in toast.value for toast in page.toast)
    assert backup.is_file()
    assert damaged.is_file()


def back_up_of_nothing(path: Path) -> Path:
    """A backup whose file was damaged since, newer than the others."""
    newest = path.parent / "backups" / "catalog.daily.99991231-000000-000000.sqlite"
    newest.write_bytes(b"nothing")
    return newest


def test_a_dataset_damaged_while_it_is_open_offers_its_backup(catalog: Catalog) -> None:
    back_up(Path(catalog.database.where))
    page = open_page()
    with catalog.database.writing() as connection:
        connection.execute(text("UPDATE photos SET status = 'weird' WHERE id = 3"))
    page.run()
    assert "damaged" in page.error[0].value
    press(page, "restore_backup")
    assert not page.error
    assert len(shown_in(page)) == 12


def test_whoever_may_not_restore_is_told_and_has_no_button(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(catalog.database.where)
    back_up(path)
    lose(catalog)
    editor = Person(name="Ben", role=Role.EDITOR)
    monkeypatch.setattr(access, "_find_person", lambda: editor)
    monkeypatch.setattr(access, "identify_by", lambda find: None)
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert not page.exception
    assert "to delete or restore anything you need the role admin" in words_of(page)
    assert "restore_backup" not in {button.key for button in page.button}
    with acting_as(editor), pytest.raises(NotAllowedError):
        restore(path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE photos SET status = 'weird' WHERE id = 3",
        "UPDATE photos SET added_at = 'yesterday'",
        "UPDATE faces SET \"left\" = 'far'",
        "DROP TABLE reviews",
    ],
)
@pytest.mark.parametrize("view", ["browse", "review", "versions"])
def test_damaged_rows_are_told_on_the_page(
    catalog: Catalog, statement: str, view: str
) -> None:
    page = open_page(view)
    with catalog.database.writing() as connection:
        connection.execute(text(statement))
    page.run()
    assert not page.exception
    if view == "browse" and "photos" in statement:
        assert "damaged" in page.error[0].value


@pytest.mark.parametrize("view", ["browse", "review"])
def test_originals_that_are_gone_or_no_files_stop_no_page(
    catalog: Catalog, view: str
) -> None:
    paths = [catalog.photos.path(p) for p in catalog.queries.find().photos]
    for number, path in enumerate(paths):
        if number % 4 == 0:
            path.write_bytes(path.read_bytes()[:40])
            continue
        path.unlink()
        if number % 4 == 1:
            path.mkdir()
        elif number % 4 == 2:
            path.symlink_to(path)
    page = open_page(view)
    assert not page.exception
