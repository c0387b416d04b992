"""Tables as they come: encodings, separators, headings, formulas."""

import io
import zipfile
from contextlib import ExitStack

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.drawing.image import Image as ExcelImage
from PIL import Image

from coin_core.catalog.exporting.sheets import table as exported_table
from coin_core.catalog.importing import excel as excel_files
from coin_core.catalog.importing import tables
from coin_core.catalog.importing.sources import list_items
from coin_core.catalog.importing.tables import (
    EXPORT_COLUMNS,
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


def excel(*rows, more=None, pictures=None):
    """A workbook: rows of the first sheet, other sheets, cell to picture file."""
    book = Workbook()
    for row in rows:
        book.active.append(row)
    for title, cells in (more or {}).items():
        sheet = book.create_sheet(title)
        for row in cells:
            sheet.append(row)
    for cell, data in pictures or ():
        book.active.add_image(ExcelImage(io.BytesIO(data)), cell)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_excel_is_read_as_text_and_formulas_stay_text():
    data = excel(["file", "weight", "notes"], ["a.jpg", 2.0, "=1+1"], ["b.jpg", 1.86])
    table = parse_table(data, "t.xlsx")
    assert table.rows == (("a.jpg", "2", "=1+1"), ("b.jpg", "1.86", ""))


TITLED = [["Collection 2024"], [], ["file", "ruler"], ["a.jpg", "Yehudah"]]


def test_headings_are_found_below_a_title():
    for data in (excel(*TITLED), b"Collection 2024\n\nfile,ruler\na.jpg,Yehudah\n"):
        table = parse_table(data, "t")
        assert (table.columns, table.rows) == (
            ("file", "ruler"),
            (("a.jpg", "Yehudah"),),
        )
        assert table.row_numbers == (4,)


def merged(data, *ranges):
    cells = b"".join(b'<mergeCell ref="%s"/>' % one.encode() for one in ranges)
    found = b"</sheetData>"
    return edited(data, SHEET, found, found + b"<mergeCells>%s</mergeCells>" % cells)


def test_cells_that_are_merged_downwards_count_for_each_of_their_rows():
    rows = [
        *(["Collection", "a title"], [None, "x"], ["file", "ruler", "notes"]),
        *(["a.jpg", "Yehudah"], ["b.jpg"], [None, None, "worn"], ["c.jpg"]),
    ]
    ranges = ("A1:A2", "B1:C2", "B4:B6", "A5:A6", "A7:C7", "C4:C5", "B7:B9")
    table = parse_table(merged(excel(*rows), *ranges, "B3", "x:y"), "t.xlsx")
    assert table.columns == ("file", "ruler", "notes")
    assert table.rows == (
        ("a.jpg", "Yehudah", ""),
        ("b.jpg", "Yehudah", ""),
        ("b.jpg", "Yehudah", "worn"),
        ("c.jpg", "", ""),
    )


def test_merged_cells_count_as_cells(monkeypatch):
    data = excel(["file", "ruler"], ["a.jpg", "x"], *[["b.jpg"]] * 500)
    tall = ["B2:B1048576"] * 20
    assert {row[1] for row in parse_table(merged(data, *tall), "t.xlsx").rows} == {"x"}
    monkeypatch.setattr(excel_files, "MAX_TAGS", 9_000)
    assert parse_table(merged(data, *tall[:2]), "t.xlsx").rows[-1] == ("b.jpg", "x")
    with pytest.raises(CatalogError, match="more cells"):
        parse_table(merged(data, *tall), "t.xlsx")


def test_a_row_of_unknown_headings_stays_the_first_one():
    table = parse_table(b"p,q,r\na.jpg,source,1\nb.jpg,name,2\n", "t.csv")
    assert table.columns == ("p", "q", "r")


def test_headings_are_found_on_a_later_sheet():
    table = parse_table(excel(["Read me"], more={"Coins": TITLED}), "t.xlsx")
    assert table.columns == ("file", "ruler")


def test_a_table_without_file_names_says_where_they_were_looked_for():
    table = parse_table(excel(["Read me"], ["x"], more={"Coins": [["y"]]}), "t.xlsx")
    with pytest.raises(CatalogError, match="of the sheets “Sheet”, “Coins”"):
        check_mapping(table, propose_mapping(table), "t.xlsx")
    table = parse_table(b"a,b\n1,2\n", "t.csv")
    with pytest.raises(CatalogError, match="looked for in the first 2 rows"):
        check_mapping(table, {}, "t.csv")


def test_a_line_that_names_the_separator_is_no_heading():
    for line in ("sep=;", "SEP=;\r", '"sep=;"'):
        data = f"\ufeff{line}\nfile;notes\na.jpg;1,85, worn\n".encode()
        table = parse_table(data, "t.csv")
        assert table.columns == ("file", "notes")
        assert table.rows == (("a.jpg", "1,85, worn"),)
        assert table.row_numbers == (3,)


def test_a_blank_before_a_quoted_cell_is_ignored():
    table = parse_table(b'file, ruler\na.jpg, "Jannaeus, Alexander"\n', "t.csv")
    assert table.rows == (("a.jpg", "Jannaeus, Alexander"),)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("file;ruler\na.jpg;Александр Яннай\n", "cp1251"),
        ("file;ruler\na.jpg;венок\n", "cp1251"),
        ("file;ruler\na.jpg;Александр Яннай\n", "cp866"),
        ("file;ruler\na.jpg;אלכסנדר ינאי\n", "cp862"),
        ("file;ruler\na.jpg;שָׁלוֹם\n", "cp1255"),
        ("file;notes\na.jpg;Künker – “été”, 14°, 1,85\xa0g\n", "cp1252"),
        ("file;notes\na.jpg;John’s – 1½\n", "cp1252"),
    ],
)
def test_the_code_page_that_gives_letters_is_chosen(text, encoding):
    table = parse_table(text.encode(encoding), "t.csv")
    assert table.encoding == encoding
    assert table.rows[0][1] == text.splitlines()[1].partition(";")[2]


def png(shade):
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), (shade, 90, 90)).save(buffer, "PNG")
    return buffer.getvalue()


PICTURED = (["Collection"], ["Obverse", "Ruler", "Weight"], [None, "Yehudah", 1.9])


def test_pictures_in_the_cells_belong_to_their_rows():
    one, other = png(1), png(2)
    cells = [("D1", png(3)), ("A3", one), ("D3", other), ("A7", one)]
    table = parse_table(excel(*PICTURED, pictures=cells), "t.xlsx")
    assert [(p.row_number, p.suffix) for p in table.pictures] == [
        (3, ".png"),
        (3, ".png"),
        (7, ".png"),
    ]  # the logo above the headings is no photo
    assert [p.data for p in table.pictures] == [one, other, one]
    check_mapping(table, propose_mapping(table), "t.xlsx")


def test_pictures_in_the_cells_are_imported_with_the_facts_of_their_rows(tmp_path):
    path = tmp_path / "coins.xlsx"
    cells = [("A3", png(1)), ("D3", png(2)), ("A9", png(4))]
    path.write_bytes(excel(*PICTURED, pictures=cells))
    assert propose_columns(path).picture_count == 3
    with ExitStack() as keep_open:
        obverse, reverse, alone = list_items([path], None, keep_open)
    assert (obverse.name, obverse.read()) == ("coins row 3 picture 1.png", png(1))
    assert reverse.read() == png(2)
    assert obverse.row["ruler"] == reverse.row["ruler"] == "Yehudah"
    assert obverse.row["weight_g"] == "1.9"
    assert obverse.coin_key == reverse.coin_key is not None
    assert (alone.row, alone.coin_key) == ({}, None)


def test_a_swollen_workbook_is_not_opened(monkeypatch):
    monkeypatch.setattr(excel_files, "_MAX_UNPACKED", 10)
    with pytest.raises(CatalogError, match="more cells, styles or pictures"):
        parse_table(excel(["file"]), "t.xlsx")


def edited(data, part, before, after):
    """An Excel file in which a part has other text, once."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as packed,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for info in packed.infolist():
            content = packed.read(info)
            if info.filename == part:
                assert before in content
                content = content.replace(before, after, 1)
            new.writestr(info.filename, content)
    return buffer.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
SHEETS = (
    b'<sheets xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/'
    b'relationships">'
    + b"".join(b'<sheet name="s%d" sheetId="%d" r:id="rId1"/>' % (n, n)
               for n in range(2, 200))
)  # fmt: skip


@pytest.mark.parametrize(
    ("part", "before", "after", "match"),
    [
        (SHEET, b"</sheetData>", b"<row>" + b"<c/>" * 4_000_000 + b"</row></sheetData>",
         "more cells"),
        ("xl/styles.xml", b"</cellXfs>", b"<xf/>" * 200_000 + b"</cellXfs>", "styles"),
        ("xl/workbook.xml", b"<sheets>", SHEETS, "more than 100 sheets"),
    ],
)  # fmt: skip
def test_a_small_file_that_takes_hours_to_read_is_refused(part, before, after, match):
    data = edited(excel(["file"], ["a.jpg"]), part, before, after)
    assert len(data) < 100_000
    with pytest.raises(CatalogError, match=match):
        parse_table(data, "t.xlsx")


def test_what_several_sheets_read_counts_for_each(monkeypatch):
    """Else one large part would be read for each of a hundred sheets."""
    data = excel(*[["x", "y"]] * 5, more={"B": [["x"]] * 5, "C": [["x"]] * 5})
    monkeypatch.setattr(tables, "MAX_ROWS", 20)
    assert parse_table(data, "t.xlsx").columns == ("x", "y")
    monkeypatch.setattr(tables, "MAX_ROWS", 12)
    with pytest.raises(CatalogError, match="more than 12 rows"):
        parse_table(data, "t.xlsx")
    monkeypatch.undo()
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        tags = sum(packed.read(name).count(b"<") for name in packed.namelist())
    relations = "xl/_rels/workbook.xml.rels"
    data = edited(data, relations, b"sheet2.xml", b"sheet1.xml")
    data = edited(data, relations, b"sheet3.xml", b"sheet1.xml")
    assert parse_table(data, "t.xlsx").columns == ("x", "y")
    large = edited(data, SHEET, b"</worksheet>", b"<x/>" * tags + b"</worksheet>")
    monkeypatch.setattr(excel_files, "MAX_TAGS", 2 * tags + 100)
    with pytest.raises(CatalogError, match="more cells"):
        parse_table(large, "t.xlsx")


def test_rows_between_others_need_not_be_there():
    data = edited(
        excel(["file", "weight"], ["a.jpg", 0]),
        SHEET,
        b"</sheetData>",
        b'<row r="900000"><c r="A900000" t="inlineStr"><is><t>b.jpg</t></is></c></row>'
        b'<row r="1048576"/></sheetData>',
    )
    table = parse_table(data, "t.xlsx")
    assert table.rows == (("a.jpg", "0"), ("b.jpg", ""))
    assert table.row_numbers == (2, 900_000)


def test_a_sheet_may_be_longer_than_it_says():
    data = edited(
        excel(["file"], ["a.jpg"]),
        SHEET,
        b'<dimension ref="A1:A2"',
        b'<dimension ref="A1"',
    )
    assert parse_table(data, "t.xlsx").rows == (("a.jpg",),)


def test_formulas_that_share_one_are_adapted_if_it_is_short():
    def shared(formula):
        cells = b'<c r="B2"><f t="shared" ref="B2:B3" si="0">%s</f></c>' % formula
        rows = b'<row r="2"><c r="A2"><v>1</v></c>%s</row>' % cells
        rows += b'<row r="3"><c r="B3"><f t="shared" si="0"/></c></row></sheetData>'
        data = edited(excel(["file", "notes"]), SHEET, b"</sheetData>", rows)
        return [row[1] for row in parse_table(data, "t.xlsx").rows]

    assert shared(b"A2+1") == ["=A2+1", "=A3+1"]
    long = b"+".join([b"A2"] * 100)
    assert shared(long) == [f"={long.decode()}", "="]


def test_an_archive_that_is_no_workbook_is_refused():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("x.txt", "x")
    with pytest.raises(CatalogError, match="no Excel table"):
        parse_table(buffer.getvalue(), "t.xlsx")


def test_formulas_are_text_and_lose_the_apostrophe_of_an_export():
    table = parse_table(b"file,notes\na.jpg,=cmd|'/c calc'!A0\nb.jpg,'=x\n", "t.csv")
    assert [row[1] for row in table.rows] == ["=cmd|'/c calc'!A0", "=x"]


@given(st.text(alphabet="=+-@;\r\n|\"' ax＝", max_size=12))
@example("- found\n- worn")
@example("'\n'-x")
def test_a_text_comes_back_from_an_export_as_it_was(text):
    columns = ("file", *EXPORT_COLUMNS, "notes")
    data = exported_table(columns, [["a.jpg", *"12345", text]])
    (row,) = parse_table(data, "labels.csv").rows
    assert row[-1] == "\n".join(text.splitlines()).strip()


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
    rows = "a.jpg,Yehudah\nb.jpg,Herod\nc.jpg,Jannaeus?\n"
    path.write_text(f"file,ruler\n{rows}", encoding="utf-8")
    proposal = propose_columns(path)
    assert proposal.unknown_rulers == ("Herod",)
    assert proposal.doubtful_rulers == ("Jannaeus?",)
    assert proposal.row_count == 3
    with pytest.raises(CatalogError, match="cannot be opened"):
        propose_columns(tmp_path / "none.csv")


def test_endless_headings_do_not_make_an_endless_sentence():
    heads = ",".join(f'"{"9" * 5000}\n{number}"' for number in range(50))
    sheets = {f"{number} {'s' * 25}": [["y"]] for number in range(50)}
    for data in (heads.encode(), excel(["x"], more=sheets)):
        table = parse_table(data, "t.csv")
        with pytest.raises(CatalogError, match="No column of") as refused:
            check_mapping(table, {}, "t.csv")
        assert len(str(refused.value)) < 1100
        assert "\n" not in str(refused.value)


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
