"""Gathering from sites of our own: memory, kills, and what limits its pace.

    python benchmarks/gathering.py [--listings 10000] [--kills 20] [--amid 120]
                                   [--answers 60] [--without-faces]

All on the loopback address, in a catalog of its own; 0 leaves a part out. Memory is
that of one process over `--listings`, and the kills come amid `--amid` of them, spread
over the whole. Both are measured without a pause, the pace with the pause of the
collections and a site that takes 200 ms to answer. The sites write down every request
that robots.txt or the pause forbids, and that is reported. `--without-faces` decodes
photos but does not look for coins on them, which takes most of the time.
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

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np
from PIL import Image
from tqdm import tqdm

from coin_core.catalog import Catalog, PhotoQuery, open_catalog, scrape_jobs
from coin_core.catalog.importing import ingest
from coin_core.catalog.importing.ingest import prepare
from coin_core.catalog.scrape_jobs import ScrapeOrder
from coin_core.rendering import render_coin
from scrapers.http_client import PoliteClient
from scrapers.ingest import scrape
from scrapers.rate_limiter import RateLimiter
from scrapers.sources.commons import Commons
from tests.scrapers import museums
from tests.scrapers.fake_sites import CONTACT, FakeSite, Reply, Request
from tests.scrapers.listed import prepare as decode

SEED = 4_200_017
STRUCK = 100
STRUCK_PX = 160
ANSWER_S = 0.2
PAUSE_S = 1.0
SAMPLES = 100  # of the memory; after a tenth of them it is to stay where it is


def main() -> None:
    """Measure what is asked for, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listings", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--amid", type=int, default=120)
    parser.add_argument("--answers", type=int, default=60)
    parser.add_argument("--without-faces", action="store_true")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
        return
    os.environ["COIN_CONTACT"] = CONTACT
    read = decode if given.without_faces else prepare
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["COIN_DATA_DIR"] = scratch
        if given.listings:
            measure_memory(Path(scratch) / "memory", given.listings, read)
        if given.kills:
            measure_kills(Path(scratch) / "kills", given.kills, given.amid)
        if given.answers:
            measure_pace(Path(scratch) / "pace", given.answers, read)


def new_catalog(folder: Path) -> Catalog:
    """An empty catalog of its own."""
    folder.mkdir(parents=True)
    return open_catalog(f"sqlite:///{folder}/c.sqlite", photos_dir=folder / "photos")


def order(site: str) -> ScrapeOrder:
    """All files of a site that answers as Wikimedia Commons does."""
    return ScrapeOrder(source="commons", query="prutah", who="bench", base=site)


def open_museum(count: int, pause_s: float = 0.0) -> FakeSite:
    """A site with `count` files, each with a photo of its own."""
    made: list[FakeSite] = []

    def open_site(*args: Any, **more: Any) -> FakeSite:
        made.append(FakeSite(*args, pause_s=pause_s, **more))
        return made[-1]

    struck = [
        Image.fromarray(render_coin(SEED, index, size_px=STRUCK_PX).image)
        for index in range(min(STRUCK, count))
    ]

    def photo(request: Request) -> Reply:
        number = int(Path(request.path).stem)
        picture = struck[number % len(struck)].rotate(90 * (number // STRUCK % 4))
        # one sign of its own, so that no two files are the same
        picture.putpixel((0, 0), tuple(np.uint32(number).tobytes()[:3]))
        buffer = io.BytesIO()
        picture.save(buffer, "PNG", compress_level=1)
        return Reply(buffer.getvalue(), kind="image/png")

    site = museums.commons(open_site, count)
    site.routes["/files/"] = photo
    return site


def serve(count: int) -> None:
    """A site in a process of its own; tells at the end what it was asked."""
    # before the site's threads begin, or one of them may take the signal
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    site = open_museum(count)
    print(site.address, flush=True)
    signal.sigwait({signal.SIGTERM})
    print(json.dumps(account(site)), flush=True)
    os._exit(0)


def account(site: FakeSite) -> dict[str, int]:
    """How often photos were asked for, and what was asked against the rules."""
    asked = Counter(r.path for r in site.requests if r.path.startswith("/files/"))
    return {
        "photos": len(asked),
        "twice": sum(times > 1 for times in asked.values()),
        "violations": len(site.violations),
    }


def resident_mib() -> float:
    """What this process holds in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextlib.contextmanager
def served(count: int) -> Iterator[tuple[str, dict[str, int]]]:
    """A site in a process of its own: its address, and at the end what it tells."""
    command = [sys.executable, __file__, "--serve", str(count)]
    told: dict[str, int] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as museum:
        says = museum.stdout or io.StringIO()
        yield says.readline().strip(), told
        museum.send_signal(signal.SIGTERM)
        told |= json.loads(says.readline())


def measure_memory(folder: Path, count: int, read: Any) -> None:
    """Gather many listings; what is held after the first thousand is to stay."""
    catalog = new_catalog(folder)
    held: list[float] = []
    with served(count) as (address, told):
        origins = frozenset({address.partition("//")[2]})
        begun = time.perf_counter()
        with PoliteClient(contact=CONTACT, origins=origins) as client:
            steps = scrape(
                catalog, Commons(client, address), order(address), prepare_photo=read
            )
            for last in tqdm(steps, total=count, desc="listings", unit="listing"):
                if last.listings % max(count // SAMPLES, 1) == 0:
                    held.append(resident_mib())
        seconds = time.perf_counter() - begun
    settled = held[len(held) // 10 - 1]
    print(
        f"{last.listings} listings, {last.added} photos, {last.failed} failed in "
        f"{seconds:.0f} s; asked twice: {told['twice']}, against the rules: "
        f"{told['violations']}"
    )
    print(
        f"memory after a tenth of them {settled:.0f} MiB, at the end "
        f"{held[-1]:.0f}, at most {max(held):.0f} "
        f"({100 * (max(held) / settled - 1):+.1f} %); every tenth: "
        f"{', '.join(f'{one:.0f}' for one in held[9::10])}",
        flush=True,
    )
    catalog.close()


def measure_kills(folder: Path, kills: int, count: int) -> None:
    """Kill the process that gathers again and again, then let it finish."""
    catalog = new_catalog(folder)
    chance = random.Random(SEED)
    with served(count) as (address, told):
        import_id = scrape_jobs.start_scrape(catalog, order(address))
        amid = 0
        for number in tqdm(range(kills), desc="kills"):
            # somewhere in this kill's share of the listings
            wanted = int((number + chance.random()) * count / kills)
            _wait(lambda wanted=wanted: stored(catalog) >= max(wanted, 1), number)
            time.sleep(chance.random() * 0.1)
            for child in ingest._children:
                child.kill()
                child.wait()
            amid += stored(catalog) < count
            if problems := catalog.check():
                raise SystemExit(f"after kill {number}: {problems[0].sentence}")
            ingest.start_again(catalog, import_id)
        while scrape_jobs.scrape_progress(catalog, import_id).state == "running":
            time.sleep(0.2)
    problems = catalog.check(digests=True)
    last = scrape_jobs.scrape_progress(catalog, import_id)
    kept = (folder / "photos").rglob("[!.]*")
    files = sum(one.is_file() for one in kept)
    print(
        f"{kills} kills, {amid} of them amid the work: {stored(catalog)} of {count} "
        f"photos there, {files} files, {last.failed} failed, {len(problems)} problems "
        f"({last.state}); asked twice: {told['twice']}, against the rules: "
        f"{told['violations']}",
        flush=True,
    )
    catalog.close()


def _wait(until: Callable[[], bool], number: int) -> None:
    give_up = time.monotonic() + 1800
    while not until():
        if time.monotonic() > give_up:
            raise SystemExit(f"nothing happens after kill {number}")
        time.sleep(0.02)


def stored(catalog: Catalog) -> int:
    """Photos that are there."""
    return catalog.queries.find(PhotoQuery(), limit=1).total


def measure_pace(folder: Path, count: int, read: Any) -> None:
    """Gather from a slow site with the pause of the collections."""
    catalog = new_catalog(folder)
    site = open_museum(count, pause_s=PAUSE_S)
    for path, route in list(site.routes.items()):
        site.routes[path] = lambda request, route=route: replace(
            route(request), delay_s=ANSWER_S
        )
    rate_limiter = RateLimiter(folder / "hosts", {site.origin: PAUSE_S})
    with PoliteClient(
        contact=CONTACT, origins=frozenset({site.origin}), rate_limiter=rate_limiter
    ) as client:
        steps = scrape(
            catalog,
            Commons(client, site.address),
            order(site.address),
            prepare_photo=read,
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
    catalog.close()


if __name__ == "__main__":
    main()
