"""The fuzz run: it finds what it looks for, and a short one finds nothing."""

import faulthandler
import os
import signal
import time

import cv2
import numpy as np
import psutil
import pytest

from benchmarks.fuzz import __main__ as fuzz
from benchmarks.fuzz import doors, runs, seeds
from coin_core.errors import UnreadablePhotoError
from coin_core.imaging import photo_io

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs fork")


def crash():
    faulthandler.disable()
    os.kill(os.getpid(), signal.SIGSEGV)


def leave():
    os._exit(3)


def compute(seconds=0.6):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def hang():
    compute(60)


def fill():
    np.ones(200 << 20, np.uint8)


def refuse(message):
    raise UnreadablePhotoError(message)


def divide():
    return 1 / 0


BEHAVIOURS = [
    (bool, "", 0),
    (lambda: refuse("It is no photo."), "", 0),
    (lambda: refuse("two\nlines"), "refused by no sentence", 0),
    (lambda: refuse(" "), "refused by no sentence", 0),
    (divide, "ZeroDivisionError in divide", 0),
    (crash, "the process ended with SIGSEGV", 0),
    (leave, "the process ended with 3", 0),
    (compute, "takes ", 0.5),
    (hang, "takes more than 2 s", 0),
    (fill, "takes ", 0),
    (lambda: True, "", 0),
]


def test_each_failure_is_blamed_on_its_case_and_the_run_goes_on(monkeypatch):
    monkeypatch.setattr(runs, "MAX_CPU_S", 0.5)
    monkeypatch.setattr(runs, "KILL_CPU_S", 1.5)
    kind = doors.Kind(
        title="behaviours",
        make=lambda rng: {"a": b"", "b/c": rng.randbytes(4)},
        enter=lambda folder, number: bool(
            (folder / "b/c").is_file() and BEHAVIOURS[number][0]()
        ),
    )
    (idle,) = runs.run_cases(kind, 1, range(1))
    monkeypatch.setattr(runs, "MAX_BYTES", idle.peak_bytes + (100 << 20))
    found = [*runs.run_cases(kind, 1, range(len(BEHAVIOURS)))]
    assert [one.number for one in found] == [*range(len(BEHAVIOURS))]
    for one, (_, failure, least_cpu_s) in zip(found, BEHAVIOURS, strict=True):
        assert one.failure.startswith(failure)
        assert bool(one.failure) == bool(failure)
        assert one.cpu_s >= least_cpu_s
    assert found[9].failure.endswith(" MB")
    table = runs.row("behaviours", found).split()
    assert table[:5] == ["behaviours", "11", "1", "2", "8"]


@pytest.mark.parametrize("kind", doors.KINDS.values(), ids=doors.KINDS)
def test_the_same_number_gives_the_same_files(kind, tmp_path):
    for folder in ("one", "again"):
        for number in range(3):
            runs.write_case(tmp_path / folder / str(number), kind, 7, number)
    one = {
        path.relative_to(tmp_path / "one"): path for path in tmp_path.glob("one/**/*")
    }
    assert one
    for name, path in one.items():
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_every_photo_is_read_before_it_is_damaged():
    formats = set()
    for seed in seeds.photo_seeds():
        assert min(photo_io.decode(seed.data).shape[:2]) >= 48, seed.kind
        formats.add(seed.kind.split()[0])
    assert formats >= {"jpeg", "mpo", "png", "tiff", "bmp", "gif", "webp"}


@pytest.mark.slow
def test_a_short_run_finds_no_failure(monkeypatch, tmp_path, capsys):
    counts = {"photos": 60, "bundles": 1, "pages": 4, "tables": 3}
    options = [word for name, n in counts.items() for word in (f"--{name}", str(n))]
    monkeypatch.setattr("sys.argv", ["fuzz", *options, "--out", str(tmp_path)])
    # What the process of the tests takes is no case's.
    own_bytes = psutil.Process().memory_info().rss
    monkeypatch.setattr(runs, "MAX_BYTES", runs.MAX_BYTES + own_bytes)
    threads = cv2.getNumThreads()
    try:
        fuzz.main()
    finally:
        cv2.setNumThreads(threads)
    inputs = [line.split()[-8] for line in capsys.readouterr().out.splitlines()[1:]]
    assert inputs == ["60", "1", "4", "3"]
