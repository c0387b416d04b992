"""Importing photos: are copies recognised, and how many photos a second?

    python -m benchmarks.import_photos [--coins 500] [--photos 10000]

All photos are rendered coins. Copies are recompressed (JPEG 40), resized (50 %) and
cropped (5 % of width and height, at a random place). The import itself is measured,
into a catalog of its own: whether each copy is matched to its coin, and whether any
photo is matched to another coin. 0 leaves a part out.
"""

from __future__ import annotations

import os
import resource
import tempfile
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from benchmarks.common import argument_parser, catalog_in, encode_jpeg, stopwatch
from coin_core.catalog import Catalog, PhotoQuery
from coin_core.catalog.importing import ingest, ledger
from coin_core.rendering import render_coin
from coin_core.rendering.scenes import draw_scene

SEED = 4_200_011
COIN_PX = 256
COPIES = ("recompressed", "resized", "cropped")


def main() -> None:
    """Measure both parts and print the results."""
    args = argument_parser(__doc__, coins=500, photos=10_000).parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if args.coins:
            measure_copies(Path(scratch) / "copies", args.coins)
        if args.photos:
            measure_speed(Path(scratch) / "speed", args.photos)


def draw(index: int) -> np.ndarray:
    """A photo of one coin, or of both its sides, uint8 (H, W, 3)."""
    rng = np.random.default_rng([SEED, index])
    if index % 4 == 0:
        return render_coin(SEED, index, size_px=COIN_PX).image
    kinds = ["cornucopia", "legend"] if index % 4 == 1 else ["legend"]

    def coin_source(_rng, _kind, _size_px):
        kind = kinds.pop(0) if kinds else "legend"
        return render_coin(SEED, index, size_px=COIN_PX, kind=kind)

    arrangement = "pair" if index % 4 == 1 else "one"
    return draw_scene(
        rng, coin_source=coin_source, longer_side_px=520, arrangement=arrangement
    ).photo


def copy(photo: np.ndarray, way: str, index: int) -> bytes:
    """A copy of a photo, one of `COPIES`, as websites make them."""
    if way == "recompressed":
        return encode_jpeg(photo, 40)
    height, width = photo.shape[:2]
    if way == "resized":
        size = (width // 2, height // 2)
        return encode_jpeg(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), 88)
    rng = np.random.default_rng([SEED, index, 3])
    dx, dy = round(0.05 * width), round(0.05 * height)
    left, top = int(rng.integers(dx + 1)), int(rng.integers(dy + 1))
    return encode_jpeg(photo[top : top + height - dy, left : left + width - dx], 88)


def import_folder(catalog: Catalog, folder: Path) -> ingest.ImportProgress:
    """Import a folder in this process."""
    steps = ingest.import_photos(catalog, [folder], who="bench", labels="none")
    return list(tqdm(steps, desc="photos", unit="photo"))[-1]


def measure_copies(folder: Path, count: int) -> None:
    """Import photos of different coins, then three copies of each."""
    catalog = catalog_in(folder)
    for name in ("originals", *COPIES):
        (folder / name).mkdir()
    for index in tqdm(range(count), desc="coins", unit="coin"):
        photo = draw(index)
        (folder / f"originals/{index}.jpg").write_bytes(encode_jpeg(photo, 88))
        for way in COPIES:
            (folder / f"{way}/{index}.jpg").write_bytes(copy(photo, way, index))
    import_folder(catalog, folder / "originals")
    originals: dict[int, set[str]] = {}  # the numbers of the photos of each coin
    coin_ids: dict[str, int] = {}
    for photo in every_photo(catalog):
        number = Path(photo.file_name).stem
        originals.setdefault(photo.coin_id, set()).add(number)
        coin_ids[number] = photo.coin_id
    merged = sum(len(same) * (len(same) - 1) // 2 for same in originals.values())
    matched: Counter[str] = Counter()
    wrong = 0
    for way in COPIES:
        last = import_folder(catalog, folder / way)
        for item in ledger.read_items(catalog, last.import_id, limit=count):
            coin_id = catalog.photos.get(item.photo_id).coin_id
            if coin_id == coin_ids[Path(item.key).stem]:
                matched[way] += 1
            elif coin_id in originals:
                wrong += 1
    for way in COPIES:
        print(f"{way}: {matched[way]} of {count} matched to their coin")
    total = matched.total()
    print(f"all copies: {100 * total / (3 * count):.1f} %")
    print(f"copies matched to another coin: {wrong} of {total + wrong} matched")
    pairs = count * (count - 1) // 2
    print(f"different coins taken for one: {merged} of {pairs} pairs")


def every_photo(catalog: Catalog) -> list:
    """All photos of a catalog."""
    photos: list = []
    while part := catalog.queries.find(
        PhotoQuery(), offset=len(photos), limit=1000
    ).photos:
        photos += part
    return photos


def measure_speed(folder: Path, count: int) -> None:
    """Import many photos, then the same photos again."""
    catalog = catalog_in(folder)
    write_photos(folder / "in", count)
    with stopwatch() as elapsed:
        last = import_folder(catalog, folder / "in")
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{last.done} photos ({last.failed} failed) on {os.cpu_count()} cores: "
        f"{last.done / elapsed.seconds:.1f} a second, "
        f"{1000 * elapsed.cpu_seconds / last.done:.0f} ms of computing each, "
        f"{mib:.0f} MiB at most"
    )
    with stopwatch() as elapsed:
        last = import_folder(catalog, folder / "in")
    rate = last.done / elapsed.seconds
    print(f"the same again, {last.known} known: {rate:.0f} a second")


def write_photos(folder: Path, count: int) -> None:
    """Write photos: a tenth are different coins, the others turned or mirrored."""
    folder.mkdir(parents=True)
    coins = [draw(index) for index in tqdm(range(max(1, count // 10)), desc="coins")]
    for index in range(count):
        repeat, number = divmod(index, len(coins))
        turned = np.rot90(coins[number], repeat % 4)
        mirrored = turned[:, ::-1] if repeat % 8 >= 4 else turned
        data = encode_jpeg(mirrored, 90 - repeat // 8)
        (folder / f"{index}.jpg").write_bytes(data)


if __name__ == "__main__":
    main()
