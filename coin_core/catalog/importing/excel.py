"""Read the sheets of untrusted Excel files row by row.

A small file can unpack to so much XML that it takes hours to read. The limits are those
of large tables and catalogues with pictures, and what is over them is refused before it
is read. `pandas.read_excel` computes formulas and has no such limits.
"""

from __future__ import annotations

import io
import re
import zipfile
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from openpyxl import load_workbook
from openpyxl.packaging.relationship import get_dependents, get_rels_path
from openpyxl.utils import column_index_from_string
from openpyxl.worksheet._reader import (
    COL_TAG,
    DATA_TAG,
    FORMULA_TAG,
    ROW_TAG,
    WorkSheetParser,
)
from openpyxl.xml.constants import SHEET_MAIN_NS
from openpyxl.xml.functions import fromstring, iterparse

from coin_core.catalog.importing.archives import count_members
from coin_core.errors import CatalogError

MAX_SHEETS = 100
MAX_TAGS = 4_000_000
"""In the XML of a file; a cell has four, and as many for a text of its own."""
_STYLES = "xl/styles.xml"  # always there
_MAX_STYLE_TAGS = 200_000  # which take longest to read; Excel has 64,000 formats
_MAX_PARTS = 10_000
_MAX_UNPACKED = 512 * 1024 * 1024
_CHUNK = 1024 * 1024
_LONGEST_FORMULA = 100  # that is adapted to each cell that shares it
_MERGE_TAG = f"{{{SHEET_MAIN_NS}}}mergeCell"
_MERGE_TAGS = 10  # that a merge counts as
_RANGE = re.compile(r"([A-Z]{1,3})(\d{1,7}):[A-Z]{1,3}(\d{1,7})")
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8")
# The attribute of each sheet in the list of sheets, in UTF-8 and UTF-16.
_SHEET_ID = (b"sheetId", "sheetId".encode("utf-16-le")[:-1])
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}"
_MAIN = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CellPicture:
    """A picture in a cell of an Excel sheet.

    Attributes:
        row_number: Of the cell of its upper left corner, from 1; 0 if it has none.
        suffix: Of its file, such as ".jpeg".
        data: Its file.
    """

    row_number: int
    suffix: str
    data: bytes = field(repr=False)


@contextmanager
def open_workbook(data: bytes, name: str) -> Iterator[Iterator[Sheet]]:
    """The sheets of a file, while the block lasts; `name` is shown in messages.

    Raises:
        CatalogError: It is no Excel file, or too large; from the block as well.
    """
    try:
        if count_members(io.BytesIO(data)) > _MAX_PARTS:
            raise zipfile.BadZipFile
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            tags = _count_tags(packed, name)
            book: Any = load_workbook(
                io.BytesIO(data), read_only=True, data_only=False, keep_links=False
            )
            with closing(book):
                contents = _Contents(packed, name, tags)
                yield (Sheet(one.title, one, contents) for one in book.worksheets)
    except CatalogError:
        raise
    except Exception as error:  # hostile bytes raise any error
        raise CatalogError(
            f"{name} is no Excel table that can be read. Save it as .xlsx or CSV again "
            "and try once more."
        ) from error


@dataclass(slots=True)
class _Contents:
    """The parts of a file, and how many tags may still be read."""

    packed: zipfile.ZipFile
    name: str
    tags: Counter[str]
    left: int = field(default_factory=lambda: MAX_TAGS)
    pictures: dict[str, bytes] = field(default_factory=dict)

    def charge(self, part: str) -> None:
        """Count a part that is read; several sheets may be one part."""
        self.spend(self.tags[part])

    def spend(self, tags: int) -> None:
        """Count tags, or work that takes as long."""
        self.left -= tags
        if self.left < 0:
            raise _too_much(self.name)

    def picture(self, part: str) -> bytes:
        if part not in self.pictures:
            self.pictures[part] = self.packed.read(part)
        return self.pictures[part]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet with its title."""

    title: str
    _sheet: Any
    _contents: _Contents
    _merged: list[tuple[int, int, int]] = field(default_factory=list)

    def rows(self, max_columns: int) -> Iterator[tuple[int, Sequence[object]]]:
        """Number and cells of each row that has any; formulas are text."""
        path, book = self._sheet._worksheet_path, self._sheet.parent
        self._contents.charge(path)
        with self._contents.packed.open(path) as part:
            parser: Any = _Parser(
                self._contents,
                part,
                self._sheet._shared_strings,
                epoch=book.epoch,
                date_formats=book._date_formats,
                timedelta_formats=book._timedelta_formats,
            )
            for number, cells in parser.parse():
                if row := _place(cells, max_columns):
                    yield number, row
            self._merged[:] = parser.merged

    def fill_merged(self, rows: Sequence[tuple[int, list[str]]]) -> None:
        """Give the rows within merged cells the text of the cell above.

        Args:
            rows: Number and cells of each, as `rows` gave them; a merge that begins in
                another row is left alone.
        """
        numbers = [number for number, _ in rows]
        for column, first, last in self._merged:
            start = bisect_left(numbers, first)
            if start == len(rows) or numbers[start] != first:
                continue
            end = bisect_right(numbers, last)
            self._contents.spend(end - start)
            text = "".join(rows[start][1][column - 1 : column])
            for _number, row in rows[start + 1 : end] if text else ():
                row += [""] * (column - len(row))
                row[column - 1] = row[column - 1] or text

    def pictures(self) -> Iterator[CellPicture]:
        """The pictures that are anchored to its cells.

        A sheet has a drawing, whose anchors name a cell and a file (ECMA-376, part 1,
        20.5.2).
        """
        contents, path = self._contents, self._sheet._worksheet_path
        for drawing in _related(contents.packed, path, "drawing").values():
            contents.charge(drawing)
            images = _related(contents.packed, drawing, "image")
            for anchor in fromstring(contents.packed.read(drawing)):
                row = anchor.findtext(f"{_DRAWING}from/{_DRAWING}row")
                for blip in anchor.iter(f"{_MAIN}blip"):
                    target = images.get(blip.get(f"{_RELATION}embed", ""))
                    if target is not None:
                        yield CellPicture(
                            row_number=0 if row is None else int(row) + 1,
                            suffix=PurePosixPath(target).suffix.lower(),
                            data=contents.picture(target),
                        )


class _Parser(WorkSheetParser):
    """Leaves out what is neither cell nor merge, and long formulas as they are."""

    def __init__(self, contents: _Contents, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._contents = contents
        self.merged: list[tuple[int, int, int]] = []
        """Column, first and last row of the cells that are merged downwards."""

    def parse(self) -> Generator[Any, None, None]:
        below_rows = False
        for _, element in iterparse(self.source):
            if element.tag == ROW_TAG:
                yield self.parse_row(element)
                element.clear()
            elif element.tag == _MERGE_TAG and (merged := _merged_down(element)):
                self._contents.spend(_MERGE_TAGS)
                self.merged.append(merged)
            below_rows |= element.tag == DATA_TAG
            if below_rows or element.tag == COL_TAG:
                element.clear()

    def parse_formula(self, element: Any) -> Any:
        formula = element.find(FORMULA_TAG)
        if formula.get("t") == "shared" and len(formula.text or "") > _LONGEST_FORMULA:
            return f"={formula.text}"
        return super().parse_formula(element)  # type: ignore[no-untyped-call]


def _merged_down(element: Any) -> tuple[int, int, int] | None:
    """Column, first and last row of merged cells; None if they are in one row."""
    found = _RANGE.fullmatch(element.get("ref", ""))
    if found is None or int(found[2]) >= int(found[3]):
        return None
    column: int = column_index_from_string(found[1])
    return column, int(found[2]), int(found[3])


def _place(cells: Iterable[dict[str, Any]], max_columns: int) -> list[object]:
    """The values of a row in their columns, without empty ones at its end."""
    row: list[object] = []
    for cell in cells:
        column, value = cell["column"], cell["value"]
        if value is None or not 0 < column <= max_columns:
            continue
        row += [None] * (column - len(row))
        row[column - 1] = value
    return row


def _count_tags(packed: zipfile.ZipFile, name: str) -> Counter[str]:
    """About how many tags each part has.

    Raises:
        CatalogError: There is too much to read.
    """
    infos = packed.infolist()
    if sum(info.file_size for info in infos) > _MAX_UNPACKED:
        raise _too_much(name)
    tags: Counter[str] = Counter()
    sheets = 0
    for info in infos:
        with packed.open(info) as part:
            chunk = part.read(_CHUNK)
            while chunk and not chunk.startswith(_PICTURES):
                tags[info.filename] += chunk.count(b"<")
                sheets += sum(map(chunk.count, _SHEET_ID))
                chunk = part.read(_CHUNK)
    if sheets > MAX_SHEETS:
        raise CatalogError(
            f"{name} has more than {MAX_SHEETS} sheets. Save the one with the photos "
            "as a file of its own."
        )
    if tags[_STYLES] > _MAX_STYLE_TAGS or tags.total() - tags[_STYLES] > MAX_TAGS:
        raise _too_much(name)
    return tags


def _too_much(name: str) -> CatalogError:
    return CatalogError(
        f"{name} has more cells, styles or pictures than can be read. Save the sheet "
        "with the photos as CSV, or split it."
    )


def _related(packed: zipfile.ZipFile, part: str, kind: str) -> dict[str, str]:
    """Id to path of the parts of a kind that a part of an Excel file refers to."""
    path = get_rels_path(part)  # type: ignore[no-untyped-call]
    if path not in packed.namelist():
        return {}
    found: Any = get_dependents(packed, path)
    return {
        one.id: one.target
        for one in found
        if one.Type.endswith(f"/{kind}") and one.TargetMode != "External"
    }
