"""Read CSV and Excel tables as text, and propose what their columns mean.

Formulas are text: they are neither computed nor followed. Headings and cells give a
proposal, and the user decides.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path, PurePosixPath

from coin_core.errors import CatalogError
from coin_core.imaging.file_types import show_name
from coin_core.imaging.photo_io import PICTURE_SUFFIXES
from coin_core.rulers import find_ruler

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".xlsx", ".xlsm"})
MAX_TABLE_BYTES = 64 * 1024 * 1024
MAX_ROWS = 200_000
MAX_COLUMNS = 300
_MAX_UNPACKED = 512 * 1024 * 1024
_MAX_CELL = 32_767
_SAMPLE_ROWS = 200  # for a proposal

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
        encoding: Of the file; "" for Excel.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    encoding: str = ""


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
        unknown_rulers: Cells in the column of rulers that name no known ruler.
    """

    columns: tuple[str, ...]
    mapping: Mapping[str, str]
    examples: tuple[tuple[str, ...], ...]
    row_count: int
    encoding: str
    unknown_rulers: tuple[str, ...]


def propose_columns(path: Path) -> ColumnProposal:
    """Read a table and propose what its columns mean.

    Raises:
        CatalogError: It cannot be read as a table.
    """
    table = read_table(path)
    mapping = propose_mapping(table)
    unknown: tuple[str, ...] = ()
    if "ruler" in mapping:
        column = table.columns.index(mapping["ruler"])
        cells = dict.fromkeys(row[column] for row in table.rows)
        unknown = tuple(cell for cell in cells if cell and find_ruler(cell) is None)
    return ColumnProposal(
        columns=table.columns,
        mapping=mapping,
        examples=table.rows[:5],
        row_count=len(table.rows),
        encoding=table.encoding,
        unknown_rulers=unknown,
    )


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
    columns = ", ".join(table.columns) or "none"
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
    if "file" not in mapping:
        raise CatalogError(
            f"No column of {name} is set to hold the file names of the photos. It has "
            f"{columns}. Choose the one that does."
        )


def read_table(path: Path) -> Table:
    """Read a CSV or Excel table with headings in its first row.

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
    encoding = ""
    if data.startswith(b"PK\x03\x04"):
        lines: Sequence[Sequence[object]] = _read_excel(data, name)
    elif data.startswith(b"\xd0\xcf\x11\xe0"):
        raise CatalogError(
            f"{name} is in the old Excel format. Save it as .xlsx or CSV and try again."
        )
    else:
        text, encoding = _decode(data, name)
        lines = _read_csv(text, name)
    if len(lines) > MAX_ROWS + 1 or max(map(len, lines), default=0) > MAX_COLUMNS:
        raise CatalogError(
            f"{name} has more than {MAX_ROWS:,} rows or {MAX_COLUMNS} columns; "
            "split it."
        )
    filled = [row for row in (list(map(_cell, line)) for line in lines) if any(row)]
    if not filled:
        raise CatalogError(f"{name} is empty. Its first row must hold the headings.")
    columns = _headings(filled[0])
    padding = [""] * len(columns)
    return Table(
        columns=columns,
        rows=tuple(tuple((row + padding)[: len(columns)]) for row in filled[1:]),
        encoding=encoding,
    )


def _cell(value: object) -> str:
    """A cell as text, without the apostrophe that keeps a formula from running."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "".join(
        sign for sign in str(value)[:_MAX_CELL] if sign >= " " or sign in "\t\n"
    ).strip()
    return text[1:] if text[:1] == "'" and text[1:2] in tuple("=+-@") else text


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
        candidates: tuple[str, ...] = ("utf-16",)
    else:
        candidates = ("utf-8-sig", "cp1255", "cp1252")
    for encoding in candidates:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "cp1255" and not _is_mostly_hebrew(text):
            continue
        if "\x00" in text:
            break
        return text, "utf-8" if encoding == "utf-8-sig" else encoding
    if b"\x00" not in data and candidates != ("utf-16",):
        return data.decode("latin-1"), "latin-1"
    raise CatalogError(
        f"{name} is no text table: its bytes are in no known encoding. Save it as CSV "
        "in UTF-8, or as .xlsx, and try again."
    )


def _is_mostly_hebrew(text: str) -> bool:
    foreign = [sign for sign in text if sign > "\x7f" and sign.isalpha()]
    hebrew = sum("\u05d0" <= sign <= "\u05ea" for sign in foreign)
    return bool(foreign) and hebrew > 0.7 * len(foreign)


def _read_csv(text: str, name: str) -> list[list[str]]:
    """The cells; rows may have different lengths, unlike in `pandas.read_csv`."""
    head = text[:20_000].splitlines()[:20]
    # The separator that is in all of the first lines, and most often.
    delimiter = max(
        ",;\t|",
        key=lambda sign: min((line.count(sign) for line in head if line), default=0),
    )
    if head and not any(sign in head[0] for sign in delimiter):
        delimiter = max(",;\t|", key=head[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    csv.field_size_limit(max(csv.field_size_limit(), 1024 * 1024))
    try:
        return list(islice(reader, MAX_ROWS + 2))
    except csv.Error as error:
        raise CatalogError(
            f"{name} is damaged near line {reader.line_num} ({error}). Save it as CSV "
            "again and try once more."
        ) from error


def _read_excel(data: bytes, name: str) -> list[tuple[object, ...]]:
    """The cells of the first sheet, with formulas as text.

    `pandas.read_excel` computes formulas and has no limit on columns.
    """
    from openpyxl import load_workbook

    damaged = CatalogError(
        f"{name} is no Excel table that can be read. Save it as .xlsx or CSV again and "
        "try once more."
    )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            infos = packed.infolist()
        if len(infos) > 10_000 or sum(i.file_size for i in infos) > _MAX_UNPACKED:
            raise damaged
        book = load_workbook(
            io.BytesIO(data), read_only=True, data_only=False, keep_links=False
        )
        with closing(book):
            sheet = book.worksheets[0]
            rows = sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True)
            return list(islice(rows, MAX_ROWS + 2))
    except CatalogError:
        raise
    except Exception as error:  # hostile bytes raise any error
        raise damaged from error
