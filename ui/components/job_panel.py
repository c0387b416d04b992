"""A list of jobs with their progress; every kind of job is shown by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import streamlit as st

from coin_core.access import current_person
from coin_core.errors import CoinError
from coin_core.jobs import (
    Job,
    JobKind,
    JobState,
    forget_job,
    list_jobs,
    may_change,
    resume_job,
    start_waiting,
    stop_job,
)
from ui.errors import damage_on_page, errors_on_page, show_error
from ui.formatting import as_text, duration

_OPENED = "jobs_seen_open"


class JobPanel:
    """Shows the jobs of some kinds; a subclass says what differs.

    Jobs that are done are shown to whoever saw them running, until they dismiss them.

    Attributes:
        kinds: Which jobs.
        open_title: Heading while a job runs or waits; "" for none.
        ended_title: Heading of jobs that ended early.
        shows_done: Whether everybody sees jobs that are done.
        hides_done: Whether nobody does.
        every_s: Seconds between two updates.
    """

    kinds: ClassVar[tuple[JobKind, ...]]
    open_title = ""
    ended_title = ""
    shows_done = False
    hides_done = False
    every_s = 1.0

    def title(self, job: Job) -> str:
        """The job's name."""
        return job.title

    def stop_label(self, job: Job) -> str:
        """Label of the button that stops a running job."""
        return "Stop"

    def remove_label(self, job: Job) -> str:
        """Label of the button that removes a job that is over."""
        return "Dismiss"

    def ended_words(self, job: Job) -> str:
        """How a job ended, as the second half of a sentence."""
        if job.state is JobState.INTERRUPTED:
            return "interrupted: it was killed, or the computer went down"
        return str(job.state)

    def remove(self, job: Job) -> None:
        """Remove a job that is over."""
        forget_job(job.job_id)

    def show_details(self, job: Job) -> None:
        """Show what this kind of job has to show besides."""

    def stage(self, job: Job) -> str:
        """The whole page is drawn again when this changes: here, at the first unit."""
        return str(job.progress().done > 0)

    def show(self) -> None:
        """Show the jobs, updated until they are over."""
        with errors_on_page():
            start_waiting()
        jobs = self._listed()
        opened = st.session_state.setdefault(_OPENED, set())
        opened.update(job.job_id for job in jobs if job.is_open)
        st.session_state[self._key] = self._stages(jobs)
        if not jobs:
            return
        is_open = any(job.is_open for job in jobs)
        if title := self.open_title if is_open else self.ended_title:
            st.header(title, anchor=False)
        if is_open:
            st.fragment(self._update, run_every=self.every_s)()
        else:
            self._show_all(jobs)

    def _update(self) -> None:
        with errors_on_page():
            start_waiting()
        jobs = self._listed()
        if self._stages(jobs) != st.session_state.get(self._key):
            st.rerun()
        self._show_all(jobs)

    @property
    def _key(self) -> str:
        return f"job_stages_{'_'.join(self.kinds)}"

    def _stages(self, jobs: list[Job]) -> dict[str, str]:
        return {
            job.job_id: f"{job.state} {job.is_open and self.stage(job)}" for job in jobs
        }

    def _listed(self) -> list[Job]:
        opened = st.session_state.get(_OPENED, ())
        return [
            job
            for job in list_jobs(*self.kinds)
            if job.state is not JobState.DONE
            or self.shows_done
            or (job.job_id in opened and not self.hides_done)
        ]

    def _show_all(self, jobs: list[Job]) -> None:
        for job in jobs:
            with st.container(border=True), damage_on_page("This job"):
                if job.state is JobState.RUNNING:
                    self._show_running(job)
                elif job.state is JobState.WAITING:
                    self._show_waiting(job)
                else:
                    self._show_ended(job)
                person = current_person()
                if person.is_verified and job.who != person.name:
                    who = job.who or "whoever runs this program"
                    hint = " That person or an admin can change it."
                    st.text(f"Started by {who}.{hint * (not may_change(job))}")

    def _show_running(self, job: Job) -> None:
        stopping = job.stop_requested
        with _row():
            st.markdown(f"**{as_text(self.title(job))}**", width="content")
            label = "Stop at once" if stopping else self.stop_label(job)
            icon = ":material/stop_circle:"
            if may_change(job) and st.button(
                label, key=f"stop_{job.job_id}", icon=icon
            ):
                _act(lambda: stop_job(job.job_id))
        progress = job.progress()
        words = as_text(progress.text) or "starting …"
        if progress.seconds_left is not None:
            words += f", at most {duration(progress.seconds_left)} left"
        if stopping:
            words = "stopping …"
        st.progress(progress.fraction, words[0].upper() + words[1:])
        self.show_details(job)

    def _show_waiting(self, job: Job) -> None:
        with _row():
            words = f"**{as_text(self.title(job))}** waits for its turn."
            st.markdown(words, width="content")
            key = f"stop_{job.job_id}"
            if may_change(job) and st.button("Take it back", key=key):
                _act(lambda: stop_job(job.job_id))

    def _show_ended(self, job: Job) -> None:
        parts = [job.progress().text, self.ended_words(job)]
        words = "; ".join(as_text(part) for part in parts if part)
        with _row(distribute=False):
            st.markdown(f"**{as_text(self.title(job))}**: {words}.")
            if job.can_resume and may_change(job):
                failed = job.state is JobState.FAILED
                if st.button(
                    "Try again" if failed else "Go on",
                    key=f"resume_{job.job_id}",
                    icon=":material/resume:",
                    help="It goes on from where it was.",
                ):
                    _act(lambda: resume_job(job.job_id))
            label = self.remove_label(job)
            key = f"forget_{job.job_id}"
            if may_change(job) and st.button(label, key=key, type="tertiary"):
                _act(lambda: self.remove(job))
        if job.state is JobState.FAILED:
            show_error(job.message or "It gave no reason; the log is below.")
            with st.expander("Log"):
                st.code(job.log_tail(), language=None)
        elif job.message and job.state is JobState.STOPPED:
            st.text(job.message)
        self.show_details(job)


def _row(*, distribute: bool = True) -> st.delta_generator.DeltaGenerator:
    return st.container(
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="distribute" if distribute else "left",
    )


def _act(action: Callable[[], object]) -> None:
    """Change a job; it may have changed since the page was drawn."""
    try:
        action()
    except CoinError as error:
        show_error(str(error))
    else:
        st.rerun()
