"""Bringing photos in: files, folders, ZIP archives and tables, in one import.

An import is listed first, then every photo is read, its coins found and its row
written, one transaction each; what became of each photo is on record. A kill, a stop
or a full disk costs nothing: the import goes on where it was.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from coin_core.catalog import _import_jobs as jobs
from coin_core.catalog._catalog import Catalog
from coin_core.catalog._import_run import bring_in
from coin_core.catalog._import_sources import read_tables, text_of
from coin_core.catalog._import_values import (
    PROGRAMS,
    ImportItem,
    ImportProgress,
    ImportState,
    ItemState,
)
from coin_core.catalog._rows import checked_name
from coin_core.catalog._tabular import (
    FIELDS,
    TABLE_SUFFIXES,
    ColumnProposal,
    propose_columns,
)
from coin_core.errors import CatalogError, CoinError
from coin_core.imaging.file_types import show_name

__all__ = [
    "FIELDS",
    "ColumnProposal",
    "ImportItem",
    "ImportProgress",
    "ImportState",
    "ItemState",
    "discard_import",
    "import_items",
    "import_photos",
    "import_progress",
    "list_imports",
    "propose_columns",
    "resume_import",
    "stage_uploads",
    "start_again",
    "start_demo_process",
    "start_import_process",
    "stop_import",
]

Labels = Literal["folder", "none"]
Stop = Callable[[], bool]

import_items = jobs.read_items


def import_photos(
    catalog: Catalog,
    sources: Iterable[Path | str],
    *,
    who: str,
    mapping: Mapping[str, str] | None = None,
    labels: Labels = "folder",
    stop: Stop | None = None,
) -> Iterator[ImportProgress]:
    """Bring photos in, in this process; goes on with the same import if interrupted.

    Args:
        catalog: Where they go.
        sources: Photos, folders, ZIP archives; CSV or Excel tables that name photos
            beside them or in the other sources.
        who: Signs what is done.
        mapping: Field (see `FIELDS`) to column of the tables; by default what
            `propose_columns` says.
        labels: Whether the name of a photo's folder says whose coin it is.
        stop: Asked between photos; the import can go on later.

    Returns:
        How far it has come, after each photo and at the end.

    Raises:
        CatalogError: Nothing is given, a table cannot be read, the mapping does not
            fit, or another process is at work on the same import.
    """
    spec = _spec(sources, who, mapping, labels)
    import_id = jobs.find_unfinished(catalog, spec)
    if import_id is None:
        import_id = jobs.create(catalog, "photos", spec)
    return resume_import(catalog, import_id, stop=stop)


def resume_import(
    catalog: Catalog, import_id: int, *, stop: Stop | None = None
) -> Iterator[ImportProgress]:
    """Go on with an import in this process.

    Raises:
        CatalogError: There is none with that id, or another process is at work on it.
    """
    jobs.spec_of(catalog, import_id)
    return work_on(catalog, import_id, jobs.take_hold(catalog, import_id), stop=stop)


def work_on(
    catalog: Catalog, import_id: int, handle: int | None, *, stop: Stop | None = None
) -> Iterator[ImportProgress]:
    """The work on an import that is held; every way out leaves it in a true state.

    Args:
        catalog: Where the photos go.
        import_id: The import.
        handle: The hold on it; None takes it now.
        stop: Asked between photos.
    """
    with jobs.at_work(catalog, import_id, handle):
        spec = jobs.spec_of(catalog, import_id)
        kind = jobs.progress_of(catalog, import_id).kind
        jobs.set_state(catalog, import_id, ImportState.RUNNING)
        try:
            if kind == "demo":
                from coin_core.catalog.demo import strike_into

                finished = yield from strike_into(catalog, import_id, spec, stop)
            else:
                finished = yield from bring_in(catalog, import_id, spec, stop)
        except (GeneratorExit, KeyboardInterrupt):
            jobs.set_state(catalog, import_id, ImportState.STOPPED)
            raise
        except CoinError as error:
            # a full disk may refuse even this; the lock then tells that it stopped
            jobs.set_state(catalog, import_id, ImportState.STOPPED, str(error))
            raise
        except BaseException as error:  # told, then raised again
            said = f"The program failed ({type(error).__name__}: {error})."
            jobs.set_state(catalog, import_id, ImportState.STOPPED, said)
            raise
        state = ImportState.DONE if finished else ImportState.STOPPED
        jobs.set_state(catalog, import_id, state)
        if finished:
            drop_uploads(catalog, spec)
        last = jobs.progress_of(catalog, import_id)
    yield last


def _spec(
    sources: Iterable[Path | str],
    who: str,
    mapping: Mapping[str, str] | None,
    labels: Labels,
) -> dict[str, Any]:
    """What is asked for, checked, so that wrong use is told at once."""
    paths = [Path(source).absolute() for source in sources]
    if not paths:
        raise CatalogError("Nothing to bring in. Name photos, folders, ZIPs or tables.")
    if labels not in ("folder", "none"):
        raise CatalogError(f"Labels come from 'folder' or 'none', not {labels!r}.")
    for path in paths:
        if text_of(path) != str(path):
            raise CatalogError(
                f"{text_of(path)} has a name in an unknown encoding. Rename it, or "
                "bring in the folder it lies in."
            )
    read_tables(paths, mapping)
    return {
        "sources": [str(path) for path in paths],
        "who": checked_name(who),
        "mapping": None if mapping is None else dict(mapping),
        "labels": labels,
    }


def start_import_process(
    catalog: Catalog,
    sources: Iterable[Path | str],
    *,
    who: str,
    mapping: Mapping[str, str] | None = None,
    labels: Labels = "folder",
) -> int:
    """Bring photos in by a process of its own, which outlives the page.

    Returns:
        The id of the import, for `import_progress`, `import_items`, `stop_import` and
        `start_again`.

    Raises:
        CatalogError: As for `import_photos`, or no process can be started.
    """
    import_id = jobs.create(catalog, "photos", _spec(sources, who, mapping, labels))
    start_again(catalog, import_id)
    return import_id


def start_demo_process(
    catalog: Catalog, *, who: str = "demo", count: int = 300, seed: int | None = None
) -> int:
    """Strike the demo collection by a process of its own; returns the import's id.

    Args:
        catalog: Where it goes.
        who: Signs it.
        count: How many photos, 1 to 10,000.
        seed: The same seed gives the same collection; by default `DEMO_SEED`.

    Raises:
        CatalogError: So many photos are not made, or no process can be started.
    """
    from coin_core.catalog.demo import DEMO_SEED, demo_spec

    spec = demo_spec(who, count, DEMO_SEED if seed is None else seed)
    import_id = jobs.find_unfinished(catalog, spec)
    if import_id is None:
        import_id = jobs.create(catalog, "demo", spec)
    start_again(catalog, import_id)
    return import_id


def start_again(catalog: Catalog, import_id: int) -> None:
    """Go on with an interrupted import in a process of its own.

    Raises:
        CatalogError: There is none, it is at work, or no process can be started.
    """
    kind = jobs.progress_of(catalog, import_id).kind
    handle = jobs.take_hold(catalog, import_id)
    try:
        jobs.set_state(catalog, import_id, ImportState.RUNNING)
        _spawn(catalog, kind, import_id, handle)
    except OSError as error:
        jobs.set_state(catalog, import_id, ImportState.STOPPED, str(error))
        raise CatalogError(
            f"The import could not be started ({error.strerror or error}). Free some "
            "memory and go on with it."
        ) from error
    finally:
        os.close(handle)


def _spawn(catalog: Catalog, kind: str, import_id: int, handle: int) -> None:
    """Start the process; it keeps the hold on the import that it inherits."""
    root = Path(__file__).resolve().parents[2]
    url = catalog._engine.url.render_as_string(hide_password=False)
    environment = {
        **os.environ,
        "COIN_DATABASE_URL": url,
        "PYTHONPATH": os.pathsep.join(
            [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
        ),
        "OMP_NUM_THREADS": "1",
        "PYTHONUTF8": "1",
    }
    program = PROGRAMS.get(kind, "coin_core.catalog._import_process")
    command = [sys.executable, "-m", program]
    command += [str(import_id), str(catalog.photos_dir.absolute())]
    keep: tuple[int, ...] = ()
    if os.name == "posix":
        keep = (handle,)
        command.append(str(handle))
    with (jobs.folder_of(catalog) / f"{import_id}.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=keep,
        )
    _children.append(process)


# Kept so that finished ones are collected; nothing waits for them.
_children: list[subprocess.Popen[bytes]] = []


def _collect() -> None:
    _children[:] = [child for child in _children if child.poll() is None]


def stop_import(catalog: Catalog, import_id: int) -> None:
    """Ask an import to stop after the photo it is at; it can go on later.

    Raises:
        CatalogError: There is no such import.
    """
    if import_progress(catalog, import_id).state is ImportState.RUNNING:
        jobs.set_state(catalog, import_id, ImportState.STOPPED)


def import_progress(catalog: Catalog, import_id: int) -> ImportProgress:
    """How far an import has come, whichever process is at work on it.

    Raises:
        CatalogError: There is no such import.
    """
    _collect()
    return jobs.progress_of(catalog, import_id)


def list_imports(catalog: Catalog, *, limit: int = 20) -> tuple[ImportProgress, ...]:
    """The newest imports first."""
    _collect()
    return tuple(
        jobs.progress_of(catalog, import_id)
        for import_id in jobs.list_ids(catalog, limit)
    )


def discard_import(catalog: Catalog, import_id: int) -> None:
    """Give up on what is left of an import; what was brought in stays.

    Raises:
        CatalogError: There is no such import, or it is at work: stop it first.
    """
    spec = jobs.spec_of(catalog, import_id)
    with jobs.at_work(catalog, import_id):
        said = "It was given up; the photos brought in before stay."
        jobs.set_state(catalog, import_id, ImportState.FAILED, said)
        drop_uploads(catalog, spec)


def stage_uploads(
    catalog: Catalog, files: Iterable[tuple[str, bytes]]
) -> tuple[Path, ...]:
    """Keep files that were dropped in a browser until they are brought in.

    Args:
        catalog: Beside whose photos they are kept.
        files: Names, with folders where a whole folder was dropped, and bytes.

    Returns:
        What `start_import_process` takes as sources: the folder of what was dropped,
        then the tables in it. They are deleted when the import is done.

    Raises:
        CatalogError: They cannot be written.
    """
    folder = _uploads(catalog) / uuid4().hex / "dropped"
    tables: list[Path] = []
    try:
        folder.mkdir(parents=True)
        for name, data in files:
            path = _free_place(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            if path.suffix.lower() in TABLE_SUFFIXES:
                tables.append(path)
    except OSError as error:
        shutil.rmtree(folder.parent, ignore_errors=True)
        raise CatalogError(
            f"The dropped files could not be kept in {folder.parent} "
            f"({error.strerror or error}). Make room, or bring them in by: "
            "python -m coin_core import PATH..."
        ) from error
    return (folder, *tables)


def _free_place(folder: Path, name: str) -> Path:
    """Where a dropped file goes; its name cannot lead out of the folder."""
    parts = [show_name(part) for part in name.replace("\\", "/").split("/")]
    parts = [part.lstrip(".") or "photo" for part in parts if part not in ("", "..")]
    path = folder.joinpath(*(parts or ["photo"]))
    number = 1
    while path.exists():
        number += 1
        path = path.with_name(f"{Path(parts[-1]).stem} ({number}){path.suffix}")
    return path


def _uploads(catalog: Catalog) -> Path:
    return jobs.folder_of(catalog) / "uploads"


def drop_uploads(catalog: Catalog, spec: Mapping[str, Any]) -> None:
    """Delete the dropped files of an import that needs them no longer."""
    uploads = _uploads(catalog).absolute()
    for source in spec.get("sources") or [spec.get("query", "")]:
        path = Path(source)
        if path.is_relative_to(uploads) and path != uploads:
            shutil.rmtree(uploads / path.relative_to(uploads).parts[0], True)
