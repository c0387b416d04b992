"""The result of an import: how many photos are in, how many are not, and why."""

from __future__ import annotations

from pathlib import PurePosixPath

from coin_core.catalog.exporting.sheets import table
from coin_core.catalog.import_records import ImportItem, ItemState
from coin_core.catalog.importing import ledger
from coin_core.catalog.repository import Catalog
from coin_core.i18n import _, ngettext, translate
from coin_core.imaging.decoder import show_name
from coin_core.imaging.photo_io import ACCEPTED

_MAX_REASONS = 10
_MAX_NAMES = 3
_RESULTS = {
    ItemState.DONE: "imported",
    ItemState.KNOWN: "in the dataset already",
    ItemState.FAILED: "not imported",
    ItemState.WAITING: "not read yet",
}


def import_report(catalog: Catalog, import_id: int) -> bytes:
    """All files of an import as CSV: file, result, and the reason or a remark.

    Files that were dropped in a browser have the names that they had there.
    """
    return table(
        ("file", "result", "reason"),
        (
            (
                ledger.name_of(catalog, item.key),
                _RESULTS[item.state],
                item.message or "",
            )
            for item in ledger.all_items(catalog, import_id)
        ),
    )


def summarize_import(catalog: Catalog, import_id: int) -> str:
    """Lines of text: how many are in, how many are not, why, and what to do.

    Raises:
        CatalogError: There is no such import.
    """
    progress = ledger.progress_of(catalog, import_id)
    if progress.total == 0:
        return _(
            "No photos were found; {accepted}. What to do: check that the folder or "
            "archive is the right one."
        ).format(accepted=translate(ACCEPTED))
    new = progress.done - progress.known - progress.failed
    are_in = new + progress.known
    counts = {
        "count": f"{are_in:,}",
        "new": f"{new:,}",
        "grouped": f"{progress.grouped:,}",
        "known": f"{progress.known:,}",
    }
    words = ngettext(
        "{count} photo is in: {new} new, {known} in the dataset already.",
        "{count} photos are in: {new} new, {known} in the dataset already.",
        are_in,
    )
    if progress.grouped:
        words = ngettext(
            "{count} photo is in: {new} new ({grouped} of a known coin), {known} in "
            "the dataset already.",
            "{count} photos are in: {new} new ({grouped} of a known coin), {known} in "
            "the dataset already.",
            are_in,
        )
    lines = [words.format(**counts)]
    waiting = (progress.total or 0) - progress.done
    if waiting > 0:
        words = ngettext(
            "{count} file is not read yet.", "{count} files are not read yet.", waiting
        )
        lines.append(words.format(count=f"{waiting:,}"))
    if not progress.failed:
        return "\n".join(lines)
    words = ngettext(
        "{count} file is not in:", "{count} files are not in:", progress.failed
    )
    lines.append(words.format(count=f"{progress.failed:,}"))
    reasons: dict[str, list[str]] = {}
    for item in ledger.all_items(catalog, import_id, ItemState.FAILED):
        name, reason = _reason(item)
        reasons.setdefault(reason, []).append(name)
    common = sorted(reasons.items(), key=lambda pair: -len(pair[1]))
    for reason, names in common[:_MAX_REASONS]:
        shown = ", ".join(names[:_MAX_NAMES])
        more = len(names) - _MAX_NAMES
        if more > 0:
            shown = _("{names} and {count} more").format(names=shown, count=f"{more:,}")
        lines.append(f"- {shown}: {_in_words(reason)}")
    if len(common) > _MAX_REASONS:
        rest = sum(len(names) for _why, names in common[_MAX_REASONS:])
        words = ngettext(
            "{count} file is not in for other reasons.",
            "{count} files are not in for other reasons.",
            rest,
        )
        lines.append(f"- {words.format(count=f'{rest:,}')}")
    lines.append(
        _(
            "What to do: correct these files, or save them in a format that is read, "
            "and import the same again. Photos that are in are not added twice."
        )
    )
    return "\n".join(lines)


def why_not_in(item: ImportItem) -> str:
    """Why a file is not in, or what is remarked of it, without its name."""
    return _in_words(_reason(item)[1])


def _in_words(reason: str) -> str:
    """Why a file is not in, in the current language."""
    said = translate(reason)
    if said != reason or not reason.startswith("is "):
        return said
    kind = reason.removeprefix("is ").rstrip(".")  # "a JPEG 2000 picture"
    known = translate(kind)
    return reason if known == kind else f"{known}."


def _reason(item: ImportItem) -> tuple[str, str]:
    """The file's name, and why it is not in, without the name."""
    name = show_name(PurePosixPath(item.key).name)
    message = item.message or "Unknown reason."
    if not message.startswith(name):
        return name, message
    reason = message.removeprefix(name).lstrip(" :").split(f"; {ACCEPTED}")[0]
    return name, reason.rstrip(".") + "."
