"""Several runs side by side: curves on common axes, settings, significance."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from coin_core.i18n import _, ngettext
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
from ui.components.table import percent_column, show_table
from ui.errors import damage_on_page
from ui.formatting import as_text
from ui.palette import PAPER_DEEP
from ui.training.formatting import (
    interval,
    run_title,
    setting_title,
    setting_value,
    short_settings,
)

MAX_RUNS = len(LINE_COLOURS)


def show_comparison(selected: Sequence[RunSummary]) -> None:
    """The comparison of two to six runs."""
    runs = [run for run in selected if run.state is not RunState.DAMAGED]
    if damaged := len(selected) - len(runs):
        st.caption(
            ngettext(
                "{count} damaged run is left out.",
                "{count} damaged runs are left out.",
                damaged,
            ).format(count=damaged)
        )
    if len(runs) > MAX_RUNS:
        st.caption(
            _("The first {shown} of {count}; more lines cannot be told apart.").format(
                shown=MAX_RUNS, count=len(runs)
            )
        )
        runs = runs[:MAX_RUNS]
    if len(runs) < 2:
        st.caption(_("Select at least two undamaged runs to compare them."))
        return
    st.header(_("{count} runs compared").format(count=len(runs)), anchor=False)
    names = _names(runs)
    with damage_on_page(_("One of these runs")):
        _show_accuracies(runs, names)
        _show_significance(runs, names)
        _show_curves(names)
        _show_settings(runs, names)


def _names(runs: Sequence[RunSummary]) -> dict[str, str]:
    """A short name of each run by its id: a letter, the classifier and the data."""
    return {
        run.run_id: f"{chr(ord('A') + i)} · {run_title(run).split(',')[0]}"
        for i, run in enumerate(runs)
    }


def _letter(name: str) -> str:
    return name.split(" · ")[0]


def _show_accuracies(runs: Sequence[RunSummary], names: dict[str, str]) -> None:
    show_table(
        [
            {
                _("run"): names[run.run_id],
                _("right"): 100 * run.accuracy[0] if run.accuracy else None,
                _("95 % interval"): interval(run.accuracy),
                _("of"): run.n,
                _("settings"): short_settings(run),
            }
            for run in runs
        ],
        column_config={_("right"): percent_column()},
    )


def _show_significance(runs: Sequence[RunSummary], names: dict[str, str]) -> None:
    """For each pair of runs, whether one is really better."""
    predictions = {
        name: rows
        for run_id, name in names.items()
        if (rows := find_run(run_id).predictions())
    }
    digests = {names[run.run_id]: run.digest for run in runs}
    pairs, not_comparable = compare_pairs(predictions, digests)
    for pair in pairs:
        one, other = as_text(_letter(pair.one)), as_text(_letter(pair.other))
        counts = _(
            "Of {coins:,} coins that both measured, only {one} was right on "
            "{only_one:,}, and only {other} on {only_other:,} (McNemar's exact "
            "test, p = {p:.2g})."
        ).format(
            coins=pair.coins,
            only_one=pair.only_one,
            one=one,
            only_other=pair.only_other,
            other=other,
            p=pair.p,
        )
        if pair.is_real:
            first = pair.only_one > pair.only_other
            better, worse = one if first else other, other if first else one
            sentence = _("**{better} really is better than {worse}.**").format(
                better=better, worse=worse
            )
        else:
            sentence = _("**No real difference** between {one} and {other}.").format(
                one=one, other=other
            )
        st.markdown(f"{sentence} {counts}")
    if len(pairs) > 1:
        st.caption(_("p after Holm's correction for the number of pairs."))
    for sentence in not_comparable:
        st.caption(as_text(sentence))
    if without := [name for name in names.values() if name not in predictions]:
        st.caption(
            _(
                "{runs} kept no answers for single photos, so the difference cannot "
                "be tested."
            ).format(runs=as_text(", ".join(without)))
        )


def _show_curves(names: dict[str, str]) -> None:
    logs = {name: find_run(run_id).rows() for run_id, name in names.items()}
    train, valid, accuracy, rate = (
        {name: line for name, log in logs.items() if (line := mean_curve(log, column))}
        for column in ("train_loss", "valid_loss", "valid_accuracy", "rate")
    )
    if not train and not valid:
        st.caption(_("None of these is trained in epochs, so there are no curves."))
        return
    left, right = st.columns(2)
    with left:
        st.subheader(_("Loss"), anchor=False)
        show_chart(loss_curves(train, valid), key="compare_loss")
    with right:
        st.subheader(_("Right, validation coins"), anchor=False)
        show_chart(accuracy_curves(accuracy), key="compare_right")
    caption = _(
        "Mean over the folds that reached the epoch. Solid: validation coins; dotted: "
        "training coins."
    )
    if without := [name for name in logs if name not in train and name not in valid]:
        caption += " " + _(
            "Without curves, as they are not trained in epochs: {runs}."
        ).format(runs=as_text(", ".join(without)))
    st.caption(caption)
    with st.expander(_("Learning rate")):
        show_chart(learning_rate_curves(rate), key="compare_rate")


def _show_settings(runs: Sequence[RunSummary], names: dict[str, str]) -> None:
    st.subheader(_("Settings"), anchor=False)
    rows = setting_rows(runs)
    frame = pd.DataFrame(
        [
            [setting_title(name), *(setting_value(name, value) for value in values)]
            for name, values, _ in rows
        ],
        columns=[_("setting"), *map(_letter, names.values())],
    )
    differing = [differs for _, _, differs in rows]

    def shade(column: pd.Series[str]) -> list[str]:
        return [
            f"background-color: {PAPER_DEEP}; font-weight: 600" if differs else ""
            for differs in differing
        ]

    show_table(
        frame.style.apply(shade),
        height=min(36 * len(rows) + 40, 640),
        column_config={_("setting"): st.column_config.TextColumn(width="medium")},
    )
    st.caption(
        _("What differs comes first and is shaded.")
        if any(differing)
        else _("No setting differs: the same training, run again.")
    )
