"""Runs: what was set, what happened epoch by epoch, what came out.

A run is a folder `runs/<run_id>/` with config.json, history.jsonl and report.json,
predictions.jsonl with one line per photo once photos were measured, and notes.txt. A
line is added to the history as soon as an epoch is over; whoever reads along, or comes
back after the machine went down, finds everything up to there. The process that trains
holds running.lock, so that no second one goes on with the same run.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from coin_core.errors import CoinError
from coin_core.jobs import (
    JobState,
    current_job_id,
    report_details,
    report_outcome,
    stop_requested,
)
from coin_core.storage import (
    data_dir,
    is_locked,
    open_lock,
    read_json,
    write_file,
    write_json,
)

Row = dict[str, Any]

MAX_NOTE = 4000
_DELETED = ".deleted-"
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
    """Where all runs lie."""
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
        """What was set; {} when the file is missing or torn."""
        return read_json(self.folder / "config.json")

    def report(self) -> Row:
        """State, latest and best epoch of each fold, and what came out."""
        return read_json(self.folder / "report.json")

    def state(self) -> RunState:
        """How far it has come, from its files and whether its process lives."""
        return self.state_and_reason()[0]

    def state_and_reason(self) -> tuple[RunState, str]:
        """The state, and for failed and damaged runs one sentence that says why."""
        if not (self.folder / "config.json").exists():
            return RunState.DAMAGED, "config.json is missing."
        if not self.config():
            return RunState.DAMAGED, "config.json cannot be read."
        report = self.report()
        if not report and (self.folder / "report.json").exists():
            return RunState.DAMAGED, "report.json cannot be read."
        if self.is_alive():
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
        """Let go of the run; the end of the process does it as well."""
        if lock := _held.pop(self.folder, None):
            lock.release()

    def is_alive(self) -> bool:
        """Whether a living process trains this run."""
        return is_locked(self._lock_file)

    @property
    def _lock_file(self) -> Path:
        return self.folder / "running.lock"

    def ask_to_stop(self) -> None:
        """Have the training stop at the next batch and keep its best so far."""
        (self.folder / "stop").touch()

    def stop_asked(self) -> bool:
        """Whether somebody asked for it."""
        return (self.folder / "stop").exists() or stop_requested()

    def note(self) -> str:
        """What a person wrote about the run."""
        try:
            return (self.folder / "notes.txt").read_text("utf-8", errors="replace")
        except OSError:
            return ""

    def set_note(self, text: str) -> None:
        """Replace what was written about the run; "" takes it away."""
        path = self.folder / "notes.txt"
        if text.strip():
            write_file(path, text.strip()[:MAX_NOTE].encode())
        else:
            path.unlink(missing_ok=True)

    def predictions(self) -> list[Row]:
        """One row per photo that was measured by a fold that had not seen it.

        Each has "photo", "coin", "label", "fold", "probabilities" by class, and where
        they are known "legibility" and "picture", the name of its kept crop.
        """
        rows, _ = _read_lines(self.folder / "predictions.jsonl")
        return [row for row in rows if _is_prediction(row)]

    def write_predictions(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Replace the predictions in one step."""
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
        write_file(self.folder / "predictions.jsonl", "".join(lines).encode())

    def torn_lines(self) -> int:
        """Lines of the history that cannot be read."""
        return _read_lines(self.folder / "history.jsonl")[1]

    def rows(self) -> list[Row]:
        """The history, one row per fold and epoch.

        An epoch that was run again after a kill counts once, as it was last; a line
        that the kill tore is left out.
        """
        kept: dict[tuple[Any, Any], Row] = {}
        for row in _read_lines(self.folder / "history.jsonl")[0]:
            fold, epoch = row.get("fold"), row.get("epoch")
            if isinstance(fold, int | str | None) and isinstance(epoch, int):
                kept[fold, epoch] = row
        return list(kept.values())

    def log(self, row: Mapping[str, Any]) -> None:
        """Add an epoch to the history, and show it as the latest and maybe best."""
        path = self.folder / "history.jsonl"
        with path.open("ab") as file:
            # A line torn by a kill must not swallow the next one.
            torn = file.tell() > 0 and not _ends_with_newline(path)
            row = {**row, "at": now()}
            line = json.dumps(row, ensure_ascii=False) + "\n"
            file.write((("\n" if torn else "") + line).encode())
            file.flush()
            os.fsync(file.fileno())
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
        """Record that held-out coins were looked at: by which fold, when, how many."""
        tests = [*self.report().get("tests", [])]
        self.amend({"tests": [*tests, {"fold": fold, "coins": coins, "at": now()}]})

    def finish(
        self, results: Mapping[str, Any], *, state: RunState = RunState.DONE
    ) -> None:
        """Note what came out; latest and best epochs stay where they are."""
        self.write_report(
            {**self.report(), "state": str(state), "finished": now(), **results}
        )
        (self.folder / "stop").unlink(missing_ok=True)
        report_outcome(JobState(state), str(results.get("error", "")))
        self.release()

    def write_report(self, report: Mapping[str, Any]) -> None:
        """Replace report.json in one step."""
        write_json(self.folder / "report.json", report)

    def delete(self) -> None:
        """Remove the folder with everything in it.

        Raises:
            CoinError: It is being trained.
        """
        if self.is_alive():
            raise CoinError(f"{self.run_id} is being trained. Stop it first.")
        # Out of sight in one step, however long the rest takes.
        aside = self.folder.with_name(f"{_DELETED}{self.run_id}")
        shutil.rmtree(aside, ignore_errors=True)
        self.folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def start_run(config: Mapping[str, Any], about: Mapping[str, Any] | None = None) -> Run:
    """A new run with these settings, held by this process.

    Args:
        config: What decides the result; the same settings go on with a run.
        about: What else is worth knowing: machine, classes, coins per class.
    """
    name = config.get("classifier", "run")
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = runs_dir() / f"{stamp}-{name}-{secrets.token_hex(2)}"
    folder.mkdir(parents=True)
    whole = {**(about or {}), **config, "started": now()}
    if job := current_job_id():
        whole["job"] = job
    try:
        write_json(folder / "config.json", whole)
    except OSError:  # a full disk: half a run would stay as a damaged one
        shutil.rmtree(folder, ignore_errors=True)
        raise
    run = Run(folder=folder)
    run.claim()
    return run


def resume_run(
    config: Mapping[str, Any], about: Mapping[str, Any] | None = None
) -> Run:
    """The latest unfinished run with the same settings, or a new one.

    One that another process trains at the moment is left to it.
    """
    for run in reversed(list_runs()):
        kept = run.config()
        same = all(kept.get(name) == value for name, value in config.items())
        if kept and same and run.report().get("state") != "done" and run.claim():
            (run.folder / "stop").unlink(missing_ok=True)
            if report := run.report():
                # It was stopped or failed before; now it goes on.
                run.write_report({**report, "state": "running", "error": ""})
            return run
    return start_run(config, about)


def find_run(run_id: str) -> Run:
    """The run of that name.

    Raises:
        CoinError: There is none.
    """
    for run in list_runs():
        if run.run_id == run_id:
            return run
    raise CoinError(f"There is no run {run_id!r}; it may have been deleted.")


def list_runs() -> list[Run]:
    """All runs, oldest first."""
    root = runs_dir()
    folders = sorted(root.iterdir()) if root.is_dir() else []
    return [
        Run(folder=folder)
        for folder in folders
        if folder.is_dir() and not folder.name.startswith(".")
    ]


def now() -> str:
    """The time in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _read_lines(path: Path) -> tuple[list[Row], int]:
    """The JSON objects of a file of lines, and how many lines were none."""
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return [], 0
    rows, torn = [], 0
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if isinstance(row, dict):
            rows.append(row)
        else:
            torn += bool(line.strip())
    return rows, torn


def _is_prediction(row: Row) -> bool:
    shares = row.get("probabilities")
    return (
        isinstance(row.get("photo"), str)
        and isinstance(row.get("label"), str)
        and isinstance(shares, dict)
        and bool(shares)
        and all(isinstance(share, int | float) for share in shares.values())
    )


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
