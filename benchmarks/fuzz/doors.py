"""The doors that users' files take, and damaged files for each.

A kind makes the files of a case from a random state, and puts them through the same
functions as the pages and commands. A `CoinError` is a refusal; whatever else leaves a
door is a failure.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from benchmarks.common import catalog_in
from benchmarks.fuzz.mutations import mutate, mutate_json
from benchmarks.fuzz.seeds import (
    Seed,
    coin_photo,
    packed,
    page_seeds,
    photo_bomb,
    photo_seeds,
    small_photo,
    table_seeds,
    unpacked,
)
from coin_core import storage
from coin_core.catalog import Catalog
from coin_core.catalog.importing.exif import strip_metadata
from coin_core.catalog.importing.ingest import import_photos
from coin_core.catalog.importing.tables import TABLE_SUFFIXES, propose_columns
from coin_core.catalog.scrape_jobs import ScrapeOrder
from coin_core.classifiers import shipped_classifiers
from coin_core.imaging import photo_io
from coin_core.model_store.bundle import discover
from coin_core.pipeline import CoinClassifier
from coin_core.results import PhotoResult, to_json
from scrapers.ingest import scrape
from scrapers.sources import ans
from scrapers.sources.saved import SavedPages

Files = dict[str, bytes]
"""The files of a case by their path in its folder."""

_BOMBS = 0.02
_WHOLE_PIPELINE = 20  # one photo of so many is classified, too


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of input.

    Attributes:
        title: What it is called in the table.
        make: Makes the files of a case.
        enter: Puts those in a folder through the door; the number is that of the case.
            Returns whether something was read; raises `CoinError` for a refusal.
    """

    title: str
    make: Callable[[random.Random], Files]
    enter: Callable[[Path, int], bool]


def make_photo(rng: random.Random) -> Files:
    """A photo: damaged, or one that claims too much."""
    seed = rng.choice(photo_seeds())
    if rng.random() < _BOMBS:
        seed = photo_bomb(rng)
        return {f"photo.{seed.suffix}": seed.data}
    return {f"photo.{seed.suffix}": mutate(rng, seed, photo_seeds())}


def enter_photo(folder: Path, number: int) -> bool:
    """Decode a photo as every page does; classify one of twenty."""
    (path,) = folder.iterdir()
    data = path.read_bytes()
    pixels, _ = photo_io.decode_with_facts(data, name=path.name)
    height, width, _ = pixels.shape
    if pixels.dtype != np.uint8 or max(height, width) > photo_io.MAX_SIDE_PX:
        raise ValueError(f"decoded to {pixels.dtype} of shape {pixels.shape}")
    strip_metadata(data)
    if number % _WHOLE_PIPELINE == 0:
        check_finite(_shipped_models().classify(pixels))
    return True


@lru_cache
def _shipped_models() -> CoinClassifier:
    return CoinClassifier()


def warm_up() -> None:
    """Load what the first case would wait for, without threads, which no fork has."""
    cv2.setNumThreads(1)
    check_finite(_shipped_models().classify(np.asarray(coin_photo())))


def check_finite(result: PhotoResult) -> None:
    """Refuse a verdict with a number that is none.

    Raises:
        ValueError: A probability is not finite, or a verdict's do not add up to 1.
    """
    json.dumps(to_json("photo", result), allow_nan=False)
    for verdict in result.verdicts:
        total = sum(verdict.probabilities.values())
        if verdict.probabilities and not 0.99 < total < 1.01:
            raise ValueError(f"probabilities add up to {total}")


def make_bundle(rng: random.Random) -> Files:
    """A bundle in the data folder with a damaged card, damaged weights, or both."""
    source = rng.choice((*shipped_classifiers()[1:] * 3, *shipped_classifiers()[:1]))
    files = dict(_shipped_bundle(source))
    card = json.loads(files.pop("card.json"))
    card["name"] = rng.choice(("evil", "evil", "evil", source))
    what = rng.choice(("card", "weights", "weights", "weights", "both"))
    for name, data in files.items():
        if what != "card":
            is_net = name.endswith(".safetensors")
            change = _mutate_tensors if is_net else _mutate_estimator
            files[name] = data = change(rng, data)
        if rng.random() < 0.95:
            card["files"][name] = hashlib.sha256(data).hexdigest()
    text = json.dumps(card).encode() if what == "weights" else mutate_json(rng, card)
    if what != "weights" and rng.random() < 0.2:
        text = mutate(rng, Seed("json", "", text), [Seed("json", "", text)])
    files["card.json"] = text
    return {f"models/{card['name']}/{name}": data for name, data in files.items()}


@lru_cache
def _shipped_bundle(name: str) -> Files:
    folder = storage.WEIGHTS_DIR / name
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _mutate_tensors(rng: random.Random, data: bytes) -> bytes:
    """A safetensors file with a damaged header, or damaged numbers."""
    start = 8 + int.from_bytes(data[:8], "little")
    head, body = data[8:start], bytearray(data[start:])
    infos = {**json.loads(head)}
    what = rng.randrange(4)
    if what == 0:
        head = mutate_json(rng, infos)
        return struct.pack("<Q", len(head)) + head + body
    if what == 1:
        return _mutate_head(rng, data, start)
    infos.pop("__metadata__", None)
    for name in rng.sample([*infos], rng.choice((1, 1, 3, len(infos)))):
        dtype, (first, end) = infos[name]["dtype"], infos[name]["data_offsets"]
        form = np.dtype(f"<{dtype[0].lower()}{max(1, int(dtype.strip('BFIUOL')) // 8)}")
        values = _damaged_numbers(rng, np.frombuffer(body[first:end], form))
        body[first:end] = values.tobytes()
    return data[:start] + bytes(body)


def _mutate_head(rng: random.Random, data: bytes, size: int) -> bytes:
    head = Seed("bytes", "", data[:size])
    return mutate(rng, head, [head]) + data[size:]


def _damaged_numbers(rng: random.Random, values: np.ndarray) -> np.ndarray:
    """An array with one or all numbers replaced by such as no training gives."""
    values = values.copy()
    numbers = (0, -1, 6e4, 1e30, np.nan, np.inf, -np.inf)
    new = rng.choice(numbers if values.dtype.kind == "f" else (0, 1, 127))
    with np.errstate(over="ignore", invalid="ignore"):
        if rng.random() < 0.5 and values.size:
            values.flat[rng.randrange(values.size)] = new
        else:
            values[...] = new if rng.random() < 0.5 else values * new
    return values


def _mutate_estimator(rng: random.Random, data: bytes) -> bytes:
    """A skops file with a damaged schema or a damaged array."""
    files = unpacked(data)
    name = rng.choice([*files])
    if not name.endswith(".npy"):
        files["schema.json"] = mutate_json(rng, json.loads(files["schema.json"]))
        return packed(files)
    array = np.load(io.BytesIO(files[name]))
    changes: tuple[Callable[[], np.ndarray], ...] = (
        lambda: np.concatenate([array, array], -1) if array.ndim else array[None],
        lambda: array[..., : array.shape[-1] // 2] if array.ndim else array - 1,
        lambda: array.astype(rng.choice(("f8", "i8", "i4", "c8", "?", "U9", "u1"))),
        lambda: _damaged_numbers(rng, array),
    )
    buffer = io.BytesIO()
    np.save(buffer, rng.choice(changes)(), allow_pickle=False)
    files[name] = buffer.getvalue()
    if rng.random() < 0.2:
        files[name] = _mutate_head(rng, files[name], 128)
    return packed(files)


def enter_bundle(folder: Path, _: int) -> bool:
    """List the bundles, load this one and classify a coin."""
    os.environ["COIN_DATA_DIR"] = str(folder)
    (place,) = (folder / "models").iterdir()
    photo = np.asarray(coin_photo())
    missing = {*shipped_classifiers()} - {info.name for info in discover()[0]}
    if missing:
        raise LookupError(f"{', '.join(missing)} can no longer be chosen")
    check_finite(CoinClassifier().classify(photo, classifiers=(place.name,)))
    return True


def make_page(rng: random.Random) -> Files:
    """A saved page, its folder or archive, or a museum's record."""
    seed = rng.choice(page_seeds())
    return {f"page.{seed.suffix}": mutate(rng, seed, page_seeds()), "a.png": b""}


def enter_page(folder: Path, _: int) -> bool:
    """Gather the coins of a saved page into a dataset; parse a museum's record."""
    (path,) = folder.glob("page.*")
    if path.suffix == ".xml":
        text = path.read_text("utf-8", errors="replace")
        if b"<rss" in path.read_bytes():
            return bool(ans.parse_feed(text))
        ans.type_address(text)
        return bool(ans.parse_record(text, coin_type=text).record_id)
    source = SavedPages()
    order = ScrapeOrder(source="saved", query=str(path), who="fuzz")
    *_, last = scrape(dataset(), source, order)
    if any(sign < " " for sign in "".join(source.problems)):
        raise ValueError(f"no sentences: {source.problems}")
    return bool(last.listings)


@lru_cache
def dataset() -> Catalog:
    """The dataset of the data folder, which a run keeps in a temporary place."""
    return catalog_in(storage.data_dir())


def make_table(rng: random.Random) -> Files:
    """A table beside its photos, or an archive."""
    seed = rng.choice(table_seeds())
    photo = rng.choice((small_photo(), b"no photo"))
    path = f"table.{seed.suffix}"
    return {path: mutate(rng, seed, table_seeds()), "a.png": photo}


def enter_table(folder: Path, _: int) -> bool:
    """Propose columns, then import into a dataset."""
    (path,) = folder.glob("table.*")
    if path.suffix in TABLE_SUFFIXES:
        propose_columns(path)
    *_, last = import_photos(dataset(), [path], who="fuzz")
    return last.done > last.failed


KINDS = {
    "photos": Kind("photos", make_photo, enter_photo),
    "bundles": Kind("model bundles", make_bundle, enter_bundle),
    "pages": Kind("saved pages", make_page, enter_page),
    "tables": Kind("tables and ZIPs", make_table, enter_table),
}
