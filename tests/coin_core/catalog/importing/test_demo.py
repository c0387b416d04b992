"""The rendered demo collection: what is in it, and that it goes without a trace."""

import numpy as np
import pytest

from coin_core.catalog import PhotoQuery, PhotoRecord
from coin_core.catalog.import_records import ImportState
from coin_core.catalog.importing import demo
from coin_core.catalog.importing import ingest as import_run
from coin_core.catalog.importing.demo import SOURCE, RenderedPhoto, plan_demo
from coin_core.catalog.importing.ingest import (
    Prepared,
    list_imports,
    make_demo,
    remove_demo,
)
from coin_core.catalog.similarity import THUMBNAIL_PX
from coin_core.cli.main import main
from coin_core.errors import CatalogError
from coin_core.imaging.photo_io import decode

COUNT = 6
THUMBNAIL = np.zeros((THUMBNAIL_PX, THUMBNAIL_PX), np.uint8)


@pytest.fixture(autouse=True)
def _small_and_quick(monkeypatch):
    """Small coins, prepared without the nets."""

    def prepare(data, name):
        pixels = decode(data, name=name)
        return Prepared(
            thumbnail=THUMBNAIL,
            extension="jpg",
            size_px=(pixels.shape[1], pixels.shape[0]),
            phash="",
            quality=None,
            faces=(),
        )

    monkeypatch.setattr(import_run, "prepare", prepare)
    monkeypatch.setattr(import_run, "_keep_to_one_core", lambda: None)
    monkeypatch.setattr(demo, "_COIN_PX", 64)


def test_the_collection_has_something_of_everything():
    plans = plan_demo(300, demo.DEMO_SEED)
    assert len(plans) == 300
    assert plans == plan_demo(300, demo.DEMO_SEED)
    assert plans[:50] == plan_demo(50, demo.DEMO_SEED)
    assert {plan.kind for plan in plans} == {
        *("legend", "cornucopia", "star_anchor", "other", "none")
    }
    shares = {
        "two-sided": (sum(p.two_sided for p in plans), 60, 130),
        "copies": (sum(p.copy_of is not None for p in plans), 5, 30),
        "worn": (sum(p.wear > 1.5 for p in plans), 25, 70),
        "labelled": (sum(p.labelled for p in plans), 150, 230),
        "wrongly": (sum(p.wrongly for p in plans), 2, 14),
    }
    for name, (count, least, most) in shares.items():
        assert least <= count <= most, name
    for plan in plans:
        assert plan.copy_of is None or plan.copy_of < plan.number


def test_a_photo_is_struck_the_same_every_time_and_a_copy_is_another_file():
    plan = next(p for p in plan_demo(99, 3) if p.kind == "legend" and p.labelled)
    struck = RenderedPhoto(3, plan)
    data = struck.read()
    assert data == RenderedPhoto(3, plan).read()
    row = struck.row()
    assert row["source"] == SOURCE
    assert "no photograph" in row["lot_text"]
    assert (row["ruler"] == struck.ruler) is not plan.wrongly
    for number in (97, 98, 99):  # one of each way of copying
        copied = demo.DemoPhoto(number=number, copy_of=plan.number, labelled=False)
        copy = RenderedPhoto(3, copied)
        assert copy.read() != data
        assert "ruler" not in copy.row()


def test_it_comes_marked_and_goes_without_a_trace(catalog):
    kept = PhotoRecord(extension="jpg", width_px=9, height_px=9, file_name="mine.jpg")
    catalog.photos.add(b"mine", kept, [], who="ada")
    stopped = list(make_demo(catalog, COUNT, seed=3, stop=lambda: True))[-1]
    assert (stopped.state, stopped.done) == (ImportState.STOPPED, 1)
    last = list(make_demo(catalog, COUNT, seed=3))[-1]
    assert (last.import_id, last.state) == (stopped.import_id, ImportState.DONE)
    assert (last.done, last.failed, last.known) == (COUNT, 0, 0)
    found = catalog.queries.find(PhotoQuery(rendered=True), offset=0, limit=99)
    assert found.total == COUNT
    assert {photo.source for photo in found.photos} == {SOURCE}
    assert any(photo.ruler for photo in found.photos)
    assert remove_demo(catalog) == COUNT
    assert remove_demo(catalog) == 0
    left = catalog.queries.find(PhotoQuery(), offset=0, limit=99).photos
    assert [photo.file_name for photo in left] == ["mine.jpg"]
    assert list_imports(catalog) == ()
    assert len(list(catalog.photos_dir.glob("*.jpg"))) == 1
    assert catalog.check() == []


def test_the_id_of_a_removed_import_is_not_given_again(catalog):
    removed = list(make_demo(catalog, 1, seed=3))[-1]
    remove_demo(catalog)
    assert list(make_demo(catalog, 1, seed=3))[-1].import_id > removed.import_id


def test_the_command_strikes_and_removes(catalog, capsys):
    assert main(["demo", "--count", "2", "--seed", "3"]) == 0
    assert catalog.queries.find(PhotoQuery(rendered=True), offset=0, limit=9).total == 2
    assert main(["demo", "--remove"]) == 0
    assert "2 rendered photos were removed" in capsys.readouterr().err
    assert catalog.queries.find(PhotoQuery(), offset=0, limit=9).total == 0


def test_a_collection_without_coins_is_refused(catalog):
    with pytest.raises(CatalogError, match=r"1 to 10,000"):
        list(make_demo(catalog, 0))
