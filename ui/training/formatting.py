"""Titles and values of training runs, as the page shows them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from coin_core.i18n import N_, _
from coin_core.training.run_comparison import RunSummary, curve_points
from coin_core.training.runs import Row, RunState
from ui.formatting import classifier_title, data_title, date_and_time, percent

STATE_TITLES = {
    RunState.RUNNING: N_("running"),
    RunState.DONE: N_("done"),
    RunState.STOPPED: N_("stopped"),
    RunState.INTERRUPTED: N_("interrupted"),
    RunState.FAILED: N_("failed"),
    RunState.DAMAGED: N_("damaged"),
}
START_TITLES = {
    "rendered": N_("the shipped weights"),
    "imagenet": N_("ImageNet's weights"),
    "scratch": N_("scratch"),
}
"""Titles of the values of --init."""
_SETTING_TITLES = {
    "init": N_("start"),
    "size_px": N_("input, pixels"),
    "digest": N_("data digest"),
    "features": N_("features of net"),
    "features_sight": N_("features by"),
    "init_digest": N_("digest of the start"),
    "class_weights": N_("rare classes weigh more"),
    "frozen": N_("only the last layers learn"),
    "fresh_head": N_("last layers from nothing"),
    "rotations": N_("turned copies"),
    "patience": N_("early stopping after"),
    "classifier": N_("classifier"),
    "data": N_("data"),
    "folds": N_("folds"),
    "seed": N_("seed"),
    "epochs": N_("epochs"),
    "momentum": N_("momentum"),
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
    "frozen": N_("last layers only"),
    "fresh_head": N_("fresh last layers"),
    "class_weights": N_("no class weights"),
    "rotations": N_("{value} turned copies"),
    "momentum": N_("momentum {value}"),
    "size_px": N_("{value} px"),
    "epochs": N_("{value} epochs"),
    "folds": N_("{value} folds"),
    "seed": N_("seed {value}"),
    "patience": N_("patience {value}"),
}


def run_title(run: RunSummary) -> str:
    """The title of a run: classifier, data and time."""
    if run.state is RunState.DAMAGED:
        return _("Damaged run {run_id}").format(run_id=run.run_id)
    return _("{classifier} on {data}, {time}").format(
        classifier=classifier_title(run.classifier),
        data=data_title(run.data),
        time=when(run.started),
    )


def when(started: str) -> str:
    """An ISO time as "22 Nov 2026 17:50" in the server's time zone; "?" if unknown."""
    try:
        return date_and_time(datetime.fromisoformat(started))
    except ValueError:
        return "?"


def interval(accuracy: tuple[float, float, float] | None) -> str:
    """The 95 % interval of (value, low, high) as "61 to 83 %"; "" if unknown."""
    if accuracy is None or accuracy[1] == accuracy[2]:
        return ""
    return _("{low} to {high}").format(
        low=f"{100 * accuracy[1]:.0f}", high=percent(accuracy[2])
    )


def percent_with_interval(fraction: float | None, low: float, high: float) -> str:
    """A fraction with its interval, e.g. "75 % (61 to 83)"; a dash if unknown."""
    if fraction is None:
        return "–"
    span = _("{low} to {high}").format(low=f"{100 * low:.0f}", high=f"{100 * high:.0f}")
    return f"{percent(fraction)} ({span})"


def short_settings(run: RunSummary) -> str:
    """The start of a run, and the settings that differ from the defaults."""
    parts = []
    if init := run.settings.get("init"):
        start = _(START_TITLES.get(str(init), str(init)))
        parts.append(_("from {start}").format(start=start))
    for name, form in _SHORT_FORMS.items():
        value = run.settings.get(name, _DEFAULTS[name])
        if value != _DEFAULTS[name]:
            parts.append(_(form).format(value=value))
    return ", ".join(parts)


def setting_title(name: str) -> str:
    """The title of a setting."""
    return _(_SETTING_TITLES.get(name, name.replace("_", " ")))


def setting_value(name: str, value: Any) -> str:
    """The value of a setting; a dash if the run has no such setting."""
    if value is None:
        return _("usual") if name in _DEFAULTS else "–"
    if value == "":
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if name == "data":
        return data_title(str(value))
    if name == "init" and value in START_TITLES:
        return _(START_TITLES[value])
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 24 else f"{text[:12]}…"


def curves_by_fold(
    log: Iterable[Row], column: str
) -> dict[str, list[tuple[int, float]]]:
    """The (epoch, value) pairs of a column of the history, by the title of the fold."""
    return {fold_title(fold): line for fold, line in curve_points(log, column).items()}


def machine_title(machine: str) -> str:
    """The computer of a run, in words."""
    cores, comma, rest = machine.partition(" cores, ")
    if not comma or not cores.isdigit():
        return machine
    return _("{count} cores, {processor}").format(count=cores, processor=rest)


def fold_title(fold: str) -> str:
    """The title of a fold, from 1; a run without folds has one curve."""
    if fold.isdigit():
        return _("fold {number}").format(number=int(fold) + 1)
    return _("all coins")
