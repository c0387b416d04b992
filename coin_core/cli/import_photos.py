"""Import photos into the dataset: find coins and their sides, recognise copies."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from coin_core.access import operator
from coin_core.cli import arguments
from coin_core.errors import CatalogError
from coin_core.storage import is_own_file

if TYPE_CHECKING:
    from coin_core.catalog import Catalog
    from coin_core.catalog.import_records import ImportProgress

_MAX_REMARKS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `import`."""
    add = parser.add_argument
    add(
        "paths",
        nargs="*",
        metavar="PATH",
        help="photos, folders, ZIP archives; CSV or Excel tables that name photos",
    )
    add(
        "--mapping",
        type=Path,
        metavar="FILE.json",
        help="JSON object from field to column of the tables; guessed by default",
    )
    add(
        "--labels",
        choices=("folder", "none"),
        default="folder",
        help="whether a photo's folder names the ruler (default folder)",
    )
    add("--who", metavar="NAME", help="who imports; you by default")
    add(
        "--report",
        type=Path,
        metavar="FILE.csv",
        help="write each file with its result and the reason to this table",
    )
    add("--resume", type=arguments.count, metavar="ID", help="resume a stopped import")


def run(options: argparse.Namespace) -> int:
    """Import photos; return 1 if a photo cannot be imported."""
    from coin_core.catalog import open_catalog
    from coin_core.catalog.importing.ingest import import_photos, resume_import
    from coin_core.catalog.importing.ledger import spec_of

    if bool(options.paths) == (options.resume is not None):
        raise CatalogError("Name photos, folders, ZIPs or tables; or --resume alone.")
    mapping = None if options.mapping is None else _load_mapping(options.mapping)
    catalog = open_catalog()
    if options.report is not None:
        paths = options.paths
        if options.resume is not None:
            paths = spec_of(catalog, options.resume).get("sources", ())
        _check_place(options.report, [*paths, *filter(None, [options.mapping])])
    if options.resume is not None:
        steps = resume_import(catalog, options.resume)
    else:
        steps = import_photos(
            catalog,
            options.paths,
            who=options.who or operator().name,
            mapping=mapping,
            labels=options.labels,
        )
    return follow_import(catalog, steps, report=options.report)


def _load_mapping(path: Path) -> dict[str, str]:
    from coin_core.storage import parse_json, read_text

    try:
        mapping = parse_json(read_text(path).removeprefix("\ufeff"))
    except (OSError, ValueError) as error:
        raise CatalogError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(mapping, dict) or not all(
        isinstance(column, str) for column in mapping.values()
    ):
        raise CatalogError(
            f'{path} must hold one object from field to column, such as {{"file": '
            '"Photo", "ruler": "King"}.'
        )
    return mapping


def _check_place(report: Path, paths: Iterable[Path | str]) -> None:
    """Find out before a long import whether its report can be written.

    Args:
        report: Its file.
        paths: What the import reads.

    Raises:
        CatalogError: It cannot, or it would replace what is read.
    """
    from coin_core.catalog.importing.archives import ARCHIVE_SUFFIXES
    from coin_core.catalog.importing.sources import LABELS_FILE
    from coin_core.imaging.photo_io import PICTURE_SUFFIXES

    suffix, place = report.suffix.lower(), report.resolve()
    is_read = report.name.lower() == LABELS_FILE or suffix in ARCHIVE_SUFFIXES
    is_read |= suffix.lstrip(".") in PICTURE_SUFFIXES
    sources = [Path(path).resolve() for path in paths]
    if report.is_file() and (
        place in sources or (is_read and any(map(place.is_relative_to, sources)))
    ):
        raise CatalogError(
            f"{report} is read by the import, and the report would replace it. Name "
            "another place for the report."
        )
    if is_own_file(report):
        raise CatalogError(
            f"{report} is a file of the data folder, and the report would replace it. "
            "Name another place for the report."
        )
    if report.is_dir():
        raise CatalogError(f"{report} is a folder. Name a file for the report.")
    if not report.parent.is_dir():
        raise CatalogError(
            f"{report} cannot be written: there is no folder {report.parent}. Make it, "
            "or name another place for the report."
        )


def follow_import(
    catalog: Catalog, steps: Iterator[ImportProgress], *, report: Path | None = None
) -> int:
    """Run an import with a progress bar and print its result.

    Returns:
        The exit code: 1 if the import was stopped or a photo failed.

    Raises:
        CatalogError: The report cannot be written.
    """
    from coin_core.catalog.import_records import ImportState
    from coin_core.catalog.import_report import import_report, summarize_import
    from coin_core.jobs import Progress

    progress = None
    bar = Progress("photos", unit="photo", can_stop=False)
    with closing(steps), bar:  # type: ignore[type-var]
        for progress in steps:
            counts = {
                name: count
                for name in ("known", "grouped", "failed")
                if (count := getattr(progress, name))
            }
            bar.advance_to(progress.done, progress.total)
            bar.describe(progress.text, has_count=True, **counts)
    if progress is None:
        return 1
    _write_remarks(catalog, progress.import_id)
    summary = summarize_import(catalog, progress.import_id)
    sys.stderr.write(f"{summary}\n{catalog.database.where}\n")
    if report is not None:
        try:
            report.write_bytes(import_report(catalog, progress.import_id))
        except OSError as error:
            raise CatalogError(
                f"{report} cannot be written ({error.strerror or error}). The import "
                f"itself is recorded as number {progress.import_id}."
            ) from error
    if progress.state is not ImportState.DONE:
        command = f"python -m coin_core import --resume {progress.import_id}"
        sys.stderr.write(f"The import was stopped. Resume it with: {command}\n")
        return 1
    return 1 if progress.failed else 0


def _write_remarks(catalog: Catalog, import_id: int) -> None:
    """Print each message once: all failures first, then the most common remarks."""
    from coin_core.catalog.import_records import ItemState
    from coin_core.catalog.importing.ledger import all_items

    def count_messages(state: ItemState) -> Counter[str]:
        items = all_items(catalog, import_id, state)
        return Counter(item.message for item in items if item.message)

    for message in count_messages(ItemState.FAILED):
        sys.stderr.write(f"{message}\n")
    remarks = count_messages(ItemState.DONE)
    for message, number in remarks.most_common(_MAX_REMARKS):
        prefix = f"{number} x " if number > 1 else ""
        sys.stderr.write(f"{prefix}{message}\n")
    if len(remarks) > _MAX_REMARKS:
        rest = len(remarks) - _MAX_REMARKS
        sys.stderr.write(f"... and {rest} more remarks, on the Dataset page.\n")
