"""`import` and `demo`: bring photos, or rendered coins, into the catalog."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from coin_core.catalog import Catalog, open_catalog
from coin_core.catalog.importing.ingest import (
    import_items,
    import_photos,
    resume_import,
)
from coin_core.catalog.importing.records import ImportProgress, ImportState, ItemState
from coin_core.errors import CatalogError

_MOST_REMARKS = 20
_PART = 5000


def run(given: argparse.Namespace) -> int:
    """Bring photos in; 1 when one of them could not be."""
    if bool(given.paths) == (given.resume is not None):
        raise CatalogError("Name photos, folders, ZIPs or tables; or --resume alone.")
    mapping = None if given.mapping is None else _read_mapping(given.mapping)
    catalog = open_catalog()
    if given.resume is not None:
        steps = resume_import(catalog, given.resume)
    else:
        steps = import_photos(
            catalog,
            given.paths,
            who=given.who or _user(),
            mapping=mapping,
            labels=given.labels,
        )
    return _follow(catalog, steps)


def run_demo(given: argparse.Namespace) -> int:
    """Strike the demo collection into the catalog, or take it out."""
    from coin_core.catalog.demo import make_demo, remove_demo

    catalog = open_catalog()
    if given.remove:
        removed = remove_demo(catalog)
        sys.stderr.write(f"{removed} rendered photos were removed.\n")
        return 0
    return _follow(catalog, make_demo(catalog, given.count, seed=given.seed))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may have no user of that number
        return "command line"


def _read_mapping(path: Path) -> dict[str, str]:
    """Field to column, from a JSON object.

    Raises:
        CatalogError: The file is no such object.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise CatalogError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(told, dict) or not all(
        isinstance(value, str) for value in told.values()
    ):
        raise CatalogError(
            f'{path} must hold one object of field to column, such as {{"file": '
            '"Photo", "ruler": "King"}.'
        )
    return told


def _follow(catalog: Catalog, steps: Iterator[ImportProgress]) -> int:
    """Show how far it has come, then what became of it; returns the exit code."""
    progress = None
    with closing(steps), tqdm(desc="photos", unit="photo") as bar:  # type: ignore[type-var]
        for progress in steps:
            bar.total = progress.total
            bar.update(progress.done - bar.n)
            if progress.known or progress.failed or progress.grouped:
                bar.set_postfix(
                    known=progress.known,
                    grouped=progress.grouped,
                    failed=progress.failed,
                    refresh=False,
                )
    if progress is None:
        return 1
    _say_remarks(catalog, progress.import_id)
    fresh = progress.done - progress.known - progress.failed
    sys.stderr.write(
        f"{fresh} photos brought in ({progress.grouped} of them show a coin that was "
        f"known), {progress.known} were there already, {progress.failed} could not be "
        f"brought in. {catalog.where}\n"
    )
    if progress.state is not ImportState.DONE:
        again = f"python -m coin_core import --resume {progress.import_id}"
        sys.stderr.write(f"It was stopped. Go on with: {again}\n")
        return 1
    return 1 if progress.failed else 0


def _say_remarks(catalog: Catalog, import_id: int) -> None:
    """What there is to say, each sentence once; failures first, and all of them."""
    failures: Counter[str] = Counter()
    remarks: Counter[str] = Counter()
    for state, said in ((ItemState.FAILED, failures), (ItemState.DONE, remarks)):
        offset = 0
        while part := import_items(
            catalog, import_id, state=state, offset=offset, limit=_PART
        ):
            said.update(item.message for item in part if item.message)
            offset += len(part)
    for sentence in failures:
        sys.stderr.write(f"{sentence}\n")
    for sentence, count in remarks.most_common(_MOST_REMARKS):
        sys.stderr.write(f"{count} x {sentence}\n" if count > 1 else f"{sentence}\n")
    if len(remarks) > _MOST_REMARKS:
        left = len(remarks) - _MOST_REMARKS
        sys.stderr.write(f"... and {left} more remarks, on the Dataset page.\n")
