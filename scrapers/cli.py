"""The command line of the scrapers: sources, plans, runs, and the contact address."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from coin_core.access import operator
from coin_core.errors import CatalogError, CoinError, WrongUseError, sentence_of
from coin_core.storage import dump_json, is_own_file, write_file
from scrapers.settings import read_contact, store_contact

if TYPE_CHECKING:
    from coin_core.catalog.scrape_jobs import ScrapeOrder, ScrapeProgress
    from scrapers.base import Source


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: 0; 1 when the run ended early or a photo failed; 2 for wrong
        use, also where contact or permission is missing; 130 when it was interrupted.
    """
    if arguments is None:
        # SIGTERM ends a run as Ctrl-C does: what is under way is recorded
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        arguments = sys.argv[1:]
    words = [one for one in arguments if one != "--"]
    try:
        if words[:1] == ["contact"] and len(words) <= 2 and words[-1][:1] != "-":
            return _set_contact(words[1:])
        if words[:1] == ["left-out"]:
            return _list_left_out(words[1:])
        return _run(_parse(arguments))
    except (WrongUseError, CatalogError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except CoinError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except BrokenPipeError:
        # The reader of our output has closed it, so nothing can be flushed into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        sys.stderr.write(f"{sentence_of(error)}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Stopped. The same command resumes the run.\n")
        return 130


def _set_contact(words: Sequence[str]) -> int:
    """Store or print the contact; this loads no source."""
    for contact in words:
        store_contact(contact)
    _print(f"Contact given to sites: {read_contact()}")
    return 0


def _list_left_out(words: Sequence[str]) -> int:
    """List what a scrape left out, and write what became of all of it as CSV."""
    parser = argparse.ArgumentParser(
        prog=f"{_program()} left-out",
        description="List the coins that a scrape left out, each with the reason.",
    )
    parser.add_argument("run", type=_positive, help="number of the scrape")
    parser.add_argument(
        "--csv", type=Path, metavar="FILE", help="write every result of the scrape here"
    )
    options = parser.parse_args(words)
    from coin_core.catalog import open_catalog
    from coin_core.catalog.left_out import list_left_out, scrape_table
    from coin_core.catalog.scrape_jobs import scrape_order

    if options.csv and is_own_file(options.csv):
        raise CatalogError(
            f"{options.csv} is a file of the data folder, and the table would replace "
            "it. Name another place."
        )
    catalog = open_catalog()
    try:
        scrape_order(catalog, options.run)  # it must be a scrape
        for one in list_left_out(catalog, options.run):
            matched = ", ".join(map(repr, one.words))
            taken = " (taken after all)" if one.taken else ""
            _print(f"{one.key}: {one.reason}, by {matched}{taken}\n  {one.title}")
        if options.csv:
            write_file(options.csv, scrape_table(catalog, options.run))
    finally:
        catalog.close()
    return 0


def _take(options: argparse.Namespace) -> int:
    """Add a listing that a scrape left out."""
    from coin_core.catalog import open_catalog
    from scrapers.ingest import take_after_all

    catalog = open_catalog()
    try:
        taken = take_after_all(
            catalog, options.query, who=options.who or operator().name
        )
    finally:
        catalog.close()
    if options.json:
        _print(dump_json(dataclasses.asdict(taken)))
        return 0
    _print(
        f"{options.query}: {taken.added} new photos without a label, {taken.known} "
        "known already. They are in the review."
    )
    return 0


def _run(options: argparse.Namespace) -> int:
    from scrapers.registry import list_sources, open_source, plan

    if options.source == "sources":
        for info in list_sources():
            entry = dump_json(info.as_json())
            _print(entry if options.json else f"{info.name}: {info.title}")
        return 0
    if options.source == "take":
        return _take(options)
    order = _order(options)
    if options.dry_run:
        steps = plan(order)
        _print(dump_json({"plan": steps}) if options.json else "\n".join(steps))
        return 0
    with open_source(order, show=options.show) as source:
        return _scrape(source, order, as_json=options.json)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _build_parser()
    options = parser.parse_args(arguments)
    if not options.query and options.source != "sources":
        parser.error("enter a query: words, an address, or a folder")
    level = logging.DEBUG if options.verbose else logging.INFO
    logging.basicConfig(
        format="%(levelname)s %(message)s",
        level=logging.DEBUG if options.verbose else logging.WARNING,
    )
    logging.getLogger("scrapers").setLevel(level)
    return options


def _program() -> str:
    """How the command was called."""
    installed = Path(sys.argv[0]).stem == "coin-scrape"
    return "coin-scrape" if installed else "python -m scrapers"


def _build_parser() -> argparse.ArgumentParser:
    from scrapers.registry import list_sources

    names = [info.name for info in list_sources()]
    parser = argparse.ArgumentParser(
        prog=_program(),
        description="Scrape photos of coins, with licence, credit and label evidence.",
        epilog="\n".join(
            [
                "examples:",
                "  python -m scrapers contact you@example.org    (once, before a run)",
                "  python -m scrapers sources",
                "  python -m scrapers left-out 12 --csv all.csv  (of scrape 12)",
                "  python -m scrapers take acsearch:101          (after all)",
                *(
                    f"  python -m scrapers {one.name} '{one.query_hint}'\n"
                    f"      {one.title}: {one.query_label}"
                    for one in list_sources()
                ),
                "",
                "A run that was interrupted resumes with the same command.",
            ]
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("source", choices=("contact", "sources", "left-out", "take", *names))
    add("query", nargs="?", help="words, a file or folder, or an address")
    add("--limit", type=_positive, help="stop after this number of new listings")
    add("--dry-run", action="store_true", help="print the plan and ask nothing")
    add(
        "--everything",
        action="store_true",
        help="also take other rulers and coin types, without a label",
    )
    add("--who", help="name that signs the changes")
    add("--json", action="store_true", help="print JSON lines")
    add("--verbose", action="store_true", help="log every decision")
    add("--base", help="another site on the same software, such as https://ikmk.at")
    add(
        "--i-have-permission",
        metavar="HOST",
        help="the owner of HOST allows programs; needed for a browser, and for an API "
        "that robots.txt closes to crawlers",
    )
    add("--profile", help="folder of the browser profile")
    add("--show", action="store_true", help="show the browser, to log in by hand")
    return parser


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a number of 1 or more, not {text!r}")
    return number


def _order(options: argparse.Namespace) -> ScrapeOrder:
    # the catalog takes a second to load
    from coin_core.catalog.scrape_jobs import ScrapeOrder
    from scrapers.registry import QueryKind, get_source

    query = options.query
    if get_source(options.source).query_kind is QueryKind.FILES:
        # the same folder is the same run, from wherever it is named
        query = str(Path(query).absolute())
    return ScrapeOrder(
        source=options.source,
        query=query,
        who=options.who or operator().name,
        limit=options.limit,
        everything=options.everything,
        base=options.base.rstrip("/") if options.base else None,
        permission=options.i_have_permission,
        profile=options.profile,
    )


def _scrape(source: Source, order: ScrapeOrder, *, as_json: bool) -> int:
    from coin_core.catalog import open_catalog
    from scrapers.ingest import scrape

    catalog = open_catalog()
    last: ScrapeProgress | None = None
    try:
        for last in scrape(catalog, source, order):
            if as_json:
                _print(dump_json(dataclasses.asdict(last)))
    except CoinError:
        # the log and the summary say what ended the run
        if last is None or not last.error:
            raise
    finally:
        catalog.close()
        if last is not None and not as_json:
            _print(summary(last))
    return 1 if last is not None and (last.failed or last.state != "done") else 0


def summary(progress: ScrapeProgress) -> str:
    """The result of a run, in a few lines."""
    lines = [
        f"{progress.listings} listings: {progress.added} new photos "
        f"({progress.labelled} labelled), {progress.known} known, "
        f"{progress.failed} failed; {progress.left_out} listings left out.",
        *(f"  {sentence}" for sentence in progress.problems),
        *progress.advice(),
    ]
    if progress.listings:
        lines.append(
            "Every result as a table: python -m scrapers left-out "
            f"{progress.import_id} --csv FILE"
        )
    if progress.error:
        lines.append(f"Stopped: {progress.error}")
    return "\n".join(lines)


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
