"""Cells of exported tables, which no spreadsheet may run as formulas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

# A spreadsheet takes a cell that begins so for a formula. The wide forms are turned
# into the plain ones by some of them.
_STARTS = "=+-@＝＋－＠"
# Where the list separator is a semicolon, a cell may begin inside ours.
_INNER = re.compile(rf"([;|\n][\s\ufeff\"']*)(?=[{re.escape(_STARTS)}])")


def guard(value: object) -> object:
    """A cell that is shown as what it says, never run.

    Numbers stay numbers; text that a spreadsheet could take for a formula gets an
    apostrophe before the sign that makes it one.
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
    shown = text.lstrip(" \n\u00a0\ufeff\"'")
    return f"'{text}" if shown[:1] in tuple(_STARTS) else text


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A CSV table in UTF-8 with the mark by which spreadsheets know it."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([guard(value) for value in row])
    return b"\xef\xbb\xbf" + text.getvalue().encode("utf-8", errors="replace")
