"""The filters of the dataset, and the chart of counts that is a filter too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import streamlit as st

from coin_core.catalog import (
    Catalog,
    Choices,
    PhotoOrder,
    PhotoQuery,
    PhotoStatus,
    Side,
)
from coin_core.i18n import N_, _
from ui.components.custom import ruler_counts
from ui.dataset.formatting import (
    ORDER_TITLES,
    STATUS_TITLES,
    UNLABELLED,
    ruler_colour,
    ruler_keys,
    ruler_title,
)
from ui.dataset.session import DatasetSession
from ui.formatting import SIDE_TITLES

_SPLITS = (N_("train"), N_("validation"), N_("test"))
_RENDERED = N_("rendered coins")
_MENUS = ("f_side", "f_source", "f_licence", "f_kind", "f_version")
_ALL = N_("all")


def show_filters(session: DatasetSession, catalog: Catalog) -> PhotoQuery:
    """Show the chart and the filters; returns the query that they make."""
    choices = catalog.queries.choices()
    chart, rest = st.columns([1, 1.45], gap="large", vertical_alignment="center")
    with rest:
        query = _ask_query(session, choices)
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
    keys = dict.fromkeys((*ruler_keys(choices.rulers), *counts))
    keys.pop(UNLABELLED, None)

    def store() -> None:
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
                for key in (*keys, UNLABELLED)
            ],
            "selected": session.ruler,
            "words": {"only": _("Show only: {ruler}"), "all": _("Show all rulers")},
        },
        key="ruler_counts",
        on_pick_change=store,
    )
    st.caption(_("Click a bar to see only those photos."))


def _ask_query(session: DatasetSession, choices: Choices) -> PhotoQuery:
    text = st.text_input(
        _("Search"),
        key="f_text",
        placeholder=_("in file names, lot texts, credits, sources"),
        persist_state="session",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        status = _menu(
            _("Status"),
            STATUS_TITLES,
            "f_status",
            format_func=STATUS_TITLES.get,
            width=150,
        )
        order = st.selectbox(
            _("Order"),
            list(ORDER_TITLES),
            format_func=lambda order: _(ORDER_TITLES[order]),
            key="f_order",
            persist_state="session",
            width=185,
        )
        more = sum(st.session_state.get(key, _ALL) != _ALL for key in _MENUS)
        more += sum(bool(st.session_state.get(k)) for k in ("f_dispute", "f_quality"))
        with st.popover(_("More filters") + (f" ({more})" if more else ""), width=150):
            more_filters = _ask_more(choices)
        if session.ruler or text or status is not None or more:
            st.button(
                _("Clear"),
                type="tertiary",
                key="f_clear",
                on_click=_clear,
                args=(session,),
            )
    return PhotoQuery(
        ruler=session.ruler,
        status=None if status is None else PhotoStatus(status),
        text=(text or "").strip() or None,
        order=PhotoOrder(order),
        **more_filters,
    )


def _clear(session: DatasetSession) -> None:
    session.ruler = None
    empty: dict[str, Any] = {"f_text": "", "f_quality": 0.0, "f_dispute": False}
    for key in (*_MENUS, "f_status", *empty):
        if key in st.session_state:
            st.session_state[key] = empty.get(key, _ALL)


def _menu(
    label: str,
    options: Iterable[str],
    key: str,
    *,
    format_func: Callable[[Any], str | None] = lambda option: option,
    width: Any = "stretch",
) -> str | None:
    """A menu with the option "all", for which it returns None."""
    chosen = st.selectbox(
        label,
        [_ALL, *options],
        format_func=lambda option: _(format_func(option) or option),
        key=key,
        persist_state="session",
        width=width,
    )
    return None if chosen == _ALL else chosen


def _ask_more(choices: Choices) -> dict[str, Any]:
    side = _menu(_("Shows the"), choices.sides, "f_side", format_func=SIDE_TITLES.get)
    source = _menu(_("Source"), choices.sources, "f_source")
    licence = _menu(_("Licence"), choices.licences, "f_licence")
    kind = _menu(_("Kind"), (N_("photographs"), _RENDERED), "f_kind")
    version = split = None
    if choices.versions:
        version = _menu(_("Version"), choices.versions, "f_version")
        if version is not None:
            split = st.selectbox(
                _("Split"),
                _SPLITS,
                format_func=_,
                key="f_split",
                persist_state="session",
            )
    dispute = st.toggle(
        _("Classifiers name different rulers"), key="f_dispute", persist_state="session"
    )
    quality = st.slider(
        _("Minimum picture quality"),
        0.0,
        1.0,
        step=0.05,
        key="f_quality",
        persist_state="session",
    )
    return {
        "side": None if side is None else Side(side),
        "source": source,
        "licence": licence,
        "rendered": None if kind is None else kind == _RENDERED,
        "split": (version, str(split)) if version else None,
        "disagreement": True if dispute else None,
        "min_quality": quality or None,
    }
