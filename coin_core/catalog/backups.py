"""Copies of the file of a catalog: one a day, and one before its tables change.

They are in `backups` beside the file. SQLite makes a copy while others write; it is
checked before it counts, so that a damaged catalog replaces no good copy. Against a
broken disk, `copy_folder` copies the catalog and the whole data folder to another one.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from filelock import Timeout

from coin_core.access import Right, check
from coin_core.catalog.schema import HEAD
from coin_core.errors import CatalogError, disk_errors
from coin_core.jobs import Job, JobKind, list_jobs
from coin_core.object_store import shared_store
from coin_core.storage import data_dir, open_lock, replacing

KEPT: Final = 7
"""Daily copies that are kept; those before a change of the tables all are."""

DAY_S: Final = 24 * 3600.0
WAIT_S: Final = 15.0
_TIME: Final = r"[0-9]{8}-[0-9]{6}-[0-9]{6}"  # in the name of a copy
_LOGS: Final = ("-wal", "-shm")  # what SQLite keeps beside a file
_MOST: Final = 2**31  # ids; a counter beyond is damaged
_COARSE_NS: Final = 10_000_000  # exFAT keeps hundredths of seconds

_log = logging.getLogger(__name__)


def list_backups(path: Path) -> list[Path]:
    """The copies of a catalog's file, the newest first."""
    name = re.compile(
        rf"{re.escape(path.stem)}\.[^.]+\.({_TIME}){re.escape(path.suffix)}"
    )
    found = [
        (match[1], copy)
        for copy in (path.parent / "backups").glob("*")
        if (match := name.fullmatch(copy.name))
    ]
    return [copy for _, copy in sorted(found, reverse=True)]


def back_up(path: Path, reason: str = "daily") -> Path:
    """Copy a catalog's file; returns the copy.

    Raises:
        OSError: The copy cannot be written.
        sqlite3.Error: The file is damaged.
    """
    now = datetime.now(UTC)
    name = f"{path.stem}.{reason}.{now:%Y%m%d-%H%M%S-%f}{path.suffix}"
    copy = path.parent / "backups" / name
    _copy_checked(path, copy)
    return copy


def _copy_checked(path: Path, copy: Path) -> None:
    with replacing(copy) as temporary:
        with (
            closing(_open(path, "rw")) as old,
            closing(sqlite3.connect(temporary)) as new,
        ):
            old.backup(new)
            # Then it can be read without writing beside it.
            new.execute("PRAGMA journal_mode = DELETE")
            _check_pages(new)
        _end_log(copy)


def _end_log(path: Path) -> None:
    """Remove the log of a file that is replaced: SQLite would apply it to the next.

    Raises:
        CatalogError: Another program has the file open.
    """
    if path.exists():
        try:
            with closing(_open(path, "rw")) as raw:
                raw.execute("PRAGMA journal_mode = DELETE")  # for its only user
        except sqlite3.Error as error:
            if "locked" in str(error):
                raise CatalogError(
                    f"{path} is open in another program; close that first."
                ) from error
    for end in _LOGS:
        path.with_name(path.name + end).unlink(missing_ok=True)


def copy_folder(path: Path, out: Path) -> tuple[int, int]:
    """Copy a catalog and what is new in the data folder, while others write there.

    What was deleted meanwhile stays in the copy. The cache is left out; links are
    followed. A catalog from elsewhere is `catalog.sqlite` in the copy, as it would be
    in a data folder.

    Args:
        path: The catalog's file, whose copy is checked.
        out: The folder of the copy, which may hold an older one.

    Returns:
        How many other files were copied, and how many photos are missing in the copy
        because the data folder lacks them.

    Raises:
        CatalogError: The catalog is damaged, `out` cannot be written or holds another
            dataset, or a photo was not copied.
    """
    data, copied = data_dir().resolve(), 0
    beside = path.parent.resolve()
    copy = out / (path.name if beside == data else "catalog.sqlite")
    own = {copy.name + end for end in ("", *_LOGS)}
    photos: set[str] = set()
    if data in out.parents or _holds(out, data) or _holds(out, beside):
        raise _not_apart(out)
    with (
        disk_errors(f"The copy in {out} could not be finished", kind=CatalogError),
        open_lock(out / ".lock", timeout_s=WAIT_S),
    ):
        # First, so that the photos of all its rows are there when they are copied.
        if path.exists():
            try:
                _refuse_other(path, copy)
                _copy_checked(path, copy)
                photos = _list_photos(copy)
            except sqlite3.Error as error:
                raise CatalogError(
                    f"{path} could not be copied ({error}); the older copy in {out} "
                    f"stays. {advice(path)}"
                ) from error
        for file in _files_within(data, out):
            name = file.relative_to(data)
            skipped = (
                name.parts[0] == "cache"
                or name.name.startswith(".")
                or str(name) in own
            )
            if not skipped and file.is_file():
                with suppress(FileNotFoundError):  # deleted meanwhile
                    copied += _copy_changed(file, out / name)
        if shared_store() is not None:
            return copied, 0
        missing = photos - _names_in(out / "photos")
        if left_out := sorted(missing & _names_in(data / "photos")):
            raise CatalogError(
                f"{len(left_out)} photos could not be copied to {out}, such as "
                f"{left_out[0]}. Look whether they can be read, and do it again."
            )
    return copied, len(missing)


def _holds(out: Path, folder: Path) -> bool:
    return out == folder or out in folder.parents


def _not_apart(out: Path) -> CatalogError:
    return CatalogError(
        f"{out} is in the data folder, or holds it. Name a folder on another disk."
    )


def _refuse_other(path: Path, copy: Path) -> None:
    """Refuse to replace a catalog that is not an older copy of this one.

    Photographs are never removed and keep their ids, so the first one tells.
    """
    if not copy.exists():
        return
    refusal = CatalogError(
        f"{copy} is the catalog of another dataset, or is damaged; nothing was "
        "changed. Name another folder, or move that file away."
    )
    try:
        with closing(_open(copy)) as raw:
            query = "SELECT id, sha256, added_at FROM photos WHERE NOT is_rendered"
            first = raw.execute(f"{query} ORDER BY id LIMIT 1").fetchone()
    except sqlite3.Error as error:
        raise refusal from error
    with closing(_open(path)) as raw:
        known = f"{query} AND (id, sha256, added_at) = (?, ?, ?)"
        if first is not None and raw.execute(known, first).fetchone() is None:
            raise refusal


def _list_photos(path: Path) -> set[str]:
    """The names of the original files of a catalog."""
    with closing(_open(path)) as raw:
        rows = raw.execute("SELECT sha256, extension FROM photos")
        return {f"{digest}.{extension}" for digest, extension in rows}


def _names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def _files_within(
    folder: Path, out: Path, above: tuple[Path, ...] = ()
) -> Iterator[Path]:
    """The files in a folder and its subfolders; some may be deleted meanwhile.

    Links are followed, but not to a folder that is on the way to them.

    Raises:
        CatalogError: `out` is one of the folders, or holds one.
    """
    real = folder.resolve()
    if real in above:
        return
    if _holds(out, real):
        raise _not_apart(out)
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False) or (
            entry.is_symlink() and path.is_dir()
        ):
            yield from _files_within(path, out, (*above, real))
        else:
            yield path


def _copy_changed(file: Path, copy: Path) -> bool:
    there, now = copy.stat() if copy.exists() else None, file.stat()
    if there and there.st_size == now.st_size and _is_same_time(there, now):
        return False
    copy.parent.mkdir(parents=True, exist_ok=True)
    part = copy.with_name(f".{copy.name}.part")
    shutil.copy2(file, part)
    # The time from before: what replaced the file since then is copied the next time.
    os.utime(part, ns=(now.st_atime_ns, now.st_mtime_ns))
    part.replace(copy)
    return True


def _is_same_time(there: os.stat_result, now: os.stat_result) -> bool:
    """Whether a copy has the time of its file, as far as its disk can keep that."""
    if there.st_mtime_ns % 10**9 == 0:  # whole seconds
        return int(there.st_mtime) == int(now.st_mtime)
    return abs(there.st_mtime_ns - now.st_mtime_ns) < _COARSE_NS


def back_up_daily(path: Path) -> None:
    """Copy a file with photos if the last copy is a day old; a failure is logged."""
    last = next(iter(list_backups(path)), None)
    try:
        if last is not None and time.time() - last.stat().st_mtime < DAY_S:
            return
        with closing(sqlite3.connect(path, timeout=WAIT_S)) as raw:
            if raw.execute("SELECT 1 FROM photos LIMIT 1").fetchone() is None:
                return
        with open_lock(path.parent / "backups" / ".lock", timeout_s=0):
            back_up(path)
            for old in [p for p in list_backups(path) if ".daily." in p.name][KEPT:]:
                old.unlink(missing_ok=True)
    except Timeout:  # another process makes it
        return
    except (OSError, sqlite3.Error) as error:
        _log.warning("%s could not be copied to its backups: %s", path, error)


def facts_of(copy: Path) -> tuple[datetime, int | None]:
    """When a copy was made, and how many photos it has; None if it is damaged."""
    made_at = datetime.fromtimestamp(copy.stat().st_mtime, UTC)
    try:
        with closing(_open(copy)) as raw:
            (photos,) = raw.execute("SELECT count(*) FROM photos").fetchone()
            return made_at, int(photos)
    except sqlite3.Error:
        return made_at, None


def advice(path: Path) -> str:
    """How to get a lost or damaged catalog back, in sentences."""
    again = (
        "To start again without it, move the file and the photos folder away, and "
        "import that folder."
    )
    copies = list_backups(path)
    if not copies:
        return (
            f"There is no backup in {path.parent / 'backups'}; put one of your own in "
            f"its place, or try `sqlite3 {path.name} .recover`. {again}"
        )
    made, _ = facts_of(copies[0])
    return (
        f"The newest backup is of {made:%d %B %Y, %H:%M} UTC. This puts it in place: "
        f"python -m coin_core dataset restore. {again}"
    )


def restore(path: Path, copy: Path | None = None) -> tuple[Path, Path | None]:
    """Put a copy in the place of a catalog's file, which is kept beside it.

    Ids that the file has given since are not given again, as far as it can be read.

    Returns:
        The copy, and where the replaced file is now, if there was one.

    Raises:
        CatalogError: There is no copy, it is damaged, a file cannot be moved, or a job
            writes to the catalog.
        NotAllowedError: The person who acts may not restore anything.
    """
    check(Right.DELETE)
    if (job := find_writer()) is not None:
        raise CatalogError(
            f"{job.title} is not done, and what it writes to the dataset would be "
            "lost. Stop it, or wait for its end, before a backup is restored."
        )
    copies = list_backups(path) if copy is None else [copy]
    if not copies:
        raise CatalogError(
            f"There is no backup of {path} in {path.parent / 'backups'}."
        )
    aside = path.with_name(f"{path.stem}.replaced.{time.time_ns()}{path.suffix}")
    try:
        with replacing(path) as temporary:
            with (
                closing(_open(copies[0])) as old,
                closing(sqlite3.connect(temporary)) as new,
            ):
                old.backup(new)
                new.execute("PRAGMA journal_mode = DELETE")
                _check_tables(new)
                _raise_counters(new, _read_counters(path))
            there = path.exists()
            if there:
                _fold_log(path)  # a kill between the files would part it from its log
            # The old log must not be applied to the copy.
            for end in ("", *_LOGS):
                with suppress(FileNotFoundError):
                    path.with_name(path.name + end).rename(f"{aside}{end}")
    except (OSError, sqlite3.Error, ValueError) as error:
        raise CatalogError(
            f"{copies[0]} could not be put in the place of {path} ({error}). Name "
            "another backup: python -m coin_core dataset restore FILE"
        ) from error
    return copies[0], aside if there else None


def _check_tables(raw: sqlite3.Connection) -> None:
    """Refuse what is not a whole catalog of this program or of an older one.

    Raises:
        sqlite3.Error: It is damaged, or of another program.
        ValueError: It is of a newer program, or of none.
    """
    raw.execute("SELECT count(*) FROM photos").fetchone()
    rows = raw.execute("SELECT version_num FROM alembic_version")
    state = ", ".join(str(version) for (version,) in rows)
    if not re.fullmatch("[0-9]{4}", state):
        raise ValueError("it is no catalog of this program")
    if state > HEAD:
        raise ValueError("it was written by a newer version of this program")
    _check_pages(raw)


def _check_pages(raw: sqlite3.Connection) -> None:
    (answer,) = raw.execute("PRAGMA quick_check(1)").fetchone()
    if answer != "ok":
        raise sqlite3.DatabaseError(f"database disk image is malformed: {answer}")


def find_writer() -> Job | None:
    """A job that runs or waits, and may write to the catalog; None if there is none."""
    writers = [kind for kind in JobKind if kind is not JobKind.EXPORT]
    return next((job for job in list_jobs(*writers) if job.is_open), None)


def _fold_log(path: Path) -> None:
    """Write into a file what is only in its log, as far as it can be read."""
    with suppress(sqlite3.Error), closing(_open(path, "rw")) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _open(path: Path, mode: str = "ro") -> sqlite3.Connection:
    """Open a file that is there, also where nothing can be written beside it."""
    address = f"{path.absolute().as_uri()}?mode={mode}"
    raw = sqlite3.connect(address, timeout=WAIT_S, uri=True)
    try:
        raw.execute("PRAGMA schema_version")
        return raw
    except sqlite3.Error as error:
        raw.close()
        log = path.resolve().with_name(f"{path.resolve().name}-wal")
        if "unable to open" not in str(error) or not path.is_file() or log.exists():
            raise
    return sqlite3.connect(f"{address}&immutable=1", uri=True)


def _read_counters(path: Path) -> dict[str, int]:
    """The highest id that each table has given; none if the file cannot be read."""
    try:
        with closing(_open(path)) as raw:
            rows = raw.execute("SELECT name, seq FROM sqlite_sequence").fetchall()
    except sqlite3.Error:
        return {}
    return {name: seq for name, seq in rows if type(seq) is int and 0 < seq < _MOST}


def _raise_counters(raw: sqlite3.Connection, counters: dict[str, int]) -> None:
    """Let tables give only higher ids; a table that keeps none will, once updated."""
    with raw:
        # This makes SQLite's own table of them where a file of older tables has none.
        raw.execute("CREATE TABLE counting (id INTEGER PRIMARY KEY AUTOINCREMENT)")
        raw.execute("DROP TABLE counting")
        tables = raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for name in counters.keys() & {name for (name,) in tables}:
            query = "SELECT max(seq) FROM sqlite_sequence WHERE name = ?"
            (known,) = raw.execute(query, (name,)).fetchone()
            raw.execute("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
            values = (name, max(known or 0, counters[name]))
            raw.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", values)
