"""Photos that arrive together are one batch, with one version of each model."""

from __future__ import annotations

import asyncio
import gc
import shutil
import threading
import time
import weakref

import numpy as np
import pytest

from coin_core import pipeline
from coin_core.api import batching
from coin_core.api.batching import Batcher, Wish
from coin_core.api.uploads import Upload
from coin_core.errors import BusyError, WeightsMissingError
from coin_core.imaging import photo_io
from coin_core.model_store import bundle
from coin_core.pipeline import CoinClassifier, PreparedPhoto
from coin_core.results import PhotoResult
from tests.coin_core.api.conftest import StubClassifier, png

WISH = Wish(classifiers=("resnet",))


def upload(data: bytes) -> Upload:
    return Upload("a.png", bytearray(data))


def run(stub: CoinClassifier, *submissions: tuple[list[Upload], Wish]) -> list:
    """What becomes of photos that are submitted at once."""

    async def all_at_once() -> list:
        batcher = Batcher(lambda: stub, max_waiting=100, observe_batch=lambda _: None)
        working = asyncio.create_task(batcher.run())
        futures = [f for s in submissions for f in batcher.submit(*s)]
        answers = await asyncio.gather(*futures, return_exceptions=True)
        assert batcher.waiting == 0
        working.cancel()
        return answers

    return asyncio.run(all_at_once())


def test_what_arrives_together_is_one_batch():
    stub = StubClassifier()
    answers = run(stub, *[([upload(png(i))], WISH) for i in range(20)])
    assert sorted(stub.batches) == [4, 16]
    rulers = [answer[0]["ruler"] for answer in answers]
    assert len(set(rulers[:3])) == 3
    assert rulers == [rulers[i % 3] for i in range(20)], "each its own answer"


def test_a_photo_alone_waits_only_for_those_that_are_being_read(monkeypatch):
    stub = StubClassifier()

    async def two_visits() -> None:
        batcher = Batcher(lambda: stub, max_waiting=9, observe_batch=lambda _: None)
        working = asyncio.create_task(batcher.run())
        monkeypatch.setattr(batching, "MAX_WAIT_S", 3600)
        (alone,) = batcher.submit([upload(png())], WISH)
        await asyncio.wait_for(alone, 60)
        monkeypatch.setattr(batching, "MAX_WAIT_S", 0.5)
        with batcher.arriving():
            (first,) = batcher.submit([upload(png())], WISH)
            await asyncio.sleep(0.01)
            (second,) = batcher.submit([upload(png())], WISH)
        await asyncio.gather(first, second)
        working.cancel()

    asyncio.run(two_visits())
    assert stub.batches == [1, 2]


class Bytes(bytearray):
    """To which there can be weak references."""


def test_clients_that_hang_up_leave_nothing_in_the_memory(monkeypatch):
    stub, free = StubClassifier(), threading.Event()
    pinned = stub.pinned

    def pinned_once_free(names):
        assert free.wait(60)
        return pinned(names)

    monkeypatch.setattr(stub, "pinned", pinned_once_free)

    async def many_visits() -> None:
        batcher = Batcher(lambda: stub, max_waiting=9, observe_batch=lambda _: None)
        working = asyncio.create_task(batcher.run())
        held: list[weakref.ref[Bytes]] = []
        for _ in range(50):  # the first ones are in the batches, the others wait
            uploads = [Upload("a.png", Bytes(png())) for _ in range(9)]
            held += [weakref.ref(one.data) for one in uploads]
            for future in batcher.submit(uploads, WISH):
                await asyncio.sleep(0)
                future.cancel()
            del uploads
            await asyncio.sleep(0)
        gc.collect()
        still_held = [one for one in held if one() is not None]
        waiting = batcher.waiting
        (stays,) = batcher.submit([upload(png())], WISH)
        free.set()
        assert (waiting, still_held) == (0, [])
        assert await asyncio.wait_for(stays, 60)
        working.cancel()

    asyncio.run(many_visits())


def test_requests_for_other_classifiers_are_batches_of_their_own():
    stub = StubClassifier()
    both = Wish(classifiers=("resnet", "vgg"))
    answers = run(stub, ([upload(png())] * 2, WISH), ([upload(png())] * 3, both))
    assert stub.batches == [2, 3]
    assert [len(answer) for answer in answers] == [1, 1, 2, 2, 2]


def test_a_batch_without_its_models_fails_alone(monkeypatch):
    stub = StubClassifier()
    pinned, failures = stub.pinned, [MemoryError("There is no memory for the model.")]

    def pinned_in_the_end(names):
        if failures:
            raise failures.pop()
        return pinned(names)

    monkeypatch.setattr(stub, "pinned", pinned_in_the_end)

    async def two_visits() -> None:
        batcher = Batcher(lambda: stub, max_waiting=9, observe_batch=lambda _: None)
        working = asyncio.create_task(batcher.run())
        (first,) = batcher.submit([upload(png())], WISH)
        with pytest.raises(MemoryError):
            await asyncio.wait_for(first, 60)
        (second,) = batcher.submit([upload(png())], WISH)
        assert await asyncio.wait_for(second, 60)
        working.cancel()

    asyncio.run(two_visits())


class CoinlessClassifier(CoinClassifier):
    """Reads photos as they come, as the real one does, and finds nothing."""

    def pinned(self, names):
        return self

    def model(self, name):
        pass

    def classify_prepared(self, prepared, names):
        return [PhotoResult(faces=(), legend=None, verdicts=()) for _ in prepared]


class CountedMemory(photo_io._Memory):
    """Notes how little was ever free."""

    def __init__(self, free_bytes: int) -> None:
        super().__init__(free_bytes)
        self.least = free_bytes

    def take(self, *args, **options):
        is_taken = super().take(*args, **options)
        self.least = min(self.least, self._free)
        return is_taken


@pytest.fixture
def room(monkeypatch):
    """Memory for three photos of 40 pixels a side, which count as large."""
    memory = CountedMemory(3 * 3 * 40**2)
    monkeypatch.setattr(photo_io, "_pixels_in_use", memory)
    monkeypatch.setattr(photo_io, "_LONGEST_WAIT_S", 0)
    monkeypatch.setattr(photo_io, "_SMALL_BYTES", 3 * 30**2)
    monkeypatch.setattr(pipeline, "_GROUP_PX", 30**2)
    return memory


def test_large_photos_of_32_clients_are_in_memory_a_few_at_a_time(room, monkeypatch):
    def prepare(photos):
        time.sleep(0.01)
        nothing = {"faces": (), "legend": None, "reason": None}
        return [PreparedPhoto(crop=np.zeros(3), **nothing) for _ in photos]

    monkeypatch.setattr(pipeline, "prepare_photos", prepare)
    large = [([upload(png(40)), upload(png(41))], WISH) for _ in range(32)]
    answers = run(CoinlessClassifier(), *large)
    assert answers == [[]] * 64
    assert room.least == 0
    gc.collect()
    assert room._free == 3 * 3 * 40**2


def test_a_large_photo_for_which_there_is_no_memory_is_refused_as_busy(
    room, monkeypatch
):
    monkeypatch.setattr(photo_io, "_LONGEST_QUEUE_S", 0.05)
    room.take(room._free)
    large, small = run(StubClassifier(), ([upload(png()), upload(png(1, 20))], WISH))
    assert isinstance(large, BusyError)
    assert small[0]["classifier"] == "resnet"
    assert room._free == 0


def test_batches_at_once_decode_with_the_two_decoders_that_are_kept(monkeypatch):
    """More would be started for each batch, and ended after it."""
    decode, lock = batching._decode, threading.Lock()
    running, most = 0, 0

    def counted(upload):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        try:
            return decode(upload)
        finally:
            with lock:
                running -= 1

    monkeypatch.setattr(batching, "_decode", counted)
    stub = StubClassifier()
    run(stub, ([upload(png())] * 20, WISH))
    assert sorted(stub.batches) == [4, 16]
    assert most == 2


def test_a_photo_on_which_the_program_fails_fails_alone():
    stub = StubClassifier()
    photos = [upload(png(grey)) for grey in (1, StubClassifier.BAD, 2)]
    one, bad, two = run(stub, (photos, WISH))
    assert (one[0]["ruler"], two[0]["ruler"]) != (None, None)
    assert isinstance(bad, RuntimeError)


def test_a_missing_model_fails_only_those_who_ask_for_it(monkeypatch):
    stub = StubClassifier()

    def pinned(names):
        if "gone" in names:
            raise WeightsMissingError("gone")
        return stub

    monkeypatch.setattr(stub, "pinned", pinned)
    gone = Wish(classifiers=("gone",))
    good, bad = run(stub, ([upload(png())], WISH), ([upload(png())], gone))
    assert good[0]["classifier"] == "resnet"
    assert isinstance(bad, WeightsMissingError)


@pytest.mark.slow
def test_two_hundred_swaps_under_load_mix_no_answer(tmp_path, coin_jpeg):
    """Each answer is that of the model whose digest it names."""
    mine = tmp_path / "mine"
    names = ("resnet", "vgg")
    alone, digests = {}, {}
    photo = coin_jpeg(3)
    wish = Wish(classifiers=(str(mine),))
    for name in names:
        digest = bundle.weights_digest(bundle.load_card(bundle.WEIGHTS_DIR / name))
        shutil.copytree(bundle.WEIGHTS_DIR / name, mine)
        (answer,) = run(CoinClassifier(), ([upload(photo)], wish))
        assert answer[0]["model"] == digest
        alone[digest], digests[name] = answer[0]["probabilities"], digest
        shutil.rmtree(mine)
    shutil.copytree(bundle.WEIGHTS_DIR / names[0], mine)
    stopped, swaps = threading.Event(), 0

    def swap() -> None:
        nonlocal swaps
        while swaps < 200 and not stopped.is_set():
            name = names[(swaps + 1) % 2]
            files = bundle.read_files(bundle.WEIGHTS_DIR / name)
            bundle.write_folder(mine, files)
            swaps += 1

    async def load() -> list:
        coin_classifier = CoinClassifier()
        batcher = Batcher(lambda: coin_classifier, max_waiting=100, observe_batch=print)
        working = asyncio.create_task(batcher.run())
        answers = []
        while swapping.is_alive():
            futures = batcher.submit([upload(photo)] * 2, wish)
            answers += await asyncio.gather(*futures)
        working.cancel()
        return answers

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        answers = asyncio.run(load())
    finally:
        stopped.set()
        swapping.join()
    assert swaps == 200
    seen = {answer[0]["model"] for answer in answers}
    assert seen == set(digests.values())
    for answer in answers:
        wanted = alone[answer[0]["model"]]
        found = answer[0]["probabilities"]
        assert np.allclose(list(found.values()), list(wanted.values()), atol=1e-4)
