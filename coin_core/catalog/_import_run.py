"""The work of an import: photos are prepared side by side and written in order."""

from __future__ import annotations

import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from coin_core.catalog import _import_jobs as jobs
from coin_core.catalog._catalog import Catalog
from coin_core.catalog._import_facts import Facts, facts_of
from coin_core.catalog._import_sources import Item, list_items
from coin_core.catalog._import_values import (
    GROUPED,
    ImportItem,
    ImportProgress,
    ItemState,
)
from coin_core.catalog._matching import Matcher, SamePicture
from coin_core.catalog._preparing import Prepared, prepare
from coin_core.catalog._values import CatalogPhoto, PhotoRecord, PhotoStatus
from coin_core.errors import CropOutOfBoundsError, UnreadablePhotoError

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


def bring_in(
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
    states = jobs.enter_items(
        catalog, import_id, ((item.key, item.problem) for item in items)
    )
    _settle_lost(catalog, import_id, states, {item.key for item in items})
    waiting = [item for item in items if states[item.key] is ItemState.WAITING]
    run = _Run(catalog, import_id, spec, items)
    yield run.progress
    with _workers() as pool:
        for item, read in _read_ahead(pool, run.read, waiting):
            run.take(item, read)
            yield run.progress
            if (stop is not None and stop()) or not run.goes_on():
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
        jobs.settle(catalog, import_id, lost)


def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=max(1, min(8, os.cpu_count() or 1)))


def _keep_to_one_core() -> None:
    """Photos are worked on side by side, so each keeps to one core."""
    import torch

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
        self._matcher = Matcher(catalog)
        self._unsettled: list[ImportItem] = []
        self._settled_at = time.monotonic()
        self._coins = self._coins_so_far(items)
        self.progress = jobs.progress_of(catalog, import_id)

    def _coins_so_far(self, items: list[Item]) -> dict[str, int]:
        """The coins that photos were given before the import was interrupted."""
        told = {item.key: item.coin_key for item in items if item.coin_key}
        if not told:
            return {}
        done = jobs.coins_of(self._catalog, self._id)
        return {coin_key: done[key] for key, coin_key in told.items() if key in done}

    def read(self, item: Item) -> _Read:
        """Read and prepare a photo; runs beside the others."""
        try:
            data = item.read()
            digest = hashlib.sha256(data).hexdigest()
            known = jobs.find_digest(self._catalog, digest)
            if known is not None:
                return _Read(data=data, known=known)
            _keep_to_one_core()
            return _Read(data=data, prepared=prepare(data, item.name))
        except (UnreadablePhotoError, CropOutOfBoundsError) as error:
            return _Read(problem=str(error))

    def goes_on(self) -> bool:
        """Settle now and then, and ask whether to go on."""
        late = time.monotonic() - self._settled_at > _SETTLE_EVERY_S
        if late or len(self._unsettled) >= _MOST_UNSETTLED:
            self.settle()
            return jobs.wants_to_run(self._catalog, self._id)
        return True

    def settle(self) -> None:
        """Put on record what became of the last photos."""
        if self._unsettled:
            jobs.settle(self._catalog, self._id, self._unsettled)
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
            photo = self._catalog.photo(read.known)
            self._restore(photo, read.data)
            self._take_known(item, photo, facts)

    def _add(self, item: Item, read: _Read, prepared: Prepared, facts: Facts) -> None:
        told = self._coins.get(item.coin_key or "")
        same = self._matcher.find(
            prepared.look,
            prepared.phash,
            is_rendered=bool(facts.photo["is_rendered"]),
        )
        coin_id, remark = told, ""
        if same is not None and told is None:
            coin_id, remark = self._coin_by_look(same, facts)
        added = self._catalog.add_photo(
            read.data,
            prepared.record(file_name=item.name, coin=facts.coin, **facts.photo),
            prepared.faces,
            coin_id=coin_id,
            who=self._who,
        )
        photo = self._catalog.photo(added.photo_id)
        if added.known:
            self._take_known(item, photo, facts)
            return
        self._matcher.keep(photo.photo_id, prepared.look)
        self._label(photo, facts)
        if item.coin_key:
            self._coins.setdefault(item.coin_key, added.coin_id)
        nothing = "" if prepared.faces else "No coin was found on it."
        said = [text for text in (remark, nothing, *facts.remarks) if text]
        self._note(item, ItemState.DONE, photo.photo_id, " ".join(said) or None)

    def _coin_by_look(self, same: SamePicture, facts: Facts) -> tuple[int | None, str]:
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
        if not self._catalog.photo_path(photo).is_file():
            record = PhotoRecord(
                extension=photo.extension,
                width_px=photo.width_px,
                height_px=photo.height_px,
            )
            self._catalog.add_photo(data, record, (), who=self._who)

    def _take_known(self, item: Item, photo: CatalogPhoto, facts: Facts) -> None:
        """A photo that is there: only what it lacks is added."""
        self._label(photo, facts)
        added = self._fill(photo, facts) if item.row else []
        if item.coin_key:
            self._coins.setdefault(item.coin_key, photo.coin_id)
        unsaid = any(row.photo_id == photo.photo_id for row in self._unsettled)
        if not unsaid and jobs.is_of(self._catalog, self._id, photo.photo_id):
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
            self._catalog.set_ruler([photo.photo_id], ruler, who=self._who)

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
            self._catalog.edit_photos({photo.photo_id: told}, who=self._who)
        coin = self._catalog.coin(photo.coin_id)
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
            self._catalog.edit_coin(coin.coin_id, measured, who=self._who)
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
