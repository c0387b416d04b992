"""How far the gathering is: live, after a reload too; stop, go on, what went wrong."""

from __future__ import annotations

import streamlit as st

from coin_core.catalog import Catalog
from coin_core.catalog.importing.ingest import discard_import, start_again, stop_import
from coin_core.catalog.scrape_jobs import (
    GatherOrder,
    GatherProgress,
    gathering_log,
    gathering_order,
    latest_gathering,
)
from ui.desk import Desk
from ui.gathering import SOURCES

_AT_WORK = ("running", "stopping")


def show_gathering(desk: Desk, catalog: Catalog) -> None:
    """The newest run; nothing once it is done and seen, or was given up."""
    newest = latest_gathering(catalog)
    if newest is None or newest.import_id in _put_away():
        return
    if newest.state in _AT_WORK:
        st.session_state["gathering_watched"] = newest.import_id
        _watch(desk, catalog, newest.import_id)
    elif (
        newest.state == "stopped"
        or st.session_state.get("gathering_watched") == newest.import_id
    ):
        _show_end(desk, catalog, newest)


def _put_away() -> set[int]:
    """Runs whose end this visitor has seen."""
    away: set[int] = st.session_state.setdefault("gatherings_put_away", set())
    return away


@st.fragment(run_every=1.0)
def _watch(desk: Desk, catalog: Catalog, import_id: int) -> None:
    """Drawn anew every second as long as the run is at work."""
    newest = latest_gathering(catalog)
    if newest is None or newest.import_id != import_id or newest.state not in _AT_WORK:
        st.rerun()
    order = gathering_order(catalog, import_id)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            _show_bar(newest, order)
            st.button(
                "Stop",
                key="stop_gathering",
                type="tertiary",
                disabled=newest.state == "stopping",
                on_click=_stop,
                args=(desk, catalog, import_id),
                help="It can go on later, from the coin it was at.",
            )
        if newest.current:
            st.text(newest.current[:160])
        _show_problems(catalog, newest)
    if newest.added and not st.session_state.get("gathering_seen_first"):
        st.session_state["gathering_seen_first"] = True
        st.rerun()  # the first photos are there to look at


def _show_bar(progress: GatherProgress, order: GatherOrder) -> None:
    words = f"{_title(order)}: {in_words(progress)}"
    if progress.state == "stopping":
        words += ", stopping …"
    if order.limit:
        st.progress(min(progress.taken / order.limit, 1.0), words)
    else:
        st.text(words)


def _title(order: GatherOrder) -> str:
    source = SOURCES[order.source].title if order.source in SOURCES else order.source
    return source if order.source == "saved" else f"{source}, {order.query[:80]}"


def in_words(progress: GatherProgress) -> str:
    """The counts of a run, without those that are none."""
    if not progress.listings and progress.state in _AT_WORK:
        return "asking …"
    words = f"{progress.listings:,} coins looked at, {progress.added:,} new photos"
    for count, name in (
        (progress.labelled, "of them labelled"),
        (progress.known, "known already"),
        (progress.left_out, "coins left out"),
        (progress.failed, "failed"),
    ):
        if count:
            words += f", {count:,} {name}"
    return words


def _show_problems(catalog: Catalog, progress: GatherProgress) -> None:
    # st.text shows what a site has written as it is, never as HTML
    if progress.problems:
        with st.expander(f"What went wrong ({progress.failed:,})"):
            for sentence in progress.problems:
                st.text(sentence)
    with st.expander("Every request and its answer"):
        log = gathering_log(catalog, progress.import_id)
        st.code(log or "Nothing yet.", language=None, height=240)


def _show_end(desk: Desk, catalog: Catalog, progress: GatherProgress) -> None:
    st.session_state.pop("gathering_seen_first", None)
    order = gathering_order(catalog, progress.import_id)
    with st.container(border=True):
        done = "done" if progress.state == "done" else "stopped"
        st.text(f"{_title(order)}: {in_words(progress)}; {done}.")
        if progress.error:
            st.text(progress.error)
        _show_problems(catalog, progress)
        with st.container(horizontal=True):
            if progress.state == "stopped":
                st.button(
                    "Go on",
                    key="gathering_go_on",
                    type="primary",
                    on_click=_go_on,
                    args=(desk, catalog, progress.import_id),
                )
                st.button(
                    "Leave the rest out",
                    key="gathering_give_up",
                    on_click=_give_up,
                    args=(desk, catalog, progress.import_id),
                )
            else:
                st.button(
                    "Good",
                    key="gathering_good",
                    on_click=_put_away().add,
                    args=(progress.import_id,),
                )


def _stop(desk: Desk, catalog: Catalog, import_id: int) -> None:
    with desk.doing("Stopping"):
        stop_import(catalog, import_id)


def _go_on(desk: Desk, catalog: Catalog, import_id: int) -> None:
    with desk.doing():
        start_again(catalog, import_id)


def _give_up(desk: Desk, catalog: Catalog, import_id: int) -> None:
    with desk.doing():
        discard_import(catalog, import_id)
        _put_away().add(import_id)
