"""What several commands print: JSON lines and reports."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from coin_core.storage import dump_json

if TYPE_CHECKING:
    from coin_core.evaluation.metrics import Report


def write_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    sys.stdout.write(dump_json(value, default=float) + "\n")


def write_reports(reports: Sequence[Report], *, as_json: bool) -> None:
    """Print one JSON line per report, or one table and the confusion matrices."""
    from coin_core.evaluation.metrics import confusion_table, report_json, report_table

    if as_json:
        for report in reports:
            write_json(report_json(report))
    elif reports:
        tables = [report_table(reports), *map(confusion_table, reports)]
        sys.stdout.write("\n\n".join(tables) + "\n")
