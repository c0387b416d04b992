"""Jobs: one after another or side by side, stopped, killed, resumed, by two servers."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import pairwise

import pytest

from coin_core import jobs
from coin_core.errors import CoinError, JobStoppedError
from coin_core.jobs import (
    Job,
    JobKind,
    JobState,
    Progress,
    add_job,
    find_job,
    forget_job,
    hold_job,
    list_jobs,
    resume_job,
    start_waiting,
    stop_job,
)
from coin_core.storage import PROJECT_DIR, data_dir, is_locked, open_lock

COMMANDS = "tests.job_commands"
SLOW = ("1000", "0.05")


@pytest.fixture(autouse=True)
def _no_job_outlives_its_test():
    yield
    for child in jobs._children.values():
        child.kill()
        child.wait()
    jobs._children.clear()


@pytest.fixture
def not_started(monkeypatch):
    """Jobs are only written down."""
    monkeypatch.setattr(jobs, "start_waiting", lambda: None)


def count(title="Counting", to=SLOW, kind=JobKind.TRAINING):
    return add_job(kind, title, to, module=COMMANDS)


def wait_until(holds):
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end, [*list_jobs(), *map(Job.log_tail, list_jobs())]
        time.sleep(0.05)


def state_of(job):
    found = find_job(job.job_id)
    assert found is not None
    return found.state


def has_counted(job):
    return lambda: find_job(job.job_id).progress().done > 0


def test_trainings_run_in_their_order_and_other_jobs_beside_them():
    first, second = count("one"), count("two", ("2", "0"))
    beside = count("three", ("2", "0"), JobKind.EXPORT)
    wait_until(lambda: state_of(beside) is JobState.DONE and has_counted(first)())
    assert (state_of(first), state_of(second)) == (JobState.RUNNING, JobState.WAITING)
    stop_job(first.job_id)
    wait_until(lambda: state_of(second) is JobState.DONE)
    assert state_of(first) is JobState.STOPPED
    assert find_job(first.job_id).ended <= find_job(second.job_id).started


def test_a_job_reports_how_far_it_is():
    job = count()
    wait_until(lambda: find_job(job.job_id).progress().done > 12)
    progress = find_job(job.job_id).progress()
    assert progress.total == 1000
    assert 0.01 < progress.fraction < 1
    assert progress.text == f"counting: {progress.done} of 1,000 coins"
    assert 5 < progress.seconds_left < 1000


def test_a_stopped_job_goes_on_where_it_was_and_is_forgotten():
    job = count(to=("30", "0.05"))
    wait_until(has_counted(job))
    with pytest.raises(CoinError, match="Stop it first"):
        forget_job(job.job_id)
    with pytest.raises(CoinError, match="is running"):
        resume_job(job.job_id)
    stop_job(job.job_id)
    wait_until(lambda: state_of(job) is JobState.STOPPED)
    assert not find_job(job.job_id).stop_requested
    with pytest.raises(CoinError, match="cannot be stopped"):
        stop_job(job.job_id)
    resume_job(job.job_id)
    wait_until(lambda: state_of(job) is JobState.DONE)
    progress = find_job(job.job_id).progress()
    assert progress.details["began_at"] > 0
    assert progress.done == 30
    with pytest.raises(CoinError, match="is done"):
        resume_job(job.job_id)
    forget_job(job.job_id)
    assert list_jobs() == []
    assert not job.folder.exists()


def test_a_killed_job_is_interrupted_and_goes_on():
    job = count(to=("30", "0.05"))
    wait_until(has_counted(job))
    os.kill(find_job(job.job_id).pid, signal.SIGKILL)
    wait_until(lambda: state_of(job) is JobState.INTERRUPTED)
    assert "interrupted" in find_job(job.job_id).message
    start_waiting()  # nobody starts it again by himself
    assert state_of(job) is JobState.INTERRUPTED
    resume_job(job.job_id)
    wait_until(lambda: state_of(job) is JobState.DONE)
    assert find_job(job.job_id).progress().details["began_at"] > 0


def test_the_next_training_starts_after_a_killed_one():
    first, second = count("one"), count("two", ("2", "0"))
    wait_until(has_counted(first))
    os.kill(find_job(first.job_id).pid, signal.SIGKILL)
    wait_until(lambda: state_of(first) is JobState.INTERRUPTED)
    start_waiting()
    wait_until(lambda: state_of(second) is JobState.DONE)


def test_a_second_request_ends_the_process_at_once(monkeypatch):
    job = count(to=("3", "600"))
    wait_until(lambda: find_job(job.job_id).progress().total == 3)
    with monkeypatch.context() as patch:
        patch.setattr(os, "kill", lambda *_: pytest.fail("it was one double click"))
        stop_job(job.job_id)
        stop_job(job.job_id)
    assert find_job(job.job_id).stop_requested
    monkeypatch.setattr(jobs, "_DOUBLE_CLICK_S", 0.0)
    stop_job(job.job_id)
    wait_until(lambda: state_of(job) is JobState.STOPPED)


def test_the_end_of_the_computer_interrupts():
    job = count(to=("3", "600"))
    wait_until(lambda: find_job(job.job_id).progress().total == 3)
    os.kill(find_job(job.job_id).pid, signal.SIGTERM)
    wait_until(lambda: state_of(job) is JobState.INTERRUPTED)


def test_a_failed_job_says_why_and_can_run_again():
    job, other = count(to=("fail",)), count(to=("code", "3"), kind=JobKind.IMPORT)
    wait_until(lambda: state_of(job) is state_of(other) is JobState.FAILED)
    assert find_job(job.job_id).message == "There is nothing to count."
    resume_job(job.job_id)
    wait_until(lambda: state_of(job) is JobState.FAILED)


def test_a_real_command_runs():
    job = add_job(JobKind.TRAINING, "Help", ("train", "--help"))
    wait_until(lambda: not find_job(job.job_id).is_open)
    assert state_of(job) is JobState.DONE
    assert "--patience" in (job.folder / "log.txt").read_text()


def test_a_waiting_job_is_taken_back(not_started):
    job = count()
    stop_job(job.job_id)
    assert state_of(job) is JobState.STOPPED


def test_a_job_of_the_same_name_in_another_data_folder_starts_as_well(
    tmp_path, monkeypatch
):
    def start():
        jobs.start_job(
            Job(
                job_id="import-1",
                kind=JobKind.IMPORT,
                title="Counting",
                arguments=SLOW,
                module=COMMANDS,
            )
        )
        return len(jobs._children)

    assert start() == 1
    # The process in the first folder has not ended yet.
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path / "other"))
    assert start() == 2


def test_damaged_and_foreign_files_are_passed_over(not_started):
    count("good")
    for name, text in (("torn", "{"), ("list", "[]"), ("empty", "{}")):
        (jobs.jobs_dir() / name).mkdir()
        (jobs.jobs_dir() / name / "job.json").write_text(text)
    (jobs.jobs_dir() / "file.json").write_text("{}")
    assert [job.title for job in list_jobs()] == ["good"]
    for name in ("../../etc/passwd", "20260101-000000000000-ffff", "torn"):
        with pytest.raises(CoinError):
            stop_job(name)


def test_two_servers_on_one_data_folder_run_each_job_once():
    """Both order jobs, and start those that wait, at the same moment."""
    code = (
        "from coin_core.jobs import JobKind, add_job, start_waiting\n"
        "for number in range(2):\n"
        "    add_job(JobKind.TRAINING, 'x', ('3', '0.01'), module='tests.job_commands')"
        "\n    start_waiting()\n"
    )
    environment = {**os.environ, "COIN_DATA_DIR": str(data_dir())}
    servers = [
        subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT_DIR, env=environment)
        for _ in range(2)
    ]
    assert [server.wait(120) for server in servers] == [0, 0]

    def all_done():
        start_waiting()
        return all(job.state is JobState.DONE for job in list_jobs())

    wait_until(all_done)
    ended = list_jobs()
    assert len(ended) == 4
    for before, after in pairwise(sorted(ended, key=lambda job: job.started)):
        assert before.ended <= after.started, "never two at a time"
    assert all(job.progress().details["began_at"] == 0 for job in ended)


def test_two_pages_that_look_at_jobs_see_the_end_of_a_process():
    """One of them may forget it while the other asks for its exit code."""

    class Child:
        def poll(self) -> int:
            jobs._children.pop(key, None)
            return 0

    key = (data_dir(), "")
    jobs._children[key] = Child()
    start_waiting()
    assert key not in jobs._children


def test_a_job_held_by_this_process_is_taken(not_started):
    job = count(kind=JobKind.IMPORT)
    with hold_job(job) as hold:
        assert state_of(job) is JobState.RUNNING
        assert jobs.current_job_id() == job.job_id
        with pytest.raises(CoinError, match="is running already"):
            hold_job(job)
        with pytest.raises(CoinError, match="is running already"):
            jobs.start_job(hold.job)
    assert state_of(job) is JobState.DONE
    assert jobs.current_job_id() == ""


def test_a_request_to_stop_ends_what_counts(not_started):
    job = count(kind=JobKind.EXPORT)

    def work():
        with hold_job(job), Progress("x", 9) as progress:
            progress.update()
            stop_job(job.job_id)
            progress.update()

    with pytest.raises(JobStoppedError):
        work()
    assert state_of(job) is JobState.STOPPED
    assert find_job(job.job_id).progress().done == 2


def test_skipped_units_do_not_make_the_rest_seem_faster(not_started, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with hold_job(count()), Progress("epochs", 12, unit="epoch") as progress:
        progress.skip(6)
        now[0] = 20.0
        progress.update(2)
        job = list_jobs()[0]
        assert job.progress().seconds == pytest.approx(40)
        assert job.progress().fraction == pytest.approx(8 / 12)


def test_a_command_by_hand_reports_to_nobody_but_the_terminal(capsys):
    with Progress("photos", 2, unit="photo") as progress:
        progress.update()
    assert "photos:  50%" in capsys.readouterr().err
    assert not jobs.jobs_dir().exists()


def test_the_queue_of_the_version_before_opens(not_started):
    queue = data_dir() / "queue"
    queue.mkdir(parents=True)
    old = {
        "job_id": "20260102-030405000006-abcd",
        "title": "kNN on coins",
        "arguments": ["train", "knn", "--data", "coins"],
        "message": "",
        "pid": 7,
        "started": "2026-01-02T03:04:06+00:00",
        "ended": "",
    }
    path = queue / "20260102-030405000006-abcd.json"
    path.write_text(json.dumps({**old, "state": "running"}))
    path.with_suffix(".log").write_text("old words\n")
    (queue / "20260101-000000000000-0000.json").write_text("{")
    with open_lock(queue / "worker.lock"):
        assert list_jobs() == [], "its worker still runs"
    [job] = list_jobs()
    assert (job.title, job.kind) == ("kNN on coins", JobKind.TRAINING)
    assert job.state is JobState.INTERRUPTED
    assert job.log_tail() == "old words"
    assert not path.exists()
    resume_job(job.job_id)
    assert state_of(job) is JobState.WAITING


def test_a_waiting_job_whose_command_has_moved_finds_it(not_started):
    job = add_job(JobKind.CLASSIFY, "Asking", ["1"], module="coin_core.catalog.asking")
    [waiting] = list_jobs()
    assert waiting.job_id == job.job_id
    assert waiting.module == "coin_core.label_review.asking"
    assert callable(import_module(waiting.module).main)


def ended_job(job_id, kind, state, days):
    """A job that ended some days ago; a killed one has no time at which it did."""
    at = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    ended = "" if state is JobState.RUNNING else at
    facts = {"state": state, "started": at, "ended": ended}
    jobs._write(Job(job_id=job_id, kind=kind, title="a", arguments=(), **facts))


@pytest.mark.parametrize("state", [s for s in JobState if s is not JobState.WAITING])
def test_old_exports_are_removed_however_they_ended(state):
    ended_job("old", JobKind.EXPORT, state, 2)
    ended_job("new", JobKind.EXPORT, state, 0.5)
    start_waiting()
    assert [job.job_id for job in list_jobs()] == ["new"]


def test_other_jobs_that_can_be_resumed_stay():
    for state in (JobState.STOPPED, JobState.FAILED, JobState.RUNNING, JobState.DONE):
        ended_job(state, JobKind.IMPORT, state, 100)
    start_waiting()
    assert {job.job_id for job in list_jobs()} == {"stopped", "failed", "running"}


def test_a_lock_dies_with_its_process(tmp_path):
    path = tmp_path / "a.lock"
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from coin_core.storage import open_lock\n"
        "lock = open_lock(Path(sys.argv[1])); lock.acquire()\n"
        "print('taken', flush=True); time.sleep(60)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, cwd=PROJECT_DIR
    )
    assert holder.stdout.readline() == b"taken\n"
    assert is_locked(path)
    holder.kill()
    holder.wait()
    assert not is_locked(path)


@pytest.fixture
def elsewhere(not_started):
    """A function: a job that another computer, which shares the folder, says it runs.

    Locks of that computer hold there alone.
    """

    def run(age_s=0.0):
        job = count(to=("1", "0"))
        raw = json.loads((job.folder / "job.json").read_text())
        raw |= {"state": "running", "machine": "museum-2", "pid": os.getpid()}
        (job.folder / "job.json").write_text(json.dumps(raw))
        (job.folder / "beat").touch()
        os.utime(job.folder / "beat", (time.time() - age_s,) * 2)
        return find_job(job.job_id)

    return run


def test_a_job_names_its_computer():
    job = count(to=("1", "0"))
    wait_until(lambda: state_of(job) is JobState.DONE)
    found = find_job(job.job_id)
    assert found.machine == jobs.this_machine()
    assert not found.is_elsewhere


def test_a_job_of_another_computer_runs_while_that_shows_signs_of_life(elsewhere):
    job = elsewhere(age_s=jobs._LEASE_S / 2)
    assert (job.state, job.machine, job.is_elsewhere) == ("running", "museum-2", True)
    assert not is_locked(job.folder / "lock")
    for act in (lambda: resume_job(job.job_id), lambda: forget_job(job.job_id)):
        with pytest.raises(CoinError, match="running"):
            act()
    with pytest.raises(CoinError, match="running already on museum-2"), hold_job(job):
        pass
    assert not is_locked(job.folder / "lock")
    assert state_of(job) is JobState.RUNNING


def test_a_computer_that_shows_no_sign_of_life_has_lost_its_job(elsewhere):
    job = elsewhere(age_s=jobs._LEASE_S * 2)
    assert job.state is JobState.INTERRUPTED
    with hold_job(find_job(job.job_id)):
        found = find_job(job.job_id)
        assert (found.state, found.is_elsewhere) == (JobState.RUNNING, False)


def test_a_job_that_was_killed_here_is_taken_up_by_its_command(not_started):
    job = count(to=("1", "0"))
    raw = json.loads((job.folder / "job.json").read_text())
    raw |= {"state": "running", "machine": jobs.this_machine(), "pid": os.getpid()}
    (job.folder / "job.json").write_text(json.dumps(raw))
    (job.folder / "beat").touch()
    assert state_of(job) is JobState.INTERRUPTED
    with hold_job(find_job(job.job_id)):
        assert state_of(job) is JobState.RUNNING


def test_a_training_waits_for_that_of_another_computer(elsewhere):
    job = elsewhere()
    second = count("two", ("1", "0"))
    with pytest.raises(jobs._NotInTurnError), hold_job(second, in_turn=True):
        pass
    (job.folder / "beat").unlink()
    with hold_job(second, in_turn=True):
        assert state_of(second) is JobState.RUNNING


def test_a_job_of_another_computer_is_never_killed_by_its_number_here(
    elsewhere, monkeypatch
):
    monkeypatch.setattr(jobs, "_DOUBLE_CLICK_S", 0.0)
    job = elsewhere()
    stop_job(job.job_id)
    assert (job.folder / "stop").read_text() == ""
    stop_job(job.job_id)  # its number is that of this process, which goes on
    assert (job.folder / "stop").read_text() == jobs._AT_ONCE


def test_a_process_gives_signs_of_life_and_ends_at_once_if_asked_from_elsewhere(
    monkeypatch, not_started
):
    monkeypatch.setattr(jobs, "_BEAT_S", 0.05)
    job = count(to=("1", "0"))

    def work():
        with hold_job(job):
            beat = job.folder / "beat"
            os.utime(beat, (1, 1))
            wait_until(lambda: beat.stat().st_mtime > 1)
            (job.folder / "stop").write_text(jobs._AT_ONCE)
            wait_until(lambda: False)

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            work()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    assert state_of(job) is JobState.STOPPED


def test_a_job_that_somebody_starts_is_not_listed_as_interrupted(not_started):
    job = count()
    jobs.add_interrupted(job, "It was killed.", {})
    assert state_of(job) is JobState.WAITING


def test_threads_work_on_jobs_of_their_own_beside_each_other(not_started):
    names = ("one", "two")
    made = {name: count(name, kind=JobKind.IMPORT) for name in names}
    steps = [threading.Barrier(2) for _ in range(3)]
    seen = {}

    def work(name):
        with hold_job(made[name]):
            steps[0].wait(10)
            jobs.report(name, done=1, total=names.index(name) + 5)
            steps[1].wait(10)
            if name == "two":
                stop_job(made["one"].job_id)
            steps[2].wait(10)
            seen[name] = jobs.current_job_id(), jobs.stop_requested()
            if name == "two":
                time.sleep(0.2)  # the other ends before

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(work, name) for name in names]:
            done.result(30)
    for number, name in enumerate(names):
        job = find_job(made[name].job_id)
        assert seen[name] == (job.job_id, name == "one")
        assert (job.progress().words, job.progress().total) == (name, number + 5)
    assert jobs.current_job_id() == os.environ.get(jobs.VARIABLE, "") == ""
