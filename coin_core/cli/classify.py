"""Say whose coin is in each photo."""

from __future__ import annotations

import argparse
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from coin_core.classifiers import shipped_classifiers
from coin_core.classifiers.together_card import TOGETHER
from coin_core.cli.arguments import add_json, add_model, count, selected_models
from coin_core.cli.output import write_json
from coin_core.errors import UnreadablePhotoError, WrongUseError

if TYPE_CHECKING:
    import numpy as np

    from coin_core.results import PhotoResult


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `classify`."""
    default, *others = shipped_classifiers()
    add = parser.add_argument
    add(
        "photos",
        nargs="+",
        metavar="PHOTO",
        help="a photo, or a folder of photos; with --ray also s3://bucket/folder",
    )
    add(
        "--classifier",
        help=f"{default} (default), {', '.join(others)}, all of them one by one, or "
        f"{TOGETHER} for one verdict of all",
    )
    add_model(parser)
    add_json(parser, "one line of JSON for each verdict")
    add(
        "--ray",
        action="store_true",
        help="classify very many photos with the processes of a Ray cluster",
    )
    add("--out", type=Path, metavar="FILE.parquet", help="with --ray: the results")
    add("--workers", type=count, help="with --ray: how many processes classify at most")


def run(options: argparse.Namespace) -> int:
    """Classify every readable photo; return 1 if a photo or folder has none."""
    if options.ray != (options.out is not None) or (
        options.workers and not options.ray
    ):
        raise WrongUseError(
            "--ray and --out belong together, and --workers is for --ray."
        )
    if options.ray:
        from coin_core.cli import cluster

        return cluster.run(options)
    from coin_core.pipeline import CoinClassifier, with_parts

    coin_classifier = CoinClassifier()
    default, *_ = shipped_classifiers()
    names = selected_models(options, default=default, with_together=True)
    for name in with_parts(names):
        coin_classifier.model(name)
    unreadable = 0
    pending: deque[str] = deque()

    def decode_photos() -> Iterator[np.ndarray]:
        nonlocal unreadable
        for path in _photo_paths(options.photos):
            try:
                photo = _read_photo(path)
            except UnreadablePhotoError as error:
                unreadable += 1
                sys.stdout.flush()
                sys.stderr.write(f"{path}: {error}\n")
                continue
            pending.append(path)
            yield photo

    for result in coin_classifier.classify_batch(decode_photos(), names):
        _write_result(pending.popleft(), result, as_json=options.json)
    return 1 if unreadable else 0


def _photo_paths(names: list[str]) -> Iterator[str]:
    from coin_core.imaging import photo_io

    for name in names:
        path = Path(name)
        if path.is_dir():
            inside = [*map(str, photo_io.inside_with_unreadable(path))]
            yield from inside or [name]
        else:
            yield name


def _read_photo(path: str) -> np.ndarray:
    from coin_core.imaging import photo_io

    if Path(path).is_dir():
        raise UnreadablePhotoError("there is no photo in this folder.")
    try:
        return photo_io.read(path)
    except OSError as error:
        raise UnreadablePhotoError(f"cannot be opened ({error.strerror}).") from error


def _write_result(photo: str, result: PhotoResult, *, as_json: bool) -> None:
    from coin_core.results import are_of_several_coins, sentence, to_json

    if as_json:
        for answer in to_json(photo, result):
            write_json(answer)
    else:
        several = are_of_several_coins(result.faces)
        for verdict in result.verdicts:
            yours = verdict.origin == "own"
            name = verdict.classifier + " (yours)" * yours
            name = f" [{name}]" if yours or len(result.verdicts) > 1 else ""
            face = result.face_read(verdict) if several else None
            of_one = (
                "" if face is None else f" (face {face + 1} of {len(result.faces)})"
            )
            sys.stdout.write(f"{photo}{name}: {sentence(verdict)}{of_one}\n")
    sys.stdout.flush()
