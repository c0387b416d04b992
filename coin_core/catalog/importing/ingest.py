"""Bringing photos in: files, folders, ZIP archives and tables, in one import.

An import is listed first, then every photo is read, its coins found and its row
written, one transaction each; what became of each photo is on record. A kill, a stop
or a full disk costs nothing: the import goes on where it was.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from coin_core import jobs
from coin_core.catalog.importing import ledger
from coin_core.catalog.importing.metadata import Facts, facts_of
from coin_core.catalog.importing.records import (
    GROUPED,
    ImportItem,
    ImportProgress,
    ImportState,
    ItemState,
)
from coin_core.catalog.importing.sources import Item, list_items, read_tables, text_of
from coin_core.catalog.importing.tables import (
    TABLE_SUFFIXES,
)
from coin_core.catalog.mappers import checked_name
from coin_core.catalog.records import (
    CatalogFace,
    CatalogPhoto,
    PhotoRecord,
    PhotoStatus,
)
from coin_core.catalog.repository import Catalog
from coin_core.catalog.similarity import (
    Match,
    Matcher,
    estimate_quality,
    hash_photo,
    main_face,
    make_thumbnail,
)
from coin_core.detection import faces
from coin_core.errors import (
    CatalogError,
    CoinError,
    CropOutOfBoundsError,
    UnreadablePhotoError,
)
from coin_core.imaging import photo_io
from coin_core.imaging.file_types import show_name, sniff

Labels = Literal["folder", "none"]
Stop = Callable[[], bool]

import_items = ledger.read_items


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
    import_id = ledger.find_unfinished(catalog, spec)
    if import_id is None:
        import_id = ledger.create(catalog, "photos", spec)
    return resume_import(catalog, import_id, stop=stop)


def resume_import(
    catalog: Catalog, import_id: int, *, stop: Stop | None = None
) -> Iterator[ImportProgress]:
    """Go on with an import in this process.

    Raises:
        CatalogError: There is none with that id, or another process is at work on it.
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
            if kind == "demo":
                from coin_core.catalog.demo import generate_demo

                finished = yield from generate_demo(catalog, import_id, spec, stop)
            else:
                finished = yield from run_items(catalog, import_id, spec, stop)
        except (GeneratorExit, KeyboardInterrupt):
            ledger.set_state(catalog, import_id, ImportState.STOPPED)
            raise
        except CoinError as error:
            # a full disk may refuse even this; the lock then tells that it stopped
            ledger.set_state(catalog, import_id, ImportState.STOPPED, str(error))
            raise
        except BaseException as error:  # told, then raised again
            said = f"The program failed ({type(error).__name__}: {error})."
            ledger.set_state(catalog, import_id, ImportState.STOPPED, said)
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
    import_id = ledger.create(catalog, "photos", _spec(sources, who, mapping, labels))
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
    import_id = ledger.find_unfinished(catalog, spec)
    if import_id is None:
        import_id = ledger.create(catalog, "demo", spec)
    start_again(catalog, import_id)
    return import_id


def start_again(catalog: Catalog, import_id: int) -> None:
    """Resume an import in a process of its own.

    Raises:
        CatalogError: There is no such import.
        CoinError: It is running already, or no process can be started.
    """
    job = ledger.make_job(catalog, import_id)
    if not ledger.is_running(import_id):
        ledger.set_state(catalog, import_id, ImportState.RUNNING)
    jobs.start_job(job)


def stop_import(catalog: Catalog, import_id: int) -> None:
    """Ask an import to stop after the current photo; it can be resumed later.

    Raises:
        CatalogError: There is no such import.
    """
    if import_progress(catalog, import_id).state is ImportState.RUNNING:
        with suppress(CoinError):  # it ended at this moment
            jobs.stop_job(ledger.job_id(import_id))


def import_progress(catalog: Catalog, import_id: int) -> ImportProgress:
    """How far an import has come, whichever process is at work on it.

    Raises:
        CatalogError: There is no such import.
    """
    return ledger.progress_of(catalog, import_id)


def list_imports(catalog: Catalog, *, limit: int = 20) -> tuple[ImportProgress, ...]:
    """The newest imports first."""
    return tuple(
        ledger.progress_of(catalog, import_id)
        for import_id in ledger.list_ids(catalog, limit)
    )


def discard_import(catalog: Catalog, import_id: int) -> None:
    """Give up on what is left of an import; what was brought in stays.

    Raises:
        CatalogError: There is no such import, or it is at work: stop it first.
    """
    spec = ledger.spec_of(catalog, import_id)
    with ledger.hold(catalog, import_id):
        said = "It was given up; the photos brought in before stay."
        ledger.set_state(catalog, import_id, ImportState.FAILED, said)
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
    return ledger.folder_of(catalog) / "uploads"


def drop_uploads(catalog: Catalog, spec: Mapping[str, Any]) -> None:
    """Delete the dropped files of an import that needs them no longer."""
    uploads = _uploads(catalog).absolute()
    for source in spec.get("sources") or [spec.get("query", "")]:
        path = Path(source)
        if path.is_relative_to(uploads) and path != uploads:
            shutil.rmtree(uploads / path.relative_to(uploads).parts[0], True)


_SETTLE_EVERY_S = 0.5
_MOST_UNSETTLED = 32
_AHEAD = 4  # photos being prepared or waiting to be written, per worker


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Read:
    """What a worker made of an item: known, prepared, or unreadable."""

    data: bytes = b""
    known: int | None = None
    prepared: Prepared | None = None
    problem: str | None = None


def run_items(
    catalog: Catalog,
    import_id: int,
    spec: Mapping[str, Any],
    stop: Callable[[], bool] | None,
) -> Generator[ImportProgress, None, bool]:
    """Bring in what the spec names and is not settled; returns whether all is.

    Raises:
        CatalogError: The catalog cannot be written; the import can go on later.
        WeightsMissingError: The finder's weights are not there.
    """
    with ExitStack() as keep_open:
        sources = [Path(source) for source in spec["sources"]]
        items = list_items(sources, spec.get("mapping"), keep_open)
        return (yield from bring_in_items(catalog, import_id, spec, items, stop))


def bring_in_items(
    catalog: Catalog,
    import_id: int,
    spec: Mapping[str, Any],
    items: list[Item],
    stop: Callable[[], bool] | None,
) -> Generator[ImportProgress, None, bool]:
    """Bring in those of the items that are not settled; returns whether all are.

    Raises:
        CatalogError: The catalog cannot be written; the import can go on later.
        WeightsMissingError: The finder's weights are not there.
    """
    states = ledger.enter_items(
        catalog, import_id, ((item.key, item.problem) for item in items)
    )
    _settle_lost(catalog, import_id, states, {item.key for item in items})
    waiting = [item for item in items if states[item.key] is ItemState.WAITING]
    run = _Run(catalog, import_id, spec, items)
    yield run.progress
    with _workers() as pool:
        for item, read in _read_ahead(pool, run.read, waiting):
            run.take(item, read)
            run.settle_sometimes()
            yield run.progress
            if (stop is not None and stop()) or jobs.stop_requested():
                run.settle()
                return False
        run.settle()
    return True


def _settle_lost(
    catalog: Catalog,
    import_id: int,
    states: Mapping[str, ItemState],
    listed: set[str],
) -> None:
    """What was listed before and is gone now."""
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


def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=max(1, min(8, os.cpu_count() or 1)))


def _keep_to_one_core() -> None:
    """Photos are worked on side by side, so each keeps to one core."""
    import cv2
    import torch

    cv2.setNumThreads(1)
    if torch.get_num_threads() > 1:
        torch.set_num_threads(1)


def _read_ahead(
    pool: ThreadPoolExecutor, read: Callable[[Item], _Read], items: list[Item]
) -> Iterator[tuple[Item, _Read]]:
    """Items in their order, each with what the workers made of it."""
    most = _AHEAD * max(1, min(8, os.cpu_count() or 1))
    underway: deque[tuple[Item, Future[_Read]]] = deque()
    left = iter(items)
    try:
        while True:
            while len(underway) < most and (item := next(left, None)) is not None:
                underway.append((item, pool.submit(read, item)))
            if not underway:
                return
            item, future = underway.popleft()
            yield item, future.result()
    finally:
        for _, future in underway:
            future.cancel()


class _Run:
    """One import at work: writes photos and keeps the books."""

    def __init__(
        self,
        catalog: Catalog,
        import_id: int,
        spec: Mapping[str, Any],
        items: list[Item],
    ) -> None:
        self._catalog = catalog
        self._id = import_id
        self._who = str(spec["who"])
        self._folder_labels = spec.get("labels") == "folder"
        self._matcher = Matcher(catalog.photos)
        self._unsettled: list[ImportItem] = []
        self._settled_at = time.monotonic()
        self._coins = self._coins_so_far(items)
        self.progress = ledger.progress_of(catalog, import_id)

    def _coins_so_far(self, items: list[Item]) -> dict[str, int]:
        """The coins that photos were given before the import was interrupted."""
        told = {item.key: item.coin_key for item in items if item.coin_key}
        if not told:
            return {}
        done = ledger.coins_of(self._catalog, self._id)
        return {coin_key: done[key] for key, coin_key in told.items() if key in done}

    def read(self, item: Item) -> _Read:
        """Read and prepare a photo; runs beside the others."""
        try:
            data = item.read()
            digest = hashlib.sha256(data).hexdigest()
            known = ledger.find_digest(self._catalog, digest)
            if known is not None:
                return _Read(data=data, known=known)
            _keep_to_one_core()
            return _Read(data=data, prepared=prepare(data, item.name))
        except (UnreadablePhotoError, CropOutOfBoundsError) as error:
            return _Read(problem=str(error))

    def settle_sometimes(self) -> None:
        """Record the results of the last photos now and then."""
        late = time.monotonic() - self._settled_at > _SETTLE_EVERY_S
        if late or len(self._unsettled) >= _MOST_UNSETTLED:
            self.settle()

    def settle(self) -> None:
        """Put on record what became of the last photos."""
        if self._unsettled:
            ledger.record_results(self._catalog, self._id, self._unsettled)
            self._unsettled = []
        self._settled_at = time.monotonic()

    def take(self, item: Item, read: _Read) -> None:
        """Write one photo, and what became of it."""
        if item.late_row is not None and read.problem is None:
            item = replace(item, row=item.late_row())
        facts = facts_of(item, folder_labels=self._folder_labels)
        if read.problem is not None:
            self._note(item, ItemState.FAILED, None, read.problem)
        elif read.prepared is not None:
            self._add(item, read, read.prepared, facts)
        elif read.known is not None:
            photo = self._catalog.photos.get(read.known)
            self._restore(photo, read.data)
            self._take_known(item, photo, facts)

    def _add(self, item: Item, read: _Read, prepared: Prepared, facts: Facts) -> None:
        told = self._coins.get(item.coin_key or "")
        same = self._matcher.find(
            prepared.thumbnail,
            prepared.phash,
            is_rendered=bool(facts.photo["is_rendered"]),
        )
        coin_id, remark = told, ""
        if same is not None and told is None:
            coin_id, remark = self._coin_by_look(same, facts)
        added = self._catalog.photos.add(
            read.data,
            prepared.record(file_name=item.name, coin=facts.coin, **facts.photo),
            prepared.faces,
            coin_id=coin_id,
            who=self._who,
        )
        photo = self._catalog.photos.get(added.photo_id)
        if added.known:
            self._take_known(item, photo, facts)
            return
        self._matcher.add(photo.photo_id, prepared.thumbnail)
        self._label(photo, facts)
        if item.coin_key:
            self._coins.setdefault(item.coin_key, added.coin_id)
        nothing = "" if prepared.faces else "No coin was found on it."
        said = [text for text in (remark, nothing, *facts.remarks) if text]
        self._note(item, ItemState.DONE, photo.photo_id, " ".join(said) or None)

    def _coin_by_look(self, same: Match, facts: Facts) -> tuple[int | None, str]:
        """The coin that a photo is put to by its look, and what to say of it."""
        photo = same.photo
        shown = f"{photo.file_name or 'photo'} (photo {photo.photo_id})"
        ruler = facts.coin.ruler_attributed
        if ruler and photo.ruler and ruler != photo.ruler:
            return None, (
                f"Looks the same as {shown}, which is labelled {photo.ruler}; the two "
                "were not put together."
            )
        return photo.coin_id, f"{GROUPED}{shown}, by its look."

    def _restore(self, photo: CatalogPhoto, data: bytes) -> None:
        """Put an original back that was lost; the rest of the photo stays as it is."""
        if not self._catalog.photos.path(photo).is_file():
            record = PhotoRecord(
                extension=photo.extension,
                width_px=photo.width_px,
                height_px=photo.height_px,
            )
            self._catalog.photos.add(data, record, (), who=self._who)

    def _take_known(self, item: Item, photo: CatalogPhoto, facts: Facts) -> None:
        """A photo that is there: only what it lacks is added."""
        self._label(photo, facts)
        added = self._fill(photo, facts) if item.row else []
        if item.coin_key:
            self._coins.setdefault(item.coin_key, photo.coin_id)
        unsaid = any(row.photo_id == photo.photo_id for row in self._unsettled)
        if not unsaid and ledger.is_of(self._catalog, self._id, photo.photo_id):
            self._note(item, ItemState.DONE, photo.photo_id, None)
            return
        name = photo.file_name or "a photo"
        remark = f"In the catalog already, as {name} (photo {photo.photo_id})."
        ruler = facts.coin.ruler_attributed
        if ruler and photo.ruler and ruler != photo.ruler:
            remark += f" Its label {photo.ruler} was kept; here it is {ruler}."
        if added:
            remark += f" What it lacked was added: {', '.join(added)}."
        self._note(item, ItemState.KNOWN, photo.photo_id, remark)

    def _label(self, photo: CatalogPhoto, facts: Facts) -> None:
        ruler = facts.coin.ruler_attributed
        fresh = photo.status is PhotoStatus.UNREVIEWED
        if ruler and photo.ruler is None and fresh and not photo.is_rendered:
            self._catalog.edits.set_ruler([photo.photo_id], ruler, who=self._who)

    def _fill(self, photo: CatalogPhoto, facts: Facts) -> list[str]:
        """Add what nobody has told of a photo and its coin; returns what that was."""
        told = {
            name: str(facts.photo[name])
            for name in ("source", "source_url", "credit", "lot_text")
            if facts.photo.get(name) and not getattr(photo, name)
        }
        if facts.photo.get("licence_raw") and not (photo.licence or photo.licence_raw):
            told["licence"] = str(facts.photo["licence_raw"])
        if told:
            self._catalog.edits.edit_photos({photo.photo_id: told}, who=self._who)
        coin = self._catalog.photos.coin(photo.coin_id)
        others = {"ruler_attributed"}
        if photo.ruler and facts.coin.ruler_attributed not in (None, photo.ruler):
            others |= {"name_on_coin", "authority"}  # they speak of another ruler
        measured = {
            name: value
            for name in (f.name for f in fields(facts.coin))
            if name not in others
            and (value := getattr(facts.coin, name))
            and not getattr(coin, name)
        }
        if measured:
            self._catalog.edits.edit_coin(coin.coin_id, measured, who=self._who)
        return [name.replace("_", " ") for name in (*told, *measured)]

    def _note(
        self, item: Item, state: ItemState, photo_id: int | None, message: str | None
    ) -> None:
        self._unsettled.append(
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


_EXTENSIONS = {
    "JPEG": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "TIFF": "tif",
    "BMP": "bmp",
    "HEIF": "heic",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """What was read from a photo; `thumbnail` is from `make_thumbnail`."""

    thumbnail: NDArray[np.uint8]
    extension: str
    size_px: tuple[int, int]  # width, height of the file, turned upright
    phash: str
    quality: float | None
    faces: tuple[CatalogFace, ...]

    def record(self, **told: Any) -> PhotoRecord:
        """What goes into the catalog; `told` are the fields of `PhotoRecord` left."""
        return PhotoRecord(
            extension=self.extension,
            width_px=self.size_px[0],
            height_px=self.size_px[1],
            phash=self.phash,
            quality=self.quality,
            **told,
        )


def prepare(data: bytes, name: str) -> Prepared:
    """Decode a photo, find its coins and tell their sides.

    Raises:
        UnreadablePhotoError: It is no photo that is accepted.
        WeightsMissingError: The finder's weights are not there.
    """
    pixels = photo_io.decode(data, name=name)
    _, kind = sniff(data)
    boxes = faces.detect_coins(pixels)
    judged = faces.classify_sides(pixels, boxes)
    main = main_face(boxes, pixels.shape[1], pixels.shape[0])
    return Prepared(
        thumbnail=make_thumbnail(pixels, main),
        extension=_EXTENSIONS[str(kind)],
        size_px=_size_of(data, pixels),
        phash=hash_photo(pixels, boxes),
        quality=estimate_quality(pixels, boxes) if boxes else None,
        faces=tuple(CatalogFace(box=face.box, side=face.side) for face in judged),
    )


def _size_of(data: bytes, pixels: NDArray[np.uint8]) -> tuple[int, int]:
    """Width and height of the file; decoding scales large photos down."""
    height, width = pixels.shape[:2]
    if max(height, width) < photo_io.MAX_SIDE_PX:
        return width, height
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        long_px, short_px = max(image.size), min(image.size)
    return (long_px, short_px) if width >= height else (short_px, long_px)
