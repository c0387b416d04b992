"""Time and memory: one photo, a folder of photos, the help of the command line.

    python -m benchmarks.speed [--photos 500] [--repeats 30] [--threads 2] [--of DIR]

Uses two threads, as on a laptop with two cores. The photos are rendered coins, saved
as JPEG, or those in DIR and its folders: coins that are hard to read take longer.

The ratios compare a photo, from its bytes to its verdict, with one forward pass of the
first network over an input that is ready. Both are measured in turns, so other work on
the machine slows them alike. The pass is that of torch, as the network was trained, and
for comparison that of ONNX Runtime, as the program computes it.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import psutil
import torch

from benchmarks.common import ROOT, argument_parser, encode_jpeg, stopwatch
from coin_core.classifiers import shipped_classifiers
from coin_core.classifiers.loading import load_classifier
from coin_core.imaging import photo_io
from coin_core.model_store.bundle import find_bundle
from coin_core.pipeline import CoinClassifier
from coin_core.rendering import render_coin
from coin_core.training.environment import describe_machine

SEED = 4_000_037
SIZE_PX = 480
BATCH = 16
STREAM = 8 * BATCH  # long enough that its first and last photos weigh little
COINS = 64  # one coin in doubt takes four views; of 20, one more is 3 % of the time


def main() -> None:
    """Measure everything and print it."""
    parser = argument_parser(__doc__, photos=500, repeats=30)
    parser.add_argument("--of", type=Path, metavar="DIR")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(args.threads)
    print(describe_machine())
    shipped = shipped_classifiers()
    coin_classifier = CoinClassifier()
    coin_classifier.load()
    if args.of:
        files = [path.read_bytes() for path in photo_io.inside(args.of)]
    else:
        coins = (render_coin(SEED, index, size_px=SIZE_PX) for index in range(COINS))
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
    mib = psutil.Process().memory_info().rss / 1024**2
    print(f"memory of this process, all {len(shipped)} loaded: {mib:.0f} MiB")
    compare_with_forward_passes(coin_classifier, shipped[0], files, args.repeats)
    photos = (photo_io.decode(files[i % len(files)]) for i in range(args.photos))
    with stopwatch() as elapsed:
        count = len(list(coin_classifier.classify_batch(photos, shipped[:1])))
    rate = count / elapsed.seconds
    print(f"{count} photos with {shipped[0]}: {rate:.1f} photos a second")
    command = [sys.executable, "-m", "coin_core", "--help"]
    seconds = median_seconds(
        lambda _: subprocess.run(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True
        ),
        5,
    )
    print(f"python -m coin_core --help: {seconds:.2f} s (median of 5)")


def compare_with_forward_passes(
    coin_classifier: CoinClassifier, name: str, files: list[bytes], repeats: int
) -> None:
    """Print how many forward passes a photo takes, alone and in a stream."""
    torch_net = load_classifier(find_bundle(name))[1].module_.eval()
    net = coin_classifier.model(name).classifier
    size = net.preparation.size_px
    one = torch.randn(1, 3, size, size)
    full = torch.randn(BATCH, 3, size, size)

    def read(file: bytes) -> None:
        coin_classifier.classify(photo_io.decode(file), classifiers=[name])

    def stream(first: int) -> None:
        photos = (
            photo_io.decode(files[(first + i) % len(files)]) for i in range(STREAM)
        )
        list(coin_classifier.classify_batch(photos, [name]))

    def forward(net: torch.nn.Module, inputs: torch.Tensor) -> None:
        with torch.inference_mode():
            net.read_letters(inputs)

    def many_passes(net: torch.nn.Module, inputs: torch.Tensor) -> None:
        for _ in range(STREAM // BATCH):
            forward(net, inputs)

    laid_out = [
        inputs.contiguous(memory_format=torch.channels_last) for inputs in (one, full)
    ]
    single = in_turns(
        {
            "photo": lambda i: read(files[i % len(files)]),
            "torch": lambda _: forward(torch_net, laid_out[0]),
            "ONNX Runtime": lambda _: forward(net.module_, one),
        },
        repeats,
    )
    many = in_turns(
        {
            "photo": lambda i: stream(i * STREAM),
            "torch": lambda _: many_passes(torch_net, laid_out[1]),
            "ONNX Runtime": lambda _: many_passes(net.module_, full),
        },
        max(3, repeats // 5),
    )
    for runtime in ("torch", "ONNX Runtime"):
        pass_s, batch_s = single[runtime], many[runtime] / STREAM
        print(
            f"a forward pass of {name} in {runtime}: {pass_s * 1000:.1f} ms, in a "
            f"batch of {BATCH} {batch_s * 1000:.1f} ms each\n"
            f"  one photo takes {single['photo'] / pass_s:.2f} such passes; a stream "
            f"gives {many[runtime] / many['photo']:.2f} times as many a second as they "
            f"alone in batches of {BATCH} ({STREAM / many['photo']:.1f} and "
            f"{1 / batch_s:.1f})"
        )


def in_turns(
    runs: dict[str, Callable[[int], object]], repeats: int
) -> dict[str, float]:
    """The median time of each, after one call that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for i in range(repeats + 1):
        for name, run in runs.items():
            with stopwatch() as elapsed:
                run(i)
            seconds[name].append(elapsed.seconds)
    return {name: statistics.median(times[1:]) for name, times in seconds.items()}


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
