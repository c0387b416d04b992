"""Exports: what is in them, what they cannot do, and that a kill leaves no half."""

import csv
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from coin_core.catalog import CatalogFace, CoinFacts, PhotoRecord, RotatedBox, Side
from coin_core.catalog.exporting.sheets import guard, table
from coin_core.catalog.exporting.writer import export
from coin_core.catalog.versions import freeze
from coin_core.errors import CatalogError
from coin_core.training.datasets import list_photos

RULERS = ("john_hyrcanus_i", "judah_aristobulus_i", "alexander_jannaeus")
LEGEND = RotatedBox(left=0.5, top=0.1, right=1.0, bottom=0.9)
OTHER = RotatedBox(left=0.0, top=0.1, right=0.5, bottom=0.9)
FACES = [
    CatalogFace(box=OTHER, side=Side.CORNUCOPIA),
    CatalogFace(box=LEGEND, side=Side.LEGEND),
]


@pytest.fixture
def place(tmp_path):
    """An empty folder to write to."""
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


@pytest.fixture
def add(catalog, encode_photo, monkeypatch):
    """A function (n, orientation=1, faces=FACES, notes={}, **record) -> photo id.

    The left half is blue, the right one red.
    """

    monkeypatch.setattr(os, "fsync", lambda handle: None)  # no waiting for the disk

    def picture(number, ruler="", orientation=1, faces=FACES, notes=None, **record):
        pixels = np.zeros((40, 80, 3), np.uint8)
        pixels[:, :40, 2] = 250
        pixels[:, 40:, 0] = 200
        pixels[0, 0] = number  # no two files alike
        image = Image.fromarray(pixels)
        exif = image.getexif()
        if orientation != 1:
            # Stored on its side, to be turned by whoever shows it.
            image = image.transpose(Image.Transpose.ROTATE_90)
            exif[0x0112] = orientation
        exif.update(notes or {})
        given = {"exif": exif} if exif else {}
        data = encode_photo(image, "JPEG", quality=95, **given)
        chosen = RULERS[number % 3] if ruler == "" else ruler
        fields = {
            "extension": "jpg",
            "width_px": 80,
            "height_px": 40,
            "licence": "cc-by-4.0",
            "credit": "Ada",
            "source_url": f"https://example.org/{number}",
            "coin": CoinFacts(ruler_attributed=chosen, weight_g=2.1),
        }
        made = PhotoRecord(**(fields | record))
        return catalog.photos.add(data, made, faces, who="ada").photo_id

    return picture


@pytest.fixture
def ids(add):
    return [add(number) for number in range(12)]


def read_table(data):
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def test_imagefolder_holds_upright_crops_by_split_and_ruler(catalog, ids, place):
    version = freeze(catalog, "v1")
    done = export(catalog, place / "out", version="v1")
    assert done.photos == 12
    crops = sorted((place / "out").glob("*/*/*.jpg"))
    assert len(crops) == 12
    assert {path.parts[-3] for path in crops} == {"train", "validation", "test"}
    assert {path.parts[-2] for path in crops} == set(RULERS)
    crop = np.asarray(Image.open(crops[0]))
    assert crop.shape[0] == crop.shape[1] == 64
    red, _, blue = crop[16:48, 24:40].reshape(-1, 3).mean(axis=0)
    assert red > 150 > 60 > blue
    manifest = json.loads((place / "out" / "manifest.json").read_text())
    assert manifest["digest"] == version.digest
    assert len(manifest["items"]) == 12


def test_an_imagefolder_can_be_trained_on_again(catalog, ids, place):
    catalog.edits.group_coins([ids[0], ids[3]], who="ada")
    export(catalog, place / "out")
    # The photos of this catalog differ by their colours alone, some not at all.
    photos, classes = list_photos(place / "out", allow_duplicates=True)
    assert set(classes) == set(RULERS)
    assert len({photo.path.stem.partition("__")[0] for photo in photos}) == 11


def test_a_turned_face_is_turned_upright(catalog, add, place):
    turned = RotatedBox(left=0.25, top=0.0, right=0.75, bottom=1.0, turn_deg=180)
    add(0, faces=[CatalogFace(box=turned, side=Side.LEGEND)])
    export(catalog, place / "out")
    (path,) = (place / "out").glob("*/*.jpg")
    crop = np.asarray(Image.open(path)).astype(int)
    # Blue was on the left; turned by half, it is on the right.
    assert crop[32, 50, 2] > 150 > crop[32, 12, 2]


def test_coco_has_boxes_in_pixels_of_the_files(catalog, add, ids, place):
    add(12, orientation=6)
    freeze(catalog, "v1")
    done = export(catalog, place / "out", form="coco", version="v1")
    assert done.photos == 13
    seen = 0
    for path in (place / "out" / "annotations").glob("*.json"):
        coco = json.loads(path.read_text())
        names = {c["id"]: c["name"] for c in coco["categories"]}
        boxes = {}
        for annotation in coco["annotations"]:
            boxes.setdefault(annotation["image_id"], []).append(annotation)
        assert coco["licenses"][0]["name"] == "cc-by-4.0"
        for image in coco["images"]:
            seen += 1
            # No reader has to know of EXIF to see the picture as it is described.
            picture = Image.open(place / "out" / "images" / image["file_name"])
            assert picture.size == (image["width"], image["height"]) == (80, 40)
            assert picture.getexif().get(0x0112, 1) == 1
            first, second = boxes[image["id"]]
            assert names[first["category_id"]] == "cornucopia"
            assert names[second["category_id"]] == "legend"
            assert second["bbox"] == [40.0, 4.0, 40.0, 32.0]
            assert second["attributes"]["ruler"] == image["ruler"]
            assert np.asarray(picture)[20, 60, 0] > 150
    assert seen == 13


def test_a_zip_holds_originals_and_says_whose_they_are(catalog, add, ids, place):
    unlabelled = add(20, ruler=None, credit="Bert\nLicence: none", licence=None)
    done = export(catalog, place / "out.zip", form="zip")
    assert done.photos == 13
    with zipfile.ZipFile(place / "out.zip") as archive:
        names = archive.namelist()
        rows = read_table(archive.read("labels.csv"))
        assert [row["file"] for row in rows] == names[:13]
        photo = catalog.photos.get(ids[0])
        row = next(row for row in rows if row["photo_id"] == str(ids[0]))
        assert archive.read(row["file"]) == catalog.photos.path(photo).read_bytes()
        assert row["sha256"] == photo.sha256
        assert row["weight_g"] == "2.1"
        bare = next(row for row in rows if row["photo_id"] == str(unlabelled))
        assert bare["file"].startswith("unlabelled/")
        told = archive.read("ATTRIBUTION.txt").decode()
        assert "Licence: cc-by-4.0 (https://creativecommons.org" in told
        assert "Source: https://example.org/0" in told
        # No text can pose as the entry of another photo.
        assert "Credit: Bert Licence: none" in told
        assert "unknown; ask before publishing" in told
        # Its photos keep their EXIF orientation, which COCO readers do not know.
        assert names[13:] == ["labels.csv", "manifest.json", "ATTRIBUTION.txt"]


CAMERA = {0x010F: "Finderscope", 0x013B: "Ada at locus 12"}


@pytest.mark.parametrize("form", ["zip", "coco"])
def test_what_the_camera_wrote_stays_at_home(catalog, add, place, form):
    noted, turned = add(0, notes=CAMERA), add(1, orientation=6, notes=CAMERA)
    plain = add(2)
    before = {path.name: path.read_bytes() for path in catalog.photos_dir.glob("*.jpg")}
    for name, keep in (("bare", False), ("kept", True)):
        out = place / (f"{name}.zip" if form == "zip" else name)
        done = export(catalog, out, form=form, keep_notes=keep)
        files, manifest = read_back(out)
        told = {item["sha256"]: item for item in manifest["items"]}
        assert manifest["camera_notes"] == ("kept" if keep else "removed")
        for photo_id in (noted, turned, plain):
            item = told[catalog.photos.get(photo_id).sha256]
            data = files[item["file"]]
            assert hashlib.sha256(data).hexdigest() == item["file_sha256"]
            picture = Image.open(io.BytesIO(data))
            # COCO readers do not turn photos: what lies on its side is saved anew.
            noteless = photo_id == plain or (form == "coco" and photo_id == turned)
            kept = keep and not noteless
            assert (b"locus 12" in data) == kept
            assert (0x013B in picture.getexif()) == kept
            seen = np.asarray(ImageOps.exif_transpose(picture))
            assert seen.shape == (40, 80, 3)
            assert seen[20, 60, 0] > 150
        if not keep:
            assert done.stripped == 2
    after = {path.name: path.read_bytes() for path in catalog.photos_dir.glob("*.jpg")}
    assert after == before


def test_a_photo_that_is_saved_anew_is_described_as_it_is(
    catalog, add, encode_photo, place
):
    exif = Image.Exif()
    exif.update(CAMERA)
    image = Image.fromarray(np.full((40, 80, 3), 90, np.uint8))
    data = encode_photo(image, "TIFF", exif=exif)
    record = PhotoRecord(extension="tif", width_px=80, height_px=40)
    catalog.photos.add(data, record, FACES, who="ada")
    export(catalog, place / "out.zip", form="zip")
    files, manifest = read_back(place / "out.zip")
    (item,) = manifest["items"]
    assert item["file"].endswith(".jpg")
    assert b"locus 12" not in files[item["file"]]
    (row,) = read_table(files["labels.csv"])
    assert row["file"] == item["file"]
    assert (row["width_px"], row["height_px"]) == ("80", "40")


def read_back(out):
    """The files of an export by name, and its manifest."""
    if out.is_dir():
        files = {
            path.relative_to(out).as_posix(): path.read_bytes()
            for path in out.rglob("*")
            if path.is_file()
        }
    else:
        with zipfile.ZipFile(out) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
    return files, json.loads(files["manifest.json"])


def test_the_same_version_gives_the_same_zip(catalog, ids, place):
    freeze(catalog, "v1")
    for name in ("a.zip", "b.zip"):
        export(catalog, place / name, form="zip", version="v1")
    assert (place / "a.zip").read_bytes() == (place / "b.zip").read_bytes()


def test_only_free_photos_on_request(catalog, add, place):
    add(0)
    add(1, licence="cc-by-nc-4.0")
    add(2, licence=None)
    done = export(catalog, place / "out.csv", form="csv", free_only=True)
    assert done.photos == 1
    assert done.left_out == ("2 photos are not freely licensed.",)


def test_excluded_photos_stay_at_home(catalog, ids, place):
    catalog.edits.exclude([ids[0]], "noise", who="ada")
    assert export(catalog, place / "out.csv", form="csv").photos == 11


def test_rendered_coins_are_called_so(catalog, add, place):
    add(0, is_rendered=True)
    export(catalog, place / "out.zip", form="zip")
    with zipfile.ZipFile(place / "out.zip") as archive:
        told = archive.read("ATTRIBUTION.txt").decode()
        assert told.startswith("Rendered coins, no photographs")
        assert "no photograph of a coin" in told
        assert json.loads(archive.read("manifest.json"))["items"][0]["is_rendered"]
        assert read_table(archive.read("labels.csv"))[0]["is_rendered"] == "yes"


def test_labels_cannot_leave_the_folder(catalog, add, place):
    for number, ruler in enumerate(("../../up", "..", "a/b", "a b", "CON", "ציון")):
        add(number, ruler=ruler)
    export(catalog, place / "in" / "out")
    assert sorted(path.name for path in place.iterdir()) == ["in"]
    folders = [p.name for p in (place / "in" / "out").iterdir() if p.is_dir()]
    assert sorted(folders) == ["CON", "a-b", "a-b-2", "ruler", "up", "ציון"]


def test_a_missing_original_is_named_and_the_others_written(catalog, ids, place):
    catalog.photos.path(catalog.photos.get(ids[0])).unlink()
    for form, out in (("zip", "o.zip"), ("imagefolder", "o"), ("coco", "c")):
        done = export(catalog, place / out, form=form)
        assert done.photos == 11
        assert f"Photo {ids[0]}: " in done.left_out[0]


def test_what_lies_there_is_never_replaced_by_a_folder(catalog, ids, place):
    (place / "out").mkdir()
    (place / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(CatalogError, match="left as it is"):
        export(catalog, place / "out")
    assert (place / "out" / "thesis.txt").read_text() == "mine"
    with pytest.raises(CatalogError, match="folder of original files"):
        export(catalog, catalog.photos_dir / "out")
    with pytest.raises(CatalogError, match="no export as 'xml'"):
        export(catalog, place / "x", form="xml")
    with pytest.raises(CatalogError, match="no version 'v9'"):
        export(catalog, place / "x", version="v9")
    assert [path.name for path in place.iterdir()] == ["out"]


def test_a_failed_export_leaves_nothing(catalog, ids, place, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("zipfile.ZipFile.writestr", full)
    with pytest.raises(CatalogError, match="disk is full"):
        export(catalog, place / "out.zip", form="zip")
    assert list(place.iterdir()) == []


FORMULAS = [
    "=cmd|' /C calc'!A0",
    "+1+2",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    " =1",
    "\r\n=1",
    "＝1+1",
    '"=1',
    "'=1",
    "\ufeff=1",
    "fine;=1",
    'fine;"=1',
    "fine\n=1",
    "fine\t@x",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_can_run(text):
    assert not runs(str(guard(text)))


def test_no_heading_can_run():
    """Those of the answers hold the names of classes, which come from a card."""
    line = table(["photo", "p_;=1+1"], [["a", 1]]).decode("utf-8-sig").splitlines()[0]
    assert not runs(line.replace(",", ";"))


def runs(cell):
    """Whether a spreadsheet, whatever its separator, may run a part of the cell."""
    for separator in ";\t|\n\r":
        for part in cell.split(separator):
            bare = part.lstrip(' "\u00a0\ufeff')
            if bare[:1] in tuple("=+-@＝＋－＠\t\r"):
                return True
    return False


@given(st.text(alphabet="=+-@;\t\r\n|\"' ax＝", max_size=12))
def test_no_text_becomes_a_formula(text):
    assert not runs(str(guard(text)))


def test_numbers_and_plain_words_are_left_as_they_are():
    assert guard(-2.5) == -2.5
    assert guard("a - b = c") == "a - b = c"
    assert guard("TJC A-7") == "TJC A-7"
    assert guard(None) == ""


def test_exported_lot_texts_cannot_run(catalog, add, place):
    add(0, lot_text=FORMULAS[0], credit="@x", file_name="=1.jpg")
    export(catalog, place / "out.csv", form="csv")
    (row,) = read_table((place / "out.csv").read_bytes())
    assert row["lot_text"] == "'" + FORMULAS[0]
    assert not any(runs(cell) for cell in row.values())


KILLED = """
import os, signal, sys
from coin_core.catalog import open_catalog
from coin_core.catalog.exporting.writer import export

out, form, at = sys.argv[1], sys.argv[2], int(sys.argv[3])
def progress(done, total):
    if done == at:
        os.kill(os.getpid(), signal.SIGKILL)
export(open_catalog(), out, form=form, progress=progress)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs signals and locks of POSIX")
def test_a_killed_export_leaves_no_half_and_the_next_clears_up(
    catalog, ids, place, project_root
):
    for form, name in (("zip", "out.zip"), ("coco", "out")):
        out = place / form / name
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(out), form, "7"],
            cwd=project_root,
            check=False,
            timeout=100,
        )
        assert done.returncode == -signal.SIGKILL
        assert not out.exists()
        endings = sorted(path.suffix for path in out.parent.iterdir())
        assert endings == [".lock", ".tmp"]
        export(catalog, out, form=form)
        assert [path.name for path in out.parent.iterdir()] == [name]


def test_another_exports_temporary_file_is_left_alone(catalog, ids, place):
    out = place / "out.zip"
    seen = []

    def progress(done, total):
        if done == 3:
            export(catalog, out, form="zip")
            seen.extend(path.name for path in place.iterdir())

    export(catalog, out, form="zip", progress=progress)
    assert len([name for name in seen if not name.endswith(".lock")]) == 2
    assert [path.name for path in place.iterdir()] == ["out.zip"]
