"""From a row of a table, or the folders a photo lies in, to what the catalog keeps."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from coin_core.catalog.importing.sources import Item
from coin_core.catalog.licences import read_licence
from coin_core.catalog.records import CoinFacts
from coin_core.catalog.references import references_from
from coin_core.rulers import find_name_on_coin, find_ruler

_TEXTS = ("source", "source_url", "licence_raw", "credit", "lot_text")
_YES = frozenset(("yes", "true", "1", "ja"))
_NOT_A_CLASS = frozenset(
    (
        *("train", "training", "val", "valid", "validation", "test", "all", "data"),
        *("dataset", "photos", "images", "pictures", "obverse", "reverse", "coins"),
        *("coin", "rendered", "unknown", "unlabelled", "unlabeled", "none"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is told about a photo and its coin.

    Attributes:
        coin: Of the coin, the ruler included.
        photo: Fields of `PhotoRecord`.
        remarks: What could not be understood, one sentence each.
    """

    coin: CoinFacts = field(default_factory=CoinFacts)
    photo: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def facts_of(item: Item, *, folder_labels: bool) -> Facts:
    """What a photo's row says, and its folder where the row names no ruler."""
    remarks: list[str] = []
    row = item.row
    told = _numbers(row, remarks)
    ruler, name = _ruler_of(row, remarks)
    if folder_labels and not row.get("ruler") and ruler is None:
        ruler, name = _from_folders(item.folders, remarks)
    return Facts(
        coin=CoinFacts(
            ruler_attributed=ruler,
            name_on_coin=name,
            authority=row.get("authority") or None,
            denomination=row.get("denomination") or None,
            notes=row.get("notes", ""),
            references=references_from(row.get("references", "")),
            **told,
        ),
        photo={
            **{name: row[name] for name in _TEXTS if row.get(name)},
            **_licence(row.get("licence", "")),
            "is_rendered": row.get("is_rendered", "").casefold() in _YES,
            **_moment(row.get("retrieved_at", ""), remarks),
        },
        remarks=tuple(remarks),
    )


def _ruler_of(
    row: Mapping[str, str], remarks: list[str]
) -> tuple[str | None, str | None]:
    """Class key and name on the coin from a row."""
    label, written = row.get("ruler", ""), row.get("name_on_coin", "")
    ruler = find_ruler(label) if label else None
    if label and ruler is None and label.casefold() not in _NOT_A_CLASS:
        remarks.append(f"{label!r} names no known ruler, so it gave no label.")
    name = find_name_on_coin(written) or find_name_on_coin(label)
    if written and find_name_on_coin(written) is None:
        remarks.append(f"{written!r} is no known name on a coin; it was left out.")
    if not label and name is not None:
        ruler = find_ruler(name)
    return ruler, name


def _from_folders(
    folders: tuple[str, ...], remarks: list[str]
) -> tuple[str | None, str | None]:
    """The innermost folder that names a ruler: `obverse` in `yehudah` is his."""
    for folder in reversed(folders):
        ruler = find_ruler(folder)
        if ruler is not None:
            return ruler, find_name_on_coin(folder)
    telling = [name for name in folders[1:] if name.casefold() not in _NOT_A_CLASS]
    if telling:
        remarks.append(
            f"The folder {telling[-1]!r} names no known ruler, so it gave no label."
        )
    return None, None


def _numbers(row: Mapping[str, str], remarks: list[str]) -> dict[str, Any]:
    """Weight, diameter and die axis, whatever units stand beside them."""
    told: dict[str, Any] = {}
    kinds: tuple[tuple[str, str, Callable[[float], Any]], ...] = (
        ("weight_g", "a weight in grams", float),
        ("diameter_mm", "a diameter in millimetres", float),
        ("die_axis_h", "a die axis in hours", round),
    )
    for name, what, convert in kinds:
        text = row.get(name, "")
        if not text:
            continue
        found = re.fullmatch(
            r"(?:c\.|ca\.?|~)?\s*(\d+(?:[.,]\d+)?)\s*(?:g|gr|gm|mm|h|hrs?|°)?\.?",
            text.strip().casefold(),
        )
        value = float(found[1].replace(",", ".")) if found else 0.0
        if name == "die_axis_h" and found and text.strip().endswith("°"):
            value = value / 30 or 12
        most = 12 if name == "die_axis_h" else 10_000
        if not 0 < value <= most or value == 10_000 or not convert(value):
            remarks.append(f"{text[:40]!r} is not {what}; it was left out.")
            continue
        told[name] = convert(value)
    return told


def _licence(text: str) -> dict[str, str]:
    """The licence as it stands and, where it is one, its key."""
    if not text:
        return {}
    key = read_licence(text)
    return {"licence_raw": text} | ({} if key is None else {"licence": key})


def _moment(text: str, remarks: list[str]) -> dict[str, datetime]:
    if not text:
        return {}
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        remarks.append(f"{text[:40]!r} is no date such as 2026-01-31; it was left out.")
        return {}
    return {"retrieved_at": moment if moment.tzinfo else moment.replace(tzinfo=UTC)}
