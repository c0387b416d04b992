"""Runs: what was set, what happened epoch by epoch, what came out.

A run is a folder `runs/<run_id>/` with config.json, history.jsonl and report.json.
A line is added to the history as soon as an epoch is over; whoever reads along, or
comes back after the machine went down, finds everything up to there.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from coin_core._replace import write_file
from coin_core.models import data_dir

Row = dict[str, Any]


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
        return _read_object(self.folder / "config.json")

    def report(self) -> Row:
        """State, latest and best epoch of each fold, and what came out."""
        return _read_object(self.folder / "report.json")

    def rows(self) -> list[Row]:
        """The history, one row per fold and epoch.

        An epoch that was run again after a kill counts once, as it was last; a line
        that the kill tore is left out.
        """
        path = self.folder / "history.jsonl"
        kept: dict[tuple[Any, Any], Row] = {}
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        for line in lines:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                kept[row.get("fold"), row.get("epoch")] = row
        return list(kept.values())

    def log(self, row: Mapping[str, Any]) -> None:
        """Add an epoch to the history, and show it as the latest and maybe best."""
        path = self.folder / "history.jsonl"
        with path.open("ab") as file:
            # A line torn by a kill must not swallow the next one.
            torn = file.tell() > 0 and not _ends_with_newline(path)
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

    def finish(self, results: Mapping[str, Any]) -> None:
        """Note what came out; latest and best epochs stay where they are."""
        self.write_report(
            self.report() | {"state": "done", "finished": _now(), **results}
        )

    def write_report(self, report: Mapping[str, Any]) -> None:
        """Replace report.json in one step."""
        text = json.dumps(report, indent=2, ensure_ascii=False)
        write_file(self.folder / "report.json", text.encode())


def start_run(config: Mapping[str, Any]) -> Run:
    """A new run with these settings."""
    name = config.get("classifier", "run")
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = runs_dir() / f"{stamp}-{name}-{secrets.token_hex(2)}"
    folder.mkdir(parents=True)
    text = json.dumps({**config, "started": _now()}, indent=2, ensure_ascii=False)
    write_file(folder / "config.json", text.encode())
    return Run(folder=folder)


def resume_run(config: Mapping[str, Any]) -> Run:
    """The latest unfinished run with the same settings, or a new one."""
    for run in reversed(list_runs()):
        kept = run.config()
        same = all(kept.get(name) == value for name, value in config.items())
        if kept and same and run.report().get("state") != "done":
            return run
    return start_run(config)


def list_runs() -> list[Run]:
    """All runs, oldest first."""
    root = runs_dir()
    folders = sorted(root.iterdir()) if root.is_dir() else []
    return [Run(folder=folder) for folder in folders if folder.is_dir()]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _read_object(path: Path) -> Row:
    """A JSON object; {} for a file that is missing or was torn."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
