"""The last imports and scrapes with their results, for later visits."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from coin_core.catalog import Catalog
from coin_core.catalog.import_records import SCRAPE, ImportProgress, ImportState
from coin_core.catalog.importing.ingest import list_imports
from coin_core.catalog.scrape_jobs import job_title, scrape_order
from coin_core.errors import CatalogError, CoinError
from coin_core.i18n import N_, _, translate
from scrapers.registry import QueryKind, get_source
from ui.dataset.import_panel import offer_report, read_remarks, show_remarks
from ui.dataset.scrape_panel import show_outcome
from ui.errors import errors_on_page
from ui.formatting import date_and_time

_STATES = {
    ImportState.RUNNING: N_("running"),
    ImportState.STOPPED: N_("stopped"),
    ImportState.DONE: N_("done"),
    ImportState.FAILED: N_("given up"),
}
_EARLIER = 8


def show_earlier_imports(catalog: Catalog) -> None:
    """The results of the last imports; coins that a scrape left out can be added."""
    earlier = list_imports(catalog, limit=_EARLIER)
    if not earlier:
        return
    listed: set[str] = set()
    part = st.expander(_("Earlier imports"), key="earlier_imports", on_change="rerun")
    if not part.open:
        return
    with part:
        for one in earlier:
            when = f"{date_and_time(one.created_at)}, " if one.created_at else ""
            if place := _scraped_from(catalog, one):
                when += f"{place}: "
            st.text(f"{when}{translate(one.text)}, {_(_STATES[one.state])}.")
            if one.kind != SCRAPE:
                offer_report(catalog, one.import_id, "earlier")
            elif one.state is not ImportState.RUNNING:
                with errors_on_page():
                    show_outcome(catalog, one.import_id, "earlier", listed)
            for title, rows in read_remarks(catalog, one.import_id):
                st.caption(title)
                show_remarks(rows)


def _scraped_from(catalog: Catalog, one: ImportProgress) -> str:
    """Where a scrape looked, and for what; "" for other imports."""
    if one.kind != SCRAPE:
        return ""
    try:
        order = scrape_order(catalog, one.import_id)
    except CatalogError:  # written by another version
        return ""
    title, is_upload = order.source, False
    with suppress(CoinError):  # a source that is not registered any more
        source = get_source(order.source)
        title, is_upload = _(source.title), source.query_kind is QueryKind.FILES
    return job_title(order, title, is_upload=is_upload)
