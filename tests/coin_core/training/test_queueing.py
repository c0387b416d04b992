"""The queue: one after another, whoever is killed, however many servers look."""

import os
import signal
import subprocess
import sys
import time
from typing import ClassVar

import pytest

from coin_core.errors import CoinError
from coin_core.training import queueing
from coin_core.training.locking import FileLock, is_held
from coin_core.training.queueing import (
    JobState,
    add_job,
    ensure_worker,
    forget_job,
    list_jobs,
    log_tail,
    resume_job,
    stop_job,
    work,
)
from coin_core.training.runs import Run, RunState, start_run

HELP = ("train", "--help")


@pytest.fixture
def no_worker(monkeypatch):
    """Jobs are only written down; the test does the work itself."""
    started = []
    monkeypatch.setattr(queueing, "_start_worker", lambda: started.append(1) or Idle())
    return started


class Idle:
    def poll(self):
        return 0


class Child:
    """Stands for the training: writes its arguments, ends with a code."""

    order: ClassVar[list[str]] = []
    code = 0

    def __init__(self, command, stdout, env, **_):
        self.pid = os.getpid()
        Child.order.append(command[-1])
        stdout.write(f"training {command[-1]}\n".encode())

    def wait(self):
        return Child.code


@pytest.fixture
def child(monkeypatch):
    Child.order, Child.code = [], 0
    monkeypatch.setattr(queueing.subprocess, "Popen", Child)
    return Child


def test_jobs_run_in_the_order_they_were_ordered(no_worker, child):
    for name in "abc":
        add_job(name, ["train", name])
    work()
    assert child.order == ["a", "b", "c"]
    assert {job.state for job in list_jobs()} == {JobState.DONE}
    assert log_tail(list_jobs()[0]) == "training a"


def test_a_second_worker_leaves_the_first_alone(no_worker, child):
    add_job("a", ["train", "a"])
    first = FileLock(queueing.queue_dir() / "worker.lock")
    assert first.take()
    work()
    assert child.order == []
    first.release()
    work()
    assert child.order == ["a"]


def test_a_failed_training_says_why_and_can_be_put_back(no_worker, child):
    job = add_job("a", ["train", "a"])
    child.code = 2
    work()
    (failed,) = list_jobs()
    assert failed.state is JobState.FAILED
    assert failed.message == "training a"
    resume_job(job.job_id)
    child.code = 0
    work()
    assert list_jobs()[0].state is JobState.DONE
    with pytest.raises(CoinError, match="is done"):
        resume_job(job.job_id)
    forget_job(job.job_id)
    assert list_jobs() == []


def test_a_killed_training_is_interrupted(no_worker, child):
    add_job("a", ["train", "a"])
    child.code = -signal.SIGKILL
    work()
    assert list_jobs()[0].state is JobState.INTERRUPTED


def test_a_waiting_job_can_be_taken_back(no_worker, child):
    job = add_job("a", ["train", "a"])
    assert stop_job(job.job_id).state is JobState.STOPPED
    work()
    assert child.order == []


def test_a_running_one_is_asked_to_keep_its_best(no_worker, monkeypatch):
    job = add_job("a", ["train", "a"])
    assert queueing._next().job_id == job.job_id
    monkeypatch.setenv("COIN_TRAINING_JOB", job.job_id)
    run = start_run({"classifier": "knn", "digest": "0"})
    stop_job(job.job_id)
    assert run.stop_asked()
    assert run.state() is RunState.RUNNING
    with pytest.raises(CoinError, match="Stop it first"):
        run.delete()
    with pytest.raises(CoinError, match="Stop it first"):
        forget_job(job.job_id)


def test_a_job_whose_worker_is_gone_is_noted_when_somebody_looks(no_worker):
    add_job("a", ["train", "a"])
    queueing._next()
    ensure_worker()
    assert list_jobs()[0].state is JobState.INTERRUPTED


def test_torn_and_foreign_files_are_passed_over(no_worker):
    add_job("a", ["train", "a"])
    torn = queueing.queue_dir() / "20260101-000000000000-0000.json"
    torn.write_text("{")
    (queueing.queue_dir() / "other.json").write_text("[]")
    assert [job.title for job in list_jobs()] == ["a"]
    for name in ("../../etc/passwd", "20260101-000000000000-ffff"):
        with pytest.raises(CoinError):
            stop_job(name)


def test_a_lock_dies_with_its_holder_but_lives_on_in_a_child(tmp_path):
    path = tmp_path / "a.lock"
    code = (
        "import sys, subprocess, time\n"
        "from pathlib import Path\n"
        "from coin_core.training.locking import FileLock\n"
        "lock = FileLock(Path(sys.argv[1])); lock.take()\n"
        "subprocess.Popen(['sleep', '1.5'], pass_fds=(lock.fileno(),))\n"
        "print('taken', flush=True); time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdout=subprocess.PIPE,
        cwd=queueing.ROOT,
    )
    assert parent.stdout.readline() == b"taken\n"
    parent.kill()
    parent.wait()
    assert is_held(path), "the orphaned child still trains"
    assert not FileLock(path).take()
    end = time.monotonic() + 20
    while is_held(path):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert FileLock(path).take()


def test_the_real_worker_runs_and_goes(tmp_path):
    add_job("help", HELP)
    end = time.monotonic() + 60
    while list_jobs()[0].state in (JobState.WAITING, JobState.RUNNING):
        assert time.monotonic() < end, log_tail(list_jobs()[0])
        time.sleep(0.1)
    assert list_jobs()[0].state is JobState.DONE
    assert (
        "--patience"
        in (queueing.queue_dir() / f"{list_jobs()[0].job_id}.log").read_text()
    )


def test_a_run_that_another_process_trains_is_not_gone_on_with(monkeypatch):
    from coin_core.training import runs

    run = start_run({"classifier": "knn", "seed": 1})
    # As another process sees it: the lock is held, and not by this one.
    monkeypatch.setattr(runs, "_held", {})
    other = runs.resume_run({"classifier": "knn", "seed": 1})
    assert other.run_id != run.run_id
    assert Run(folder=run.folder).state() is RunState.RUNNING
