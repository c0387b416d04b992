"""Long commands in processes of their own: imports, exports, trainings and others.

A job is a folder `data/jobs/<job_id>/`: job.json holds its command and state,
progress.json is written by the command, log.txt is its output, `stop` asks it to stop,
and `lock` is held by its process. A job therefore outlives the page, the browser and
the server, a killed one is recognized by anybody who looks, and two servers on one data
folder never run a job twice. Trainings run one after another.

Where several computers share the folder, a lock may hold on its own computer only.
So each job names its computer, and its process touches `beat` now and then: while that
is fresh, the job runs.

Run a job in this process: python -m coin_core.jobs JOB_ID
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TypeVar

from filelock import FileLock, Timeout
from tqdm import tqdm

from coin_core.access import Right, acting_as, check, current_person, operator
from coin_core.errors import CoinError, JobStoppedError, NotAllowedError
from coin_core.storage import (
    PROJECT_DIR,
    data_dir,
    is_locked,
    open_lock,
    read_json,
    write_json,
)

logger = logging.getLogger(__name__)

VARIABLE: Final = "COIN_JOB"
"""Environment variable with the job that a process works on."""

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,60}")
_OLD_ID = re.compile(r"[0-9]{8}-[0-9]{12}-[0-9a-f]{4}")
_NICE = 5  # trainings leave the processor to the pages
_WRITE_EVERY_S = 0.5
_KEEP_EXPORT_S = 24 * 3600.0  # its file takes room, also where it was killed
_KEEP_DONE_S = 30 * 24 * 3600.0
_LOG_BYTES = 64 << 10
_KILLED = 130  # the exit code of an interrupted command
_BEAT_S = 10.0
_LEASE_S = 90.0  # without a sign of life for so long, a computer counts as gone
_PUT_AWAY = "put_away"  # a file: the list of all jobs leaves it out
_AT_ONCE = "at once"  # in the file `stop`: end its process
_DOUBLE_CLICK_S = 1.0  # two requests so near to each other are one
_INTERRUPTED = "It was interrupted; it can go on from where it was."

ProgressCallback = Callable[[int, int], None]
"""Is told what is done and its total; it may raise to stop."""

Item = TypeVar("Item")


class JobKind(StrEnum):
    """What a job does."""

    TRAINING = "training"  # one at a time
    IMPORT = "import"
    EXPORT = "export"
    SCRAPE = "scrape"
    CLASSIFY = "classify"
    FREEZE = "freeze"


class JobState(StrEnum):
    """The state of a job."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"  # by a person
    INTERRUPTED = "interrupted"  # its process was killed
    FAILED = "failed"


_RIGHTS: Final = {
    JobKind.TRAINING: Right.TRAIN,
    JobKind.IMPORT: Right.IMPORT,
    JobKind.EXPORT: Right.EXPORT,
    JobKind.SCRAPE: Right.GATHER,
    JobKind.CLASSIFY: Right.LABEL,
    JobKind.FREEZE: Right.FREEZE,
}
_CAN_RESUME = (JobState.STOPPED, JobState.INTERRUPTED, JobState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProgress:
    """How far a job is.

    Attributes:
        done: Units that are done.
        total: Units in all; None until they are counted.
        unit: What is counted, in the singular: "photo".
        words: What is done at the moment, or a whole sentence where `unit` is "".
        seconds: What was left at most at the time `at`; None if not known.
        at: When this was written, in seconds since 1970.
        details: What else the command reports, such as the run of a training.
    """

    done: float = 0
    total: float | None = None
    unit: str = ""
    words: str = ""
    seconds: float | None = None
    at: float = 0.0
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def fraction(self) -> float:
        """The part that is done, 0 to 1."""
        return min(1.0, max(0.0, self.done / self.total)) if self.total else 0.0

    @property
    def seconds_left(self) -> float | None:
        """At most this many seconds are left; None while that is not known."""
        if self.seconds is None:
            return None
        return max(0.0, self.seconds - max(0.0, time.time() - self.at))

    @property
    def text(self) -> str:
        """The words with the count."""
        if not self.unit or not self.total:
            return self.words
        count = f"{self.done:,.0f} of {self.total:,.0f} {self.unit}s"
        return f"{self.words}: {count}" if self.words else count

    @property
    def has_more_steps(self) -> bool:
        """Whether the numbers are those of a step, and others come after it."""
        return self.details.get("more_steps") is True


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A command that runs, ran or will run in a process of its own.

    Attributes:
        job_id: The name of its folder.
        kind: What it does.
        title: Its name on the page.
        arguments: Of the `main` function of `module`.
        who: Who added it; "" if that is not known.
        module: Where the command is.
        state: Its state; RUNNING only while its process lives.
        message: Why it failed or stopped, as a sentence.
        pid: Of its process; 0 before.
        machine: The computer that it runs or ran on; "" before.
        created: UTC, ISO 8601; jobs run in this order. So are `started`, `ended`.
    """

    job_id: str
    kind: JobKind
    title: str
    arguments: tuple[str, ...]
    who: str = field(default_factory=lambda: current_person().name)
    module: str = "coin_core.cli.main"
    state: JobState = JobState.WAITING
    message: str = ""
    pid: int = 0
    machine: str = ""
    created: str = ""
    started: str = ""
    ended: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it runs or waits."""
        return self.state in (JobState.WAITING, JobState.RUNNING)

    @property
    def is_queued(self) -> bool:
        """Whether it waits for others; jobs that are no trainings start at once."""
        return self.state is JobState.WAITING and self.kind is JobKind.TRAINING

    @property
    def can_resume(self) -> bool:
        """Whether it ended early."""
        return self.state in _CAN_RESUME

    @property
    def is_elsewhere(self) -> bool:
        """Whether it runs or ran on another computer that shares the folder."""
        return self.machine not in ("", this_machine())

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return jobs_dir() / self.job_id

    @property
    def stop_requested(self) -> bool:
        """Whether somebody asked it to stop."""
        return (self.folder / "stop").exists()

    @property
    def is_put_away(self) -> bool:
        """Whether it is over and the list of all jobs leaves it out."""
        return not self.is_open and (self.folder / _PUT_AWAY).exists()

    def progress(self) -> JobProgress:
        """How far it is; without numbers before it has reported any."""
        raw = read_json(self.folder / "progress.json")
        return JobProgress(
            **{name: raw[name] for name in raw if _is_progress(name, raw[name])}
        )

    def log_tail(self, lines: int = 12) -> str:
        """The last lines of its output."""
        try:
            with (self.folder / "log.txt").open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_BYTES))
                text = file.read().decode("utf-8", errors="replace")
        except OSError:
            return ""
        # A progress bar overwrites itself.
        whole = [line.rsplit("\r", 1)[-1] for line in text.splitlines()]
        return "\n".join([line for line in whole if line.strip()][-lines:])


def _is_progress(name: str, value: object) -> bool:
    """Whether a damaged file has not given a field of `JobProgress` a wrong value."""
    if name in ("done", "total", "seconds", "at"):
        is_number = isinstance(value, int | float) and -1e15 < value < 1e15
        return is_number or (value is None and name in ("total", "seconds"))
    if name == "details":
        return isinstance(value, dict)
    return name in ("unit", "words") and isinstance(value, str)


def this_machine() -> str:
    """The name of this computer."""
    return socket.gethostname()


def jobs_dir() -> Path:
    """The folder of all jobs."""
    return data_dir() / "jobs"


def add_job(
    kind: JobKind,
    title: str,
    arguments: Sequence[str],
    *,
    module: str = "coin_core.cli.main",
) -> Job:
    """Add a job; it starts at once, a training after all trainings before it."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S%f")
    job = Job(
        job_id=f"{stamp}-{secrets.token_hex(2)}",
        kind=kind,
        title=title,
        arguments=tuple(arguments),
        module=module,
    )
    start_job(job)
    return job


def start_job(job: Job) -> None:
    """Write a job down and start it when its turn comes.

    Raises:
        CoinError: A job of that name is running.
        NotAllowedError: The person who acts may not start it.
    """
    with _editing():
        before = _load(job.job_id)
        check_job(before or job)
        who = before.who if before else job.who
        if before is not None and before.state is JobState.RUNNING:
            raise CoinError(_busy(before))
        created = before.created if before else _now()
        _write(replace(job, who=who, state=JobState.WAITING, created=created))
        for mark in ("stop", _PUT_AWAY):
            (job.folder / mark).unlink(missing_ok=True)
    start_waiting()


def refuse_twice(kind: JobKind, does_same: Callable[[Job], bool]) -> None:
    """Refuse to start what a job does already.

    Raises:
        CoinError: A job of this kind that runs or waits does the same.
    """
    for job in list_jobs(kind):
        if job.is_open and does_same(job):
            raise CoinError(_busy(job))


def check_job(job: Job) -> None:
    """Refuse who may not start, stop, resume or remove a job.

    Raises:
        NotAllowedError: The role is too low, or too low for a job of somebody else.
    """
    check(_RIGHTS[job.kind])
    if job.who != current_person().name:
        check(Right.MANAGE_JOBS)


def may_change(job: Job) -> bool:
    """Whether the person who acts may start, stop, resume or remove a job."""
    try:
        check_job(job)
    except NotAllowedError:
        return False
    return True


def add_interrupted(job: Job, message: str, details: dict[str, Any]) -> None:
    """List a job that ended early without being on the list; it can be resumed."""
    ended = replace(
        job, who="", state=JobState.INTERRUPTED, message=message, created=_now()
    )
    with _editing():
        if (before := _load(job.job_id)) is not None and before.is_open:
            return  # somebody has just started it
        job.folder.mkdir(parents=True, exist_ok=True)
        write_json(job.folder / "progress.json", {"details": details})
        _write(ended)


def list_jobs(*kinds: JobKind) -> list[Job]:
    """The jobs of these kinds, or all, oldest first; damaged ones are left out."""
    _adopt_old_queue()
    return [job for job in _load_all() if not kinds or job.kind in kinds]


def find_job(job_id: str) -> Job | None:
    """The job of that name, or None."""
    return _load(job_id)


def stop_job(job_id: str) -> None:
    """Ask a job to stop, or take a waiting one out of the queue.

    The command stops at the next safe point; what it keeps is its own affair. A second
    request ends its process at once.

    Raises:
        CoinError: There is no such job, or it is over.
    """
    with _editing():
        job = _get(job_id)
        check_job(job)
        if job.state is JobState.WAITING:
            _write(replace(job, state=JobState.STOPPED, ended=_now()))
        elif job.state is not JobState.RUNNING:
            raise CoinError(f"{job.title} is {job.state}, and cannot be stopped.")
        elif not job.stop_requested:
            (job.folder / "stop").touch()
        elif _has_just_been_asked(job):
            pass
        elif job.is_elsewhere:
            (job.folder / "stop").write_text(_AT_ONCE)
        elif job.pid not in (0, os.getpid()):  # 0 is every process of this group
            # Its lock is held, so the number is still that of its process.
            with suppress(ProcessLookupError):
                os.kill(job.pid, signal.SIGTERM)


def _has_just_been_asked(job: Job) -> bool:
    """Whether a second request to stop is the second click of a double click."""
    with suppress(OSError):
        age_s = time.time() - (job.folder / "stop").stat().st_mtime
        return 0 <= age_s < _DOUBLE_CLICK_S
    return False


def resume_job(job_id: str) -> None:
    """Run a job again that ended early; its command continues where it was.

    Raises:
        CoinError: There is no such job, or it waits, runs or is done.
    """
    job = _get(job_id)
    check_job(job)
    if not job.can_resume:
        raise CoinError(f"{job.title} is {job.state}.")
    start_job(replace(job, message="", pid=0, ended=""))


def forget_job(job_id: str) -> None:
    """Remove a job that is over from the list, with its files.

    Raises:
        CoinError: There is no such job, or it is running.
    """
    with _editing():
        job = _get(job_id)
        check_job(job)
        if job.state is JobState.RUNNING:
            raise CoinError(f"{job.title} is running. Stop it first.")
        _remove(job)


def put_away(job_id: str) -> None:
    """Leave a job that is over out of the list of all jobs; it can still be resumed.

    Raises:
        CoinError: There is no such job.
    """
    with _editing():
        job = _get(job_id)
        check_job(job)
        (job.folder / _PUT_AWAY).touch()


def start_waiting() -> None:
    """Start the jobs whose turn it is; call it whenever somebody looks at jobs."""
    for key, child in list(_children.items()):
        if child.poll() is not None:
            _children.pop(key, None)  # unless another thread has
    jobs = list_jobs()
    busy = _is_training(jobs)
    for job in jobs:
        if job.state is JobState.WAITING:
            is_training = job.kind is JobKind.TRAINING
            # A resumed job does not wait for its last process to be gone.
            key = (job.folder, job.started)
            if key not in _children and not (is_training and busy):
                _children[key] = _spawn(job)
            busy = busy or is_training
        elif _is_old(job):
            with suppress(CoinError), acting_as(operator()):
                forget_job(job.job_id)


def hold_job(job: Job, *, in_turn: bool = False) -> JobHold:
    """Take hold of a job to work on it in this process.

    Args:
        job: What to work on; it need not be on the list.
        in_turn: Whether it must be waiting, with no other training before it.

    Returns:
        A context manager; the job runs inside it, and its end is recorded.

    Raises:
        CoinError: Another process, or another part of this one, works on it.
    """
    global _handed_over
    if _handed_over == job.job_id:
        _handed_over = ""
        return JobHold(job, None)
    lock = open_lock(job.folder / "lock", timeout_s=2.0)
    try:
        lock.acquire()
    except Timeout as error:
        raise CoinError(_busy(job)) from error
    return JobHold(job, lock, in_turn=in_turn)


class JobHold:
    """This process works on a job until the `with` block ends."""

    def __init__(
        self, job: Job, lock: FileLock | None, *, in_turn: bool = False
    ) -> None:
        self.job = job
        self._lock = lock
        self._in_turn = in_turn
        self._outer = ""
        # The server works on jobs of several visitors at a time, in a thread each.
        self._is_of_thread = threading.current_thread() is not threading.main_thread()
        self._ended = threading.Event()

    def __enter__(self) -> JobHold:
        if self._lock is None:  # the process was started as this job
            return self
        with _editing():
            before = _load(self.job.job_id)
            if self._in_turn and not _has_turn(before):
                self._lock.release()
                raise _NotInTurnError
            if before is not None and _runs_elsewhere(before):
                self._lock.release()
                raise CoinError(_busy(before))
            self.job = replace(
                self.job,
                state=JobState.RUNNING,
                message="",
                pid=os.getpid(),
                machine=this_machine(),
                who=before.who if before else self.job.who,
                created=before.created if before else _now(),
                started=_now(),
                ended="",
            )
            _beat(self.job)
            _write(self.job)
            (self.job.folder / "stop").unlink(missing_ok=True)
        threading.Thread(target=self._keep_beating, daemon=True).start()
        self._outer = _enter_job(self.job.job_id, self._is_of_thread)
        _pending.pop(self.job.job_id, None)
        _merge({"outcome": None, "message": "", "seconds": None})
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._lock is None:
            return
        state, message = JobState.DONE, ""
        if isinstance(error, JobStoppedError | KeyboardInterrupt | GeneratorExit):
            state = JobState.STOPPED
        elif isinstance(error, _InterruptedError):
            state, message = JobState.INTERRUPTED, _INTERRUPTED
        elif isinstance(error, CoinError | _ExitError):
            state, message = JobState.FAILED, str(error)
        elif error is not None:
            state = JobState.FAILED
            message = f"The program failed ({type(error).__name__}: {error})."
        _merge({})
        reported = read_json(self.job.folder / "progress.json")
        if reported.get("outcome") in [*JobState]:
            state = JobState(reported["outcome"])
            message = str(reported.get("message", ""))
        elif state is JobState.FAILED and self.job.stop_requested:
            state, message = JobState.STOPPED, ""
        try:
            with _editing():
                (self.job.folder / "stop").unlink(missing_ok=True)
                _write(replace(self.job, state=state, message=message, ended=_now()))
        except OSError:  # whoever looks next finds it interrupted
            logger.exception("The end of %s could not be written", self.job.title)
        self._ended.set()
        _enter_job(self._outer, self._is_of_thread)
        _pending.pop(self.job.job_id, None)
        self._lock.release()

    def _keep_beating(self) -> None:
        while not self._ended.wait(_BEAT_S):
            _beat(self.job)
            with suppress(OSError):
                if (self.job.folder / "stop").read_text() == _AT_ONCE:
                    os.kill(os.getpid(), signal.SIGTERM)


def current_job_id() -> str:
    """The job that this thread, or else this process, works on; "" without one."""
    return _job_of_thread.get() or os.environ.get(VARIABLE, "")


def _enter_job(job_id: str, is_of_thread: bool) -> str:
    """Set the job that is worked on; returns the one before."""
    if is_of_thread:
        before = _job_of_thread.get()
        _job_of_thread.set(job_id)
        return before
    before = os.environ.pop(VARIABLE, "")
    if job_id:
        os.environ[VARIABLE] = job_id
    return before


def stop_requested() -> bool:
    """Whether somebody asked the job of this process to stop."""
    job_id = current_job_id()
    return bool(job_id) and (jobs_dir() / job_id / "stop").exists()


def report(
    words: str, *, done: float = 0, total: float | None = None, **details: Any
) -> None:
    """Report how far the job of this process is, in a sentence of the command."""
    facts = {"words": words, "done": done, "total": total, "unit": ""}
    _merge({**facts, "details": details}, at_once=False)


def report_details(**details: Any) -> None:
    """Add to what the job of this process reports beside its numbers."""
    _merge({"details": details}, at_once=False)


def report_outcome(state: JobState, message: str = "") -> None:
    """Report how the job of this process ends, where its exit code does not say."""
    _merge({"outcome": state, "message": message})


class Progress:
    """Counts what a command has done, for its job and as a bar on the terminal.

    Args:
        words: What is done, such as "finding coins".
        total: Units in all; None if not known yet.
        unit: What is counted, in the singular.
        done: Units that an earlier process has done.
        has_bar: Whether a terminal shows a bar.
        can_stop: Whether a request to stop raises `JobStoppedError` at the next count;
            without that, the command asks `stop_requested` itself.
    """

    def __init__(
        self,
        words: str,
        total: int | None = None,
        *,
        unit: str = "it",
        done: int = 0,
        has_bar: bool = True,
        can_stop: bool = True,
    ) -> None:
        self.total, self.done, self.unit, self.words = total, done, unit, words
        self._can_stop = can_stop
        self._has_count = False
        self._counted, self._started = 0, time.monotonic()
        # The log of a job needs no bar.
        hidden = bool(current_job_id()) and not sys.stderr.isatty()
        self._bar: Any = tqdm(
            total=total,
            desc=words,
            unit=unit,
            initial=done,
            disable=hidden or not has_bar,
        )
        self._write()

    def update(self, count: int = 1) -> None:
        """Count units.

        Raises:
            JobStoppedError: Somebody asked the job to stop.
        """
        self._counted += count
        self.skip(count)
        if self._can_stop and stop_requested():
            self.close()
            raise JobStoppedError("It was stopped.")

    def skip(self, count: int) -> None:
        """Count units that took no work: they do not make the rest seem faster."""
        self.done += count
        self._bar.update(count)
        self._write(at_once=False)

    def advance_to(self, done: int, total: int | None) -> None:
        """Set what is done and the total."""
        self.total = self._bar.total = total
        self.update(done - self.done)

    def describe(
        self, words: str, *, has_count: bool = False, **figures: object
    ) -> None:
        """Say what is done now.

        Args:
            words: As in the constructor.
            has_count: Whether the words are a sentence with its own numbers.
            figures: What a terminal shows beside the bar.
        """
        if figures:
            self._bar.set_postfix(figures, refresh=False)
        self.words, self._has_count = words, has_count
        self._write(at_once=False)

    def close(self) -> None:
        """Write the last count."""
        self._bar.close()
        self._write()

    def _write(self, *, at_once: bool = True) -> None:
        left = None
        if self._counted > 0 and self.total:
            per_unit = (time.monotonic() - self._started) / self._counted
            left = max(0.0, (self.total - self.done) * per_unit)
        _merge(
            {
                "words": self.words,
                "done": self.done,
                "total": self.total,
                "unit": "" if self._has_count else self.unit,
                "seconds": left,
            },
            at_once=at_once,
        )

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def track(
    items: Iterable[Item],
    words: str,
    *,
    unit: str = "it",
    has_bar: bool = True,
) -> Iterator[Item]:
    """The items, counted by a `Progress` as they are taken.

    Raises:
        JobStoppedError: Somebody asked the job to stop.
    """
    total = len(items) if isinstance(items, Sequence) else None
    with Progress(words, total, unit=unit, has_bar=has_bar) as progress:
        for item in items:
            yield item
            progress.update()


def main(arguments: Sequence[str]) -> int:
    """Run one job in this process, then start the next; returns 0."""
    global _handed_over
    job = _load(arguments[0])
    if job is None:
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if job.kind is JobKind.TRAINING:
        with suppress(AttributeError, OSError):
            os.nice(_NICE)
    try:
        with hold_job(job, in_turn=True):
            _handed_over = job.job_id
            _run_command(job)
    except _NotInTurnError:
        return 0
    except (CoinError, _ExitError, _InterruptedError) as error:
        logger.info("%s", error)
    except Exception:
        logger.exception("%s failed", job.title)
    start_waiting()
    return 0


def _run_command(job: Job) -> None:
    code: object
    try:
        code = import_module(job.module).main(list(job.arguments))
    except SystemExit as error:
        code = error.code
    except KeyboardInterrupt:
        code = _KILLED
    if code == _KILLED and not job.stop_requested:
        raise _InterruptedError(_INTERRUPTED)
    if code:
        raise _ExitError(job.log_tail(1).removeprefix("coin_core: "))


def _has_turn(job: Job | None) -> bool:
    if job is None or job.state is not JobState.WAITING:
        return False
    return job.kind is not JobKind.TRAINING or not _is_training(_load_all())


def _is_training(jobs: Iterable[Job]) -> bool:
    return any(
        job.kind is JobKind.TRAINING and job.state is JobState.RUNNING for job in jobs
    )


class _NotInTurnError(Exception):
    """A job is over, runs already, or waits for another training."""


class _ExitError(Exception):
    """A command ended with an exit code that is not 0."""


class _InterruptedError(Exception):
    """A command was ended from outside, not by a request to stop."""


# The job whose lock `main` holds for the command that it is about to run.
_handed_over = ""
# The processes that this one has started, so that none of them stays a zombie.
_children: dict[tuple[Path, str], subprocess.Popen[bytes]] = {}
_job_of_thread: ContextVar[str] = ContextVar("job", default="")
# What each job that is worked on here has reported and not written yet.
_pending: dict[str, dict[str, Any]] = {}
_written_at: dict[str, float] = {}
_merging = threading.Lock()


def _spawn(job: Job) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "COIN_DATA_DIR": str(data_dir().resolve()),
        "PYTHONUTF8": "1",
    }
    environment.pop(VARIABLE, None)
    if job.kind is not JobKind.TRAINING:
        environment["OMP_NUM_THREADS"] = "1"
    try:
        with (job.folder / "log.txt").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "coin_core.jobs", job.job_id],
                cwd=PROJECT_DIR,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Neither a closed terminal nor the end of the server reaches it.
                start_new_session=True,
            )
    except OSError as error:
        raise CoinError(
            f"{job.title} could not be started ({error.strerror or error}). It waits; "
            "free some memory and reload the page."
        ) from error


def _merge(facts: dict[str, Any], *, at_once: bool = True) -> None:
    """Merge facts into the progress of this process's job; a full disk ends nothing."""
    job_id = current_job_id()
    if not job_id:
        return
    path = jobs_dir() / job_id / "progress.json"
    with _merging, suppress(OSError):
        pending = _pending.setdefault(job_id, {})
        details = {**pending.get("details", {}), **facts.get("details", {})}
        pending.update(facts, details=details, at=time.time())
        if at_once or time.monotonic() - _written_at.get(job_id, 0) > _WRITE_EVERY_S:
            before = read_json(path)
            if isinstance(kept := before.get("details"), dict):
                details = {**kept, **details}
            whole = {**before, **pending, "details": details}
            write_json(path, whole, durable=False)
            pending.clear()
            _written_at[job_id] = time.monotonic()


def _editing() -> FileLock:
    """Nobody else changes a job inside it."""
    return open_lock(jobs_dir() / "lock")


def _get(job_id: str) -> Job:
    job = _load(job_id)
    if job is None:
        raise CoinError(f"There is no job {job_id!r}; it may have been removed.")
    return job


def _load(job_id: str) -> Job | None:
    """A job; None if it is missing or damaged. A killed one is interrupted."""
    job = _parse(job_id)
    if job is None or job.state is not JobState.RUNNING:
        return job
    if is_locked(job.folder / "lock") or _runs_elsewhere(job):
        return job
    # A process records its end before it releases the lock: read that.
    job = _parse(job_id)
    if job is not None and job.state is JobState.RUNNING:
        return replace(job, state=JobState.INTERRUPTED, message=_INTERRUPTED)
    return job


def _beat(job: Job) -> None:
    with suppress(OSError):
        (job.folder / "beat").touch()


def _runs_elsewhere(job: Job) -> bool:
    """Whether another computer runs a job, and shows signs of life."""
    if job.state is not JobState.RUNNING or not job.is_elsewhere:
        return False
    try:
        return time.time() - (job.folder / "beat").stat().st_mtime < _LEASE_S
    except OSError:
        return False


def _load_all() -> list[Job]:
    folder = jobs_dir()
    paths = folder.iterdir() if folder.is_dir() else ()
    found = [job for path in paths if (job := _load(path.name)) is not None]
    return sorted(found, key=lambda job: (job.created, job.job_id))


def _parse(job_id: str) -> Job | None:
    if not _ID.fullmatch(job_id):
        return None
    job = _from_json(read_json(jobs_dir() / job_id / "job.json"))
    return job if job is not None and job.job_id == job_id else None


def _from_json(raw: dict[str, Any]) -> Job | None:
    try:
        known = {item.name for item in fields(Job)}
        values = {name: value for name, value in raw.items() if name in known}
        values.setdefault("who", "")  # of an older version
        if values.get("module") == "coin_core.catalog.asking":  # its old place
            values["module"] = "coin_core.label_review.asking"
        values["arguments"] = tuple(map(str, values["arguments"]))
        values["state"] = JobState(values["state"])
        values["kind"] = JobKind(values.get("kind", JobKind.TRAINING))
        others = ("arguments", "pid")
        words = [word for name, word in values.items() if name not in others]
        pid = values.get("pid", 0)
        is_pid = type(pid) is int and pid >= 0
        if not is_pid or not all(isinstance(word, str) for word in words):
            return None
        return Job(**values)
    except (ValueError, TypeError, KeyError):
        return None


def _write(job: Job) -> None:
    job.folder.mkdir(parents=True, exist_ok=True)
    write_json(job.folder / "job.json", asdict(job))


def _remove(job: Job) -> None:
    # Without this file it is no job, however far the rest comes.
    (job.folder / "job.json").unlink(missing_ok=True)
    shutil.rmtree(job.folder, ignore_errors=True)


def _is_old(job: Job) -> bool:
    """Whether a job is over for so long that nobody needs it: any export, others done.

    A killed one has no time at which it ended.
    """
    is_export = job.kind is JobKind.EXPORT
    is_over = job.state is JobState.DONE or (is_export and job.state in _CAN_RESUME)
    with suppress(ValueError):
        age = datetime.now(UTC) - datetime.fromisoformat(job.ended or job.started)
        keep_s = _KEEP_EXPORT_S if is_export else _KEEP_DONE_S
        return is_over and age.total_seconds() > keep_s
    return False


def _adopt_old_queue() -> None:
    """Take over the trainings that version 1 kept in `data/queue/<job_id>.json`."""
    queue = data_dir() / "queue"
    if not queue.is_dir() or is_locked(queue / "worker.lock"):
        return
    with _editing():
        for path in sorted(queue.glob("*.json")):
            job = _from_json(read_json(path))
            if job is None or not _OLD_ID.fullmatch(job.job_id):
                continue
            try:
                stamp = datetime.strptime(job.job_id[:21], "%Y%m%d-%H%M%S%f")
            except ValueError:  # such as month 13
                continue
            created = stamp.replace(tzinfo=UTC).isoformat(timespec="microseconds")
            if not (job.folder / "job.json").exists():
                _write(replace(job, created=created))
            log = path.with_suffix(".log")
            if log.exists():
                log.replace(job.folder / "log.txt")
            path.unlink()


def _busy(job: Job) -> str:
    where = f" on {job.machine}" if job.is_elsewhere else ""
    return f"{job.title} is running already{where}. Wait for it, or stop it first."


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


if __name__ == "__main__":
    # The command imports this module by its name: both must be one.
    sys.exit(import_module("coin_core.jobs").main(sys.argv[1:]))
