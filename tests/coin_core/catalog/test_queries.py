"""Filters, orders, counts and queues."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sqlalchemy import insert

from coin_core.catalog import (
    Catalog,
    CatalogFace,
    CoinFacts,
    PhotoOrder,
    PhotoQuery,
    PhotoRecord,
    PhotoStatus,
    Prediction,
    RotatedBox,
    Side,
)
from coin_core.catalog.mappers import utc_now
from coin_core.catalog.schema import VersionItemRow, VersionRow
from coin_core.catalog.similarity import hash_photo
from coin_core.errors import CatalogError
from coin_core.rulers import DEFAULT_CLASSES

HYRCANUS, ARISTOBULUS, JANNAEUS = DEFAULT_CLASSES
BOX = RotatedBox(left=0, top=0, right=1, bottom=1)


@pytest.fixture
def filled(catalog: Catalog) -> Catalog:
    """Six photos, ids 1 to 6, each unlike the others in one way."""
    rows: list[tuple[str | None, Side | None, dict[str, object]]] = [
        (HYRCANUS, Side.LEGEND, {"quality": 0.2, "source": "cng"}),
        (
            *(HYRCANUS, Side.CORNUCOPIA),
            {"quality": 0.9, "licence": "cc0", "lot_text": "ΒΑΣΙΛΕΩΣ Αλεξάνδρος"},
        ),
        (JANNAEUS, Side.LEGEND, {"lot_text": "WREATH, 50% off_center", "quality": 0.5}),
        (None, None, {"credit": "Israel Museum", "source": "cng"}),
        (
            *(JANNAEUS, Side.LEGEND),
            {"is_rendered": True, "licence": "cc-by-4.0", "file_name": "Künker Ä.jpg"},
        ),
        (None, Side.LEGEND, {"file_name": "יהוחנן.jpg"}),
    ]
    for k, (ruler, side, fields) in enumerate(rows):
        record = PhotoRecord(
            extension="jpg",
            width_px=9,
            height_px=9,
            coin=CoinFacts(ruler_attributed=ruler),
            **fields,  # type: ignore[arg-type]
        )
        catalog.photos.add(
            b"%d" % k, record, [CatalogFace(box=BOX, side=side)], who="ada"
        )
    catalog.reviews.add(1, HYRCANUS, who="ada")
    catalog.edits.exclude([2], "noise", who="ada")
    with catalog.database.writing() as connection:
        version = {"name": "spring", "created_at": utc_now(), "seed": 0}
        version |= {"free_only": False, "digest": "", "note": ""}
        connection.execute(insert(VersionRow), [version])
        item = {"version_id": 1, "coin_id": 1, "sha256": "0", "label": HYRCANUS}
        connection.execute(
            insert(VersionItemRow),
            [
                item | {"photo_id": k, "split": s}
                for k, s in ((1, "train"), (3, "test"))
            ],
        )
    return catalog


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        (PhotoQuery(), [6, 5, 4, 3, 2, 1]),
        (PhotoQuery(reverse=True), [1, 2, 3, 4, 5, 6]),
        (PhotoQuery(ruler=HYRCANUS), [2, 1]),
        (PhotoQuery(ruler="unlabelled"), [6, 4]),
        (PhotoQuery(ruler="nobody"), []),
        (PhotoQuery(side=Side.CORNUCOPIA), [2]),
        (PhotoQuery(status=PhotoStatus.REVIEWED), [1]),
        (PhotoQuery(status=PhotoStatus.EXCLUDED), [2]),
        (PhotoQuery(source="cng"), [4, 1]),
        (PhotoQuery(licence="cc0"), [2]),
        (PhotoQuery(rendered=True), [5]),
        (PhotoQuery(rendered=False, ruler=JANNAEUS), [3]),
        (PhotoQuery(split=("spring", "test")), [3]),
        (PhotoQuery(split=("autumn", "test")), []),
        (PhotoQuery(min_quality=0.5), [3, 2]),
        (PhotoQuery(text="wreath"), [3]),
        (PhotoQuery(text="50%"), [3]),
        (PhotoQuery(text="f_c"), [3]),
        (PhotoQuery(text="f_f"), []),
        (PhotoQuery(text="israel museum "), [4]),
        (PhotoQuery(text="יהוחנן"), [6]),
        (PhotoQuery(text="Künker"), [5]),
        (PhotoQuery(text="KÜNKER ä"), [5]),
        (PhotoQuery(text="künker_"), []),
        (PhotoQuery(text="βασιλεως"), [2]),
        (PhotoQuery(text="ΒΑΣΙΛΕΩΣ"), [2]),
        (PhotoQuery(text="ΑΛΕΞΆΝΔΡΟΣ"), [2]),
        (PhotoQuery(text="'; DROP TABLE photos; --"), []),
        (PhotoQuery(text="  "), [6, 5, 4, 3, 2, 1]),
        (PhotoQuery(order=PhotoOrder.QUALITY), [2, 3, 1, 6, 5, 4]),
        (PhotoQuery(order=PhotoOrder.QUALITY, reverse=True), [1, 3, 2, 4, 5, 6]),
    ],
)
def test_each_filter_and_order(filled: Catalog, query: PhotoQuery, ids: list[int]):
    page = filled.queries.find(query)
    assert [photo.photo_id for photo in page.photos] == ids
    assert page.total == len(ids)
    part = filled.queries.find(query, offset=1, limit=2)
    assert [photo.photo_id for photo in part.photos] == ids[1:3]
    assert part.total == len(ids)


def test_pages_counts_choices_queues_and_progress(filled: Catalog):
    assert filled.queries.find(offset=100).photos == ()
    for wrong in ({"offset": -1}, {"limit": -1}):
        with pytest.raises(CatalogError, match="negative"):
            filled.queries.find(**wrong)
    assert filled.queries.counts() == {JANNAEUS: 2, HYRCANUS: 2, "unlabelled": 2}
    # The chart keeps all its bars when one of them filters the grid.
    assert filled.queries.counts(PhotoQuery(ruler=HYRCANUS, source="cng")) == {
        HYRCANUS: 1,
        "unlabelled": 1,
    }
    choices = filled.queries.choices()
    assert choices.rulers == (JANNAEUS, HYRCANUS)
    assert choices.sides == (Side.CORNUCOPIA, Side.LEGEND)
    assert (choices.sources, choices.licences) == (("cng",), ("cc-by-4.0", "cc0"))
    assert choices.versions == ("spring",)
    progress = filled.queries.progress()
    assert (progress.unreviewed, progress.reviewed, progress.excluded) == (4, 1, 1)
    assert filled.queries.queue("unreviewed") == (3, 4, 5, 6)
    assert filled.queries.queue("unreviewed", limit=2) == (3, 4)
    assert filled.queries.queue("unreviewed", among=[6, 1, 4]) == (4, 6)
    assert filled.queries.queue("unreviewed", among=[]) == ()
    # A second reviewer also sees what the first has decided on.
    assert filled.queries.queue("unreviewed", reviewer="bert") == (1, 3, 4, 5, 6)
    filled.predictions.mark_label_issues({2: 0.9, 3: 0.4, 5: 0.8})
    assert filled.queries.queue("suspected") == (5, 3)
    filled.predictions.mark_label_issues({})
    assert filled.queries.queue("suspected") == ()
    with pytest.raises(CatalogError, match="no queue"):
        filled.queries.queue("funny")


def test_queues_of_disagreement_and_doubt_hold_only_such_photos(filled: Catalog):
    def opinion(photo_id: int, classifier: str, ruler: str | None, p: float) -> None:
        rest = 1 - p
        filled.predictions.add(
            [
                Prediction(
                    photo_id=photo_id,
                    classifier=classifier,
                    model_digest="0",
                    probabilities={HYRCANUS: p, JANNAEUS: rest},
                    ruler=ruler,
                )
            ]
        )

    opinion(3, "svm", HYRCANUS, 0.99)  # all agree, as surely as not
    opinion(3, "knn", HYRCANUS, 0.6)
    opinion(4, "svm", HYRCANUS, 0.9)  # two rulers
    opinion(4, "knn", JANNAEUS, 0.1)
    opinion(5, "svm", HYRCANUS, 0.95)  # one cannot tell
    opinion(5, "knn", None, 0.5)
    opinion(6, "svm", None, 0.52)  # nobody can tell
    opinion(2, "svm", None, 0.51)  # excluded
    assert filled.queries.queue("disagreement") == (4,)
    assert filled.queries.queue("low_confidence") == (6, 5)


def test_a_recompressed_photo_is_proposed_as_the_same_coin(
    catalog: Catalog, encode_photo: Callable[..., bytes]
):
    rng = np.random.default_rng(5)

    def add(pixels: np.ndarray, **options: object) -> int:
        data = encode_photo(pixels, "JPEG", **options)
        record = PhotoRecord(
            extension="jpg",
            width_px=pixels.shape[1],
            height_px=pixels.shape[0],
            phash=hash_photo(pixels, [BOX]),
        )
        face = CatalogFace(box=BOX, side=Side.LEGEND)
        return catalog.photos.add(data, record, [face], who="ada").photo_id

    def coin() -> np.ndarray:
        coarse = rng.integers(40, 220, (16, 16, 3), np.uint8)
        return np.kron(coarse, np.ones((14, 14, 1), np.uint8))

    picture = coin()
    first = add(picture, quality=95)
    again = add(picture[::2, ::2], quality=40)
    add(coin())
    assert [photo.photo_id for photo in catalog.queries.similar(first)] == [again]
    catalog.edits.group_coins([first, again], who="ada")
    assert catalog.queries.similar(first) == ()
