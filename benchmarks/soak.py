"""The server for a long time: memory, errors, and pages while many have one open.

    python -m benchmarks.soak --minutes 30 [--clients 8]
    python -m benchmarks.soak --photos 10000 [--clients 8]
    python -m benchmarks.soak --sessions 50

Each starts `python server.py` with an empty data folder and measures from outside. With
`--minutes` or `--photos`, clients send photos of rendered coins over HTTP one after
another, and the memory of the server and its decoders is read all the while (PSS, what
they share counted once): the highest of the first tenth after a warm-up is compared
with the highest of the last tenth. With `--sessions`, so many websockets of Streamlit
have the page Classify open, and each opens it again in turn, as somebody who returns.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import psutil

from benchmarks.common import (
    argument_parser,
    encode_jpeg,
    stopwatch,
)
from benchmarks.memory import Visitor, process_memory_mb
from coin_core.rendering import render_coin
from coin_core.training.environment import describe_machine
from tests.serving import READY, SERVER, serve

SEED = 4_000_043
PHOTOS = 40
SIZES_PX = (320, 480, 800)
WARM_UP = 0.1  # of the whole
LARGEST_GROWTH = 0.05
LONGEST_PAGE_S = 2.0


def main() -> None:
    """Measure and print; the exit status is 1 if a limit is passed."""
    defaults = {"minutes": 0, "photos": 0, "sessions": 0, "clients": 8, "rounds": 3}
    args = argument_parser(__doc__, **defaults).parse_args()
    if not (args.minutes or args.photos or args.sessions):
        raise SystemExit("Give --minutes, --photos or --sessions.")
    print(describe_machine())
    fine = True
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(Path(folder), SERVER, ready=READY) as served,
    ):
        if args.sessions:
            fine &= open_sessions(served.address, args.sessions, args.rounds)
        if args.minutes or args.photos:
            process, seconds = psutil.Process(served.process.pid), args.minutes * 60
            fine &= soak(process, served.address, args.clients, seconds, args.photos)
    sys.exit(not fine)


def soak(
    process: psutil.Process, address: str, clients: int, seconds: float, photos: int
) -> bool:
    """Send photos for so long, or so many, and say how memory went."""
    files = make_files()
    started = time.monotonic()
    counts = {"answers": 0, "errors": 0}
    memory: list[tuple[float, float]] = []  # fraction done, MB

    def done() -> float:
        return max(
            (time.monotonic() - started) / seconds if seconds else 0.0,
            counts["answers"] / photos if photos else 0.0,
        )

    async def run() -> None:
        limits = httpx.Limits(max_connections=clients)
        async with httpx.AsyncClient(
            base_url=address, timeout=600, limits=limits
        ) as http:
            tasks = [send(http, files, k, counts, done) for k in range(clients)]
            await asyncio.gather(watch(process, memory, done), *tasks)

    asyncio.run(run())
    elapsed = time.monotonic() - started
    first, last = ends(memory)
    growth = last / first - 1
    print(
        f"{clients} clients, {elapsed / 60:.1f} minutes: {counts['answers']} answers "
        f"({counts['answers'] / elapsed:.1f} a second), {counts['errors']} errors"
    )
    print(
        f"memory: {first:.0f} MB at most in the first tenth after the warm-up, "
        f"{last:.0f} MB in the last, {growth:+.1%}; highest "
        f"{max(mb for _, mb in memory):.0f} MB"
    )
    return growth <= LARGEST_GROWTH and not counts["errors"]


def ends(memory: list[tuple[float, float]]) -> tuple[float, float]:
    """The highest memory of the first tenth after the warm-up, and of the last."""
    first = [mb for at, mb in memory if WARM_UP <= at < 2 * WARM_UP]
    last = [mb for at, mb in memory if at >= 1 - WARM_UP]
    if not first or not last:
        raise SystemExit("Too few readings of the memory: measure for longer.")
    return max(first), max(last)


def make_files() -> list[bytes]:
    """JPEG files of rendered coins in several sizes."""
    return [
        encode_jpeg(render_coin(SEED, k, size_px=SIZES_PX[k % len(SIZES_PX)]).image)
        for k in range(PHOTOS)
    ]


async def send(
    http: httpx.AsyncClient,
    files: list[bytes],
    first: int,
    counts: dict[str, int],
    done: Callable[[], float],
) -> None:
    """Send one photo after another."""
    number = first
    while done() < 1:
        photo = ("a.jpg", files[number % len(files)])
        number += 1
        try:
            answer = await http.post("/api/classify", files={"photo": photo})
            answer.raise_for_status()
            counts["answers"] += 1
        except httpx.HTTPError as error:
            counts["errors"] += 1
            print(f"error: {error!r}", flush=True)


async def watch(
    process: psutil.Process,
    memory: list[tuple[float, float]],
    done: Callable[[], float],
) -> None:
    """Read the memory of the server and its children until all is done."""
    while (at := done()) < 1:
        everyone = [process, *process.children(recursive=True)]
        total_mb = await asyncio.to_thread(
            lambda everyone=everyone: sum(map(process_memory_mb, everyone))
        )
        memory.append((at, total_mb))
        await asyncio.sleep(0.5)


def open_sessions(address: str, sessions: int, rounds: int) -> bool:
    """Open so many sessions, and in each the page again; say how long that took."""
    visitors = []
    opening: list[float] = []
    for _ in range(sessions):
        with stopwatch() as elapsed:
            visitors.append(Visitor(address))
            visitors[-1].open_page()
        opening.append(elapsed.seconds)
    again: list[float] = []
    for _ in range(rounds):
        for visitor in visitors:
            with stopwatch() as elapsed:
                visitor.open_page()
            again.append(elapsed.seconds)
    for visitor in visitors:
        visitor.close()
    for what, took in (("first", opening), ("again", again)):
        p95 = float(np.percentile(took, 95))
        print(
            f"{sessions} sessions open, the page {what}: {statistics.median(took):.2f} "
            f"s (median of {len(took)}), p95 {p95:.2f} s, at worst {max(took):.2f} s"
        )
    return max(again) <= LONGEST_PAGE_S


if __name__ == "__main__":
    main()
