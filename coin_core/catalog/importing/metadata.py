"""Facts about a photo from its row of a table and from its folders."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from coin_core.catalog.import_records import in_words
from coin_core.catalog.importing.sources import Item
from coin_core.catalog.importing.tables import EXPORT_TEXTS, MAX_CELL, is_export
from coin_core.catalog.licences import read_licence
from coin_core.catalog.records import (
    UNLABELLED,
    CatalogFace,
    CoinFacts,
    class_key,
)
from coin_core.catalog.references import references_from
from coin_core.imaging.decoder import show_name
from coin_core.imaging.preprocessing import RotatedBox
from coin_core.results import Side, class_title
from coin_core.rulers import (
    RULERS,
    find_doubtful_ruler,
    find_name_on_coin,
    find_ruler,
)

_TEXTS = (
    *("source", "source_url", "licence_raw", "credit", "lot_text"),
    *EXPORT_TEXTS,
)
# The outermost folders of whole photos in an export; others hold crops.
_WHOLE_PHOTOS = frozenset(("photos", "images", UNLABELLED))
_MAX_FACES = 100
_MAX_ROWS_NAMED = 3  # of one photo, in its remarks
_YES = frozenset(("yes", "true", "1", "ja"))
SPLIT_FOLDERS: Mapping[str, str] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
"""The split of a folder with this name; it is no class."""
_NOT_A_CLASS = frozenset(
    (
        *(*SPLIT_FOLDERS, "all", "data"),
        *("dataset", "photos", "images", "pictures", "obverse", "reverse", "coins"),
        *("coin", "rendered", "unknown", "unlabelled", "unlabeled", "none"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Facts about a photo and its coin.

    Attributes:
        coin: About the coin, including the ruler.
        photo: Fields of `PhotoRecord`.
        remarks: One sentence for each value that could not be understood.
        exported: About the same photo in the dataset that it was exported from.
    """

    coin: CoinFacts = field(default_factory=CoinFacts)
    photo: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    exported: ExportedFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFacts:
    """What the table of an export says about a whole photo.

    Attributes:
        name: The file name that the photo had.
        size_px: Its width and height.
        faces: Its faces, as they were detected or drawn.
    """

    name: str
    size_px: tuple[int, int]
    faces: tuple[CatalogFace, ...]


def facts_of(item: Item, *, folder_labels: bool) -> Facts:
    """The facts in a photo's row; its folder is used if the row names no ruler.

    Where other rows name another ruler, the photo has none.
    """
    facts = _facts_of_row(item, folder_labels=folder_labels)
    remarks: list[str] = []
    rulers = {facts.coin.ruler_attributed or ""}
    for name, row in item.other_rows:
        other = replace(item, row=row)
        found = _facts_of_row(other, folder_labels=False)
        rulers.add(found.coin.ruler_attributed or "")
        if (said := _said_again(item, facts, other, found)) is not None:
            remarks.append(
                f"R{name[1:]} lists {item.name} again{said}; {item.row_name} was used."
            )
    if len(remarks) > _MAX_ROWS_NAMED:
        rest = len(remarks) - _MAX_ROWS_NAMED
        remarks[_MAX_ROWS_NAMED:] = [f"{rest} more rows list it."]
    if len(rulers - {""}) > 1 and facts.coin.ruler_attributed:
        remarks.append("The rows name different rulers, so they gave no label.")
        unread = replace(
            facts.coin, ruler_attributed=None, name_on_coin=None, authority=None
        )
        named = ", ".join(class_title(one) for one in sorted(rulers - {""}))
        evidence = f"Label ambiguous by rule 'rows': {named}."
        photo = {**facts.photo, "label_evidence": evidence}
        facts = replace(facts, coin=unread, photo=photo)
    return replace(facts, remarks=(*facts.remarks, *remarks))


def differing(coin: CoinFacts, other: CoinFacts) -> tuple[str, ...]:
    """Names of the fields in which another source says something else of a coin."""
    return tuple(
        one.name
        for one in fields(CoinFacts)
        if (value := getattr(other, one.name)) and value != getattr(coin, one.name)
    )


def _said_again(item: Item, facts: Facts, other: Item, found: Facts) -> str | None:
    """What another row of a photo says, as part of a sentence; None if the same."""
    ruler = found.coin.ruler_attributed
    names = list(differing(facts.coin, found.coin))
    names += [
        name
        for name, value in found.photo.items()
        if value and value != facts.photo.get(name)
    ]
    coin_id = other.row.get("coin_id")
    if coin_id and coin_id != item.row.get("coin_id"):
        names.append("coin_id")
    if "ruler_attributed" in names and ruler is not None:
        return f", as {class_title(ruler)}"
    return f", with other {in_words(names)}" if names else None


def _facts_of_row(item: Item, *, folder_labels: bool) -> Facts:
    remarks: list[str] = []
    row = _without_overlong(item.row, remarks)
    ruler, name = _ruler_of(row, remarks)
    doubted = _doubted_in(row)
    if folder_labels and not row.get("ruler") and ruler is None and not doubted:
        doubted = _doubted_folder(item.folders)
        if not doubted:
            ruler, name = _from_folders(item.folders, remarks)
    if suggestion := find_doubtful_ruler(doubted):
        remarks.append(
            f"{doubted[:80]!r} is in doubt, so it gave no label. Decide in the review "
            f"whether it is {RULERS[suggestion].name}."
        )
    return Facts(
        coin=CoinFacts(
            ruler_attributed=ruler,
            name_on_coin=name,
            authority=row.get("authority") or None,
            denomination=row.get("denomination") or None,
            notes=row.get("notes", ""),
            references=references_from(row.get("references", "")),
            **_measures(row, remarks),
        ),
        photo={
            **_licence(row.get("licence", "")),
            **{name: row[name] for name in _TEXTS if row.get(name)},
            "is_rendered": row.get("is_rendered", "").casefold() in _YES,
            **_time(row.get("retrieved_at", ""), remarks),
            **_suggestion(doubted),
        },
        exported=_exported(row, remarks),
        remarks=tuple(remarks),
    )


def _without_overlong(row: Mapping[str, str], remarks: list[str]) -> Mapping[str, str]:
    """The row with its longest cells cut."""
    for name, cell in row.items():
        if len(cell) > MAX_CELL:
            remarks.append(f"{name!r} was cut after {MAX_CELL:,} characters.")
    return {name: cell[:MAX_CELL] for name, cell in row.items()}


def _exported(row: Mapping[str, str], remarks: list[str]) -> ExportedFacts | None:
    """The columns that only an export has; None for a crop, and for other tables."""
    if not is_export(row):
        return None
    if row.get("file", "").partition("/")[0] not in _WHOLE_PHOTOS:
        return None
    try:
        size_px = int(row["width_px"]), int(row["height_px"])
        entries = json.loads(row["faces"] or "[]")
        faces = tuple(_exported_face(entry) for entry in entries[:_MAX_FACES])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        remarks.append("The crops in its row were not understood, and were left out.")
        return None
    name = show_name(PurePosixPath(row["file_name"].replace("\\", "/")).name)
    return ExportedFacts(name=name, size_px=size_px, faces=faces)


def _exported_face(entry: Mapping[str, Any]) -> CatalogFace:
    edges = ("left", "top", "right", "bottom", "turn_deg")
    box = RotatedBox(**{edge: float(entry[edge]) for edge in edges})
    side = entry["side"]
    return CatalogFace(box=box, side=Side(side) if side in set(Side) else None)


def _ruler_of(
    row: Mapping[str, str], remarks: list[str]
) -> tuple[str | None, str | None]:
    """Class key and name on the coin of a row."""
    label, written = row.get("ruler", ""), row.get("name_on_coin", "")
    ruler = find_ruler(label) if label else None
    unknown = ruler is None and find_doubtful_ruler(label) is None
    unknown = unknown and label.casefold() not in _NOT_A_CLASS
    if unknown and is_export(row):  # a class of the dataset that it was exported from
        ruler = class_key(label) or None
    if label and unknown and ruler is None:
        remarks.append(f"{label!r} names no known ruler, so it gave no label.")
    name = find_name_on_coin(written) or find_name_on_coin(label)
    unread = find_name_on_coin(written) is None and not find_doubtful_ruler(written)
    if written and unread:
        remarks.append(f"{written!r} is no known name on a coin; it was left out.")
    if not label and name is not None:
        ruler = find_ruler(name)
    return ruler, name


def _doubted_in(row: Mapping[str, str]) -> str:
    """The cell that names a ruler in doubt, or ""."""
    label = row.get("ruler", "")
    cell = label or row.get("name_on_coin", "")
    return cell if find_doubtful_ruler(cell) else ""


def _doubted_folder(folders: tuple[str, ...]) -> str:
    """The innermost folder that names a ruler, if it does so in doubt; or ""."""
    for folder in reversed(folders):
        if find_doubtful_ruler(folder):
            return folder
        if find_ruler(folder):
            break
    return ""


def _suggestion(doubted: str) -> dict[str, str]:
    """The evidence of a label in doubt, in the words that scraped lots have."""
    ruler = find_doubtful_ruler(doubted)
    if ruler is None:
        return {}
    return {
        "label_evidence": f"Label ambiguous by rule 'doubt': {doubted!r} "
        f"(suggested: {ruler})."
    }


def _from_folders(
    folders: tuple[str, ...], remarks: list[str]
) -> tuple[str | None, str | None]:
    """The innermost folder that names a ruler, so `yehudah/obverse` does."""
    for folder in reversed(folders):
        ruler = find_ruler(folder)
        if ruler is not None:
            return ruler, find_name_on_coin(folder)
    others = [name for name in folders[1:] if name.casefold() not in _NOT_A_CLASS]
    if others:
        remarks.append(
            f"{others[-1]!r} names no known ruler, so the folder gave no label."
        )
    return None, None


def _measures(row: Mapping[str, str], remarks: list[str]) -> dict[str, Any]:
    """Weight, diameter and die axis, with or without units."""
    measures: dict[str, Any] = {}
    kinds: tuple[tuple[str, str, Callable[[float], Any]], ...] = (
        ("weight_g", "a weight in grams", float),
        ("diameter_mm", "a diameter in millimetres", float),
        ("die_axis_h", "a die axis in hours", round),
    )
    for name, meaning, convert in kinds:
        text = row.get(name, "")
        if not text:
            continue
        match = re.fullmatch(
            r"(?:c\.|ca\.?|~)?\s*(\d+(?:[.,]\d+)?)\s*(?:g|gr|gm|mm|h|hrs?|°)?\.?",
            text.strip().casefold(),
        )
        value = float(match[1].replace(",", ".")) if match else 0.0
        if name == "die_axis_h" and match and text.strip().endswith("°"):
            value = value / 30 or 12
        maximum = 12 if name == "die_axis_h" else 10_000
        if not 0 < value <= maximum or value == 10_000 or not convert(value):
            remarks.append(f"{text[:40]!r} is not {meaning}; it was left out.")
            continue
        measures[name] = convert(value)
    return measures


def _licence(text: str) -> dict[str, str]:
    """The licence in its own words and, if known, its key."""
    if not text:
        return {}
    key = read_licence(text)
    return {"licence_raw": text} | ({} if key is None else {"licence": key})


def _time(text: str, remarks: list[str]) -> dict[str, datetime]:
    if not text:
        return {}
    try:
        time = datetime.fromisoformat(text)
        # In UTC, the first and last day of all may have no date.
        time = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        remarks.append(f"{text[:40]!r} is no date such as 2026-01-31; it was left out.")
        return {}
    return {"retrieved_at": time}
