"""The books of the imports: what each was asked to bring in, and what became of it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select, update

from coin_core.catalog.importing.records import (
    GROUPED,
    ImportItem,
    ImportProgress,
    ImportState,
    ItemState,
)
from coin_core.catalog.mappers import utc_now
from coin_core.catalog.repository import Catalog
from coin_core.catalog.schema import ImportItemRow, ImportRow, PhotoRow
from coin_core.errors import CatalogError

fcntl: Any
try:
    fcntl = import_module("fcntl")
except ImportError:  # Windows: two processes are kept apart by the state alone
    fcntl = None

_PART = 400  # rows a statement


def create(catalog: Catalog, kind: str, spec: Mapping[str, Any]) -> int:
    """Enter a new import, which runs from now on."""
    with catalog.database.writing() as connection:
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
    """What an import was asked to bring in.

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
    """The newest import of the same things that was interrupted."""
    with catalog.database.reading() as connection:
        rows = connection.execute(
            select(ImportRow.id, ImportRow.spec)
            .where(ImportRow.state.in_((ImportState.RUNNING, ImportState.STOPPED)))
            .order_by(ImportRow.id.desc())
            .limit(50)
        ).all()
    for row in rows:
        if row.spec == dict(spec) and not is_at_work(catalog, row.id):
            return int(row.id)
    return None


def set_state(
    catalog: Catalog, import_id: int, state: ImportState, error: str | None = None
) -> None:
    """Say how an import stands."""
    with catalog.database.writing() as connection:
        connection.execute(
            update(ImportRow)
            .where(ImportRow.id == import_id)
            .values(state=state, error=error)
        )


def wants_to_run(catalog: Catalog, import_id: int) -> bool:
    """Whether nobody has asked the import to stop."""
    with catalog.database.reading() as connection:
        state = connection.scalar(
            select(ImportRow.state).where(ImportRow.id == import_id)
        )
    return bool(state == ImportState.RUNNING)


def enter_items(
    catalog: Catalog, import_id: int, items: Iterable[tuple[str, str | None]]
) -> dict[str, ItemState]:
    """Enter keys with what is wrong with them; returns how every item stands.

    Items that were entered before keep their state, so that an import goes on.
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
    """How every item of an import stands."""
    with catalog.database.reading() as connection:
        rows = connection.execute(
            select(ImportItemRow.key, ImportItemRow.state).where(
                ImportItemRow.import_id == import_id
            )
        )
        return {row.key: ItemState(row.state) for row in rows}


def settle(catalog: Catalog, import_id: int, items: Sequence[ImportItem]) -> None:
    """Say what became of some items, all in one transaction."""
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
    """Whether a photo that is there was brought in by this import, just unsaid.

    That is so after a kill between the photo and the word on it.
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
    """The photo with that sha256, if the catalog has it."""
    with catalog.database.reading() as connection:
        return connection.scalar(select(PhotoRow.id).where(PhotoRow.sha256 == digest))


def coins_of(catalog: Catalog, import_id: int) -> dict[str, int]:
    """Key to coin of the photos that an import has brought in or met."""
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
    """What became of the photos of an import, in the order they were listed.

    Args:
        catalog: Where the import is.
        import_id: Which one.
        state: Only those in this state.
        remarked: Only those of which there is something to say.
        offset: So many are passed over.
        limit: At most so many.
    """
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


def progress_of(catalog: Catalog, import_id: int, current: str = "") -> ImportProgress:
    """How far an import has come; one whose process was killed counts as stopped.

    Raises:
        CatalogError: There is no such import.
    """
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
    state, error = ImportState(row.state), row.error
    if state is ImportState.RUNNING and not is_at_work(catalog, import_id):
        state = ImportState.STOPPED
        error = error or "It was interrupted; it goes on where it was."
    settled = {name: count for name, count in counts.items() if name != "waiting"}
    return ImportProgress(
        import_id=import_id,
        state=state,
        total=row.total,
        done=sum(settled.values()),
        known=settled.get(ItemState.KNOWN, 0),
        failed=settled.get(ItemState.FAILED, 0),
        grouped=int(grouped or 0),
        current=current,
        error=error,
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
    """Where locks, logs and dropped files of imports lie."""
    return catalog.photos_dir.parent / "imports"


@contextmanager
def at_work(
    catalog: Catalog, import_id: int, handle: int | None = None
) -> Iterator[None]:
    """Hold an import for this process; a kill lets go of it.

    Args:
        catalog: The catalog.
        import_id: The import.
        handle: The hold that the process which started this one has handed over.

    Raises:
        CatalogError: Another process is at work on it.
    """
    handle = acquire_lock(catalog, import_id) if handle is None else handle
    try:
        yield
    finally:
        os.close(handle)


def acquire_lock(catalog: Catalog, import_id: int) -> int:
    """A file handle that keeps others from an import until it is closed.

    Raises:
        CatalogError: Another process is at work on it.
    """
    handle = _open_lock(catalog, import_id)
    for _ in range(40):  # somebody may be looking at it, or about to stop
        if fcntl is None or _try_lock(handle, fcntl.LOCK_EX):
            return handle
        time.sleep(0.05)
    os.close(handle)
    raise CatalogError(
        f"Import {import_id} is running already. Wait for it, or stop it first."
    )


def is_at_work(catalog: Catalog, import_id: int) -> bool:
    """Whether a process is at work on an import."""
    if fcntl is None:
        return True
    if not (folder_of(catalog) / f"{import_id}.lock").exists():
        return False
    handle = _open_lock(catalog, import_id)
    try:
        return not _try_lock(handle, fcntl.LOCK_SH)
    finally:
        os.close(handle)


def _open_lock(catalog: Catalog, import_id: int) -> int:
    folder = folder_of(catalog)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / f"{import_id}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise CatalogError(
            f"{folder} cannot be written to ({error.strerror}). Check its rights and "
            "the room on its disk."
        ) from error


def _try_lock(handle: int, how: int) -> bool:
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
