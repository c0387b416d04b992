"""A data folder in which everything that can be stored attacks whoever looks at it."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from PIL import Image

from coin_core import jobs, recycle_bin
from coin_core.access import Person, acting_as
from coin_core.catalog import (
    CatalogFace,
    CoinFacts,
    CoinReference,
    PhotoQuery,
    PhotoRecord,
    Prediction,
    RotatedBox,
    Side,
    left_out,
    open_catalog,
)
from coin_core.catalog.import_records import SCRAPE, ImportState
from coin_core.catalog.importing import ledger
from coin_core.catalog.scrape_jobs import ScrapeOrder
from coin_core.catalog.versions import freeze
from coin_core.storage import WEIGHTS_DIR, data_dir
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
    _fill_imports(text)
    _fill_models_and_bin(text)

    data = data_dir()
    picture = data / "collections" / file_name(listener) / file_name(listener) / "1.png"
    picture.parent.mkdir(parents=True)
    Image.new("RGB", (9, 9)).save(picture)
    (picture.parents[1] / f"empty {file_name(listener)}").mkdir()
    (data / "models" / file_name(listener)).mkdir(parents=True)
    (data / "models" / file_name(listener) / "card.json").write_text("{}")
    (data / "contact.txt").write_text(f"![m](http://{listener}/contact.png)x@y.zz")
    return [run.run_id for run in runs]


def _fill_imports(text: Callable[[str], str]) -> None:
    """Add a scrape and an import that said much, an export, and a failed training."""
    catalog = open_catalog()
    order = ScrapeOrder(source="commons", query=text("query"), who="Anna")
    scrape = ledger.create(catalog, SCRAPE, order.spec())
    left_out.note_left_out(
        catalog,
        scrape,
        left_out.LeftOut(
            key=text("key"),
            reason=text("reason"),
            words=(text("word"),),
            title=text("listing"),
            url=f"javascript:window.hit='listing' {text('listing')}",
            taken=False,
            listing={},
        ),
    )
    imported = ledger.create(catalog, "photos", {"paths": [text("path")]})
    ledger.enter_items(catalog, imported, [(text("item"), text("problem"))])
    for made in (scrape, imported):
        ledger.set_state(catalog, made, ImportState.FAILED, text("failure"))
        with suppress(RuntimeError), jobs.hold_job(ledger.make_job(catalog, made)):
            jobs.report(
                text("words"),
                done=1,
                total=2,
                current=text("current"),
                failed=1,
                left_out=1,
                problems=[text("problem")],
                reasons={text("reason"): 1},
            )
            jobs.report_outcome(jobs.JobState.FAILED, text("outcome"))
    catalog.close()
    for kind in (jobs.JobKind.EXPORT, jobs.JobKind.TRAINING):
        job = jobs.Job(job_id=kind, kind=kind, title=text("ended"), arguments=())
        with jobs.hold_job(job):
            (job.folder / "log.txt").write_text(text("log"))
            name = file_name()
            (job.folder / name).touch()
            jobs.report_details(
                file=name, photos=1, bared=1, left_out=[text("exported")]
            )
            is_export = kind is jobs.JobKind.EXPORT
            state = jobs.JobState.DONE if is_export else jobs.JobState.FAILED
            jobs.report_outcome(state, text("outcome"))


def _fill_models_and_bin(text: Callable[[str], str]) -> None:
    """Add a model that opens, with a card of hostile texts, and a deleted run."""
    data = data_dir()
    shutil.copytree(WEIGHTS_DIR / "svm", data / "models" / "pretty")
    path = data / "models" / "pretty" / "card.json"
    card = json.loads(path.read_text("utf-8"))
    card |= {"name": "pretty", "title": text("title"), "licence": text("licence")}
    card["training"] |= {name: text(name) for name in ("data", "machine", "command")}
    card["metrics"] = [
        {**one, "what": text("what"), "how": text("how"), "data": text("measured")}
        for one in card["metrics"]
    ]
    path.write_text(json.dumps(card), "utf-8")
    with acting_as(Person(name=text("deleted"))):
        for name in (file_name(), "removed-photos/one"):
            (data / "runs" / name).mkdir(parents=True)
            (data / "runs" / name / "photos.json").write_text('{"photos": [1]}')
            where = data / ("runs" if name == file_name() else ".") / name
            recycle_bin.discard(where, data / "runs" / name)


if __name__ == "__main__":
    sys.stdout.write("\n".join(fill(*sys.argv[1:])))
