"""What the things of the catalog are called on the page, and their colours."""

from __future__ import annotations

import re
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
from coin_core.results import class_title
from coin_core.rulers import DEFAULT_CLASSES, RULERS
from ui.palette import BRONZE, MUTED, class_colours

UNLABELLED = "unlabelled"

STATUS = {
    PhotoStatus.UNREVIEWED: "not reviewed",
    PhotoStatus.REVIEWED: "reviewed",
    PhotoStatus.EXCLUDED: "excluded",
}
REASON = {
    ExcludeReason.NOISE: "noise",
    ExcludeReason.WRONG_COIN: "wrong coin",
    ExcludeReason.OBVERSE_ONLY: "obverse only",
    ExcludeReason.DUPLICATE: "duplicate",
}
ORDER = {
    PhotoOrder.ADDED: "newest first",
    PhotoOrder.CONFIDENCE: "least sure first",
    PhotoOrder.DISAGREEMENT: "most disputed first",
    PhotoOrder.QUALITY: "best picture first",
}
QUEUE = {
    QueueKind.UNREVIEWED: "not reviewed yet",
    QueueKind.DISAGREEMENT: "classifiers disagree",
    QueueKind.LOW_CONFIDENCE: "classifiers unsure",
    QueueKind.SUSPECTED: "label may be wrong",
}
SIDE: dict[Side | None, str] = {
    Side.LEGEND: "legend side",
    Side.CORNUCOPIA: "cornucopia side",
    Side.STAR_ANCHOR: "star or anchor",
    Side.OTHER: "another coin",
    Side.NOTHING: "no coin",
    None: "side not told",
}
_ENTITY = {
    "coin": "coin",
    "photo": "photo",
    "faces": "crop",
    "review": "review",
    "added": "brought in",
}


def ruler_title(key: str | None) -> str:
    """A ruler as a person reads him; None is "unlabelled"."""
    return UNLABELLED if key in (None, UNLABELLED) else class_title(str(key))


def short_ruler(key: str | None) -> str:
    """The same where there is little room: without the common first name."""
    if key not in RULERS:
        return ruler_title(key)
    return class_title(key).removeprefix("John ").removeprefix("Judah ")


def ruler_keys(seen: Iterable[str] = ()) -> tuple[str, ...]:
    """The rulers by number key: the known three first, then others of the catalog."""
    return (*DEFAULT_CLASSES, *(key for key in seen if key not in DEFAULT_CLASSES))


def ruler_key(written: str) -> str:
    """The class key of a name that a person wrote; "" for none.

    A name that is no ruler's becomes a class of its own.
    """
    key = re.sub(r"\W+", "_", written.casefold()).strip("_")[:64]
    return "" if key == UNLABELLED else key


def ruler_colour(key: str | None, seen: Iterable[str] = ()) -> str:
    """The colour of a ruler; pale for none."""
    if key in (None, UNLABELLED):
        return MUTED
    classes = ruler_keys((*seen, str(key)))
    return class_colours(classes)[str(key)]


def drawn_faces(faces: Iterable[CatalogFace]) -> list[dict[str, Any]]:
    """Faces as the components draw them; the legend side in bronze."""
    return [
        {
            "box": [face.box.left, face.box.top, face.box.right, face.box.bottom],
            "turn": face.box.turn_deg,
            "label": f"{number} · {SIDE[face.side]}",
            "colour": BRONZE if face.side is Side.LEGEND else "#5f5548",
        }
        for number, face in enumerate(faces, 1)
    ]


def photo_name(photo: CatalogPhoto) -> str:
    """What a photo is called."""
    return photo.file_name or f"photo {photo.photo_id}"


def percent(share: float) -> str:
    """A share of 1 as whole per cent."""
    return f"{100 * share:.0f} %"


def _worded(key: str, value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    if key in ("ruler", "ruler_attributed"):
        return ruler_title(str(value))
    if isinstance(value, Mapping | list):
        return f"{len(value)} face{'s' * (len(value) != 1)}" if key == "faces" else "…"
    return str(value).replace("_", " ")


def edit_in_words(edit: Edit) -> str:
    """One edit as a short line."""
    what = _ENTITY.get(edit.entity, edit.entity)
    if edit.entity == "added":
        return what
    keys = [k for k in (*edit.after, *edit.before) if k not in ("reviewer", "photo_id")]
    changes = [
        f"{key.replace('_', ' ')}: {_worded(key, edit.before.get(key))} → "
        f"{_worded(key, edit.after.get(key))}"
        for key in dict.fromkeys(keys)
        if edit.before.get(key) != edit.after.get(key)
    ]
    return f"{what}, {'; '.join(changes)}" if changes else what
