"""How far a training has come, and how long it may take."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from coin_core.training.runs import Row, Run, now


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a training has come: at least `share` of it, at most `seconds` more.

    Folds that end early make it shorter. `seconds` is None before the first epoch.
    """

    share: float
    seconds: float | None
    words: str


def progress_of(run: Run) -> Progress:
    """How far a run has come, from its epochs so far."""
    rows = [row for row in run.rows() if row.get("epoch") and "seconds" in row]
    if images := (run.config().get("schedule") or {}).get("images"):
        return _progress_of_coins(rows, int(images))
    plan = run.report().get("plan")
    if not plan:
        return Progress(share=0.0, seconds=None, words="reading the photos")
    epochs, folds = int(plan["epochs"]), int(plan["folds"])
    # A split that was made before is learnt once; folds end with a fit on all coins.
    split = run.config().get("folds", folds) is None
    if not rows:
        words = "first epoch" if split else f"first epoch of fold 1 of {folds}"
        return Progress(share=0.0, seconds=None, words=words)
    latest = rows[-1]
    final = latest.get("fold") == "final"
    fold = folds if final else int(latest["fold"])
    done = fold * epochs + int(latest["epoch"])
    whole = int(plan.get("fits", 1 if split else folds + 1)) * epochs
    passed = _seconds_between(str(latest.get("at", "")), now())
    usual = _usual_seconds(rows)
    where = "last fit, on all coins, " if final else f"fold {fold + 1} of {folds}, "
    where = "" if split else where
    return Progress(
        share=min(1.0, done / whole),
        seconds=max(0.0, (whole - done) * usual - min(passed, usual)),
        words=f"{where}epoch {latest['epoch']} of at most {epochs} is over",
    )


def reading_progress(log: str) -> Progress:
    """How far the photos are read, before there is a run.

    Args:
        log: The end of what the training has written.
    """
    bars = re.findall(r"(photos|features): +\d+%\|[^|\n]*\| *(\d+)/(\d+)", log)
    if not bars:
        return Progress(share=0.0, seconds=None, words="reading the photos …")
    what, done, of = bars[-1][0], int(bars[-1][1]), max(1, int(bars[-1][2]))
    doing = "finding the coins" if what == "photos" else "computing features"
    words = f"{doing}: {done:,} of {of:,} photos"
    return Progress(share=min(1.0, done / of), seconds=None, words=words)


def _progress_of_coins(rows: Sequence[Row], images: int) -> Progress:
    if not rows:
        return Progress(share=0.0, seconds=None, words="striking the first coins")
    seen, took = int(rows[-1]["seen"]), float(rows[-1]["seconds"])
    return Progress(
        share=min(1.0, seen / images),
        seconds=max(0.0, took / seen * (images - seen)),
        words=f"{seen:,} of {images:,} coins seen",
    )


def _usual_seconds(rows: Sequence[Row]) -> float:
    """The median time of an epoch; the rows count up within each fold."""
    each = sorted(
        float(row["seconds"]) - before
        for fold in {row.get("fold") for row in rows}
        for before, row in _steps([r for r in rows if r.get("fold") == fold])
    )
    return each[len(each) // 2]


def _steps(rows: Sequence[Row]) -> list[tuple[float, Row]]:
    before = [0.0, *(float(row["seconds"]) for row in rows)]
    return list(zip(before, rows, strict=False))


def _seconds_between(start: str, end: str) -> float:
    try:
        delta = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    except (ValueError, TypeError):
        return 0.0
    return max(0.0, delta.total_seconds())
