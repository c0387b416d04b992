"""What leaves the Classify page: the CSV of all answers, and the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import streamlit as st

from coin_core.i18n import _, current_language, languages, ngettext, speaking
from coin_core.jobs import ProgressCallback
from coin_core.model_store.card import Card
from ui.background_task import (
    BackgroundTask,
    TaskSession,
    show_task,
    start_task,
)
from ui.classify.answers_csv import answers_csv
from ui.classify.session import PhotoNote, UploadedPhoto, UploadSession
from ui.classify.to_dataset import offer_review, show_add_to_dataset
from ui.formatting import as_text
from ui.language import key_of_menu, language_name

MAX_REPORT_COINS = 200  # the pictures of a report are kept in memory
_KEY, _MADE = "report_task", "report_made"
_FORMS = {"pdf": "PDF", "html": "HTML"}
_TYPES = {"pdf": "application/pdf", "html": "text/html"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    """A report that was made.

    Attributes:
        name: Of its file.
        data: Its bytes.
        is_all: Whether it is of all photos, or of the one that was selected.
        made_of: What `_made_of` returned then.
    """

    name: str
    data: bytes
    is_all: bool
    made_of: tuple[Any, ...]


def show_exports(
    session: UploadSession, classifier: str, cards: Mapping[str, Card]
) -> None:
    """The buttons of the exports, and below them the progress of a report."""
    task = task_session()
    task.finish_task()  # a report that is done is offered at once
    with st.container(horizontal=True, vertical_alignment="center", key="exports"):
        st.download_button(
            _("Download CSV"),
            lambda: answers_csv(session, cards),
            "coins.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            help=_("A row for each photo and classifier, with letters and box."),
        )
        with st.popover(_("Report"), icon=":material/description:"):
            _ask_report(session, task, classifier, cards)
        show_add_to_dataset(session, task, cards)
        offer_review()
        report: _Report | None = st.session_state.get(_MADE)
        if report and report.made_of == _made_of(session, classifier, report.is_all):
            st.download_button(
                _("Download {file}").format(file=as_text(report.name)),
                report.data,
                report.name,
                _TYPES[report.name.rpartition(".")[2]],
                type="primary",
                icon=":material/download:",
                key="download_report",
                on_click="ignore",
            )
    show_task(task)
    task.show_messages()


def task_session() -> TaskSession:
    """The long work of this visit on the Classify page."""
    session: TaskSession = st.session_state.setdefault(_KEY, TaskSession())
    return session


def _photos_of(session: UploadSession, is_all: bool) -> list[UploadedPhoto]:
    """The photos of a report, in the order of its pages."""
    return [
        photo
        for photo in session.photos.values()
        if is_all or photo.digest == session.selected
    ][:MAX_REPORT_COINS]


def _made_of(session: UploadSession, classifier: str, is_all: bool) -> tuple[Any, ...]:
    """What a report shows; one that was made of something else is an old one."""
    return (
        classifier,
        session.weights_version,
        *(
            (
                photo.digest,
                session.notes.get(photo.digest, PhotoNote()),
                session.boxes.get(photo.digest),
            )
            for photo in _photos_of(session, is_all)
        ),
    )


def _ask_report(
    session: UploadSession,
    task: TaskSession,
    classifier: str,
    cards: Mapping[str, Card],
) -> None:
    """The form, the language and the coins of a report, and its start."""
    st.caption(_("One page for each coin, with pictures, letters and alternatives."))
    form = st.segmented_control(
        _("Format"),
        tuple(_FORMS),
        format_func=_FORMS.__getitem__,
        default="pdf",
        required=True,
        wrap=True,
        key="report_form",
        persist_state="session",
    )
    language = st.segmented_control(
        _("Language"),
        languages(),
        format_func=language_name,
        default=current_language(),
        required=True,
        wrap=True,
        key=key_of_menu("report_language"),
        persist_state="session",
    )
    count = min(len(session.photos), MAX_REPORT_COINS)
    is_all = count > 1 and st.toggle(
        _("All {count} photos, in the order of the table").format(count=count),
        value=True,
        key="report_all",
        persist_state="session",
    )
    if len(session.photos) > MAX_REPORT_COINS:
        st.caption(
            _("A report holds up to {count} coins; these are the first ones.").format(
                count=MAX_REPORT_COINS
            )
        )
    if st.button(_("Make the report"), type="primary", key="make_report"):
        start_report(
            session,
            task,
            classifier,
            cards,
            form=str(form),
            language=str(language),
            is_all=bool(is_all),
        )
        st.rerun()


def start_report(
    session: UploadSession,
    task: TaskSession,
    classifier: str,
    cards: Mapping[str, Card],
    *,
    form: str,
    language: str,
    is_all: bool,
) -> None:
    """Make a report in a background task; then it can be downloaded.

    Args:
        session: Holds the photos and the answers.
        task: Shows the progress.
        classifier: Whose verdicts head the pages.
        cards: The cards of all classifiers.
        form: "pdf" or "html".
        language: Of the texts.
        is_all: Whether all photos are in it, or only the selected one.
    """
    photos = _photos_of(session, is_all)
    made_of = _made_of(session, classifier, is_all)
    at = datetime.now().astimezone()

    def make(progress: ProgressCallback) -> bytes:
        # Only a report needs what draws PDF and the alignment of the letters.
        from ui.classify.report.coin_page import coin_page
        from ui.classify.report.html_report import html_report
        from ui.classify.report.pdf_report import pdf_report

        pages = []
        with speaking(language):
            for done, photo in enumerate(photos):
                progress(done, len(photos))
                pages.append(coin_page(session, photo, classifier, cards, at))
            progress(len(photos), len(photos))
            return pdf_report(pages) if form == "pdf" else html_report(pages)

    def keep(data: bytes) -> None:
        st.session_state[_MADE] = _Report(
            name=f"coins.{form}", data=data, is_all=is_all, made_of=made_of
        )
        if made_of != _made_of(session, classifier, is_all):
            task.notice = _(
                "The report is of other photos, notes or boxes than those shown now. "
                "Make it again."
            )
            return
        task.notice = ngettext(
            "The report has {count} page.",
            "The report has {count} pages.",
            len(photos),
        ).format(count=len(photos))

    st.session_state.pop(_MADE, None)
    start_task(
        task,
        BackgroundTask(
            title=_("Making the report"),
            function=make,
            on_done=keep,
            stopped_notice=_("Stopped; there is no report."),
        ),
    )
