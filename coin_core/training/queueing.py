"""A queue of trainings in files, so that they run one after another.

A job is `data/queue/<job_id>.json` and its log beside it. One worker process, apart
from any server, takes the jobs in order and runs `python -m coin_core train ...` for
each. It holds worker.lock and hands the lock down to the training, so that however many
servers look at one data folder, and whichever of the two processes is killed, there is
never a second training beside the first. Nothing here loads torch.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from coin_core.errors import CoinError
from coin_core.model_store.bundle import data_dir
from coin_core.storage import write_file
from coin_core.training.locking import FileLock, holder, is_held
from coin_core.training.runs import JOB_VARIABLE, Run, list_runs, now

ROOT = Path(__file__).resolve().parents[2]
_ID = re.compile(r"[0-9]{8}-[0-9]{12}-[0-9a-f]{4}")
# How much the trainings stand back behind everything else.
_NICE = 5
# The children of this process, so that none of them stays a zombie.
_children: list[subprocess.Popen[bytes]] = []


class JobState(StrEnum):
    """How far a job has come."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A training that was ordered.

    Attributes:
        job_id: When it was ordered, and a random end; jobs run in this order.
        title: What a person reads.
        arguments: Of `python -m coin_core`.
        state: How far it has come.
        message: Why it failed, in one sentence.
        pid: Of the process that trains, 0 before.
    """

    job_id: str
    title: str
    arguments: tuple[str, ...]
    state: JobState = JobState.WAITING
    message: str = ""
    pid: int = 0
    started: str = ""
    ended: str = ""

    @property
    def keeps_best(self) -> bool:
        """Whether stopping it leaves a model: rendered coins are one long pass."""
        return "rendered" not in self.arguments[2:4]

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.job_id):
            raise ValueError(f"{self.job_id!r} is no job's name.")


def queue_dir() -> Path:
    """Where the jobs lie."""
    return data_dir() / "queue"


def add_job(title: str, arguments: Sequence[str]) -> Job:
    """Order a training; it starts when all before it are over."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S%f")
    job = Job(
        job_id=f"{stamp}-{secrets.token_hex(2)}",
        title=title,
        arguments=tuple(arguments),
    )
    queue_dir().mkdir(parents=True, exist_ok=True)
    _write(job)
    ensure_worker()
    return job


def list_jobs() -> list[Job]:
    """All jobs in the order they run; files that are none are passed over."""
    folder = queue_dir()
    paths = sorted(folder.glob("*.json")) if folder.is_dir() else []
    return [job for path in paths if (job := _read(path)) is not None]


def run_of(job: Job) -> Run | None:
    """The run that a job trains; None before it has begun."""
    for run in reversed(list_runs()):
        if run.config().get("job") == job.job_id:
            return run
        if run.process().get("job") == job.job_id:
            return run
    return None


def log_tail(job: Job, lines: int = 12) -> str:
    """The last lines that a training wrote."""
    try:
        text = _log_path(job.job_id).read_text("utf-8", errors="replace")
    except OSError:
        return ""
    # A progress bar writes over itself.
    whole = [line.rsplit("\r", 1)[-1] for line in text.splitlines() if line.strip()]
    return "\n".join(whole[-lines:])


def stop_job(job_id: str) -> Job:
    """Stop a training with its best so far, or take a waiting one out of the queue.

    Rendered coins are seen in one long pass without a best so far: that training ends
    at its last checkpoint and can go on from there.

    Raises:
        CoinError: There is no such job, or it is over.
    """
    with _edited(job_id) as edit:
        job = edit.job
        if job.state is JobState.WAITING:
            edit.job = replace(job, state=JobState.STOPPED, ended=now())
            return edit.job
        if job.state is not JobState.RUNNING:
            raise CoinError(f"{job.title} is {job.state}, and cannot be stopped.")
    run = run_of(job)
    if run is not None and "digest" in run.config() and not run.stop_asked():
        run.ask_to_stop()
    elif holder(_worker_lock()):
        # The lock is held, so the number is still that of the training.
        with suppress(ProcessLookupError):
            os.kill(job.pid, signal.SIGTERM)
    return job


def resume_job(job_id: str) -> Job:
    """Put a job that did not come to its end back into the queue; it goes on.

    Raises:
        CoinError: There is no such job, or it waits, runs or is done.
    """
    with _edited(job_id) as edit:
        if edit.job.state not in (
            *(JobState.STOPPED, JobState.INTERRUPTED, JobState.FAILED),
        ):
            raise CoinError(f"{edit.job.title} is {edit.job.state}.")
        edit.job = replace(
            edit.job, state=JobState.WAITING, message="", pid=0, ended=""
        )
    ensure_worker()
    return edit.job


def forget_job(job_id: str) -> None:
    """Take a job that is over off the list; its run stays.

    Raises:
        CoinError: There is no such job, or it is running.
    """
    with _edited(job_id) as edit:
        if edit.job.state is JobState.RUNNING:
            raise CoinError(f"{edit.job.title} is running. Stop it first.")
        edit.take_away()
    _log_path(job_id).unlink(missing_ok=True)


def ensure_worker() -> None:
    """Start a worker if jobs wait and nobody works; note those that were killed."""
    _children[:] = [child for child in _children if child.poll() is None]
    jobs = list_jobs()
    if is_held(_worker_lock()):
        return
    for job in jobs:
        if job.state is JobState.RUNNING:
            _settle(job.job_id)
    if any(job.state is JobState.WAITING for job in jobs):
        _children.append(_start_worker())


def _start_worker() -> subprocess.Popen[bytes]:
    with (queue_dir() / "worker.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "coin_core.training.queueing"],
            cwd=ROOT,
            env={**os.environ, "COIN_DATA_DIR": str(data_dir().resolve())},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Neither a closed terminal nor the end of the server reaches it.
            start_new_session=True,
        )


def work() -> None:
    """Run jobs until none waits; at once over when another worker is there."""
    lock = FileLock(_worker_lock())
    while any(job.state is JobState.WAITING for job in list_jobs()):
        # A job that comes while this one lets go is seen by the next look.
        if not lock.take():
            return
        for left in list_jobs():
            if left.state is JobState.RUNNING:
                _settle(left.job_id)  # its worker was killed
        while (job := _next()) is not None:
            _run(job, lock)
        lock.release()


def _next() -> Job | None:
    """The first waiting job, noted as running."""
    for job in list_jobs():
        if job.state is JobState.WAITING:
            with suppress(CoinError), _edited(job.job_id) as edit:
                if edit.job.state is JobState.WAITING:
                    edit.job = replace(edit.job, state=JobState.RUNNING, started=now())
                    return edit.job
    return None


def _run(job: Job, lock: FileLock) -> None:
    with _log_path(job.job_id).open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "coin_core", *job.arguments],
            cwd=ROOT,
            env={**os.environ, JOB_VARIABLE: job.job_id},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Should this worker be killed, the lock stays held while the child lives.
            pass_fds=(lock.fileno(),) if os.name == "posix" else (),
        )
        with _edited(job.job_id) as edit:
            edit.job = replace(edit.job, pid=child.pid)
        code = child.wait()
    _settle(job.job_id, code)


def _settle(job_id: str, code: int | None = None) -> None:
    """Note how a job ended, from its exit code or, without one, from its run."""
    with suppress(CoinError), _edited(job_id) as edit:
        job = edit.job
        run = run_of(job)
        told = run.report().get("state") if run is not None else None
        if told in ("done", "stopped"):
            state = JobState(told)
        elif code == -signal.SIGTERM:
            state = JobState.STOPPED  # as `stop_job` does where no best is kept
        elif code is None or code < 0 or code == 130:
            state = JobState.INTERRUPTED
        else:
            state = JobState.DONE if code == 0 else JobState.FAILED
        message = ""
        if state is JobState.FAILED:
            message = log_tail(job, 1).removeprefix("coin_core: ")
        edit.job = replace(job, state=state, message=message, ended=now())


class _Edit:
    """A job being changed, alone: nobody else reads it before it is written."""

    job: Job

    def __init__(self, job_id: str) -> None:
        self._path = queue_dir() / f"{job_id}.json"
        self._lock = FileLock(queue_dir() / "jobs.lock")
        self._keep = True

    def take_away(self) -> None:
        """Leave nothing of the job."""
        self._keep = False

    def __enter__(self) -> _Edit:
        self._lock.wait()
        job = _read(self._path)
        if job is None:
            self._lock.release()
            raise CoinError(
                f"There is no job {self._path.stem}; it may have been taken away."
            )
        self._before = self.job = job
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None and not self._keep:
                self._path.unlink(missing_ok=True)
            elif kind is None and self.job != self._before:
                _write(self.job)
        finally:
            self._lock.release()


def _edited(job_id: str) -> _Edit:
    if not _ID.fullmatch(job_id):
        raise CoinError(f"{job_id!r} is no job's name.")
    return _Edit(job_id)


def _worker_lock() -> Path:
    return queue_dir() / "worker.lock"


def _log_path(job_id: str) -> Path:
    return queue_dir() / f"{job_id}.log"


def _write(job: Job) -> None:
    text = json.dumps(asdict(job), indent=2, ensure_ascii=False)
    write_file(queue_dir() / f"{job.job_id}.json", text.encode())


def _read(path: Path) -> Job | None:
    """The job in a file; None for one that is missing or torn."""
    try:
        raw: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
        known = {item.name for item in fields(Job)}
        values = {name: value for name, value in raw.items() if name in known}
        values["arguments"] = tuple(str(part) for part in values["arguments"])
        values["state"] = JobState(values["state"])
        return Job(**values)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


if __name__ == "__main__":
    with suppress(AttributeError, OSError):
        os.nice(_NICE)  # the pages stay quick while something is trained
    work()
