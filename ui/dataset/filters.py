"""The filters of the collection, and the chart of counts that filters when clicked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import streamlit as st

from coin_core.catalog import (
    Catalog,
    Choices,
    PhotoOrder,
    PhotoQuery,
    PhotoStatus,
    Side,
)
from ui.components import ruler_counts
from ui.dataset.formatting import (
    ORDER,
    SIDE,
    STATUS,
    UNLABELLED,
    ruler_colour,
    ruler_keys,
    ruler_title,
)
from ui.dataset.session import DatasetSession

_SPLITS = ("train", "validation", "test")
_MORE = ("f_side", "f_source", "f_licence", "f_kind", "f_version")
ALL = "all"


def ask_filters(session: DatasetSession, catalog: Catalog) -> PhotoQuery:
    """Draw the chart and the filters; returns what they ask for."""
    choices = catalog.queries.choices()
    chart, rest = st.columns([1, 1.45], gap="large", vertical_alignment="center")
    with rest:
        query = _ask(session, choices)
    with chart:
        _show_counts(session, catalog.queries.counts(query), choices)
    if query != session.query:
        session.query = query
        session.select()
        st.session_state["grid_page"] = 1
    return query


def _show_counts(
    session: DatasetSession, counts: Mapping[str, int], choices: Choices
) -> None:
    keys = [
        *ruler_keys(choices.rulers),
        *(key for key in counts if key not in ruler_keys(choices.rulers)),
    ]
    keys = [*dict.fromkeys(key for key in keys if key != UNLABELLED), UNLABELLED]

    def pick() -> None:
        picked = st.session_state["ruler_counts"].get("pick")
        if picked is not None:
            session.ruler = picked or None

    ruler_counts(
        data={
            "rows": [
                {
                    "key": key,
                    "label": ruler_title(key),
                    "count": counts.get(key, 0),
                    "colour": ruler_colour(key, choices.rulers),
                }
                for key in keys
            ],
            "chosen": session.ruler,
        },
        key="ruler_counts",
        on_pick_change=pick,
    )
    st.caption("Click a bar to see only those photos.")


def _ask(session: DatasetSession, choices: Choices) -> PhotoQuery:
    text = st.text_input(
        "Search",
        key="f_text",
        placeholder="in file names, lot texts, credits, sources",
        persist_state="session",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        status = st.selectbox(
            "Status",
            [ALL, *STATUS],
            format_func=lambda s: STATUS.get(s, s),
            key="f_status",
            persist_state="session",
            width=150,
        )
        order = st.selectbox(
            "Order",
            list(ORDER),
            format_func=ORDER.__getitem__,
            key="f_order",
            persist_state="session",
            width=185,
        )
        more = sum(st.session_state.get(key, ALL) != ALL for key in _MORE)
        more += sum(bool(st.session_state.get(k)) for k in ("f_dispute", "f_quality"))
        with st.popover(f"More filters{f' ({more})' if more else ''}", width=150):
            narrow = _ask_more(choices)
        if session.ruler or text or status != ALL or more:
            st.button(
                "Clear",
                type="tertiary",
                key="f_clear",
                on_click=_clear,
                args=(session,),
            )
    return PhotoQuery(
        ruler=session.ruler,
        status=None if status == ALL else PhotoStatus(status),
        text=(text or "").strip() or None,
        order=PhotoOrder(order),
        **narrow,  # type: ignore[arg-type]
    )


def _clear(session: DatasetSession) -> None:
    session.ruler = None
    empty = {"f_text": "", "f_quality": 0.0, "f_dispute": False}
    for key in (*_MORE, "f_status", *empty):
        if key in st.session_state:
            st.session_state[key] = empty.get(key, ALL)


def _one_of(label: str, options: Iterable[str], key: str) -> str | None:
    """A filter over plain names; None if it is left open."""
    chosen = st.selectbox(label, [ALL, *options], key=key, persist_state="session")
    return None if chosen == ALL else chosen


def _ask_more(choices: Choices) -> dict[str, object]:
    side = st.selectbox(
        "Shows the",
        [ALL, *choices.sides],
        format_func=lambda s: SIDE.get(s, s),
        key="f_side",
        persist_state="session",
    )
    source = _one_of("Source", choices.sources, "f_source")
    licence = _one_of("Licence", choices.licences, "f_licence")
    kind = _one_of("Kind", ("photographs", "rendered coins"), "f_kind")
    version = split = None
    if choices.versions:
        version = _one_of("Data set version", choices.versions, "f_version")
        if version is not None:
            split = st.selectbox(
                "Part of it", _SPLITS, key="f_split", persist_state="session"
            )
    dispute = st.toggle(
        "Classifiers name different rulers", key="f_dispute", persist_state="session"
    )
    quality = st.slider(
        "Picture quality at least",
        0.0,
        1.0,
        step=0.05,
        key="f_quality",
        persist_state="session",
    )
    return {
        "side": None if side == ALL else Side(side),
        "source": source,
        "licence": licence,
        "rendered": None if kind is None else kind == "rendered coins",
        "split": (version, str(split)) if version else None,
        "disagreement": True if dispute else None,
        "min_quality": quality or None,
    }
