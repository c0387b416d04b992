"""A list of jobs with their progress; every kind of job is shown by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import streamlit as st

from coin_core.access import current_person
from coin_core.errors import KNOWN_ERRORS, sentence_of
from coin_core.i18n import _, translate
from coin_core.jobs import (
    Job,
    JobKind,
    JobProgress,
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


def seen_open() -> set[str]:
    """The ids of the jobs that this visitor has seen waiting or running."""
    seen: set[str] = st.session_state.setdefault(_OPENED, set())
    return seen


def progress_words(job: Job) -> str:
    """What a running job does, how much is done, and how long it takes at most."""
    if job.stop_requested:
        return _("Stopping …")
    progress = job.progress()
    words = as_text(done_words(progress)) or _("starting …")
    words = words[0].upper() + words[1:]
    if progress.seconds_left is None:
        return words
    left = duration(progress.seconds_left)
    if progress.has_more_steps:
        return _("{words}, at most {time} left in this step").format(
            words=words, time=left
        )
    return _("{words}, at most {time} left").format(words=words, time=left)


def done_words(progress: JobProgress) -> str:
    """What a job does, or did last, with the count."""
    words = translate(progress.words)
    if not progress.unit or not progress.total:
        return words
    count = _(f"{{done}} of {{total}} {progress.unit}s")  # a file may hold any unit
    for name, value in (("done", progress.done), ("total", progress.total)):
        count = count.replace(f"{{{name}}}", f"{value:,.0f}")
    return f"{words}: {count}" if words else count


def title_of(job: Job) -> str:
    """A job's name; of a scrape that of its source, and what was asked of it."""
    source, comma, query = job.title.partition(", ")
    if job.kind is JobKind.SCRAPE and comma:
        return f"{translate(source)}{comma}{query}"
    return translate(job.title)


class JobPanel:
    """Shows the jobs of some kinds beside the button that starts them.

    A subclass says what differs. The sidebar lists the jobs of all kinds. Jobs that are
    done are shown to whoever saw them running, until they dismiss them.

    Attributes:
        kinds: Which jobs; all if empty.
        open_title: Heading while a job runs or waits; "" for none.
        ended_title: Heading of jobs that ended early.
        hides_done: Whether nobody sees jobs that are done.
        counts_itself: Whether the details of a job that ended say how much is done,
            which the progress of a killed job may be behind.
        every_s: Seconds between two updates.
    """

    kinds: ClassVar[tuple[JobKind, ...]] = ()
    open_title = ""
    ended_title = ""
    hides_done = False
    counts_itself = False
    every_s = 1.0

    def belongs(self, job: Job) -> bool:
        """Whether a job of these kinds is shown here."""
        return True

    def shows_done(self, job: Job) -> bool:
        """Whether a job that is done is also shown to who has not seen it running."""
        return False

    def stop_label(self, job: Job) -> str:
        """Label of the button that stops a running job."""
        return _("Stop")

    def remove_label(self, job: Job) -> str:
        """Label of the button that removes a job that is over."""
        return _("Dismiss")

    def remove_question(self, job: Job) -> str:
        """What removing a job loses, which is asked first; "" if it loses nothing."""
        return ""

    def resumes(self, job: Job) -> bool:
        """Whether a job that ended early keeps what it has done."""
        return True

    def ended_words(self, job: Job) -> str:
        """How a job ended, as the second half of a sentence."""
        if job.state is JobState.INTERRUPTED:
            return _("interrupted: its process ended, or the computer shut down")
        return _(str(job.state))

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
        seen_open().update(job.job_id for job in jobs if job.is_open)
        st.session_state[self._key] = self._stages(jobs)
        if not jobs:
            return
        is_open = any(job.is_open for job in jobs)
        if title := self.open_title if is_open else self.ended_title:
            st.header(_(title), anchor=False)
        if is_open:
            st.fragment(self._update, run_every=self.every_s)()
        else:
            self.show_all(jobs)

    def _update(self) -> None:
        with errors_on_page():
            start_waiting()
        jobs = self._listed()
        if self._stages(jobs) != st.session_state.get(self._key):
            st.rerun()
        self.show_all(jobs)

    @property
    def _key(self) -> str:
        return f"job_stages_{type(self).__name__}"

    def _stages(self, jobs: list[Job]) -> dict[str, str]:
        return {
            job.job_id: f"{job.state} {job.is_open and self.stage(job)}" for job in jobs
        }

    def _listed(self) -> list[Job]:
        opened = seen_open()
        return [
            job
            for job in list_jobs(*self.kinds)
            if self.belongs(job)
            and (
                job.state is not JobState.DONE
                or self.shows_done(job)
                or (job.job_id in opened and not self.hides_done)
            )
        ]

    def show_all(self, jobs: list[Job]) -> None:
        """Show each job in a frame of its own."""
        for job in jobs:
            with st.container(border=True), damage_on_page(_("This job")):
                if job.is_queued:
                    self._show_waiting(job)
                elif job.is_open:
                    self._show_running(job)
                else:
                    self._show_ended(job)
                if job.is_elsewhere:
                    st.text(_("On the computer {name}.").format(name=job.machine))
                person = current_person()
                if person.is_verified and job.who != person.name:
                    who = job.who or _("the operator")
                    words = _("Started by {who}.")
                    if not may_change(job):
                        words = _(
                            "Started by {who}. That person or an admin can change it."
                        )
                    st.text(words.format(who=who))

    def _show_running(self, job: Job) -> None:
        with _row():
            st.markdown(f"**{as_text(title_of(job))}**", width="content")
            stopping = job.stop_requested
            label = _("Stop at once") if stopping else self.stop_label(job)
            icon = ":material/stop_circle:"
            if may_change(job) and st.button(
                label, key=f"stop_{job.job_id}", icon=icon
            ):
                _act(lambda: stop_job(job.job_id))
        st.progress(job.progress().fraction, progress_words(job))
        self.show_details(job)

    def _show_waiting(self, job: Job) -> None:
        with _row():
            words = _("**{title}** waits for its turn.")
            st.markdown(words.format(title=as_text(title_of(job))), width="content")
            key = f"stop_{job.job_id}"
            if may_change(job) and st.button(_("Remove from queue"), key=key):
                _act(lambda: stop_job(job.job_id))
        self.show_details(job)

    def _show_ended(self, job: Job) -> None:
        progress = job.progress()
        # All of them are done: the count says nothing.
        is_whole = job.state is JobState.DONE and progress.unit
        counted = "" if is_whole or self.counts_itself else done_words(progress)
        parts = [counted, self.ended_words(job)]
        words = "; ".join(as_text(part) for part in parts if part)
        with _row(distribute=False):
            st.markdown(f"**{as_text(title_of(job))}**: {words}.")
            if job.can_resume and may_change(job):
                failed = job.state is JobState.FAILED
                if st.button(
                    _("Try again") if failed else _("Resume"),
                    key=f"resume_{job.job_id}",
                    icon=":material/resume:",
                    help=_("It resumes where it stopped.")
                    if self.resumes(job)
                    else _("It starts from the beginning."),
                ):
                    _act(lambda: resume_job(job.job_id))
            if may_change(job):
                self._offer_removal(job)
        if job.state is JobState.FAILED:
            show_error(job.message or _("It gave no reason; the log is below."))
            with st.expander(_("Log")):
                st.code(job.log_tail(), language=None)
        elif job.message and job.state is JobState.STOPPED:
            st.text(translate(job.message))
        self.show_details(job)

    def _offer_removal(self, job: Job) -> None:
        label, key = self.remove_label(job), f"forget_{job.job_id}"
        if question := self.remove_question(job):
            with st.popover(label, type="tertiary"):
                st.text(question)
                if st.button(label, key=key, type="primary"):
                    _act(lambda: self.remove(job))
        elif st.button(label, key=key, type="tertiary"):
            _act(lambda: self.remove(job))


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
    except KNOWN_ERRORS as error:
        show_error(sentence_of(error))
    else:
        st.rerun()
