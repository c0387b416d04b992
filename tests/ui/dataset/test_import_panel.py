"""The panel of an import that is over: its result, and the table of its files."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from openpyxl import Workbook
from openpyxl.drawing.image import Image as ExcelImage
from PIL import Image
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Selectbox

from coin_core.catalog import Catalog
from coin_core.catalog.importing import ledger
from coin_core.catalog.importing.ingest import import_photos
from coin_core.errors import CatalogError
from coin_core.i18n import speaking
from tests.ui.dataset.dataset_page import open_page


def show_details() -> None:
    from dataclasses import replace

    from coin_core.catalog import open_catalog
    from coin_core.catalog.importing import ledger
    from coin_core.jobs import JobState
    from ui.dataset.import_panel import ImportPanel

    catalog = open_catalog()
    job = replace(ledger.make_job(catalog, 1), state=JobState.DONE)
    ImportPanel(catalog).show_details(job)


def show_columns() -> None:
    import streamlit as st

    from ui.dataset import import_panel
    from ui.layout import begin_page

    begin_page("Dataset")
    st.text(f"mapping {import_panel._ask_columns(st.session_state['tables'])}")


def test_an_import_ends_with_what_is_in_what_is_not_and_a_table(
    empty: Catalog, tmp_path: Path
) -> None:
    (tmp_path / "a.cr2").write_bytes(b"II*\0\x10\0\0\0CR\2\0" + bytes(40))
    for _ in import_photos(empty, [tmp_path / "a.cr2"], who="Anna"):
        pass
    page = AppTest.from_function(show_details, default_timeout=60).run()
    assert not page.exception
    (summary,) = (part.value for part in page.text)
    assert "0 photos are in" in summary
    assert "- a.cr2: is a raw camera file" in summary
    assert "What to do: " in summary
    (button,) = page.get("download_button")
    assert "CSV" in button.proto.label


def show_interrupted() -> None:
    from coin_core.catalog import open_catalog
    from coin_core.catalog.importing import ledger
    from coin_core.jobs import add_interrupted
    from coin_core.storage import write_json
    from ui.dataset.import_panel import ImportPanel

    catalog = open_catalog()
    job = ledger.make_job(catalog, 1)
    add_interrupted(job, "It was killed.", {})
    progress = {"words": "photos", "done": 1, "total": 4, "unit": "photo"}
    write_json(job.folder / "progress.json", progress)
    ImportPanel(catalog).show()


def test_an_interrupted_import_has_one_count_of_its_photos(
    empty: Catalog, tmp_path: Path
) -> None:
    Image.new("RGB", (60, 60)).save(tmp_path / "a.png")
    for _ in import_photos(empty, [tmp_path / "a.png"], who="Anna"):
        pass
    page = AppTest.from_function(show_interrupted, default_timeout=60).run()
    assert not page.exception
    (heading,) = (part.value for part in page.markdown)
    assert "interrupted" in heading
    assert "1 of 4" not in heading, "what a killed process had written last"
    assert any("1 photo is in" in part.value for part in page.text)


@pytest.mark.parametrize("has_picture", [True, False])
def test_pictures_in_the_cells_need_no_column_of_file_names(
    empty: Catalog, has_picture: bool
) -> None:
    book = Workbook()
    book.active.append(["Ruler", "Weight"])
    book.active.append(["Yehudah", 1.9])
    if has_picture:
        picture = io.BytesIO()
        Image.new("RGB", (32, 32)).save(picture, "PNG")
        book.active.add_image(ExcelImage(picture), "C2")
    data = io.BytesIO()
    book.save(data)
    page = AppTest.from_function(show_columns, default_timeout=60)
    page.session_state["tables"] = [("coins.xlsx", data.getvalue())]
    page.run()
    assert not page.exception
    assert bool(page.warning) is not has_picture
    assert ("mapping None" in page.text[-1].value) is not has_picture


def test_tables_are_asked_about_once_for_each_kind_of_headings() -> None:
    page = AppTest.from_function(show_columns, default_timeout=60)
    page.session_state["tables"] = [
        ("a.csv", b"file,ruler\na.png,Yehudah\na2.png,Herod\n"),
        ("b.csv", b"photo,king,size\nb.png,Yehudah,9\n"),
        ("c.csv", b"file,ruler\nc.png,Agrippa\n"),
    ]
    page.run()
    assert not page.exception
    said = [part.value for part in page.text]
    assert said[0].startswith("a.csv, c.csv: 3 rows.")
    assert said[1].endswith("left without a label: Herod, Agrippa")
    assert said[2].startswith("b.csv: 1 rows.")
    one, other = {"file": "file", "ruler": "ruler"}, {"file": "photo", "ruler": "king"}
    assert said[-1] == f"mapping {[one, other, one]}"


def test_a_corrected_column_stays_when_the_language_changes() -> None:
    page = AppTest.from_function(show_columns, default_timeout=60)
    page.session_state["tables"] = [("a.csv", b"file,ruler,who\na.png,Yehudah,Anna\n")]
    page.run()

    def column(field: str) -> Selectbox:
        return next(one for one in page.selectbox if f"column_{field}_" in one.key)

    assert column("credit").value == "not used"
    column("credit").set_value("who").run()
    column("ruler").set_value("not used").run()
    expected = f"mapping {[{'file': 'file', 'credit': 'who'}]}"
    assert page.text[-1].value == expected
    for before, after in (("en", "he"), ("he", "en")):
        with speaking(before):  # the words that a browser sends
            page.button_group(key="language_switch").set_value(after).run()
        assert not page.exception
        assert page.text[-1].value == expected


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"", "b.csv is empty"), (b"king,size\nYehudah,9\n", "Choose the column")],
)
def test_nothing_is_imported_while_one_of_the_tables_does_not_say_its_files(
    data: bytes, said: str
) -> None:
    page = AppTest.from_function(show_columns, default_timeout=60)
    page.session_state["tables"] = [("a.csv", b"file\na.png\n"), ("b.csv", data)]
    page.run()
    assert not page.exception
    assert said in " ".join(part.value for part in (*page.warning, *page.error))
    assert page.text[-1].value == "mapping None"


def test_what_was_dropped_goes_with_a_start_that_is_refused(
    empty: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def refuse(catalog: Catalog, sources: object, **options: object) -> None:
        asked.append(options["mapping"])
        raise CatalogError("No process can be started.")

    monkeypatch.setattr("ui.dataset.import_panel.start_import_process", refuse)
    page = open_page(who="")
    page.session_state["dataset_session"].reviewer = "Anna"
    page.file_uploader(key="import_files_0_False").set_value(
        [
            ("a.csv", b"file,ruler\na.png,Yehudah\n", "text/csv"),
            ("b.csv", b"photo,king\nb.png,Yehudah\n", "text/csv"),
        ]
    ).run()
    page.button(key="import_start").click().run()
    assert "No process can be started." in page.error[0].value
    one, other = {"file": "file", "ruler": "ruler"}, {"file": "photo", "ruler": "king"}
    assert asked == [[one, other]]
    assert list(ledger.uploads_of(empty).iterdir()) == []
