"""Import photos: files, folders, ZIP archives, tables and the rendered demo.

An import lists its items first. Then each photo is read, its coins are detected and its
row is written, in one transaction each, with the result on record. A kill, a stop or a
full disk loses nothing: the import resumes where it stopped.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import astuple, dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, select

from coin_core import jobs
from coin_core.access import Right, check
from coin_core.catalog.audit_log import Action
from coin_core.catalog.import_records import (
    GROUPED,
    ImportItem,
    ImportProgress,
    ImportState,
    ItemState,
    in_words,
    say_filled,
)
from coin_core.catalog.importing import ledger
from coin_core.catalog.importing.demo import (
    DEMO_COUNT,
    DEMO_SEED,
    demo_items,
    demo_spec,
)
from coin_core.catalog.importing.metadata import (
    ExportedFacts,
    Facts,
    differing,
    facts_of,
)
from coin_core.catalog.importing.sources import (
    Item,
    Mappings,
    list_items,
    read_tables,
    text_of,
)
from coin_core.catalog.importing.tables import TABLE_SUFFIXES
from coin_core.catalog.mappers import checked_name, face_to_json, read_photos
from coin_core.catalog.records import (
    CatalogFace,
    CatalogPhoto,
    CoinFacts,
    PhotoRecord,
    PhotoStatus,
)
from coin_core.catalog.removed import discard_photos
from coin_core.catalog.repository import Catalog
from coin_core.catalog.schema import ImportRow, PhotoRow
from coin_core.catalog.similarity import (
    Match,
    Matcher,
    estimate_quality,
    hash_photo,
    main_face,
    make_thumbnail,
)
from coin_core.errors import (
    KNOWN_ERRORS,
    CatalogError,
    CoinError,
    CropOutOfBoundsError,
    UnreadablePhotoError,
)
from coin_core.imaging import photo_io
from coin_core.imaging.decoder import MAX_SIDE_PX, show_name, sniff
from coin_core.results import class_title

Labels = Literal["folder", "none"]
Stop = Callable[[], bool]

_log = logging.getLogger(__name__)
_RECORD_EVERY_S = 0.5
_MAX_UNRECORDED = 32
_MOST_FAILED = 20  # photos in a row on which the program fails
_WORKERS = max(1, min(8, os.cpu_count() or 1))
_AHEAD = 4 * _WORKERS  # photos being prepared or waiting to be written
# Files of prepared photos that wait behind one that takes long; of the pixels nothing
# but a thumbnail is kept, and `photo_io` bounds those that are being prepared.
_AHEAD_BYTES = 128 << 20
_DEMO_STOPS_IN_S = 30.0
_DEMO_WHO = "demo"
_EXTENSIONS = {
    "JPEG": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "TIFF": "tif",
    "BMP": "bmp",
    "HEIF": "heic",
    "AVIF": "avif",
    "GIF": "gif",
}


def import_photos(
    catalog: Catalog,
    sources: Iterable[Path | str],
    *,
    who: str,
    mapping: Mappings | None = None,
    labels: Labels = "folder",
    stop: Stop | None = None,
) -> Iterator[ImportProgress]:
    """Import photos in this process, or resume the same import.

    Args:
        catalog: The catalog to add them to.
        sources: Photos, folders, ZIP archives; CSV or Excel tables that name photos
            beside them or in the other sources.
        who: The user.
        mapping: Field (see `FIELDS`) to column of the tables, one for all or one for
            each in turn; by default what `propose_columns` proposes.
        labels: Whether the name of a photo's folder gives its ruler.
        stop: Called between photos; the import stops if it returns True, and can be
            resumed later.

    Returns:
        The progress after each photo and at the end.

    Raises:
        CatalogError: Nothing is given, a table cannot be read, the mapping does not
            fit, or another process works on the same import.
    """
    spec = _spec(sources, who, mapping, labels)
    import_id = ledger.find_unfinished(catalog, spec)
    if import_id is None:
        import_id = ledger.create(catalog, "photos", spec)
    return resume_import(catalog, import_id, stop=stop)


def make_demo(
    catalog: Catalog,
    count: int = DEMO_COUNT,
    *,
    seed: int = DEMO_SEED,
    stop: Stop | None = None,
) -> Iterator[ImportProgress]:
    """Render up to 10,000 demo coins in this process and import them, or resume that.

    Returns:
        The progress after each photo and at the end.

    Raises:
        CatalogError: The count is out of range, the catalog cannot be written, or
            another process works on the same import.
    """
    import_id = _find_or_create_demo(catalog, demo_spec(_DEMO_WHO, count, seed))
    return resume_import(catalog, import_id, stop=stop)


def _find_or_create_demo(catalog: Catalog, spec: Mapping[str, Any]) -> int:
    import_id = ledger.find_unfinished(catalog, spec)
    return ledger.create(catalog, "demo", spec) if import_id is None else import_id


def remove_demo(
    catalog: Catalog,
    *,
    progress: jobs.ProgressCallback = lambda done, total: None,
) -> int:
    """Stop the generation of demo coins and move all rendered photos to the bin.

    Nothing is removed if `progress`, called with photos done and in all, raises.

    Returns:
        How many photos were removed.

    Raises:
        CatalogError: The rendering does not stop.
    """
    check(Right.DELETE)
    with catalog.database.reading() as connection:
        running = connection.scalars(
            select(ImportRow.id).where(
                ImportRow.kind == "demo", ImportRow.state == ImportState.RUNNING
            )
        ).all()
    for import_id in running:
        stop_import(catalog, import_id)
        deadline = time.monotonic() + _DEMO_STOPS_IN_S
        while ledger.is_running(import_id):
            if time.monotonic() > deadline:
                raise CatalogError(
                    "The demo coins are still being generated. Wait until that has "
                    "stopped, and remove them then."
                )
            time.sleep(0.1)
    rendered = select(PhotoRow.id).where(PhotoRow.is_rendered.is_(True))
    with catalog.database.reading() as connection:
        photo_ids = connection.scalars(rendered.order_by(PhotoRow.id)).all()
    removed = 0
    if photo_ids:
        removed = discard_photos(catalog, photo_ids, who=_DEMO_WHO, progress=progress)
    with catalog.database.writing(Right.DELETE) as connection:
        connection.execute(delete(ImportRow).where(ImportRow.kind == "demo"))
    return removed


def resume_import(
    catalog: Catalog, import_id: int, *, stop: Stop | None = None
) -> Iterator[ImportProgress]:
    """Resume an import in this process.

    Raises:
        CatalogError: There is no such import, or another process works on it.
    """
    ledger.spec_of(catalog, import_id)
    return _work_on(catalog, import_id, ledger.hold(catalog, import_id), stop)


def _work_on(
    catalog: Catalog, import_id: int, hold: jobs.JobHold, stop: Stop | None
) -> Iterator[ImportProgress]:
    """Work on an import; however that ends, its state is recorded."""
    with hold:
        spec = ledger.spec_of(catalog, import_id)
        kind = ledger.progress_of(catalog, import_id).kind
        ledger.set_state(catalog, import_id, ImportState.RUNNING)
        try:
            with ExitStack() as open_archives:
                if kind == "demo":
                    items = demo_items(spec)
                else:
                    sources = [Path(source) for source in spec["sources"]]
                    items = list_items(sources, spec.get("mapping"), open_archives)
                finished = yield from _run(catalog, import_id, spec, items, stop)
        except (GeneratorExit, KeyboardInterrupt):
            ledger.set_state(catalog, import_id, ImportState.STOPPED)
            raise
        except CoinError as error:
            # A full disk may refuse even this; the free lock then shows the stop.
            ledger.set_state(catalog, import_id, ImportState.STOPPED, str(error))
            raise
        except BaseException as error:
            message = f"The program failed ({type(error).__name__}: {error})."
            ledger.set_state(catalog, import_id, ImportState.STOPPED, message)
            raise
        state = ImportState.DONE if finished else ImportState.STOPPED
        ledger.set_state(catalog, import_id, state)
        if finished:
            drop_uploads(catalog, spec)
        last = ledger.progress_of(catalog, import_id)
    yield last


def _spec(
    sources: Iterable[Path | str],
    who: str,
    mapping: Mappings | None,
    labels: Labels,
) -> dict[str, Any]:
    """What to import, checked, so that wrong use is reported at once."""
    paths = [Path(source).absolute() for source in sources]
    if not paths:
        raise CatalogError("Nothing to import. Name photos, folders, ZIPs or tables.")
    if labels not in ("folder", "none"):
        raise CatalogError(f"Labels come from 'folder' or 'none', not {labels!r}.")
    for path in paths:
        if text_of(path) != str(path):
            raise CatalogError(
                f"{text_of(path)} has a name in an unknown encoding. Rename it, or "
                "import its folder."
            )
    read_tables(paths, mapping)
    if isinstance(mapping, Sequence):
        mapping = [dict(one) for one in mapping]
    elif mapping is not None:
        mapping = dict(mapping)
    return {
        "sources": [str(path) for path in paths],
        "who": checked_name(who),
        "mapping": mapping,
        "labels": labels,
    }


def start_import_process(
    catalog: Catalog,
    sources: Iterable[Path | str],
    *,
    who: str,
    mapping: Mappings | None = None,
    labels: Labels = "folder",
) -> int:
    """Import photos in a process of its own, which outlives the page.

    Returns:
        The id of the import, for `stop_import`, `start_again` and the functions of
        `ledger`.

    Raises:
        CatalogError: As for `import_photos`, or no process can be started.
    """
    import_id = ledger.create(catalog, "photos", _spec(sources, who, mapping, labels))
    start_again(catalog, import_id)
    return import_id


def start_demo_process(catalog: Catalog, *, count: int = DEMO_COUNT) -> int:
    """Like `make_demo`, in a process of its own; returns the import's id.

    Raises:
        CatalogError: The count is out of range, or no process can be started.
    """
    import_id = _find_or_create_demo(catalog, demo_spec(_DEMO_WHO, count, DEMO_SEED))
    start_again(catalog, import_id)
    return import_id


def start_again(catalog: Catalog, import_id: int, title: str = "") -> None:
    """Resume an import in a process of its own; a scrape's job is called `title`.

    Raises:
        CatalogError: There is no such import.
        CoinError: It is running already, or no process can be started.
    """
    job = ledger.make_job(catalog, import_id, title)
    jobs.check_job(jobs.find_job(job.job_id) or job)
    if not ledger.is_running(import_id):
        ledger.set_state(catalog, import_id, ImportState.RUNNING)
    jobs.start_job(job)


def stop_import(catalog: Catalog, import_id: int) -> None:
    """Ask an import to stop after the current photo; it can be resumed later.

    Raises:
        CatalogError: There is no such import.
    """
    if ledger.progress_of(catalog, import_id).state is ImportState.RUNNING:
        with suppress(CoinError):  # it ended at this moment
            jobs.stop_job(ledger.job_id(import_id))


def list_imports(catalog: Catalog, *, limit: int = 20) -> tuple[ImportProgress, ...]:
    """The newest imports first."""
    return tuple(
        ledger.progress_of(catalog, import_id)
        for import_id in ledger.list_ids(catalog, limit)
    )


def discard_import(catalog: Catalog, import_id: int) -> None:
    """Cancel the rest of an import; photos imported before stay.

    Raises:
        CatalogError: There is no such import, or it is running: stop it first.
    """
    spec = ledger.spec_of(catalog, import_id)
    job = ledger.make_job(catalog, import_id)
    jobs.check_job(jobs.find_job(job.job_id) or job)
    with ledger.hold(catalog, import_id):
        message = "It was given up; the photos imported before stay."
        ledger.set_state(catalog, import_id, ImportState.FAILED, message)
        drop_uploads(catalog, spec)


def waiting_files(catalog: Catalog, import_id: int, *, limit: int) -> list[str]:
    """Names of the first files of an import that has not listed its items yet."""
    paths = map(Path, ledger.spec_of(catalog, import_id).get("sources", ()))
    files = (
        path
        for source in paths
        for path in ([source] if source.is_file() else sorted(source.rglob("*")))
        if path.is_file()
    )
    return list(dict.fromkeys(path.name for path in islice(files, limit)))


def stage_uploads(
    catalog: Catalog, files: Iterable[tuple[str, bytes]]
) -> tuple[Path, ...]:
    """Keep files that were dropped in a browser until they are imported.

    Args:
        catalog: The catalog to import them to.
        files: Names, with folders if a folder was dropped, and bytes.

    Returns:
        The sources for `start_import_process`: the folder of the files, then the
        tables in it. They are deleted when the import is done.

    Raises:
        CatalogError: They cannot be written.
    """
    check(Right.IMPORT)
    folder = ledger.uploads_of(catalog) / uuid4().hex / "dropped"
    tables: list[Path] = []
    try:
        folder.mkdir(parents=True)
        for name, data in files:
            path = _free_path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            if path.suffix.lower() in TABLE_SUFFIXES:
                tables.append(path)
    except OSError as error:
        shutil.rmtree(folder.parent, ignore_errors=True)
        raise CatalogError(
            f"The dropped files could not be kept in {folder.parent} "
            f"({error.strerror or error}). Make room, or import them by: "
            "python -m coin_core import PATH..."
        ) from error
    return (folder, *tables)


@contextmanager
def staged(
    catalog: Catalog, files: Iterable[tuple[str, bytes]]
) -> Iterator[tuple[Path, ...]]:
    """What `stage_uploads` gives; deleted if the block fails before it has an import.

    Raises:
        CatalogError: They cannot be written.
    """
    newest = ledger.list_ids(catalog, 1)
    sources = stage_uploads(catalog, files)
    try:
        yield sources
    except BaseException:
        if ledger.list_ids(catalog, 1) == newest:
            drop_uploads(catalog, {"sources": [path.absolute() for path in sources]})
        raise


def _free_path(folder: Path, name: str) -> Path:
    """The path of a dropped file; its name cannot lead out of the folder."""
    parts = [show_name(part) for part in name.replace("\\", "/").split("/")]
    parts = [part.lstrip(".") or "photo" for part in parts if part not in ("", "..")]
    path = folder.joinpath(*(parts or ["photo"]))
    number = 1
    while path.exists():
        number += 1
        path = path.with_name(f"{Path(parts[-1]).stem} ({number}){path.suffix}")
    return path


def drop_uploads(catalog: Catalog, spec: Mapping[str, Any]) -> None:
    """Delete the dropped files of an import."""
    uploads = ledger.uploads_of(catalog).absolute()
    for source in spec.get("sources") or [spec.get("query", "")]:
        path = Path(source)
        if path.is_relative_to(uploads) and path != uploads:
            shutil.rmtree(uploads / path.relative_to(uploads).parts[0], True)


def _run(
    catalog: Catalog,
    import_id: int,
    spec: Mapping[str, Any],
    items: Sequence[Item],
    stop: Stop | None,
) -> Generator[ImportProgress, None, bool]:
    """Import the items that have no result yet; returns whether all have one now.

    Raises:
        CatalogError: The catalog cannot be written.
        WeightsMissingError: The weights of the coin detector are missing.
    """
    states = ledger.enter_items(
        catalog, import_id, ((item.key, item.problem) for item in items)
    )
    listed = {item.key for item in items}
    lost = [
        ImportItem(
            key=key,
            state=ItemState.FAILED,
            photo_id=None,
            message="It was there when the import began, and is no longer.",
        )
        for key, state in states.items()
        if state is ItemState.WAITING and key not in listed
    ]
    if lost:
        ledger.record_results(catalog, import_id, lost)
    waiting = [item for item in items if states[item.key] is ItemState.WAITING]
    writer = _Writer(catalog, import_id, spec, items)
    yield writer.progress
    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        for item, loading in _load_ahead(pool, writer.load, waiting):
            writer.write(item, loading)
            writer.record(only_if_due=True)
            yield writer.progress
            if (stop is not None and stop()) or jobs.stop_requested():
                writer.record()
                return False
        writer.record()
    return True


def _keep_to_one_core() -> None:
    """Photos are prepared in parallel, so each uses one core."""
    import cv2
    import torch

    cv2.setNumThreads(1)
    if torch.get_num_threads() > 1:
        torch.set_num_threads(1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """A decoded photo with everything that the catalog stores about it.

    Attributes:
        thumbnail: From `make_thumbnail`.
        extension: Of the file, without the dot.
        size_px: Width and height of the file, as EXIF turns it.
        phash: Perceptual hash.
        quality: 0 to 1; None if no coin was detected.
        faces: The coins detected, with their sides.
        remark: What is damaged beside the pixels; "" if nothing is.
    """

    thumbnail: NDArray[np.uint8]
    extension: str
    size_px: tuple[int, int]
    phash: str
    quality: float | None
    faces: tuple[CatalogFace, ...]
    remark: str = ""

    def record(self, **facts: Any) -> PhotoRecord:
        """The record to add; `facts` are the other fields of `PhotoRecord`."""
        return PhotoRecord(
            extension=self.extension,
            width_px=self.size_px[0],
            height_px=self.size_px[1],
            phash=self.phash,
            quality=self.quality,
            **facts,
        )


def prepare(data: bytes, name: str) -> Prepared:
    """Decode a photo, detect its coins and classify their sides.

    Raises:
        UnreadablePhotoError: The file is not an accepted photo.
        WeightsMissingError: The weights of the coin detector are missing.
    """
    from coin_core.detection import classify_sides, detect_coins

    pixels, stored = photo_io.decode_with_facts(data, name=name)
    _, kind = sniff(data)
    boxes = detect_coins(pixels)
    detected = classify_sides(pixels, boxes)
    height, width = pixels.shape[:2]
    return Prepared(
        thumbnail=make_thumbnail(pixels, main_face(boxes, width, height)),
        extension=_EXTENSIONS[str(kind)],
        size_px=_file_size_px(stored, width, height),
        phash=hash_photo(pixels, boxes),
        quality=estimate_quality(pixels, boxes) if boxes else None,
        faces=tuple(CatalogFace(box=face.box, side=face.side) for face in detected),
        remark=stored.fault,
    )


def _file_size_px(
    stored: photo_io.PhotoFacts, width: int, height: int
) -> tuple[int, int]:
    """Width and height of the file; decoding scales large photos down."""
    if max(height, width) < MAX_SIDE_PX:
        return width, height
    short_px, long_px = sorted((stored.width_px, stored.height_px))
    return (long_px, short_px) if width >= height else (short_px, long_px)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Loaded:
    """An item's file: known to the catalog, prepared, or unreadable."""

    data: bytes = b""
    known_id: int | None = None
    prepared: Prepared | None = None
    problem: str | None = None


def _load_ahead(
    pool: ThreadPoolExecutor,
    load: Callable[[Item], _Loaded],
    items: Sequence[Item],
) -> Iterator[tuple[Item, Future[_Loaded]]]:
    """Load items in parallel; yields them in their order, as each is done."""
    pending: deque[tuple[Item, Future[_Loaded]]] = deque()
    remaining = iter(items)
    try:
        while True:
            loading = [future for _, future in pending if not future.done()]
            done = [future for _, future in pending if future.done()]
            kept_bytes = sum(len(f.result().data) for f in done if not f.exception())
            while (
                len(loading) <= _WORKERS  # one waits until another is done
                and len(pending) < _AHEAD
                and kept_bytes < _AHEAD_BYTES
                and (item := next(remaining, None)) is not None
            ):
                loading.append(pool.submit(load, item))
                pending.append((item, loading[-1]))
            if not pending:
                return
            if not pending[0][1].done():
                wait(loading, return_when=FIRST_COMPLETED)
                continue
            yield pending.popleft()
    finally:
        for _, future in pending:
            future.cancel()


class _Writer:
    """Writes the photos of one import and records the result of each."""

    def __init__(
        self,
        catalog: Catalog,
        import_id: int,
        spec: Mapping[str, Any],
        items: Sequence[Item],
    ) -> None:
        self._catalog = catalog
        self._id = import_id
        self._who = str(spec["who"])
        self._folder_labels = spec.get("labels") == "folder"
        self._matcher = Matcher(catalog.photos)
        self._unrecorded: list[ImportItem] = []
        self._recorded_at = time.monotonic()
        self._failed_in_a_row = 0
        # Coins of the photos that were imported before an interruption.
        keys = {item.key: item.coin_key for item in items if item.coin_key}
        done = ledger.coins_of(catalog, import_id) if keys else {}
        self._coins = {keys[key]: done[key] for key in keys if key in done}
        self.progress = ledger.progress_of(catalog, import_id)

    def load(self, item: Item) -> _Loaded:
        """Read and prepare a photo; runs in several threads."""
        try:
            data = item.read()
            digest = hashlib.sha256(data).hexdigest()
            known_id = ledger.find_digest(self._catalog, digest)
            if known_id is not None:
                return _Loaded(data=data, known_id=known_id)
            _keep_to_one_core()
            return _Loaded(data=data, prepared=prepare(data, item.name))
        except (UnreadablePhotoError, CropOutOfBoundsError) as error:
            return _Loaded(problem=str(error))

    def record(self, *, only_if_due: bool = False) -> None:
        """Record the results of the last photos in the ledger."""
        late = time.monotonic() - self._recorded_at > _RECORD_EVERY_S
        if only_if_due and not late and len(self._unrecorded) < _MAX_UNRECORDED:
            return
        if self._unrecorded:
            ledger.record_results(self._catalog, self._id, self._unrecorded)
            self._unrecorded = []
        self._recorded_at = time.monotonic()

    def write(self, item: Item, loading: Future[_Loaded]) -> None:
        """Write one photo and note its result.

        Raises:
            CoinError: The catalog or a model cannot be used.
            OSError: A disk cannot be used.
            Exception: The program has failed on many photos in a row.
        """
        try:
            self._write(item, loading.result())
            self._failed_in_a_row = 0
        except KNOWN_ERRORS:
            raise
        except Exception as error:
            self._failed_in_a_row += 1
            if self._failed_in_a_row == _MOST_FAILED:
                raise  # it is not the photos
            _log.exception("the import of %s failed", item.name)
            message = f"The program failed on it ({type(error).__name__}: {error})."
            self._note(item, ItemState.FAILED, None, message)

    def _write(self, item: Item, loaded: _Loaded) -> None:
        if item.deferred_row is not None and loaded.problem is None:
            item = replace(item, row=item.deferred_row())
        facts = facts_of(item, folder_labels=self._folder_labels)
        if loaded.problem is not None:
            self._note(item, ItemState.FAILED, None, loaded.problem)
        elif loaded.prepared is not None:
            self._add(item, loaded.data, loaded.prepared, facts)
        elif loaded.known_id is not None:
            photo = self._catalog.photos.get(loaded.known_id)
            self._restore_file(photo, loaded.data)
            self._update_known(item, photo, facts)

    def _add(self, item: Item, data: bytes, prepared: Prepared, facts: Facts) -> None:
        coin_id, remark = self._coins.get(item.coin_key or ""), ""
        match = self._matcher.find(
            prepared.thumbnail,
            prepared.phash,
            is_rendered=bool(facts.photo["is_rendered"]),
        )
        if match is not None and coin_id is None:
            coin_id, remark = _coin_of_match(match, facts)
        exported = facts.exported
        if exported is not None and exported.size_px != prepared.size_px:
            exported = None  # another picture than the row describes
        added = self._catalog.photos.add(
            data,
            prepared.record(
                file_name=exported.name if exported else item.name,
                coin=facts.coin,
                **facts.photo,
            ),
            prepared.faces,
            coin_id=coin_id,
            who=self._who,
            complete=partial(self._complete, facts, prepared.faces, exported),
        )
        if added.known:
            photo = self._catalog.photos.get(added.photo_id)
            self._update_known(item, photo, facts)
            return
        self._matcher.add(added.photo_id, prepared.thumbnail)
        kept = ""
        if coin_id is not None and item.row:
            filled, kept = self._fill_coin(coin_id, item, facts.coin)
            if filled and remark:  # by its look
                remark += f" {say_filled(filled)}"
        if item.coin_key:
            self._coins.setdefault(item.coin_key, added.coin_id)
        no_coin = "" if prepared.faces else "No coin was found on it."
        remarks = (remark, kept, no_coin, prepared.remark, *facts.remarks)
        message = " ".join(filter(None, remarks))
        self._note(item, ItemState.DONE, added.photo_id, message or None)

    def _complete(
        self,
        facts: Facts,
        detected: tuple[CatalogFace, ...],
        exported: ExportedFacts | None,
        connection: Connection,
        photo_id: int,
    ) -> None:
        """Write label and drawn faces with a new photo, as edits that can be undone."""
        (photo,) = read_photos(connection, [photo_id])
        if (ruler := _missing_label(photo, facts)) is not None:
            label = {"ruler_attributed": ruler}
            Action(connection, self._who).change("coin", {photo.coin_id: label})
        if exported is not None and not _are_alike(exported.faces, detected):
            faces = [face_to_json(face) for face in exported.faces]
            Action(connection, self._who).change("faces", {photo_id: {"faces": faces}})

    def _restore_file(self, photo: CatalogPhoto, data: bytes) -> None:
        """Write a lost original file again; the rest of the photo stays as it is."""
        if not self._catalog.photos.has_original(photo):
            record = PhotoRecord(
                extension=photo.extension,
                width_px=photo.width_px,
                height_px=photo.height_px,
            )
            self._catalog.photos.add(data, record, (), who=self._who)

    def _update_known(self, item: Item, photo: CatalogPhoto, facts: Facts) -> None:
        """Add missing facts to a photo that the catalog has already."""
        if (ruler := _missing_label(photo, facts)) is not None:
            self._catalog.edits.set_ruler([photo.photo_id], ruler, who=self._who)
        added = self._fill_in(photo, facts) if item.row else []
        if item.coin_key:
            self._coins.setdefault(item.coin_key, photo.coin_id)
        noted = any(row.photo_id == photo.photo_id for row in self._unrecorded)
        if not noted and ledger.is_of(self._catalog, self._id, photo.photo_id):
            message = " ".join(facts.remarks) or None
            self._note(item, ItemState.DONE, photo.photo_id, message)
            return
        name = photo.file_name or "a photo"
        remark = f"In the catalog already, as {name} (photo {photo.photo_id})."
        ruler = facts.coin.ruler_attributed
        if ruler and photo.ruler and ruler != photo.ruler:
            remark += (
                f" Its label {class_title(photo.ruler)} was kept; here it is "
                f"{class_title(ruler)}."
            )
        if added:
            remark += f" {say_filled(added)}"
        message = " ".join([remark, *facts.remarks])
        self._note(item, ItemState.KNOWN, photo.photo_id, message)

    def _fill_coin(
        self, coin_id: int, item: Item, facts: CoinFacts
    ) -> tuple[tuple[str, ...], str]:
        """Add facts that a coin lacks: their names, and which were not used."""
        filled = self._catalog.edits.fill_coin(coin_id, facts, who=self._who)
        coin = self._catalog.photos.coin(coin_id)
        names = [name for name in differing(coin, facts) if name != "ruler_attributed"]
        row = item.row_name or "its row"
        remarks = []
        ruler, label = facts.ruler_attributed, coin.ruler_attributed
        if ruler and label and ruler != label:
            remarks.append(
                f"{row[0].upper()}{row[1:]} calls its coin {class_title(ruler)}; the "
                f"label {class_title(label)} was kept."
            )
        if names:
            remarks.append(
                f"Other values that {row} has for its coin were not used: "
                f"{in_words(names)}."
            )
        return filled, " ".join(remarks)

    def _fill_in(self, photo: CatalogPhoto, facts: Facts) -> list[str]:
        """Set empty fields of a photo and its coin; returns their names."""
        texts = {
            name: str(facts.photo[name])
            for name in ("source", "source_url", "credit", "lot_text", "source_date")
            if facts.photo.get(name) and not getattr(photo, name)
        }
        if facts.photo.get("licence_raw") and not (photo.licence or photo.licence_raw):
            texts["licence_raw"] = str(facts.photo["licence_raw"])
            texts["licence"] = facts.photo.get("licence", texts["licence_raw"])
        if texts:
            self._catalog.edits.edit_photos({photo.photo_id: texts}, who=self._who)
        edits = self._catalog.edits
        filled = edits.fill_coin(photo.coin_id, facts.coin, who=self._who)
        return [name for name in (*texts, *filled) if name != "licence_raw"]

    def _note(
        self, item: Item, state: ItemState, photo_id: int | None, message: str | None
    ) -> None:
        self._unrecorded.append(
            ImportItem(key=item.key, state=state, photo_id=photo_id, message=message)
        )
        grouped = bool(message and message.startswith(GROUPED))
        self.progress = replace(
            self.progress,
            done=self.progress.done + 1,
            known=self.progress.known + (state is ItemState.KNOWN),
            failed=self.progress.failed + (state is ItemState.FAILED),
            grouped=self.progress.grouped + grouped,
            current=item.name,
        )


def _missing_label(photo: CatalogPhoto, facts: Facts) -> str | None:
    """The ruler that a photo lacks; None if it needs none, or nobody knows it."""
    fresh = photo.status is PhotoStatus.UNREVIEWED and not photo.is_rendered
    return facts.coin.ruler_attributed if fresh and photo.ruler is None else None


def _are_alike(one: Sequence[CatalogFace], other: Sequence[CatalogFace]) -> bool:
    """Whether faces are the same but for the digits that a table leaves out."""
    return len(one) == len(other) and all(
        a.side == b.side and np.allclose(astuple(a.box), astuple(b.box), 0, 1e-3)
        for a, b in zip(one, other, strict=True)
    )


def _coin_of_match(match: Match, facts: Facts) -> tuple[int | None, str]:
    """The coin of a photo that shows the same picture, and a remark about it."""
    photo = match.photo
    name = f"{photo.file_name or 'photo'} (photo {photo.photo_id})"
    ruler = facts.coin.ruler_attributed
    if ruler and photo.ruler and ruler != photo.ruler:
        return None, (
            f"Looks the same as {name}, which is labelled {class_title(photo.ruler)}; "
            "the two were not put together."
        )
    evidence = facts.photo.get("label_evidence", "")
    if photo.ruler and not ruler and evidence.startswith("Label ambiguous"):
        return None, (
            f"Looks the same as {name}, which is labelled {class_title(photo.ruler)}; "
            "the two were not put together, as this ruler is in doubt."
        )
    return photo.coin_id, f"{GROUPED}{name}, by its look."
