"""How an import ends: what is in, what is not, why, and what to do."""

from __future__ import annotations

import csv
import io
import re

import pytest

from coin_core.catalog.import_records import ImportItem, ItemState
from coin_core.catalog.import_report import (
    import_report,
    summarize_import,
    why_not_in,
)
from coin_core.catalog.importing import ingest, ledger
from coin_core.i18n import speaking
from coin_core.imaging.photo_io import ACCEPTED


def an_import(catalog, *results):
    """An import with items of these keys, states and messages."""
    import_id = ledger.create(catalog, "photos", {"sources": [], "who": "ada"})
    ledger.enter_items(catalog, import_id, [(key, None) for key, _, _ in results])
    items = [
        ImportItem(key=key, state=state, photo_id=None, message=message)
        for key, state, message in results
        if state is not ItemState.WAITING
    ]
    ledger.record_results(catalog, import_id, items)
    return import_id


def test_the_summary_counts_names_and_advises(catalog):
    raw = [
        (f"/in/{k}.dng", ItemState.FAILED, f"{k}.dng is a raw file; {ACCEPTED}.")
        for k in range(5)
    ]
    import_id = an_import(
        catalog,
        *raw,
        ("/in/a.zip!/b.jpg", ItemState.FAILED, "b.jpg in a.zip is locked."),
        ("/in/a.png", ItemState.DONE, None),
        ("/in/b.png", ItemState.KNOWN, "In the catalog already."),
        ("/in/c.png", ItemState.WAITING, None),
    )
    assert summarize_import(catalog, import_id).splitlines() == [
        "2 photos are in: 1 new, 1 in the dataset already.",
        "1 file is not read yet.",
        "6 files are not in:",
        "- 0.dng, 1.dng, 2.dng and 2 more: is a raw file.",
        "- b.jpg: in a.zip is locked.",
        "What to do: correct these files, or save them in a format that is read, and "
        "import the same again. Photos that are in are not added twice.",
    ]


def test_dropped_files_have_the_names_that_they_had_in_the_browser(catalog):
    (folder,) = ingest.stage_uploads(catalog, [("tray 1/a.png", b""), ("b.png", b"")])
    keys = [folder.absolute() / "tray 1" / "a.png", f"{folder.absolute()}/c.zip!/d.png"]
    results = [(str(key), ItemState.KNOWN, None) for key in keys]
    text = import_report(
        catalog, an_import(catalog, *results, ("/in/e.png", ItemState.DONE, None))
    )
    rows = csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline=""))
    assert [(row["file"], row["result"]) for row in rows] == [
        ("tray 1/a.png", "in the dataset already"),
        ("c.zip!/d.png", "in the dataset already"),
        ("/in/e.png", "imported"),
    ]


@pytest.mark.parametrize(
    "why",
    [
        "is a JPEG 2000 picture",
        "is a raw camera file, which must be saved as JPEG or TIFF first",
        "is an empty file (0 bytes)",
        "is a PNG picture that is damaged or cut short",
        "is larger than 100 MB",
        "is not there",
        "has more than 64 million pixels",
    ],
)
def test_the_reasons_are_in_the_language_of_the_page(catalog, why):
    failed = ("/in/1.x", ItemState.FAILED, f"1.x {why}; {ACCEPTED}.")
    import_id = an_import(catalog, failed)
    with speaking("he"):
        said = summarize_import(catalog, import_id)
    assert re.findall(r"[a-z]{2,}", said) == []


@pytest.mark.parametrize(
    "why",
    [
        "in C.ZIP has a path that leads out of the archive; it was left out.",
        "in C.ZIP is a link or a device, no file; it was left out.",
        "in C.ZIP is locked with a password. Unpack the archive and import the folder.",
        "in C.ZIP is an archive inside an archive. Unpack it and import it by itself.",
        "in C.ZIP is larger than 100 MB, which no photo here may be.",
        "in C.ZIP unpacks to far more than a photo would; it was left out.",
        "in C.ZIP cannot be unpacked: it is damaged, locked, or packed in an unusual "
        "way. Unpack the archive and import the folder.",
        "in C.ZIP is larger than it says, and than 100 MB.",
        "is no ZIP archive, or is damaged. Pack it again, or unpack it and import the "
        "folder.",
    ],
)
def test_what_is_wrong_with_an_archive_is_in_the_language_of_the_page(catalog, why):
    import_id = an_import(catalog, ("/in/1.x", ItemState.FAILED, f"1.x {why}"))
    (item,) = ledger.all_items(catalog, import_id)
    assert why_not_in(item) == why
    with speaking("he"):
        said = why_not_in(item) + summarize_import(catalog, import_id)
    assert re.findall(r"[a-z]{2,}", said) == []


@pytest.mark.parametrize(
    "remark",
    [
        "The same coin as photo 330, by its look.",
        "The same coin as photo 330, by its look. What it lacked was added: weight in "
        "g, notes, references.",
        "Looks the same as photo 330, but the texts name different rulers, or one is "
        "in doubt; they stay two coins.",
    ],
)
def test_what_is_remarked_of_a_scraped_photo_is_in_the_language_of_the_page(
    catalog, remark
):
    import_id = an_import(catalog, ("/in/1.x", ItemState.DONE, remark))
    (item,) = ledger.all_items(catalog, import_id)
    with speaking("he"):
        assert re.findall(r"[a-z]{2,}", why_not_in(item)) == []


def test_many_reasons_are_counted(catalog):
    failed = [(f"/{k}", ItemState.FAILED, f"Reason {k}.") for k in range(14)]
    assert "- 4 files are not in for other reasons." in summarize_import(
        catalog, an_import(catalog, *failed)
    )


def test_an_import_without_photos_says_so(catalog):
    assert "No photos were found" in summarize_import(catalog, an_import(catalog))


@pytest.mark.parametrize("count", [0, 3])
def test_the_report_has_a_row_for_each_file(catalog, monkeypatch, count):
    monkeypatch.setattr("coin_core.catalog.importing.ledger._PAGE", 2)
    results = [(f"/{k}.png", ItemState.DONE, None) for k in range(count)]
    results.append(("=x.jpg", ItemState.FAILED, "x.jpg is a text file."))
    text = import_report(catalog, an_import(catalog, *results)).decode("utf-8-sig")
    *others, last = csv.DictReader(io.StringIO(text, newline=""))
    assert [row["result"] for row in others] == ["imported"] * count
    assert last == {
        "file": "'=x.jpg",
        "result": "not imported",
        "reason": "x.jpg is a text file.",
    }
