"""The ledger of imports: what each imports, its items and their results.

The process that works on an import holds its job, `import-<import_id>`, whether the
job was started by a page or the command by hand.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select, update

from coin_core import jobs
from coin_core.access import Right
from coin_core.catalog.import_records import (
    GROUPED,
    SCRAPE,
    ImportItem,
    ImportProgress,
    ImportState,
    ItemState,
)
from coin_core.catalog.mappers import utc_now
from coin_core.catalog.repository import Catalog
from coin_core.catalog.schema import ImportItemRow, ImportRow, PhotoRow
from coin_core.errors import CatalogError, CoinError
from coin_core.i18n import N_
from coin_core.storage import read_json

DEMO_TITLE = N_("Generating demo coins")
_PART = 400  # rows a statement
_JUST_ADDED = timedelta(minutes=1)  # its job comes in a moment
_PAGE = 5000  # items at a time


def create(catalog: Catalog, kind: str, spec: Mapping[str, Any]) -> int:
    """Add a new import; returns its id."""
    right = Right.GATHER if kind == SCRAPE else Right.IMPORT
    with catalog.database.writing(right) as connection:
        made = connection.execute(
            insert(ImportRow).values(
                created_at=utc_now(),
                kind=kind,
                spec=dict(spec),
                state=ImportState.RUNNING,
                total=None,
                done=0,
                error=None,
            )
        )
        return int((made.inserted_primary_key or (0,))[0])


def spec_of(catalog: Catalog, import_id: int) -> dict[str, Any]:
    """What an import imports.

    Raises:
        CatalogError: There is no such import.
    """
    with catalog.database.reading() as connection:
        spec = connection.scalar(
            select(ImportRow.spec).where(ImportRow.id == import_id)
        )
    if spec is None:
        raise CatalogError(
            f"The catalog has no import {import_id}. List them on the Dataset page."
        )
    return dict(spec)


def find_unfinished(catalog: Catalog, spec: Mapping[str, Any]) -> int | None:
    """The newest import of the same things that ended early, or None."""
    with catalog.database.reading() as connection:
        rows = connection.execute(
            select(ImportRow.id, ImportRow.spec)
            .where(ImportRow.state.in_((ImportState.RUNNING, ImportState.STOPPED)))
            .order_by(ImportRow.id.desc())
            .limit(50)
        ).all()
    for row in rows:
        if row.spec == dict(spec) and not is_taken(row.id):
            return int(row.id)
    return None


def set_state(
    catalog: Catalog, import_id: int, state: ImportState, error: str | None = None
) -> None:
    """Record the state of an import, and report it to its job."""
    if state is not ImportState.RUNNING and jobs.current_job_id() == job_id(import_id):
        jobs.report_outcome(jobs.JobState(state), error or "")
    with catalog.database.writing() as connection:
        connection.execute(
            update(ImportRow)
            .where(ImportRow.id == import_id)
            .values(state=state, error=error)
        )


def enter_items(
    catalog: Catalog, import_id: int, items: Iterable[tuple[str, str | None]]
) -> dict[str, ItemState]:
    """Add items by their keys, with a problem where one is known.

    Items that were added before keep their state, so that an import can resume.

    Returns:
        The state of every item of the import.
    """
    states = item_states(catalog, import_id)
    fresh = [
        {
            "import_id": import_id,
            "key": key,
            "state": ItemState.WAITING if problem is None else ItemState.FAILED,
            "photo_id": None,
            "message": problem,
        }
        for key, problem in items
        if key not in states
    ]
    with catalog.database.writing() as connection:
        for first in range(0, len(fresh), _PART):
            connection.execute(insert(ImportItemRow), fresh[first : first + _PART])
        states |= {str(row["key"]): ItemState(str(row["state"])) for row in fresh}
        settled = sum(state is not ItemState.WAITING for state in states.values())
        connection.execute(
            update(ImportRow)
            .where(ImportRow.id == import_id)
            .values(total=len(states), done=settled)
        )
    return states


def item_states(catalog: Catalog, import_id: int) -> dict[str, ItemState]:
    """The state of every item of an import."""
    with catalog.database.reading() as connection:
        rows = connection.execute(
            select(ImportItemRow.key, ImportItemRow.state).where(
                ImportItemRow.import_id == import_id
            )
        )
        return {row.key: ItemState(row.state) for row in rows}


def record_results(
    catalog: Catalog, import_id: int, items: Sequence[ImportItem]
) -> None:
    """Record the results of some items in one transaction."""
    with catalog.database.writing() as connection:
        for item in items:
            connection.execute(
                update(ImportItemRow)
                .where(
                    ImportItemRow.import_id == import_id,
                    ImportItemRow.key == item.key,
                )
                .values(state=item.state, photo_id=item.photo_id, message=item.message)
            )
        waiting = (
            select(func.count())
            .select_from(ImportItemRow)
            .where(
                ImportItemRow.import_id == import_id,
                ImportItemRow.state == ItemState.WAITING,
            )
        )
        left = connection.scalar(waiting) or 0
        connection.execute(
            update(ImportRow)
            .where(ImportRow.id == import_id)
            .values(done=ImportRow.total - left)
        )


def is_of(catalog: Catalog, import_id: int, photo_id: int) -> bool:
    """Whether this import added a photo without recording it.

    That happens when it is killed between the two.
    """
    with catalog.database.reading() as connection:
        began = connection.scalar(
            select(ImportRow.created_at).where(ImportRow.id == import_id)
        )
        added = connection.scalar(
            select(PhotoRow.added_at).where(PhotoRow.id == photo_id)
        )
        claimed = connection.scalar(
            select(func.count())
            .select_from(ImportItemRow)
            .where(
                ImportItemRow.photo_id == photo_id,
                ImportItemRow.state == ItemState.DONE,
            )
        )
    return bool(began and added and added >= began and not claimed)


def find_digest(catalog: Catalog, digest: str) -> int | None:
    """The photo with that sha256; None if there is none."""
    with catalog.database.reading() as connection:
        return connection.scalar(select(PhotoRow.id).where(PhotoRow.sha256 == digest))


def coins_of(catalog: Catalog, import_id: int) -> dict[str, int]:
    """Key to coin of the photos that an import has added or found known."""
    with catalog.database.reading() as connection:
        rows = connection.execute(
            select(ImportItemRow.key, PhotoRow.coin_id)
            .join(PhotoRow, PhotoRow.id == ImportItemRow.photo_id)
            .where(ImportItemRow.import_id == import_id)
        )
        return {row.key: row.coin_id for row in rows}


def read_items(
    catalog: Catalog,
    import_id: int,
    *,
    state: ItemState | None = None,
    remarked: bool = False,
    offset: int = 0,
    limit: int = 1000,
) -> tuple[ImportItem, ...]:
    """The results of the photos of an import, in the order they were listed."""
    query = select(
        ImportItemRow.key,
        ImportItemRow.state,
        ImportItemRow.photo_id,
        ImportItemRow.message,
    ).where(ImportItemRow.import_id == import_id)
    if state is not None:
        query = query.where(ImportItemRow.state == state)
    if remarked:
        query = query.where(ImportItemRow.message != "")
    with catalog.database.reading() as connection:
        rows = connection.execute(
            query.order_by(ImportItemRow.id).offset(offset).limit(limit)
        )
        return tuple(
            ImportItem(
                key=row.key,
                state=ItemState(row.state),
                photo_id=row.photo_id,
                message=row.message,
            )
            for row in rows
        )


def all_items(
    catalog: Catalog, import_id: int, state: ItemState | None = None
) -> Iterator[ImportItem]:
    """The results of all photos of an import, however many there are."""
    offset = 0
    while page := read_items(
        catalog, import_id, state=state, offset=offset, limit=_PAGE
    ):
        yield from page
        offset += len(page)


def progress_of(catalog: Catalog, import_id: int) -> ImportProgress:
    """How far an import is; one whose process was killed counts as stopped.

    Raises:
        CatalogError: There is no such import.
    """
    progress = _read_progress(catalog, import_id)
    if progress.state is ImportState.RUNNING and not is_running(import_id):
        # A process records its end before it lets go: read that.
        progress = _read_progress(catalog, import_id)
        if progress.state is ImportState.RUNNING and not _is_new(progress):
            error = "It was interrupted; it can go on from where it was."
            return replace(
                progress, state=ImportState.STOPPED, error=progress.error or error
            )
    return progress


def _is_new(progress: ImportProgress) -> bool:
    """Whether an import was added just now, and its job is not there yet."""
    if progress.created_at is None or utc_now() - progress.created_at > _JUST_ADDED:
        return False
    return jobs.find_job(job_id(progress.import_id)) is None


def _read_progress(catalog: Catalog, import_id: int) -> ImportProgress:
    """What the ledger says of an import."""
    with catalog.database.reading() as connection:
        row = connection.execute(
            select(ImportRow).where(ImportRow.id == import_id)
        ).first()
        if row is None:
            raise CatalogError(
                f"The catalog has no import {import_id}. List them on the Dataset page."
            )
        here = ImportItemRow.import_id == import_id
        counts = {
            state: int(count)
            for state, count in connection.execute(
                select(ImportItemRow.state, func.count())
                .where(here)
                .group_by(ImportItemRow.state)
            )
        }
        grouped = connection.scalar(
            select(func.count())
            .select_from(ImportItemRow)
            .where(here, ImportItemRow.message.startswith(GROUPED))
        )
    settled = {name: count for name, count in counts.items() if name != "waiting"}
    return ImportProgress(
        import_id=import_id,
        state=ImportState(row.state),
        total=row.total,
        done=sum(settled.values()),
        known=settled.get(ItemState.KNOWN, 0),
        failed=settled.get(ItemState.FAILED, 0),
        grouped=int(grouped or 0),
        error=row.error,
        created_at=row.created_at,
        kind=row.kind,
    )


def list_ids(catalog: Catalog, limit: int) -> list[int]:
    """The newest imports."""
    with catalog.database.reading() as connection:
        return list(
            connection.scalars(
                select(ImportRow.id).order_by(ImportRow.id.desc()).limit(limit)
            )
        )


def folder_of(catalog: Catalog) -> Path:
    """Where dropped files of imports are kept."""
    return catalog.photos_dir.parent / "imports"


def uploads_of(catalog: Catalog) -> Path:
    """Where files that were dropped in a browser wait for their import."""
    return folder_of(catalog) / "uploads"


def name_of(catalog: Catalog, key: str) -> str:
    """The name of an item's file for its owner.

    A file that was dropped in a browser has the name and the folders that it had
    there; where the server kept it says nothing to its owner.
    """
    kept = f"{uploads_of(catalog).absolute()}{os.sep}"
    # below it: the folder of one drop, "dropped", and the file
    parts = key.removeprefix(kept).split(os.sep, 2) if key.startswith(kept) else ()
    return parts[2] if len(parts) == 3 else key


def job_id(import_id: int) -> str:
    """The name of an import's job."""
    return f"import-{import_id}"


def import_id_of(job: jobs.Job) -> int:
    """The import that a job works on.

    Raises:
        CatalogError: It works on none.
    """
    number = job.job_id.removeprefix("import-")
    if not re.fullmatch(r"[0-9]{1,18}", number):
        raise CatalogError(f"The job {job.job_id!r} works on no import.")
    return int(number)


def make_job(catalog: Catalog, import_id: int, title: str = "") -> jobs.Job:
    """The job that works on an import, or resumes it; a scrape is given its title.

    Raises:
        CatalogError: There is no such import.
    """
    spec, kind = spec_of(catalog, import_id), progress_of(catalog, import_id).kind
    module, arguments = "coin_core.cli.main", ["import", "--resume", str(import_id)]
    given, title = title, DEMO_TITLE if kind == "demo" else N_("Importing photos")
    if kind == SCRAPE:
        module = "scrapers.cli"
        title = given or f"{spec['source']}, {spec['query'][:80]}"
        arguments = _scrape_arguments(spec)
    return jobs.Job(
        job_id=job_id(import_id),
        kind=jobs.JobKind.SCRAPE if kind == SCRAPE else jobs.JobKind.IMPORT,
        title=title,
        module=module,
        arguments=tuple(arguments),
    )


def _scrape_arguments(spec: Mapping[str, Any]) -> list[str]:
    """The same command finds the same import and resumes it."""
    arguments = ["--who", str(spec["who"])]
    for flag in ("limit", "base", "i-have-permission", "profile"):
        value = spec.get("permission" if flag == "i-have-permission" else flag)
        if value:
            arguments += [f"--{flag}", str(value)]
    if spec.get("everything"):
        arguments.append("--everything")
    return [*arguments, "--", str(spec["source"]), str(spec["query"])]


def hold(catalog: Catalog, import_id: int, title: str = "") -> jobs.JobHold:
    """Take hold of an import, as a context manager.

    Raises:
        CatalogError: Another process works on it, or its files cannot be written.
    """
    job = make_job(catalog, import_id, title)
    try:
        return jobs.hold_job(job)
    except OSError as error:
        raise CatalogError(
            f"{job.folder} cannot be written ({error.strerror}). Check its permissions "
            "and the space on its disk."
        ) from error
    except CoinError as error:
        raise CatalogError(str(error)) from error


def is_running(import_id: int) -> bool:
    """Whether a process works on an import, or will in a moment."""
    job = jobs.find_job(job_id(import_id))
    return job is not None and job.is_open


def is_taken(import_id: int) -> bool:
    """Whether a process other than this one works on an import."""
    return jobs.current_job_id() != job_id(import_id) and is_running(import_id)


def adopt_unfinished(catalog: Catalog) -> None:
    """Put imports on the list of jobs that ended early and have no job there.

    Version 1 left such imports, and so does a data folder that was restored.
    """
    with catalog.database.reading() as connection:
        unfinished = connection.scalars(
            select(ImportRow.id).where(
                ImportRow.state.in_((ImportState.RUNNING, ImportState.STOPPED)),
                ImportRow.created_at < utc_now() - _JUST_ADDED,
            )
        ).all()
    for import_id in unfinished:
        if jobs.find_job(job_id(import_id)) is None:
            message = progress_of(catalog, import_id).error or ""
            counts = read_json(folder_of(catalog) / f"{import_id}.json")
            jobs.add_interrupted(make_job(catalog, import_id), message, counts)
