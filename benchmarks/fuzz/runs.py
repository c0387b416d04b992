"""Runs cases in a process of their own, whose end or hang is blamed on its input."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from benchmarks.fuzz.doors import Kind
from coin_core.errors import CoinError

MAX_CPU_S = 10.0
MAX_BYTES = 1500 << 20
_LONGEST_SENTENCE = 1000
KILL_CPU_S = 40.0
_KILL_BYTES = 4 << 30
_KILL_S = 600.0  # of waiting, on a busy machine

HEADING = (
    f"{'kind':16} {'inputs':>7} {'read':>7} {'refused':>8} {'failures':>9} "
    f"{'slowest':>10} {'peak memory':>12}"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one case; `failure` is "" if all is well."""

    number: int
    read: bool = False
    failure: str = ""
    cpu_s: float = 0.0
    peak_bytes: int = 0


def row(title: str, outcomes: Sequence[Outcome]) -> str:
    """A line of the table under `HEADING`."""
    failed = sum(bool(one.failure) for one in outcomes)
    read = sum(one.read and not one.failure for one in outcomes)
    slowest = max((one.cpu_s for one in outcomes), default=0.0)
    largest = max((one.peak_bytes for one in outcomes), default=0)
    return (
        f"{title:16} {len(outcomes):7,} {read:7,} {len(outcomes) - read - failed:8,} "
        f"{failed:9,} {slowest:8.2f} s {largest >> 20:9,} MB"
    )


def run_cases(kind: Kind, seed: int, numbers: range) -> Iterator[Outcome]:
    """Put cases through a door, one after another, in a process that may be lost."""
    fork = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory(prefix="coin-fuzz-") as scratch:
        number = numbers.start
        while number < numbers.stop:
            receiver, sender = fork.Pipe(duplex=False)
            left = range(number, numbers.stop)
            child = fork.Process(target=_work, args=(kind, seed, left, scratch, sender))
            child.start()
            sender.close()
            try:
                while number < numbers.stop:
                    message = _receive(receiver, psutil.Process(child.pid))
                    if isinstance(message, Outcome):
                        number = message.number + 1
                        yield message
                    elif message != "begin":
                        _kill(child.pid)
                        child.join()
                        reason = message or _end_of(child.exitcode)
                        yield Outcome(number=number, failure=reason)
                        number += 1
                        break
            finally:
                _kill(child.pid)
                child.join()


def _receive(receiver: Connection, process: psutil.Process) -> Outcome | str:
    """What a process sends; "" if it has ended, or the reason why it must end."""
    started, cpu = time.monotonic(), _cpu_s(_family(process))
    while not receiver.poll(1.0):
        family = _family(process)
        if _cpu_s(family) - cpu > KILL_CPU_S:
            return f"takes more than {KILL_CPU_S:.0f} s"
        if sum(map(_rss, family)) > _KILL_BYTES:
            return f"takes more than {_KILL_BYTES >> 20} MB"
        if time.monotonic() - started > _KILL_S:
            return f"hangs for more than {_KILL_S:.0f} s"
    try:
        return receiver.recv()
    except EOFError:
        return ""


def _end_of(code: int | None) -> str:
    lost = code is not None and code < 0
    return f"the process ended with {signal.Signals(-code).name if lost else code}"


def _work(
    kind: Kind, seed: int, numbers: range, scratch: str, sender: Connection
) -> None:
    """Run cases, and send each outcome."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libtiff tells of each damaged tag
    tempfile.tempdir = scratch
    for number in numbers:
        folder = Path(scratch) / str(number)
        write_case(folder, kind, seed, number)
        os.environ["COIN_DATA_DIR"] = f"{scratch}/data-{os.getpid()}"
        sender.send("begin")  # making the files does not count
        sender.send(put_through(kind, folder, number))
        shutil.rmtree(folder, ignore_errors=True)


def write_case(folder: Path, kind: Kind, seed: int, number: int) -> None:
    """Write the files of a case; the same numbers give the same files."""
    for name, data in kind.make(random.Random(f"{seed} {kind.title} {number}")).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def put_through(
    kind: Kind, folder: Path, number: int, show: Callable[[str], object] = len
) -> Outcome:
    """Put the files in a folder through the door, and measure it."""
    process = psutil.Process()
    read, failure = False, ""
    family = _family(process)
    for one in family:
        with suppress(OSError):  # only Linux forgets the highest memory so far
            Path(f"/proc/{one.pid}/clear_refs").write_text("5", "ascii")
    cpu = _cpu_s(family)
    try:
        read = kind.enter(folder, number)
    except CoinError as error:
        told = str(error)
        show(told)
        shown = "".join(sign for sign in told if sign >= " ").strip()
        if not shown or shown != told or len(told) > _LONGEST_SENTENCE:
            failure = f"refused by no sentence: {told[:300]!r}"
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        show(traceback.format_exc())
        where = traceback.extract_tb(error.__traceback__)[-1].name
        failure = f"{type(error).__name__} in {where}: {str(error)[:200]}"
    family = _family(process)
    cpu = _cpu_s(family) - cpu
    peak = sum(_rss(one, highest=True) for one in family)
    if not failure and peak > MAX_BYTES:
        failure = f"takes {peak >> 20} MB"
    if not failure and cpu > MAX_CPU_S:
        failure = f"takes {cpu:.1f} s"
    return Outcome(number, read, failure, cpu, peak)


def _family(process: psutil.Process) -> list[psutil.Process]:
    """A process and all that it has started."""
    with suppress(psutil.NoSuchProcess):
        return [process, *process.children(recursive=True)]
    return []


def _cpu_s(family: Sequence[psutil.Process]) -> float:
    """Seconds of computing of processes, and of those of theirs that have ended."""
    total = 0.0
    for one in family:
        with suppress(psutil.NoSuchProcess):
            total += sum(one.cpu_times()[:4])
    return total


def _rss(process: psutil.Process, *, highest: bool = False) -> int:
    """The memory of a process, or the highest since it was last asked on Linux."""
    with suppress(psutil.NoSuchProcess):
        with suppress(OSError, IndexError):
            status = Path(f"/proc/{process.pid}/status").read_text("utf-8")
            name = "VmHWM:" if highest else "VmRSS:"
            return int(status.partition(name)[2].split()[0]) << 10
        return int(process.memory_info().rss)
    return 0


def _kill(pid: int | None) -> None:
    """Kill a process of this module with all that it has started."""
    with suppress(psutil.NoSuchProcess):
        for one in reversed(_family(psutil.Process(pid))):
            with suppress(psutil.NoSuchProcess):
                one.kill()
