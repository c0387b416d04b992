"""Export photos in one of several forms; an export is written whole or not at all."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from coin_core.catalog.exporting.forms import (
    ExportItem,
    faces_of,
    write_attribution,
    write_coco,
    write_table,
)
from coin_core.catalog.file_store import new_file, new_folder
from coin_core.catalog.importing.exif import strip_metadata
from coin_core.catalog.licences import is_free
from coin_core.catalog.records import UNLABELLED, PhotoStatus
from coin_core.catalog.repository import Catalog
from coin_core.catalog.splits import Split
from coin_core.catalog.versions import (
    Version,
    find_legend_face,
    load_photos,
    load_version,
)
from coin_core.errors import CatalogError, CoinError, UnreadablePhotoError
from coin_core.imaging import photo_io
from coin_core.imaging.preprocessing import crop_to_flan
from coin_core.jobs import ProgressCallback
from coin_core.storage import dump_json, is_own_file

TABLE, MANIFEST, ATTRIBUTION = "labels.csv", "manifest.json", "ATTRIBUTION.txt"
_IMAGES = "images/"
_MIN_CROP_PX, _MAX_CROP_PX = 64, 1024
_QUALITY = 95
# Formats that every program opens; others are written as JPEG.
_COMMON = ("jpg", "jpeg", "png", "bmp", "webp", "tif", "tiff")
_UPRIGHT = 1
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # so that equal data give an equal ZIP


class ExportForm(StrEnum):
    """The form of an export."""

    IMAGEFOLDER = "imagefolder"
    CSV = "csv"
    COCO = "coco"
    ZIP = "zip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The result of an export.

    Attributes:
        path: The folder or file that was written.
        photos: How many photos it contains.
        left_out: A sentence for each photo, or kind of photo, that was left out.
        stripped: How many photos had camera metadata removed.
    """

    path: Path
    photos: int
    left_out: tuple[str, ...] = ()
    stripped: int = 0


def export(
    catalog: Catalog,
    out: Path | str,
    *,
    form: ExportForm | str = ExportForm.IMAGEFOLDER,
    version: str | None = None,
    free_only: bool = False,
    keep_notes: bool = False,
    progress: ProgressCallback | None = None,
) -> Exported:
    """Export a frozen version, or the dataset as it is now.

    Excluded photos are left out. Whole photos lose their camera metadata (place, serial
    number, owner); the catalog's original files do not change. ImageFolder contains
    the face with the legend, cropped and turned upright. All forms except the table
    include a manifest with digests, and an attribution file with licence, credit and
    source.

    Args:
        catalog: The catalog with the photos.
        out: A new folder; a file for a table or a ZIP.
        form: The form of the export.
        version: A frozen version; None for the dataset as it is now.
        free_only: Leave out photos without a free licence.
        keep_notes: Keep the camera metadata.
        progress: Called with photos done and photos in all.

    Raises:
        CatalogError: There is nothing to export, no such version, or no room.
    """
    try:
        checked = ExportForm(form)
    except ValueError as error:
        raise CatalogError(
            f"There is no export as {form!r}; there are {', '.join(ExportForm)}."
        ) from error
    out = Path(out).absolute()
    if out.resolve().is_relative_to(catalog.photos_dir.resolve()):
        raise CatalogError(
            f"{out} is in the catalog's folder of original files. Name another place."
        )
    if is_own_file(out):
        raise CatalogError(
            f"{out} is a file of the data folder, and the export would replace it. "
            "Name another place."
        )
    frozen = None if version is None else load_version(catalog, version)
    items, left_out = _collect(catalog, frozen, free_only, checked, progress)
    if not items:
        raise CatalogError(
            "There is no photo to export. " + " ".join(left_out or ("None is there.",))
        )
    about: dict[str, Any] = {
        "format": 1,
        "free_only": free_only,
        "camera_notes": "kept" if keep_notes else "removed",
        "version": None,
    }
    if frozen is not None:
        about |= {
            "version": frozen.name,
            "digest": frozen.digest,
            "seed": frozen.seed,
            "created": frozen.created_at.isoformat(timespec="seconds"),
            "note": frozen.note,
        }
    exporter = _Exporter(
        *(catalog, items, _title(frozen, items), about, left_out),
        keep_metadata=keep_notes,
        progress=progress or (lambda done, total: None),
    )
    return exporter.write(checked, out)


def _collect(
    catalog: Catalog,
    version: Version | None,
    free_only: bool,
    form: ExportForm,
    progress: ProgressCallback | None,
) -> tuple[list[ExportItem], list[str]]:
    """The photos to export, and sentences about those left out."""
    with catalog.database.reading() as connection:
        photos = {d.photo.photo_id: d for d in load_photos(connection, progress)}
    left_out = []
    if version is None:
        items = [
            ExportItem(
                photo=details.photo,
                coin=details.coin,
                label=details.photo.ruler,
                group=details.photo.coin_id,
                split=None,
                faces=details.faces,
                face_index=find_legend_face(details.faces, details.photo.ruler),
            )
            for details in photos.values()
            if details.photo.status is not PhotoStatus.EXCLUDED
        ]
        if form is ExportForm.IMAGEFOLDER:
            # A picture without ruler or legend belongs to no folder.
            total = len(items)
            items = [
                item
                for item in items
                if item.label is not None
                and (item.face_index is not None or not item.faces)
            ]
            if unread := total - len(items):
                left_out.append(f"{unread} photos have no ruler or show no legend.")
    else:
        items = [
            ExportItem(
                photo=photos[item.photo_id].photo,
                coin=photos[item.photo_id].coin,
                label=item.label,
                group=item.coin_id,
                split=item.split,
                faces=item.faces,
                face_index=item.face_index,
            )
            for item in version.items
            if item.photo_id in photos
        ]
        if gone := len(version.items) - len(items):
            left_out.append(f"{gone} photos were removed since the version was frozen.")
    if free_only:
        free = [item for item in items if is_free(item.photo.licence)]
        if bound := len(items) - len(free):
            left_out.append(f"{bound} photos are not freely licensed.")
        items = free
    return items, left_out


def _title(version: Version | None, items: list[ExportItem]) -> str:
    rendered = sum(item.photo.is_rendered for item in items)
    content = "Photos of coins"
    if rendered == len(items):
        content = "Rendered coins, no photographs"
    elif rendered:
        content = f"Photos of coins, {rendered} of {len(items)} rendered"
    if version is None:
        return f"{content}, as the dataset was when they were exported"
    return f"{content}, version {version.name} ({version.digest[:12]})"


class _Exporter:
    """Writes one export."""

    def __init__(
        self,
        catalog: Catalog,
        items: list[ExportItem],
        title: str,
        about: dict[str, Any],
        left_out: list[str],
        *,
        keep_metadata: bool,
        progress: ProgressCallback,
    ) -> None:
        self.catalog, self.items = catalog, items
        self.title, self.about = title, about
        self.left_out = left_out
        self.keep_metadata, self.progress = keep_metadata, progress
        self.stripped = 0

    def write(self, form: ExportForm, out: Path) -> Exported:
        """Write the export.

        Raises:
            CatalogError: It cannot be written; then nothing is left of it.
        """
        if form is ExportForm.CSV:
            with new_file(out) as file:
                file.write_bytes(write_table([("", item) for item in self.items]))
            count = len(self.items)
        elif form is ExportForm.ZIP:
            with (
                new_file(out) as path,
                zipfile.ZipFile(path, "w", allowZip64=True) as archive,
            ):
                count = self._write_files(
                    form, lambda name, data: archive.writestr(_zip_entry(name), data)
                )
        else:
            with new_folder(out) as folder:

                def put(name: str, data: bytes) -> None:
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    (folder / name).write_bytes(data)

                count = self._write_files(form, put)
        return Exported(
            path=out,
            photos=count,
            left_out=tuple(self.left_out),
            stripped=self.stripped,
        )

    def _write_files(self, form: ExportForm, put: Callable[[str, bytes], None]) -> int:
        """Write the photos and the documents; returns how many photos were written.

        Photos that cannot be read are left out and reported.
        """
        written: list[tuple[str, ExportItem]] = []
        for original, name in self._named_items():
            try:
                file, item, data = self._exported_file(form, original, name)
            except CatalogError:
                raise
            except CoinError as error:
                self.left_out.append(f"Photo {original.photo.photo_id}: {error}")
                continue
            put(file, data)
            written.append((file, item))
            self.progress(len(written), len(self.items))
        for name, data in self._documents(written).items():
            put(name, data)
        for split in (*Split, None) if form is ExportForm.COCO else ():
            part = [
                (file.removeprefix(_IMAGES), item)
                for file, item in written
                if item.split is split
            ]
            if part:
                name = f"annotations/{split or 'all'}.json"
                put(name, write_coco(part, self._info()))
        return len(written)

    def _exported_file(
        self, form: ExportForm, item: ExportItem, name: str
    ) -> tuple[str, ExportItem, bytes]:
        """The path and the bytes of an exported photo, and the item that describes it.

        ImageFolder has crops in SPLIT/RULER, or in RULER without a version; COCO has
        whole photos in images/, ZIP in photos/SPLIT/RULER.
        """
        if form is ExportForm.IMAGEFOLDER:
            crop = self._crop(item)
            return f"{name}.jpg", _with_digest(item, crop), crop
        data, item = self._whole_photo(item, upright=form is ExportForm.COCO)
        folder, _, base = name.rpartition("/")
        if form is ExportForm.COCO:
            path = f"{_IMAGES}{base}"
        elif item.label is None:
            path = f"{UNLABELLED}/{base}"
        else:
            path = f"photos/{folder}/{base}"
        return f"{path}.{item.photo.extension}", item, data

    def _named_items(self) -> Iterator[tuple[ExportItem, str]]:
        """Each item with a safe path without extension, which names its coin."""
        folders: dict[str, str] = {}
        for item in self.items:
            label = item.label or UNLABELLED
            if label not in folders:
                folders[label] = _folder_name(label, set(folders.values()))
            split = f"{item.split}/" if item.split else ""
            # The part before "__" tells which photos show one coin.
            name = f"coin-{item.group}__photo-{item.photo.photo_id}"
            yield item, f"{split}{folders[label]}/{name}"

    def _original(self, item: ExportItem) -> Path:
        path = self.catalog.photos.path(item.photo)
        if not path.is_file():
            raise UnreadablePhotoError(
                "its original is missing. Put it back from a backup, or import it "
                "again."
            )
        return path

    def _crop(self, item: ExportItem) -> bytes:
        """The upright face to learn from, or else the whole photo, as JPEG."""
        image = photo_io.read(self._original(item))
        if item.face_index is not None:
            box = item.faces[item.face_index].box
            width = (box.right - box.left) * image.shape[1]
            height = (box.bottom - box.top) * image.shape[0]
            size_px = round(max(width, height))
            size_px = min(max(size_px, _MIN_CROP_PX), _MAX_CROP_PX)
            image = crop_to_flan(image, box, size_px)
        return _to_jpeg(image)

    def _whole_photo(
        self, item: ExportItem, *, upright: bool
    ) -> tuple[bytes, ExportItem]:
        """The file to export, and the item that describes this file.

        It is the original, unless metadata has to be removed, or programs that do not
        know EXIF would turn it.
        """
        original = self._original(item).read_bytes()
        data: bytes | None = original
        if upright and not (item.photo.extension in _COMMON and _is_upright(original)):
            data = None
        elif not self.keep_metadata:
            data = strip_metadata(original)
        if data is None:
            image = photo_io.decode(original, name=item.photo.file_name or "photo")
            data = _to_jpeg(image)
            height, width = image.shape[:2]
            photo = replace(
                item.photo, extension="jpg", width_px=width, height_px=height
            )
            item = replace(item, photo=photo)
        self.stripped += data != original
        return data, _with_digest(item, data)

    def _documents(self, written: Sequence[tuple[str, ExportItem]]) -> dict[str, bytes]:
        """The files that accompany the pictures."""
        if not written:
            raise CatalogError(
                "None of the photos could be written. " + " ".join(self.left_out[:3])
            )
        manifest = {
            **self.about,
            "items": [
                {
                    "file": file,
                    "file_sha256": item.file_sha256,
                    "sha256": item.photo.sha256,
                    "coin": item.group,
                    "ruler": item.label,
                    "split": item.split,
                    "is_rendered": item.photo.is_rendered,
                    "faces": faces_of(item),
                }
                for file, item in written
            ],
        }
        return {
            TABLE: write_table(written),
            MANIFEST: dump_json(manifest).encode(),
            ATTRIBUTION: write_attribution(written, self.title),
        }

    def _info(self) -> dict[str, Any]:
        return {"description": self.title, **self.about}


def _folder_name(label: str, taken: set[str]) -> str:
    """A folder name for a label that every file system accepts."""
    safe = re.sub(r"[^\w-]+", "-", label).strip("-")[:60] or "ruler"
    name, number = safe, 2
    lower = {other.lower() for other in taken}
    while name.lower() in lower:
        name, number = f"{safe}-{number}", number + 1
    return name


def _zip_entry(name: str) -> zipfile.ZipInfo:
    """An entry of a ZIP; photos are compressed already."""
    entry = zipfile.ZipInfo(name, _ZIP_TIME)
    if name.endswith((".csv", ".json", ".txt")):
        entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def _to_jpeg(image: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def _with_digest(item: ExportItem, data: bytes) -> ExportItem:
    return replace(item, file_sha256=hashlib.sha256(data).hexdigest())


def _is_upright(data: bytes) -> bool:
    """Whether a picture is stored in the orientation to show it in."""
    try:
        return photo_io.look(data).orientation == _UPRIGHT
    except UnreadablePhotoError:
        return False
