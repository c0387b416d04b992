"""Handing a data set on: ImageFolder, table, COCO, or all of it in one ZIP."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from coin_core.catalog._export_forms import ExportItem
from coin_core.catalog._export_writing import Exported, ExportForm, Told, Writing
from coin_core.catalog._licences import is_free
from coin_core.catalog._snapshot import SeenPhoto, face_to_read, read_all
from coin_core.catalog._values import PhotoStatus
from coin_core.catalog._version_values import Version
from coin_core.catalog.versions import load_version
from coin_core.errors import CatalogError

if TYPE_CHECKING:
    from coin_core.catalog import Catalog

__all__ = ["ExportForm", "Exported", "export"]


def export(
    catalog: Catalog,
    out: Path | str,
    *,
    form: ExportForm | str = ExportForm.IMAGEFOLDER,
    version: str | None = None,
    free_only: bool = False,
    keep_notes: bool = False,
    progress: Told | None = None,
) -> Exported:
    """Write a version, or the collection as it stands, for others to use.

    Excluded photos are left out. Whole photos go without what the camera wrote into
    them (place, serial number, owner); the catalog's originals stay as they are.
    ImageFolder gets the face with the legend, cropped and turned upright. All but the
    table carry a manifest with digests and an attribution file with licence, credit
    and source.

    Args:
        catalog: Where the photos are.
        out: A folder that is not there yet; a file for a table or a ZIP.
        form: How it is laid out.
        version: A frozen version; the collection as it stands if None.
        free_only: Leave out what may not be passed on freely.
        keep_notes: Leave in the photos what the camera wrote into them.
        progress: Called with photos done and photos in all.

    Raises:
        CatalogError: There is nothing to export, no such version, or no room.
    """
    try:
        how = ExportForm(form)
    except ValueError as error:
        raise CatalogError(
            f"There is no export as {form!r}; there are {', '.join(ExportForm)}."
        ) from error
    out = Path(out).absolute()
    if out.resolve().is_relative_to(catalog.photos_dir.resolve()):
        raise CatalogError(
            f"{out} lies among the originals of the catalog. Name another place."
        )
    frozen = None if version is None else load_version(catalog, version)
    items, left_out = _collect(catalog, frozen, free_only, how, progress)
    if not items:
        raise CatalogError(
            "There is no photo to export. " + " ".join(left_out or ("None is there.",))
        )
    writing = Writing(
        catalog=catalog,
        items=items,
        title=_title(frozen, items),
        about=_about(frozen, free_only, keep_notes),
        progress=progress or (lambda done, total: None),
        left_out=left_out,
        keep_notes=keep_notes,
    )
    return writing.write(how, out)


def _collect(
    catalog: Catalog,
    version: Version | None,
    free_only: bool,
    form: ExportForm,
    progress: Told | None,
) -> tuple[list[ExportItem], list[str]]:
    """What to write, and sentences on what is left out."""
    with catalog.reading() as connection:
        seen = {one.photo.photo_id: one for one in read_all(connection, progress)}
    left_out = []
    if version is None:
        items = [
            _as_it_stands(one)
            for one in seen.values()
            if one.photo.status is not PhotoStatus.EXCLUDED
        ]
        if form is ExportForm.IMAGEFOLDER:
            # Which folder a picture without ruler or legend belongs to is unknown.
            foldable = [
                item
                for item in items
                if item.label is not None and (item.read is not None or not item.faces)
            ]
            if unread := len(items) - len(foldable):
                left_out.append(f"{unread} photos have no ruler or show no legend.")
            items = foldable
    else:
        items = [
            ExportItem(
                photo=seen[item.photo_id].photo,
                coin=seen[item.photo_id].coin,
                label=item.label,
                group=item.coin_id,
                split=item.split,
                faces=item.faces,
                read=item.read,
            )
            for item in version.items
            if item.photo_id in seen
        ]
        if gone := len(version.items) - len(items):
            left_out.append(f"{gone} photos were removed since the version was frozen.")
    if free_only:
        free = [item for item in items if is_free(item.photo.licence)]
        if bound := len(items) - len(free):
            left_out.append(f"{bound} photos are not freely licensed.")
        items = free
    return items, left_out


def _as_it_stands(one: SeenPhoto) -> ExportItem:
    return ExportItem(
        photo=one.photo,
        coin=one.coin,
        label=one.photo.ruler,
        group=one.photo.coin_id,
        split=None,
        faces=one.faces,
        read=face_to_read(one.faces, one.photo.ruler),
    )


def _title(version: Version | None, items: list[ExportItem]) -> str:
    rendered = sum(item.photo.is_rendered for item in items)
    what = "Photos of coins"
    if rendered == len(items):
        what = "Rendered coins, no photographs"
    elif rendered:
        what = f"Photos of coins, {rendered} of {len(items)} rendered"
    if version is None:
        return f"{what}, as the collection stood when they were exported"
    return f"{what}, version {version.name} ({version.digest[:12]})"


def _about(
    version: Version | None, free_only: bool, keep_notes: bool
) -> dict[str, Any]:
    about: dict[str, Any] = {
        "format": 1,
        "free_only": free_only,
        "camera_notes": "kept" if keep_notes else "removed",
        "version": None,
    }
    if version is not None:
        about |= {
            "version": version.name,
            "digest": version.digest,
            "seed": version.seed,
            "created": version.created_at.isoformat(timespec="seconds"),
            "note": version.note,
        }
    return about
