"""Runs that gather photos from sites: what each was asked for, and how it stands.

The sites are asked by a program of its own, `scrapers`, which the catalog only starts.
How far it is stands in the catalog and in a file beside its photos, so that any page
or program can look.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select

from coin_core.catalog.importing import jobs
from coin_core.catalog.importing.ingest import start_again
from coin_core.catalog.importing.records import SCRAPE, ImportState
from coin_core.catalog.mappers import checked_name
from coin_core.catalog.repository import Catalog
from coin_core.catalog.schema import ImportRow
from coin_core.errors import CatalogError

__all__ = [
    "SCRAPE",
    "ScrapeOrder",
    "ScrapeProgress",
    "begin_scrape",
    "latest_scrape",
    "scrape_log",
    "scrape_order",
    "scrape_progress",
    "start_scrape",
    "store_progress",
]

_LOOKED_AT: Final = 50
_LOG_BYTES: Final = 64 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrapeOrder:
    """What is to be gathered.

    Attributes:
        source: A source of `python -m scrapers`, such as "commons".
        query: What is asked of it: words, an address, a file or folder.
        who: Signs what is done.
        limit: Listings with photos that are new; None takes all.
        everything: Also other rulers and other types, without a label.
        base: Another site on the same software; None for the source's own.
        permission: The host whose owner lets programs in, as `who` has stated.
        profile: Folder of the browser profile to use; None for a fresh one.
    """

    source: str
    query: str
    who: str
    limit: int | None = None
    everything: bool = False
    base: str | None = None
    permission: str | None = None
    profile: str | None = None

    def __post_init__(self) -> None:
        if not self.query.strip():
            raise CatalogError("Say what to look for: words, an address, or a folder.")
        if self.limit is not None and self.limit < 1:
            raise CatalogError(f"At least one listing is gathered, not {self.limit}.")
        checked_name(self.who)

    def spec(self) -> dict[str, Any]:
        """As the catalog keeps it."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrapeProgress:
    """How far a run has come; numbers count since it was started or went on last.

    Attributes:
        import_id: Of the run, in the catalog's list of imports.
        state: "running", "stopping" while the last listing is dealt with, "stopped",
            "done" or "failed".
        listings: Listings looked at.
        added: Photos that are new in the catalog.
        known: Photos that it had already.
        failed: Photos that are missing or damaged, and records that cannot be read.
        left_out: Listings of several coins, imitations, other rulers and types.
        labelled: Photos added with a ruler.
        taken: Listings with new photos, of earlier starts too; counts to the limit.
        current: The listing dealt with last.
        error: Why it stopped, as a sentence.
        problems: What went wrong, one sentence each, the last ones.
    """

    import_id: int
    state: str = ImportState.RUNNING
    listings: int = 0
    added: int = 0
    known: int = 0
    failed: int = 0
    left_out: int = 0
    labelled: int = 0
    taken: int = 0
    current: str = ""
    error: str | None = None
    problems: tuple[str, ...] = ()


def begin_scrape(catalog: Catalog, order: ScrapeOrder) -> int:
    """Enter a run, or find the same one that was interrupted; returns its id.

    Raises:
        CatalogError: The same is being gathered right now.
    """
    spec = order.spec()
    for import_id in jobs.list_ids(catalog, _LOOKED_AT):
        if jobs.spec_of(catalog, import_id) == spec and jobs.is_at_work(
            catalog, import_id
        ):
            raise CatalogError(
                f"{order.query!r} is being gathered from {order.source} already. Wait "
                "for it, or stop it first."
            )
    interrupted = jobs.find_unfinished(catalog, spec)
    if interrupted is not None:
        return interrupted
    return jobs.create(catalog, SCRAPE, spec)


def start_scrape(catalog: Catalog, order: ScrapeOrder) -> int:
    """Gather by a process of its own, which outlives the page; returns the run's id.

    `importing.stop_import` stops it and `importing.start_again` lets it go on.

    Raises:
        CatalogError: The same is being gathered, or no process can be started.
    """
    import_id = begin_scrape(catalog, order)
    with contextlib.suppress(OSError):  # what an earlier start has told
        _report(catalog, import_id).unlink(missing_ok=True)
    start_again(catalog, import_id)
    return import_id


def scrape_order(catalog: Catalog, import_id: int) -> ScrapeOrder:
    """What a run was asked for.

    Raises:
        CatalogError: There is no such run.
    """
    try:
        return ScrapeOrder(**jobs.spec_of(catalog, import_id))
    except TypeError as error:
        raise CatalogError(f"Import {import_id} gathers from no site.") from error


def scrape_progress(catalog: Catalog, import_id: int) -> ScrapeProgress:
    """How far a run has come, whichever process is at work on it.

    Raises:
        CatalogError: There is no such run.
    """
    row = jobs.progress_of(catalog, import_id)
    told: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        told = json.loads(_report(catalog, import_id).read_text(encoding="utf-8"))
    state = str(row.state)
    if row.state is ImportState.STOPPED and jobs.is_at_work(catalog, import_id):
        state = "stopping"
    told |= {"import_id": import_id, "state": state, "error": row.error}
    told["problems"] = tuple(told.get("problems", ()))
    known = {field.name for field in dataclasses.fields(ScrapeProgress)}
    return ScrapeProgress(**{key: told[key] for key in told if key in known})


def latest_scrape(catalog: Catalog) -> ScrapeProgress | None:
    """The run that was begun last; None if there never was one."""
    with catalog.database.reading() as connection:
        newest = connection.scalar(
            select(func.max(ImportRow.id)).where(ImportRow.kind == SCRAPE)
        )
    return None if newest is None else scrape_progress(catalog, newest)


def store_progress(catalog: Catalog, progress: ScrapeProgress) -> None:
    """Leave word of how far a run is; whole or not at all.

    A full disk costs only the word: the photos and their state are in the catalog.
    """
    path = _report(catalog, progress.import_id)
    text = json.dumps(dataclasses.asdict(progress), ensure_ascii=False)
    with contextlib.suppress(OSError):
        fresh = path.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8", errors="replace")
        fresh.replace(path)


def scrape_log(catalog: Catalog, import_id: int, lines: int = 200) -> str:
    """The last lines of a run's log: every address asked, and every problem."""
    path = jobs.folder_of(catalog) / f"{import_id}.log"
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_BYTES))
            tail = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(tail.splitlines()[-lines:])


def _report(catalog: Catalog, import_id: int) -> Path:
    return jobs.folder_of(catalog) / f"{import_id}.json"
