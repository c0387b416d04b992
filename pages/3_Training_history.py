"""The Training history page: train classifiers and inspect their runs."""

from __future__ import annotations

import streamlit as st

from coin_core.i18n import _
from coin_core.training.run_comparison import summaries
from ui.layout import begin_page
from ui.training.bin_view import show_bin
from ui.training.compare import show_comparison
from ui.training.form import show_training_form
from ui.training.models_panel import show_models
from ui.training.queue_view import TrainingPanel
from ui.training.run_detail import show_run
from ui.training.runs_table import filter_runs, select_runs, summary_line

begin_page(
    _("Training history"),
    _(
        "Train a classifier on your own coins, and compare the results of "
        "each run: which data, which settings, which figures, and how "
        "certain they are."
    ),
)
runs = summaries()
with st.expander(
    _("Train a classifier"), expanded=not runs, icon=":material/model_training:"
):
    show_training_form()
TrainingPanel().show()
show_models()

if not runs:
    show_bin()
    st.caption(_("No training has been run on this computer yet."))
    st.stop()
st.header(_("Runs"), anchor=False)
shown = filter_runs(runs)
st.markdown(summary_line(runs, len(shown)))
if not shown:
    show_bin()
    st.stop()
selected = select_runs(shown)
if len(selected) == 1:
    show_run(selected[0], runs)
elif selected:
    show_comparison(selected)
show_bin()
