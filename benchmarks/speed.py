"""Time and memory: one photo, a folder, the process, the help of the command line.

    python benchmarks/speed.py [--photos 500] [--repeats 30] [--of DIR]

Two threads, as on a laptop of two cores. Photos are rendered coins, saved as JPEG, or
those in DIR, at any depth: coins that leave a reader in doubt take longer.
"""

from __future__ import annotations

import argparse
import io
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import psutil
import torch
from PIL import Image

from coin_core.classifiers import shipped_classifiers
from coin_core.imaging import photo_io
from coin_core.pipeline import CoinClassifier
from coin_core.rendering import render_coin
from coin_core.training.environment import describe_machine

SEED = 4_000_037
SIZE_PX = 480


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--of", type=Path, metavar="DIR")
    given = parser.parse_args()
    torch.set_num_threads(2)
    print(describe_machine())

    coin_classifier = CoinClassifier()
    coin_classifier.load(shipped_classifiers())
    if given.of:
        files = [path.read_bytes() for path in photo_io.inside(given.of)]
    else:
        files = [encode(index) for index in range(20)]
    for names in [*((name,) for name in shipped_classifiers()), shipped_classifiers()]:
        title = names[0] if len(names) == 1 else "all five"
        seconds = median_seconds(
            lambda i, names=names: coin_classifier.classify(
                photo_io.decode(files[i % len(files)]), classifiers=names
            ),
            given.repeats,
        )
        print(f"one photo, warm, {title}: {seconds * 1000:.0f} ms (median)")

    many = (photo_io.decode(files[i % len(files)]) for i in range(given.photos))
    begun = time.perf_counter()
    count = sum(1 for _ in coin_classifier.classify_batch(many))
    rate = count / (time.perf_counter() - begun)
    print(f"{count} photos with resnet: {rate:.1f} photos a second")

    mib = psutil.Process().memory_info().rss / 1024**2
    print(f"memory of this process, all five loaded: {mib:.0f} MiB")
    print(f"python -m coin_core --help: {help_seconds():.2f} s (median of 5)")


def encode(index: int) -> bytes:
    """A rendered coin as a JPEG file."""
    coin = render_coin(SEED, index, size_px=SIZE_PX)
    buffer = io.BytesIO()
    Image.fromarray(coin.image).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def median_seconds(run: Callable[[int], object], repeats: int) -> float:
    """The median time of a call, after three that are not counted."""
    for i in range(3):
        run(i)
    times = []
    for i in range(repeats):
        begun = time.perf_counter()
        run(i)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def help_seconds() -> float:
    """How long the command line takes to print its help."""
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "coin_core", "--help"],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


if __name__ == "__main__":
    main()
