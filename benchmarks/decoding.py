"""What a photo costs through the process that decodes it, and in this one.

    python -m benchmarks.decoding [--repeats 25] [--megapixels 12]

Both decode the same JPEG in turns, so that other work on the machine slows them alike:
`photo_io` with a decoder that runs already, and Pillow here, as a program does that
trusts its photos. Counted is the processor time of both processes, and the time until
the pixels are there. A small photo has 600 × 450 pixels, as an upload of a website.
"""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from benchmarks.common import argument_parser, encode_jpeg
from coin_core.imaging import photo_io
from coin_core.training.environment import describe_machine


def main() -> None:
    """Measure and print."""
    args = argument_parser(__doc__, repeats=25, megapixels=12).parse_args()
    print(describe_machine())
    width = round((args.megapixels * 1e6 * 4 / 3) ** 0.5)
    for size, repeats in (
        ((width, width * 3 // 4), args.repeats),
        ((600, 450), 20 * args.repeats),
    ):
        data = photo_of(*size)
        kinds = {"here": decode_here, "in a decoder": photo_io.decode}
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in kinds}
        for number in range(repeats + 2):
            for name, decode in kinds.items():
                wall, cpu = time.perf_counter(), cpu_seconds()
                decode(data)
                took = time.perf_counter() - wall, cpu_seconds() - cpu
                if number > 1:
                    taken[name].append(took)
        print(f"{size[0]} × {size[1]} pixels, {len(data) / 1e6:.2f} MB, medians:")
        for name, times in taken.items():
            wall, cpu = np.median(times, axis=0) * 1000
            print(f"  {name}: {cpu:.1f} ms computed, {wall:.1f} ms in all")


def photo_of(width: int, height: int) -> bytes:
    """A JPEG of quality 90 of a bronze disc on a ground, with the noise of a camera."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    disc = np.hypot(x - width / 2, y - height / 2) < height / 3
    relief = 35 * np.sin(x / 37) * np.sin(y / 41)
    bronze = relief[..., None] + np.array([125, 100, 70], np.float32)
    pixels = np.where(disc[..., None], bronze, np.array([215, 212, 205], np.float32))
    pixels += rng.normal(0, 6, pixels.shape).astype(np.float32)
    return encode_jpeg(np.clip(pixels, 0, 255).astype(np.uint8))


def decode_here(data: bytes) -> np.ndarray:
    """The pixels of a JPEG, without any limit."""
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image)


def cpu_seconds() -> float:
    """Processor time of this process and of its decoders."""
    children = psutil.Process().children()
    return time.process_time() + sum(map(_exact_cpu_seconds, children))


def _exact_cpu_seconds(process: psutil.Process) -> float:
    """That of a process with one thread; what psutil tells has steps of 10 ms."""
    try:
        schedstat = Path(f"/proc/{process.pid}/schedstat").read_text()
    except OSError:  # not Linux
        times = process.cpu_times()
        return float(times.user + times.system)
    return int(schedstat.split()[0]) / 1e9


if __name__ == "__main__":
    main()
