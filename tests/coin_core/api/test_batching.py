"""Photos that arrive together are one batch, with one version of each model."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time

import numpy as np
import pytest

from coin_core.api import batching
from coin_core.api.batching import Batcher, Wish
from coin_core.api.uploads import Upload
from coin_core.errors import WeightsMissingError
from coin_core.model_store import bundle
from coin_core.pipeline import CoinClassifier
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


def test_requests_for_other_classifiers_are_batches_of_their_own():
    stub = StubClassifier()
    both = Wish(classifiers=("resnet", "vgg"))
    answers = run(stub, ([upload(png())] * 2, WISH), ([upload(png())] * 3, both))
    assert stub.batches == [2, 3]
    assert [len(answer) for answer in answers] == [1, 1, 2, 2, 2]


def test_large_photos_are_classified_in_parts(monkeypatch):
    monkeypatch.setattr(batching, "MAX_PIXELS", 3 * 40 * 40)
    stub = StubClassifier()
    run(stub, ([upload(png())] * 10, WISH))
    assert stub.batches == [4, 4, 2]


def test_batches_at_once_decode_with_the_two_decoders_that_are_kept(monkeypatch):
    """More would be started for each batch, and ended after it."""
    decode, lock = batching._decode_one, threading.Lock()
    running, most = 0, 0

    def counted(one):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        try:
            return decode(one)
        finally:
            with lock:
                running -= 1

    monkeypatch.setattr(batching, "_decode_one", counted)
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
