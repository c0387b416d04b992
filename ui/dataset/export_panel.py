"""Exporting a dataset: which photos, in which form, and the download."""

from __future__ import annotations

import streamlit as st

from coin_core.access import Right, may, refusal
from coin_core.catalog.versions import VersionSummary
from coin_core.i18n import N_, _, translate
from coin_core.jobs import Job, JobKind, JobState
from ui.components.job_panel import JobPanel
from ui.downloads import download_address, export_path
from ui.errors import errors_on_page
from ui.formatting import as_text, plural

_FORMS = {
    "zip": N_("ZIP: photos and table"),
    "imagefolder": N_("ImageFolder: one folder per ruler"),
    "csv": N_("CSV table alone"),
    "coco": N_("COCO annotations with photos"),
}
_SHOWN = 200


class ExportPanel(JobPanel):
    """The exports; a finished one is kept for a day to be downloaded."""

    kinds = (JobKind.EXPORT,)

    def shows_done(self, job: Job) -> bool:
        """All of them."""
        return True

    def resumes(self, job: Job) -> bool:
        """An export is made anew."""
        return False

    def show_details(self, job: Job) -> None:
        """What was exported, what was left out, and the download."""
        details = job.progress().details
        if job.state is not JobState.DONE or "file" not in details:
            return
        photos, bared = int(details["photos"]), int(details["bared"])
        said = [plural(photos, "photo") + "."]
        if bared:
            said.append(
                _("Camera data was removed from {count} of them.").format(
                    count=f"{bared:,}"
                )
            )
        st.text(" ".join(said))
        if left_out := details["left_out"]:
            with st.expander(_("Left out: {count}").format(count=len(left_out))):
                for sentence in left_out[:_SHOWN]:
                    st.text(translate(sentence))
        if (path := export_path(job)) is None:
            st.text(_("Its file is gone. Prepare the export again."))
            return
        st.link_button(
            _("Download {name} ({size} MB)").format(
                name=as_text(path.name), size=f"{path.stat().st_size / 2**20:.1f}"
            ),
            download_address(job),
            type="primary",
            icon=":material/download:",
        )


def offer_export(frozen: tuple[VersionSummary, ...]) -> None:
    """Ask what to export and how, and show the exports."""
    if not may(Right.EXPORT):
        st.caption(refusal(Right.EXPORT))
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        which = st.selectbox(
            _("What"),
            [None, *(v.name for v in reversed(frozen))],
            format_func=lambda n: _("all photos as they are now") if n is None else n,
            key="export_version",
            persist_state="session",
            width=250,
        )
        form = st.selectbox(
            _("As"),
            list(_FORMS),
            format_func=lambda form: _(_FORMS[form]),
            key="export_form",
            persist_state="session",
            width=280,
        )
        free_only = st.checkbox(
            _("Only freely licensed"),
            key="export_free",
            persist_state="session",
            help=_("Leaves out photos whose licence does not allow passing them on."),
        )
    keep_notes = st.checkbox(
        _("Keep camera data in the photos: place (GPS), serial number, owner"),
        key="export_notes",
        help=_(
            "Removed by default, so that no find spot is published by accident. The "
            "originals always keep it."
        ),
    )
    st.caption(
        _(
            "The export includes an attribution file with the source, licence and "
            "credit of each photo."
        )
    )
    if st.button(_("Prepare the export"), key="export_prepare"):
        from coin_core.catalog.exporting.package import start_export

        with errors_on_page():
            start_export(
                version=which, form=form, free_only=free_only, keep_notes=keep_notes
            )
    ExportPanel().show()
