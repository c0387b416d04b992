"""Speed of the dataset's queries with 100,000 photos; prints the slowest first.

    python -m benchmarks.catalog_queries [--photos 100000] [--url postgresql://...]

Made-up rows are inserted in bulk into a new database (--url names an empty one); no
photos are written.
"""

from __future__ import annotations

import hashlib
import random
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert, text

from benchmarks.common import argument_parser, stopwatch
from coin_core.catalog import Catalog, PhotoOrder, PhotoQuery, Side, open_catalog
from coin_core.catalog.schema import (
    CoinRow,
    FaceRow,
    PhotoRow,
    PredictionRow,
    VersionItemRow,
    VersionRow,
)
from coin_core.rulers import DEFAULT_CLASSES

SOURCES = ("own camera", "cng", "ikmk", "ans", "commons", "leu", "roma")
LICENCES = (None, "cc0", "cc-by-4.0", "cc-by-sa-4.0", "all-rights-reserved")


def fill(
    catalog: Catalog, count: int, *, size_px: tuple[int, int] = (800, 400)
) -> None:
    """Insert photos with a coin, one or two sides, and two predictions each."""
    rng = random.Random(0)
    now = datetime.now(UTC)
    with catalog.database.writing() as connection:
        version = {"id": 1, "name": "spring", "created_at": now, "seed": 0}
        version |= {"free_only": False, "digest": "", "note": ""}
        connection.execute(insert(VersionRow), [version])
    for start in range(1, count + 1, 10_000):
        coins, photos, faces, opinions, items = [], [], [], [], []
        for k in range(start, min(start + 10_000, count + 1)):
            ruler = rng.choice((*DEFAULT_CLASSES, None))
            digest = hashlib.sha256(str(k).encode()).hexdigest()
            coins.append({"id": k, "ruler_attributed": ruler, "notes": ""})
            photos.append(
                {
                    "id": k,
                    "coin_id": k,
                    "sha256": digest,
                    "extension": "jpg",
                    "width_px": size_px[0],
                    "height_px": size_px[1],
                    "byte_size": 90_000,
                    "phash": digest,
                    "file_name": f"lot {k}.jpg",
                    "source": rng.choice(SOURCES),
                    "licence": rng.choice(LICENCES),
                    "licence_raw": "",
                    "credit": "",
                    "lot_text": f"Hasmonean prutah, wreath, lot {k}. " * 6,
                    "added_at": now,
                    "is_rendered": k % 10 == 0,
                    "quality": rng.random(),
                    "status": rng.choice(("unreviewed", "reviewed", "excluded")),
                    "confidence": rng.random() if k % 3 else None,
                    "disagreement": rng.random() if k % 3 else None,
                    "rulers_differ": rng.random() < 0.2 if k % 3 else None,
                    "suspicion": rng.random() if k % 50 == 0 else None,
                }
            )
            sides = (Side.LEGEND, Side.CORNUCOPIA)[: 2 if k % 3 else 1]
            for position, side in enumerate(sides):
                face = {"photo_id": k, "position": position, "side": side.value}
                face |= {"left": position / 2, "right": position / 2 + 0.5}
                faces.append(face | {"top": 0.0, "bottom": 1.0, "turn_deg": 0.0})
            for name in ("resnet", "svm"):
                opinion = {
                    "photo_id": k,
                    "classifier": name,
                    "kind": "model",
                    "at": now,
                }
                opinions.append(opinion | {"model_digest": "", "probabilities": {}})
            split = rng.choices(("train", "validation", "test"), (7, 1, 2))[0]
            item = {"version_id": 1, "photo_id": k, "coin_id": k, "sha256": digest}
            items.append(item | {"label": ruler or "", "split": split})
        with catalog.database.writing() as connection:
            for table, rows in (
                (CoinRow, coins),
                (PhotoRow, photos),
                (FaceRow, faces),
                (PredictionRow, opinions),
                (VersionItemRow, items),
            ):
                connection.execute(insert(table), rows)
    with catalog.database.writing() as connection:
        connection.execute(text("ANALYZE"))


def queries(count: int) -> dict[str, Callable[[Catalog], object]]:
    """The queries of the Dataset page, by name."""
    ruler = DEFAULT_CLASSES[0]
    found: dict[str, Callable[[Catalog], object]] = {
        "first page": lambda c: c.queries.find(limit=60),
        "last page": lambda c: c.queries.find(offset=count - 60, limit=60),
        "counts": lambda c: c.queries.counts(),
        "choices": lambda c: c.queries.choices(),
        "progress": lambda c: c.queries.progress(),
        "counts, unreviewed": lambda c: c.queries.counts(
            PhotoQuery(status="unreviewed")
        ),
        "queue unreviewed": lambda c: c.queries.queue("unreviewed"),
        "queue disagreement": lambda c: c.queries.queue("disagreement"),
        "queue low confidence": lambda c: c.queries.queue("low_confidence"),
        "queue suspected": lambda c: c.queries.queue("suspected"),
        "queue of a second reviewer": lambda c: c.queries.queue(
            "unreviewed", reviewer="bea"
        ),
        "agreement": lambda c: c.reviews.agreement(),
        "one decision": lambda c: c.reviews.add(count // 2, ruler, who="ada"),
        "undo": lambda c: c.edits.undo(who="ada"),
        "200 labels": lambda c: c.edits.set_ruler(range(1, 201), ruler, who="ada"),
        "history": lambda c: c.edits.history(count // 2),
    }
    filters: dict[str, PhotoQuery] = {
        "ruler": PhotoQuery(ruler=ruler),
        "unlabelled": PhotoQuery(ruler="unlabelled"),
        "side": PhotoQuery(side=Side.CORNUCOPIA),
        "status": PhotoQuery(status="unreviewed"),
        "source": PhotoQuery(source="ikmk"),
        "licence": PhotoQuery(licence="cc0"),
        "split": PhotoQuery(split=("spring", "test")),
        "disagreement": PhotoQuery(disagreement=True),
        "quality": PhotoQuery(min_quality=0.5),
        "text": PhotoQuery(text="lot 77777"),
        "everything": PhotoQuery(
            ruler=ruler,
            side=Side.LEGEND,
            status="unreviewed",
            source="ikmk",
            min_quality=0.2,
            split=("spring", "train"),
            order=PhotoOrder.CONFIDENCE,
        ),
    }
    for order in PhotoOrder:
        filters[f"order {order}"] = PhotoQuery(order=order)
        filters[f"ruler, order {order}"] = PhotoQuery(ruler=ruler, order=order)
    for name, query in filters.items():
        found[f"find: {name}"] = lambda c, query=query: c.queries.find(query, limit=60)
    return found


def main() -> None:
    """Fill the database, run each query three times, print the fastest times."""
    parser = argument_parser(__doc__, photos=100_000)
    parser.add_argument("--url")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        url = args.url or f"sqlite:///{scratch}/catalog.sqlite"
        catalog = open_catalog(url, photos_dir=Path(scratch) / "photos")
        with stopwatch() as elapsed:
            fill(catalog, args.photos)
        print(f"filled with {args.photos} photos in {elapsed.cpu_seconds:.1f} s")
        with stopwatch() as elapsed:
            open_catalog(url, photos_dir=Path(scratch) / "photos").close()
        print(f"opened again in {1000 * elapsed.cpu_seconds:.1f} ms of computing")
        fastest = []
        for name, query in queries(args.photos).items():
            times = []
            for _ in range(3):
                with stopwatch() as elapsed:
                    query(catalog)
                times.append((elapsed.seconds * 1000, elapsed.cpu_seconds * 1000))
            fastest.append((min(times), name))
        for (wall_ms, cpu_ms), name in sorted(fastest, reverse=True):
            print(f"{wall_ms:8.1f} ms  ({cpu_ms:7.1f} ms of it computing)  {name}")
        catalog.close()


if __name__ == "__main__":
    main()
