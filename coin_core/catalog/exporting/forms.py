"""The documents of an export: table, COCO annotations, attribution."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coin_core.catalog.exporting import sheets
from coin_core.catalog.licences import licence_page
from coin_core.catalog.mappers import COIN_FIELDS
from coin_core.catalog.records import CatalogFace, CatalogPhoto, Coin
from coin_core.catalog.references import references_in_words
from coin_core.catalog.splits import Split
from coin_core.results import Side
from coin_core.storage import dump_json

_PHOTO_COLUMNS = (
    "photo_id",
    "sha256",
    "file_name",
    "width_px",
    "height_px",
    "status",
    "exclude_reason",
    "quality",
    "confidence",
    "disagreement",
    "source",
    "source_url",
    "licence",
    "licence_raw",
    "credit",
    "lot_text",
    "image_url",
    "source_date",
    "label_evidence",
    "retrieved_at",
    "is_rendered",
)
_COIN_COLUMNS = (
    "coin_id",
    *(name for name in COIN_FIELDS if name != "ruler_attributed"),
)
_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportItem:
    """A photo to export.

    Attributes:
        photo: The photo in the catalog.
        coin: Its coin in the catalog.
        label: The ruler in the version, or else of the coin.
        group: The coin id by which it was split.
        split: None without a version.
        faces: The faces in the version, or else in the catalog.
        face_index: The face to learn from; None for the whole photo.
        file_sha256: Of the exported file; None before it is written.
    """

    photo: CatalogPhoto
    coin: Coin
    label: str | None
    group: int
    split: Split | None
    faces: tuple[CatalogFace, ...]
    face_index: int | None
    file_sha256: str | None = None


def write_table(items: Iterable[tuple[str, ExportItem]]) -> bytes:
    """A CSV table with one row per photo and all facts about it.

    Args:
        items: Name of the exported file ("" without one) and the photo.
    """
    columns = (
        "file",
        "ruler",
        "split",
        *_COIN_COLUMNS,
        "references",
        *_PHOTO_COLUMNS,
        "faces",
    )
    return sheets.table(columns, (_line(file, item) for file, item in items))


def _line(file: str, item: ExportItem) -> list[object]:
    coin: list[object] = [getattr(item.coin, name) for name in _COIN_COLUMNS]
    coin[0] = item.group  # a split by this column is the split of the version
    return [
        file,
        item.label,
        item.split,
        *coin,
        references_in_words(item.coin.references),
        *(getattr(item.photo, name) for name in _PHOTO_COLUMNS),
        dump_json(faces_of(item)) if item.faces else "",
    ]


def faces_of(item: ExportItem) -> list[dict[str, Any]]:
    """The faces in fractions of the photo as EXIF turns it."""
    return [
        {
            "side": str(face.side or _UNKNOWN),
            "left": round(face.box.left, 6),
            "top": round(face.box.top, 6),
            "right": round(face.box.right, 6),
            "bottom": round(face.box.bottom, 6),
            "turn_deg": round(face.box.turn_deg, 3),
            "read": index == item.face_index,
        }
        for index, face in enumerate(item.faces)
    ]


def write_coco(
    items: Sequence[tuple[str, ExportItem]], info: Mapping[str, Any]
) -> bytes:
    """COCO annotations: boxes in pixels, sides as categories, rulers as attributes.

    Format: https://cocodataset.org/#format-data

    Args:
        items: Name of the exported file and the photo.
        info: About the dataset.
    """
    licences = sorted({item.photo.licence or _UNKNOWN for _, item in items})
    categories = [*map(str, Side), _UNKNOWN]
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (file, item) in enumerate(items, start=1):
        photo = item.photo
        images.append(
            {
                "id": number,
                "file_name": file,
                "width": photo.width_px,
                "height": photo.height_px,
                "license": 1 + licences.index(photo.licence or _UNKNOWN),
                "sha256": photo.sha256,
                "coin_id": item.group,
                "ruler": item.label,
                "split": item.split,
                "credit": photo.credit,
                "source": photo.source,
                "source_url": photo.source_url,
                "is_rendered": photo.is_rendered,
            }
        )
        for index, face in enumerate(item.faces):
            x, y = face.box.left * photo.width_px, face.box.top * photo.height_px
            width = (face.box.right - face.box.left) * photo.width_px
            height = (face.box.bottom - face.box.top) * photo.height_px
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1 + categories.index(str(face.side or _UNKNOWN)),
                    "bbox": [round(value, 2) for value in (x, y, width, height)],
                    "area": round(width * height, 2),
                    "iscrowd": 0,
                    "segmentation": [],
                    "attributes": {
                        "ruler": item.label,
                        "turn_deg": round(face.box.turn_deg, 3),
                        "read": index == item.face_index,
                    },
                }
            )
    document = {
        "info": dict(info),
        "licenses": [
            {"id": number, "name": name, "url": licence_page(name)}
            for number, name in enumerate(licences, start=1)
        ],
        "categories": [
            {"id": number, "name": name, "supercategory": "face"}
            for number, name in enumerate(categories, start=1)
        ],
        "images": images,
        "annotations": annotations,
    }
    return dump_json(document).encode()


def write_attribution(items: Iterable[tuple[str, ExportItem]], title: str) -> bytes:
    """Licence, credit and source of each photo, as text."""
    lines = [
        title,
        "",
        "Whoever passes these photos on must pass this file on with them.",
    ]
    for file, item in items:
        photo = item.photo
        licence = photo.licence_raw or photo.licence or "unknown; ask before publishing"
        page = licence_page(photo.licence or "")
        if photo.is_rendered:
            lines += ["", file, "  Rendered by a program; no photograph of a coin."]
        else:
            lines += ["", file]
        lines += [
            f"  Licence: {_one_line(licence)}{f' ({page})' if page else ''}",
            f"  Credit: {_one_line(photo.credit) or 'not given'}",
            f"  Source: {_one_line(photo.source_url or photo.source) or 'not given'}",
        ]
        if photo.file_name:
            lines.append(f"  File name there: {_one_line(photo.file_name)}")
    return ("\n".join(lines) + "\n").encode("utf-8", errors="replace")


def _one_line(text: str) -> str:
    """Without line breaks and control characters, so no text can fake an entry."""
    words = "".join(sign if sign.isprintable() else " " for sign in text).split()
    return " ".join(words)
