"""The nearest of the visitor's own labelled photos."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coin_core import explain
from coin_core.catalog import Catalog, ExcludeReason, PhotoQuery
from tests import fakes
from ui.classify.own_coins import OwnCoin, OwnCoins

PATIENCE_S = 120


@pytest.fixture
def own(tmp_path: Path) -> OwnCoins:
    return OwnCoins(path=tmp_path / "similar" / "knn.npz")


def prepare(own: OwnCoins, catalog: Catalog) -> OwnCoins:
    own.refresh(catalog, fakes.FakeCoinClassifier())
    own.wait(PATIENCE_S)
    assert not own.is_busy
    return own


def like(own: OwnCoins, grey: int, **options) -> list[OwnCoin]:
    crops = np.full((1, 16, 16, 3), grey, np.uint8)
    vector = fakes.similarity_vectors(None, crops)[0]
    return own.nearest(vector, count=options.pop("count", 3), **options)


def test_labelled_photographs_are_found_the_most_similar_first(
    own: OwnCoins, catalog: Catalog
) -> None:
    """The catalog has greys 10, 30 ... 230; every fourth has no ruler."""
    prepare(own, catalog)
    assert (own.done, own.total) == (9, 9)
    found = like(own, 131)
    # 130 is locus 6; 150, locus 7, has no label.
    assert [coin.photo.file_name for coin in found] == [
        "locus 6.png",
        "locus 5.png",
        "locus 8.png",
    ]
    assert found[0].photo.ruler == "alexander_jannaeus"
    assert found[0].similarity > found[1].similarity > found[2].similarity


def test_the_photo_itself_excluded_ones_and_other_photos_of_a_coin_are_left_out(
    own: OwnCoins, catalog: Catalog
) -> None:
    photos = {p.file_name: p for p in catalog.queries.find(PhotoQuery()).photos}
    ids = {name: photo.photo_id for name, photo in photos.items()}
    catalog.edits.exclude([ids["locus 5.png"]], ExcludeReason.NOISE, who="Anna")
    catalog.edits.group_coins([ids["locus 6.png"], ids["locus 2.png"]], who="Anna")
    prepare(own, catalog)
    names = [coin.photo.file_name for coin in like(own, 131, count=9)]
    assert "locus 5.png" not in names
    assert "locus 6.png" in names
    assert "locus 2.png" not in names
    itself = photos["locus 6.png"].sha256
    others = like(own, 131, count=9, except_sha256=itself)
    assert "locus 6.png" not in [coin.photo.file_name for coin in others]


def test_a_photo_is_read_once_and_again_where_its_crop_has_changed(
    own: OwnCoins, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(own, catalog)
    computed: list[int] = []

    def counting(classifier: object, crops: np.ndarray) -> np.ndarray:
        computed.append(len(crops))
        return fakes.similarity_vectors(classifier, crops)

    monkeypatch.setattr(explain, "similarity_vectors", counting)
    again = prepare(OwnCoins(path=own.path), catalog)
    assert computed == []
    assert like(again, 131)[0].photo.file_name == "locus 6.png"
    photo_id = like(again, 131)[0].photo.photo_id
    (face,) = catalog.photos.faces(photo_id)
    smaller = replace(face, box=replace(face.box, right=0.6))
    catalog.edits.edit_faces({photo_id: (smaller,)}, who="Anna")
    prepare(again, catalog)
    assert computed == [1]


def test_a_lost_original_or_a_damaged_cache_stops_nothing(
    own: OwnCoins, catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    own.path.parent.mkdir()
    own.path.write_bytes(b"PK no archive")
    lost = catalog.queries.find(PhotoQuery(text="locus 6")).photos[0]
    catalog.photos.path(lost).unlink()
    with caplog.at_level(logging.WARNING):
        prepare(own, catalog)
    assert (own.done, own.total) == (8, 8)
    assert like(own, 131)[0].photo.file_name == "locus 5.png"
    assert "damaged" in caplog.text
