"""The bin: what was deleted can be restored for a time.

`data/bin/<item_id>/` holds the file or folder that was deleted, and item.json, which
says where it was. A move within the data folder takes no time and no room, unless a
part of it is on another disk.
"""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from coin_core.access import Right, check, current_person
from coin_core.errors import CoinError
from coin_core.storage import data_dir, move, read_json, write_json

KEPT_DAYS: Final = 30
"""How long the bin keeps what was deleted."""

_CONTENT: Final = "content"
_EMPTIED: Final = ".emptied-"  # what is being deleted can no longer be restored
_STAMP: Final = "%Y%m%d-%H%M%S"


@dataclass(frozen=True, slots=True, kw_only=True)
class BinItem:
    """Something in the bin.

    Attributes:
        item_id: The name of its folder.
        path: Where it was, relative to the data folder.
        who: Who deleted it.
        at: When, in UTC, ISO 8601.
    """

    item_id: str
    path: str
    who: str
    at: str

    @property
    def content(self) -> Path:
        """The file or folder itself."""
        return bin_dir() / self.item_id / _CONTENT


def bin_dir() -> Path:
    """The folder of the bin."""
    return data_dir() / "bin"


def discard(path: Path, lies_at: Path | None = None) -> BinItem:
    """Move a file or folder of the data folder to the bin.

    The caller checks whether the person who acts may do that.

    Args:
        path: Where it would be restored.
        lies_at: Where it is now, if something has taken its place.

    Raises:
        CoinError: It cannot be moved.
    """
    _remove_older(_now() - timedelta(days=KEPT_DAYS))
    now = _now()
    item = BinItem(
        item_id=f"{now:{_STAMP}}-{secrets.token_hex(4)}",
        path=path.absolute().relative_to(data_dir().absolute()).as_posix(),
        who=current_person().name,
        at=now.isoformat(timespec="seconds"),
    )
    folder = item.content.parent
    try:
        folder.mkdir(parents=True)
        write_json(folder / "item.json", asdict(item))
        move(lies_at or path, item.content)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise _cannot_move(path, error) from error
    return item


def list_bin(within: str = ".") -> list[BinItem]:
    """What is in the bin, the newest first."""
    _remove_older(_now() - timedelta(days=KEPT_DAYS))
    return [
        item
        for folder in reversed(_folders())
        if (item := _read_item(folder)) is not None
        and item.content.exists()
        and Path(item.path).is_relative_to(within)
    ]


def _read_item(folder: Path) -> BinItem | None:
    """What a folder of the bin holds; None if its item.json is damaged."""
    raw = {**read_json(folder / "item.json"), "item_id": folder.name}
    try:
        item = BinItem(**raw)
        datetime.fromisoformat(item.at)
    except (TypeError, ValueError):
        return None
    is_text = all(isinstance(value, str) for value in raw.values())
    return item if is_text and "\0" not in item.path else None


def restore(item_id: str) -> Path:
    """Move something back to where it was; returns that path.

    Raises:
        CoinError: It is not in the bin, or something else is in its place.
        NotAllowedError: The person who acts may not restore.
    """
    check(Right.DELETE)
    item = next((one for one in list_bin() if one.item_id == item_id), None)
    if item is None:
        raise CoinError(f"The bin holds no {item_id!r}; it may have been emptied.")
    root = data_dir().resolve()
    path = Path(os.path.normpath(root / item.path))  # a folder in it may be a link
    if root not in path.parents:
        raise CoinError(f"{item.path} is not in the data folder; it is not restored.")
    if path.exists():
        raise CoinError(
            f"{item.path} exists again. Move that away first, then restore this one."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        move(item.content, path)
    except OSError as error:
        raise _cannot_move(item.content, error) from error
    shutil.rmtree(item.content.parent, ignore_errors=True)
    return path


def drop(item: BinItem) -> None:
    """Delete an item whose content is back; the caller checks who may do that."""
    _delete(item.content.parent)


def empty_bin() -> int:
    """Delete for good what the bin holds; returns how many things that were.

    Raises:
        NotAllowedError: The person who acts may not delete.
    """
    check(Right.DELETE)
    count = len(list_bin())
    just_begun = f"{_now() - timedelta(minutes=10):{_STAMP}}"
    for folder in _folders():
        # What is not there yet is being thrown in at this moment.
        if (folder / _CONTENT).exists() or folder.name < just_begun:
            _delete(folder)
    return count


def _remove_older(time: datetime) -> None:
    for folder in _folders():
        if folder.name < f"{time:{_STAMP}}":
            _delete(folder)
    for left in bin_dir().glob(f"{_EMPTIED}*"):  # by a killed process
        shutil.rmtree(left, ignore_errors=True)


def _delete(folder: Path) -> None:
    """Delete an item whole: nobody restores a part of it meanwhile."""
    out_of_reach = folder.with_name(f"{_EMPTIED}{folder.name}")
    try:
        folder.rename(out_of_reach)
    except OSError:  # deleted by another, or in use
        out_of_reach = folder
    shutil.rmtree(out_of_reach, ignore_errors=True)


def _folders() -> list[Path]:
    return sorted(bin_dir().glob("[0-9]*-*"))


def _cannot_move(path: Path, error: OSError) -> CoinError:
    return CoinError(
        f"{path} cannot be moved ({error.strerror or error}). Check its permissions "
        "and the space on its disk."
    )


def _now() -> datetime:
    return datetime.now(UTC)
