"""Memory that a training on a few dozen photos takes, as the training form says it.

    python -m benchmarks.training_memory [--photos 36] [--epochs 2] [--only NAME,...]

Trains each classifier on rendered coins, in a process of its own, with the settings of
the form but few epochs. Counted are all pages of the process, those of libraries too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import Counter
from itertools import count
from pathlib import Path

import psutil
from PIL import Image

from benchmarks.common import ROOT, argument_parser
from benchmarks.memory import Peak
from coin_core.classifiers.registry import list_classifiers
from coin_core.rendering import render_coin
from coin_core.rulers import DEFAULT_CLASSES

_SEED = 2026


def main() -> None:
    """Measure and print."""
    parser = argument_parser(__doc__, photos=36, epochs=2)
    parser.add_argument("--only", help="names of classifiers, separated by commas")
    args = parser.parse_args()
    names = [one.name for one in list_classifiers() if one.training_mb is not None]
    with tempfile.TemporaryDirectory() as scratch:
        photos = Path(scratch) / "photos"
        draw(photos, args.photos)
        for name in args.only.split(",") if args.only else names:
            peak_mb = train(name, photos, Path(scratch) / name, args.epochs)
            print(f"{name}: {peak_mb:.0f} MB", flush=True)


def draw(folder: Path, photos: int) -> None:
    """Write rendered coins, as many of each ruler."""
    drawn: Counter[str] = Counter()
    most = photos // len(DEFAULT_CLASSES)
    for number in count():
        coin = render_coin(_SEED, number, size_px=400)
        if coin.ruler in DEFAULT_CLASSES and drawn[coin.ruler] < most:
            drawn[coin.ruler] += 1
            path = folder / coin.ruler / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(coin.image).save(path)
        if drawn.total() == most * len(DEFAULT_CLASSES):
            return


def train(name: str, photos: Path, out: Path, epochs: int) -> float:
    """Train a classifier; returns the highest memory in MB."""
    command = [sys.executable, "-m", "coin_core", "train", name, "--data", str(photos)]
    command += ["--epochs", str(epochs), "--out", str(out / "model")]
    with (
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "COIN_DATA_DIR": str(out)},
            stdout=subprocess.DEVNULL,
        ) as process,
        Peak(psutil.Process(process.pid)) as peak,
    ):
        code = process.wait()
    if code:
        raise SystemExit(f"The training of {name} failed ({code}).")
    return peak.highest


if __name__ == "__main__":
    main()
