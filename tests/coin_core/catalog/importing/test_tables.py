"""Tables as they come: encodings, separators, headings, formulas."""

import io
import zipfile

import pytest
from openpyxl import Workbook

from coin_core.catalog.importing import tables
from coin_core.catalog.importing.tables import (
    check_mapping,
    parse_table,
    propose_columns,
    propose_mapping,
)
from coin_core.errors import CatalogError

HEBREW = "קובץ,שליט\na.jpg,יהודה\n"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (HEBREW.encode(), "utf-8"),
        (HEBREW.encode("utf-8-sig"), "utf-8"),
        (HEBREW.encode("utf-16"), "utf-16"),
        (HEBREW.encode("cp1255"), "cp1255"),
    ],
)
def test_hebrew_is_read_in_every_usual_encoding(data, encoding):
    table = parse_table(data, "t.csv")
    assert table.columns == ("קובץ", "שליט")
    assert table.rows == (("a.jpg", "יהודה"),)
    assert table.encoding == encoding


def test_western_letters_are_not_taken_for_hebrew():
    table = parse_table("file;Händler\na.jpg;Künker\n".encode("cp1252"), "t.csv")
    assert table.rows == (("a.jpg", "Künker"),)


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_the_separator_is_found(sign):
    lines = [["file", "notes"], ["a.jpg", "1,5 g; worn"], ["b.jpg", ""]]
    quoted = [sign.join(f'"{cell}"' for cell in line) for line in lines]
    table = parse_table("\n".join(quoted).encode(), "t.csv")
    assert table.rows == (("a.jpg", "1,5 g; worn"), ("b.jpg", ""))


def test_headings_become_distinct_and_rows_even():
    table = parse_table(b"file,,file\na.jpg,1\n\n,,\nb.jpg,1,2,3,4\n", "t.csv")
    assert table.columns == ("file", "column 2", "file (3)")
    assert table.rows == (("a.jpg", "1", ""), ("b.jpg", "1", "2"))


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"\xff\xfe\x00", "encoding"),
        (b"a,b\x00\x01\x02", "encoding"),
        (b"\xd0\xcf\x11\xe0old", "old Excel format"),
        (b"PK\x03\x04nothing", "no Excel table"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(data, match):
    with pytest.raises(CatalogError, match=match):
        parse_table(data, "t.csv")


def test_tables_have_bounds(monkeypatch):
    monkeypatch.setattr(tables, "MAX_ROWS", 3)
    with pytest.raises(CatalogError, match="split it"):
        parse_table(b"file\n" + b"a.jpg\n" * 4, "t.csv")
    monkeypatch.setattr(tables, "MAX_TABLE_BYTES", 3)
    with pytest.raises(CatalogError, match="larger than"):
        parse_table(b"file\n", "t.csv")


def excel(*rows):
    book = Workbook()
    for row in rows:
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_excel_is_read_as_text_and_formulas_stay_text():
    data = excel(["file", "weight", "notes"], ["a.jpg", 2.0, "=1+1"], ["b.jpg", 1.86])
    table = parse_table(data, "t.xlsx")
    assert table.rows == (("a.jpg", "2", "=1+1"), ("b.jpg", "1.86", ""))


def test_a_swollen_workbook_is_not_opened(monkeypatch):
    monkeypatch.setattr(tables, "_MAX_UNPACKED", 10)
    with pytest.raises(CatalogError, match="no Excel table"):
        parse_table(excel(["file"]), "t.xlsx")


def test_an_archive_that_is_no_workbook_is_refused():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("x.txt", "x")
    with pytest.raises(CatalogError, match="no Excel table"):
        parse_table(buffer.getvalue(), "t.xlsx")


def test_formulas_are_text_and_lose_the_apostrophe_of_an_export():
    table = parse_table(b"file,notes\na.jpg,=cmd|'/c calc'!A0\nb.jpg,'=x\n", "t.csv")
    assert [row[1] for row in table.rows] == ["=cmd|'/c calc'!A0", "=x"]


@pytest.mark.parametrize(
    ("text", "mapping"),
    [
        (
            "Photo,King,Weight (g)\nx.jpg,Jannaeus,1\n",
            {"file": "Photo", "ruler": "King"},
        ),
        (
            "a,b\nx.jpg,Yehudah\ny.png,Yonatan\n",
            {"file": "a", "ruler": "b"},
        ),
        (
            "photo,scan\nyes,x.jpg\nno,y.jpg\n",
            {"file": "scan"},
        ),
        ("a,b\n1,2\n", {}),
    ],
)
def test_columns_are_proposed_by_heading_and_by_cells(text, mapping):
    found = propose_mapping(parse_table(text.encode(), "t.csv"))
    assert {key: found[key] for key in ("file", "ruler") if key in found} == mapping


def test_a_proposal_names_labels_that_are_not_known(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("file,ruler\na.jpg,Yehudah\nb.jpg,Herod\n", encoding="utf-8")
    proposal = propose_columns(path)
    assert proposal.unknown_rulers == ("Herod",)
    assert proposal.row_count == 2
    with pytest.raises(CatalogError, match="cannot be opened"):
        propose_columns(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("mapping", "match"),
    [
        ({"file": "file", "king": "file"}, "No field is called king"),
        ({"file": "Photo"}, "no column Photo; it has file, x"),
        ({"notes": "x"}, "file names"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(mapping, match):
    table = parse_table(b"file,x\na.jpg,1\n", "t.csv")
    with pytest.raises(CatalogError, match=match):
        check_mapping(table, mapping, "t.csv")
