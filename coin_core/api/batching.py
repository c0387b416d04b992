"""Photos of all requests that arrive together are classified as one batch.

A batch is made of what waits when a thread is free. A photo that is alone waits for
those that are being read just then, for `MAX_WAIT_S` at most. A batch runs beside the
event loop, with models that stay the same while it lasts; a photo that cannot be read
fails alone. Two batches run at once: each has steps that use one core.
"""

from __future__ import annotations

import asyncio
import base64
import io
import logging
import math
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from coin_core.api.uploads import Upload, busy
from coin_core.classifiers import shipped_classifiers
from coin_core.classifiers.together_card import TOGETHER
from coin_core.errors import UnreadablePhotoError
from coin_core.imaging import photo_io
from coin_core.results import PhotoResult, to_json

if TYPE_CHECKING:
    from coin_core.pipeline import CoinClassifier, PreparedPhoto

MAX_WAIT_S = 0.005
MAX_PHOTOS = 16
AT_ONCE = 2  # `photo_io` keeps so many processes that decode

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which classifiers a photo is for, and the evidence that is wanted."""

    classifiers: tuple[str, ...]
    letters: bool = False
    heat_map: bool = False


@dataclass(slots=True, eq=False)
class _Waiting:
    upload: Upload
    wish: Wish
    answer: asyncio.Future[list[dict[str, Any]]]


class Batcher:
    """A queue of photos, and the threads that classify them batch by batch."""

    def __init__(
        self,
        coin_classifier: Callable[[], CoinClassifier],
        *,
        max_waiting: int,
        observe_batch: Callable[[int], object],
    ) -> None:
        self.waiting = 0
        self._arriving = 0
        self._coin_classifier = coin_classifier
        self._max_waiting = max_waiting
        self._observe_batch = observe_batch
        self._queue: OrderedDict[_Waiting, None] = OrderedDict()
        self._filled = asyncio.Event()
        self._gathering = asyncio.Lock()
        self._seconds_per_photo = 0.2

    def submit(
        self, uploads: Sequence[Upload], wish: Wish
    ) -> list[asyncio.Future[list[dict[str, Any]]]]:
        """Queue the photos of a request; each future gives its verdicts as JSON.

        A cancelled future takes its photo out of the queue, and out of the memory.

        Raises:
            RequestRefusedError: 503; so many photos wait that these have no place.
        """
        self.check_room(len(uploads))
        futures = []
        for upload in uploads:
            answer = asyncio.get_running_loop().create_future()
            one = _Waiting(upload, wish, answer)
            answer.add_done_callback(partial(self._forget, one))
            self.waiting += 1
            self._queue[one] = None
            self._filled.set()
            futures.append(answer)
        return futures

    @contextmanager
    def arriving(self) -> Iterator[None]:
        """Photos of a request are being read, which may go into the next batch."""
        self._arriving += 1
        try:
            yield
        finally:
            self._arriving -= 1

    def check_room(self, count: int = 1) -> None:
        """Raise the refusal of `submit`, before the photos are read."""
        if self.waiting + count > self._max_waiting:
            seconds = math.ceil(self.waiting * self._seconds_per_photo / 2)
            raise busy(min(60, max(1, seconds)))

    def _forget(self, one: _Waiting, _: object) -> None:
        """Drop the bytes of a photo, which its request counts only while it lasts."""
        self.waiting -= 1
        self._queue.pop(one, None)
        one.upload = Upload(one.upload.name)  # a thread may still look at its name

    async def run(self) -> None:
        """Classify until cancelled."""
        with ThreadPoolExecutor(AT_ONCE, "classify") as threads:
            await asyncio.gather(*(self._work(threads) for _ in range(AT_ONCE)))

    async def _work(self, threads: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        while True:
            async with self._gathering:
                batch = await self._gather()
            if not batch:
                continue
            self._observe_batch(len(batch))
            started = loop.time()
            await loop.run_in_executor(threads, self._classify, batch, loop)
            seconds = (loop.time() - started) / len(batch) / AT_ONCE
            self._seconds_per_photo += 0.1 * (seconds - self._seconds_per_photo)

    async def _gather(self) -> list[_Waiting]:
        """Take the next batch from the queue."""
        await self._filled.wait()
        if len(self._queue) == 1 and self._arriving:
            await asyncio.sleep(MAX_WAIT_S)
        batch: list[_Waiting] = []
        while len(batch) < MAX_PHOTOS and self._queue:
            batch.append(self._queue.popitem(last=False)[0])
        if not self._queue:
            self._filled.clear()
        return [one for one in batch if not one.answer.done()]

    def _classify(self, batch: list[_Waiting], loop: asyncio.AbstractEventLoop) -> None:
        """Answer every photo of a batch, in the thread."""

        def answer(one: _Waiting, result: list[dict[str, Any]] | Exception) -> None:
            loop.call_soon_threadsafe(_settle, one.answer, result)

        groups: dict[tuple[str, ...], list[_Waiting]] = {}
        for one in batch:
            groups.setdefault(one.wish.classifiers, []).append(one)
        for names, group in groups.items():
            try:
                models = self._coin_classifier().pinned(names)
            except Exception as error:  # noqa: BLE001 - the next batch may fare better
                for one in group:
                    answer(one, error)
                continue
            _classify_group(models, names, group, answer)


def _settle(
    future: asyncio.Future[list[dict[str, Any]]],
    result: list[dict[str, Any]] | Exception,
) -> None:
    if future.done():  # the client has hung up
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)


def _classify_group(
    models: CoinClassifier,
    names: Sequence[str],
    group: Sequence[_Waiting],
    answer: Callable[[_Waiting, list[dict[str, Any]] | Exception], None],
) -> None:
    """Answer the photos of a group; if it fails, each is tried alone.

    They are decoded one after the other, as there is memory for them.
    """
    pending = dict.fromkeys(group)
    decoded: deque[_Waiting] = deque()

    def settle(one: _Waiting, result: list[dict[str, Any]] | Exception) -> None:
        pending.pop(one, None)
        answer(one, result)

    def pixels_of(one: _Waiting) -> np.ndarray:
        pixels = _decode(one.upload)
        decoded.append(one)
        return pixels

    def photos() -> Iterator[np.ndarray]:
        for one in group:
            if one.answer.done():  # the client has hung up
                del pending[one]
                continue
            try:
                yield pixels_of(one)  # in no variable, where a batch would keep it
            except Exception as error:  # noqa: BLE001 - it must fail alone
                settle(one, error)

    try:
        for prepared, result in models.prepare_and_classify(photos(), names):
            one = decoded.popleft()
            settle(one, _answer(models, one, prepared, result))
    except Exception as error:  # noqa: BLE001 - one must not fail the others
        if len(group) == 1:
            for one in group:
                settle(one, error)
        else:
            _log.exception("A batch failed; its photos are tried one by one")
    for one in list(pending):  # after the error, which keeps pixels
        _classify_group(models, names, [one], answer)


def _decode(upload: Upload) -> np.ndarray:
    if upload.too_large:
        raise UnreadablePhotoError(
            f"{upload.name} is larger than {photo_io.MAX_BYTES >> 20} MB; "
            f"{photo_io.ACCEPTED}."
        )
    return photo_io.decode(upload.data, name=upload.name, queue=True)


def _answer(
    models: CoinClassifier, one: _Waiting, prepared: PreparedPhoto, result: PhotoResult
) -> list[dict[str, Any]]:
    """The verdicts on a photo as JSON, with the evidence that is wanted."""
    answers = to_json(one.upload.name, result)
    for verdict, answer in zip(result.verdicts, answers, strict=True):
        answer["model"] = verdict.model
        answer |= {"letters": []} if one.wish.letters else {}
        answer |= {"heat_map": None} if one.wish.heat_map else {}
    if result.faces and (one.wish.letters or one.wish.heat_map):
        from coin_core import explain

        for verdict, answer in zip(result.verdicts, answers, strict=True):
            name, crop = verdict.classifier, prepared.crop_of(verdict.face)
            if name == TOGETHER:  # the letters of the first net stand for all
                name = shipped_classifiers()[0]
            if one.wish.letters:
                letters = explain.read_letters(models, crop, name)
                answer["letters"] = [asdict(letter) for letter in letters]
            if one.wish.heat_map:
                best = verdict.ranked[0][0]
                heat = explain.heat_map(models, crop, name, best)
                answer["heat_map"] = _png(np.rint(heat * 255).astype(np.uint8))
    return answers


def _png(grey: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode("ascii")
