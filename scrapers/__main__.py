"""The command line: python -m scrapers SOURCE QUERY [--limit N] [--dry-run].

    python -m scrapers contact you@example.org            once, before anything else
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
import contextlib
import dataclasses
import getpass
import json
import logging
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from coin_core.errors import CoinError
from scrapers import ans, commons, ikmk, nomisma
from scrapers._addresses import origin_of
from scrapers._base import Source
from scrapers._http import PoliteClient
from scrapers._settings import read_contact, store_contact
from scrapers.errors import ScrapeError

_OPEN: Final[dict[str, tuple[Callable[..., Source], frozenset[str]]]] = {
    commons.NAME: (commons.Commons, commons.ORIGINS),
    ans.NAME: (ans.Ans, ans.ORIGINS),
    ikmk.NAME: (ikmk.Ikmk, ikmk.ORIGINS),
    nomisma.NAME: (nomisma.Nomisma, nomisma.ORIGINS),
}
SOURCES: Final = (*_OPEN, "saved", "browser")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        format="%(levelname)s %(message)s",
        level=logging.DEBUG if options.verbose else logging.WARNING,
    )
    logging.getLogger("scrapers").setLevel(
        logging.DEBUG if options.verbose else logging.INFO
    )
    try:
        if options.source == "contact":
            store_contact(options.query)
            _say(f"Sites are told to write to {read_contact()}.")
            return 0
        with _opened(options) as source:
            if options.dry_run:
                for line in source.plan(options.query):
                    _say(line)
                return 0
            return _gather(source, options)
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
    parser.add_argument("query", help="words, a file or folder, or an address")
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
        help="the site has allowed you to have its pages read by a browser",
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


@contextlib.contextmanager
def _opened(options: argparse.Namespace) -> Iterator[Source]:
    if options.source == "saved":
        from scrapers.saved import SavedPages

        # the same folder is the same run, from wherever it is named
        options.query = str(Path(options.query).absolute())
        yield SavedPages()
        return
    if options.source == "browser":
        with _browser(options) as source:
            yield source
        return
    make, origins = _OPEN[options.source]
    base = {}
    if options.base:
        base = {"base": options.base.rstrip("/")}
        origins = frozenset({origin_of(options.base)})
    # a plan sends nothing, so it needs nobody to write to
    contact = "nobody" if options.dry_run else read_contact()
    with PoliteClient(contact=contact, origins=origins) as client:
        yield make(client, **base)


@contextlib.contextmanager
def _browser(options: argparse.Namespace) -> Iterator[Source]:
    host = (urlsplit(options.query).hostname or "").lower()
    if not host or (options.i_have_permission or "").lower() != host:
        raise ScrapeError(
            "A browser is sent only to a host that you name yourself: add "
            f"--i-have-permission {host or 'HOST'} if the site has allowed it. "
            "Otherwise save its pages by hand and use: python -m scrapers saved FOLDER"
        )
    from scrapers._browser import BrowserPages

    contact = "nobody" if options.dry_run else read_contact()
    origins = frozenset({origin_of(options.query)})
    with PoliteClient(contact=contact, origins=origins) as client:
        yield BrowserPages(client, profile=options.profile, show=options.show)


def _gather(source: Source, options: argparse.Namespace) -> int:
    from coin_core.catalog import open_catalog
    from scrapers._gathering import GatherProgress, gather

    catalog = open_catalog()
    last: GatherProgress | None = None
    try:
        for last in gather(
            catalog,
            source,
            options.query,
            who=options.who or getpass.getuser(),
            limit=options.limit,
            everything=options.everything,
        ):
            if options.json:
                _say(json.dumps(_plain(last), ensure_ascii=False))
    finally:
        catalog.close()
        if last is not None and not options.json:
            _say(summary(last))
    return 1 if last is not None and last.failed else 0


def summary(progress: Any) -> str:
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


def _plain(progress: Any) -> dict[str, Any]:
    return dataclasses.asdict(progress)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    # a polite stop: what is under way is put on record
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
