"""Scrapes: what each looks for, and how far it is.

The package `scrapers` asks the sites; the catalog only starts it, as a job.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from coin_core import jobs
from coin_core.catalog.import_records import SCRAPE, ImportState
from coin_core.catalog.importing import ledger
from coin_core.catalog.importing.ingest import start_again
from coin_core.catalog.left_out import list_left_out
from coin_core.catalog.mappers import checked_name
from coin_core.catalog.repository import Catalog
from coin_core.errors import CatalogError
from coin_core.i18n import _, ngettext

_LOOKED_AT: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrapeOrder:
    """What is to be gathered.

    Attributes:
        source: A source of `python -m scrapers`, such as "commons".
        query: What is asked of it: words, an address, a file or folder.
        who: Signs what is done.
        limit: Listings with photos that are new; None takes all.
        everything: Also other rulers and other types, without a label.
        base: Another site on the same software; None for the source's own.
        permission: The host whose owner lets programs in, as `who` has stated.
        profile: Folder of the browser profile to use; None for a fresh one.
    """

    source: str
    query: str
    who: str
    limit: int | None = None
    everything: bool = False
    base: str | None = None
    permission: str | None = None
    profile: str | None = None

    def __post_init__(self) -> None:
        if not self.query.strip():
            raise CatalogError("Say what to look for: words, an address, or a folder.")
        if self.limit is not None and self.limit < 1:
            raise CatalogError(f"At least one listing is gathered, not {self.limit}.")
        checked_name(self.who)

    def spec(self) -> dict[str, Any]:
        """As the catalog keeps it."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrapeProgress:
    """How far a run has come; numbers count since it was started or went on last.

    Attributes:
        import_id: Of the run, in the catalog's list of imports.
        state: "running", "stopping" while the last listing is dealt with, "stopped",
            "done" or "failed".
        listings: Listings looked at.
        added: Photos that are new in the catalog.
        known: Photos that it had already.
        failed: Photos that are missing or damaged, and records that cannot be read.
        left_out: Listings of several coins, imitations, other rulers and types.
        labelled: Photos added with a ruler.
        taken: Listings with new photos, of earlier starts too; counts to the limit.
        at_limit: Whether it ended at the limit, so that there may be more.
        current: The listing dealt with last.
        error: Why it stopped, as a sentence.
        problems: What went wrong, one sentence each, the last ones.
        reasons: How many listings were left out by each rule.
    """

    import_id: int
    state: str = ImportState.RUNNING
    listings: int = 0
    added: int = 0
    known: int = 0
    failed: int = 0
    left_out: int = 0
    labelled: int = 0
    taken: int = 0
    at_limit: bool = False
    current: str = ""
    error: str | None = None
    problems: tuple[str, ...] = ()
    reasons: Mapping[str, int] = field(default_factory=dict)

    def advice(
        self, *, on_page: bool = False, are_listed: bool = True
    ) -> tuple[str, ...]:
        """What did not come in, why, and what to do: one sentence for each reason.

        Args:
            on_page: Whether a page says it, or the command line.
            are_listed: Whether the page lists coins that were left out.
        """
        sentences = []
        if self.left_out:
            why = ", ".join(f"{n:,} {rule}" for rule, n in self.reasons.items())
            how = (
                _("They are listed below, each with its words and a button to add it.")
                if on_page
                else "List them with: python -m scrapers left-out "
                f"{self.import_id}. Take one all the same with: python -m scrapers "
                "take LISTING"
            )
            words = ngettext(
                "{count} coin was left out ({why}).",
                "{count} coins were left out ({why}).",
                self.left_out,
            ).format(count=f"{self.left_out:,}", why=why)
            sentences.append(f"{words} {how}" if are_listed else words)
        if self.failed:
            words = _(
                "{count} photos or records failed. Run the same again to retry them; "
                "the others are skipped."
            )
            sentences.append(words.format(count=f"{self.failed:,}"))
        if self.at_limit:
            words = _(
                "It ended at the maximum number of new coins, {count}; there may be "
                "more. Run the same again for them: coins that are in do not count."
            )
            sentences.append(words.format(count=f"{self.taken:,}"))
        unlabelled = self.added - self.labelled
        if unlabelled > 0:
            words = _(
                "{count} of {all} new photos have no label, as their texts name no "
                "ruler or leave a doubt. They are in the review."
            )
            sentences.append(
                words.format(count=f"{unlabelled:,}", all=f"{self.added:,}")
            )
        return tuple(sentences)

    @property
    def text(self) -> str:
        """The counts as the beginning of a sentence."""
        if not self.listings and self.state in ("running", "stopping"):
            return "asking …"
        words = f"{self.listings:,} coins looked at, {self.added:,} new photos"
        for count, name in (
            (self.labelled, "of them labelled"),
            (self.known, "known already"),
            (self.left_out, "coins left out"),
            (self.failed, "failed"),
        ):
            if count:
                words += f", {count:,} {name}"
        return words


def begin_scrape(catalog: Catalog, order: ScrapeOrder) -> int:
    """Enter a run, or find the same one that was interrupted; returns its id.

    Raises:
        CatalogError: The same is being gathered right now.
    """
    spec = order.spec()
    for import_id in ledger.list_ids(catalog, _LOOKED_AT):
        same = ledger.spec_of(catalog, import_id) == spec
        if same and ledger.is_taken(import_id):
            raise CatalogError(
                f"{order.query!r} is being gathered from {order.source} already. Wait "
                "for it, or stop it first."
            )
    interrupted = ledger.find_unfinished(catalog, spec)
    if interrupted is not None:
        return interrupted
    return ledger.create(catalog, SCRAPE, spec)


def start_scrape(catalog: Catalog, order: ScrapeOrder, title: str = "") -> int:
    """Scrape in a process of its own, which outlives the page; returns the run's id.

    `ingest.stop_import` stops it, `ingest.start_again` resumes it.

    Raises:
        CatalogError: The same is being gathered, or no process can be started.
    """
    import_id = begin_scrape(catalog, order)
    start_again(catalog, import_id, title)
    return import_id


def job_title(order: ScrapeOrder, title: str, *, is_upload: bool = False) -> str:
    """The title of a scrape's job; folders of uploads have no names to show.

    Args:
        order: What is scraped; the address of another site takes the title's place.
        title: Of the source.
        is_upload: Whether its query is a folder of uploads.
    """
    place = order.base or title
    return place if is_upload else f"{place}, {order.query[:80]}"


def scrape_order(catalog: Catalog, import_id: int) -> ScrapeOrder:
    """What a run was asked for.

    Raises:
        CatalogError: There is no such run.
    """
    try:
        return ScrapeOrder(**ledger.spec_of(catalog, import_id))
    except (TypeError, AttributeError) as error:
        raise CatalogError(f"Import {import_id} gathers from no site.") from error


def scrape_progress(catalog: Catalog, import_id: int) -> ScrapeProgress:
    """How far a run has come, whichever process is at work on it.

    Raises:
        CatalogError: There is no such run.
    """
    row = ledger.progress_of(catalog, import_id)
    job = jobs.find_job(ledger.job_id(import_id))
    state = str(row.state)
    reported: dict[str, Any]
    if job is None:  # removed from the list of jobs: what the records say
        reasons = Counter(one.reason for one in list_left_out(catalog, import_id))
        reported = {
            "failed": row.failed,
            "left_out": reasons.total(),
            "reasons": reasons,
        }
    else:
        reported = job.progress().details
        if job.stop_requested and row.state is ImportState.RUNNING:
            state = "stopping"
    facts = {**reported, "import_id": import_id, "state": state, "error": row.error}
    facts["problems"] = tuple(facts.get("problems", ()))
    known = {field.name for field in dataclasses.fields(ScrapeProgress)}
    return ScrapeProgress(**{key: facts[key] for key in facts if key in known})
