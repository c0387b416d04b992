"""Scrape from local sites: memory, kills, and what limits the pace.

    python -m benchmarks.scraping [--listings 10000] [--kills 20] [--amid 120]
                                  [--answers 60] [--without-faces]

All sites are on the loopback address and all datasets are temporary; 0 skips a part.
Memory is that of one process over `--listings`. The kills are spread over a run of
`--amid` listings. Both are measured without a pause; the pace with the pause of the
collections and a site that takes 200 ms to answer. The sites record every request that
robots.txt or the pause forbids. `--without-faces` decodes photos but finds no coins on
them, which takes most of the time.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from benchmarks.common import ROOT, argument_parser
from coin_core import jobs
from coin_core.catalog import Catalog, PhotoQuery, open_catalog
from coin_core.catalog.importing import ledger
from coin_core.catalog.importing.ingest import prepare, start_again
from coin_core.catalog.scrape_jobs import ScrapeOrder, scrape_progress, start_scrape
from coin_core.rendering import render_coin
from scrapers.http_client import PoliteClient
from scrapers.ingest import scrape
from scrapers.rate_limiter import RateLimiter
from scrapers.sources.commons import Commons
from scrapers.url_safety import LOCAL_SITES
from tests.scrapers import museums
from tests.scrapers.fake_sites import CONTACT, FakeSite, Reply, Request
from tests.scrapers.listed import prepare as decode

SEED = 4_200_017
RENDERED = 100
RENDERED_PX = 160
ANSWER_S = 0.2
PAUSE_S = 1.0
SAMPLES = 100  # of the memory, which must not grow after the first tenth


def main() -> None:
    """Measure what is asked for, and print it."""
    parser = argument_parser(__doc__, listings=10_000, kills=20, amid=120, answers=60)
    parser.add_argument("--without-faces", action="store_true")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    os.environ["COIN_CONTACT"] = CONTACT
    prepare_photo = decode if options.without_faces else prepare
    if options.listings:
        with new_catalog() as catalog:
            measure_memory(catalog, options.listings, prepare_photo)
    if options.kills:
        with new_catalog() as catalog:
            measure_kills(catalog, options.kills, options.amid)
    if options.answers:
        with new_catalog() as catalog:
            measure_pace(catalog, options.answers, prepare_photo)


@contextlib.contextmanager
def new_catalog() -> Iterator[Catalog]:
    """The catalog of a temporary data folder."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["COIN_DATA_DIR"] = folder
        with contextlib.closing(open_catalog()) as catalog:
            yield catalog


def order(site: str) -> ScrapeOrder:
    """All files of a site that answers as Wikimedia Commons does."""
    os.environ[LOCAL_SITES] = site.partition("//")[2]
    return ScrapeOrder(source="commons", query="prutah", who="bench", base=site)


def open_museum(count: int, pause_s: float = 0.0) -> FakeSite:
    """A site with `count` files, each with a photo of its own."""
    rendered = [
        Image.fromarray(render_coin(SEED, index, size_px=RENDERED_PX).image)
        for index in range(min(RENDERED, count))
    ]

    def photo(request: Request) -> Reply:
        number = int(Path(request.path).stem)
        picture = rendered[number % len(rendered)].rotate(90 * (number // RENDERED % 4))
        # one pixel differs, so that no two files are the same
        picture.putpixel((0, 0), tuple(np.uint32(number).tobytes()[:3]))
        buffer = io.BytesIO()
        picture.save(buffer, "PNG", compress_level=1)
        return Reply(buffer.getvalue(), kind="image/png")

    def open_site(*args: Any, **more: Any) -> FakeSite:
        return FakeSite(*args, pause_s=pause_s, **more)

    site = museums.commons(open_site, count)
    site.routes["/files/"] = photo
    return site


def serve(count: int) -> None:
    """Open a site in this process; print at the end what it was asked."""
    # before the threads of the site start, or one of them may take the signal
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    site = open_museum(count)
    print(site.address, flush=True)
    signal.sigwait({signal.SIGTERM})
    asked = Counter(r.path for r in site.requests if r.path.startswith("/files/"))
    twice = sum(times > 1 for times in asked.values())
    print(json.dumps({"twice": twice, "violations": len(site.violations)}), flush=True)
    os._exit(0)


@contextlib.contextmanager
def served(count: int) -> Iterator[tuple[str, dict[str, int]]]:
    """A site in a process of its own: its address, and its account at the end."""
    command = [sys.executable, "-m", "benchmarks.scraping", "--serve", str(count)]
    account: dict[str, int] = {}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as museum:
        output = museum.stdout or io.StringIO()
        yield output.readline().strip(), account
        museum.send_signal(signal.SIGTERM)
        account |= json.loads(output.readline())


def in_words(account: dict[str, int]) -> str:
    """The account of a site."""
    return f"asked twice: {account['twice']}, against rules: {account['violations']}"


def resident_mib() -> float:
    """The memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def measure_memory(catalog: Catalog, count: int, prepare_photo: Any) -> None:
    """Scrape many listings and sample the memory."""
    samples: list[float] = []
    with served(count) as (address, account):
        origins = frozenset({address.partition("//")[2]})
        scraped = order(address)
        begun = time.perf_counter()
        with PoliteClient(contact=CONTACT, origins=origins) as client:
            source = Commons(client, address)
            steps = scrape(catalog, source, scraped, prepare_photo=prepare_photo)
            for last in tqdm(steps, total=count, desc="listings", unit="listing"):
                if last.listings % max(count // SAMPLES, 1) == 0:
                    samples.append(resident_mib())
        seconds = time.perf_counter() - begun
    early = samples[len(samples) // 10 - 1]
    print(
        f"{last.listings} listings, {last.added} photos, {last.failed} failed in "
        f"{seconds:.0f} s; {in_words(account)}\n"
        f"memory after a tenth {early:.0f} MiB, at the end {samples[-1]:.0f}, at most "
        f"{max(samples):.0f} ({100 * (max(samples) / early - 1):+.1f} %); every tenth: "
        f"{', '.join(f'{one:.0f}' for one in samples[9::10])}",
        flush=True,
    )


def measure_kills(catalog: Catalog, kills: int, count: int) -> None:
    """Kill the job again and again, then let it finish."""
    rng = random.Random(SEED)
    with served(count) as (address, account):
        import_id = start_scrape(catalog, order(address))
        amid = 0
        for number in tqdm(range(kills), desc="kills"):
            # at some point of this kill's part of the listings
            least = max(int((number + rng.random()) * count / kills), 1)
            wait_until(lambda least=least: stored(catalog) >= least)
            time.sleep(rng.random() * 0.1)
            job = jobs.find_job(ledger.job_id(import_id))
            amid += stored(catalog) < count
            with contextlib.suppress(ProcessLookupError):
                os.kill(job.pid, signal.SIGKILL)
            wait_until(lambda: not ledger.is_running(import_id))
            if problems := catalog.check():
                raise SystemExit(f"after kill {number}: {problems[0].sentence}")
            start_again(catalog, import_id)
        wait_until(lambda: scrape_progress(catalog, import_id).state != "running")
    problems = catalog.check(digests=True)
    last = scrape_progress(catalog, import_id)
    files = sum(one.is_file() for one in catalog.photos_dir.rglob("[!.]*"))
    print(
        f"{kills} kills, {amid} of them amid the work: {stored(catalog)} of {count} "
        f"photos there, {files} files, {last.failed} failed, {len(problems)} problems "
        f"({last.state}); {in_words(account)}",
        flush=True,
    )


def wait_until(is_reached: Callable[[], bool]) -> None:
    """Wait for half an hour at most."""
    end = time.monotonic() + 1800
    while not is_reached():
        if time.monotonic() > end:
            raise SystemExit("nothing happens any more")
        time.sleep(0.02)


def stored(catalog: Catalog) -> int:
    """Photos in the dataset."""
    return catalog.queries.find(PhotoQuery(), limit=1).total


def measure_pace(catalog: Catalog, count: int, prepare_photo: Any) -> None:
    """Scrape a slow site with the pause of the collections."""
    site = open_museum(count, pause_s=PAUSE_S)
    for path, route in list(site.routes.items()):
        site.routes[path] = lambda request, route=route: replace(
            route(request), delay_s=ANSWER_S
        )
    limiter = RateLimiter(catalog.photos_dir.parent / "hosts", {site.origin: PAUSE_S})
    origins = frozenset({site.origin})
    with PoliteClient(contact=CONTACT, origins=origins, rate_limiter=limiter) as client:
        source = Commons(client, site.address)
        steps = scrape(
            catalog, source, order(site.address), prepare_photo=prepare_photo
        )
        *_, last = tqdm(steps, total=count, desc="answers", unit="listing")
    asked = len(site.requests)
    seconds = site.requests[-1].at - site.requests[0].at
    print(
        f"{asked} requests to a site that answers in {1000 * ANSWER_S:.0f} ms, pause "
        f"{PAUSE_S:g} s and up to a tenth more: {seconds:.1f} s, "
        f"{seconds / (asked - 1):.3f} s each; {last.added} photos; against the rules: "
        f"{len(site.violations)}"
    )


if __name__ == "__main__":
    main()
