"""Writing an export in each of its forms, whole or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from coin_core.catalog.file_store import placing_file, placing_folder
from coin_core.catalog.importing.exif import without_notes
from coin_core.catalog.licences import is_free
from coin_core.catalog.records import UNLABELLED, PhotoStatus
from coin_core.catalog.splits import Split
from coin_core.catalog.versions import (
    PhotoDetails,
    Version,
    find_legend_face,
    load_photos,
    load_version,
)
from coin_core.detection.faces import crop_to_flan
from coin_core.errors import CatalogError, CoinError, UnreadablePhotoError
from coin_core.imaging import photo_io

if TYPE_CHECKING:
    from coin_core.catalog import Catalog

TABLE, MANIFEST, ATTRIBUTION = "labels.csv", "manifest.json", "ATTRIBUTION.txt"
_CROP_PX = range(64, 1025)
_QUALITY = 95
# What every reader of pictures opens; others are written as JPEG.
_PLAIN = ("jpg", "jpeg", "png", "bmp", "webp", "tif", "tiff")
_ORIENTATION = 0x0112
# The same data give the same ZIP, byte for byte.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)

Told = Callable[[int, int], None]
Written = list[tuple[str, ExportItem]]


class ExportForm(StrEnum):
    """In which form a data set leaves."""

    IMAGEFOLDER = "imagefolder"
    CSV = "csv"
    COCO = "coco"
    ZIP = "zip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was handed on.

    Attributes:
        path: The folder or file that was written.
        photos: How many photos it holds.
        left_out: A sentence for each kind of photo, or photo, that it does not hold.
        bared: How many photos went without what the camera had written into them.
    """

    path: Path
    photos: int
    left_out: tuple[str, ...] = ()
    bared: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Writing:
    """One export.

    Attributes:
        catalog: Where the originals are.
        items: What to write.
        title: What the data set is called.
        about: What its manifest says of it.
        progress: Called with photos done and photos in all.
        left_out: Sentences; those on photos that fail are added.
        keep_notes: Leave in the photos what the camera wrote into them.
        bared: Photos that had such notes taken out; filled while writing.
    """

    catalog: Catalog
    items: list[ExportItem]
    title: str
    about: dict[str, Any]
    progress: Told
    left_out: list[str]
    keep_notes: bool = False
    bared: list[int] = field(default_factory=list)

    def write(self, form: ExportForm, out: Path) -> Exported:
        """Write it all.

        Raises:
            CatalogError: It cannot be written; then nothing is left.
        """
        if form is ExportForm.CSV:
            count = self._table(out)
        elif form is ExportForm.COCO:
            count = self._coco(out)
        elif form is ExportForm.ZIP:
            count = self._zip(out)
        else:
            count = self._imagefolder(out)
        return Exported(
            path=out,
            photos=count,
            left_out=tuple(self.left_out),
            bared=len(self.bared),
        )

    def _table(self, out: Path) -> int:
        """The table alone."""
        with placing_file(out) as fresh:
            fresh.write_bytes(write_table([("", item) for item in self.items]))
        return len(self.items)

    def _imagefolder(self, out: Path) -> int:
        """SPLIT/RULER/crop.jpg, or RULER/crop.jpg without a version."""
        written: Written = []
        with placing_folder(out) as fresh:
            for item, name in self._named():
                with self._passing_over(item):
                    path = fresh / f"{name}.jpg"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    crop = self._crop(item)
                    path.write_bytes(crop)
                    written.append((f"{name}.jpg", _with_digest(item, crop)))
                    self.progress(len(written), len(self.items))
            for name, data in self._papers(written).items():
                (fresh / name).write_bytes(data)
        return len(written)

    def _coco(self, out: Path) -> int:
        """images/ with whole photos, annotations/ with a file for each split."""
        written: Written = []
        with placing_folder(out) as fresh:
            (fresh / "annotations").mkdir()
            (fresh / "images").mkdir()
            for item, name in self._named():
                with self._passing_over(item):
                    data, told = self._photo(item, upright=True)
                    file = f"{name.split('/')[-1]}.{told.photo.extension}"
                    (fresh / "images" / file).write_bytes(data)
                    written.append((file, told))
                    self.progress(len(written), len(self.items))
            for split in (*Split, None):
                part = [pair for pair in written if pair[1].split is split]
                if part:
                    path = fresh / "annotations" / f"{split or 'all'}.json"
                    path.write_bytes(write_coco(part, self._info()))
            named = [(f"images/{file}", item) for file, item in written]
            for name, data in self._papers(named).items():
                (fresh / name).write_bytes(data)
        return len(written)

    def _zip(self, out: Path) -> int:
        """Whole photos, table, COCO annotations, manifest, attribution in one file."""
        written: Written = []
        with (
            placing_file(out) as fresh,
            zipfile.ZipFile(fresh, "w", allowZip64=True) as archive,
        ):
            for item, name in self._named():
                with self._passing_over(item):
                    data, told = self._photo(item, upright=False)
                    file = f"photos/{name}"
                    if item.label is None:
                        file = f"{UNLABELLED}/{name.split('/')[-1]}"
                    file = f"{file}.{told.photo.extension}"
                    archive.writestr(_entry(file), data)
                    written.append((file, told))
                    self.progress(len(written), len(self.items))
            papers = self._papers(written)
            papers["coco.json"] = write_coco(written, self._info())
            for name, data in papers.items():
                archive.writestr(_entry(name, zipfile.ZIP_DEFLATED), data)
        return len(written)

    def _named(self) -> Iterator[tuple[ExportItem, str]]:
        """Each item with a path without ending that is safe and tells its coin."""
        folders: dict[str, str] = {}
        for item in self.items:
            label = item.label or UNLABELLED
            if label not in folders:
                folders[label] = _folder_name(label, set(folders.values()))
            split = f"{item.split}/" if item.split else ""
            # What stands before "__" says which photos show one coin.
            name = f"coin-{item.group}__photo-{item.photo.photo_id}"
            yield item, f"{split}{folders[label]}/{name}"

    def _original(self, item: ExportItem) -> Path:
        source = self.catalog.photos.path(item.photo)
        if not source.is_file():
            raise UnreadablePhotoError(
                "its original is missing. Put it back from a backup, or import it "
                "again."
            )
        return source

    @contextmanager
    def _passing_over(self, item: ExportItem) -> Iterator[None]:
        """A photo that cannot be read is named and left out."""
        try:
            yield
        except CatalogError:
            raise
        except CoinError as error:
            self.left_out.append(f"Photo {item.photo.photo_id}: {error}")

    def _crop(self, item: ExportItem) -> bytes:
        """The face that is learnt from, upright; the whole photo where none is."""
        image = photo_io.read(self._original(item))
        if item.face_index is not None:
            box = item.faces[item.face_index].box
            across = (box.right - box.left) * image.shape[1]
            down = (box.bottom - box.top) * image.shape[0]
            side = min(max(round(max(across, down)), _CROP_PX[0]), _CROP_PX[-1])
            image = crop_to_flan(image, box, side)
        return _as_jpeg(image)

    def _photo(self, item: ExportItem, *, upright: bool) -> tuple[bytes, ExportItem]:
        """A file as it is handed on, and the item as it describes that file.

        It is the original, unless notes had to be taken out of it, or readers that
        know no EXIF would turn it.
        """
        data = self._original(item).read_bytes()
        given: bytes | None = data
        if upright and not (item.photo.extension in _PLAIN and _is_upright(data)):
            given = None
        elif not self.keep_notes:
            given = without_notes(data)
        if given is None:
            image = photo_io.decode(data, name=item.photo.file_name or "photo")
            given = _as_jpeg(image)
            height, width = image.shape[:2]
            photo = replace(
                item.photo, extension="jpg", width_px=width, height_px=height
            )
            item = replace(item, photo=photo)
        if given != data:
            self.bared.append(item.photo.photo_id)
        return given, _with_digest(item, given)

    def _papers(self, written: Sequence[tuple[str, ExportItem]]) -> dict[str, bytes]:
        """The files that go with the pictures."""
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
        text = json.dumps(manifest, ensure_ascii=False)
        return {
            TABLE: write_table(written),
            MANIFEST: text.encode(),
            ATTRIBUTION: write_attribution(written, self.title),
        }

    def _info(self) -> dict[str, Any]:
        return {"description": self.title, **self.about}


def _folder_name(label: str, taken: set[str]) -> str:
    """A label as a folder that every system takes and that stays where it is put."""
    plain = re.sub(r"[^\w-]+", "-", label).strip("-")[:60] or "ruler"
    name, number = plain, 2
    lower = {other.lower() for other in taken}
    while name.lower() in lower:
        name, number = f"{plain}-{number}", number + 1
    return name


def _entry(name: str, kind: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _ZIP_TIME)
    entry.compress_type = kind
    entry.external_attr = 0o644 << 16
    return entry


def _as_jpeg(image: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def _with_digest(item: ExportItem, data: bytes) -> ExportItem:
    return replace(item, file_sha256=hashlib.sha256(data).hexdigest())


def _is_upright(data: bytes) -> bool:
    """Whether a picture is stored as it is to be seen."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.getexif().get(_ORIENTATION, 1) in (0, 1)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


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
    with catalog.database.reading() as connection:
        seen = {one.photo.photo_id: one for one in load_photos(connection, progress)}
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
                if item.label is not None
                and (item.face_index is not None or not item.faces)
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
                face_index=item.face_index,
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


def _as_it_stands(one: PhotoDetails) -> ExportItem:
    return ExportItem(
        photo=one.photo,
        coin=one.coin,
        label=one.photo.ruler,
        group=one.photo.coin_id,
        split=None,
        faces=one.faces,
        face_index=find_legend_face(one.faces, one.photo.ruler),
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
