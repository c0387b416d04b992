"""Gathering photos from collections and saved pages: what, how many, plan and start."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

import streamlit as st

from coin_core.access import Right, check, may, refusal
from coin_core.catalog import Catalog
from coin_core.catalog.importing import ledger
from coin_core.catalog.importing.ingest import staged
from coin_core.catalog.left_out import list_left_out, scrape_table
from coin_core.catalog.scrape_jobs import (
    ScrapeOrder,
    job_title,
    scrape_progress,
    start_scrape,
)
from coin_core.errors import KNOWN_ERRORS, sentence_of
from coin_core.i18n import N_, _, ngettext, translate
from coin_core.jobs import Job, JobKind
from scrapers.registry import QueryKind, SourceInfo, list_sources, plan
from scrapers.settings import read_contact, store_contact
from ui.dataset.import_panel import ImportPanel, drop_zone, empty_drop_zone
from ui.dataset.session import DatasetSession, ask_reviewer, dataset_session
from ui.errors import errors_on_page, show_error
from ui.formatting import as_text

_SHOWN_LEFT_OUT = 50
_PAGES = ["html", "htm", "mhtml", "mht", "zip"]


def offer_gathering(session: DatasetSession, catalog: Catalog) -> None:
    """What to gather, the start, and the scrapes."""
    st.header(_("Gather photos from collections"), anchor=False)
    if may(Right.GATHER):
        _ask_source(session, catalog)
    else:
        st.caption(refusal(Right.GATHER))
    ScrapePanel(catalog).show()


def _ask_source(session: DatasetSession, catalog: Catalog) -> None:
    sources = {source.name: source for source in list_sources()}
    name = st.segmented_control(
        _("Where from"),
        list(sources),
        format_func=lambda key: _(sources[key].title),
        default=next(iter(sources)),
        required=True,
        wrap=True,
        key="gather_source",
        persist_state="session",
    )
    source = sources[name]
    st.markdown(_(source.summary))
    if source.query_kind is QueryKind.FILES:
        _offer_saved(session, catalog, source)
        return
    query = st.text_input(
        _(source.query_label),
        placeholder=source.query_hint,
        key=f"gather_query_{name}",
        persist_state="session",
        max_chars=1000,
    )
    limit, everything = _ask_how_many()
    base = _ask_cabinet() if source.other_sites else ""
    permission = _ask_permission(source, query)
    if not _ask_contact():
        return
    why = _("to sign what is gathered:")
    if not ask_reviewer(session, why, Right.GATHER, "gather"):
        return
    lacks = not query or permission is None
    with st.container(horizontal=True):
        shows_plan = st.button(_("Show the plan"), key="gather_plan", disabled=lacks)
        begin = st.button(
            _("Start gathering"), key="gather_start", type="primary", disabled=lacks
        )
    if not (shows_plan or begin):
        return
    try:
        order = ScrapeOrder(
            source=name,
            query=query.strip(),
            who=session.reviewer,
            limit=limit,
            everything=everything,
            base=base.rstrip("/") or None,
            permission=permission or None,
        )
        steps = plan(order)  # also before a start: it says what would be refused
        if shows_plan:
            _show_plan(steps)
            return
        start_scrape(catalog, order, job_title(order, source.title))
    except KNOWN_ERRORS as error:
        show_error(sentence_of(error))
        return
    st.rerun()


def _ask_how_many() -> tuple[int | None, bool]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        limit = st.number_input(
            _("Maximum number of new coins (0: all)"),
            min_value=0,
            value=50,
            step=10,
            key="gather_limit",
            persist_state="session",
            width=240,
        )
        everything = st.toggle(
            _("Also other rulers and coin types, without a label"),
            key="gather_everything",
            persist_state="session",
        )
    return int(limit) or None, everything


def _ask_cabinet() -> str:
    with st.expander(_("Another cabinet on the same software")):
        base: str = st.text_input(
            _("Its address"),
            placeholder="https://ikmk.at",
            key="gather_base",
            persist_state="session",
        )
    return base.strip()


def _ask_permission(source: SourceInfo, query: str) -> str | None:
    """The host whose leave the user has, or ""; None while a needed one is missing."""
    if source.api_rules:
        rules = _("The rules of {source} for programs: {address}")
        st.caption(rules.format(source=source.title, address=source.api_rules))
        ticked = st.checkbox(
            _("I have read these rules, and they cover what I gather."),
            key=f"gather_leave_{source.name}",
            help=_(
                "Its robots.txt may keep crawlers from the API that this program "
                "uses. Without the tick nothing is requested that robots.txt "
                "forbids."
            ),
        )
        return _host_of(source.base_url) if ticked else ""
    if not source.needs_browser:
        return ""
    host = st.text_input(
        _("The host that has given you permission, as in the address"),
        placeholder="www.example.org",
        key="gather_host",
    )
    ticked = st.checkbox(
        _("Its owner has permitted me to read these pages with a program."),
        key=f"gather_leave_{source.name}",
    )
    st.caption(
        _(
            "To log in by hand first, use the command line: python -m scrapers "
            "{source} ADDRESS --i-have-permission HOST --show"
        ).format(source=source.name)
    )
    asked = _host_of(query)
    if not host or not ticked or not query:
        st.caption(
            _("Name the address, its host, and tick that its owner has permitted it.")
        )
        return None
    if host.strip().lower() != asked:
        show_error(
            _("The address leads to {host}, not to {wanted}.").format(
                host=asked or _("no host"), wanted=host.strip()
            )
        )
        return None
    return asked


def _host_of(address: str) -> str:
    try:
        return (urlsplit(address.strip()).hostname or "").lower()
    except ValueError:
        return ""


def _ask_contact() -> bool:
    """Whom sites may write to, asked once for this installation."""
    known: str = st.session_state.setdefault("gather_contact", "") or _contact()
    if known and not st.session_state.get("gather_contact_anew"):
        st.session_state["gather_contact"] = known
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                _("Contact given to sites: {contact}").format(contact=as_text(known)),
                width="content",
            )
            if st.button(_("Change"), key="gather_contact_change", type="tertiary"):
                st.session_state["gather_contact_anew"] = True
                st.rerun()
        return True
    given = st.text_input(
        _("Contact address sent with each request: e-mail or web page"),
        key="gather_contact_asked",
        placeholder=_("Asked once; press Enter"),
        width=420,
    )
    if not given:
        return False
    try:
        check(Right.GATHER)
        store_contact(given)
    except KNOWN_ERRORS as error:
        show_error(sentence_of(error))
    else:
        for key in ("gather_contact", "gather_contact_anew"):
            st.session_state.pop(key, None)
        st.rerun()
    return False


def _contact() -> str:
    """Whom sites may write to; "" if that is not known yet."""
    try:
        return read_contact()
    except KNOWN_ERRORS:
        return ""


def _show_plan(steps: tuple[str, ...]) -> None:
    with st.container(border=True):
        st.markdown(_("**The plan.** Nothing has been requested yet."))
        for line in steps:
            st.text(f"· {translate(line)}")


def _offer_saved(session: DatasetSession, catalog: Catalog, source: SourceInfo) -> None:
    """Pages by upload: kept beside the photos until they are read."""
    files = drop_zone(
        "gather",
        _("Drop saved pages: MHTML, a ZIP of pages with their folders, or plain HTML"),
        _(
            "In Chrome: save as “Webpage, single file”, after scrolling to the "
            "end. A plain HTML page has its photos in a folder beside it: pick "
            "that folder whole, or pack both into a ZIP."
        ),
        _PAGES,
    )
    limit, everything = _ask_how_many()
    why = _("to sign what is gathered:")
    if not files or not ask_reviewer(session, why, Right.GATHER, "gather"):
        return
    words = ngettext("Read {count} file", "Read {count} files", len(files))
    if not st.button(words.format(count=len(files)), key="gather_read", type="primary"):
        return
    try:
        with staged(catalog, ((f.name, f.getvalue()) for f in files)) as pages:
            order = ScrapeOrder(
                source=source.name,
                query=str(pages[0]),
                who=session.reviewer,
                limit=limit,
                everything=everything,
            )
            start_scrape(catalog, order, source.title)
    except KNOWN_ERRORS as error:
        show_error(sentence_of(error))
        return
    empty_drop_zone("gather", files)


class ScrapePanel(ImportPanel):
    """The scrapes, with what went wrong and their log."""

    kinds: ClassVar = (JobKind.SCRAPE,)
    counts_itself = False
    give_up: ClassVar = N_("Give up")
    lost: ClassVar = N_(
        "Coins that are not looked at yet are left out, and it cannot be resumed. "
        "Photos that are in stay."
    )

    def belongs(self, job: Job) -> bool:
        """All of them."""
        return True

    def show_details(self, job: Job) -> None:
        """The current listing, the problems and the log."""
        details = job.progress().details
        # st.text shows what a site has written as text, never as HTML
        if job.is_open and details.get("current"):
            st.text(str(details["current"])[:160])
        if problems := details.get("problems"):
            with st.expander(
                _("Errors ({count})").format(count=f"{details.get('failed', 0):,}")
            ):
                for sentence in problems:
                    st.text(translate(sentence))
        if not job.is_open:
            with errors_on_page():
                show_outcome(self.catalog, ledger.import_id_of(job), "now")
        with st.expander(_("Every request and its answer")):
            log = job.log_tail(200)
            st.code(log or _("Nothing yet."), language=None, height=240)

    def stage(self, job: Job) -> str:
        """The first photos are there to look at."""
        return str(job.progress().details.get("added") not in (None, 0))


def show_outcome(
    catalog: Catalog, import_id: int, place: str, listed: set[str] | None = None
) -> None:
    """What did not come in and why, the coins left out, and a table of it all.

    Args:
        catalog: The dataset.
        import_id: Of the scrape.
        place: Tells the buttons of one page apart.
        listed: Keys of the coins that other scrapes list above, which are not listed
            again; those of this one are added.
    """
    listed = set() if listed is None else listed
    waiting = [
        one
        for one in list_left_out(catalog, import_id)
        if not one.taken and one.key not in listed
    ]
    listed.update(one.key for one in waiting)
    progress = scrape_progress(catalog, import_id)
    for sentence in progress.advice(on_page=True, are_listed=bool(waiting)):
        st.text(translate(sentence))
    st.download_button(
        _("Every result as a table (CSV)"),
        lambda: scrape_table(catalog, import_id),
        file_name=f"scrape-{import_id}.csv",
        mime="text/csv",
        key=f"scrape_table_{place}_{import_id}",
        on_click="ignore",
    )
    if not waiting:
        return
    asked = f"left_out_{place}_{import_id}"
    words = _("Coins that were left out ({count})").format(count=f"{len(waiting):,}")
    if not st.toggle(words, key=f"{asked}_shown"):
        return
    why = _("to sign what is taken:")
    if not ask_reviewer(dataset_session(), why, Right.GATHER, asked):
        return
    for one in waiting[:_SHOWN_LEFT_OUT]:
        with st.container(horizontal=True, vertical_alignment="center"):
            # text of a site is shown as text, never as HTML
            said = ", ".join(f"“{word}”" for word in one.words)
            st.text(f"{translate(one.reason)}: {said[:160]}\n{one.title[:160]}")
            key = f"take_{place}_{import_id}_{one.key}"
            if st.button(_("Add it anyway"), key=key):
                _take(catalog, one.key)
    if len(waiting) > _SHOWN_LEFT_OUT:
        st.caption(
            _("The first {count} are shown; the table has them all.").format(
                count=_SHOWN_LEFT_OUT
            )
        )


def _take(catalog: Catalog, listing: str) -> None:
    """Add a listing that was left out; it has no label and is to be reviewed."""
    from scrapers.ingest import take_after_all

    check(Right.GATHER)
    with st.spinner(_("Fetching its photos …")):
        taken = take_after_all(catalog, listing, who=dataset_session().reviewer)
    words = _(
        "{listing}: {added} new photos without a label, {known} known already. They "
        "are in the review."
    )
    st.toast(
        as_text(words.format(listing=listing, added=taken.added, known=taken.known))
    )
    st.rerun()
