"""The folders of photos that the pages offer for training.

A visitor of a page must not be able to browse the server's disk: only the folders in
`data/collections`, and in those that the operator names in COIN_PHOTO_DIRS, are
offered. The command line reads whatever its user may read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from coin_core.imaging.photo_io import SUFFIXES
from coin_core.storage import data_dir

VARIABLE = "COIN_PHOTO_DIRS"
# The deepest level below a root at which a folder is offered.
_DEPTH = 3
_MOST_FOLDERS = 2_000
_MOST_COUNTED = 20_000
_MOST_SEARCHED = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoFolder:
    """A folder with one folder of photos per class.

    Attributes:
        path: Where it is.
        title: Its path below its root, as the pages show it.
    """

    path: Path
    title: str


def collections_dir() -> Path:
    """The folder of the photo folders for the pages."""
    return data_dir() / "collections"


def photo_roots() -> list[Path]:
    """The folders whose folders are offered; missing ones are left out."""
    named = [part for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part]
    # Unlike the method of Path, this leaves "~nobody/coins" as it is.
    roots = [collections_dir(), *(Path(os.path.expanduser(part)) for part in named)]  # noqa: PTH111
    return [root.resolve() for root in roots if _is_folder(root)]


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # without access
        return False


def list_photo_folders() -> list[PhotoFolder]:
    """Every folder of folders with photos of two or more classes, by title."""
    found: dict[Path, PhotoFolder] = {}
    for root in photo_roots():
        for folder in islice(_walk(root, _DEPTH), _MOST_FOLDERS):
            # A link must not lead out of the folders that the operator named.
            inside = folder.resolve().is_relative_to(root)
            if inside and _holds_classes(folder) and not _leads_out(folder, root):
                place = folder.relative_to(root).as_posix()
                title = root.name if place == "." else f"{root.name}/{place}"
                found.setdefault(folder, PhotoFolder(path=folder, title=title))
    return sorted(found.values(), key=lambda one: one.title.casefold())


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    """A folder and those below it, except the classes of one."""
    yield folder
    if depth and not _holds_classes(folder):
        for inner in _folders(folder):
            yield from _walk(inner, depth - 1)


def _leads_out(folder: Path, root: Path) -> bool:
    """Whether a link among the classes or their photos leads out of `root`."""
    left = _MOST_SEARCHED
    waiting = [folder.resolve()]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    left -= 1
                    if left < 0:
                        return True  # too many to look at each
                    if entry.is_symlink():
                        if not Path(entry.path).resolve().is_relative_to(root):
                            return True
                    elif entry.is_dir():
                        waiting.append(Path(entry.path))
        except (OSError, RuntimeError):  # without access, or links in a circle
            continue
    return False


def _folders(folder: Path) -> list[Path]:
    try:
        inside = sorted(folder.iterdir())
        return [p for p in inside if p.is_dir() and not p.name.startswith(".")]
    except OSError:
        return []


def _holds_classes(folder: Path) -> bool:
    """Whether two or more of its folders contain a photo directly."""
    with_photos = 0
    for inner in _folders(folder):
        try:
            with os.scandir(inner) as entries:
                with_photos += any(_is_photo(entry.name) for entry in entries)
        except OSError:
            continue
        if with_photos == 2:
            return True
    return False


def _is_photo(name: str) -> bool:
    suffix = Path(name).suffix.lower().lstrip(".")
    return suffix in SUFFIXES and not name.startswith(".")


def count_photos(folder: Path) -> dict[str, int]:
    """Files that look like photos in each folder of the folder."""
    return {label: len(names) for label, names in _photos_in(folder).items()}


def count_coins(folder: Path) -> dict[str, int]:
    """Coins in each folder with photos; "__" ends the part of a name that they share.

    Photos that are copies of each other count as several coins.
    """
    return {
        label: len({name.split("__")[0] for name in names})
        for label, names in _photos_in(folder).items()
        if names
    }


def _photos_in(folder: Path) -> dict[str, list[str]]:
    """The names of the photos in each folder of the folder."""
    names: dict[str, list[str]] = {}
    left = _MOST_COUNTED
    for label in _folders(folder):
        here = names[label.name] = []
        with suppress(OSError):  # a folder without access, or one just removed
            for path in label.rglob("*"):
                left -= 1
                if left < 0:
                    return names
                if _is_photo(path.name):
                    here.append(path.name)
    return names
