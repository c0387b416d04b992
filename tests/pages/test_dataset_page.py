"""The Dataset page as a whole: empty, damaged, imports and exports."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from coin_core.catalog import Catalog
from coin_core.catalog.importing.ingest import import_photos
from tests.ui.dataset.dataset_page import PAGE, a_photo, open_page, press, words_of


def test_an_empty_collection_says_how_to_begin(empty: Catalog) -> None:
    page = open_page()
    assert "The collection is empty" in words_of(page)
    assert page.button(key="demo_make").label == "Strike 300 demo coins"
    assert page.file_uploader


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


def test_a_lost_catalog_beside_photos_is_told_with_a_way_back(catalog: Catalog) -> None:
    catalog.close()
    path = Path(catalog.database.where)
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    path.write_bytes(b"")
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert not page.exception
    assert "is empty, but there are photos of it" in page.error[0].value
    assert "To start again" in page.error[0].value


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
