"""The table of all runs: filter, sort, select the runs to show or to compare."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from coin_core.i18n import _, is_right_to_left, translate
from coin_core.training.run_comparison import RunSummary
from coin_core.training.runs import RunState
from ui.components.table import percent_column, show_table
from ui.formatting import classifier_title, data_title, duration, plural
from ui.training.formatting import (
    STATE_TITLES,
    interval,
    machine_title,
    short_settings,
    when,
)

_SELECTED = "runs_chosen"


def filter_runs(runs: Sequence[RunSummary]) -> list[RunSummary]:
    """Show the filters; returns the runs that match."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            _("Find"),
            key="runs_text",
            placeholder=_("data, setting, note …"),
            persist_state="session",
            width=260,
        )
        names = list(dict.fromkeys(run.classifier for run in runs if run.classifier))
        classifiers = st.multiselect(
            _("Classifier"),
            names,
            format_func=classifier_title,
            key="runs_classifiers",
            persist_state="session",
            placeholder=_("all"),
            width=260,
        )
        states = st.multiselect(
            _("State"),
            list(dict.fromkeys(run.state for run in runs)),
            format_func=lambda state: _(STATE_TITLES[state]),
            key="runs_states",
            persist_state="session",
            placeholder=_("all"),
            width=260,
        )
    words = text.casefold().split()
    return [
        run
        for run in runs
        if (not classifiers or run.classifier in classifiers)
        and (not states or run.state in states)
        and all(word in _searchable_text(run) for word in words)
    ]


def _searchable_text(run: RunSummary) -> str:
    settings = " ".join(f"{name} {value}" for name, value in run.settings.items())
    return " ".join(
        (run.run_id, run.data, run.digest, settings, run.machine, run.note, run.bundle)
    ).casefold()


def select_runs(runs: Sequence[RunSummary]) -> list[RunSummary]:
    """Show the table; returns the selected runs, at first those in the address."""
    names = [run.run_id for run in runs]
    selected = st.session_state.get(_SELECTED) or st.query_params.get_all("run")
    # A new key for other rows: the selection is stored by row number.
    key = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
    rows = show_table(
        _frame(runs),
        height=min(36 * len(runs) + 40, 400),
        selection_mode="multi-row",
        selection_default={
            "selection": {
                "rows": [names.index(name) for name in selected if name in names]
            }
        },
        key=f"runs_{key}",
        column_config={
            _("started"): st.column_config.DatetimeColumn(
                # Its names of months are English.
                format="D.M.YYYY HH:mm" if is_right_to_left() else "D MMM YYYY HH:mm",
                pinned=True,
            ),
            _("right"): percent_column(
                help=_(
                    "Of held-out or test coins, those whose highest probability is on "
                    "the right class; “cannot tell” is counted too."
                ),
            ),
            _("95 % interval"): st.column_config.TextColumn(
                help=_("Wilson's interval.")
            ),
            _("validation"): percent_column(
                help=_(
                    "The same for the coins by which the epochs were chosen, so a "
                    "little too good."
                ),
            ),
            _("of"): st.column_config.NumberColumn(help=_("Photos measured.")),
            _("kept epoch"): st.column_config.TextColumn(help=_("Of each fold.")),
            _("remark"): st.column_config.TextColumn(width="medium"),
        },
    )
    selection = [runs[i] for i in rows if i < len(runs)]
    _store_selection([run.run_id for run in selection])
    return selection


def _store_selection(names: list[str]) -> None:
    """Store the selection in the session and in the address, which can be shared."""
    st.session_state[_SELECTED] = names
    if st.query_params.get_all("run") != names:
        if names:
            st.query_params["run"] = names
        else:
            st.query_params.pop("run", None)


def clear_selection() -> None:
    """Select nothing, as after a run was deleted."""
    st.session_state.pop(_SELECTED, None)
    st.query_params.pop("run", None)


def _frame(runs: Sequence[RunSummary]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            _("started"): pd.to_datetime(
                [run.started for run in runs], utc=True, errors="coerce"
            ).tz_convert(st.context.timezone or "UTC"),
            _("classifier"): [classifier_title(run.classifier) for run in runs],
            _("data"): [data_title(run.data) for run in runs],
            _("right"): [
                100 * run.accuracy[0] if run.accuracy else None for run in runs
            ],
            _("95 % interval"): [interval(run.accuracy) for run in runs],
            _("of"): [run.n for run in runs],
            _("validation"): [
                100 * run.valid_accuracy[0] if run.valid_accuracy else None
                for run in runs
            ],
            _("kept epoch"): [", ".join(map(str, run.best_epochs)) for run in runs],
            _("took"): [duration(run.seconds) for run in runs],
            _("state"): [_(STATE_TITLES[run.state]) for run in runs],
            _("settings"): [short_settings(run) for run in runs],
            _("remark"): [_remark(run) for run in runs],
            _("model"): [run.bundle for run in runs],
            _("data digest"): [run.digest[:10] for run in runs],
            _("machine"): [machine_title(run.machine) for run in runs],
            _("run"): [run.run_id for run in runs],
        }
    )


def _remark(run: RunSummary) -> str:
    """Why the run is damaged or failed, otherwise the first line of its note."""
    if run.state in (RunState.DAMAGED, RunState.FAILED):
        return translate(run.reason)
    return run.note.splitlines()[0] if run.note else ""


def summary_line(runs: Sequence[RunSummary], shown: int) -> str:
    """How many runs there are, and how to select them."""
    count = _("{shown} of {count} runs").format(shown=shown, count=len(runs))
    if shown == len(runs):
        count = plural(shown, "run")
    latest = next((run for run in runs if run.started), None)
    if latest:
        count = _("**{runs}**, the latest from {time}.").format(
            runs=count, time=when(latest.started)
        )
    else:
        count = f"**{count}**."
    return f"{count} {_('Select one to open it, several to compare them.')}"
