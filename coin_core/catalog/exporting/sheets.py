"""Tables to export, safe from cells that spreadsheets run as formulas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

# Signs that start a formula; some spreadsheets convert the wide forms.
_STARTS = "=+-@＝＋－＠"
# Where the list separator is a semicolon, a cell may start inside one of ours.
_INNER = re.compile(rf"([;|\n][\s\ufeff\"']*)(?=[{re.escape(_STARTS)}])")


def guard(value: object) -> object:
    """A cell that a spreadsheet shows and never runs.

    Numbers stay numbers. Text that a spreadsheet could take for a formula gets an
    apostrophe before it (OWASP, "CSV injection").
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return value
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    lines = "\n".join(str(value).splitlines()).replace("\t", " ")
    text = "".join(sign for sign in lines if sign >= " " or sign == "\n").strip()
    text = _INNER.sub(r"\1'", text)
    visible = text.lstrip(" \n\u00a0\ufeff\"'")
    return f"'{text}" if visible[:1] in tuple(_STARTS) else text


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A CSV table in UTF-8, with the byte order mark that spreadsheets need."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n")
    for row in (columns, *rows):
        writer.writerow([guard(value) for value in row])
    return b"\xef\xbb\xbf" + text.getvalue().encode("utf-8", errors="replace")
