"""The queue of trainings, live: how far each is, how long it may take, stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from coin_core.errors import CoinError
from coin_core.training.progress import progress_of, reading_progress
from coin_core.training.queueing import (
    Job,
    JobState,
    ensure_worker,
    forget_job,
    list_jobs,
    log_tail,
    resume_job,
    run_of,
    stop_job,
)
from coin_core.training.run_comparison import curve_points
from coin_core.training.runs import Run
from ui.components.charts import loss_curves, show_chart
from ui.errors import show_error
from ui.training.formatting import duration

_EVERY_S = 3
_SEEN = "training_states"
_OPEN = (JobState.WAITING, JobState.RUNNING)
_PAUSED = "stopped; what it has learnt so far is kept, and it can go on from there"
_WORDS = {
    JobState.STOPPED: "stopped; the best so far is kept",
    JobState.INTERRUPTED: "interrupted: it was killed, or the computer went down",
    JobState.FAILED: "failed",
}


def watch_queue() -> None:
    """What is trained now, what waits, and what did not come to its end."""
    ensure_worker()
    jobs = [job for job in list_jobs() if job.state is not JobState.DONE]
    st.session_state[_SEEN] = _states(list_jobs())
    if not jobs:
        return
    if any(job.state in _OPEN for job in jobs):
        st.header("In training", anchor=False)
        _live()
    else:
        st.header("Did not come to their end", anchor=False)
        _show_jobs(jobs)


@st.fragment(run_every=_EVERY_S)
def _live() -> None:
    """Drawn anew every few seconds; the whole page when a training has ended."""
    ensure_worker()
    jobs = list_jobs()
    if _states(jobs) != st.session_state.get(_SEEN):
        st.rerun()
    _show_jobs([job for job in jobs if job.state is not JobState.DONE])


def _states(jobs: Sequence[Job]) -> dict[str, str]:
    """What asks for the whole page anew: a job ended, or its run has appeared."""
    return {
        job.job_id: f"{job.state} {job.state is JobState.RUNNING and run_of(job)}"
        for job in jobs
    }


def _show_jobs(jobs: Sequence[Job]) -> None:
    for job in jobs:
        with st.container(border=True):
            if job.state is JobState.RUNNING:
                _show_running(job)
            elif job.state is JobState.WAITING:
                _show_waiting(job)
            else:
                _show_ended(job)


def _show_running(job: Job) -> None:
    run = run_of(job)
    stopping = run is not None and run.stop_asked()
    with st.container(
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="distribute",
    ):
        st.markdown(f"**{job.title}**", width="content")
        usual = "Stop, keep the best so far" if job.keeps_best else "Stop for now"
        label = "Stop at once" if stopping else usual
        if st.button(label, key=f"stop_{job.job_id}", icon=":material/stop_circle:"):
            _try(stop_job, job)
    progress = progress_of(run) if run else reading_progress(log_tail(job, 2))
    left = (
        f", at most {duration(progress.seconds)} left"
        if progress.seconds is not None
        else ""
    )
    words = "stopping …" if stopping else f"{progress.words}{left}"
    st.progress(progress.share, words[0].upper() + words[1:])
    if run is not None:
        _show_live_curves(run, job)


def _show_live_curves(run: Run, job: Job) -> None:
    log = run.rows()
    train, valid = (
        {
            f"fold {int(fold) + 1}" if fold.isdigit() else "all coins": line
            for fold, line in curve_points(log, name).items()
        }
        for name in ("train_loss", "valid_loss")
    )
    if train or valid:
        show_chart(loss_curves(train, valid), key=f"live_{job.job_id}")
        st.caption("Solid: validation coins; dotted: coins it learns from.")


def _show_waiting(job: Job) -> None:
    with st.container(
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="distribute",
    ):
        st.markdown(f"**{job.title}** waits for its turn.", width="content")
        if st.button("Take it back", key=f"stop_{job.job_id}"):
            _try(stop_job, job)


def _show_ended(job: Job) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        words = _WORDS[job.state]
        if job.state is JobState.STOPPED and not job.keeps_best:
            words = _PAUSED
        st.markdown(f"**{job.title}**: {words}.")
        if st.button(
            "Try again" if job.state is JobState.FAILED else "Go on",
            key=f"resume_{job.job_id}",
            icon=":material/resume:",
            help="It goes on at the last epoch that was over.",
        ):
            _try(resume_job, job)
        if st.button("Dismiss", key=f"forget_{job.job_id}", type="tertiary"):
            _try(forget_job, job)
    if job.state is JobState.FAILED:
        show_error(job.message or "It left no word; the log is below.")
        with st.expander("Log"):
            st.code(log_tail(job), language=None)


def _try(action: Callable[[str], object], job: Job) -> None:
    """Do something to a job; the page may have been older than the queue."""
    try:
        action(job.job_id)
    except CoinError as error:
        show_error(str(error))
    else:
        st.rerun()
