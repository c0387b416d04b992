"""Titles and colours of what the Dataset page shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from coin_core.catalog import (
    CatalogFace,
    CatalogPhoto,
    Edit,
    ExcludeReason,
    PhotoOrder,
    PhotoStatus,
    QueueKind,
    Side,
)
from coin_core.i18n import N_, _
from coin_core.results import class_title
from coin_core.rulers import RULERS
from ui.formatting import SIDE_TITLES, plural
from ui.palette import BRONZE, MUTED, SHADOW, class_colours

UNLABELLED = N_("unlabelled")

STATUS_TITLES = {
    PhotoStatus.UNREVIEWED: N_("not reviewed"),
    PhotoStatus.REVIEWED: N_("reviewed"),
    PhotoStatus.EXCLUDED: N_("excluded"),
}
REASON_TITLES = {
    ExcludeReason.NOISE: N_("not a usable photo"),
    ExcludeReason.WRONG_COIN: N_("wrong coin"),
    ExcludeReason.OBVERSE_ONLY: N_("cornucopia side only"),
    ExcludeReason.DUPLICATE: N_("duplicate"),
}
ORDER_TITLES = {
    PhotoOrder.ADDED: N_("newest first"),
    PhotoOrder.CONFIDENCE: N_("least certain first"),
    PhotoOrder.DISAGREEMENT: N_("most disputed first"),
    PhotoOrder.QUALITY: N_("best picture first"),
}
QUEUE_TITLES = {
    QueueKind.UNREVIEWED: N_("not reviewed yet"),
    QueueKind.DISAGREEMENT: N_("classifiers disagree"),
    QueueKind.LOW_CONFIDENCE: N_("classifiers uncertain"),
    QueueKind.SUSPECTED: N_("label may be wrong"),
}
_ENTITY_TITLES = {
    "coin": N_("coin"),
    "photo": N_("photo"),
    "faces": N_("crop"),
    "review": N_("review"),
    "added": N_("imported"),
}

_KEY_TITLES = {
    "ruler": N_("ruler"),
    "ruler_attributed": N_("ruler"),
    "name_on_coin": N_("name on the coin"),
    "authority": N_("attribution follows"),
    "denomination": N_("denomination"),
    "weight_g": N_("weight in g"),
    "diameter_mm": N_("diameter in mm"),
    "die_axis_h": N_("die axis"),
    "references": N_("references"),
    "notes": N_("notes"),
    "source": N_("source"),
    "source_url": N_("address"),
    "licence": N_("licence"),
    "credit": N_("credit"),
    "status": N_("status"),
    "exclude_reason": N_("reason"),
    "faces": N_("crop"),
    "coin_id": N_("coin"),
    "file": N_("file"),
    "second_file": N_("second file"),
    "licence_raw": N_("licence text"),
    "lot_text": N_("lot text"),
    "source_date": N_("dated"),
    "retrieved_at": N_("fetched"),
    "is_rendered": N_("rendered coin"),
    "suspicion": N_("suspicion"),
}


def side_title(side: Side | None) -> str:
    """The title of a side; None is "side not stated"."""
    return _("side not stated") if side is None else _(SIDE_TITLES[side])


def field_title(key: str) -> str:
    """The title of a field of a coin, a photo or a table."""
    return _(_KEY_TITLES.get(key, key.replace("_", " ")))


def ruler_title(key: str | None) -> str:
    """The title of a ruler; None is "unlabelled"."""
    return _(UNLABELLED) if key in (None, UNLABELLED) else class_title(str(key))


def short_ruler_title(key: str | None) -> str:
    """The title of a ruler without a common first name."""
    title = ruler_title(key)
    return (
        title.removeprefix("John ").removeprefix("Judah ") if key in RULERS else title
    )


def ruler_keys(known: Iterable[str] = ()) -> tuple[str, ...]:
    """The registered rulers, then the other classes of the dataset."""
    return (*RULERS, *(key for key in known if key not in RULERS))


def ruler_colour(key: str | None, known: Iterable[str] = ()) -> str:
    """The colour of a ruler; unlabelled photos are pale."""
    if key is None or key == UNLABELLED:
        return MUTED
    return class_colours(ruler_keys((*known, key)))[key]


def face_outlines(faces: Iterable[CatalogFace]) -> list[dict[str, Any]]:
    """Faces as the JavaScript components draw them; the legend side in bronze."""
    return [
        {
            "box": [face.box.left, face.box.top, face.box.right, face.box.bottom],
            "turn": face.box.turn_deg,
            "label": f"{number} · {side_title(face.side)}",
            "colour": BRONZE if face.side is Side.LEGEND else SHADOW,
        }
        for number, face in enumerate(faces, 1)
    ]


def photo_name(photo: CatalogPhoto) -> str:
    """The file name of a photo, or its number."""
    return photo.file_name or _("photo {number}").format(number=photo.photo_id)


def _value_text(key: str, value: Any) -> str:
    if value is None or value == "":
        return _("nothing")
    if key in ("ruler", "ruler_attributed"):
        return ruler_title(str(value))
    if isinstance(value, Mapping | list):
        return plural(len(value), "face") if key == "faces" else "…"
    return _(str(value).replace("_", " "))


def edit_text(edit: Edit) -> str:
    """One edit as a short line."""
    title = _(_ENTITY_TITLES.get(edit.entity, edit.entity))
    if edit.entity == "added":
        return title
    keys = [k for k in (*edit.after, *edit.before) if k not in ("reviewer", "photo_id")]
    changes = [
        _("{key}: {before} → {after}").format(
            key=field_title(key),
            before=_value_text(key, edit.before.get(key)),
            after=_value_text(key, edit.after.get(key)),
        )
        for key in dict.fromkeys(keys)
        if edit.before.get(key) != edit.after.get(key)
    ]
    return f"{title}, {'; '.join(changes)}" if changes else title
