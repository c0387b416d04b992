"""Time and memory: one photo, a folder of photos, the help of the command line.

    python -m benchmarks.speed [--photos 500] [--repeats 30] [--of DIR]

Uses two threads, as on a laptop with two cores. The photos are rendered coins, saved
as JPEG, or those in DIR and its folders: coins that are hard to read take longer.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import torch

from benchmarks.common import ROOT, argument_parser, encode_jpeg, stopwatch
from coin_core.classifiers import shipped_classifiers
from coin_core.imaging import photo_io
from coin_core.pipeline import CoinClassifier
from coin_core.rendering import render_coin
from coin_core.training.environment import describe_machine

SEED = 4_000_037
SIZE_PX = 480


def main() -> None:
    """Measure everything and print it."""
    parser = argument_parser(__doc__, photos=500, repeats=30)
    parser.add_argument("--of", type=Path, metavar="DIR")
    args = parser.parse_args()
    torch.set_num_threads(2)
    print(describe_machine())
    shipped = shipped_classifiers()
    coin_classifier = CoinClassifier()
    coin_classifier.load()
    if args.of:
        files = [path.read_bytes() for path in photo_io.inside(args.of)]
    else:
        coins = (render_coin(SEED, index, size_px=SIZE_PX) for index in range(20))
        files = [encode_jpeg(coin.image) for coin in coins]
    for names in [*((name,) for name in shipped), shipped]:
        seconds = median_seconds(
            lambda i, names=names: coin_classifier.classify(
                photo_io.decode(files[i % len(files)]), classifiers=names
            ),
            args.repeats,
            warm_up=3,
        )
        title = names[0] if len(names) == 1 else f"all {len(names)}"
        print(f"one photo, warm, {title}: {seconds * 1000:.0f} ms (median)")
    photos = (photo_io.decode(files[i % len(files)]) for i in range(args.photos))
    with stopwatch() as elapsed:
        count = len(list(coin_classifier.classify_batch(photos, shipped[:1])))
    rate = count / elapsed.seconds
    print(f"{count} photos with {shipped[0]}: {rate:.1f} photos a second")
    mib = psutil.Process().memory_info().rss / 1024**2
    print(f"memory of this process, all {len(shipped)} loaded: {mib:.0f} MiB")
    command = [sys.executable, "-m", "coin_core", "--help"]
    seconds = median_seconds(
        lambda _: subprocess.run(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True
        ),
        5,
    )
    print(f"python -m coin_core --help: {seconds:.2f} s (median of 5)")


def median_seconds(
    run: Callable[[int], object], repeats: int, warm_up: int = 0
) -> float:
    """The median time of `run(0)`, `run(1)`, ... after calls that do not count."""
    for i in range(warm_up):
        run(i)
    seconds = []
    for i in range(repeats):
        with stopwatch() as elapsed:
            run(i)
        seconds.append(elapsed.seconds)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
