"""Bringing photos in: drop them, say what a table's columns mean, see how far it is.

The work is done by a process of its own, so a reload or a closed browser stops nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pandas as pd
import streamlit as st

from coin_core.access import Right, may, refusal
from coin_core.catalog import Catalog, PhotoQuery, Progress
from coin_core.catalog.import_records import ItemState
from coin_core.catalog.import_report import import_report, summarize_import
from coin_core.catalog.importing import ledger
from coin_core.catalog.importing.ingest import (
    discard_import,
    import_items,
    list_imports,
    stage_uploads,
    start_demo_process,
    start_import_process,
)
from coin_core.catalog.importing.tables import FIELDS, ColumnProposal, propose_columns
from coin_core.errors import KNOWN_ERRORS, CatalogError, sentence_of
from coin_core.jobs import Job, JobKind
from ui.components.job_panel import JobPanel
from ui.components.table import show_table
from ui.dataset.session import DatasetSession, ask_reviewer
from ui.errors import errors_on_page, show_error
from ui.memory import MAX_UPLOAD_MB, show_refused_uploads

_TABLES = (".csv", ".tsv", ".xlsx", ".xlsm")
_FIRST_FIELDS = ("file", "ruler", "coin_id", "lot_text", "source", "licence", "credit")
_NOT_USED = "not used"
_DEMO_PHOTOS = 300
_SHOWN_PROBLEMS = 200
_EARLIER = 8


class ImportPanel(JobPanel):
    """The imports, and the demo coins; what is left of one can be left out."""

    kinds: ClassVar = (JobKind.IMPORT,)

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def remove_label(self, job: Job) -> str:
        """The import is given up, or its result has been seen."""
        return "Leave the rest out" if job.can_resume else "Good"

    def remove(self, job: Job) -> None:
        """Give up an import that ended early."""
        if job.can_resume:
            # A restored catalog may not know it.
            with suppress(CatalogError):
                discard_import(self.catalog, ledger.import_id_of(job))
        super().remove(job)

    def show_details(self, job: Job) -> None:
        """Photos that were not imported, and remarks on others."""
        if job.is_open:
            return
        with errors_on_page():
            import_id = ledger.import_id_of(job)
            st.text(summarize_import(self.catalog, import_id))
            _offer_report(self.catalog, import_id, "now")
            for title, rows in _remarks(self.catalog, import_id):
                with st.expander(title):
                    show_table(rows)


def _offer_report(catalog: Catalog, import_id: int, place: str) -> None:
    """A table of all files of an import with their results, to download."""
    st.download_button(
        "All files and their results (CSV)",
        lambda: import_report(catalog, import_id),
        f"import-{import_id}.csv",
        "text/csv",
        key=f"import_report_{place}_{import_id}",
        icon=":material/download:",
        on_click="ignore",
    )


def show_running_import(catalog: Catalog) -> None:
    """Show imports that run or ended early, or that this visitor saw running."""
    with errors_on_page():
        ledger.adopt_unfinished(catalog)
    ImportPanel(catalog).show()


def _remarks(
    catalog: Catalog, import_id: int
) -> Iterator[tuple[str, list[dict[str, str | None]]]]:
    """A title and rows for photos that failed, and for those with a remark."""
    for state, title in (
        (ItemState.FAILED, "Files that were left out, and why"),
        (ItemState.DONE, "Brought in, with a remark"),
    ):
        items = import_items(
            catalog, import_id, state=state, remarked=True, limit=_SHOWN_PROBLEMS
        )
        if items:
            yield title, [{"file": Path(i.key).name, "why": i.message} for i in items]


def show_earlier_imports(catalog: Catalog) -> None:
    """The results of the last imports."""
    earlier = list_imports(catalog, limit=_EARLIER)
    if not earlier:
        return
    with st.expander("Earlier imports"):
        for one in earlier:
            when = f"{one.created_at:%Y-%m-%d %H:%M}, " if one.created_at else ""
            st.text(f"{when}{one.text}, {one.state}.")
            _offer_report(catalog, one.import_id, "earlier")
            for title, rows in _remarks(catalog, one.import_id):
                st.caption(title)
                show_table(rows)


def offer_bringing_in(session: DatasetSession, catalog: Catalog) -> None:
    """The drop zone, the columns of a dropped table, and the start."""
    st.header("Bring photos in", anchor=False)
    if not may(Right.IMPORT):
        st.caption(refusal(Right.IMPORT))
        return
    drops = st.session_state.setdefault("import_drops", 0)
    folder = st.session_state.get("import_folder", False)
    files = st.file_uploader(
        "Drop photos, ZIP archives, or a CSV or Excel table with its photos",
        accept_multiple_files="directory" if folder else True,
        key=f"import_files_{drops}_{folder}",
        max_upload_size=MAX_UPLOAD_MB,
        help="JPEG, PNG, WebP, TIFF, BMP, HEIC, AVIF and GIF. The same photo is never "
        "kept twice.",
    )
    show_refused_uploads()
    st.toggle("Pick a whole folder", key="import_folder", persist_state="session")
    if not files:
        st.caption(
            "Many thousands of photos are brought in faster from the command line: "
            "python -m coin_core import FOLDER"
        )
        return
    tables = [f for f in files if f.name.lower().endswith(_TABLES)]
    mapping: dict[str, str] | None = None
    if tables:
        mapping = _ask_columns(tables[0].name, tables[0].getvalue())
        if mapping is None:
            return
    by_folder = st.radio(
        "Whose coins are they?",
        ["The folders are named after the rulers", "Nobody has said yet"],
        horizontal=True,
        key="import_labels",
        help="A folder such as “jannaeus” or “John Hyrcanus I” labels its photos. "
        "Folders with other names label nothing.",
    ).startswith("The")
    if not ask_reviewer(session, "to sign what is brought in:", Right.IMPORT):
        return
    if st.button(
        f"Bring in {len(files)} file{'s' * (len(files) != 1)}",
        type="primary",
        key="import_start",
    ):
        try:
            sources = stage_uploads(catalog, ((f.name, f.getvalue()) for f in files))
            start_import_process(
                catalog,
                sources,
                who=session.reviewer,
                mapping=mapping,
                labels="folder" if by_folder else "none",
            )
        except KNOWN_ERRORS as error:
            show_error(sentence_of(error))
            return
        st.session_state["import_drops"] = drops + 1
        st.rerun()


def _ask_columns(name: str, data: bytes) -> dict[str, str] | None:
    """What the columns of a table mean; None while no column holds the files."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"table{Path(name).suffix.lower()}"
        path.write_bytes(data)
        try:
            proposal = propose_columns(path)
        except KNOWN_ERRORS as error:
            show_error(sentence_of(error).replace(path.name, name))
            return None
    st.subheader("What the columns of the table mean", anchor=False)
    st.text(f"{name}: {proposal.row_count:,} rows. Correct what was guessed wrongly.")
    st.dataframe(
        pd.DataFrame(list(proposal.examples), columns=list(proposal.columns)),
        hide_index=True,
    )
    mapping = _ask_mapping(proposal)
    if proposal.unknown_rulers:
        names = ", ".join(proposal.unknown_rulers[:8])
        st.text(
            f"Not known as rulers, and left without a label: {names}"
            + (" and others." if len(proposal.unknown_rulers) > 8 else ".")
        )
    if "file" not in mapping and not proposal.picture_count:
        st.warning("Choose the column that holds the file names of the photos.")
        return None
    return mapping


def _ask_mapping(proposal: ColumnProposal) -> dict[str, str]:
    mapping: dict[str, str] = {}
    others = [field for field in FIELDS if field not in _FIRST_FIELDS]

    def ask(fields: list[str], guessed: Mapping[str, str]) -> None:
        columns = st.columns(4)
        options = [_NOT_USED, *proposal.columns]
        for at, field in enumerate(fields):
            with columns[at % 4]:
                chosen = st.selectbox(
                    field.replace("_", " "),
                    options,
                    index=options.index(guessed.get(field, _NOT_USED)),
                    key=f"column_{field}_{hash(proposal.columns)}",
                )
            if chosen != _NOT_USED:
                mapping[field] = str(chosen)

    ask(list(_FIRST_FIELDS), proposal.mapping)
    with st.expander("More columns: weight, references, addresses …"):
        ask(others, proposal.mapping)
    return mapping


def offer_demo(session: DatasetSession, catalog: Catalog, stand: Progress) -> None:
    """The rendered demo collection: one click to have it, one to be rid of it."""
    rendered = catalog.queries.find(PhotoQuery(rendered=True), limit=1).total
    if not rendered:
        st.header("Try it with rendered coins", anchor=False)
        st.markdown(
            f"{_DEMO_PHOTOS} coins are struck by the program, some worn, some with "
            "both sides on one picture, so that you can try everything here. They are "
            "marked as rendered everywhere, and one click removes them."
        )
        st.button(
            f"Strike {_DEMO_PHOTOS} demo coins",
            key="demo_make",
            type="primary" if not stand.total else "secondary",
            icon=":material/toll:",
            on_click=_strike,
            args=(session, catalog),
            disabled=not may(Right.IMPORT),
        )
        return
    st.header("Rendered coins", anchor=False)
    st.markdown(
        f"{rendered:,} of the {stand.total:,} photos here are rendered coins, not "
        "photographs. Removing them leaves your own photos alone."
    )
    if not may(Right.DELETE):
        st.caption(refusal(Right.DELETE))
        return
    with st.popover(
        f"Remove the {rendered:,} rendered coins", icon=":material/delete:"
    ):
        st.caption(
            "They can be rendered again, but the labels, crops and reviews that were "
            "given to them are lost for good."
        )
        st.button(
            "Remove them for good",
            key="demo_remove",
            type="primary",
            on_click=_remove,
            args=(session, catalog),
        )


def _strike(session: DatasetSession, catalog: Catalog) -> None:
    with session.action():
        start_demo_process(catalog, count=_DEMO_PHOTOS)


def _remove(session: DatasetSession, catalog: Catalog) -> None:
    from coin_core.catalog.importing.ingest import remove_demo

    with session.action():
        gone = remove_demo(catalog)
        session.notice = f"{gone} rendered coins removed"
        session.select()
        session.open_photo(None)
