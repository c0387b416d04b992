"""Rendered photos that were removed: the bin holds them with all that people gave them.

An item is a folder of the original files beside `photos.json`: each photo's facts,
coin, faces, label, reviews and predictions. Restoring adds them again, with new ids.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, insert, update

from coin_core import recycle_bin
from coin_core.access import Right, check, current_person
from coin_core.catalog.mappers import face_from_json, face_to_json
from coin_core.catalog.predictions import write_predictions
from coin_core.catalog.records import (
    CoinFacts,
    CoinReference,
    PhotoFacts,
    PhotoRecord,
    Prediction,
    PredictionKind,
)
from coin_core.catalog.repository import Catalog
from coin_core.catalog.schema import PhotoRow, ReviewRow
from coin_core.errors import CatalogError, CoinError, explain_disk_error
from coin_core.jobs import ProgressCallback
from coin_core.storage import data_dir, read_json, write_file, write_json

FOLDER: Final = "removed-photos"
"""Where in the data folder the items of the bin would lie."""

_ROWS = "photos.json"
_KEEP_UNFINISHED_S = 24 * 3600.0  # a removal may be at work on it


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedPhotos:
    """Photos in the bin: the name of the item, since when, by whom, how many."""

    item_id: str
    at: str
    who: str
    count: int


def discard_photos(
    catalog: Catalog,
    photo_ids: Sequence[int],
    *,
    who: str,
    progress: ProgressCallback = lambda done, total: None,
) -> int:
    """Move rendered photos to the bin; returns how many.

    Args:
        catalog: The catalog.
        photo_ids: The photos; photographs are refused.
        who: The user who removes them.
        progress: Called with photos done and photos in all; if it raises, nothing is
            removed.

    Raises:
        CatalogError: One of them is a photograph, or the files cannot be kept.
    """
    check(Right.DELETE)
    folder = data_dir() / FOLDER / f".{uuid4().hex}"
    try:
        folder.mkdir(parents=True)
        _delete_unfinished(folder.parent)
        rows = []
        for done, photo in enumerate(catalog.photos.get_many(photo_ids), 1):
            path = catalog.photos.path(photo)
            if path.is_file():
                write_file(folder / path.name, path.read_bytes())
                rows.append(_to_json(catalog, photo.photo_id))
            progress(done, len(photo_ids))
        write_json(folder / _ROWS, {"photos": rows})
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S%f")
        item = recycle_bin.discard(data_dir() / FOLDER / stamp, folder)
    except OSError as error:
        raise CatalogError(
            f"The photos could not be moved to the bin ({explain_disk_error(error)}). "
            "Nothing was removed."
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    try:
        return catalog.photos.remove(photo_ids, who=who)
    except CoinError:
        recycle_bin.drop(item)
        raise


def _delete_unfinished(parent: Path) -> None:
    """Delete what killed removals left; their photos are still in the catalog."""
    for folder in parent.glob(".*"):
        with suppress(FileNotFoundError):
            if time.time() - folder.stat().st_mtime > _KEEP_UNFINISHED_S:
                shutil.rmtree(folder, ignore_errors=True)


def list_removed() -> tuple[RemovedPhotos, ...]:
    """The removed photos in the bin, the newest first."""
    return tuple(
        RemovedPhotos(
            item_id=item.item_id,
            at=item.at,
            who=item.who,
            count=len(_read_rows(item) or ()),
        )
        for item in recycle_bin.list_bin(FOLDER)
    )


def _read_rows(item: recycle_bin.BinItem) -> list[Any] | None:
    """The photos of an item; None if their file is damaged."""
    rows = read_json(item.content / _ROWS).get("photos")
    return rows if isinstance(rows, list) else None


def restore_photos(
    catalog: Catalog,
    item_id: str,
    *,
    progress: ProgressCallback = lambda done, total: None,
) -> int:
    """Add removed photos again, and take them out of the bin; returns how many.

    Photos that are in the dataset by now stay as they are. Each comes back with all
    that belongs to it, or not at all: interrupted, even by a kill, it can be called
    again.

    Raises:
        CatalogError: The bin does not hold them, or they are damaged.
    """
    check(Right.DELETE)
    items = recycle_bin.list_bin(FOLDER)
    item = next((one for one in items if one.item_id == item_id), None)
    if item is None:
        raise CatalogError(
            f"The bin holds no {item_id!r}; it may have been emptied or restored."
        )
    rows = _read_rows(item)
    if rows is None:
        raise CatalogError(f"{item.content / _ROWS} is damaged, and is not restored.")
    coins: dict[int, int] = {}
    who = current_person().name or "restored"
    for done, row in enumerate(rows, 1):
        try:
            data = (item.content / row["file"]).read_bytes()
            _add(catalog, row, data, coins, who)
        except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, CoinError):
                raise
            raise CatalogError(
                f"Photo {done} of {len(rows)} in {item.content} is damaged, and is not "
                "restored. Photos before it are."
            ) from error
        progress(done, len(rows))
    recycle_bin.drop(item)
    return len(rows)


def _to_json(catalog: Catalog, photo_id: int) -> dict[str, Any]:
    photo = catalog.photos.get(photo_id)
    coin = asdict(catalog.photos.coin(photo.coin_id))
    facts = {f.name: getattr(photo, f.name) for f in fields(PhotoFacts)}
    return {
        "file": catalog.photos.path(photo).name,
        "coin_id": coin.pop("coin_id"),
        "coin": coin,
        "photo": {name: _plain(value) for name, value in facts.items()},
        "faces": [face_to_json(face) for face in catalog.photos.faces(photo_id)],
        "status": str(photo.status),
        "exclude_reason": photo.exclude_reason and str(photo.exclude_reason),
        "suspicion": photo.suspicion,
        "reviews": [
            {"reviewer": one.reviewer, "ruler": one.ruler, "at": one.at.isoformat()}
            for one in catalog.reviews.of_photo(photo_id)
        ],
        "predictions": [
            {name: _plain(value) for name, value in asdict(one).items()}
            for one in catalog.predictions.of_photo(photo_id)
        ],
    }


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _add(
    catalog: Catalog, row: dict[str, Any], data: bytes, coins: dict[int, int], who: str
) -> None:
    facts = dict(row["coin"])
    references = tuple(CoinReference(**one) for one in facts.pop("references"))
    photo = dict(row["photo"])
    photo["retrieved_at"] = _time(photo["retrieved_at"])
    added = catalog.photos.add(
        data,
        PhotoRecord(**photo, coin=CoinFacts(**facts, references=references)),
        [face_from_json(face) for face in row["faces"]],
        coin_id=coins.get(row["coin_id"]),
        who=who,
        complete=lambda connection, photo_id: _complete(connection, photo_id, row),
    )
    coins.setdefault(row["coin_id"], added.coin_id)


def _complete(connection: Connection, photo_id: int, row: dict[str, Any]) -> None:
    """Write what people and classifiers said of a photo before it was removed."""
    reviews = [
        {
            "photo_id": photo_id,
            "reviewer": one["reviewer"],
            "ruler": one["ruler"],
            "at": _time(one["at"]),
            "withdrawn": False,
        }
        for one in row["reviews"]
    ]
    if reviews:
        connection.execute(insert(ReviewRow), reviews)
    state = {name: row[name] for name in ("status", "exclude_reason", "suspicion")}
    connection.execute(update(PhotoRow).where(PhotoRow.id == photo_id).values(**state))
    predictions = []
    for one in row["predictions"]:
        values = {**one, "photo_id": photo_id, "at": _time(one["at"])}
        values["kind"] = PredictionKind(values["kind"])
        predictions.append(Prediction(**values))
    write_predictions(connection, predictions)
