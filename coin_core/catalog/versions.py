"""Frozen versions of the dataset: freeze, load, compare, and find leaks.

A version keeps photos, labels, coins, faces and splits as they were. Coins, not photos,
are divided among training, validation and test.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select
from sqlalchemy.exc import IntegrityError

from coin_core.access import Right, check
from coin_core.catalog.licences import is_free
from coin_core.catalog.mappers import (
    FACES,
    chunks,
    face_from_json,
    face_to_json,
    insert_row,
    photo_from,
    photos_with_ruler,
    read_coins,
    record_from,
)
from coin_core.catalog.records import (
    CatalogFace,
    CatalogPhoto,
    Coin,
    PhotoStatus,
)
from coin_core.catalog.repository import Catalog
from coin_core.catalog.schema import (
    PhotoRow,
    VersionItemRow,
    VersionRow,
)
from coin_core.catalog.similarity import (
    HASH_BITS,
    SAME_PICTURE,
    HashIndex,
    ThumbnailCache,
    compare_thumbnails,
    near_pairs,
)
from coin_core.catalog.splits import (
    Split,
    check_fractions,
    join_coins,
    rare_rulers,
    split_coins,
)
from coin_core.errors import CatalogError
from coin_core.i18n import _, ngettext
from coin_core.jobs import ProgressCallback
from coin_core.results import Side, class_title
from coin_core.rulers import DEFAULT_CLASSES
from coin_core.storage import dump_json

DEFAULT_FRACTIONS = (0.7, 0.15, 0.15)

# Perceptual hashes of 256 bits that differ in no more bits belong to one picture,
# saved again or scaled. Different coins of one design differ in about a hundred.
_COPY_BITS = 48
_MAX_CANDIDATES = 5
_PROGRESS_EVERY = 1000
_ROWS_PER_INSERT = 2000
_NAME = re.compile(r"[^\W_][\w.-]{0,63}")
_versions, _items = VersionRow.__table__, VersionItemRow.__table__


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionItem:
    """A photo as it was when the version was frozen.

    Attributes:
        photo_id: None if the photo has been removed since.
        coin_id: The coin it showed then.
        sha256: Of the photo's file.
        label: The ruler of its coin then.
        split: What it is for.
        faces: Its faces then, in their order.
        face_index: The face to learn from; None for the whole photo.
        current_coin_id: The coin it shows now; None if the photo has been removed.
        phash: Perceptual hash; "" if there is none.
    """

    photo_id: int | None
    coin_id: int
    sha256: str
    label: str
    split: Split
    faces: tuple[CatalogFace, ...] = ()
    face_index: int | None = None
    current_coin_id: int | None = None
    phash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionInfo:
    """Name and origin of a version.

    Attributes:
        name: As in `--data catalog:NAME`.
        seed: Of the random splits.
        free_only: Whether only freely licensed photos were taken.
        digest: sha256 over photos, labels, coins, faces and splits.
        note: Who froze it, and what was left out.
    """

    name: str
    created_at: datetime
    seed: int
    free_only: bool
    digest: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionSummary(VersionInfo):
    """A version in a list: its photos per split, its coins, its photos per ruler."""

    photos: Mapping[Split, int]
    coins: int
    rulers: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version(VersionInfo):
    """A frozen dataset: one name always gives the same photos, labels and crops.

    Attributes:
        items: In the order of their sha256.
    """

    items: tuple[VersionItem, ...]

    @property
    def rulers(self) -> Mapping[str, int]:
        """Photos per ruler."""
        return dict(sorted(Counter(item.label for item in self.items).items()))

    @property
    def counts(self) -> Mapping[str, Mapping[Split, int]]:
        """Photos per ruler and split."""
        counts = Counter((item.label, item.split) for item in self.items)
        return {
            ruler: {split: counts[ruler, split] for split in Split}
            for ruler in self.rulers
        }

    @property
    def coins(self) -> Mapping[str, int]:
        """Coins per ruler."""
        pairs = {(item.label, item.coin_id) for item in self.items}
        return dict(sorted(Counter(label for label, _ in pairs).items()))

    @property
    def rare(self) -> Mapping[str, int]:
        """Rulers with too few coins for reliable figures, and their coins."""
        return rare_rulers({str(item.coin_id): item.label for item in self.items})

    @property
    def warnings(self) -> tuple[str, ...]:
        """A sentence for each thing to know before training on this version."""
        warnings = [
            ngettext(
                "{ruler} has only {count} coin; what is measured on it will be "
                "uncertain.",
                "{ruler} has only {count} coins; what is measured on it will be "
                "uncertain.",
                count,
            ).format(ruler=class_title(ruler), count=count)
            for ruler, count in self.rare.items()
        ]
        used = {item.split for item in self.items}
        for ruler, counts in self.counts.items():
            empty = [
                str(split) for split in Split if split in used and not counts[split]
            ]
            if empty:
                warnings.append(
                    _("{ruler} has no coin for {splits}.").format(
                        ruler=class_title(ruler),
                        splits=", ".join(map(_, empty)),
                    )
                )
        return tuple(warnings)

    def summary(self) -> VersionSummary:
        """The version without its items."""
        splits = Counter(item.split for item in self.items)
        return VersionSummary(
            **{f.name: getattr(self, f.name) for f in fields(VersionInfo)},
            photos={split: splits[split] for split in Split},
            coins=len({item.coin_id for item in self.items}),
            rulers=self.rulers,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A value of a photo in the first and in the second version."""

    sha256: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How the second of two versions differs from the first.

    Attributes:
        added: sha256 of photos in the second only.
        removed: sha256 of photos in the first only.
        relabelled: Photos with another ruler.
        moved: Photos with another split.
        recropped: sha256 of photos with other faces.
        regrouped: sha256 of photos whose coin is shown by other photos, of those that
            are in both.
        same: How many photos did not change.
        contaminated: sha256 of test photos of the second version whose coin, as it
            is grouped then or now, is in training or validation of the first. Do not
            measure a model of the first
            version on them.
    """

    first: str
    second: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    relabelled: tuple[Change, ...]
    moved: tuple[Change, ...]
    recropped: tuple[str, ...]
    regrouped: tuple[str, ...]
    same: int
    contaminated: tuple[str, ...]

    @property
    def identical(self) -> bool:
        """Whether nothing differs."""
        return not any(
            (
                *(self.added, self.removed, self.relabelled),
                *(self.moved, self.recropped, self.regrouped),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """Two photos in different splits that show one coin.

    Attributes:
        first: The photo in the split nearer to training.
        second: The other photo.
        why: "same_coin", "same_coin_now" (grouped after freezing), or
            "same_picture".
        bits: Bits in which the perceptual hashes differ, for "same_picture".
    """

    first: VersionItem
    second: VersionItem
    why: str
    bits: int | None = None


def compare_versions(first: Version, second: Version) -> Comparison:
    """Compare two versions photo by photo."""
    before = {item.sha256: item for item in first.items}
    after = {item.sha256: item for item in second.items}
    both = [(before[key], after[key]) for key in sorted(before.keys() & after.keys())]
    relabelled = _changes(both, "label")
    moved = _changes(both, "split")
    recropped = tuple(
        old.sha256
        for old, new in both
        if (old.faces, old.face_index) != (new.faces, new.face_index)
    )
    mates_before = _coin_mates(old for old, _ in both)
    mates_after = _coin_mates(new for _, new in both)
    regrouped = tuple(k for k in mates_before if mates_before[k] != mates_after[k])
    changed = {change.sha256 for change in (*relabelled, *moved)}
    changed |= {*recropped, *regrouped}
    used = {item.sha256 for item in first.items if item.split is not Split.TEST}
    # Coins that were grouped between the versions, or since, are one coin.
    used_coins = {
        coin_id
        for item in (*first.items, *second.items)
        if item.sha256 in used
        for coin_id in (item.coin_id, item.current_coin_id)
    } - {None}
    return Comparison(
        first=first.name,
        second=second.name,
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        relabelled=relabelled,
        moved=moved,
        recropped=recropped,
        regrouped=regrouped,
        same=len(both) - len(changed),
        contaminated=tuple(
            item.sha256
            for item in second.items
            if item.split is Split.TEST
            and (
                item.sha256 in used
                or not used_coins.isdisjoint((item.coin_id, item.current_coin_id))
            )
        ),
    )


def _coin_mates(items: Iterable[VersionItem]) -> dict[str, set[str]]:
    """sha256 of each photo to those of all photos of its coin.

    Ids of coins change when photos are grouped and parted again.
    """
    photos: dict[int, set[str]] = defaultdict(set)
    coins = {item.sha256: item.coin_id for item in items}
    for sha256, coin_id in coins.items():
        photos[coin_id].add(sha256)
    return {sha256: photos[coin_id] for sha256, coin_id in coins.items()}


def _changes(
    both: Iterable[tuple[VersionItem, VersionItem]], field: str
) -> tuple[Change, ...]:
    return tuple(
        Change(
            sha256=old.sha256,
            before=str(getattr(old, field)),
            after=str(getattr(new, field)),
        )
        for old, new in both
        if getattr(old, field) != getattr(new, field)
    )


def find_leaks(
    version: Version, progress: ProgressCallback | None = None
) -> tuple[Leak, ...]:
    """Pairs of photos in different splits that show one coin.

    Freezing leaves none that is known at that time. Coins that are grouped later, or
    one coin recorded as two by mistake, show up here.

    Returns:
        One pair for each coin or picture and split, nearest to training first.
    """
    leaks: dict[tuple[str, str], Leak] = {}

    def add(pair: Sequence[VersionItem], why: str, bits: int | None = None) -> None:
        first, second = sorted(pair, key=_nearest_to_training)
        leak = Leak(first=first, second=second, why=why, bits=bits)
        leaks.setdefault((first.sha256, second.sha256), leak)

    for why, coin_ids in (
        ("same_coin", [item.coin_id for item in version.items]),
        ("same_coin_now", [item.current_coin_id for item in version.items]),
    ):
        by_coin: dict[int, dict[Split, VersionItem]] = defaultdict(dict)
        for item, coin_id in zip(version.items, coin_ids, strict=True):
            if coin_id is not None:
                by_coin[coin_id].setdefault(item.split, item)
        for by_split in by_coin.values():
            first, *others = sorted(by_split.values(), key=_nearest_to_training)
            for other in others:
                add((first, other), why)
    hashes = [item.phash for item in version.items]
    for row, other_row, bits in near_pairs(hashes, _COPY_BITS, progress):
        pair = version.items[row], version.items[other_row]
        if pair[0].split is not pair[1].split:
            add(pair, "same_picture", bits)
    return tuple(leaks.values())


def find_visual_leaks(
    catalog: Catalog, version: Version, progress: ProgressCallback | None = None
) -> tuple[Leak, ...]:
    """Pairs of photos in different splits that show the same picture.

    Compares pixels, and so finds copies that the hashes alone do not show, such as a
    cropped copy recorded as another coin. Each photo is compared with the few photos
    of other splits whose hashes are nearest. Another photo of the same coin, in other
    light, is not recognised.
    """
    items = [i for i in version.items if i.photo_id and len(i.phash) == HASH_BITS // 4]
    ids = [item.photo_id or 0 for item in items]
    photos = {photo.photo_id: photo for photo in catalog.photos.get_many(ids)}
    thumbnails = ThumbnailCache(catalog.photos)
    leaks: dict[tuple[str, str], Leak] = {}
    for done, (item, candidates) in enumerate(_nearest_items(items), 1):
        for other, bits in candidates:
            first, second = sorted((item, other), key=_nearest_to_training)
            key = (first.sha256, second.sha256)
            if key in leaks or first.current_coin_id == second.current_coin_id:
                continue
            pair = [thumbnails.get(photos[i.photo_id or 0]) for i in (item, other)]
            if pair[0] is None or pair[1] is None:
                continue
            if compare_thumbnails(pair[0], pair[1]) >= SAME_PICTURE:
                leak = Leak(first=first, second=second, why="same_picture", bits=bits)
                leaks[key] = leak
        if progress is not None:
            progress(done, len(items))
    return tuple(leaks.values())


def _nearest_items(
    items: list[VersionItem],
) -> Iterator[tuple[VersionItem, list[tuple[VersionItem, int]]]]:
    """Each photo with those of other splits whose hashes are nearest, and the bits."""
    indexes = {split: HashIndex() for split in Split}
    for row, item in enumerate(items):
        indexes[item.split].add(row, item.phash)
    for item in items:
        near = [
            (bits, row)
            for split, index in indexes.items()
            if split is not item.split
            for row, bits in index.nearest(item.phash, limit=_MAX_CANDIDATES)
        ]
        nearest = sorted(near)[:_MAX_CANDIDATES]
        yield item, [(items[row], bits) for bits, row in nearest]


def _nearest_to_training(item: VersionItem) -> tuple[int, str]:
    """A sort key: training first, test last."""
    return tuple(Split).index(item.split), item.sha256


def digest_of(items: Iterable[VersionItem]) -> str:
    """The sha256 of what a version holds, independent of ids in the database.

    A coin is named by its first photo, so two databases with the same photos, labels,
    crops and splits agree.
    """
    ordered = sorted(items, key=lambda item: item.sha256)
    names: dict[int, str] = {}
    for item in ordered:
        names.setdefault(item.coin_id, item.sha256)
    lines = [
        dump_json(
            [
                item.sha256,
                names[item.coin_id],
                item.label,
                str(item.split),
                _faces_to_json(item),
            ],
            sort_keys=True,
            ensure_ascii=True,
        )
        for item in ordered
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _faces_to_json(item: VersionItem) -> dict[str, Any]:
    return {"read": item.face_index, "all": [face_to_json(face) for face in item.faces]}


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoDetails:
    """A photo with its coin and its faces in their order."""

    photo: CatalogPhoto
    coin: Coin
    faces: tuple[CatalogFace, ...]


def load_photos(
    connection: Connection, progress: ProgressCallback | None = None
) -> list[PhotoDetails]:
    """Every photo of the catalog, in the order they were added.

    Args:
        connection: To the database.
        progress: Called now and then with 0 and 0; it may raise to stop.
    """
    coins, faces = read_coins(connection), FACES.read(connection)
    rows = connection.execute(photos_with_ruler().order_by(PhotoRow.id))
    details: list[PhotoDetails] = []
    for photo in map(photo_from, rows):
        if progress is not None and len(details) % _PROGRESS_EVERY == 0:
            progress(0, 0)
        details.append(
            PhotoDetails(
                photo=photo,
                coin=coins[photo.coin_id],
                faces=tuple(map(face_from_json, faces[photo.photo_id])),
            )
        )
    return details


def find_legend_face(faces: Sequence[CatalogFace], ruler: str | None) -> int | None:
    """The index of the face that names the ruler: the first with the legend.

    A single face of unknown side counts as the legend side. For rulers other than the
    default classes, whose sides the program does not know, it is the first face.

    Returns:
        The index, or None if no face is suitable, as on a photo without faces.
    """
    for index, face in enumerate(faces):
        if face.side is Side.LEGEND:
            return index
    if ruler is not None and ruler not in DEFAULT_CLASSES:
        return 0 if faces else None
    return 0 if len(faces) == 1 and faces[0].side is None else None


def freeze(
    catalog: Catalog,
    name: str,
    *,
    seed: int = 0,
    fractions: Sequence[float] = DEFAULT_FRACTIONS,
    free_only: bool = False,
    with_rendered: bool | None = None,
    who: str = "",
    progress: ProgressCallback | None = None,
) -> Version:
    """Freeze the labelled photos as a version, split by coin within each ruler.

    A version holds the photos with a ruler that are not excluded and show the legend
    side. Coins whose photos are copies of one picture go into one split, even if
    nobody has grouped them.

    Args:
        catalog: The catalog with the photos.
        name: Letters, digits, ".", "_" and "-".
        seed: Of the random splits.
        fractions: Of training, validation and test; they sum to 1.
        free_only: Take only photos with a free licence.
        with_rendered: Take rendered demo coins; None takes them only if there are no
            photographs.
        who: The user; kept in the note.
        progress: Called with photos compared and photos in all. Nothing is frozen if
            it raises.

    Raises:
        CatalogError: The name is taken or invalid, or no photo is suitable.
    """
    check(Right.FREEZE)
    check_new_name(catalog, name)
    checked = check_fractions(fractions)
    with catalog.database.reading() as connection:
        photos = load_photos(connection, progress)
    chosen, left_out = _choose_labelled(photos, free_only, with_rendered)
    groups = _group_copies(chosen, progress)
    # A group is named by its first photo, independent of ids in the database.
    names: dict[int, str] = {}
    rulers: dict[str, str] = {}
    for details in chosen:
        photo = details.photo
        group = names.setdefault(groups[photo.coin_id], photo.sha256)
        rulers.setdefault(group, str(photo.ruler))
    splits = split_coins(rulers, fractions=checked, seed=seed)
    items = [_to_item(d, splits[names[groups[d.photo.coin_id]]]) for d in chosen]
    row = {
        "name": name,
        "created_at": datetime.now(UTC),
        "seed": seed,
        "free_only": free_only,
        "digest": digest_of(items),
        "note": _freeze_note(left_out, checked, who),
    }
    with catalog.database.writing(Right.FREEZE) as connection:
        _refuse_taken(connection, name)
        try:
            version_id = insert_row(connection, VersionRow, row)
        except IntegrityError as error:
            raise _taken(name) from error
        items.sort(key=lambda item: item.sha256)
        # Demo coins may have been removed since they were read.
        left = set(connection.scalars(select(PhotoRow.id)))
        rows = [
            {"version_id": version_id, **_item_row(item)}
            | ({} if item.photo_id in left else {"photo_id": None})
            for item in items
        ]
        for part in chunks(rows, _ROWS_PER_INSERT):
            connection.execute(insert(VersionItemRow), part)
            if progress is not None:
                progress(len(rows), len(rows))
    return load_version(catalog, name)


def check_new_name(catalog: Catalog, name: str) -> None:
    """Refuse a name that no new version can have.

    Raises:
        CatalogError: The name is taken or invalid.
    """
    if not _NAME.fullmatch(name):
        raise CatalogError(
            "Enter a name of 1 to 64 letters, digits, '.', '_' or '-', such as "
            f"'spring-2026'; not {name[:80]!r}."
        )
    with catalog.database.reading() as connection:
        _refuse_taken(connection, name)


def snapshot(catalog: Catalog) -> tuple[tuple[VersionItem, ...], tuple[int, ...]]:
    """The labelled photos as they are now, without freezing them.

    Returns:
        Items, all in the training split, in the order they were added, and the group
        of each: coins whose photos are copies of one picture share a group.

    Raises:
        CatalogError: No photo is suitable.
    """
    with catalog.database.reading() as connection:
        photos = load_photos(connection)
    chosen, _ = _choose_labelled(photos, free_only=False, with_rendered=None)
    groups = _group_copies(chosen)
    return (
        tuple(_to_item(details, Split.TRAIN) for details in chosen),
        tuple(groups[details.photo.coin_id] for details in chosen),
    )


def labelled_coins(catalog: Catalog) -> dict[str, int]:
    """Coins of each ruler that `snapshot` would take, by class key."""
    with catalog.database.reading() as connection:
        photos = load_photos(connection)
    try:
        chosen, _ = _choose_labelled(photos, free_only=False, with_rendered=None)
    except CatalogError:
        return {}
    pairs = {(str(d.photo.ruler), d.photo.coin_id) for d in chosen}
    return dict(sorted(Counter(ruler for ruler, _ in pairs).items()))


def list_versions(catalog: Catalog) -> tuple[VersionSummary, ...]:
    """Summaries of all versions, oldest first."""
    columns = _items.c.version_id, _items.c.label, _items.c.split
    with catalog.database.reading() as connection:
        versions = connection.execute(select(_versions).order_by(_versions.c.id))
        rows = versions.all()
        counted = connection.execute(
            select(*columns, func.count()).group_by(*columns)
        ).all()
        coins_of = select(
            _items.c.version_id, func.count(func.distinct(_items.c.coin_id))
        ).group_by(_items.c.version_id)
        coins = {row[0]: int(row[1]) for row in connection.execute(coins_of)}
    summaries = []
    for row in rows:
        splits: Counter[Split] = Counter()
        rulers: Counter[str] = Counter()
        for version_id, label, split, count in counted:
            if version_id == row.id:
                splits[Split(split)] += count
                rulers[label] += count
        summaries.append(
            record_from(
                VersionSummary,
                row,
                photos={split: splits[split] for split in Split},
                coins=coins.get(row.id, 0),
                rulers=dict(sorted(rulers.items())),
            )
        )
    return tuple(summaries)


def load_version(catalog: Catalog, name: str) -> Version:
    """A version with all its items.

    Raises:
        CatalogError: There is no version of that name, or somebody changed it.
    """
    photos = PhotoRow.__table__
    with catalog.database.reading() as connection:
        row = connection.execute(
            select(_versions).where(_versions.c.name == name)
        ).one_or_none()
        if row is None:
            names = connection.scalars(select(_versions.c.name).order_by("name"))
            raise _unknown(name, list(names))
        item_rows = connection.execute(
            select(_items, photos.c.coin_id.label("current_coin_id"), photos.c.phash)
            .join_from(_items, photos, _items.c.photo_id == photos.c.id, isouter=True)
            .where(_items.c.version_id == row.id)
        )
        items = sorted(map(_item, item_rows), key=lambda item: item.sha256)
    version = record_from(Version, row, items=tuple(items))
    if digest_of(version.items) != version.digest:
        raise CatalogError(
            f"The version {name} is not what was frozen (its digest differs): somebody "
            "has changed the database by other means. Freeze a new one."
        )
    return version


def _choose_labelled(
    photos: Iterable[PhotoDetails], free_only: bool, with_rendered: bool | None
) -> tuple[list[PhotoDetails], Counter[str]]:
    """The photos to learn from, and how many others are left out for which reason.

    Raises:
        CatalogError: No photo is suitable.
    """
    left_out: Counter[str] = Counter()
    chosen: list[PhotoDetails] = []
    for details in photos:
        photo = details.photo
        if photo.status is PhotoStatus.EXCLUDED:
            left_out["excluded"] += 1
        elif photo.ruler is None:
            left_out["without a ruler"] += 1
        elif free_only and not is_free(photo.licence):
            left_out["not freely licensed"] += 1
        elif details.faces and find_legend_face(details.faces, photo.ruler) is None:
            left_out["without the legend side"] += 1
        else:
            chosen.append(details)
    real = [details for details in chosen if not details.photo.is_rendered]
    rendered = len(chosen) - len(real)
    if with_rendered is False or (with_rendered is None and real):
        chosen = real
        if rendered:
            left_out["rendered demo coins"] += rendered
    if not chosen:
        reasons = _list_reasons(left_out)
        raise CatalogError(
            "There is no photo to freeze"
            + (f": {reasons}. " if reasons else ", the catalog is empty. ")
            + "Import photos and give them a ruler first."
        )
    return chosen, left_out


def _group_copies(
    photos: Sequence[PhotoDetails], progress: ProgressCallback | None = None
) -> dict[int, int]:
    """The group of each coin: coins with copies of one picture share a group."""
    coins = [details.photo.coin_id for details in photos]
    hashes = [details.photo.phash for details in photos]
    copies = near_pairs(hashes, _COPY_BITS, progress)
    return join_coins(coins, ((coins[a], coins[b]) for a, b, _ in copies))


def _to_item(details: PhotoDetails, split: Split) -> VersionItem:
    photo = details.photo
    return VersionItem(
        photo_id=photo.photo_id,
        coin_id=photo.coin_id,
        sha256=photo.sha256,
        label=str(photo.ruler),
        split=split,
        faces=details.faces,
        face_index=find_legend_face(details.faces, photo.ruler),
        current_coin_id=photo.coin_id,
        phash=photo.phash,
    )


def _list_reasons(left_out: Counter[str]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in left_out.items())


def _freeze_note(left_out: Counter[str], fractions: Sequence[float], who: str) -> str:
    parts = [f"Shares {' / '.join(f'{fraction:g}' for fraction in fractions)}."]
    if who:
        parts.insert(0, f"Frozen by {who}.")
    if left_out:
        parts.append(f"Left out: {_list_reasons(left_out)}.")
    return " ".join(parts)


def _item_row(item: VersionItem) -> dict[str, object]:
    return {
        "photo_id": item.photo_id,
        "coin_id": item.coin_id,
        "sha256": item.sha256,
        "label": item.label,
        "split": str(item.split),
        "face": _faces_to_json(item),
    }


def _item(row: Row[Any]) -> VersionItem:
    stored = row.face or {"all": (), "read": None}
    try:
        faces = tuple(face_from_json(face) for face in stored["all"])
        index = stored["read"]
        if index is not None:
            faces[index]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise CatalogError(
            f"A version is damaged: photo {row.sha256[:12]} has faces that cannot be "
            "read. `python -m coin_core dataset restore` brings back the last copy."
        ) from error
    return record_from(
        VersionItem,
        row,
        split=Split(row.split),
        faces=faces,
        face_index=index,
        phash=row.phash or "",
    )


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
