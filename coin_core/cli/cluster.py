"""Classify very many photos with the processes of a Ray cluster.

Each process classifies chunks of photos. The rows of a chunk are written at once as a
part, `OUT.parts/<name>.parquet`, so a killed command continues with the photos that
are in no part. At the end, the parts become OUT, and the photos that cannot be read
OUT-bad.parquet.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import secrets
import shutil
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filelock import Timeout

from coin_core.classifiers import shipped_classifiers
from coin_core.cli.arguments import selected_models
from coin_core.errors import (
    CoinError,
    UnreadablePhotoError,
    WrongUseError,
    disk_errors,
)
from coin_core.jobs import Progress
from coin_core.object_store import ObjectStore
from coin_core.storage import open_lock, read_json, replacing, write_file, write_json

if TYPE_CHECKING:
    import argparse

    import numpy as np
    import pyarrow as pa

_REMOTE: Final = "s3://"
_STORE_BYTES: Final = 256 << 20  # paths and rows pass through it, no photos
_PARTS_AT_MOST: Final = 4000
_SMALLEST_CHUNK, _LARGEST_CHUNK = 16, 256
_NO_RAY = (
    "--ray needs the package Ray, which is not installed here. Install it on every "
    'machine of the cluster with: pip install -e ".[cluster]"'
)


def run(options: argparse.Namespace) -> int:
    """Classify the photos of all folders; return 1 if a photo cannot be read."""
    from coin_core.model_store import bundle, sharing

    out: Path = options.out
    if out.suffix != ".parquet":
        raise WrongUseError(
            f"{out}: the results are a table; name it like coins.parquet."
        )
    ray = _import_ray()
    sharing.follow(strict=True)
    default, *_ = shipped_classifiers()
    digests = {
        name: bundle.weights_digest(bundle.load_card(bundle.find_bundle(name)))
        for name in selected_models(options, default=default)
    }
    photos = [photo for source in options.photos for photo in list_photos(source)]
    if not photos:
        raise CoinError(f"There are no photos in {', '.join(options.photos)}.")
    failure = f"{out} cannot be written"
    with disk_errors(failure, "is lost; run the command again"), _parts(out) as parts:
        _check_plan(parts, options.photos, digests)
        done = _done(parts)
        left = [photo for photo in dict.fromkeys(photos) if photo not in done]
        words = "classifying"
        with Progress(words, len(done) + len(left), unit="photo") as progress:
            progress.skip(len(done))
            if left:
                for rows in _classify(ray, left, digests, options.workers):
                    name = f"{secrets.token_hex(8)}.parquet"
                    write_file(parts / name, _to_parquet(rows))
                    progress.update(len(set(rows["photo"].to_pylist())))
        good, bad = _merge(parts, out)
    shutil.rmtree(parts, ignore_errors=True)
    sys.stdout.write(f"{good:,} verdicts are in {out}.\n")
    if bad:
        sys.stdout.write(
            f"{bad:,} photos cannot be read; {_bad_path(out)} says why of each.\n"
        )
    return 1 if bad else 0


def list_photos(source: str) -> Iterator[str]:
    """The photos in a folder, or below an address of S3; a photo is itself.

    Raises:
        CoinError: There is no such folder, or the store cannot be used.
    """
    from coin_core.imaging.photo_io import PICTURE_SUFFIXES, inside_with_unreadable

    if source.startswith(_REMOTE):
        bucket, _, folder = source.removeprefix(_REMOTE).partition("/")
        store = ObjectStore(_REMOTE + bucket)
        for name in sorted(store.find(folder)):
            if name.rpartition(".")[2].lower() in PICTURE_SUFFIXES:
                yield store.address(name)
    elif (path := Path(source)).is_dir():
        # Processes of the cluster work in folders of their own.
        yield from map(str, inside_with_unreadable(path.resolve()))
    else:
        yield str(path.resolve())


def _import_ray() -> Any:
    # It would tell its makers of each start.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise CoinError(_NO_RAY) from error
    return ray


@contextmanager
def _parts(out: Path) -> Iterator[Path]:
    """The folder of the parts, for one process at a time."""
    parts = out.with_name(f"{out.name}.parts")
    if out.exists() and not parts.exists():
        raise CoinError(
            f"{out} is there already and is left as it is. Move it away, or name "
            "another file."
        )
    try:
        with open_lock(parts / ".lock", timeout_s=0):
            yield parts
    except Timeout as error:
        raise CoinError(f"Another process is at work on {out}. Wait for it.") from error


def _check_plan(parts: Path, sources: Sequence[str], digests: dict[str, str]) -> None:
    """Refuse to continue what was begun with other photos or classifiers."""
    places = [
        source if source.startswith(_REMOTE) else str(Path(source).resolve())
        for source in sources
    ]
    plan = {"classifiers": digests, "photos": places}
    before = read_json(parts / "plan.json")
    if before and before != plan:
        others = "photos" if before.get("classifiers") == digests else "classifiers"
        raise CoinError(
            f"{parts} holds parts of other {others}. "
            "Name another file, or delete that folder to begin again."
        )
    write_json(parts / "plan.json", plan)


def _done(parts: Path) -> set[str]:
    import pyarrow.parquet as pq

    done: set[str] = set()
    for path in parts.glob("*.parquet"):
        done.update(pq.read_table(path, columns=["photo"])["photo"].to_pylist())
    return done


def _classify(
    ray: Any, photos: Sequence[str], digests: dict[str, str], workers: int | None
) -> Iterator[pa.Table]:
    """The rows of all photos, a chunk at a time, in no fixed order."""
    size = -(-len(photos) // _PARTS_AT_MOST)
    size = min(max(size, _SMALLEST_CHUNK), _LARGEST_CHUNK)
    if workers:  # each gets its share of a few photos
        size = max(1, min(size, -(-len(photos) // (4 * workers))))
    chunks = [
        {"photos": photos[start : start + size]}
        for start in range(0, len(photos), size)
    ]
    with _cluster(ray, workers) as count:
        dataset = ray.data.from_items(chunks, override_num_blocks=len(chunks))
        rows = dataset.map_batches(
            Worker,
            fn_constructor_args=(digests,),
            batch_size=1,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=count),
            num_cpus=1,
        )
        try:
            for batch in rows.iter_batches(batch_size=None, batch_format="pyarrow"):
                if len(batch):
                    yield batch
        except ray.exceptions.RayError as error:
            raise CoinError(_explain(error)) from error


@contextmanager
def _cluster(ray: Any, workers: int | None) -> Iterator[int]:
    """Join the cluster that RAY_ADDRESS names, or make one of this computer.

    Yields:
        How many processes classify at most.
    """
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    if os.environ.get("RAY_ADDRESS"):
        ray.init(**quiet)
        count = workers or int(ray.cluster_resources().get("CPU", 1))
    else:
        count = workers or os.cpu_count() or 1
        ray.init(
            num_cpus=count + 1,
            object_store_memory=_STORE_BYTES,
            include_dashboard=False,
            # Reached by nobody but this computer.
            _node_ip_address="127.0.0.1",
            **quiet,
        )
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    for name in ("ray.data", "ray.data._internal"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield count
    finally:
        ray.shutdown()


def _explain(error: BaseException) -> str:
    """The sentence of an error in a process of the cluster."""
    seen: BaseException | None = error
    while seen is not None:
        cause = getattr(seen, "cause", None) or seen.__cause__
        if isinstance(seen, CoinError):
            return str(seen)
        seen = cause
    text = str(error).strip().rpartition("\n")[2]
    return f"The cluster could not go on ({text}). Run the same command to resume."


class Worker:
    """A process of the cluster with the classifiers in memory."""

    def __init__(self, digests: dict[str, str]) -> None:
        from coin_core.pipeline import CoinClassifier

        self._names = tuple(digests)
        self._pipeline = CoinClassifier().pinned(self._names)
        for name, digest in digests.items():
            if self._pipeline.model(name).digest != digest:
                raise CoinError(
                    f"A machine of the cluster has another {name} than this one. "
                    "Install the same version of the program, and copy the model there."
                )

    def __call__(self, batch: pa.Table) -> pa.Table:
        """The rows of chunks of photos; a photo that cannot be read has one, too."""
        import pyarrow as pa

        rows: list[dict[str, Any]] = []
        for photos in batch["photos"].to_pylist():
            rows += self._rows(photos)
        return pa.Table.from_pylist(rows, schema=schema())

    def _rows(self, photos: Sequence[str]) -> list[dict[str, Any]]:
        try:
            return list(self._classify(photos))
        except CoinError:
            raise  # the store or a model, not a photo
        except Exception:
            if len(photos) == 1:
                raise
        rows: list[dict[str, Any]] = []
        failed: list[Exception] = []
        for photo in photos:
            try:
                rows += self._classify([photo])
            except Exception as error:  # noqa: BLE001 - that photo fails alone
                failed.append(error)
                sentence = (
                    f"The program failed on it ({type(error).__name__}: {error})."
                )
                rows.append({"photo": photo, "sentence": sentence})
        if len(failed) == len(photos):
            raise failed[0]  # it is not the photos
        return rows

    def _classify(self, photos: Sequence[str]) -> Iterator[dict[str, Any]]:
        from coin_core.results import to_json

        pending: deque[tuple[str, str]] = deque()
        bad: list[dict[str, Any]] = []

        def decoded() -> Iterator[np.ndarray]:
            for photo in photos:
                try:
                    pixels, sha256 = _read(photo)
                except UnreadablePhotoError as error:
                    bad.append({"photo": photo, "sentence": str(error)})
                    continue
                pending.append((photo, sha256))
                yield pixels

        for result in self._pipeline.classify_batch(decoded(), self._names):
            photo, sha256 = pending.popleft()
            for answer, verdict in zip(to_json(photo, result), result.verdicts):
                answer["probabilities"] = list(answer["probabilities"].items())
                yield answer | {"model": verdict.model, "sha256": sha256}
        yield from bad


def _read(photo: str) -> tuple[np.ndarray, str]:
    """The pixels of a photo, and the sha256 of its file."""
    from coin_core.imaging import photo_io

    if not photo.startswith(_REMOTE):
        pixels = photo_io.read(photo)
        with Path(photo).open("rb") as file:
            return pixels, hashlib.file_digest(file, "sha256").hexdigest()
    bucket, _, name = photo.removeprefix(_REMOTE).partition("/")
    store = ObjectStore(_REMOTE + bucket)
    data = store.read(name, most_bytes=photo_io.MAX_BYTES + 1)
    if data is None:
        raise UnreadablePhotoError(f"{name} is not there any more.")
    return photo_io.decode(data, name=name), hashlib.sha256(data).hexdigest()


def _bad_path(out: Path) -> Path:
    return out.with_name(f"{out.stem}-bad.parquet")


def _to_parquet(table: pa.Table) -> bytes:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def _merge(parts: Path, out: Path) -> tuple[int, int]:
    """Join the parts; how many verdicts there are, and how many bad photos."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    columns = [field for field in schema() if field.name != "sentence"]
    of_bad = pa.schema([("photo", pa.string()), ("sentence", pa.string())])
    good = bad = 0
    with (
        replacing(out) as new_out,
        replacing(_bad_path(out)) as new_bad,
        pq.ParquetWriter(new_out, pa.schema(columns)) as good_rows,
        pq.ParquetWriter(new_bad, of_bad) as bad_rows,
    ):
        for path in sorted(parts.glob("*.parquet")):
            rows = pq.read_table(path, schema=schema())
            is_bad = pc.is_valid(rows["sentence"])
            ours = rows.filter(pc.invert(is_bad)).drop_columns("sentence")
            theirs = rows.filter(is_bad).select(of_bad.names)
            good_rows.write_table(ours)
            bad_rows.write_table(theirs)
            good, bad = good + len(ours), bad + len(theirs)
    return good, bad


def schema() -> pa.Schema:
    """The columns: those of `classify --json`, digests, and why a photo has none."""
    import pyarrow as pa

    box = pa.struct(
        [
            (edge, pa.float64())
            for edge in ("left", "top", "right", "bottom", "turn_deg")
        ]
    )
    return pa.schema(
        [
            ("photo", pa.string()),
            ("classifier", pa.string()),
            ("ruler", pa.string()),
            ("reason", pa.string()),
            ("probabilities", pa.map_(pa.string(), pa.float64())),
            ("faces", pa.list_(pa.struct([("box", box), ("side", pa.string())]))),
            ("face", pa.int32()),
            ("seconds", pa.float64()),
            ("origin", pa.string()),
            ("model", pa.string()),
            ("sha256", pa.string()),
            ("sentence", pa.string()),
        ]
    )
