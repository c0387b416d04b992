"""The queue of trainings: what is trained, what waits, what ended early."""

from __future__ import annotations

import streamlit as st

from coin_core.i18n import N_, _
from coin_core.jobs import Job, JobKind, JobState
from coin_core.training.runs import Run, runs_dir
from ui.components.charts import loss_curves, show_chart
from ui.components.job_panel import JobPanel
from ui.training.formatting import curves_by_fold


class TrainingPanel(JobPanel):
    """The trainings; those that are done are in the table of runs."""

    kinds = (JobKind.TRAINING,)
    open_title = N_("In training")
    ended_title = N_("Unfinished")
    hides_done = True
    every_s = 3.0

    def stop_label(self, job: Job) -> str:
        """Rendered coins are one long pass without a best so far."""
        if _keeps_best(job):
            return _("Stop, keep the best so far")
        return _("Stop for now")

    def ended_words(self, job: Job) -> str:
        """What is kept of a stopped training."""
        if job.state is not JobState.STOPPED:
            return super().ended_words(job)
        if not _has_learned(job):
            return _("stopped before anything was learned")
        if _keeps_best(job):
            return _("stopped; the best so far is kept")
        return _("stopped; what it has learned is kept, and it can be resumed")

    def resumes(self, job: Job) -> bool:
        """Nothing is kept before the first epoch or fold."""
        return _has_learned(job)

    def stage(self, job: Job) -> str:
        """Its run belongs into the table of runs as soon as it appears."""
        return str(job.progress().details.get("run"))

    def show_details(self, job: Job) -> None:
        """The losses so far."""
        run_id = job.progress().details.get("run")
        if job.state is not JobState.RUNNING or not run_id:
            return
        log = Run(folder=runs_dir() / str(run_id)).rows()
        train = curves_by_fold(log, "train_loss")
        valid = curves_by_fold(log, "valid_loss")
        if train or valid:
            show_chart(loss_curves(train, valid), key=f"live_{job.job_id}")
            st.caption(_("Solid: validation coins; dotted: training coins."))


def _has_learned(job: Job) -> bool:
    """Whether a training that ended early had an epoch or a fold behind it."""
    run_id = job.progress().details.get("run")
    return bool(run_id) and Run(folder=runs_dir() / str(run_id)).has_learned()


def _keeps_best(job: Job) -> bool:
    return "rendered" not in job.arguments[2:4]
