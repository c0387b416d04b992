"""Adding photos: drop them, say what a table's columns mean, see how far it is.

The work is done by a process of its own, so a reload or a closed browser stops nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pandas as pd
import streamlit as st

from coin_core.access import Right, may, refusal
from coin_core.catalog import Catalog, PhotoQuery
from coin_core.catalog.import_records import ItemState
from coin_core.catalog.import_report import (
    import_report,
    summarize_import,
    why_not_in,
)
from coin_core.catalog.importing import ledger
from coin_core.catalog.importing.ingest import (
    discard_import,
    remove_demo,
    staged,
    start_demo_process,
    start_import_process,
    waiting_files,
)
from coin_core.catalog.importing.tables import (
    FIELDS,
    TABLE_SUFFIXES,
    ColumnProposal,
    propose_columns,
)
from coin_core.catalog.removed import list_removed, restore_photos
from coin_core.errors import KNOWN_ERRORS, CatalogError, CoinError, sentence_of
from coin_core.i18n import N_, _, ngettext
from coin_core.jobs import Job, JobKind, forget_job, list_jobs, refuse_twice
from coin_core.recycle_bin import KEPT_DAYS
from ui.background_task import BackgroundTask, show_task, start_task
from ui.components.job_panel import JobPanel
from ui.components.table import show_small_table
from ui.dataset.formatting import field_title
from ui.dataset.session import DatasetSession, ask_reviewer
from ui.errors import errors_on_page, show_error
from ui.formatting import date_and_time
from ui.memory import MAX_UPLOAD_MB, forget_uploads, show_refused_uploads

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_FIRST_FIELDS = ("file", "ruler", "coin_id", "lot_text", "source", "licence", "credit")
_NOT_USED = N_("not used")
_DEMO_PHOTOS = 300
_SHOWN_PROBLEMS = 200
_SHOWN_FILES = 200
_RESULTS = {
    ItemState.WAITING: N_("waits"),
    ItemState.DONE: N_("imported"),
    ItemState.KNOWN: N_("in the dataset already"),
    ItemState.FAILED: N_("not imported"),
}
_SHOWN_NAMES = 8


class ImportPanel(JobPanel):
    """The imports of photos: their files from the first moment, and their results."""

    kinds: ClassVar = (JobKind.IMPORT,)
    counts_itself = True
    give_up: ClassVar = N_("Stop import")
    lost: ClassVar = N_(
        "Files that are not read yet are left out, and the import cannot be resumed. "
        "Imported photos stay."
    )

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def belongs(self, job: Job) -> bool:
        """Demo coins have a panel of their own."""
        return job.title != ledger.DEMO_TITLE

    def remove_label(self, job: Job) -> str:
        """What was begun is given up, or its result has been seen."""
        return _(self.give_up) if job.can_resume else _("Dismiss")

    def remove_question(self, job: Job) -> str:
        """What is not done yet is lost."""
        return _(self.lost) if job.can_resume else ""

    def remove(self, job: Job) -> None:
        """Give up an import that ended early."""
        if job.can_resume:
            # A restored catalog may not know it.
            with suppress(CatalogError):
                discard_import(self.catalog, ledger.import_id_of(job))
        super().remove(job)

    def show_details(self, job: Job) -> None:
        """The files while they are read; then the results, and why some are not in."""
        with errors_on_page():
            import_id = ledger.import_id_of(job)
            if job.is_open:
                self.show_files(import_id)
                return
            st.text(summarize_import(self.catalog, import_id))
            with st.container(horizontal=True):
                self.offer_photos(import_id)
                offer_report(self.catalog, import_id, "now")
            for title, rows in read_remarks(self.catalog, import_id):
                with st.expander(title):
                    show_remarks(rows)

    def offer_photos(self, import_id: int) -> None:
        """The way on, to the review of photos that came in."""
        done = ledger.read_items(self.catalog, import_id, state=ItemState.DONE, limit=1)
        if done and st.button(
            _("Review the photos"),
            key=f"import_review_{import_id}",
            icon=":material/keyboard:",
            on_click=_choose_review,
        ):
            st.rerun()  # the whole page, of which this panel is a part

    def show_files(self, import_id: int) -> None:
        """The files of a running import, each with its result so far."""
        items = ledger.read_items(self.catalog, import_id, limit=_SHOWN_FILES + 1)
        rows = [(Path(one.key).name, one.state) for one in items] or [
            (name, ItemState.WAITING)
            for name in waiting_files(self.catalog, import_id, limit=_SHOWN_FILES + 1)
        ]
        if not rows:
            return
        # A table of Streamlit would be drawn only after a moment.
        lines = [
            _("{file}: {result}").format(file=name, result=_(_RESULTS[state]))
            for name, state in rows[:_SHOWN_FILES]
        ]
        with st.container(height=200 if len(lines) > 8 else "content", border=False):
            st.text("\n".join(lines))
        if len(rows) > _SHOWN_FILES:
            text = _("The first {count} files are shown.")
            st.caption(text.format(count=_SHOWN_FILES))


class DemoPanel(ImportPanel):
    """The demo coins while they are generated."""

    def belongs(self, job: Job) -> bool:
        """Only demo coins."""
        return job.title == ledger.DEMO_TITLE

    def remove_label(self, job: Job) -> str:
        """The button above goes on with those that are missing."""
        return _("Dismiss")

    def remove_question(self, job: Job) -> str:
        """They can be generated again."""
        return ""

    def offer_photos(self, import_id: int) -> None:
        """They have their labels."""

    def show_files(self, import_id: int) -> None:
        """Their files have no names that say anything."""


def _choose_review() -> None:
    st.session_state["dataset_part"] = "review"


def offer_report(catalog: Catalog, import_id: int, place: str) -> None:
    """A table of all files of an import with their results, to download."""
    st.download_button(
        _("All files and their results (CSV)"),
        lambda: import_report(catalog, import_id),
        f"import-{import_id}.csv",
        "text/csv",
        key=f"import_report_{place}_{import_id}",
        icon=":material/download:",
        on_click="ignore",
    )


def describe_empty() -> str:
    """The heading of an empty dataset: how to begin, or that photos are coming."""
    kinds = (JobKind.IMPORT, JobKind.SCRAPE)
    running = [job for job in list_jobs(*kinds) if job.is_open]
    if not running:
        return _("The dataset is empty. Begin with one of these:")
    if all(job.title == ledger.DEMO_TITLE for job in running):
        return _("The dataset is empty so far; demo coins are being generated …")
    return _("The dataset is empty so far; photos are being imported …")


def read_remarks(
    catalog: Catalog, import_id: int
) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A title and rows for photos that failed, and for those with a remark."""
    for state, title in (
        (ItemState.FAILED, _("Files that were left out, and why")),
        (ItemState.DONE, _("Imported with notes")),
    ):
        items = ledger.read_items(
            catalog, import_id, state=state, remarked=True, limit=_SHOWN_PROBLEMS
        )
        if items:
            yield (
                title,
                [
                    {_("file"): Path(one.key).name, _("why"): why_not_in(one)}
                    for one in items
                ],
            )


def show_remarks(rows: Sequence[Mapping[str, str]]) -> None:
    """The remarks, whole; a long list of them in a window of its own."""
    with st.container(height=400 if len(rows) > 8 else "content", border=False):
        show_small_table(rows)


def offer_bringing_in(session: DatasetSession, catalog: Catalog) -> None:
    """The drop zone, the columns of a dropped table, the start, and the imports."""
    st.header(_("Add photos"), anchor=False)
    if may(Right.IMPORT):
        _ask_files(session, catalog)
    else:
        st.caption(refusal(Right.IMPORT))
    ImportPanel(catalog).show()


def drop_zone(
    kind: str, label: str, words: str, types: Sequence[str] | None = None
) -> list[UploadedFile]:
    """Let a visitor drop files of some types, or whole folders, with words of help."""
    drops = st.session_state.setdefault(f"{kind}_drops", 0)
    folder = st.session_state.get(f"{kind}_folder", False)
    files: list[UploadedFile] = st.file_uploader(
        label,
        accept_multiple_files="directory" if folder else True,
        key=f"{kind}_files_{drops}_{folder}",
        type=None if folder else types,
        max_upload_size=MAX_UPLOAD_MB,
        help=words,
    )
    show_refused_uploads()
    st.toggle(_("Pick a whole folder"), key=f"{kind}_folder", persist_state="session")
    return files


def empty_drop_zone(kind: str, files: Sequence[UploadedFile]) -> None:
    """Let go of files that were taken over, and draw the page again."""
    forget_uploads(files)
    st.session_state[f"{kind}_drops"] += 1
    st.rerun()


def _ask_files(session: DatasetSession, catalog: Catalog) -> None:
    files = drop_zone(
        "import",
        _("Drop photos, ZIP archives, or a CSV or Excel table with its photos"),
        _(
            "JPEG, PNG, WebP, TIFF, BMP, HEIC, AVIF and GIF. The same photo is never "
            "kept twice."
        ),
    )
    if not files:
        st.caption(
            _(
                "Many thousands of photos are imported faster from the command line: "
                "python -m coin_core import FOLDER"
            )
        )
        return
    tables = [f for f in files if Path(f.name).suffix.lower() in TABLE_SUFFIXES]
    mappings = _ask_columns([(f.name, f.getvalue()) for f in tables])
    if mappings is None:
        return
    by_folder = st.radio(
        _("Whose coins are they?"),
        [True, False],
        format_func=lambda named: (
            _("The folders are named after the rulers")
            if named
            else _("Nobody has said yet")
        ),
        horizontal=True,
        key="import_labels",
        help=_(
            "A folder such as “jannaeus” or “John Hyrcanus I” labels its photos. "
            "Folders with other names label nothing."
        ),
    )
    why = _("to sign what is imported:")
    if not ask_reviewer(session, why, Right.IMPORT):
        return
    label = ngettext("Import {count} file", "Import {count} files", len(files))
    if st.button(
        label.format(count=f"{len(files):,}"), type="primary", key="import_start"
    ):
        try:
            with staged(catalog, ((f.name, f.getvalue()) for f in files)) as sources:
                start_import_process(
                    catalog,
                    sources,
                    who=session.reviewer,
                    mapping=mappings,
                    labels="folder" if by_folder else "none",
                )
        except KNOWN_ERRORS as error:
            show_error(sentence_of(error))
            return
        empty_drop_zone("import", files)


def _ask_columns(tables: Sequence[tuple[str, bytes]]) -> list[dict[str, str]] | None:
    """What the columns of each table mean, asked once for those with the same headings.

    Args:
        tables: Name and bytes of each.

    Returns:
        A mapping for each; None while no column of one holds the files.
    """
    read: list[tuple[str, ColumnProposal]] = []
    for name, data in tables:
        if (proposal := _read_columns(name, data)) is None:
            return None
        read.append((name, proposal))
    asked: dict[tuple[str, ...], dict[str, str] | None] = {}
    for _name, proposal in read:
        if proposal.columns not in asked:
            alike = [one for one in read if one[1].columns == proposal.columns]
            asked[proposal.columns] = _ask_columns_of(alike)
    mappings = [asked[proposal.columns] for _name, proposal in read]
    whole = [mapping for mapping in mappings if mapping is not None]
    return whole if len(whole) == len(mappings) else None


def _read_columns(name: str, data: bytes) -> ColumnProposal | None:
    """What the columns of a table seem to mean; None, and why, if it is no table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"table{Path(name).suffix.lower()}"
        path.write_bytes(data)
        try:
            return propose_columns(path)
        except KNOWN_ERRORS as error:
            show_error(sentence_of(error).replace(path.name, name))
            return None


def _ask_columns_of(
    tables: Sequence[tuple[str, ColumnProposal]],
) -> dict[str, str] | None:
    """What the columns of tables with the same headings mean, by the first of them."""
    proposal = tables[0][1]
    st.subheader(_("What the columns of the table mean"), anchor=False)
    st.text(
        _("{name}: {count} rows. Correct what was guessed wrongly.").format(
            name=_some([name for name, _proposal in tables]),
            count=f"{sum(one.row_count for _name, one in tables):,}",
        )
    )
    st.dataframe(
        pd.DataFrame(list(proposal.examples), columns=list(proposal.columns)),
        hide_index=True,
    )
    mapping = _ask_mapping(proposal)
    for text, names in (
        (
            _("Not known as rulers, and left without a label: {names}"),
            [name for _name, one in tables for name in one.unknown_rulers],
        ),
        (
            _("In doubt, so only suggested in the review: {names}"),
            [name for _name, one in tables for name in one.doubtful_rulers],
        ),
    ):
        if names:
            st.text(text.format(names=_some(list(dict.fromkeys(names)))))
    if "file" not in mapping and not all(one.picture_count for _name, one in tables):
        st.warning(_("Choose the column that holds the file names of the photos."))
        return None
    return mapping


def _some(names: Sequence[str]) -> str:
    """The first of these names."""
    return ", ".join(names[:_SHOWN_NAMES]) + " …" * (len(names) > _SHOWN_NAMES)


def _ask_mapping(proposal: ColumnProposal) -> dict[str, str]:
    mapping: dict[str, str] = {}
    others = [field for field in FIELDS if field not in _FIRST_FIELDS]

    def ask(fields: list[str], guessed: Mapping[str, str]) -> None:
        columns = st.columns(4)
        options = [_NOT_USED, *proposal.columns]
        for at, field in enumerate(fields):
            key = f"column_{field}_{hash(proposal.columns)}"
            st.session_state.setdefault(key, guessed.get(field, _NOT_USED))
            with columns[at % 4]:
                chosen = st.selectbox(
                    field_title(field),
                    options,
                    format_func=lambda name: _(name) if name == _NOT_USED else name,
                    key=key,
                )
            if chosen != _NOT_USED:
                mapping[field] = str(chosen)

    ask(list(_FIRST_FIELDS), proposal.mapping)
    with st.expander(_("More columns: weight, references, addresses …")):
        ask(others, proposal.mapping)
    return mapping


def offer_demo(session: DatasetSession, catalog: Catalog) -> None:
    """The button that generates the demo coins, and how far they are."""
    st.header(_("Try it with demo coins"), anchor=False)
    text = _(
        "The app generates {count} coin images, some worn, some with both sides on "
        "one picture, so that you can try everything here. They are marked as rendered "
        "everywhere, and can be removed."
    )
    st.markdown(text.format(count=_DEMO_PHOTOS))
    rendered = _count_rendered(catalog)
    is_open = any(
        job.is_open and job.title == ledger.DEMO_TITLE
        for job in list_jobs(JobKind.IMPORT)
    )
    label = _("Generate {count} demo coins").format(count=_DEMO_PHOTOS)
    st.button(
        label,
        key="demo_make",
        icon=":material/toll:",
        on_click=_generate,
        args=(session, catalog),
        disabled=not may(Right.IMPORT) or is_open or rendered >= _DEMO_PHOTOS,
    )
    if rendered and not is_open:
        text = ngettext(
            "{count} demo coin is here.", "{count} demo coins are here.", rendered
        )
        st.caption(text.format(count=f"{rendered:,}"))
    DemoPanel(catalog).show()


def offer_demo_removal(session: DatasetSession, catalog: Catalog) -> None:
    """Remove the rendered coins, after a question, and restore removed ones."""
    rendered, removed = _count_rendered(catalog), list_removed()
    if not (rendered or removed) or not may(Right.DELETE):
        return
    st.header(_("Remove demo coins"), anchor=False)
    if rendered:
        text = ngettext(
            "{count} of the photos here is a rendered coin, not a photograph. Your own "
            "photos stay.",
            "{count} of the photos here are rendered coins, not photographs. Your own "
            "photos stay.",
            rendered,
        )
        st.markdown(text.format(count=f"{rendered:,}"))
        label = ngettext(
            "Remove {count} rendered coin", "Remove {count} rendered coins", rendered
        ).format(count=f"{rendered:,}")
        with st.popover(label, icon=":material/delete:"):
            text = _(
                "They go to the bin for {days} days, with their labels, crops and "
                "reviews, and can be restored from there."
            )
            st.caption(text.format(days=KEPT_DAYS))
            st.button(
                _("Move them to the bin"),
                key="demo_remove",
                type="primary",
                on_click=_remove,
                args=(session, catalog),
            )
    for item in removed:
        with st.container(horizontal=True, vertical_alignment="center"):
            text = ngettext(
                "{count} rendered coin, in the bin since {time}",
                "{count} rendered coins, in the bin since {time}",
                item.count,
            )
            time = date_and_time(datetime.fromisoformat(item.at))
            st.text(text.format(count=f"{item.count:,}", time=time))
            st.button(
                _("Restore"),
                key=f"demo_restore_{item.item_id}",
                icon=":material/undo:",
                on_click=_restore,
                args=(session, catalog, item.item_id),
            )
    show_task(session)


def _count_rendered(catalog: Catalog) -> int:
    return catalog.queries.find(PhotoQuery(rendered=True), limit=1).total


def _generate(session: DatasetSession, catalog: Catalog) -> None:
    with session.action():
        refuse_twice(JobKind.IMPORT, lambda job: job.title == ledger.DEMO_TITLE)
        start_demo_process(catalog, count=_DEMO_PHOTOS)


def _remove(session: DatasetSession, catalog: Catalog) -> None:
    def report(gone: int) -> None:
        for job in list_jobs(JobKind.IMPORT):  # there is nothing left to resume
            if job.title == ledger.DEMO_TITLE and not job.is_open:
                with suppress(CoinError):  # somebody else has removed it
                    forget_job(job.job_id)
        text = ngettext(
            "{count} rendered coin is in the bin; restore it at “Add photos”.",
            "{count} rendered coins are in the bin; restore them at “Add photos”.",
            gone,
        )
        session.notice = text.format(count=f"{gone:,}")
        session.select()
        session.open_photo(None)

    start_task(
        session,
        BackgroundTask(
            title=_("Moving the demo coins to the bin"),
            function=lambda progress: remove_demo(catalog, progress=progress),
            on_done=report,
        ),
    )


def _restore(session: DatasetSession, catalog: Catalog, item_id: str) -> None:
    def report(restored: int) -> None:
        text = ngettext("{count} photo restored.", "{count} photos restored.", restored)
        session.notice = text.format(count=f"{restored:,}")

    start_task(
        session,
        BackgroundTask(
            title=_("Restoring the demo coins"),
            function=lambda progress: restore_photos(
                catalog, item_id, progress=progress
            ),
            on_done=report,
            stopped_notice=_("Stopped; restore again for the others."),
        ),
    )
