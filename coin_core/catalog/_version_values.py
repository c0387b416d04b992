"""Frozen data sets as plain values, how two of them differ, and what leaks."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coin_core.catalog._division import Split, near_pairs, rare_rulers
from coin_core.catalog._rows import face_from_json, face_to_json
from coin_core.catalog._values import CatalogFace

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
