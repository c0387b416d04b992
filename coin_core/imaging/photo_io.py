"""The door for untrusted photos; no other module turns bytes into pixels.

The type of a file is identified by its first bytes, never by its name. Everything
else happens in `decoder`, in a process of its own: a file that crashes it, or takes
too much time or memory, costs that process and nothing more.
"""

from __future__ import annotations

import atexit
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from coin_core.errors import BusyError, DecoderMissingError, UnreadablePhotoError
from coin_core.i18n import N_
from coin_core.imaging.decoder import (
    MAX_PIXELS,
    MAX_SIDE_PX,
    show_name,
    sniff,
)
from coin_core.storage import PROJECT_DIR

MAX_BYTES: Final = 100 * 1024 * 1024
MAX_CPU_S: Final = 10.0
"""Processor time that one photo may take; the slowest that is accepted takes 4 s."""
MAX_MEMORY: Final = 2**30
"""Bytes that decoding one photo may take."""
MAX_WALL_S: Final = 120.0
"""Time after which a decoder is killed, however little it has computed.

Longer than `MAX_CPU_S` takes where twelve processes share a core, so that it ends only
what waits for ever, and no photo is refused because the computer is busy.
"""

_MAX_DECODERS = 8
_KEPT_DECODERS = 2  # those beyond are ended after use
_MEMORY_OF_ALL = 2 * MAX_MEMORY
# A photo that takes more processor time makes way for the others.
_PATIENCE_S = 1.0
_NICE = 5
# Large photos that are in use at once: two of the largest.
_PIXELS_OF_ALL = 2 * 3 * MAX_SIDE_PX**2
_SMALL_BYTES = 12_000_000  # 4 megapixels; these wait for nobody
_LONGEST_WAIT_S = 1.0
_LONGEST_QUEUE_S = 60.0
_LONGEST_ANSWER = 1 << 20
_PIPE_BYTES = 1 << 20  # the most that Linux gives everybody
_PROGRAM = ("-m", "coin_core.imaging.decoder")

# Arenas and buffers of threads would count against the limit of the memory. What a
# large photo has taken is given back, and comes in huge pages: to fetch it page by page
# takes as long as to decode it. The next small photo finds the memory of the last one.
_ENVIRONMENT = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(4 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(8 << 20),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "OPENBLAS_NUM_THREADS": "1",
}

_MISSING = (
    "The process that decodes photos does not start ({}). Install the program again, "
    "or see what this prints: python -m coin_core.imaging.decoder"
)

_BUSY = N_(
    "Large photos of others took all the memory for a minute. Try again in some "
    "minutes."
)

# fmt: off
SUFFIXES: Final = (
    "jpg", "jpeg", "jpe", "jfif", "mpo", "png", "webp", "tif", "tiff", "bmp", "dib",
    "heic", "heif", "avif", "gif",
)
"""File name suffixes for pickers and folders; decoding ignores names."""

PICTURE_SUFFIXES: Final = (
    *SUFFIXES,
    "jxl", "jp2", "j2k", "jpc", "jpf", "jpx", "psd",
    "dng", "cr2", "cr3", "crw", "nef", "nrw", "arw", "sr2", "srf", "orf", "rw2", "raf",
    "pef", "srw", "3fr", "iiq", "x3f", "kdc", "dcr", "mrw", "erf",
)
"""Suffixes of all pictures, to name those that cannot be read with the reason."""
# fmt: on

ACCEPTED: Final = N_(
    "accepted are JPEG, PNG, WebP, TIFF, BMP, HEIC, AVIF and GIF photos of up to "
    "{size} MB and {pixels} million pixels"
).format(size=MAX_BYTES // 1024**2, pixels=MAX_PIXELS // 10**6)


def inside(folder: Path) -> Iterator[Path]:
    """Yield the photos in a folder and its subfolders, by suffix, in order."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower().lstrip(".") in SUFFIXES and path.is_file():
            yield path


def inside_with_unreadable(folder: Path) -> Iterator[Path]:
    """Like `inside`, with pictures that cannot be read, and links to folders.

    Links to folders are not followed; `read` refuses both with the reason.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            if path.is_symlink():
                yield path
        elif path.suffix.lower().lstrip(".") in PICTURE_SUFFIXES and path.is_file():
            yield path


def read(path: Path | str) -> np.ndarray:
    """Read and decode a photo.

    Returns:
        RGB pixels, uint8 of shape (H, W, 3), as `decode` gives them.

    Raises:
        UnreadablePhotoError: There is no such file, or it is not an accepted photo.
    """
    path = Path(path)
    try:
        if not path.is_file():
            folder = "a link to a folder" if path.is_symlink() else "a folder"
            what = f"is {folder}" if path.is_dir() else "is not there"
            raise _refusal(path.name, what)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise _refusal(path.name, f"cannot be opened ({reason})") from error
    return decode(data, name=path.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoFacts:
    """What a file says of its photo.

    Attributes:
        width_px: As the file stores it, before it is turned or scaled down.
        height_px: Likewise.
        fault: A sentence about what is damaged beside the pixels, or "".
        orientation: By EXIF, 1 to 8. This and the following: of `look` alone.
        tags: The EXIF tags of the file, for TIFF all of its tags.
        notes: What the file holds beside tags, such as "xmp" or "comment".
        pictures: How many pictures the file has.
    """

    width_px: int
    height_px: int
    fault: str = ""
    orientation: int = 1
    tags: frozenset[int] = frozenset()
    notes: frozenset[str] = frozenset()
    pictures: int = 1


def decode(
    data: bytes | bytearray, *, name: str = "photo", queue: bool = False
) -> np.ndarray:
    """Decode a photo; of an animation or a multi-page file, the first picture.

    The photo is turned upright by its EXIF orientation, transparent parts become white,
    and it is scaled down if its longer side exceeds `MAX_SIDE_PX`. Faults beside the
    pixels are ignored; `decode_with_facts` names them.

    Args:
        data: The whole file.
        name: What to call the file in an error message.
        queue: Wait until the large photos of others are done with, for a minute at
            most. For callers that need no further photo to be done with one; others
            wait a second at most, and then go on.

    Returns:
        RGB pixels, uint8 of shape (H, W, 3), writable and contiguous.

    Raises:
        UnreadablePhotoError: The bytes are not an accepted photo. The message is one
            sentence: the file's name, what is wrong, and what is accepted.
        BusyError: In the queue, its time came not.
    """
    return _ask(data, "decode", name, queue)[1]


def decode_with_facts(
    data: bytes, *, name: str = "photo"
) -> tuple[np.ndarray, PhotoFacts]:
    """Decode a photo as `decode` does, and say what its file says of it."""
    facts, pixels = _ask(data, "decode", name)
    return pixels, facts


def look(data: bytes) -> PhotoFacts:
    """Read the metadata of a photo that `decode` accepts.

    Raises:
        UnreadablePhotoError: It is not a photo, or its metadata are damaged.
    """
    return _ask(data, "look", "photo")[0]


def _ask(
    data: bytes | bytearray, task: str, name: str, queue: bool = False
) -> tuple[PhotoFacts, np.ndarray]:
    """Let a decoder do a task; the pixels of "look" are empty."""
    if len(data) > MAX_BYTES:
        raise _refusal(name, f"is larger than {MAX_BYTES // 1024**2} MB")
    kind, pillow_format = sniff(data)
    if pillow_format is None:
        raise _refusal(name, f"is {kind}")
    request = {
        "task": task,
        "kind": kind,
        "format": pillow_format,
        "length": len(data),
        "memory": MAX_MEMORY,
        "cpu_s": MAX_CPU_S,
    }
    try:
        with _borrowed_decoder() as decoder:
            answer, pixels = decoder.run(request, data, queue)
    except _DecoderLostError as error:
        raise _refusal(name, f"is {kind} that {error}") from error
    if isinstance(answer, str):
        raise _refusal(name, answer)
    return answer, pixels


def _read_facts(answer: dict[str, Any]) -> PhotoFacts:
    """The facts in an answer of a decoder, which may be in the hands of its photo."""
    width, height = int(answer["width_px"]), int(answer["height_px"])
    if min(width, height) < 1 or width * height > MAX_PIXELS:
        raise ValueError(f"no photo of {width} × {height} pixels is decoded")
    return PhotoFacts(
        width_px=width,
        height_px=height,
        fault=_read_sentence(answer["fault"]),
        orientation=int(answer.get("orientation", 1)),
        tags=frozenset(map(int, answer.get("tags", ()))),
        notes=frozenset(map(str, answer.get("notes", ()))),
        pictures=int(answer.get("pictures", 1)),
    )


def _read_sentence(text: Any) -> str:
    """A sentence in an answer of a decoder."""
    if not isinstance(text, str) or len(text) > 500 or not text.isprintable():
        raise ValueError("that is no sentence")
    return text


# How refusals read, for `translate`, which looks up their parts too.
_SENTENCES = (
    N_("{name} is {kind}; accepted are {formats}."),
    N_("{name} is {kind} that is damaged or cut short; accepted are {formats}."),
    N_(
        "{name} is {kind} that takes too much memory to decode; accepted are {formats}."
    ),
    N_("{name} is {kind} that was not decoded within {n} s; accepted are {formats}."),
    N_(
        "{name} is {kind} that takes more than {n} s to decode; accepted are {formats}."
    ),
    N_("{name} is {kind} that crashes the decoder; accepted are {formats}."),
    N_("{name} is larger than {size} MB; accepted are {formats}."),
    N_("{name} cannot be opened ({reason}); accepted are {formats}."),
    N_("{name} is not there; accepted are {formats}."),
    N_("{name} has more than {count} million pixels; accepted are {formats}."),
    N_(
        "{name} is {width} × {height} pixels large, more than {count} million pixels; "
        "accepted are {formats}."
    ),
    N_(
        "{name} is {width} × {height} pixels large, too small to show a coin (at least "
        "{least} × {least}); accepted are {formats}."
    ),
    N_(
        "JPEG, PNG, WebP, TIFF, BMP, HEIC, AVIF and GIF photos of up to {size} MB and "
        "{pixels} million pixels"
    ),
    N_("a folder"),
    N_("a link to a folder"),
    N_("a TIFF picture of a kind that cannot be read; save it with 8 or 16 bits"),
    N_("a JPEG photo of more than {count} scans"),
    N_("a JPEG photo of more than {count} segments"),
    N_("a PNG picture of more than {count} chunks"),
    N_(
        "a raw camera file, or another TIFF of which only a reduced preview can be "
        "read; save it as JPEG"
    ),
)


def _refusal(name: str, what: str) -> UnreadablePhotoError:
    """The error that says what is wrong with a file."""
    return UnreadablePhotoError(f"{show_name(name)} {what}; {ACCEPTED}.")


# What reading an answer raises if it is none.
_NO_ANSWER = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    OverflowError,
    RecursionError,
)


class _DecoderLostError(Exception):
    """A decoder died of a photo; the message says what the photo does."""


@dataclass(frozen=True, slots=True)
class _Watch:
    """When a decoder is slowed down, which lets others go on, and when it is killed."""

    ends: float
    slow_from_cpu_s: float
    give_way: Callable[[], object]


class _Decoder:
    """A process that decodes photos, one at a time."""

    def __init__(self) -> None:
        try:
            # The process ends when nobody holds the other end of this pipe any more.
            watched, held = os.pipe()
            self._held = os.fdopen(held, "wb")
            with os.fdopen(watched, "rb"):
                passed = (watched,) if os.name == "posix" else ()  # others cannot
                self.process = subprocess.Popen(
                    [sys.executable, *_PROGRAM, *map(str, passed)],
                    cwd=PROJECT_DIR,
                    env={**os.environ, **_ENVIRONMENT},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    pass_fds=passed,
                )
        except OSError as error:
            raise DecoderMissingError(_MISSING.format(error.strerror)) from error
        self._requests: IO[bytes] = self.process.stdin  # type: ignore[assignment]
        self._answers: IO[bytes] = self.process.stdout  # type: ignore[assignment]
        # What is sent comes in fewer and larger pieces, where the system can do that.
        with suppress(ImportError, AttributeError, OSError):
            import fcntl

            for pipe in (self._requests, self._answers):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._is_ready = False
        self.is_spent = False
        self._hangs = False
        self._watch: _Watch | None = None

    def run(
        self, request: dict[str, Any], data: bytes | bytearray, queue: bool = False
    ) -> tuple[PhotoFacts | str, np.ndarray]:
        """Do a task; see `decode` for the queue.

        Nothing that the process says is believed: a photo may have taken it over.

        Returns:
            The facts, or why the photo is refused; the pixels of "decode".

        Raises:
            _DecoderLostError: The process died of it.
            DecoderMissingError: It never began.
            BusyError: There was no room for the pixels in time.
        """
        pixels = np.empty((0, 0, 3), np.uint8)
        if not self._is_ready:
            with self._watched(patience_s=math.inf):
                is_ready = bool(self._answers.readline())
            if not is_ready:
                code = self.process.wait()
                raise DecoderMissingError(_MISSING.format(f"exit code {code}"))
            self._is_ready = True
        try:
            with self._watched():
                self._send(json.dumps(request).encode() + b"\n", data)
                answer = self._read_answer()
            if "needs" in answer:
                needs = int(answer["needs"])
                if not 0 <= needs <= MAX_MEMORY:
                    raise ValueError(f"{needs} bytes of memory are not given")
                room, give_way = _room_for_pixels(int(answer["gives"]), queue)
                try:
                    with _pool.memory.hold(needs), self._watched(give_way=give_way):
                        self._send(b"\n")
                        answer = self._read_answer()
                        if "shape" in answer:
                            pixels = self._read_pixels(room, *answer["shape"])
                except BaseException:
                    give_way()  # the error keeps the room
                    raise
                del room
            self.is_spent = self.is_spent or "spent" in answer
            if "refused" in answer:
                return _read_sentence(answer["refused"]), pixels
            return _read_facts(answer), pixels
        except _NO_ANSWER as error:
            raise _DecoderLostError(self._cause_of_death()) from error

    def _send(self, *parts: bytes | bytearray) -> None:
        for part in parts:
            self._requests.write(part)
        self._requests.flush()

    def _read_answer(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._answers.readline(_LONGEST_ANSWER))
        return answer

    def _read_pixels(self, room: np.ndarray, height: int, width: int) -> np.ndarray:
        if not (1 <= height <= MAX_SIDE_PX and 1 <= width <= MAX_SIDE_PX):
            raise ValueError(f"{width} × {height} pixels are not given")
        pixels = room[: 3 * height * width].reshape(height, width, 3)
        # A BufferedReader fills the whole array unless the process dies.
        if self._answers.readinto(pixels.data.cast("B")) != pixels.nbytes:  # type: ignore[attr-defined]
            raise EOFError
        return pixels

    @contextmanager
    def _watched(
        self,
        patience_s: float = 0.0,
        give_way: Callable[[], object] = lambda: None,
    ) -> Iterator[None]:
        """Let `look` slow the process down, and kill it in the end."""
        now, cpu_s = time.monotonic(), _cpu_s(self.process.pid)
        patience_s = patience_s or _PATIENCE_S
        self._watch = _Watch(now + MAX_WALL_S, cpu_s + patience_s, give_way)
        try:
            yield
        finally:
            self._watch = None

    def look(self) -> None:
        """Slow the process down once it has computed long, and kill it in the end."""
        if (watch := self._watch) is None:
            return
        if time.monotonic() > watch.ends:
            self._hangs = True
            self.process.kill()
        elif _cpu_s(self.process.pid) > watch.slow_from_cpu_s and not self.is_spent:
            self.is_spent = True  # it cannot be made fast again
            watch.give_way()
            if hasattr(os, "setpriority"):
                with suppress(OSError):
                    os.setpriority(os.PRIO_PROCESS, self.process.pid, _NICE)

    def _cause_of_death(self) -> str:
        self.process.kill()
        code = self.process.wait()
        if self._hangs:
            return f"was not decoded within {MAX_WALL_S:.0f} s"
        if code == -getattr(signal, "SIGPROF", 0):
            return f"takes more than {MAX_CPU_S:.0f} s to decode"
        return "crashes the decoder"

    def end(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for pipe in (self._requests, self._answers, self._held):
            with suppress(OSError):  # the rest of a request is not sent any more
                pipe.close()


def _cpu_s(pid: int) -> float:
    """Processor time of a process, or the time of a clock where no system tells it."""
    try:
        # The clock of clock_getcpuclockid(3); to read /proc takes forty times as long.
        return time.clock_gettime(~pid << 3 | 2)
    except (AttributeError, OSError):
        return time.monotonic()


class _Memory:
    """An amount of memory that is shared."""

    def __init__(self, free_bytes: int) -> None:
        self._free = free_bytes
        # Reentrant: pixels are given back by whatever thread collects garbage.
        self._changed = threading.Condition(threading.RLock())

    def take(
        self, amount: int, timeout_s: float | None = None, *, at_last: bool = False
    ) -> bool:
        """Wait until so much is free, and keep it from others.

        Args:
            amount: How much.
            timeout_s: How long to wait; for ever if None.
            at_last: Take it after that time, free or not.

        Returns:
            Whether it was taken.
        """
        with self._changed:
            is_free = self._changed.wait_for(lambda: self._free >= amount, timeout_s)
            if is_taken := is_free or at_last:
                self._free -= amount
        return is_taken

    def give_back(self, amount: int) -> None:
        """Let others have what was taken."""
        with self._changed:
            self._free += amount
            self._changed.notify_all()

    @contextmanager
    def hold(self, amount: int) -> Iterator[None]:
        """Take so much for a block."""
        self.take(amount)
        try:
            yield
        finally:
            self.give_back(amount)


# Large photos that are in use in this process, decoded or about to be.
_pixels_in_use = _Memory(_PIXELS_OF_ALL)


def _room_for_pixels(size: int, queue: bool) -> tuple[np.ndarray, Callable[[], object]]:
    """An array of so many bytes, and what lets others have them before it is gone.

    A large one waits for those of others.
    """
    if not 0 <= size <= 3 * MAX_SIDE_PX**2:
        raise ValueError(f"{size} bytes of pixels were not asked for")
    room = np.empty(size, np.uint8)  # no memory before pixels are written into it
    if size <= _SMALL_BYTES:
        return room, lambda: None
    wait_s = _LONGEST_QUEUE_S if queue else _LONGEST_WAIT_S
    if not _pixels_in_use.take(size, wait_s, at_last=not queue):
        raise BusyError(_BUSY)
    return room, weakref.finalize(room, _pixels_in_use.give_back, size)


@dataclass(slots=True, eq=False)
class _Pool:
    """The decoders of this process."""

    idle: list[_Decoder] = field(default_factory=list)
    running: set[_Decoder] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
    places: threading.Semaphore = field(
        default_factory=lambda: threading.Semaphore(_MAX_DECODERS)
    )
    memory: _Memory = field(default_factory=lambda: _Memory(_MEMORY_OF_ALL))
    watcher: threading.Thread | None = None

    def run(self, decoder: _Decoder) -> None:
        """Watch a decoder until it is taken out of those that run."""
        with self.lock:
            self.running.add(decoder)
            if self.watcher is None:
                watcher = threading.Thread(
                    target=self._watch, name="decoders", daemon=True
                )
                watcher.start()
                self.watcher = watcher

    def _watch(self) -> None:
        while True:
            time.sleep(_PATIENCE_S)
            with self.lock:
                running = list(self.running)
                if not running:
                    self.watcher = None
                    return
            for decoder in running:
                decoder.look()


_pool = _Pool()


def _forget_decoders() -> None:
    """A fork has its own decoders: two processes cannot share pipes."""
    global _pool
    _pool = _Pool()


def _end_decoders() -> None:
    with _pool.lock:
        for decoder in (*_pool.idle, *_pool.running):
            decoder.process.kill()
            decoder.process.wait()
        _pool.idle.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_decoders)
atexit.register(_end_decoders)


@contextmanager
def _borrowed_decoder() -> Iterator[_Decoder]:
    """A decoder for one task; a lost one is replaced when the next is needed."""
    pool = _pool
    with pool.places:
        with pool.lock:
            alive = [each for each in pool.idle if each.process.poll() is None]
            decoder = alive.pop() if alive else None
            pool.idle = alive
        decoder = decoder or _Decoder()
        try:
            pool.run(decoder)
            yield decoder
        except BaseException:
            decoder.is_spent = True
            raise
        finally:
            with pool.lock:
                pool.running.discard(decoder)
                is_kept = not decoder.is_spent and len(pool.idle) < _KEPT_DECODERS
                if is_kept:
                    pool.idle.append(decoder)
            if not is_kept:
                decoder.end()
