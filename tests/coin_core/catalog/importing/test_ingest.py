"""Bringing photos in: what arrives, what is said of what does not, going on."""

import csv
import errno
import io
import json
import os
import shutil
import signal
import threading
import time
import unicodedata
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import update

from coin_core import jobs
from coin_core.catalog import (
    CatalogFace,
    PhotoQuery,
    PhotoRecord,
    RotatedBox,
    Side,
    open_catalog,
)
from coin_core.catalog.exporting.writer import export
from coin_core.catalog.import_records import ImportState, ItemState
from coin_core.catalog.importing import ingest as import_run
from coin_core.catalog.importing import ledger
from coin_core.catalog.importing.ingest import (
    Prepared,
    discard_import,
    import_photos,
    list_imports,
    resume_import,
    stage_uploads,
    staged,
    start_again,
    start_import_process,
    stop_import,
)
from coin_core.catalog.importing.tables import EXPORT_COLUMNS
from coin_core.catalog.schema import ImportRow
from coin_core.catalog.similarity import THUMBNAIL_PX, Match
from coin_core.cli.main import main
from coin_core.errors import CatalogError
from coin_core.imaging import photo_io
from coin_core.storage import data_dir

THUMBNAIL = np.zeros((THUMBNAIL_PX, THUMBNAIL_PX), np.uint8)
FACE = CatalogFace(
    box=RotatedBox(left=0.1, top=0.1, right=0.9, bottom=0.9), side=Side.LEGEND
)


@pytest.fixture
def nets():
    """Asked for by tests in which the nets look at the photos."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch, request):
    """Elsewhere photos are prepared without them."""
    if "nets" in request.fixturenames:
        return

    def prepare(data, name):
        pixels = photo_io.decode(data, name=name)
        return Prepared(
            thumbnail=THUMBNAIL,
            extension="png",
            size_px=(pixels.shape[1], pixels.shape[0]),
            phash="",
            quality=0.5,
            faces=(FACE,),
        )

    monkeypatch.setattr(import_run, "prepare", prepare)
    monkeypatch.setattr(import_run, "_keep_to_one_core", lambda: None)


def photo(number, size=32):
    rng = np.random.default_rng(number)
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (size, size, 3), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def lay_out(folder, *names):
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo(number))
    return folder


def bring(catalog, *sources, **options):
    last = list(import_photos(catalog, sources, who="ada", **options))[-1]
    return last, {
        item.key.rsplit("/", 1)[-1]: item
        for item in ledger.read_items(catalog, last.import_id)
    }


def by_name(catalog):
    found = catalog.queries.find(PhotoQuery(), offset=0, limit=1000).photos
    return {photo.file_name: photo for photo in found}


def test_folder_names_become_rulers_and_unknown_ones_are_told(catalog, tmp_path):
    lay_out(
        tmp_path,
        "Yehudah/obverse/a.png",
        "01 Jannaeus/b.png",
        "Herod/c.png",
        "train/d.png",
        "john_hyrcanus_i/.hidden.png",
        "john_hyrcanus_i/notes.txt",
    )
    last, items = bring(catalog, tmp_path)
    assert (last.state, last.done, last.failed) == (ImportState.DONE, 4, 0)
    rulers = {name: photo.ruler for name, photo in by_name(catalog).items()}
    assert rulers == {
        "a.png": "judah_aristobulus_i",
        "b.png": "alexander_jannaeus",
        "c.png": None,
        "d.png": None,
    }
    assert "'Herod' names no known ruler" in items["c.png"].message
    assert items["d.png"].message is None
    stored = by_name(catalog)["a.png"]
    assert catalog.photos.faces(stored.photo_id) == (FACE,)
    assert catalog.photos.coin(stored.coin_id).name_on_coin == "yehudah"
    assert catalog.edits.history(stored.photo_id)[0].who == "ada"
    assert catalog.check() == []


def test_folders_can_be_left_out_of_account(catalog, tmp_path):
    bring(catalog, lay_out(tmp_path, "Yehudah/a.png"), labels="none")
    assert by_name(catalog)["a.png"].ruler is None


def test_the_same_photo_is_known_and_keeps_its_label(catalog, tmp_path):
    lay_out(tmp_path / "one", "a.png")
    bring(catalog, tmp_path / "one")
    lay_out(tmp_path / "two", "Yehudah/b.png")
    last, items = bring(catalog, tmp_path / "two")
    assert (last.known, last.done) == (1, 1)
    assert items["b.png"].state is ItemState.KNOWN
    assert by_name(catalog)["a.png"].ruler == "judah_aristobulus_i"
    lay_out(tmp_path / "three", "Yonatan/c.png")
    _, items = bring(catalog, tmp_path / "three")
    assert "was kept" in items["c.png"].message
    assert by_name(catalog)["a.png"].ruler == "judah_aristobulus_i"
    assert catalog.queries.find(PhotoQuery(), offset=0, limit=9).total == 1


def test_one_bad_thing_does_not_stop_the_rest(catalog, tmp_path):
    lay_out(tmp_path, "a.png", "folder/b.png")
    (tmp_path / "bad.jpg").write_bytes(b"not a photo")
    (tmp_path / "bad.zip").write_bytes(b"not a zip")
    (tmp_path / os.fsdecode(b"odd\xff.png")).write_bytes(photo(7))
    last, items = bring(catalog, tmp_path, tmp_path / "gone.png")
    assert (last.state, last.done, last.failed) == (ImportState.DONE, 6, 3)
    assert "text file" in items["bad.jpg"].message
    assert "no ZIP archive" in items["bad.zip"].message
    assert items["gone.png"].message == "gone.png is not there."
    assert items["odd\\xff.png"].state is ItemState.DONE


def test_pictures_that_cannot_be_read_are_named_with_the_reason(catalog, tmp_path):
    unreadable = {
        "a.jxl": b"\xff\x0a" + bytes(40),
        "b.jp2": b"\0\0\0\x0cjP  \r\n\x87\n",
        "c.NEF": b"II*\0\x10\0\0\0CR\2\0" + bytes(40),
    }
    lay_out(tmp_path, "good.png")
    for name, data in unreadable.items():
        (tmp_path / name).write_bytes(data)
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as packed:
        packed.writestr("readme.txt", b"x")
        for name, data in unreadable.items():
            packed.writestr(f"in {name}", data + b"z")
    last, items = bring(catalog, tmp_path)
    assert (last.done, last.failed) == (7, 6)
    for place in ("", "in "):
        assert "is a JPEG XL picture" in items[f"{place}a.jxl"].message
        assert "is a JPEG 2000 picture" in items[f"{place}b.jp2"].message
        assert "is a raw camera file" in items[f"{place}c.NEF"].message


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_link_to_a_folder_is_named_and_not_followed(catalog, tmp_path):
    lay_out(tmp_path / "elsewhere", "b.png")
    lay_out(tmp_path / "in", "a.png")
    (tmp_path / "in" / "more").symlink_to(tmp_path / "elsewhere")
    last, items = bring(catalog, tmp_path / "in")
    assert (last.done, last.failed) == (2, 1)
    assert "a link to a folder" in items["more"].message


@pytest.mark.parametrize("packed", [False, True])
def test_one_folder_around_everything_is_the_top(catalog, tmp_path, packed):
    folder = lay_out(tmp_path / "in", "My coins/sub/a.png", "My coins/other/a.png")
    (folder / ".DS_Store").write_bytes(b"x")
    labels = folder / "My coins" / "labels.csv"
    labels.write_text("file,ruler\nsub/a.png,Yehudah\ngone.png,Yonatan\n")
    source = folder
    if packed:
        source = tmp_path / "z.zip"
        with zipfile.ZipFile(source, "w") as archive:
            for path in folder.rglob("*"):
                archive.write(path, path.relative_to(folder))
            archive.writestr("__MACOSX/My coins/._a.png", b"x")
    last, items = bring(catalog, source)
    assert (last.done, last.failed) == (3, 1)
    found = catalog.queries.find(PhotoQuery(), offset=0, limit=9).photos
    assert sorted(photo.ruler or "" for photo in found) == ["", "judah_aristobulus_i"]
    (problem,) = (item.message for item in items.values() if not item.photo_id)
    assert "names gone.png" in problem


def test_labels_in_an_archive_are_about_its_own_photos(catalog, tmp_path):
    for number, ruler in enumerate(("Yehudah", "Yonatan")):
        with zipfile.ZipFile(tmp_path / f"{number}.zip", "w") as archive:
            archive.writestr("a.png", photo(number))
            archive.writestr("labels.csv", f"file,ruler\na.png,{ruler}\n")
    last, _ = bring(catalog, tmp_path)
    assert (last.done, last.failed) == (2, 0)
    found = catalog.queries.find(PhotoQuery(), offset=0, limit=9).photos
    rulers = {photo.ruler for photo in found}
    assert rulers == {"judah_aristobulus_i", "alexander_jannaeus"}


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("with_folder", [False, True])
def test_names_are_compared_however_their_accents_are_stored(
    catalog, tmp_path, form, with_folder
):
    names = ["Münze Jérusalem.png", "ירושׁלים.png"]
    lay_out(tmp_path, *(unicodedata.normalize(form, name) for name in names))
    other = "NFD" if form == "NFC" else "NFC"
    rows = [f"{unicodedata.normalize(other, name)},Yehudah\n" for name in names]
    table = tmp_path / "table.csv"
    table.write_text("file,ruler\n" + "".join(rows), encoding="utf-8")
    last, _ = bring(catalog, table, *([tmp_path] if with_folder else []))
    assert (last.done, last.failed) == (2, 0)
    assert {p.ruler for p in by_name(catalog).values()} == {"judah_aristobulus_i"}


@pytest.mark.parametrize("kind", ["GIF", "AVIF"])
def test_gif_and_avif_are_imported_with_their_suffix(catalog, tmp_path, nets, kind):
    path = tmp_path / "coin.dat"
    Image.open(io.BytesIO(photo(1, 64))).save(path, kind)
    prepared = import_run.prepare(path.read_bytes(), "coin")
    assert (prepared.extension, prepared.size_px) == (kind.lower(), (64, 64))
    assert not prepared.remark


def test_a_damage_beside_the_pixels_becomes_a_remark(nets):
    data = io.BytesIO()
    Image.open(io.BytesIO(photo(1, 64))).save(data, "JPEG")
    assert "end marker" in import_run.prepare(data.getvalue()[:-2], "coin").remark


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_the_right_to_read_is_named(catalog, tmp_path):
    lay_out(tmp_path, "a.png", "locked/b.png")
    (tmp_path / "locked").chmod(0)
    last, items = bring(catalog, tmp_path)
    (tmp_path / "locked").chmod(0o700)
    assert last.failed == 1
    assert "cannot be opened (Permission denied)" in items["locked"].message


def test_a_folder_that_the_system_does_not_open_is_named(
    catalog, tmp_path, monkeypatch
):
    lay_out(tmp_path, "a.png", "locked/b.png")
    real = type(tmp_path).iterdir

    def iterdir(self):
        if self.name == "locked":
            raise PermissionError(13, "Permission denied")
        return real(self)

    monkeypatch.setattr(type(tmp_path), "iterdir", iterdir)
    last, items = bring(catalog, tmp_path)
    assert (last.failed, last.done) == (1, 2)
    assert "cannot be opened (Permission denied)" in items["locked"].message


def test_an_archive_is_brought_in_and_its_traps_are_named(catalog, tmp_path):
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as packed:
        packed.writestr("Yehudah/a.png", photo(1))
        packed.writestr("../b.png", photo(2))
        packed.writestr("inner.zip", b"")
        packed.writestr("readme.txt", b"x")
        packed.writestr("labels.csv", "file,weight_g\nYehudah/a.png,1.86\nz.png,1\n")
    last, items = bring(catalog, tmp_path / "z.zip")
    assert (last.done, last.failed) == (4, 3)
    stored = by_name(catalog)["a.png"]
    assert stored.ruler == "judah_aristobulus_i"
    assert catalog.photos.coin(stored.coin_id).weight_g == 1.86
    messages = " ".join(item.message for item in items.values() if item.message)
    assert "leads out" in messages
    assert "inside an archive" in messages
    assert "not in the archive" in messages
    assert not (tmp_path.parent / "b.png").exists()


TABLE = (
    "Bild;König;Gewicht;Achse;Coin;Lot;Lizenz;Ref\n"
    "a.png;Jehonatan;1,86 g;12h;7;<script>x</script>;CC BY-SA 4.0;Hendin 1150 (5th)\n"
    "b.png;Herod;heavy;13;7;=cmd|'/c'!A0;;\n"
    "missing.png;Yehudah;;;;;;\n"
    "../secret.png;;;;;;;\n"
)
MAPPING = {
    "file": "Bild",
    "ruler": "König",
    "weight_g": "Gewicht",
    "die_axis_h": "Achse",
    "coin_id": "Coin",
    "lot_text": "Lot",
    "licence": "Lizenz",
    "references": "Ref",
}


def test_a_table_tells_what_is_known_of_its_photos(catalog, tmp_path):
    folder = lay_out(tmp_path / "in", "a.png", "b.png", "c.png")
    (tmp_path / "secret.png").write_bytes(photo(9))
    (folder / "t.csv").write_text(TABLE, encoding="utf-8")
    last, items = bring(catalog, folder / "t.csv", mapping=MAPPING)
    assert (last.done, last.failed) == (4, 2)
    stored = by_name(catalog)
    assert set(stored) == {"a.png", "b.png"}
    one, other = stored["a.png"], stored["b.png"]
    assert one.ruler == "alexander_jannaeus"
    assert one.coin_id == other.coin_id  # told by the table
    coin = catalog.photos.coin(one.coin_id)
    assert (coin.weight_g, coin.die_axis_h) == (1.86, 12)
    assert coin.name_on_coin == "yehonatan"
    assert coin.references[0].catalogue == "Hendin"
    assert coin.references[0].edition == "5th"
    assert (one.licence, one.licence_raw) == ("cc-by-sa-4.0", "CC BY-SA 4.0")
    assert one.lot_text == "<script>x</script>"
    assert other.lot_text == "=cmd|'/c'!A0"
    for word in ("'Herod'", "'heavy'", "'13'"):
        assert word in items["b.png"].message
    messages = " ".join(str(item.message) for item in items.values())
    assert "missing.png, which is not there" in messages
    assert "outside the table's folder" in messages


def test_each_row_of_a_coin_adds_what_the_others_leave_out(catalog, tmp_path):
    folder = lay_out(tmp_path / "in", "a.png", "b.png")
    (folder / "t.csv").write_text(
        "file,coin,weight,notes,references,authority\n"
        "a.png,1,1.9,,,\n"
        "b.png,1,2.5,worn,TJC A12,Hendin\n",
        encoding="utf-8",
    )
    last, _items = bring(catalog, folder / "t.csv")
    assert (last.done, last.failed) == (2, 0)
    one, other = by_name(catalog).values()
    assert one.coin_id == other.coin_id
    coin = catalog.photos.coin(one.coin_id)
    assert (coin.weight_g, coin.notes, coin.authority) == (1.9, "worn", "Hendin")
    assert [reference.number for reference in coin.references] == ["A12"]


@pytest.mark.parametrize("beside", [True, False])
def test_of_two_rows_of_a_photo_the_first_counts_and_the_other_is_told(
    catalog, tmp_path, beside
):
    folder = lay_out(tmp_path / "in", "a.png", "b.png", "c.png")
    (folder / "t.csv").write_text(
        "file,ruler,weight\n"
        "a.png,Jannaeus,2.1\nb.png,Jannaeus,2.1\nc.png,Jannaeus,2.1\n"
        "a.png,John Hyrcanus I,9.9\nb.png,Alexander Jannaeus,9.9\n"
        'c.png,Jannaeus,"2,1 g"\n',
        encoding="utf-8",
    )
    sources = [folder / "t.csv"] if beside else [folder / "t.csv", folder]
    last, items = bring(catalog, *sources)
    assert (last.done, last.failed) == (3, 0)
    stored = by_name(catalog)
    assert [stored[f"{name}.png"].ruler for name in "abc"] == [
        None,
        "alexander_jannaeus",
        "alexander_jannaeus",
    ]
    weights = {catalog.photos.coin(one.coin_id).weight_g for one in stored.values()}
    assert weights == {2.1}
    assert items["a.png"].message == (
        "Row 5 of t.csv lists a.png again, as John Hyrcanus I; row 2 of t.csv was "
        "used. The rows name different rulers, so they gave no label."
    )
    assert items["b.png"].message == (
        "Row 6 of t.csv lists b.png again, with other weight in g; row 3 of t.csv was "
        "used."
    )
    assert items["c.png"].message is None


def test_tables_in_two_folders_name_their_own_photos(catalog, tmp_path):
    for number, name in enumerate(("one", "two")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "a.png").write_bytes(photo(number))
        (folder / "t.csv").write_text(f"file,weight\na.png,{number + 1}\n", "utf-8")
    tables = [tmp_path / "one/t.csv", tmp_path / "two/t.csv"]
    last, _items = bring(catalog, *tables, tables[0])
    assert (last.done, last.failed) == (2, 0)
    photos = catalog.queries.find(PhotoQuery()).photos
    coins = [catalog.photos.coin(one.coin_id) for one in photos]
    assert sorted(coin.weight_g for coin in coins) == [1, 2]


def test_rows_that_contradict_each_other_about_a_coin_are_told(catalog, tmp_path):
    folder = lay_out(tmp_path / "in", "a.png", "b.png", "c.png")
    (folder / "t.csv").write_text(
        "file,coin,ruler,weight,diameter\n"
        "a.png,C1,Alexander Jannaeus,2.1,\n"
        "b.png,C1,John Hyrcanus I,9.9,14\n"
        "c.png,C1,Jannaeus,,14\n",
        encoding="utf-8",
    )
    _last, items = bring(catalog, folder / "t.csv")
    assert {photo.ruler for photo in by_name(catalog).values()} == {
        "alexander_jannaeus"
    }
    assert items["b.png"].message == (
        "Row 3 of t.csv calls its coin John Hyrcanus I; the label Alexander Jannaeus "
        "was kept. Other values that row 3 of t.csv has for its coin were not used: "
        "weight in g."
    )
    assert items["a.png"].message is items["c.png"].message is None


def test_names_that_no_file_can_have_are_not_there(catalog, tmp_path):
    folder = lay_out(tmp_path / "in", "a.png")
    names = ("a.png", f"{'a' * 300}.png", f"{'b/' * 3000}c.png", "d\\0.png")
    rows = "\n".join(["file", *names])
    (folder / "t.csv").write_text(rows, encoding="utf-8")
    last, items = bring(catalog, folder / "t.csv", folder / f"{'e' * 300}.zip")
    assert (last.done, last.failed) == (5, 4)
    told = [str(item.message) for item in items.values() if item.message]
    assert sum("not there" in one for one in told) == 3, told
    assert sum("cannot be opened" in one for one in told) == 1, told


def test_a_table_that_comes_later_adds_what_was_not_known(catalog, tmp_path):
    folder = lay_out(tmp_path / "in", "a.png", "b.png")
    bring(catalog, folder)
    photos = by_name(catalog)
    catalog.edits.set_ruler([photos["b.png"].photo_id], "john_hyrcanus_i", who="bea")
    known = {"weight_g": 2.2, "notes": "worn"}
    catalog.edits.edit_coin(photos["b.png"].coin_id, known, who="bea")
    table = folder / "t.csv"
    table.write_text(
        "file,ruler,authority,weight_g,axis,denomination,licence,rights,credit,"
        "lot text\n"
        "a.png,Jannaeus,TJC,1.9,,half prutah,CC BY 4.0,name us,R. Cohen,=1+1\n"
        "b.png,Jannaeus,TJC,1.7,12,prutah,CC0,,,\n",
        encoding="utf-8",
    )
    last, items = bring(catalog, table)
    assert (last.known, last.failed) == (2, 0)
    one, other = by_name(catalog)["a.png"], by_name(catalog)["b.png"]
    assert (one.licence, one.licence_raw) == ("cc-by-4.0", "name us")
    assert (other.licence, other.licence_raw) == ("cc0", "CC0")
    assert (one.credit, one.lot_text) == ("R. Cohen", "=1+1")
    assert one.ruler == "alexander_jannaeus"
    coin = catalog.photos.coin(one.coin_id)
    assert (coin.weight_g, coin.authority) == (1.9, "TJC")
    assert "was added: credit, lot text, licence" in items["a.png"].message
    kept = catalog.photos.coin(other.coin_id)
    assert (kept.weight_g, kept.notes, kept.die_axis_h) == (2.2, "worn", 12)
    assert (kept.ruler_attributed, kept.authority) == ("john_hyrcanus_i", None)
    assert kept.denomination is None  # as its row names another ruler
    edits = len(catalog.edits.history(one.photo_id))
    bring(catalog, table)  # once more adds nothing
    assert len(catalog.edits.history(one.photo_id)) == edits
    table.write_text("file,weight_g\na.png,heavy\n", encoding="utf-8")
    _, items = bring(catalog, table)
    assert items["a.png"].message.startswith("In the catalog already")
    assert "'heavy' is not a weight in grams" in items["a.png"].message


def test_what_a_photo_that_looks_the_same_adds_to_its_coin_is_said(
    catalog, tmp_path, monkeypatch
):
    bring(catalog, lay_out(tmp_path / "one", "a.png"))
    match = Match(photo=by_name(catalog)["a.png"], similarity=1.0)
    monkeypatch.setattr(import_run.Matcher, "find", lambda *_, **__: match)
    (tmp_path / "b.png").write_bytes(photo(7))
    (tmp_path / "t.csv").write_text("file,weight,notes\nb.png,3.3,worn\n")
    last, items = bring(catalog, tmp_path / "t.csv")
    assert last.grouped == 1
    said = "by its look. What it lacked was added: weight in g, notes."
    assert said in items["b.png"].message


def test_a_table_goes_with_photos_from_elsewhere(catalog, tmp_path):
    lay_out(tmp_path / "in", "deep/a.png", "x/b.png", "y/b.png")
    (tmp_path / "t.csv").write_text(
        "file,ruler\nA.PNG,Yehudah\nb.png,Yehudah\nx/b.png,Yonatan\n", "utf-8"
    )
    last, _ = bring(catalog, tmp_path / "in", tmp_path / "t.csv")
    assert (last.done, last.failed) == (4, 1)  # "b.png" may be either
    rulers = sorted(str(photo.ruler) for photo in by_name(catalog).values())
    assert rulers[-1] == "judah_aristobulus_i"


@pytest.mark.parametrize(
    ("sources", "options", "match"),
    [
        ([], {}, "Nothing to import"),
        (["t.csv"], {"mapping": {"file": "Photo"}}, "no column Photo"),
        (["t.csv"], {}, "set to hold the file names"),
        (["a.png"], {"labels": "guess"}, "'folder' or 'none'"),
        (["a.png"], {"who": " "}, "signed"),
    ],
)
def test_wrong_use_is_told_before_anything_begins(
    catalog, tmp_path, sources, options, match
):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    paths = [tmp_path / name for name in sources]
    with pytest.raises(CatalogError, match=match):
        import_photos(catalog, paths, **({"who": "ada"} | options))
    assert list_imports(catalog) == ()


def test_names_with_two_underscores_share_a_coin(catalog, tmp_path):
    bring(catalog, lay_out(tmp_path, "x__1.png", "x__2.png", "y__1.png"))
    coins = [photo.coin_id for _, photo in sorted(by_name(catalog).items())]
    assert coins[0] == coins[1] != coins[2]


def test_a_stopped_import_goes_on_where_it_was(catalog, tmp_path):
    lay_out(tmp_path, *(f"{n}__{n % 2}.png" for n in range(8)))
    seen = []
    steps = import_photos(
        catalog, [tmp_path], who="ada", stop=lambda: seen.append(1) or len(seen) == 3
    )
    last = list(steps)[-1]
    assert (last.state, last.done, last.total) == (ImportState.STOPPED, 3, 8)
    again = list(import_photos(catalog, [tmp_path], who="ada"))[-1]
    assert again.import_id == last.import_id
    assert (again.state, again.done, again.known) == (ImportState.DONE, 8, 0)
    assert catalog.queries.find(PhotoQuery(), offset=0, limit=9).total == 8


def test_what_a_kill_left_unsaid_is_not_called_known(catalog, tmp_path, monkeypatch):
    """A kill between a photo and the word on it, and before any word at all."""
    lay_out(tmp_path, "a__1.png", "a__2.png", "b.png")
    with monkeypatch.context() as patched:
        patched.setattr(ledger, "record_results", lambda *_: None)
        steps = import_photos(catalog, [tmp_path], who="ada")
        for step in steps:
            if step.done == 2:
                break
        steps.close()
    catalog.close()
    (first,) = list_imports(catalog)
    assert (first.state, first.done) == (ImportState.STOPPED, 0)
    last = list(resume_import(catalog, first.import_id))[-1]
    assert (last.state, last.done, last.known) == (ImportState.DONE, 3, 0)
    coins = [photo.coin_id for _, photo in sorted(by_name(catalog).items())]
    assert coins[0] == coins[1]


def test_a_file_that_went_away_is_told(catalog, tmp_path):
    lay_out(tmp_path, "a.png", "b.png")
    list(import_photos(catalog, [tmp_path], who="ada", stop=lambda: True))
    (tmp_path / "b.png").unlink()
    last = list(import_photos(catalog, [tmp_path], who="ada"))[-1]
    assert (last.done, last.failed) == (2, 1)


def test_a_full_disk_stops_the_import_and_it_goes_on_later(
    catalog, tmp_path, monkeypatch
):
    lay_out(tmp_path, "a.png", "b.png")
    full = CatalogError("the disk is full. Make room and do it again")
    with monkeypatch.context() as patched:

        def add_photo(*_args, **_kwargs):
            raise full

        patched.setattr(type(catalog.photos), "add", add_photo)
        with pytest.raises(CatalogError, match="disk is full"):
            list(import_photos(catalog, [tmp_path], who="ada"))
    (stopped,) = list_imports(catalog)
    assert stopped.state is ImportState.STOPPED
    assert "disk is full" in stopped.error
    last = list(resume_import(catalog, stopped.import_id))[-1]
    assert (last.state, last.done, last.error) == (ImportState.DONE, 2, None)


@pytest.mark.parametrize("part", ["prepare", "facts_of"])
def test_a_photo_on_which_the_program_fails_is_left_out(
    catalog, tmp_path, monkeypatch, part
):
    lay_out(tmp_path, "a.png", "bad.png", "c.png")
    usual = getattr(import_run, part)

    def fail(*args, **options):
        if "bad.png" in (args[-1], getattr(args[0], "name", "")):
            raise OverflowError("too large")
        return usual(*args, **options)

    monkeypatch.setattr(import_run, part, fail)
    last, items = bring(catalog, tmp_path)
    assert (last.state, last.done, last.failed) == (ImportState.DONE, 3, 1)
    assert items["bad.png"].state is ItemState.FAILED
    message = "The program failed on it (OverflowError: too large)."
    assert items["bad.png"].message == message
    assert set(by_name(catalog)) == {"a.png", "c.png"}


def test_a_program_that_fails_on_every_photo_stops_the_import(
    catalog, tmp_path, monkeypatch
):
    lay_out(tmp_path, *(f"{n}.png" for n in range(30)))
    with monkeypatch.context() as patched:

        def fail(*_args):
            raise ImportError("no such module")

        patched.setattr(import_run, "prepare", fail)
        with pytest.raises(ImportError):
            list(import_photos(catalog, [tmp_path], who="ada"))
    (stopped,) = list_imports(catalog)
    assert (stopped.state, stopped.done < 30) == (ImportState.STOPPED, True)


def test_two_processes_cannot_work_on_one_import(catalog, tmp_path):
    lay_out(tmp_path, "a.png", "b.png")
    steps = import_photos(catalog, [tmp_path], who="ada")
    first = next(steps)
    with pytest.raises(CatalogError, match="running already"):
        resume_import(catalog, first.import_id)
    assert ledger.progress_of(catalog, first.import_id).state is ImportState.RUNNING
    stop_import(catalog, first.import_id)
    steps.close()
    with pytest.raises(CatalogError, match="no import 99"):
        resume_import(catalog, 99)


def test_a_running_import_without_a_process_counts_as_stopped(catalog, tmp_path):
    lay_out(tmp_path, "a.png")
    last, _ = bring(catalog, tmp_path)
    with catalog.database.writing() as connection:
        connection.execute(update(ImportRow).values(state="running"))
    found = ledger.progress_of(catalog, last.import_id)
    assert found.state is ImportState.STOPPED
    assert "interrupted" in found.error


def test_dropped_files_are_kept_until_they_are_in(catalog):
    table = b"file,ruler\na.png,Yehudah\n"
    sources = stage_uploads(
        catalog,
        [
            ("a.png", photo(1)),
            ("../../a.png", photo(2)),
            ("folder/b.png", photo(3)),
            ("t.csv", table),
        ],
    )
    folder = sources[0]
    assert [path.name for path in sources] == ["dropped", "t.csv"]
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.png"))
    assert names == ["a (2).png", "a.png", "folder/b.png"]
    last, _ = bring(catalog, *sources)
    assert (last.state, last.done, last.failed) == (ImportState.DONE, 3, 0)
    assert by_name(catalog)["a.png"].ruler == "judah_aristobulus_i"
    assert not folder.exists()


def test_dropped_files_go_with_a_start_that_is_refused(catalog, monkeypatch):
    """Unless there is an import already, which needs them when it is resumed."""
    files = [("a.png", photo(1)), ("t.csv", b"where,ruler\na.png,Yehudah\n")]
    uploads = ledger.uploads_of(catalog)
    with (
        pytest.raises(CatalogError, match="no column file"),
        staged(catalog, files) as sources,
    ):
        start_import_process(catalog, sources, who="ada", mapping={"file": "file"})
    assert list(uploads.iterdir()) == []

    def refuse(job):
        raise CatalogError("No process can be started.")

    monkeypatch.setattr("coin_core.jobs.start_job", refuse)
    with (
        pytest.raises(CatalogError, match="No process"),
        staged(catalog, files) as sources,
    ):
        start_import_process(catalog, sources, who="ada", mapping={"file": "where"})
    assert sources[0].exists()


def test_each_table_has_its_own_mapping(catalog, tmp_path):
    folder = lay_out(tmp_path / "in", "a.png", "b.png", "c.png")
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_text("where,king,other\na.png,Yehudah,Jannaeus\n")
    two.write_text("where,other,king\nb.png,Hyrcanus I,Yehudah\n")
    mappings = [{"file": "where", "ruler": name} for name in ("king", "other")]
    bring(catalog, folder, one, two, mapping=mappings)
    rulers = {name: found.ruler for name, found in by_name(catalog).items()}
    assert rulers["a.png"] == "judah_aristobulus_i"
    assert rulers["b.png"] == "john_hyrcanus_i"
    with pytest.raises(CatalogError, match="1 mappings are given for 2 tables"):
        bring(catalog, folder, one, two, mapping=mappings[:1])


def test_an_import_that_is_given_up_keeps_what_it_brought(catalog):
    sources = stage_uploads(catalog, [("a.png", photo(1)), ("b.png", photo(2))])
    stopped = list(import_photos(catalog, sources, who="ada", stop=lambda: True))[-1]
    discard_import(catalog, stopped.import_id)
    assert ledger.progress_of(catalog, stopped.import_id).state is ImportState.FAILED
    assert not sources[0].exists()
    assert catalog.queries.find(PhotoQuery(), offset=0, limit=9).total == 1


@pytest.mark.parametrize(
    ("report", "said"), [("none/x.csv", "there is no folder"), ("in", "is a folder")]
)
def test_a_report_without_a_place_is_refused_before_the_import(
    catalog, tmp_path, capsys, report, said
):
    folder = lay_out(tmp_path / "in", "a.png")
    assert main(["import", str(folder), "--report", str(tmp_path / report)]) == 2
    assert said in capsys.readouterr().err
    assert catalog.queries.find(PhotoQuery(), offset=0, limit=9).total == 0


@pytest.mark.parametrize("report", ["t.csv", "in/labels.csv", "in/a.png", "m.json"])
def test_a_report_does_not_replace_what_is_read(catalog, tmp_path, capsys, report):
    folder = lay_out(tmp_path / "in", "a.png")
    for table in (tmp_path / "t.csv", folder / "labels.csv"):
        table.write_text("file,ruler\na.png,Yehudah\n", encoding="utf-8")
    (tmp_path / "m.json").write_text('{"file": "file"}', encoding="utf-8")
    before = (tmp_path / report).read_bytes()
    command = ["import", str(folder), str(tmp_path / "t.csv")]
    command += ["--mapping", str(tmp_path / "m.json")]
    assert main([*command, "--report", str(tmp_path / report)]) == 2
    assert "is read by the import" in capsys.readouterr().err
    assert (tmp_path / report).read_bytes() == before


def test_a_report_or_an_export_does_not_replace_what_the_program_keeps(
    catalog, tmp_path, capsys
):
    folder = lay_out(tmp_path / "in", "a.png")
    kept = data_dir() / "kept.csv"
    kept.write_text("mine", encoding="utf-8")
    bring(catalog, folder)
    for command in (
        ["import", str(folder), "--report", str(kept)],
        ["dataset", "export", str(kept)],
    ):
        assert main(command) != 0
        assert "of the data folder" in capsys.readouterr().err
    assert kept.read_text("utf-8") == "mine"


def test_the_command_brings_in_and_says_what_it_could_not(
    catalog, tmp_path, capsys, monkeypatch
):
    folder = lay_out(tmp_path / "in", "Yehudah/a.png")
    (folder / "bad.jpg").write_bytes(b"x")
    (folder / "t.csv").write_text("P,K\nYehudah/a.png,Yonatan\n", encoding="utf-8")
    (tmp_path / "m.json").write_text(json.dumps({"file": "P", "ruler": "K"}))
    arguments = ["import", str(folder), str(folder / "t.csv"), "--who", "ada"]
    report = tmp_path / "report.csv"
    arguments += ["--mapping", str(tmp_path / "m.json"), "--report", str(report)]
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert "bad.jpg is a text file" in said
    assert "1 photo is in: 1 new, 0 in the dataset already.\n1 file is not in:" in said
    assert "- bad.jpg: is a text file.\nWhat to do: " in said
    with report.open(encoding="utf-8-sig", newline="") as file:
        rows = {Path(row["file"]).name: row for row in csv.DictReader(file)}
    assert rows["a.png"]["result"] == "imported"
    assert rows["bad.jpg"]["result"] == "not imported"
    assert "is a text file" in rows["bad.jpg"]["reason"]
    assert by_name(catalog)["a.png"].ruler == "alexander_jannaeus"
    assert main(["import"]) == 2
    assert main(["import", str(folder), "--mapping", str(folder / "t.csv")]) == 2


def test_a_photo_is_found_judged_and_recognised(catalog, tmp_path, nets):
    from coin_core.rendering import render_coin

    coin = Image.fromarray(render_coin(5, 1, size_px=160).image)
    (tmp_path / "Yehudah").mkdir()
    coin.save(tmp_path / "Yehudah/a.png")
    coin.save(tmp_path / "b.jpg", quality=40)
    coin.resize((80, 80)).save(tmp_path / "c.png")
    shutil.move(tmp_path / "b.jpg", tmp_path / "Yehudah/b.jpg")
    last, items = bring(catalog, tmp_path)
    assert (last.done, last.grouped) == (3, 2)
    stored = by_name(catalog)
    assert len({photo.coin_id for photo in stored.values()}) == 1
    assert stored["a.png"].quality > stored["c.png"].quality
    assert catalog.photos.faces(stored["a.png"].photo_id)[0].side is Side.LEGEND
    assert "by its look" in items["c.png"].message


@pytest.fixture
def kill_workers():
    """A function that kills the processes of imports; also called at the end."""

    def kill():
        for child in jobs._children.values():
            child.send_signal(signal.SIGKILL)
            child.wait()

    yield kill
    kill()


@pytest.mark.slow
def test_a_process_of_its_own_survives_kill_9(catalog, tmp_path, nets, kill_workers):
    lay_out(tmp_path, *(f"{n}.png" for n in range(12)))
    import_id = start_import_process(catalog, [tmp_path], who="ada")
    assert ledger.progress_of(catalog, import_id).state is ImportState.RUNNING
    wait_for(catalog, import_id, lambda p: p.done >= 1 or p.state != "running")
    kill_workers()
    killed = ledger.progress_of(catalog, import_id)
    if killed.state is not ImportState.DONE:
        assert killed.state is ImportState.STOPPED
        start_again(catalog, import_id)
        wait_for(catalog, import_id, lambda p: p.state == "done")
    last = ledger.progress_of(catalog, import_id)
    assert (last.done, last.failed, last.known) == (12, 0, 0)
    assert catalog.check(digests=True) == []


def wait_for(catalog, import_id, holds):
    give_up = time.monotonic() + 180
    while not holds(ledger.progress_of(catalog, import_id)):
        assert time.monotonic() < give_up, ledger.progress_of(catalog, import_id)
        time.sleep(0.05)


def test_a_rendered_photo_is_never_taken_for_a_photograph(catalog, tmp_path):
    data = photo(0)
    record = PhotoRecord(extension="png", width_px=32, height_px=32, is_rendered=True)
    catalog.photos.add(data, record, [], who="demo")
    lay_out(tmp_path, "Yehudah/a.png")
    last, _ = bring(catalog, tmp_path)
    assert last.known == 1
    assert catalog.queries.find(PhotoQuery(), offset=0, limit=9).photos[0].ruler is None


def test_an_exported_rendered_photo_stays_marked(catalog, tmp_path):
    lay_out(tmp_path, "a.png", "b.png")
    (tmp_path / "labels.csv").write_text("file,is_rendered\na.png,yes\nb.png,no\n")
    bring(catalog, tmp_path)
    marked = {name: photo.is_rendered for name, photo in by_name(catalog).items()}
    assert marked == {"a.png": True, "b.png": False}


def test_an_export_brings_what_a_scrape_has_said(catalog, tmp_path, tmp_path_factory):
    texts = {
        "source": "museum",
        "lot_text": "- found\n- worn" + " far away" * 4000,
        "image_url": "https://museum.example/1.png",
        "source_date": "May 2019",
        "label_evidence": "Label certain by rule 'name': 'Jannaeus'.",
    }
    record = PhotoRecord(extension="png", width_px=32, height_px=32, **texts)
    catalog.photos.add(photo(0), record, [FACE], who="scrape")
    export(catalog, tmp_path / "out.zip", form="zip")

    home = tmp_path_factory.mktemp("elsewhere")
    other = open_catalog(f"sqlite:///{home / 'c.sqlite'}", photos_dir=home / "photos")
    bring(other, tmp_path / "out.zip")
    (brought,) = by_name(other).values()
    assert {name: getattr(brought, name) for name in texts} == texts


@pytest.mark.parametrize("form", ["zip", "coco", "imagefolder"])
def test_an_export_brings_classes_of_ones_own(
    catalog, tmp_path, tmp_path_factory, form
):
    bring(catalog, lay_out(tmp_path / "in", "a.png"))
    photo_ids = [photo.photo_id for photo in by_name(catalog).values()]
    catalog.edits.set_ruler(photo_ids, "mattathias_antigonus", who="ada")
    out = tmp_path / ("out.zip" if form == "zip" else "out")
    export(catalog, out, form=form)

    home = tmp_path_factory.mktemp("elsewhere")
    other = open_catalog(f"sqlite:///{home / 'c.sqlite'}", photos_dir=home / "photos")
    _last, items = bring(other, out)
    (brought,) = by_name(other).values()
    assert brought.ruler == "mattathias_antigonus"
    assert {item.message for item in items.values()} == {None}


@pytest.mark.parametrize("form", ["zip", "coco"])
def test_an_export_brings_names_and_crops_to_another_dataset(
    catalog, tmp_path, tmp_path_factory, form
):
    lay_out(tmp_path / "in", "Yehudah/tray 1.png", "locus 7.png")
    bring(catalog, tmp_path / "in")
    left = CatalogFace(
        box=RotatedBox(left=1 / 3, top=0.0, right=0.5, bottom=1.0, turn_deg=-12.5),
        side=Side.CORNUCOPIA,
    )
    right = CatalogFace(box=RotatedBox(left=0.5, top=0.0, right=1.0, bottom=1.0))
    drawn = by_name(catalog)["locus 7.png"].photo_id
    catalog.edits.set_faces(drawn, [left, right], who="bea")
    out = tmp_path / ("out.zip" if form == "zip" else "out")
    export(catalog, out, form=form)

    home = tmp_path_factory.mktemp("elsewhere")
    other = open_catalog(f"sqlite:///{home / 'c.sqlite'}", photos_dir=home / "photos")
    bring(other, out)
    brought = by_name(other)
    assert brought.keys() == {"tray 1.png", "locus 7.png"}
    assert brought["tray 1.png"].ruler == "judah_aristobulus_i"
    assert other.photos.faces(brought["tray 1.png"].photo_id) == (FACE,)
    photo_id = brought["locus 7.png"].photo_id
    first, second = other.photos.faces(photo_id)
    assert (first.side, second.side) == (Side.CORNUCOPIA, None)
    assert first.box.left == pytest.approx(1 / 3, abs=1e-5)
    assert (first.box.turn_deg, second.box) == (-12.5, right.box)
    other.edits.reset_faces([photo_id], who="ada")
    assert other.photos.faces(photo_id) == (FACE,)


def test_a_kill_right_after_a_photo_costs_neither_its_label_nor_its_crops(
    catalog, tmp_path, monkeypatch
):
    bring(catalog, lay_out(tmp_path / "before", "first.png"))
    (first,) = by_name(catalog).values()
    (tmp_path / "in" / "photos").mkdir(parents=True)
    (tmp_path / "in" / "photos" / "a.png").write_bytes(photo(7))
    face = {"side": "legend", "left": 0.2, "top": 0.2, "right": 0.8, "bottom": 0.8}
    with (tmp_path / "in" / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([*EXPORT_COLUMNS, "file", "ruler"])
        faces = json.dumps([face | {"turn_deg": 12.0}])
        table.writerow(["", "a.png", 32, 32, faces, "photos/a.png", "Yehudah"])

    class Killed(BaseException):
        pass

    with monkeypatch.context() as patched:

        def kill(*_args):
            raise Killed

        match = Match(photo=first, similarity=1.0)
        patched.setattr(import_run.Matcher, "find", lambda *_, **__: match)
        patched.setattr(import_run.Matcher, "add", kill)
        with pytest.raises(Killed):
            list(import_photos(catalog, [tmp_path / "in"], who="ada"))
    bring(catalog, tmp_path / "in")
    stored = by_name(catalog)["a.png"]
    assert (stored.ruler, stored.coin_id) == ("judah_aristobulus_i", first.coin_id)
    (drawn,) = catalog.photos.faces(stored.photo_id)
    assert (drawn.box.left, drawn.box.turn_deg) == (0.2, 12.0)
    catalog.edits.reset_faces([stored.photo_id], who="ada")
    assert catalog.photos.faces(stored.photo_id) == (FACE,)


def test_an_export_of_crops_and_a_damaged_row_bring_no_boxes(catalog, tmp_path):
    lay_out(tmp_path, "photos/a.png", "photos/b.png", "train/c.png", "photos/d.png")
    box = json.dumps(
        [
            {
                "side": "legend",
                "left": 0.2,
                "top": 0.2,
                "right": 0.8,
                "bottom": 0.8,
                "turn_deg": 0.0,
            }
        ]
    )
    rows = [
        ("photos/a.png", 32, 32, box),
        ("photos/b.png", 64, 32, box),  # another picture than the row describes
        ("train/c.png", 32, 32, box),  # a crop
        ("photos/d.png", 32, 32, box.replace("0.8", "1.8")),
    ]
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(
            ["file", "sha256", "file_name", "width_px", "height_px", "faces"]
        )
        for name, width, height, faces in rows:
            table.writerow([name, "", "../../x:" + name[-5:], width, height, faces])
    _, items = bring(catalog, tmp_path)
    found = {
        photo.file_name: catalog.photos.faces(photo.photo_id)[0].box.left
        for photo in by_name(catalog).values()
    }
    assert found == {"x:a.png": 0.2, "b.png": 0.1, "c.png": 0.1, "d.png": 0.1}
    assert "were not understood" in items["d.png"].message


@pytest.mark.parametrize("damage", ["lost", "of the same length", "unreadable"])
def test_an_original_that_was_lost_or_damaged_is_put_back(
    catalog, tmp_path, monkeypatch, damage
):
    bring(catalog, lay_out(tmp_path, "a.png"))
    path = catalog.photos.path(by_name(catalog)["a.png"])
    if damage == "lost":
        path.unlink()
    else:
        path.write_bytes(bytes(path.stat().st_size))
    if damage == "unreadable":
        kind = type(catalog.photos.originals)
        is_unchanged = kind._is_unchanged

        def fail_once(self, name: str) -> bool:
            monkeypatch.setattr(kind, "_is_unchanged", is_unchanged)
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(kind, "_is_unchanged", fail_once)
    last, _ = bring(catalog, tmp_path)
    assert last.known == 1
    assert catalog.check(digests=True) == []


def test_a_photo_in_doubt_is_not_put_together_with_a_labelled_coin(
    catalog, tmp_path, monkeypatch
):
    lay_out(tmp_path, "one/Jannaeus/a.png", "two/Jannaeus?/b.png")
    bring(catalog, tmp_path / "one")
    labelled = by_name(catalog)["a.png"]
    match = Match(photo=labelled, similarity=1.0)
    monkeypatch.setattr(import_run.Matcher, "find", lambda *_, **__: match)
    _, items = bring(catalog, tmp_path / "two")
    doubted = by_name(catalog)["b.png"]
    assert doubted.ruler is None
    assert doubted.coin_id != labelled.coin_id
    assert "'Jannaeus?' is in doubt" in items["b.png"].message
    assert "suggested: alexander_jannaeus" in doubted.label_evidence


def test_an_import_that_ends_while_somebody_looks_is_not_interrupted(
    catalog, monkeypatch
):
    import_id = ledger.create(catalog, "photos", {})
    is_running = ledger.is_running

    def is_running_after_its_end(number: int) -> bool:
        ledger.set_state(catalog, number, ImportState.DONE)
        return is_running(number)

    monkeypatch.setattr(ledger, "is_running", is_running_after_its_end)
    progress = ledger.progress_of(catalog, import_id)
    assert (progress.state, progress.error) == (ImportState.DONE, None)


def test_few_bytes_wait_behind_a_photo_that_takes_long(monkeypatch):
    monkeypatch.setattr(import_run, "_WORKERS", 2)
    monkeypatch.setattr(import_run, "_AHEAD", 1000)
    monkeypatch.setattr(import_run, "_AHEAD_BYTES", 100)
    may_end, begun = threading.Event(), []

    def load(number):
        begun.append(number)
        assert number or may_end.wait(60)
        return import_run._Loaded(data=bytes(40))

    with ThreadPoolExecutor(2) as pool, ThreadPoolExecutor(1) as reader:
        loaded = import_run._load_ahead(pool, load, range(50))
        first = reader.submit(next, loaded)
        end = time.monotonic() + 60
        while len(begun) < 4 and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.2)
        # The first, those whose bytes reach the limit, and what was under way by then.
        assert 4 <= len(begun) <= 4 + 2
        may_end.set()
        assert [first.result(60)[0], *(item for item, _ in loaded)] == [*range(50)]
