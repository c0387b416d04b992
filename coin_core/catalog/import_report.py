"""The result of an import: how many photos are in, how many are not, and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from coin_core.catalog.exporting.sheets import table
from coin_core.catalog.import_records import ImportItem, ItemState
from coin_core.catalog.importing import ledger
from coin_core.catalog.repository import Catalog
from coin_core.imaging.decoder import show_name
from coin_core.imaging.photo_io import ACCEPTED

_PAGE = 5000
_MAX_REASONS = 10
_MAX_NAMES = 3
_RESULTS = {
    ItemState.DONE: "imported",
    ItemState.KNOWN: "in the dataset before",
    ItemState.FAILED: "not imported",
    ItemState.WAITING: "not read yet",
}


def import_report(catalog: Catalog, import_id: int) -> bytes:
    """All files of an import as CSV: file, result, and the reason or a remark."""
    return table(
        ("file", "result", "reason"),
        (
            (item.key, _RESULTS[item.state], item.message or "")
            for item in _items(catalog, import_id)
        ),
    )


def summarize_import(catalog: Catalog, import_id: int) -> str:
    """Lines of text: how many are in, how many are not, why, and what to do.

    Raises:
        CatalogError: There is no such import.
    """
    progress = ledger.progress_of(catalog, import_id)
    if progress.total == 0:
        return (
            f"No photos were found; {ACCEPTED}. What to do: check that the folder or "
            "archive is the right one."
        )
    new = progress.done - progress.known - progress.failed
    are_in = new + progress.known
    grouped = f" ({progress.grouped:,} of a known coin)" if progress.grouped else ""
    lines = [
        f"{_count(are_in, 'photo')} in: {new:,} new{grouped}, {progress.known:,} in "
        "the dataset before."
    ]
    waiting = (progress.total or 0) - progress.done
    if waiting > 0:
        lines.append(f"{_count(waiting, 'file')} not read yet.")
    if not progress.failed:
        return "\n".join(lines)
    lines.append(f"{_count(progress.failed, 'file')} not in:")
    reasons: dict[str, list[str]] = {}
    for item in _items(catalog, import_id, ItemState.FAILED):
        name, reason = _reason(item)
        reasons.setdefault(reason, []).append(name)
    common = sorted(reasons.items(), key=lambda pair: -len(pair[1]))
    for reason, names in common[:_MAX_REASONS]:
        shown = ", ".join(names[:_MAX_NAMES])
        more = len(names) - _MAX_NAMES
        shown += f" and {more:,} more" if more > 0 else ""
        lines.append(f"- {shown}: {reason}")
    if len(common) > _MAX_REASONS:
        rest = sum(len(names) for _, names in common[_MAX_REASONS:])
        lines.append(f"- {_count(rest, 'file')} not in for other reasons.")
    lines.append(
        "What to do: correct these files, or save them in a format that is read, and "
        "import the same again. Photos that are in are not added twice."
    )
    return "\n".join(lines)


def _count(number: int, noun: str) -> str:
    return f"1 {noun} is" if number == 1 else f"{number:,} {noun}s are"


def _items(
    catalog: Catalog, import_id: int, state: ItemState | None = None
) -> Iterator[ImportItem]:
    offset = 0
    while page := ledger.read_items(
        catalog, import_id, state=state, offset=offset, limit=_PAGE
    ):
        yield from page
        offset += len(page)


def _reason(item: ImportItem) -> tuple[str, str]:
    """The file's name, and why it is not in, without the name."""
    name = show_name(PurePosixPath(item.key).name)
    message = item.message or "Unknown reason."
    if not message.startswith(name):
        return name, message
    reason = message.removeprefix(name).lstrip(" :").split(f"; {ACCEPTED}")[0]
    return name, reason.rstrip(".") + "."
