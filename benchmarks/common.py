"""Arguments, timing, photos and temporary catalogs that the benchmarks share."""

from __future__ import annotations

import argparse
import io
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from coin_core.catalog import Catalog

ROOT = Path(__file__).resolve().parents[1]


def argument_parser(
    description: str | None, **defaults: int
) -> argparse.ArgumentParser:
    """A parser with an integer option for each keyword, e.g. `photos=500`."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in defaults.items():
        help_text = f"default: {default}"
        parser.add_argument(f"--{name}", type=int, default=default, help=help_text)
    return parser


@dataclass
class Elapsed:
    """What a block took: seconds of wall clock, and of computing in this process."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0


@contextmanager
def stopwatch() -> Iterator[Elapsed]:
    """Time a block; the yielded value is filled at its end."""
    elapsed = Elapsed()
    wall, cpu = time.perf_counter(), time.process_time()
    yield elapsed
    elapsed.seconds = time.perf_counter() - wall
    elapsed.cpu_seconds = time.process_time() - cpu


def encode_jpeg(photo: np.ndarray, quality: int = 90) -> bytes:
    """The bytes of a JPEG file from pixels, uint8 (H, W, 3)."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(photo)).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def catalog_in(folder: Path) -> Catalog:
    """Open the catalog of a folder, a new one if the folder has none."""
    # imported here: other benchmarks measure memory without the catalog
    from coin_core.catalog import open_catalog

    folder.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{folder}/catalog.sqlite"
    os.environ["COIN_DATA_DIR"] = str(folder)  # its jobs are kept there too
    return open_catalog(url, photos_dir=folder / "photos")
