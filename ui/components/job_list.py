"""All jobs in the sidebar of every page: bar, time left, stop, and where they belong.

What a job does is in its files, so a closed tab or browser loses nothing: the list is
the same in every tab.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from coin_core.i18n import N_, _
from coin_core.jobs import (
    Job,
    JobKind,
    JobState,
    may_change,
    put_away,
    stop_job,
)
from ui.components.job_panel import JobPanel, progress_words, seen_open, title_of
from ui.errors import damage_on_page, errors_on_page
from ui.formatting import as_text

_STATES = {
    JobState.DONE: N_("done"),
    JobState.STOPPED: N_("stopped"),
    JobState.INTERRUPTED: N_("interrupted"),
    JobState.FAILED: N_("failed"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The page of a job, and the part of it that has the job's button."""

    page: str
    part: str = ""


_DATASET, _HISTORY = "pages/2_Dataset.py", "pages/3_Training_history.py"
_PLACES = {
    JobKind.TRAINING: _Place(page=_HISTORY),
    JobKind.IMPORT: _Place(page=_DATASET, part="bring"),
    JobKind.SCRAPE: _Place(page=_DATASET, part="bring"),
    JobKind.EXPORT: _Place(page=_DATASET, part="versions"),
    JobKind.FREEZE: _Place(page=_DATASET, part="versions"),
    JobKind.CLASSIFY: _Place(page=_DATASET, part="browse"),
}


class _SidebarList(JobPanel):
    """The jobs that wait, run or ended early, and those seen running."""

    every_s = 2.0

    def belongs(self, job: Job) -> bool:
        """All that nobody has dismissed."""
        return not job.is_put_away

    def show_all(self, jobs: list[Job]) -> None:
        """A few lines for each, the newest first."""
        if jobs:
            st.markdown(f"**{_('Jobs')}**")
        for job in reversed(jobs):
            with (
                st.container(key=f"job_{job.job_id}", gap=None),
                damage_on_page(_("This job")),
            ):
                _show(job)


def show_job_list() -> None:
    """Show the jobs in a list, on every page.

    When a job ends or shows its first results, the page is drawn again.
    """
    with st.sidebar, errors_on_page():
        _SidebarList().show()


def _show(job: Job) -> None:
    title = as_text(title_of(job))
    if job.is_queued:
        st.caption(_("{title}: waits for its turn").format(title=title))
    elif job.is_open:
        st.caption(title)
        st.progress(job.progress().fraction, progress_words(job))
    else:
        words = _("{title}: {state}").format(title=title, state=_(_STATES[job.state]))
        st.caption(words)
    with st.container(horizontal=True, gap="small"):
        place = _PLACES[job.kind]
        if st.button(
            _("Show"),
            key=f"side_show_{job.job_id}",
            type="tertiary",
            on_click=_choose_part,
            args=(place.part,),
        ):
            st.switch_page(place.page)
        if job.is_open:
            stop = _("Stop at once") if job.stop_requested else _("Stop")
            key = f"side_stop_{job.job_id}"
            if may_change(job) and st.button(stop, key=key, type="tertiary"):
                stop_job(job.job_id)
                st.rerun()
        elif (job.state is JobState.DONE or may_change(job)) and st.button(
            _("Dismiss"),
            key=f"side_dismiss_{job.job_id}",
            type="tertiary",
            help=None
            if job.state is JobState.DONE
            else _("It stays in its place, where it can be resumed or removed."),
        ):
            seen_open().discard(job.job_id)
            if job.state is not JobState.DONE:
                put_away(job.job_id)
            st.rerun()


def _choose_part(part: str) -> None:
    if part:
        st.session_state["dataset_part"] = part
