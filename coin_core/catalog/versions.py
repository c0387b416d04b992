"""Named data sets that never change: freezing, reading, comparing, finding leaks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, RowMapping, func, insert, select
from sqlalchemy.exc import IntegrityError

from coin_core.catalog._division import (
    RARE_COINS,
    Split,
    check_shares,
    divide,
    join_coins,
    near_pairs,
)
from coin_core.catalog._licences import is_free
from coin_core.catalog._snapshot import SeenPhoto, face_to_read, read_all
from coin_core.catalog._tables import PhotoRow, VersionItemRow, VersionRow
from coin_core.catalog._values import PhotoStatus
from coin_core.catalog._version_values import (
    SAME_PICTURE_BITS,
    Change,
    Comparison,
    Leak,
    Version,
    VersionItem,
    VersionSummary,
    compare,
    digest_of,
    faces_from_json,
    faces_to_json,
    leaks,
)
from coin_core.errors import CatalogError

if TYPE_CHECKING:
    from coin_core.catalog import Catalog

__all__ = [
    "RARE_COINS",
    "Change",
    "Comparison",
    "Leak",
    "Split",
    "Version",
    "VersionItem",
    "VersionSummary",
    "compare",
    "freeze",
    "is_free",
    "leaks",
    "list_versions",
    "load_version",
]

USUAL_SHARES = (0.7, 0.15, 0.15)
_NAME = re.compile(r"[^\W_][\w.-]{0,63}")
_AT_ONCE = 2000
_versions, _items = VersionRow.__table__, VersionItemRow.__table__


def freeze(
    catalog: Catalog,
    name: str,
    *,
    seed: int = 0,
    shares: Sequence[float] = USUAL_SHARES,
    free_only: bool = False,
    with_rendered: bool | None = None,
    who: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Version:
    """Freeze the labelled photos under a name, divided by coin, ruler by ruler.

    Taken are photos with a ruler that are not excluded and show the side with the
    legend. Coins whose photos look the same go into one split, also where nobody has
    grouped them.

    Args:
        catalog: Where the photos are.
        name: Letters, digits, ".", "_" and "-".
        seed: Fixes the division.
        shares: Of training, validation and test.
        free_only: Take only photos under a licence that lets anybody pass them on.
        with_rendered: Take rendered demo coins; if None only where there are no
            photographs to take.
        who: Who does it; kept in the note.
        progress: Called with photos compared and photos in all; nothing is frozen
            where it raises.

    Raises:
        CatalogError: The name is taken or no name, or there is no photo to take.
    """
    if not _NAME.fullmatch(name):
        raise CatalogError(
            "A version is called by 1 to 64 letters, digits, '.', '_' or '-', such as "
            f"'spring-2026'; not {name[:80]!r}."
        )
    divided_by = check_shares(shares)
    with catalog.reading() as connection:
        _refuse_taken(connection, name)
        seen = read_all(connection, progress)
    taken, left_out = choose_labelled(seen, free_only, with_rendered)
    items = _divide(taken, divided_by, seed, progress)
    digest = digest_of(items)
    note = _freeze_note(left_out, divided_by, who)
    row = {
        "name": name,
        "created_at": datetime.now(UTC),
        "seed": seed,
        "free_only": free_only,
        "digest": digest,
        "note": note,
    }
    with catalog.writing() as connection:
        _refuse_taken(connection, name)
        try:
            added = connection.execute(insert(VersionRow).values(row))
        except IntegrityError as error:
            raise _taken(name) from error
        key = (added.inserted_primary_key or (0,))[0]
        rows = [{"version_id": key, **_item_row(item)} for item in items]
        for first in range(0, len(rows), _AT_ONCE):
            connection.execute(insert(VersionItemRow), rows[first : first + _AT_ONCE])
            if progress is not None:
                progress(len(rows), len(rows))
    return load_version(catalog, name)


def list_versions(catalog: Catalog) -> tuple[VersionSummary, ...]:
    """All versions, oldest first."""
    columns = _items.c.version_id, _items.c.label, _items.c.split
    with catalog.reading() as connection:
        found = connection.execute(select(_versions).order_by(_versions.c.id))
        rows = found.mappings().all()
        photos = connection.execute(select(*columns, func.count()).group_by(*columns))
        counted = photos.all()
        coins_of = select(
            _items.c.version_id, func.count(func.distinct(_items.c.coin_id))
        ).group_by(_items.c.version_id)
        coins = {row[0]: int(row[1]) for row in connection.execute(coins_of)}
    summaries = []
    for row in rows:
        splits: Counter[Split] = Counter()
        rulers: Counter[str] = Counter()
        for version_id, label, split, count in counted:
            if version_id == row["id"]:
                splits[Split(split)] += count
                rulers[label] += count
        summaries.append(
            VersionSummary(
                **_head(row),
                photos={split: splits[split] for split in Split},
                coins=coins.get(row["id"], 0),
                rulers=dict(sorted(rulers.items())),
            )
        )
    return tuple(summaries)


def load_version(catalog: Catalog, name: str) -> Version:
    """A version with all its items.

    Raises:
        CatalogError: There is none of that name, or it is not what was frozen.
    """
    photos = PhotoRow.__table__
    with catalog.reading() as connection:
        row = (
            connection.execute(select(_versions).where(_versions.c.name == name))
            .mappings()
            .one_or_none()
        )
        if row is None:
            names = connection.scalars(select(_versions.c.name).order_by("name"))
            raise _unknown(name, list(names))
        found = connection.execute(
            select(_items, photos.c.coin_id.label("coin_now"), photos.c.phash)
            .join_from(_items, photos, _items.c.photo_id == photos.c.id, isouter=True)
            .where(_items.c.version_id == row["id"])
        ).mappings()
        items = sorted(map(_item, found), key=lambda item: item.sha256)
    version = Version(**_head(row), items=tuple(items))
    if digest_of(version.items) != version.digest:
        raise CatalogError(
            f"The version {name} is not what was frozen (its digest differs): somebody "
            "has changed the database by other means. Freeze a new one."
        )
    return version


def choose_labelled(
    seen: Iterable[SeenPhoto], free_only: bool, with_rendered: bool | None
) -> tuple[list[tuple[SeenPhoto, int | None]], Counter[str]]:
    """Photos to take with the face to read, and why others are left out."""
    left_out: Counter[str] = Counter()
    taken: list[tuple[SeenPhoto, int | None]] = []
    for one in seen:
        read = face_to_read(one.faces, one.photo.ruler)
        if one.photo.status is PhotoStatus.EXCLUDED:
            left_out["excluded"] += 1
        elif one.photo.ruler is None:
            left_out["without a ruler"] += 1
        elif free_only and not is_free(one.photo.licence):
            left_out["not freely licensed"] += 1
        elif one.faces and read is None:
            left_out["without the legend side"] += 1
        else:
            taken.append((one, read))
    real = [pair for pair in taken if not pair[0].photo.is_rendered]
    rendered = len(taken) - len(real)
    if with_rendered is False or (with_rendered is None and real):
        taken = real
        if rendered:
            left_out["rendered"] += rendered
    if not taken:
        raise CatalogError(_nothing(left_out))
    return taken, left_out


def _nothing(left_out: Counter[str]) -> str:
    why = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
    return (
        "There is no photo to freeze"
        + (f": {why}. " if why else ", the catalog is empty. ")
        + "Bring photos in and give them a ruler first."
    )


def _divide(
    taken: Sequence[tuple[SeenPhoto, int | None]],
    shares: tuple[float, float, float],
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[VersionItem]:
    group = group_alike(taken, progress)
    # A group is known by its first photo, whatever numbers the database gave.
    key: dict[int, str] = {}
    rulers: dict[str, str] = {}
    for one, _ in taken:
        known = key.setdefault(group[one.photo.coin_id], one.photo.sha256)
        rulers.setdefault(known, str(one.photo.ruler))
    splits = divide(rulers, shares=shares, seed=seed)
    items = [
        as_item(one, read, splits[key[group[one.photo.coin_id]]]) for one, read in taken
    ]
    return sorted(items, key=lambda item: item.sha256)


def group_alike(
    taken: Sequence[tuple[SeenPhoto, int | None]],
    progress: Callable[[int, int], None] | None = None,
) -> dict[int, int]:
    """The group of each coin: coins whose photos look the same share one."""
    coins = [one.photo.coin_id for one, _ in taken]
    hashes = [one.photo.phash for one, _ in taken]
    alike = near_pairs(hashes, SAME_PICTURE_BITS, progress)
    return join_coins(coins, ((coins[a], coins[b]) for a, b, _ in alike))


def as_item(one: SeenPhoto, read: int | None, split: Split) -> VersionItem:
    """A photo as it stands, as an item of a version."""
    return VersionItem(
        photo_id=one.photo.photo_id,
        coin_id=one.photo.coin_id,
        sha256=one.photo.sha256,
        label=str(one.photo.ruler),
        split=split,
        faces=one.faces,
        read=read,
        coin_now=one.photo.coin_id,
        phash=one.photo.phash,
    )


def _freeze_note(left_out: Counter[str], shares: Sequence[float], who: str) -> str:
    parts = [f"Shares {' / '.join(f'{share:g}' for share in shares)}."]
    if who:
        parts.insert(0, f"Frozen by {who}.")
    if left_out:
        why = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
        parts.append(f"Left out: {why}.")
    return " ".join(parts)


def _item_row(item: VersionItem) -> dict[str, object]:
    return {
        "photo_id": item.photo_id,
        "coin_id": item.coin_id,
        "sha256": item.sha256,
        "label": item.label,
        "split": str(item.split),
        "face": faces_to_json(item.faces, item.read),
    }


def _item(row: RowMapping) -> VersionItem:
    faces, read = faces_from_json(row["face"])
    return VersionItem(
        photo_id=row["photo_id"],
        coin_id=row["coin_id"],
        sha256=row["sha256"],
        label=row["label"],
        split=Split(row["split"]),
        faces=faces,
        read=read,
        coin_now=row["coin_now"],
        phash=row["phash"] or "",
    )


def _head(row: RowMapping) -> dict[str, Any]:
    names = ("name", "created_at", "seed", "free_only", "digest", "note")
    return {name: row[name] for name in names}


def _refuse_taken(connection: Connection, name: str) -> None:
    if connection.scalar(select(_versions.c.id).where(_versions.c.name == name)):
        raise _taken(name)


def _taken(name: str) -> CatalogError:
    return CatalogError(
        f"There is a version {name} already, and versions never change. Choose another "
        "name."
    )


def _unknown(name: str, names: list[str]) -> CatalogError:
    known = ", ".join(names) or "none is frozen yet"
    return CatalogError(
        f"There is no version {name!r} of the catalog; known: {known}. Freeze one: "
        "python -m coin_core dataset freeze NAME"
    )
