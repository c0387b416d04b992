"""The command line: python -m scrapers SOURCE QUERY [--limit N] [--dry-run].

    python -m scrapers contact you@example.org            once, before anything else
    python -m scrapers contact                            who sites may write to
    python -m scrapers commons '"Alexander Jannaeus" prutah' --limit 50
    python -m scrapers ans 'authority_facet:"Alexander Jannaeus"' --dry-run
    python -m scrapers ikmk Iannaios
    python -m scrapers nomisma jannaeus
    python -m scrapers saved FILE_OR_FOLDER
    python -m scrapers browser URL --i-have-permission HOST

Exit code 0; 1 when the run ended early or a photo could not be had; 2 for wrong use;
130 when it was interrupted. The same command goes on where it was.
"""

from __future__ import annotations

import argparse
import dataclasses
import getpass
import json
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from coin_core.errors import CoinError
from scrapers.base import SOURCES
from scrapers.settings import read_contact, store_contact

if TYPE_CHECKING:
    from coin_core.catalog.scrape_jobs import ScrapeOrder, ScrapeProgress
    from scrapers.base import Source


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.query and options.source != "contact":
        parser.error("say what to look for: words, an address, or a folder")
    logging.basicConfig(
        format="%(levelname)s %(message)s",
        level=logging.DEBUG if options.verbose else logging.WARNING,
    )
    logging.getLogger("scrapers").setLevel(
        logging.DEBUG if options.verbose else logging.INFO
    )
    try:
        if options.source == "contact":
            if options.query:
                store_contact(options.query)
            _say(f"Sites are told to write to {read_contact()}.")
            return 0
        # only now: the catalog takes its time to load
        from scrapers.registry import opened, plan

        order = _order(options)
        if options.dry_run:
            for line in plan(order):
                _say(line)
            return 0
        with opened(order, show=options.show) as source:
            return _gather(source, order, as_json=options.json)
    except CoinError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Stopped. The same command goes on where it was.\n")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scrapers",
        description="Gather photos of coins, with licence, credit and label evidence.",
    )
    parser.add_argument("source", choices=("contact", *SOURCES))
    parser.add_argument(
        "query", nargs="?", help="words, a file or folder, or an address"
    )
    parser.add_argument("--limit", type=_positive, help="at most so many listings")
    parser.add_argument("--dry-run", action="store_true", help="print the plan only")
    parser.add_argument(
        "--everything",
        action="store_true",
        help="also other rulers and coin types, without a label",
    )
    parser.add_argument("--who", default=None, help="signs what is done")
    parser.add_argument("--json", action="store_true", help="progress as JSON lines")
    parser.add_argument("--verbose", action="store_true", help="log every decision")
    parser.add_argument(
        "--base", help="another site on the same software, such as https://ikmk.at"
    )
    parser.add_argument(
        "--i-have-permission",
        metavar="HOST",
        help="the owner of HOST lets programs like this in: needed for a browser, and "
        "for an API that robots.txt keeps crawlers from",
    )
    parser.add_argument("--profile", help="folder of the browser profile to use")
    parser.add_argument(
        "--show", action="store_true", help="show the browser, to log in by hand"
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _order(options: argparse.Namespace) -> ScrapeOrder:
    """What the command asks for."""
    from coin_core.catalog.scrape_jobs import ScrapeOrder

    query = options.query or ""
    if options.source == "saved" and query:
        # the same folder is the same run, from wherever it is named
        query = str(Path(query).absolute())
    return ScrapeOrder(
        source=options.source,
        query=query,
        who=options.who or getpass.getuser(),
        limit=options.limit,
        everything=options.everything,
        base=options.base.rstrip("/") if options.base else None,
        permission=options.i_have_permission,
        profile=options.profile,
    )


def _gather(source: Source, order: ScrapeOrder, *, as_json: bool) -> int:
    from coin_core.catalog import open_catalog
    from scrapers.ingest import gather

    catalog = open_catalog()
    last: ScrapeProgress | None = None
    try:
        for last in gather(catalog, source, order):
            if as_json:
                _say(json.dumps(dataclasses.asdict(last), ensure_ascii=False))
    except CoinError:
        # what ended the run stands in its log and its summary
        if last is None or not last.error:
            raise
    finally:
        catalog.close()
        if last is not None and not as_json:
            _say(summary(last))
    return 1 if last is not None and (last.failed or last.state != "done") else 0


def summary(progress: ScrapeProgress) -> str:
    """What a run has brought, in a few lines."""
    lines = [
        f"{progress.listings} listings: {progress.added} new photos "
        f"({progress.labelled} labelled), {progress.known} known, "
        f"{progress.failed} failed; {progress.left_out} listings left out.",
        *(f"  {sentence}" for sentence in progress.problems),
    ]
    if progress.error:
        lines.append(f"Stopped: {progress.error}")
    return "\n".join(lines)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    # a polite stop: what is under way is put on record
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
