"""Bringing photos in: copies recognised, photos a second.

    python benchmarks/import_photos.py [--coins 500] [--photos 10000]

All photos are rendered coins. Copies are recompressed (JPEG 40), resized (50 %) and
cropped (5 % of width and height, at a place drawn by chance). What is measured is the
import itself, into a catalog of its own: whether a copy was put to its coin, and
whether anything was put to another one. 0 leaves a part out.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import cv2
import numpy as np
from PIL import Image
from tqdm import tqdm

from coin_core.catalog import Catalog, PhotoQuery, open_catalog
from coin_core.catalog.importing import ingest
from coin_core.rendering import render_coin
from coin_core.rendering.scenes import draw_scene

SEED = 4_200_011
STRUCK_PX = 256
WAYS = ("recompressed", "resized", "cropped")


def main() -> None:
    """Measure what is asked for, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--coins", type=int, default=500)
    parser.add_argument("--photos", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if given.coins:
            measure_copies(folder / "copies", given.coins)
        if given.photos:
            measure_speed(folder / "speed", given.photos)


def draw(index: int) -> np.ndarray:
    """A photo of one coin, or of both its sides, uint8 (H, W, 3)."""
    rng = np.random.default_rng([SEED, index])
    if index % 4 == 0:
        return render_coin(SEED, index, size_px=STRUCK_PX).image
    kinds = ["cornucopia", "legend"] if index % 4 == 1 else ["legend"]

    def supply(_rng, _kind, _size_px):
        kind = kinds.pop(0) if kinds else "legend"
        return render_coin(SEED, index, size_px=STRUCK_PX, kind=kind)

    arrangement = "pair" if index % 4 == 1 else "one"
    return draw_scene(
        rng, coin_source=supply, longer_side_px=520, arrangement=arrangement
    ).photo


def copy(photo: np.ndarray, way: str, index: int) -> bytes:
    """A copy of a photo as it is met on the web."""
    if way == "recompressed":
        return encode(photo, 40)
    height, width = photo.shape[:2]
    if way == "resized":
        size = (width // 2, height // 2)
        return encode(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), 88)
    rng = np.random.default_rng([SEED, index, 3])
    off_x, off_y = round(0.05 * width), round(0.05 * height)
    left, top = int(rng.integers(off_x + 1)), int(rng.integers(off_y + 1))
    return encode(photo[top : top + height - off_y, left : left + width - off_x], 88)


def encode(photo: np.ndarray, quality: int) -> bytes:
    """A JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(photo)).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def new_catalog(folder: Path) -> Catalog:
    """An empty catalog of its own."""
    folder.mkdir(parents=True)
    return open_catalog(f"sqlite:///{folder}/c.sqlite", photos_dir=folder / "photos")


def bring(catalog: Catalog, folder: Path) -> ingest.ImportProgress:
    """Bring a folder in, in this process."""
    steps = ingest.import_photos(catalog, [folder], who="bench", labels="none")
    return list(tqdm(steps, desc="photos", unit="photo"))[-1]


def measure_copies(folder: Path, count: int) -> None:
    """Bring in photos of different coins, then three copies of each."""
    catalog = new_catalog(folder)
    for name in ("originals", *WAYS):
        (folder / name).mkdir()
    for index in tqdm(range(count), desc="coins", unit="coin"):
        photo = draw(index)
        (folder / f"originals/{index}.jpg").write_bytes(encode(photo, 88))
        for way in WAYS:
            (folder / f"{way}/{index}.jpg").write_bytes(copy(photo, way, index))
    bring(catalog, folder / "originals")
    shown: dict[int, set[str]] = {}  # coin to the numbers of the originals on it
    home: dict[str, int] = {}
    for photo in every_photo(catalog):
        number = Path(photo.file_name).stem
        shown.setdefault(photo.coin_id, set()).add(number)
        home[number] = photo.coin_id
    false = sum(len(numbers) * (len(numbers) - 1) // 2 for numbers in shown.values())
    found: Counter[str] = Counter()
    wrong = 0
    for way in WAYS:
        last = bring(catalog, folder / way)
        for item in ingest.import_items(catalog, last.import_id, limit=count):
            coin_id = catalog.photos.get(item.photo_id).coin_id
            if coin_id == home[Path(item.key).stem]:
                found[way] += 1
            elif coin_id in shown:
                wrong += 1
    grouped = sum(found.values()) + wrong
    for way in WAYS:
        print(f"{way}: {found[way]} of {count} put to their coin")
    print(f"all copies: {100 * sum(found.values()) / (3 * count):.1f} %")
    print(f"copies put to another coin: {wrong} of {grouped} that were put to one")
    pairs = count * (count - 1) // 2
    print(f"different coins taken for one: {false} of {pairs} pairs")


def every_photo(catalog: Catalog) -> list:
    """All photos of a catalog."""
    photos: list = []
    while part := catalog.queries.find(
        PhotoQuery(), offset=len(photos), limit=1000
    ).photos:
        photos += part
    return photos


def measure_speed(folder: Path, count: int) -> None:
    """Bring in many photos; a tenth of them are struck, the rest lie otherwise."""
    catalog = new_catalog(folder)
    write_photos(folder / "in", count)
    begun, worked = time.perf_counter(), time.process_time()
    last = bring(catalog, folder / "in")
    rate = last.done / (time.perf_counter() - begun)
    each_ms = 1000 * (time.process_time() - worked) / last.done
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{last.done} photos ({last.failed} failed) on {os.cpu_count()} cores: "
        f"{rate:.1f} a second, {each_ms:.0f} ms of computing each, "
        f"{mib:.0f} MiB at most"
    )
    begun = time.perf_counter()
    last = bring(catalog, folder / "in")
    rate = last.done / (time.perf_counter() - begun)
    print(f"the same again, {last.known} known: {rate:.0f} a second")


def write_photos(folder: Path, count: int) -> None:
    """Photos of coins that are told apart by how they lie on the picture."""
    folder.mkdir(parents=True)
    struck = [draw(index) for index in tqdm(range(max(1, count // 10)), desc="coins")]
    for index in range(count):
        turned = np.rot90(struck[index % len(struck)], index // len(struck) % 4)
        mirrored = turned[:, ::-1] if index // len(struck) % 8 >= 4 else turned
        data = encode(mirrored, 90 - index // len(struck) // 8)
        (folder / f"{index}.jpg").write_bytes(data)


if __name__ == "__main__":
    main()
