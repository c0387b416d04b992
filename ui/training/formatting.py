"""Runs and their figures in words and numbers a person reads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from coin_core.training.run_comparison import RunSummary
from coin_core.training.runs import RunState
from ui.formatting import classifier_title

NBSP = "\N{NO-BREAK SPACE}"
STATES = {
    RunState.RUNNING: "running",
    RunState.DONE: "done",
    RunState.STOPPED: "stopped",
    RunState.INTERRUPTED: "interrupted",
    RunState.FAILED: "failed",
    RunState.DAMAGED: "damaged",
}
_SETTING_TITLES = {
    "init": "start",
    "size_px": "input, pixels",
    "digest": "data digest",
    "features": "features of net",
    "features_sight": "features by",
    "init_digest": "digest of the start",
    "class_weights": "rare classes weigh more",
    "frozen": "only the last layers learn",
    "fresh_head": "last layers from nothing",
    "rotations": "turned copies",
    "patience": "early stopping after",
}
# What needs no mention in the short form.
_USUAL = {
    **{"patience": 6, "class_weights": True, "frozen": False, "folds": 5},
    "fresh_head": False,
    **{"seed": 0, "rotations": None, "momentum": None, "size_px": None},
    "epochs": None,
}
_SHORT = {
    "frozen": "last layers only",
    "fresh_head": "fresh last layers",
    "class_weights": "no class weights",
    "rotations": "{} turned copies",
    "momentum": "momentum {}",
    "size_px": "{} px",
    "epochs": "{} epochs",
    "folds": "{} folds",
    "seed": "seed {}",
    "patience": "patience {}",
}


def run_title(run: RunSummary) -> str:
    """A run for headings and legends: classifier, data, when."""
    if run.state is RunState.DAMAGED:
        return f"Damaged run {run.run_id}"
    return f"{classifier_title(run.classifier)} on {run.data}, {when(run.started)}"


def when(started: str) -> str:
    """A time as "22 Nov 2026 17:50", in the computer's own time zone."""
    try:
        time = datetime.fromisoformat(started).astimezone()
    except ValueError:
        return "?"
    return f"{time.day} {time:%b %Y %H:%M}"


def duration(seconds: float | None) -> str:
    """A time span as a person says it; "" when it is not known."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{max(1, round(seconds))}{NBSP}s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes}{NBSP}min"
    return f"{minutes // 60}{NBSP}h {minutes % 60:02d}{NBSP}min"


def interval(figures: tuple[float, float, float] | None) -> str:
    """The 95 % interval as "61 to 83 %"; "" when it is not known."""
    if figures is None or figures[1] == figures[2]:
        return ""
    return f"{100 * figures[1]:.0f} to {100 * figures[2]:.0f}{NBSP}%"


def percent_with_interval(share: float | None, low: float, high: float) -> str:
    """A share with its interval, e.g. "75 % (61 to 83)"; a dash for none."""
    if share is None:
        return "–"
    return f"{100 * share:.0f}{NBSP}% ({100 * low:.0f} to {100 * high:.0f})"


def short_settings(run: RunSummary) -> str:
    """Where it started and what differs from the usual."""
    parts = []
    if init := run.settings.get("init"):
        parts.append(f"from {init}")
    for name, form in _SHORT.items():
        value = run.settings.get(name, _USUAL[name])
        if value != _USUAL[name]:
            parts.append(form.format(value))
    return ", ".join(parts)


def setting_title(name: str) -> str:
    """A setting as a person calls it."""
    return _SETTING_TITLES.get(name, name.replace("_", " "))


def setting_value(name: str, value: Any) -> str:
    """The value of a setting; a dash where the run knows no such setting."""
    if value is None:
        return "usual" if name in _USUAL else "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 24 else f"{text[:12]}…"
