"""Read CSV and Excel tables as text, and propose what their columns mean.

Formulas are text: they are neither computed nor followed. Headings and cells give a
proposal, and the user decides.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from coin_core.catalog.importing.encodings import TABLE_CODE_PAGES, guess_code_page
from coin_core.errors import CatalogError
from coin_core.imaging.decoder import show_name
from coin_core.imaging.photo_io import PICTURE_SUFFIXES
from coin_core.rulers import find_doubtful_ruler, find_ruler

if TYPE_CHECKING:
    from coin_core.catalog.importing.excel import CellPicture

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".xlsx", ".xlsm"})
MAX_TABLE_BYTES = 64 * 1024 * 1024
MAX_ROWS = 200_000
MAX_COLUMNS = 300
MAX_CELL = 100_000
"""Characters of a cell; what follows is cut off."""
_LONGEST_NAMES = 400  # of headings or sheets, in a message
_SAMPLE_ROWS = 200  # for a proposal
_SEPARATOR_LINE = re.compile(r'"?sep=([^\r\n"])"?[ ,;\t]*(?:\r\n|\r|\n)', re.I)
_HEADING_ROWS = 20  # the first ones, which are searched for the headings

EXPORT_COLUMNS = ("sha256", "file_name", "width_px", "height_px", "faces")
"""Columns of the table of an export that, with "file", no other table has all of."""
EXPORT_TEXTS = ("image_url", "source_date", "label_evidence")
"""Further columns of an export, which no field of other tables is for."""

# What `exporting.sheets.guard` adds inside a cell, and the signs that it is for.
_STARTS = tuple("=+-@＝＋－＠")
_GUARDED = re.compile(r"([;|\n][\s\ufeff\"']*)'(?=[=+\-@＝＋－＠])")

# Headings of each field as `_fold` writes them; the first one is this program's own.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "file": (
        *("file", "filename", "file_name", "photo", "image", "picture", "path"),
        *("img", "obverse", "obverse_photo", "datei", "bild", "foto", "קובץ", "תמונה"),
    ),
    "second_file": (
        *("second_file", "file_2", "photo_2", "image_2", "reverse", "reverse_photo"),
        *("reverse_image", "bild_2", "foto_2"),
    ),
    "coin_id": (
        *("coin_id", "coin", "coin_number", "inventory", "inventory_number"),
        *("accession", "accession_number", "inv_nr", "inventarnummer", "מטבע"),
    ),
    "ruler": (
        *("ruler", "label", "class", "ruler_attributed", "attribution", "king"),
        *("issuer", "authority_ruler", "herrscher", "שליט", "מלך"),
    ),
    "name_on_coin": ("name_on_coin", "name", "inscription", "legend_name", "שם"),
    "authority": ("authority", "attributed_by", "following", "after"),
    "denomination": ("denomination", "denom", "nominal", "nominale", "עריך"),
    "weight_g": ("weight_g", "weight", "wt", "gewicht", "mass", "משקל"),
    "diameter_mm": ("diameter_mm", "diameter", "diam", "durchmesser", "קוטר"),
    "die_axis_h": ("die_axis_h", "die_axis", "axis", "stempelstellung", "ציר"),
    "references": (
        *("references", "reference", "ref", "refs", "catalogue", "hendin", "tjc"),
        *("gbc", "literatur", "zitat"),
    ),
    "source": ("source", "site", "collection", "museum", "auction", "quelle", "מקור"),
    "source_url": ("source_url", "url", "link", "web", "webseite", "קישור"),
    "licence": ("licence", "license", "licence_key", "lizenz", "רישיון"),
    "licence_raw": ("licence_raw", "licence_text", "rights", "rechte"),
    "credit": ("credit", "photographer", "author", "attribution_line", "fotograf"),
    "lot_text": ("lot_text", "description", "lot", "text", "beschreibung", "תיאור"),
    "retrieved_at": ("retrieved_at", "retrieved", "accessed", "date_accessed"),
    "is_rendered": ("is_rendered", "rendered", "gerendert"),
    "notes": ("notes", "note", "remarks", "comment", "bemerkung", "הערות"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as text.

    Attributes:
        columns: Headings, all different.
        rows: Cells as in `columns`; "" for an empty cell.
        row_numbers: The number of each row in the file, from 1.
        encoding: Of the file; "" for Excel.
        searched: Where the headings were looked for, as the end of a sentence.
        pictures: Pictures in the cells of its rows.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    row_numbers: tuple[int, ...] = ()
    encoding: str = ""
    searched: str = ""
    pictures: tuple[CellPicture, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProposal:
    """What the columns of a table seem to mean.

    Attributes:
        columns: All headings.
        mapping: Field to heading, as `import_photos` takes it; without "file" if no
            column looks like file names.
        examples: The first rows.
        row_count: Rows in the table.
        encoding: Of the file; "" for Excel.
        unknown_rulers: Cells in the column of rulers that give no label.
        doubtful_rulers: Cells there that name one in doubt, such as "Jannaeus?".
        picture_count: Pictures in the cells, which need no column of file names.
    """

    columns: tuple[str, ...]
    mapping: Mapping[str, str]
    examples: tuple[tuple[str, ...], ...]
    row_count: int
    encoding: str
    unknown_rulers: tuple[str, ...]
    doubtful_rulers: tuple[str, ...]
    picture_count: int = 0


def propose_columns(path: Path) -> ColumnProposal:
    """Read a table and propose what its columns mean.

    Raises:
        CatalogError: It cannot be read as a table.
    """
    table = read_table(path)
    mapping = propose_mapping(table)
    unnamed: list[str] = []
    if "ruler" in mapping:
        column = table.columns.index(mapping["ruler"])
        cells = dict.fromkeys(row[column] for row in table.rows)
        unnamed = [cell for cell in cells if cell and find_ruler(cell) is None]
    doubtful = tuple(cell for cell in unnamed if find_doubtful_ruler(cell))
    if is_export(table.columns):
        unnamed = []  # the others are classes of its dataset
    return ColumnProposal(
        columns=table.columns,
        mapping=mapping,
        examples=table.rows[:5],
        row_count=len(table.rows),
        encoding=table.encoding,
        unknown_rulers=tuple(cell for cell in unnamed if cell not in doubtful),
        doubtful_rulers=doubtful,
        picture_count=len(table.pictures),
    )


def is_export(columns: Iterable[str]) -> bool:
    """Whether columns are those of the table of an export."""
    return {"file", *EXPORT_COLUMNS} <= set(columns)


def propose_mapping(table: Table) -> dict[str, str]:
    """Field to heading, proposed by the headings and then by the cells."""
    folded = {_fold(column): column for column in reversed(table.columns)}
    mapping: dict[str, str] = {}
    for field, headings in FIELDS.items():
        for heading in headings:
            if heading in folded and folded[heading] not in mapping.values():
                mapping[field] = folded[heading]
                break
    tests: tuple[tuple[str, Callable[[str], object]], ...] = (
        ("file", _is_photo_name),
        ("ruler", find_ruler),
    )
    for field, test in tests:
        named = mapping.get(field)
        free = [c for c in table.columns if c not in mapping.values() or c == named]
        fractions = {column: _fraction(table, column, test) for column in free}
        best = max(fractions, key=fractions.__getitem__, default="")
        named_fits = named is not None and fractions[named] >= 0.5
        if best and fractions[best] > 0.5 and not named_fits:
            mapping[field] = best
        elif field == "file" and named and not fractions[named] and table.rows:
            del mapping[field]  # a column "photo" may contain "yes" and "no"
    return mapping


def _fraction(table: Table, column: str, test: Callable[[str], object]) -> float:
    """The fraction of the first cells of a column that pass a test."""
    index = table.columns.index(column)
    cells = [row[index] for row in table.rows[:_SAMPLE_ROWS] if row[index]]
    return sum(bool(test(cell)) for cell in cells) / max(len(cells), 1)


def _is_photo_name(cell: str) -> bool:
    return PurePosixPath(cell).suffix.lower().lstrip(".") in PICTURE_SUFFIXES


def _fold(heading: str) -> str:
    return re.sub(r"[\W_]+", "_", heading.casefold()).strip("_")


def check_mapping(table: Table, mapping: Mapping[str, str], name: str) -> None:
    """Refuse a mapping that does not fit the table.

    Raises:
        CatalogError: A field or a column is unknown, or no column has the file names.
    """
    columns = _shortened(", ".join(table.columns)) or "none"
    unknown = [field for field in mapping if field not in FIELDS]
    if unknown:
        raise CatalogError(
            f"No field is called {', '.join(unknown)}; fields are {', '.join(FIELDS)}."
        )
    missing = [column for column in mapping.values() if column not in table.columns]
    if missing:
        raise CatalogError(
            f"{name} has no column {', '.join(missing)}; it has {columns}. Choose one "
            "of these."
        )
    if "file" not in mapping and not table.pictures:
        raise CatalogError(
            f"No column of {name} is set to hold the file names of the photos. It has "
            f"{columns}; the headings were looked for in {_shortened(table.searched)}. "
            "Choose the column that has the file names, or call it “file”."
        )


def _shortened(names: str) -> str:
    """Names from a file as part of a sentence: in one line, and not very long."""
    line = " ".join(names.split())
    return line if len(line) <= _LONGEST_NAMES else f"{line[:_LONGEST_NAMES]} …"


def read_table(path: Path) -> Table:
    """Read a CSV or Excel table.

    The headings are looked for in the first rows, and in Excel on every sheet.

    Raises:
        CatalogError: It is missing, not a table, or too large.
    """
    name = show_name(path.name)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_TABLE_BYTES + 1)
    except OSError as error:
        raise CatalogError(
            f"{name} cannot be opened ({error.strerror or error})."
        ) from error
    return parse_table(data, name)


def parse_table(data: bytes, name: str) -> Table:
    """Like `read_table`, from bytes; `name` is shown in messages.

    Raises:
        CatalogError: It is not a table, or too large.
    """
    if len(data) > MAX_TABLE_BYTES:
        raise CatalogError(
            f"{name} is larger than {MAX_TABLE_BYTES // 1024**2} MB. Split it."
        )
    if data.startswith(b"PK\x03\x04"):
        return _read_excel(data, name)
    elif data.startswith(b"\xd0\xcf\x11\xe0"):
        raise CatalogError(
            f"{name} is in the old Excel format. Save it as .xlsx or CSV and try again."
        )
    text, encoding = _decode(data, name)
    lines = enumerate(_read_csv(text, name), start=1)
    table = _make_table(lines, name, encoding=encoding)
    if table is None:
        raise _empty(name)
    return table


def _empty(name: str) -> CatalogError:
    return CatalogError(f"{name} is empty. Its first row must hold the headings.")


def _too_large(name: str) -> CatalogError:
    return CatalogError(
        f"{name} has more than {MAX_ROWS:,} rows or {MAX_COLUMNS} columns; split it."
    )


def _make_table(
    lines: Iterable[tuple[int, Sequence[object]]],
    name: str,
    *,
    encoding: str = "",
    sheet: str = "",
    pictures: Callable[[], Iterable[CellPicture]] = tuple,
    fill_merged: Callable[[Sequence[tuple[int, list[str]]]], None] | None = None,
) -> Table | None:
    """The table in some lines of cells; None if all cells are empty.

    Args:
        lines: Number and cells of each.
        name: Of the file.
        encoding: Of the file.
        sheet: What the lines are of, as part of a sentence.
        pictures: Gives the pictures in the cells, where there is a table.
        fill_merged: Fills the cells below the headings that are merged.

    Raises:
        CatalogError: It is too large.
    """
    filled: list[tuple[int, list[str]]] = []
    for count, (number, line) in enumerate(lines, start=1):
        if count > MAX_ROWS + 1 or len(line) > MAX_COLUMNS:
            raise _too_large(name)
        row = list(map(_cell, line))
        if any(row):
            filled.append((number, row))
    if not filled:
        return None
    at = _find_headings([row for _, row in filled[:_HEADING_ROWS]])
    first, headings = filled[at]
    columns = _headings(list(map(_unguard, headings)))
    if fill_merged is not None:
        fill_merged(filled[at + 1 :])
    padding = [""] * len(columns)
    unguard = _unguard_exported if is_export(columns) else _unguard
    searched = f"the first {min(len(filled), _HEADING_ROWS)} rows"
    return Table(
        columns=columns,
        rows=tuple(
            tuple(map(unguard, (row + padding)[: len(columns)]))
            for _, row in filled[at + 1 :]
        ),
        row_numbers=tuple(number for number, _ in filled[at + 1 :]),
        encoding=encoding,
        searched=f"{searched} of the {sheet}" if sheet else searched,
        pictures=tuple(one for one in pictures() if not 0 < one.row_number <= first),
    )


def _find_headings(rows: Sequence[Sequence[str]]) -> int:
    """The first row with the most known headings; a title has none, so often row 0."""
    known = {heading for headings in FIELDS.values() for heading in headings}
    counts = [len(known.intersection(map(_fold, row))) for row in rows]
    best = max(range(len(rows)), key=counts.__getitem__)
    return best if counts[best] > max(1, counts[0]) else 0


def _cell(value: object) -> str:
    """A cell as text."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "".join(
        sign for sign in str(value)[: MAX_CELL + 1] if sign >= " " or sign in "\t\n"
    )
    return text.strip()


def _unguard(text: str) -> str:
    """A cell without the apostrophe that keeps a formula from running."""
    return text[1:] if text[:1] == "'" and text[1:2] in tuple("=+-@") else text


def _unguard_exported(text: str) -> str:
    """A cell of an export without all that `exporting.sheets.guard` added to it."""
    visible = text[1:].lstrip(" \n\u00a0\ufeff\"'")
    if text[:1] == "'" and visible[:1] in _STARTS:
        text = text[1:]
    return _GUARDED.sub(r"\1", text)


def _headings(row: list[str]) -> tuple[str, ...]:
    """A different heading for each column."""
    while row and not row[-1]:
        row = row[:-1]
    headings: dict[str, None] = {}
    for number, heading in enumerate(row, start=1):
        name = heading or f"column {number}"
        while name in headings:
            name = f"{name} ({number})"
        headings[name] = None
    return tuple(headings)


def _decode(data: bytes, name: str) -> tuple[str, str]:
    """The text and its probable encoding."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", guess_code_page(data, TABLE_CODE_PAGES) or "latin-1"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text, "utf-8" if encoding == "utf-8-sig" else encoding
    if b"\x00" not in data and encodings != ["utf-16"]:
        return data.decode("latin-1"), "latin-1"
    raise CatalogError(
        f"{name} is no text table: its bytes are in no known encoding. Save it as CSV "
        "in UTF-8, or as .xlsx, and try again."
    )


def _read_csv(text: str, name: str) -> list[list[str]]:
    """The cells; rows may have different lengths, unlike in `pandas.read_csv`."""
    named = _SEPARATOR_LINE.match(text)  # Excel's own way to name the separator
    text = text[named.end() :] if named else text
    head = text[:20_000].splitlines()[:20]
    # The separator that is in all of the first lines, and most often.
    delimiter = max(
        ",;\t|",
        key=lambda sign: min((line.count(sign) for line in head if line), default=0),
    )
    if head and not any(sign in head[0] for sign in delimiter):
        delimiter = max(",;\t|", key=head[0].count)
    if named:
        delimiter = named[1]
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True
    )
    csv.field_size_limit(max(csv.field_size_limit(), 1024 * 1024))
    try:
        first: list[list[str]] = [[]] if named else []  # rows keep their numbers
        return [*first, *islice(reader, MAX_ROWS + 2)]
    except csv.Error as error:
        raise CatalogError(
            f"{name} is damaged near line {reader.line_num} ({error}). Save it as CSV "
            "again and try once more."
        ) from error


def _read_excel(data: bytes, name: str) -> Table:
    """The first sheet with file names or pictures, with formulas as text.

    Without such a sheet it is the first that is not empty.
    """
    from coin_core.catalog.importing.excel import open_workbook

    tables: list[Table] = []
    titles: list[str] = []
    row_count = 0
    with open_workbook(data, name) as sheets:
        for sheet in sheets:
            titles.append(f"“{sheet.title}”")
            lines = []
            for line in sheet.rows(MAX_COLUMNS):
                row_count += 1  # of all sheets
                if row_count > MAX_ROWS + 1:
                    raise _too_large(name)
                lines.append(line)
            table = _make_table(
                lines,
                name,
                sheet=f"sheet{'s' * (len(titles) > 1)} {', '.join(titles)}",
                pictures=sheet.pictures,
                fill_merged=sheet.fill_merged,
            )
            if table is None:
                continue
            if table.pictures or "file" in propose_mapping(table):
                return table
            tables.append(table)
    if not tables:
        raise _empty(name)
    return replace(tables[0], searched=tables[-1].searched)
