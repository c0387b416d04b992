"""Several runs side by side: curves on common axes, settings, is it a real gain."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from coin_core.training.run_comparison import (
    RunSummary,
    compare_pairs,
    mean_curve,
    setting_rows,
)
from coin_core.training.runs import RunState, find_run
from ui.components.charts import (
    LINE_COLOURS,
    accuracy_curves,
    learning_rate_curves,
    loss_curves,
    show_chart,
)
from ui.errors import damage_on_page
from ui.palette import PAPER_DEEP
from ui.training.formatting import (
    interval,
    run_title,
    setting_title,
    setting_value,
    short_settings,
)

MOST = len(LINE_COLOURS)


def show_comparison(chosen: Sequence[RunSummary]) -> None:
    """Everything about two to six runs at once."""
    damaged = [run for run in chosen if run.state is RunState.DAMAGED]
    runs = [run for run in chosen if run.state is not RunState.DAMAGED]
    if damaged:
        st.caption(f"{len(damaged)} damaged run(s) left out.")
    if len(runs) > MOST:
        st.caption(f"The first {MOST} of {len(runs)}; more lines cannot be told apart.")
        runs = runs[:MOST]
    if len(runs) < 2:
        st.caption("Tick at least two undamaged runs to compare them.")
        return
    st.header(f"{len(runs)} runs compared", anchor=False)
    names = _names(runs)
    with damage_on_page("One of these runs"):
        _show_verdict(runs, names)
        _show_curves(runs, names)
        _show_settings(runs, names)


def _names(runs: Sequence[RunSummary]) -> dict[str, str]:
    """Run to a short, unambiguous name for legends: a letter and what it is."""
    return {
        run.run_id: f"{chr(ord('A') + i)} · {run_title(run).split(',')[0]}"
        for i, run in enumerate(runs)
    }


def _show_verdict(runs: Sequence[RunSummary], names: dict[str, str]) -> None:
    """Who was right how often, and whether that is a difference at all."""
    st.dataframe(
        pd.DataFrame(
            {
                "run": [names[run.run_id] for run in runs],
                "right": [
                    100 * run.accuracy[0] if run.accuracy else None for run in runs
                ],
                "95 % interval": [interval(run.accuracy) for run in runs],
                "of": [run.n for run in runs],
                "settings": [short_settings(run) for run in runs],
            }
        ),
        hide_index=True,
        placeholder="",
        column_config={"right": st.column_config.NumberColumn(format="%.0f %%")},
    )
    predictions = {
        names[run.run_id]: rows
        for run in runs
        if (rows := find_run(run.run_id).predictions())
    }
    pairs, apart = compare_pairs(predictions)
    for pair in pairs:
        one, other = pair.one.split(" · ")[0], pair.other.split(" · ")[0]
        counts = (
            f"Of {pair.coins} coins that both measured, {pair.only_one} only {one} and "
            f"{pair.only_other} only {other} got right "
            f"(McNemar's exact test, p = {pair.p:.2g})."
        )
        if pair.is_real:
            first = pair.only_one > pair.only_other
            better, worse = (one, other) if first else (other, one)
            st.markdown(f"**{better} really is better than {worse}.** {counts}")
        else:
            st.markdown(f"**No real difference** between {one} and {other}. {counts}")
    if len(pairs) > 1:
        st.caption("p after Holm's correction for the number of pairs.")
    for sentence in apart:
        st.caption(sentence)
    without = [
        names[run.run_id] for run in runs if names[run.run_id] not in predictions
    ]
    if without:
        st.caption(
            f"No answers photo by photo are kept of {', '.join(without)}: whether it "
            "really differs cannot be told."
        )


def _show_curves(runs: Sequence[RunSummary], names: dict[str, str]) -> None:
    rows = {names[run.run_id]: find_run(run.run_id).rows() for run in runs}
    train, valid, right, rate = (
        {name: line for name, log in rows.items() if (line := mean_curve(log, what))}
        for what in ("train_loss", "valid_loss", "valid_accuracy", "rate")
    )
    if not train and not valid:
        st.caption("None of them learns in epochs, so there are no curves.")
        return
    without = [name for name in rows if name not in train and name not in valid]
    left, middle = st.columns(2)
    with left:
        st.subheader("Loss", anchor=False)
        show_chart(loss_curves(train, valid), key="compare_loss")
    with middle:
        st.subheader("Right, validation coins", anchor=False)
        show_chart(accuracy_curves(right), key="compare_right")
    told = (
        "Mean over the folds that reached the epoch. Solid: validation coins; dotted: "
        "coins it learnt from."
    )
    if without:
        told += f" Without curves, as not learnt in epochs: {', '.join(without)}."
    st.caption(told)
    with st.expander("Learning rate"):
        show_chart(learning_rate_curves(rate), key="compare_rate")


def _show_settings(runs: Sequence[RunSummary], names: dict[str, str]) -> None:
    st.subheader("Settings", anchor=False)
    rows = setting_rows(runs)
    columns = [name.split(" · ")[0] for name in names.values()]
    frame = pd.DataFrame(
        [
            [setting_title(name), *(setting_value(name, value) for value in values)]
            for name, values, _ in rows
        ],
        columns=["setting", *columns],
    )
    differing = [differs for _, _, differs in rows]

    def shade(column: pd.Series) -> list[str]:
        return [
            f"background-color: {PAPER_DEEP}; font-weight: 600" if differs else ""
            for differs in differing
        ]

    st.dataframe(
        frame.style.apply(shade),
        hide_index=True,
        height=min(36 * len(rows) + 40, 640),
        column_config={"setting": st.column_config.TextColumn(width="medium")},
    )
    st.caption(
        "What differs comes first and is shaded."
        if any(differing)
        else "No setting differs: the same training, run again."
    )
