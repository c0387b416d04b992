"""The table of all runs: filter, sort, tick the ones to look at or to compare."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from coin_core.training.run_comparison import RunSummary
from coin_core.training.runs import RunState
from ui.formatting import classifier_title
from ui.training.formatting import STATES, duration, interval, short_settings, when

_CHOSEN = "runs_chosen"


def filter_runs(runs: Sequence[RunSummary]) -> list[RunSummary]:
    """The filters above the table, and what they leave."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Find",
            key="runs_text",
            placeholder="data, setting, note …",
            persist_state="session",
            width=260,
        )
        kinds = list(dict.fromkeys(run.classifier for run in runs if run.classifier))
        classifiers = st.multiselect(
            "Classifier",
            kinds,
            format_func=classifier_title,
            key="runs_classifiers",
            persist_state="session",
            placeholder="all",
            width=260,
        )
        states = st.multiselect(
            "State",
            list(dict.fromkeys(run.state for run in runs)),
            format_func=STATES.__getitem__,
            key="runs_states",
            persist_state="session",
            placeholder="all",
            width=260,
        )
    wanted = text.casefold().split()
    return [
        run
        for run in runs
        if (not classifiers or run.classifier in classifiers)
        and (not states or run.state in states)
        and all(word in _text_of(run) for word in wanted)
    ]


def _text_of(run: RunSummary) -> str:
    settings = " ".join(f"{name} {value}" for name, value in run.settings.items())
    return " ".join(
        (run.run_id, run.data, run.digest, settings, run.machine, run.note, run.bundle)
    ).casefold()


def choose_runs(runs: Sequence[RunSummary]) -> list[RunSummary]:
    """The table; returns the ticked runs, at first those that the address names."""
    names = [run.run_id for run in runs]
    remembered = st.session_state.get(_CHOSEN) or st.query_params.get_all("run")
    # A run that is added or filtered away must not shift the ticks.
    key = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
    picked = st.dataframe(
        _frame(runs),
        hide_index=True,
        placeholder="",
        height=min(36 * len(runs) + 40, 400),
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={
            "selection": {
                "rows": [names.index(name) for name in remembered if name in names]
            }
        },
        key=f"runs_{key}",
        column_config={
            "started": st.column_config.DatetimeColumn(
                format="D MMM YYYY HH:mm", pinned=True
            ),
            "right": st.column_config.NumberColumn(
                format="%.0f %%",
                help="Of held-out or test coins, those whose highest probability is on "
                "the right class; “cannot tell” counted too.",
            ),
            "95 % interval": st.column_config.TextColumn(help="Wilson's interval."),
            "validation": st.column_config.NumberColumn(
                format="%.0f %%",
                help="The same of the coins by which the epochs were chosen: "
                "a little too good to be true.",
            ),
            "of": st.column_config.NumberColumn(help="Photos measured."),
            "kept epoch": st.column_config.TextColumn(help="Of each fold."),
            "remark": st.column_config.TextColumn(width="medium"),
        },
    )
    chosen = [runs[i] for i in picked["selection"]["rows"] if i < len(runs)]
    _remember([run.run_id for run in chosen])
    return chosen


def _remember(names: list[str]) -> None:
    """Keep the choice for this visit and in the address, so that it can be sent."""
    st.session_state[_CHOSEN] = names
    if st.query_params.get_all("run") != names:
        if names:
            st.query_params["run"] = names
        else:
            st.query_params.pop("run", None)


def forget_choice() -> None:
    """Untick everything, as after a run was deleted."""
    st.session_state.pop(_CHOSEN, None)
    st.query_params.pop("run", None)


def _frame(runs: Sequence[RunSummary]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "started": pd.to_datetime(
                [run.started or None for run in runs], utc=True, errors="coerce"
            ).tz_convert(_here()),
            "classifier": [classifier_title(run.classifier) for run in runs],
            "data": [run.data for run in runs],
            "right": [100 * run.accuracy[0] if run.accuracy else None for run in runs],
            "95 % interval": [interval(run.accuracy) for run in runs],
            "of": [run.n for run in runs],
            "validation": [
                100 * run.valid_accuracy[0] if run.valid_accuracy else None
                for run in runs
            ],
            "kept epoch": [", ".join(map(str, run.best_epochs)) for run in runs],
            "took": [duration(run.seconds) for run in runs],
            "state": [STATES[run.state] for run in runs],
            "settings": [short_settings(run) for run in runs],
            "remark": [_remark(run) for run in runs],
            "model": [run.bundle for run in runs],
            "data digest": [run.digest[:10] for run in runs],
            "machine": [run.machine for run in runs],
            "run": [run.run_id for run in runs],
        }
    )


def _here() -> str:
    """The browser's time zone, or UTC."""
    return st.context.timezone or "UTC"


def _remark(run: RunSummary) -> str:
    """Why it is damaged or failed, else what a person wrote."""
    if run.state in (RunState.DAMAGED, RunState.FAILED):
        return run.reason
    return run.note.splitlines()[0] if run.note else ""


def summary_line(runs: Sequence[RunSummary], shown: int) -> str:
    """How many runs there are, and what to do with them."""
    told = (
        f"**{shown} of {len(runs)} runs**"
        if shown != len(runs)
        else (f"**{len(runs)} run{'s' * (len(runs) != 1)}**")
    )
    latest = next((run for run in runs if run.started), None)
    since = f", the latest from {when(latest.started)}" if latest else ""
    return f"{told}{since}. Tick one to look at it, several to compare them."
