"""Titles and values of training runs, as the page shows them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from coin_core.training.run_comparison import RunSummary, curve_points
from coin_core.training.runs import Row, RunState
from ui.formatting import classifier_title, percent

STATE_TITLES = {
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
# Default values, which the short form leaves out.
_DEFAULTS = {
    "patience": 6,
    "class_weights": True,
    "frozen": False,
    "fresh_head": False,
    "folds": 5,
    "seed": 0,
    "rotations": None,
    "momentum": None,
    "size_px": None,
    "epochs": None,
}
_SHORT_FORMS = {
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
    """The title of a run: classifier, data and time."""
    if run.state is RunState.DAMAGED:
        return f"Damaged run {run.run_id}"
    return f"{classifier_title(run.classifier)} on {run.data}, {when(run.started)}"


def when(started: str) -> str:
    """An ISO time as "22 Nov 2026 17:50" in the server's time zone; "?" if unknown."""
    try:
        time = datetime.fromisoformat(started).astimezone()
    except ValueError:
        return "?"
    return f"{time.day} {time:%b %Y %H:%M}"


def interval(accuracy: tuple[float, float, float] | None) -> str:
    """The 95 % interval of (value, low, high) as "61 to 83 %"; "" if unknown."""
    if accuracy is None or accuracy[1] == accuracy[2]:
        return ""
    return f"{100 * accuracy[1]:.0f} to {percent(accuracy[2])}"


def percent_with_interval(fraction: float | None, low: float, high: float) -> str:
    """A fraction with its interval, e.g. "75 % (61 to 83)"; a dash if unknown."""
    if fraction is None:
        return "–"
    return f"{percent(fraction)} ({100 * low:.0f} to {100 * high:.0f})"


def short_settings(run: RunSummary) -> str:
    """The start of a run, and the settings that differ from the defaults."""
    parts = []
    if init := run.settings.get("init"):
        parts.append(f"from {init}")
    for name, form in _SHORT_FORMS.items():
        value = run.settings.get(name, _DEFAULTS[name])
        if value != _DEFAULTS[name]:
            parts.append(form.format(value))
    return ", ".join(parts)


def setting_title(name: str) -> str:
    """The title of a setting."""
    return _SETTING_TITLES.get(name, name.replace("_", " "))


def setting_value(name: str, value: Any) -> str:
    """The value of a setting; a dash if the run has no such setting."""
    if value is None:
        return "usual" if name in _DEFAULTS else "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 24 else f"{text[:12]}…"


def curves_by_fold(
    log: Iterable[Row], column: str
) -> dict[str, list[tuple[int, float]]]:
    """The (epoch, value) pairs of a column of the history, by the title of the fold."""
    return {fold_title(fold): line for fold, line in curve_points(log, column).items()}


def fold_title(fold: str) -> str:
    """The title of a fold, from 1; a run without folds has one curve."""
    return f"fold {int(fold) + 1}" if fold.isdigit() else "all coins"
