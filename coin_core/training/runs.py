"""Runs: the settings, the history by epoch and the results of each training.

A run is a folder `runs/<run_id>/` with config.json, history.jsonl and report.json,
predictions.jsonl with one line per measured photo, and notes.txt. A line is added to
the history after each epoch, so that it is complete up to a crash. The process that
trains holds running.lock: no second process resumes the run.
"""

from __future__ import annotations

import errno
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from coin_core.access import Right, check
from coin_core.errors import CoinError, JobStoppedError, TrainingStoppedError
from coin_core.jobs import (
    JobState,
    current_job_id,
    report_details,
    report_outcome,
)
from coin_core.recycle_bin import discard
from coin_core.storage import (
    append_json_line,
    data_dir,
    dump_json,
    encode_json,
    is_locked,
    open_lock,
    parse_json,
    read_json,
    read_lines,
    read_text,
    write_file,
    write_json,
)

Row = dict[str, Any]

MAX_NOTE = 4000
# The locks that this process holds, by the run's folder.
_held: dict[Path, FileLock] = {}


class RunState(StrEnum):
    """How far a run has come."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    DAMAGED = "damaged"


def runs_dir() -> Path:
    """The folder of all runs."""
    return data_dir() / "runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One training and its folder."""

    folder: Path

    @property
    def run_id(self) -> str:
        """The name of the folder: time, classifier, a random end."""
        return self.folder.name

    def config(self) -> Row:
        """The settings; {} when the file is missing or torn."""
        return read_json(self.folder / "config.json")

    def report(self) -> Row:
        """State, latest and best epoch of each fold, and the results."""
        return read_json(self.folder / "report.json")

    def state(self) -> RunState:
        """The state, from its files and whether its process is alive."""
        return self.state_and_reason()[0]

    def state_and_reason(self, alive: bool | None = None) -> tuple[RunState, str]:
        """The state, and for failed and damaged runs the reason in one sentence.

        Args:
            alive: What `is_alive` said before; None asks it.
        """
        # Before the report: a process writes its end there, and then it lets go.
        if alive is None:
            alive = self.is_alive()
        if not (self.folder / "config.json").exists():
            return RunState.DAMAGED, "config.json is missing."
        if not self.config():
            return RunState.DAMAGED, "config.json cannot be read."
        report = self.report()
        if not report and (self.folder / "report.json").exists():
            return RunState.DAMAGED, "report.json cannot be read."
        if alive:
            return RunState.RUNNING, ""
        try:
            state = RunState(report.get("state", "running"))
        except ValueError:
            return RunState.DAMAGED, "report.json names a state that is not known."
        if state is RunState.RUNNING:
            return RunState.INTERRUPTED, ""
        return state, str(report.get("error", ""))

    def claim(self) -> bool:
        """Hold the run for this process; False when another one trains it."""
        if self.folder not in _held:
            lock = open_lock(self._lock_file, timeout_s=0.1)
            try:
                lock.acquire()
            except Timeout:
                return False
            _held[self.folder] = lock
        report_details(run=self.run_id)
        return True

    def release(self) -> None:
        """Release the run, as the end of the process does."""
        if lock := _held.pop(self.folder, None):
            lock.release()

    def is_alive(self) -> bool:
        """Whether a process is training this run."""
        return is_locked(self._lock_file)

    def is_being_made(self) -> bool:
        """Whether a process is about to write its settings."""
        return not (self.folder / "config.json").exists() and self.is_alive()

    @property
    def _lock_file(self) -> Path:
        return self.folder / "running.lock"

    def note(self) -> str:
        """The user's note about the run."""
        try:
            return read_text(self.folder / "notes.txt", errors="replace")
        except OSError:
            return ""

    def set_note(self, text: str) -> None:
        """Replace the note; "" removes it."""
        check(Right.TRAIN)
        path = self.folder / "notes.txt"
        if text.strip():
            write_file(path, text.strip()[:MAX_NOTE].encode())
        else:
            path.unlink(missing_ok=True)

    def predictions(self) -> list[Row]:
        """One row per measured photo, from the fold that held it out.

        Each has "photo", "coin", "label", "fold", "probabilities" by class, and where
        they are known "legibility" and "picture", the name of its saved crop.
        """
        rows, _ = _read_lines(self.folder / "predictions.jsonl")
        return [row for row in rows if _is_prediction(row)]

    def write_predictions(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Replace the predictions in one step."""
        lines = [dump_json(row) + "\n" for row in rows]
        write_file(self.folder / "predictions.jsonl", encode_json("".join(lines)))

    def has_learned(self) -> bool:
        """Whether an epoch or a fold is behind it, which a resumed training keeps."""
        return bool(self.rows()) or "report" in self.report()

    def torn_lines(self) -> int:
        """Lines of the history that cannot be read."""
        return _read_lines(self.folder / "history.jsonl")[1]

    def rows(self) -> list[Row]:
        """The history, one row per fold and epoch.

        An epoch that was repeated after a kill counts once, with its last row; a torn
        line is left out.
        """
        kept: dict[tuple[Any, Any], Row] = {}
        for row in _read_lines(self.folder / "history.jsonl")[0]:
            fold, epoch = row.get("fold"), row.get("epoch")
            if isinstance(fold, int | str | None) and isinstance(epoch, int):
                kept[fold, epoch] = row
        return list(kept.values())

    def log(self, row: Mapping[str, Any]) -> None:
        """Add an epoch to the history and to the latest and best epochs."""
        row = {**row, "at": now()}
        append_json_line(self.folder / "history.jsonl", row)
        report = self.report()
        fold = str(row.get("fold", 0))
        best = report.get("best", {})
        if "valid_loss" in row and (
            fold not in best or row["valid_loss"] < best[fold]["valid_loss"]
        ):
            best[fold] = dict(row)
        self.write_report(
            report | {"state": "running", "latest": dict(row), "best": best}
        )

    def amend(self, changes: Mapping[str, Any]) -> None:
        """Change parts of the report."""
        self.write_report({"state": "running", **self.report(), **changes})

    def note_test(self, fold: int, coins: int) -> None:
        """Record that held-out coins were measured: by which fold, when, how many."""
        tests = [*self.report().get("tests", [])]
        self.amend({"tests": [*tests, {"fold": fold, "coins": coins, "at": now()}]})

    def finish(
        self, results: Mapping[str, Any], *, state: RunState = RunState.DONE
    ) -> None:
        """Write the results and the state; latest and best epochs are kept."""
        self.write_report(
            {**self.report(), "state": str(state), "finished": now(), **results}
        )
        report_outcome(JobState(state), str(results.get("error", "")))
        self.release()

    def write_report(self, report: Mapping[str, Any]) -> None:
        """Replace report.json in one step."""
        write_json(self.folder / "report.json", report)

    def delete(self) -> None:
        """Move the folder with everything in it to the bin.

        Raises:
            CoinError: It is being trained, or cannot be moved.
            NotAllowedError: The person who acts may not delete.
        """
        check(Right.DELETE)
        if self.is_alive():
            raise CoinError(f"{self.run_id} is being trained. Stop it first.")
        discard(self.folder)


def start_run(config: Mapping[str, Any], about: Mapping[str, Any] | None = None) -> Run:
    """A new run with these settings, held by this process.

    Args:
        config: The settings that the result depends on; the same resume a run.
        about: Other facts: machine, classes, coins per class.
    """
    name = config.get("classifier", "run")
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = runs_dir() / f"{stamp}-{name}-{secrets.token_hex(2)}"
    folder.mkdir(parents=True)
    whole = {**(about or {}), **config, "started": now()}
    if job := current_job_id():
        whole["job"] = job
    run = Run(folder=folder)
    try:
        run.claim()  # first: others may look as soon as its settings are there
        write_json(folder / "config.json", whole)
    except OSError:  # a full disk: no damaged run should remain
        run.release()
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return run


def resume_run(
    config: Mapping[str, Any], about: Mapping[str, Any] | None = None
) -> Run:
    """The latest unfinished run with the same settings, or a new one.

    A run that another process is training is not used.
    """
    for run in reversed(list_runs()):
        kept = run.config()
        same = all(kept.get(name) == value for name, value in config.items())
        if not kept or not same or run.report().get("state") == "done":
            continue
        if run.claim():
            report = run.report()
            if report.get("state") == "done":  # the process that held it has finished
                run.release()
                continue
            if report:
                run.write_report({**report, "state": "running", "error": ""})
            return run
    return start_run(config, about)


@contextmanager
def failing(*runs: Run) -> Iterator[None]:
    """Note on the runs why the block failed, and raise it as a CoinError."""

    def end(state: RunState, **results: str) -> None:
        for run in runs:
            try:
                run.finish(results, state=state)
            except OSError:
                run.release()

    try:
        yield
    except (TrainingStoppedError, JobStoppedError):  # also while maps are computed
        end(RunState.STOPPED)
        raise
    except (CoinError, OSError) as error:
        reason = as_coin_error(error)
        end(RunState.FAILED, error=str(reason))
        raise reason from error


def as_coin_error(error: CoinError | OSError) -> CoinError:
    """An error of writing a run as a sentence with what to do."""
    if isinstance(error, CoinError):
        return error
    if error.errno == errno.ENOSPC:
        return CoinError("The disk is full. Make room; the same command then resumes.")
    return CoinError(f"The run cannot be written ({error}).")


def find_run(run_id: str) -> Run:
    """The run of that name.

    Raises:
        CoinError: There is no such run.
    """
    for run in list_runs():
        if run.run_id == run_id:
            return run
    raise CoinError(f"There is no run {run_id!r}; it may have been deleted.")


def list_runs() -> list[Run]:
    """All runs, oldest first."""
    root = runs_dir()
    folders = sorted(root.iterdir()) if root.is_dir() else []
    runs = [
        Run(folder=folder)
        for folder in folders
        if folder.is_dir() and not folder.name.startswith(".")
    ]
    return [run for run in runs if not run.is_being_made()]


def now() -> str:
    """The time in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _read_lines(path: Path) -> tuple[list[Row], int]:
    """The JSON objects of a file of lines, and the number of unreadable lines."""
    try:
        lines = read_lines(path)
    except FileNotFoundError:
        return [], 0
    except OSError:
        return [], 1
    rows, torn = [], 0
    for line in lines:
        try:
            row = parse_json(line, finite=True)
        except ValueError:
            row = None
        if isinstance(row, dict):
            rows.append(row)
        else:
            torn += bool(line.strip())
    return rows, torn


def _is_prediction(row: Row) -> bool:
    probabilities = row.get("probabilities")
    return (
        isinstance(row.get("photo"), str)
        and isinstance(row.get("label"), str)
        and isinstance(probabilities, dict)
        and bool(probabilities)
        and all(isinstance(p, int | float) for p in probabilities.values())
    )
