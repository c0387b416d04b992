"""Bringing photos in: drop them, say what a table's columns mean, see how far it is.

The work is done by a process of its own, so a reload or a closed browser stops nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import streamlit as st

from coin_core.catalog import Catalog, PhotoQuery, Progress
from coin_core.catalog.importing.ingest import (
    discard_import,
    import_items,
    list_imports,
    stage_uploads,
    start_again,
    start_demo_process,
    start_import_process,
    stop_import,
)
from coin_core.catalog.importing.records import (
    SCRAPE,
    ImportItem,
    ImportProgress,
    ImportState,
    ItemState,
)
from coin_core.catalog.importing.tables import FIELDS, ColumnProposal, propose_columns
from coin_core.errors import CoinError
from ui.dataset.session import DatasetSession, ask_reviewer
from ui.errors import show_error

MAX_UPLOAD_MB = 1024
_TABLES = (".csv", ".tsv", ".xlsx", ".xlsm")
_FIRST_FIELDS = ("file", "ruler", "coin_id", "lot_text", "source", "licence", "credit")
_NOT_USED = "not used"
_DEMO_PHOTOS = 300
_SHOWN_PROBLEMS = 200
_EARLIER = 8


def show_running_import(session: DatasetSession, catalog: Catalog) -> None:
    """How far the newest import has come; nothing once it is done and seen."""
    newest = _newest(catalog)
    if newest is None or newest.import_id in _put_away():
        return
    if newest.state is ImportState.RUNNING:
        _watch(session, catalog, newest.import_id)
    else:
        _show_end(session, catalog, newest)


def _newest(catalog: Catalog) -> ImportProgress | None:
    imports = list_imports(catalog, limit=_EARLIER)
    return next((one for one in imports if one.kind != SCRAPE), None)


def _put_away() -> set[int]:
    """Imports whose end this visitor has seen, or that ended before the visit."""
    away: set[int] = st.session_state.setdefault("imports_put_away", set())
    return away


@st.fragment(run_every=1.0)
def _watch(session: DatasetSession, catalog: Catalog, import_id: int) -> None:
    """Drawn anew every second as long as the import runs."""
    newest = _newest(catalog)
    if newest is None or newest.import_id != import_id:
        st.rerun()
    elif newest.state is not ImportState.RUNNING:
        st.session_state["import_watched"] = import_id
        st.rerun()
    else:
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            share = newest.done / newest.total if newest.total else 0.0
            st.progress(min(share, 1.0), _in_words(newest))
            st.button(
                "Stop",
                key="stop_import",
                type="tertiary",
                on_click=_stop,
                args=(session, catalog, import_id),
                help="It can go on later, from the photo it was at.",
            )
        if newest.done and not st.session_state.get("import_seen_first"):
            st.session_state["import_seen_first"] = True
            st.rerun()  # the first photos are there to look at


def _in_words(state: ImportProgress) -> str:
    if state.kind == SCRAPE:
        return f"{state.done:,} photos gathered" + _exceptions(state)
    if state.total is None:
        return "Looking through the files …"
    if state.kind == "demo":
        said = f"{state.done:,} of {state.total:,} rendered coins struck"
    else:
        fresh = state.done - state.known - state.failed
        said = (
            f"{state.done:,} of {state.total:,} photos looked at: {fresh:,} brought in"
        )
    return said + _exceptions(state)


def _exceptions(state: ImportProgress) -> str:
    words = ""
    for count, name in (
        (state.known, "known already"),
        (state.grouped, "recognised as known coins"),
        (state.failed, "could not be read"),
    ):
        if count:
            words += f", {count:,} {name}"
    return words


def _show_end(session: DatasetSession, catalog: Catalog, state: ImportProgress) -> None:
    st.session_state.pop("import_seen_first", None)
    stopped = state.state is ImportState.STOPPED
    watched = st.session_state.get("import_watched") == state.import_id
    if not stopped and not watched:  # ended before this visit
        _put_away().add(state.import_id)
        return
    with st.container(border=True):
        st.text(
            f"{_in_words(state)}."
            + (f" {state.error}" if state.error else " Stopped." if stopped else "")
        )
        if state.failed:
            with st.expander(f"{state.failed} files were left out: why"):
                _show_items(_remarks(catalog, state, ItemState.FAILED))
        if said := _remarks(catalog, state, ItemState.DONE):
            with st.expander("Brought in, with a remark"):
                _show_items(said)
        with st.container(horizontal=True):
            if stopped:
                st.button(
                    "Go on",
                    type="primary",
                    on_click=_go_on,
                    args=(session, catalog, state.import_id),
                )
                st.button(
                    "Leave the rest out",
                    on_click=_give_up,
                    args=(session, catalog, state.import_id),
                )
            else:
                st.button("Good", on_click=_put_away().add, args=(state.import_id,))


def _remarks(
    catalog: Catalog, state: ImportProgress, of: ItemState
) -> tuple[ImportItem, ...]:
    return import_items(
        catalog, state.import_id, state=of, remarked=True, limit=_SHOWN_PROBLEMS
    )


def _show_items(said: tuple[ImportItem, ...]) -> None:
    """What is to be said of files; their names in a table are never read as HTML."""
    st.dataframe(
        pd.DataFrame([{"file": Path(i.key).name, "why": i.message} for i in said]),
        hide_index=True,
    )


def show_earlier_imports(catalog: Catalog) -> None:
    """What came of the last imports, for who has closed the page meanwhile."""
    earlier = list_imports(catalog, limit=_EARLIER)
    if not earlier:
        return
    with st.expander("Earlier imports"):
        for state in earlier:
            when = f"{state.created_at:%Y-%m-%d %H:%M}, " if state.created_at else ""
            st.text(f"{when}{_in_words(state)}, {state.state}.")
            for of in (ItemState.FAILED, ItemState.DONE):
                if said := _remarks(catalog, state, of):
                    _show_items(said)


def _stop(session: DatasetSession, catalog: Catalog, import_id: int) -> None:
    st.session_state["import_watched"] = import_id
    with session.action("Stopping"):
        stop_import(catalog, import_id)


def _go_on(session: DatasetSession, catalog: Catalog, import_id: int) -> None:
    with session.action():
        start_again(catalog, import_id)


def _give_up(session: DatasetSession, catalog: Catalog, import_id: int) -> None:
    with session.action():
        discard_import(catalog, import_id)
        _put_away().add(import_id)


def offer_bringing_in(session: DatasetSession, catalog: Catalog) -> None:
    """The drop zone, the columns of a dropped table, and the start."""
    st.header("Bring photos in", anchor=False)
    drops = st.session_state.setdefault("import_drops", 0)
    folder = st.session_state.get("import_folder", False)
    files = st.file_uploader(
        "Drop photos, ZIP archives, or a CSV or Excel table with its photos",
        accept_multiple_files="directory" if folder else True,
        key=f"import_files_{drops}_{folder}",
        max_upload_size=MAX_UPLOAD_MB,
        help="JPEG, PNG, WebP, TIFF, BMP and HEIC. The same photo is never kept twice.",
    )
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
    if not ask_reviewer(session, "to sign what is brought in:"):
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
        except CoinError as error:
            show_error(str(error))
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
        except CoinError as error:
            show_error(str(error).replace(path.name, name))
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
    if "file" not in mapping:
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
        )
        return
    st.header("Rendered coins", anchor=False)
    st.markdown(
        f"{rendered:,} of the {stand.total:,} photos here are rendered coins, not "
        "photographs. Removing them leaves your own photos alone."
    )
    st.button(
        f"Remove the {rendered:,} rendered coins",
        key="demo_remove",
        icon=":material/delete:",
        on_click=_remove,
        args=(session, catalog),
    )


def _strike(session: DatasetSession, catalog: Catalog) -> None:
    with session.action():
        start_demo_process(catalog, count=_DEMO_PHOTOS)


def _remove(session: DatasetSession, catalog: Catalog) -> None:
    from coin_core.catalog.demo import remove_demo

    with session.action():
        gone = remove_demo(catalog)
        session.notice = f"{gone} rendered coins removed"
        session.select()
        session.open_photo(None)
