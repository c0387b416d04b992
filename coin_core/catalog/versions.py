"""Frozen data sets as plain values, how two of them differ, and what leaks."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, RowMapping, func, insert, select
from sqlalchemy.exc import IntegrityError

from coin_core.catalog.licences import is_free
from coin_core.catalog.mappers import (
    face_from_json,
    face_to_json,
    photo_from,
    photos_with_ruler,
)
from coin_core.catalog.records import (
    CatalogFace,
    CatalogPhoto,
    Coin,
    CoinReference,
    PhotoStatus,
)
from coin_core.catalog.schema import (
    CoinReferenceRow,
    CoinRow,
    FaceRow,
    PhotoRow,
    VersionItemRow,
    VersionRow,
)
from coin_core.catalog.splits import (
    Split,
    check_shares,
    divide,
    join_coins,
    near_pairs,
    rare_rulers,
)
from coin_core.detection.faces import Side
from coin_core.errors import CatalogError
from coin_core.rulers import DEFAULT_CLASSES

if TYPE_CHECKING:
    from coin_core.catalog import Catalog

# Perceptual hashes of 256 bits that differ in no more than these are of one picture,
# saved again or scaled; different coins of one design differ in a hundred or so.
SAME_PICTURE_BITS = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionItem:
    """A photo as it stood when the version was frozen.

    Attributes:
        photo_id: None when the photo has been removed since.
        coin_id: The coin it showed then.
        sha256: Of the photo's file.
        label: The ruler it was given to then.
        split: What it is for.
        faces: The visible sides then, in their order.
        read: Which of them is learnt from; None takes the whole photo.
        coin_now: The coin it shows now; None when the photo has been removed.
        phash: Perceptual hash; "" if there is none.
    """

    photo_id: int | None
    coin_id: int
    sha256: str
    label: str
    split: Split
    faces: tuple[CatalogFace, ...] = ()
    read: int | None = None
    coin_now: int | None = None
    phash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionSummary:
    """A version in a list: what it is called and how large it is."""

    name: str
    created_at: datetime
    seed: int
    free_only: bool
    digest: str
    note: str
    photos: Mapping[Split, int]
    coins: int
    rulers: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A frozen data set: the same name is the same photos, labels and crops for ever.

    Attributes:
        name: What `--data catalog:NAME` asks for.
        seed: Fixed the division.
        free_only: Only freely licensed photos were taken.
        digest: sha256 over photos, labels, coins, faces and splits.
        note: What was left out and who froze it.
        items: In the order of their sha256.
    """

    name: str
    created_at: datetime
    seed: int
    free_only: bool
    digest: str
    note: str
    items: tuple[VersionItem, ...]

    @property
    def rulers(self) -> Mapping[str, int]:
        """Photos per ruler."""
        return dict(sorted(Counter(item.label for item in self.items).items()))

    @property
    def counts(self) -> Mapping[str, Mapping[Split, int]]:
        """Photos per ruler and split."""
        found = Counter((item.label, item.split) for item in self.items)
        return {
            ruler: {split: found[ruler, split] for split in Split}
            for ruler in self.rulers
        }

    @property
    def coins(self) -> Mapping[str, int]:
        """Coins per ruler."""
        pairs = {(item.label, item.coin_id) for item in self.items}
        return dict(sorted(Counter(label for label, _ in pairs).items()))

    @property
    def rare(self) -> Mapping[str, int]:
        """Rulers with too few coins for trustworthy shares, with their coins."""
        return rare_rulers({str(item.coin_id): item.label for item in self.items})

    @property
    def warnings(self) -> tuple[str, ...]:
        """A sentence for each thing to know before learning from this version."""
        said = [
            f"{ruler} has only {count} coin{'s' if count > 1 else ''}; what is "
            "measured on it will be uncertain."
            for ruler, count in self.rare.items()
        ]
        used = {item.split for item in self.items}
        for ruler, counts in self.counts.items():
            bare = [
                str(split) for split in Split if split in used and not counts[split]
            ]
            if bare:
                said.append(f"{ruler} has no coin for {' and '.join(bare)}.")
        return tuple(said)

    def summary(self) -> VersionSummary:
        """The version without its items."""
        splits = Counter(item.split for item in self.items)
        return VersionSummary(
            name=self.name,
            created_at=self.created_at,
            seed=self.seed,
            free_only=self.free_only,
            digest=self.digest,
            note=self.note,
            photos={split: splits[split] for split in Split},
            coins=len({item.coin_id for item in self.items}),
            rulers=self.rulers,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A photo of two versions with what it was in the first and is in the second."""

    sha256: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How the second of two versions differs from the first.

    Attributes:
        added: sha256 of photos in the second alone.
        removed: sha256 of photos in the first alone.
        relabelled: Photos with another ruler.
        moved: Photos with another split.
        recropped: sha256 of photos whose faces were changed.
        regrouped: sha256 of photos that show another coin.
        same: Photos that are the same in all of this.
        contaminated: sha256 of photos of which the coin was learnt from in the first
            and is measured on in the second; a model of the first is not to be
            measured there.
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
        """Whether nothing at all differs."""
        return not (self.added or self.removed) and self.same_everywhere

    @property
    def same_everywhere(self) -> bool:
        """Whether the photos that both have are the same in all."""
        return not (self.relabelled or self.moved or self.recropped or self.regrouped)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """Two photos in different splits that show one coin.

    Attributes:
        first: The photo nearer to training.
        second: The other.
        why: "same_coin", "same_coin_now" (grouped after freezing), or
            "same_picture" (their perceptual hashes say so).
        bits: Bits in which the perceptual hashes differ, for "same_picture".
    """

    first: VersionItem
    second: VersionItem
    why: str
    bits: int | None = None


def compare(first: Version, second: Version) -> Comparison:
    """How two versions differ, photo by photo."""
    before = {item.sha256: item for item in first.items}
    after = {item.sha256: item for item in second.items}
    both = [(before[key], after[key]) for key in sorted(before.keys() & after.keys())]
    relabelled = _changes(both, "label")
    moved = _changes(both, "split")
    recropped = tuple(
        old.sha256
        for old, new in both
        if (old.faces, old.read) != (new.faces, new.read)
    )
    regrouped = tuple(old.sha256 for old, new in both if old.coin_id != new.coin_id)
    touched = {change.sha256 for change in (*relabelled, *moved)}
    touched |= {*recropped, *regrouped}
    learnt = {item.coin_id for item in first.items if item.split is not Split.TEST}
    learnt_photos = {i.sha256 for i in first.items if i.split is not Split.TEST}
    return Comparison(
        first=first.name,
        second=second.name,
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        relabelled=relabelled,
        moved=moved,
        recropped=recropped,
        regrouped=regrouped,
        same=len(both) - len(touched),
        contaminated=tuple(
            item.sha256
            for item in second.items
            if item.split is Split.TEST
            and (item.coin_id in learnt or item.sha256 in learnt_photos)
        ),
    )


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


def leaks(
    version: Version, progress: Callable[[int, int], None] | None = None
) -> tuple[Leak, ...]:
    """Pairs of photos in different splits of a version that show one coin.

    A version is frozen without any that were known then; coins that were grouped
    later, or a pair that was told apart by mistake, show up here.

    Args:
        version: The version to look through.
        progress: Called with photos compared and photos in all.

    Returns:
        One pair for each coin or picture and split, nearest to training first.
    """
    found: dict[tuple[str, str], Leak] = {}
    for why, coin_of in (
        ("same_coin", [item.coin_id for item in version.items]),
        ("same_coin_now", [item.coin_now for item in version.items]),
    ):
        firsts: dict[tuple[int, Split], VersionItem] = {}
        for item, coin in zip(version.items, coin_of, strict=True):
            if coin is not None:
                firsts.setdefault((coin, item.split), item)
        by_coin: dict[int, list[VersionItem]] = {}
        for (coin, _), item in firsts.items():
            by_coin.setdefault(coin, []).append(item)
        for items in by_coin.values():
            first, *others = sorted(items, key=nearness)
            for other in others:
                _note(found, first, other, why, None)
    hashes = [item.phash for item in version.items]
    for row, second, bits in near_pairs(hashes, SAME_PICTURE_BITS, progress):
        pair = sorted((version.items[row], version.items[second]), key=nearness)
        if pair[0].split is not pair[1].split:
            _note(found, pair[0], pair[1], "same_picture", bits)
    return tuple(found.values())


def nearness(item: VersionItem) -> tuple[int, str]:
    """Sorts what is nearer to training first."""
    return tuple(Split).index(item.split), item.sha256


def _note(
    found: dict[tuple[str, str], Leak],
    first: VersionItem,
    second: VersionItem,
    why: str,
    bits: int | None,
) -> None:
    key = (first.sha256, second.sha256)
    found.setdefault(key, Leak(first=first, second=second, why=why, bits=bits))


def faces_to_json(faces: Sequence[CatalogFace], read: int | None) -> dict[str, Any]:
    """Faces and which is learnt from, as the database keeps them."""
    return {"read": read, "all": [face_to_json(face) for face in faces]}


def faces_from_json(
    kept: Mapping[str, Any] | None,
) -> tuple[tuple[CatalogFace, ...], int | None]:
    """The way back."""
    if not kept:
        return (), None
    return tuple(face_from_json(face) for face in kept["all"]), kept["read"]


def digest_of(items: Iterable[VersionItem]) -> str:
    """One sha256 for what a version holds, whatever numbers the database gave.

    A coin is named by its first photo, so that two databases with the same photos,
    labels, crops and splits agree.
    """
    ordered = sorted(items, key=lambda item: item.sha256)
    name: dict[int, str] = {}
    for item in ordered:
        name.setdefault(item.coin_id, item.sha256)
    lines = [
        json.dumps(
            [
                item.sha256,
                name[item.coin_id],
                item.label,
                str(item.split),
                faces_to_json(item.faces, item.read),
            ],
            sort_keys=True,
        )
        for item in ordered
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


_OFTEN = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPhoto:
    """A photo with its coin and its faces in their order."""

    photo: CatalogPhoto
    coin: Coin
    faces: tuple[CatalogFace, ...]


def read_all(
    connection: Connection, progress: Callable[[int, int], None] | None = None
) -> list[SeenPhoto]:
    """Every photo of the catalog, in the order of arrival.

    Args:
        connection: To the database.
        progress: Called now and then with 0 and 0, for a caller who wants to stop.
    """
    coins, faces = _read_coins(connection), _read_faces(connection)
    rows = connection.execute(photos_with_ruler().order_by(PhotoRow.id))
    seen: list[SeenPhoto] = []
    for photo in map(photo_from, rows):
        if progress is not None and len(seen) % _OFTEN == 0:
            progress(0, 0)
        seen.append(
            SeenPhoto(
                photo=photo,
                coin=coins[photo.coin_id],
                faces=tuple(faces[photo.photo_id]),
            )
        )
    return seen


def _read_coins(connection: Connection) -> dict[int, Coin]:
    references: dict[int, list[CoinReference]] = defaultdict(list)
    given = select(*CoinReferenceRow.__table__.columns).order_by(CoinReferenceRow.id)
    for row in connection.execute(given):
        references[row.coin_id].append(
            CoinReference(
                catalogue=row.catalogue, number=row.number, edition=row.edition
            )
        )
    coins: dict[int, Coin] = {}
    for row in connection.execute(select(*CoinRow.__table__.columns)):
        fields: dict[str, Any] = dict(row._mapping)
        coin_id = fields.pop("id")
        coins[coin_id] = Coin(
            coin_id=coin_id, references=tuple(references[coin_id]), **fields
        )
    return coins


def _read_faces(connection: Connection) -> dict[int, list[CatalogFace]]:
    found: dict[int, list[CatalogFace]] = defaultdict(list)
    columns = select(*FaceRow.__table__.columns)
    for row in connection.execute(columns.order_by(FaceRow.photo_id, FaceRow.position)):
        fields = dict(row._mapping)
        del fields["id"], fields["position"]
        found[fields.pop("photo_id")].append(face_from_json(fields))
    return found


def face_to_read(faces: Sequence[CatalogFace], ruler: str | None) -> int | None:
    """Which face tells the ruler: the first with the legend.

    A face of which nobody has told the side is taken where it is the only one. Of
    coins of other rulers, whose sides the program does not know, it is the first.

    Returns:
        Its place; None where no face will do, as on a photo without any.
    """
    for place, face in enumerate(faces):
        if face.side is Side.LEGEND:
            return place
    if ruler is not None and ruler not in DEFAULT_CLASSES:
        return 0 if faces else None
    return 0 if len(faces) == 1 and faces[0].side is None else None


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
    with catalog.database.reading() as connection:
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
    with catalog.database.writing() as connection:
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
    with catalog.database.reading() as connection:
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
    with catalog.database.reading() as connection:
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
