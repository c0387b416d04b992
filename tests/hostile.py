"""A data folder in which everything that can be stored attacks whoever looks at it."""

from __future__ import annotations

import io
import sys

import numpy as np
from PIL import Image

from coin_core import jobs
from coin_core.catalog import (
    CatalogFace,
    CoinFacts,
    CoinReference,
    PhotoQuery,
    PhotoRecord,
    Prediction,
    RotatedBox,
    Side,
    open_catalog,
)
from coin_core.catalog.versions import freeze
from coin_core.storage import data_dir
from tests.ui.training import history_page

# What Markdown would make a picture, a link, an icon, a formula or bold of.
TRACES = ("![m](", "<img", "[c](", ":material/toll:", "$x$", "**b**", "`c`", ":red[")


def hostile(tag: str, listener: str = "127.0.0.1:9") -> str:
    """A text that loads pictures and runs a script, where it is not shown as text."""
    return (
        f"![m](http://{listener}/m-{tag}.png) <img src=http://{listener}/h-{tag} "
        f"onerror=window.hit='{tag}'> [c](javascript:window.hit='{tag}') "
        ":material/toll: $x$ **b** `c` :red[r]"
    )


def short_hostile(listener: str = "127.0.0.1:9") -> str:
    """The same for a name of at most 60 letters."""
    return f"![m](http://{listener}/n) **b** `c` $x$ :material/toll:"[:60]


def file_name(listener: str = "127.0.0.1:9") -> str:
    """The same as the name of a file or folder."""
    host, _, port = listener.partition(":")
    picture = f"![m](&#104;ttp&#58;&#47;&#47;{host}&#58;{port}&#47;f)"
    return f"{picture} <img src=x onerror=window.hit=1> **b** `c` $x$ :red[r]"


def fill(listener: str = "127.0.0.1:9") -> list[str]:
    """Fill the data folder; returns the ids of two training runs."""

    def text(tag: str) -> str:
        return hostile(tag, listener)

    catalog = open_catalog()
    rulers = ("john_hyrcanus_i", text("ruler"), text("other"))
    for k in range(9):
        buffer = io.BytesIO()
        pixels = np.full((60, 120, 3), 18 * k + 20, np.uint8)
        Image.fromarray(pixels).save(buffer, "PNG")
        record = PhotoRecord(
            extension="png",
            width_px=120,
            height_px=60,
            file_name=text("file"),
            source=text("source"),
            source_url=f"javascript:window.hit='url' {text('url')}",
            licence="cc-by-4.0",
            licence_raw=text("licence"),
            credit=text("credit"),
            lot_text=text("lot"),
            source_date=text("date"),
            label_evidence=text("evidence"),
            coin=CoinFacts(
                ruler_attributed=rulers[k % 3],
                name_on_coin=text("name"),
                authority=text("authority"),
                denomination=text("denomination"),
                notes=text("notes"),
                references=(
                    CoinReference(catalogue=text("catalogue"), number=text("number")),
                ),
            ),
        )
        box = RotatedBox(left=0.05, top=0.1, right=0.95, bottom=0.9)
        faces = [CatalogFace(box=box, side=Side.LEGEND)]
        catalog.photos.add(buffer.getvalue(), record, faces, who="import")
    photo_ids = [photo.photo_id for photo in catalog.queries.find(PhotoQuery()).photos]
    anna, ben = short_hostile(listener), f"{short_hostile(listener)[:50]} Ben"
    for photo_id in photo_ids[:4]:
        for who in (anna, ben):
            catalog.reviews.add(photo_id, text("review"), who=who)
    catalog.predictions.add(
        Prediction(
            photo_id=photo_id,
            classifier=f"{name} {text('model')}",
            model_digest="0" * 64,
            probabilities={text("class"): 0.9, "john_hyrcanus_i": 0.1},
            ruler=text("class"),
        )
        for photo_id in photo_ids
        for name in ("a", "b")
    )
    for name in ("first", "second"):
        freeze(catalog, name, who=anna)
        catalog.edits.set_ruler(photo_ids[:2], text("late"), who=anna)
    catalog.close()

    history_page.CLASSES = rulers
    runs = [
        history_page.make_run(
            "resnet",
            data=text("data"),
            caution=text("caution"),
            machine=text("machine"),
            init=text("init"),
            coins_per_class={text("few"): 2},
            left_out=[text("left-out")],
            command=text("command"),
        )
        for _ in range(2)
    ]
    runs[0].set_note(text("note"))
    for kind in (jobs.JobKind.TRAINING, jobs.JobKind.EXPORT):
        jobs.add_job(kind, text("job"), ["train", text("argument")])

    data = data_dir()
    picture = data / "collections" / file_name(listener) / file_name(listener) / "1.png"
    picture.parent.mkdir(parents=True)
    Image.new("RGB", (9, 9)).save(picture)
    (picture.parents[1] / f"empty {file_name(listener)}").mkdir()
    (data / "models" / file_name(listener)).mkdir(parents=True)
    (data / "models" / file_name(listener) / "card.json").write_text("{}")
    (data / "contact.txt").write_text(f"![m](http://{listener}/contact.png)x@y.zz")
    return [run.run_id for run in runs]


if __name__ == "__main__":
    sys.stdout.write("\n".join(fill(*sys.argv[1:])))
