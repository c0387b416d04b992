"""Open the database, run transactions, and translate database errors."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    NoSuchColumnError,
    NoSuchModuleError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from coin_core.access import Right, check
from coin_core.catalog import backups
from coin_core.catalog.file_store import Originals
from coin_core.catalog.schema import HEAD
from coin_core.errors import CatalogError, DamagedCatalogError
from coin_core.storage import data_dir, dump_json

WAIT_S = 15.0
"""How long a writer waits for other writers."""

_ADVISORY_LOCK = 0x436F696E  # "Coin": one migration at a time on PostgreSQL
_WRITING_LOCK = 0x57726974  # "Writ": one writer at a time there

# What SQLite says of a file that is damaged, or whose tables are not those expected.
_DAMAGE = (
    *("malformed", "not a database", "file is encrypted", "could not decode"),
    *("no such table", "no such column", "has no column", "duplicate column"),
    *("already exists", "unsupported file format"),
)

_log = logging.getLogger(__name__)
_TO_JSON = partial(dump_json, ensure_ascii=True)
_MIGRATING = threading.Lock()  # Alembic runs one migration per process


class Database:
    """Transactions on a database; connections open and close by themselves."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._backup_due = 0.0
        self._turns = threading.Lock()
        self._writer = engine.execution_options(coin_writes=True)
        # SQLite's readers always see one state.
        self._reader = engine
        if not self.is_sqlite:
            self._reader = engine.execution_options(isolation_level="REPEATABLE READ")

    @property
    def url(self) -> URL:
        """The address of the database, with its password."""
        return self._engine.url

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a file, not a server."""
        return self._engine.dialect.name == "sqlite"

    @property
    def where(self) -> str:
        """The database file, or the server's address without the password."""
        return _describe(self._engine.url)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the catalog from start to end.

        Raises:
            CatalogError: The database cannot be read.
        """
        with _translate_errors(self._engine.url), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, right: Right = Right.LABEL) -> Iterator[Connection]:
        """A transaction: everything in it is written, or nothing after an error.

        Writers queue, whatever they write: on PostgreSQL two of them could wait for
        each other's rows, and one would be refused.

        Args:
            right: What the person who acts must be allowed to do.

        Raises:
            NotAllowedError: The person is not.
            CatalogError: The database cannot be written, or other writers keep it busy.
        """
        check(right)
        self.back_up_daily()
        with _translate_errors(self._engine.url), self._writer.begin() as connection:
            if not self.is_sqlite:
                wait_ms = text(f"SET LOCAL lock_timeout = {WAIT_S * 1000:.0f}")
                connection.execute(wait_ms)
                query = text("SELECT pg_advisory_xact_lock(:key)")
                connection.execute(query, {"key": _WRITING_LOCK})
            yield connection

    @contextmanager
    def turn(self, key: int, *, wait: bool = True) -> Iterator[bool]:
        """One process of all that use a PostgreSQL server at a time.

        Args:
            key: Of what is locked.
            wait: Whether to wait for others; otherwise yields whether it is free. A
                killed process holds nothing.
        """
        mine = self._turns.acquire(blocking=wait)
        try:
            if not mine:
                yield False
                return
            how = "pg_advisory_lock" if wait else "pg_try_advisory_lock"
            alone = self._engine.execution_options(isolation_level="AUTOCOMMIT")
            with _translate_errors(self._engine.url):
                connection = alone.connect()
            with connection:
                with _translate_errors(self._engine.url):
                    query = text(f"SELECT {how}(:key)")
                    held = connection.execute(query, {"key": key}).scalar()
                try:
                    yield wait or bool(held)
                finally:
                    if wait or held:
                        # Not given back to the pool: its end frees the lock for sure.
                        connection.invalidate()
        finally:
            if mine:
                self._turns.release()

    def back_up_daily(self) -> None:
        """Copy a file of which there is no copy of the last 24 hours."""
        if self.is_sqlite and time.monotonic() > self._backup_due:
            self._backup_due = time.monotonic() + backups.DAY_S
            backups.back_up_daily(Path(self.where))

    def close(self) -> None:
        """Release all connections; the object can still be used."""
        self._engine.dispose()


def find_url(url: str | None) -> URL:
    """The database to open: `url`, COIN_DATABASE_URL, or a file in the data folder.

    Raises:
        CatalogError: The address is not one of a supported database.
    """
    given = url or os.environ.get("COIN_DATABASE_URL")
    if not given:
        path = data_dir().resolve() / "catalog.sqlite"
        return URL.create("sqlite+pysqlite", database=str(path))
    try:
        parsed = make_url(given)
    except (ArgumentError, ValueError) as error:
        raise CatalogError(
            "COIN_DATABASE_URL is no database address. Expected is something like "
            "postgresql://user:password@host/coins or sqlite:////folder/catalog.sqlite."
        ) from error
    kind = parsed.get_backend_name()
    if kind in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if kind == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return parsed.set(drivername="sqlite+pysqlite")
    raise CatalogError(
        f"The catalog is kept in a SQLite file or on PostgreSQL, not in "
        f"{_describe(parsed)}. Correct COIN_DATABASE_URL, or unset it to use a file in "
        "the data folder."
    )


def catalog_file() -> Path | None:
    """The file of the catalog; None if it is on PostgreSQL."""
    url = find_url(None)
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


def _describe(url: URL) -> str:
    """The database in a message: its path, or its address without the password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.render_as_string(hide_password=True)


def connect(url: URL) -> Engine:
    """Connect to a database and bring its tables up to date.

    Raises:
        CatalogError: The database cannot be opened.
    """
    if url.get_backend_name() == "sqlite":
        _make_folder(Path(str(url.database)).parent)
        engine = create_engine(
            url, connect_args={"timeout": WAIT_S}, json_serializer=_TO_JSON
        )
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        engine = create_engine(
            url,
            pool_pre_ping=True,
            connect_args={"connect_timeout": int(WAIT_S)},
            json_serializer=_TO_JSON,
        )
    with _translate_errors(url):
        if url.get_backend_name() == "sqlite":
            _use_write_ahead_log(str(url.database))
        migrate(engine)
    return engine


def migrate(engine: Engine) -> None:
    """Bring the tables up to date; two processes may call this at the same time.

    Before the tables of a file change, a copy of the file is kept beside it.

    Raises:
        CatalogError: A newer program has changed the tables, they are damaged, or
            there is no room for the copy.
    """
    with engine.connect() as connection:
        found = _revision(connection)
    if found == HEAD:
        return
    from alembic import command
    from alembic.config import Config

    writer = engine.execution_options(coin_writes=True)
    with _MIGRATING, writer.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        if is_sqlite:
            # Off while tables are made anew, which only works before the transaction;
            # no other use gets this connection.
            connection.detach()
            connection.connection.cursor().execute("PRAGMA foreign_keys = OFF")
        with connection.begin():
            if not is_sqlite:
                query = text("SELECT pg_advisory_xact_lock(:key)")
                connection.execute(query, {"key": _ADVISORY_LOCK})
            # Whoever waited here finds it done.
            found = _revision(connection)
            if found == HEAD:
                return
            if found is not None and is_sqlite:
                _keep_copy(Path(str(engine.url.database)), found)
            config = Config()
            scripts = Path(__file__).resolve().parent / "migrations"
            config.set_main_option("script_location", str(scripts).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _keep_copy(path: Path, revision: str) -> None:
    """Copy the file before its tables change."""
    try:
        copy = backups.back_up(path, f"before-{HEAD}")
    except (OSError, sqlite3.Error) as error:
        raise CatalogError(
            f"The tables of {path} need an update, but a copy of the file could not "
            f"be made first ({error}); nothing was changed. Make room in its folder "
            "and try again."
        ) from error
    _log.warning(
        "Updating the tables of %s from state %s to %s; a copy of the old file is %s",
        path,
        revision,
        HEAD,
        copy,
    )


def _revision(connection: Connection) -> str | None:
    """The last migration applied to the tables; None if there are no tables yet.

    Raises:
        CatalogError: It is not one migration of this program.
    """
    # Both tables are made in one step, which another process may take just now: the
    # one that is asked for first may be missing while the other is there.
    has_photos = connection.dialect.has_table(connection, "photos")
    if not connection.dialect.has_table(connection, "alembic_version"):
        found: list[object] = []
    else:
        query = text("SELECT version_num FROM alembic_version")
        found = list(connection.execute(query).scalars())
    if not found and not has_photos:
        return None
    states = ", ".join(map(str, found)) or "none"
    if len(found) == 1 and re.fullmatch(r"[0-9]{4}", states):
        if HEAD >= states > "0000":
            return states
        if states > HEAD:
            raise CatalogError(
                f"The catalog {_describe(connection.engine.url)} was changed by a "
                f"newer version of this program (state {states}, known here is "
                f"{HEAD}). Update the program."
            )
    raise _damaged(
        connection.engine.url, f"the state of its tables is {states[:60]!r}, not {HEAD}"
    )


def _damaged(url: URL, reason: str) -> DamagedCatalogError:
    """The error of a damaged catalog, with what to do about it."""
    where = _describe(url)
    if url.get_backend_name() != "sqlite":
        how = "Restore the database from a backup by PostgreSQL's own tools."
    else:
        how = backups.advice(Path(where))
    return DamagedCatalogError(
        f"The catalog {where} is damaged ({reason}). It is left as it is, and the "
        f"photos beside it are unharmed. {how}"
    )


def refuse_lost(url: URL, originals: Originals) -> None:
    """Refuse to make a new catalog beside the photos of one that was lost.

    Raises:
        CatalogError: The file is missing or has no tables of a catalog, but there are
            originals.
    """
    path = Path(str(url.database))
    if url.get_backend_name() != "sqlite":
        return
    state = "is missing"
    if path.is_file():
        with (
            _translate_errors(url),
            closing(sqlite3.connect(path, timeout=WAIT_S)) as raw,
        ):
            tables = {name for (name,) in raw.execute("SELECT name FROM sqlite_master")}
        if tables & {"alembic_version", "photos"}:
            return
        state = "is of another program" if tables else "is empty"
    if originals.is_empty():
        return
    raise DamagedCatalogError(
        f"The catalog {path} {state}, but there are photos of it in {originals.where}. "
        f"Nothing was changed. {backups.advice(path)}"
    )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CatalogError(
            f"The folder of the catalog, {folder}, cannot be made ({error.strerror}). "
            "Name another one in COIN_DATA_DIR."
        ) from error


def _set_up_sqlite(dbapi: sqlite3.Connection, _record: object) -> None:
    dbapi.isolation_level = None  # transactions begin explicitly
    dbapi.execute("PRAGMA foreign_keys = ON")
    # A committed transaction survives a power failure.
    dbapi.execute("PRAGMA synchronous = FULL")
    dbapi.create_function("casefold", 1, _casefold, deterministic=True)


def _casefold(value: str | bytes | float | None) -> str | bytes | float | None:
    """A text without differences of case; SQLite's own functions know ASCII alone."""
    return value.casefold() if isinstance(value, str) else value


def _begin_sqlite(connection: Connection) -> None:
    """Lock for writing at the start: a reader turning writer would fail, not wait."""
    writes = connection.get_execution_options().get("coin_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _use_write_ahead_log(path: str) -> None:
    """Let readers work while somebody writes; the file stores this mode."""
    give_up = time.monotonic() + WAIT_S
    with closing(sqlite3.connect(path, timeout=WAIT_S, isolation_level=None)) as raw:
        while True:
            try:
                mode = raw.execute("PRAGMA journal_mode = WAL").fetchone()
                break
            except sqlite3.OperationalError as error:
                # SQLite does not wait here when two processes create the file.
                if "locked" not in str(error) or time.monotonic() > give_up:
                    raise
                time.sleep(0.05)
    if mode is None or mode[0] != "wal":
        raise CatalogError(
            f"The catalog {path} cannot be shared between programs on this disk (no "
            "write-ahead log). Put the data folder on a local disk by COIN_DATA_DIR."
        )


@contextmanager
def _translate_errors(url: URL) -> Iterator[None]:
    """Turn errors of the database into a CatalogError that says what to do."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = getattr(error, "orig", None) or error
        raise _explained(cause, url) from error
    except PoolTimeoutError as error:
        raise CatalogError(
            "Too many programs use the catalog at the same time. Try again in a moment."
        ) from error
    except NoSuchModuleError as error:
        raise CatalogError(f"{_describe(url)} needs a missing driver.") from error
    except UnicodeEncodeError as error:
        raise CatalogError(
            f"{error.object[:60]!r} is no text that can be stored: it holds bytes of "
            "an unknown encoding. Rename the file, or type the text again."
        ) from error
    except (NoSuchColumnError, UnicodeDecodeError) as error:
        raise _damaged(url, str(error)) from error
    except SQLAlchemyError as error:
        raise CatalogError(f"{_describe(url)} cannot be used: {error}") from error


def _explained(error: BaseException, url: URL) -> CatalogError:
    """The error that says what a database refuses, with the next step."""
    message = " ".join(str(error).split())
    is_file = url.get_backend_name() == "sqlite"
    if is_file and any(sign in message.lower() for sign in _DAMAGE):
        return _damaged(url, message)
    return CatalogError(_explain(error, url))


def _explain(error: BaseException, url: URL) -> str:
    message = " ".join(str(error).split())
    lower = message.lower()
    where = _describe(url)
    is_busy = (
        f"The catalog {where} is being written by another program, which has not "
        f"finished within {WAIT_S:g} seconds; nothing was changed. Try again, or "
        "close the other program."
    )
    if url.get_backend_name() != "sqlite":
        if "lock timeout" in lower:
            return is_busy
        if isinstance(error, Exception) and "connect" in lower:
            return (
                f"The database server of {where} cannot be reached ({message}). Start "
                "it or correct COIN_DATABASE_URL; without it a file in the data "
                "folder is used."
            )
        if "no space" in lower or "disk full" in lower:
            return (
                f"The database server's disk is full; nothing was changed ({message})."
            )
        return f"The database {where} refused this, and nothing was changed: {message}"
    if "locked" in lower or "busy" in lower:
        return is_busy
    if "full" in lower or "no space" in lower:
        return (
            f"The disk of the catalog {where} is full; nothing was changed. Make room "
            "and do it again."
        )
    if "readonly" in lower or "read-only" in lower or "unable to open" in lower:
        return (
            f"The catalog {where} cannot be opened for writing ({message}). Check the "
            "rights of the file and of its folder, or name another folder in "
            "COIN_DATA_DIR."
        )
    if "disk i/o" in lower:
        return (
            f"The disk of the catalog {where} is full or fails ({message}); the last "
            "change was not made. Make room, or check the disk and its cable."
        )
    return f"The catalog {where} refused this, and nothing was changed: {message}"
