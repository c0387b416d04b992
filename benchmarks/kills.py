"""Kill the program again and again, and check that nothing is lost.

    python -m benchmarks.kills [--imports 50] [--reviews 50] [--exports 50]

Each kill is a SIGKILL at a random moment while photos are imported, decisions are
made, or the dataset is exported. After each kill the database is intact, every
decision that was reported as stored is there, each original has its photo and each
photo its original, and there is no half export. Otherwise the exit code is 1.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.common import argument_parser, catalog_in, encode_jpeg, stopwatch
from benchmarks.import_photos import write_photos
from coin_core.catalog import (
    Catalog,
    CatalogFace,
    CoinFacts,
    ExcludeReason,
    PhotoRecord,
    RotatedBox,
    Side,
)
from coin_core.catalog.exporting.writer import export
from coin_core.catalog.import_records import ImportState
from coin_core.catalog.importing import ingest, ledger
from coin_core.jobs import JobKind, list_jobs
from coin_core.rulers import DEFAULT_CLASSES

SEED = 4_200_011
PHOTOS = 60
PATIENCE_S = 300
FORMS = ("zip", "imagefolder", "coco")


def main() -> None:
    """Kill each kind of work as often as the arguments say."""
    args = argument_parser(__doc__, imports=50, reviews=50, exports=50).parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for kill, count in (
            (kill_imports, args.imports),
            (kill_reviews, args.reviews),
            (kill_exports, args.exports),
        ):
            if count:
                kill(Path(scratch) / kill.__name__, count)


def check(catalog: Catalog, when: str, *, digests: bool = False) -> None:
    """Exit with a sentence if the database or the originals are damaged."""
    if problems := catalog.check(digests=digests):
        raise SystemExit(f"{when}: {problems[0].sentence}")


def filled_catalog(folder: Path) -> Catalog:
    """A catalog of noise images, each with a ruler."""
    catalog = catalog_in(folder)
    box = RotatedBox(left=0, top=0, right=1, bottom=1)
    face = CatalogFace(box=box, side=Side.LEGEND)
    rng = np.random.default_rng(SEED)
    for number in range(PHOTOS):
        record = PhotoRecord(
            extension="jpg",
            width_px=160,
            height_px=160,
            coin=CoinFacts(ruler_attributed=DEFAULT_CLASSES[number % 3]),
        )
        data = encode_jpeg(rng.integers(0, 255, (160, 160, 3), dtype=np.uint8), 80)
        catalog.photos.add(data, record, [face], who="bench")
    return catalog


class Worker:
    """A process that works on a catalog, forked so that it starts at once.

    `work` gets the catalog of the folder, the name, and a connection on which it first
    sends "ready".
    """

    def __init__(
        self,
        work: Callable[[Catalog, str, Connection], None],
        folder: Path,
        name: str,
    ) -> None:
        fork = multiprocessing.get_context("fork")
        self.receiver, sender = fork.Pipe(duplex=False)
        self.process = fork.Process(
            target=lambda: work(catalog_in(folder), name, sender)
        )
        self.process.start()
        sender.close()
        if self.receiver.recv() != "ready":
            raise SystemExit(f"{name} did not start")

    def end(self, *, kill: bool = True) -> list[Any]:
        """Kill it, or wait for it; returns what it sent."""
        if kill:
            self.process.kill()
        sent = []
        with suppress(EOFError, OSError):  # a kill may cut the last message
            while True:
                sent.append(self.receiver.recv())
        self.process.join()
        return sent


def review(catalog: Catalog, who: str, sender: Connection) -> None:
    """Make decisions until killed, and send each one once it is stored."""
    rng = random.Random(who)
    photos = [photo.photo_id for photo in catalog.queries.find(limit=PHOTOS).photos]
    sender.send("ready")
    while True:
        photo_id = rng.choice(photos)
        decision = rng.choice((*DEFAULT_CLASSES, None, "exclude"))
        if decision == "exclude":
            # to exclude it twice changes nothing and leaves no trace to check
            catalog.edits.restore([photo_id], who=who)
            catalog.edits.exclude([photo_id], ExcludeReason.NOISE, who=who)
        else:
            catalog.reviews.add(photo_id, decision, who=who)
        sender.send((photo_id, decision))


def export_to(catalog: Catalog, out: str, sender: Connection) -> None:
    """Export the dataset once."""
    sender.send("ready")
    form = Path(out).parent.name
    export(catalog, out, form=form)
    sender.send("done")


def kill_reviews(folder: Path, kills: int) -> None:
    """Kill reviewers; the decisions that were reported as stored must be stored."""
    catalog = filled_catalog(folder)
    rng = random.Random(SEED)
    reported = 0
    for number in tqdm(range(kills), desc="reviews"):
        who = f"reviewer {number}"
        worker = Worker(review, folder, who)
        time.sleep(rng.uniform(0, 0.4))
        for photo_id, decision in worker.end():
            reported += 1
            if not is_stored(catalog, photo_id, decision, who):
                lost = f"{decision} for photo {photo_id}"
                raise SystemExit(f"after kill {number}: {who} lost {lost}")
        check(catalog, f"after kill {number} of a reviewer")
    print(f"{kills} kills during reviews: {reported} decisions stored, 0 lost")


def is_stored(catalog: Catalog, photo_id: int, decision: str | None, who: str) -> bool:
    """Whether a decision is in the history, or among the reviews if it is one."""
    if decision == "exclude":
        return any(
            edit.who == who and edit.after.get("status") == "excluded"
            for edit in catalog.edits.history(photo_id)
        )
    reviews = catalog.reviews.of_photo(photo_id)
    return any((one.reviewer, one.ruler) == (who, decision) for one in reviews)


def kill_exports(folder: Path, kills: int) -> None:
    """Kill exports; each export is complete or absent, and the next one cleans up."""
    catalog = filled_catalog(folder)
    rng = random.Random(SEED)
    seconds: dict[str, float] = {}
    for form in FORMS:
        worker = Worker(export_to, folder, str(folder / "first" / form / "out"))
        with stopwatch() as elapsed:
            worker.end(kill=False)
        seconds[form] = elapsed.seconds
    unfinished = 0
    for number in tqdm(range(kills), desc="exports"):
        form = FORMS[number % len(FORMS)]
        out = folder / f"again {number}" / form / "out"
        worker = Worker(export_to, folder, str(out))
        time.sleep(rng.uniform(0, seconds[form]))
        finished = "done" in worker.end()
        if finished and not out.exists():
            raise SystemExit(f"after kill {number}: a finished export is not there")
        if not out.exists():
            unfinished += 1
            export(catalog, out, form=form)
        check_export(out, form, f"after kill {number}")
        names = [path.name for path in out.parent.iterdir()]
        if names != ["out"]:
            raise SystemExit(f"after kill {number}: the folder holds {names}")
        check(catalog, f"after kill {number} of an export")
    check(catalog, "after all exports", digests=True)
    print(f"{kills} kills of exports, {unfinished} unfinished: no half export is left")


def check_export(out: Path, form: str, when: str) -> None:
    """Exit with a sentence if an export is not complete."""
    damaged = None
    if form == "zip":
        with zipfile.ZipFile(out) as archive:
            damaged = archive.testzip()
            names = archive.namelist()
    else:
        names = [path.name for path in out.rglob("*") if path.is_file()]
    photos = sum(name.endswith(".jpg") for name in names)
    if damaged or photos != PHOTOS or "manifest.json" not in names:
        raise SystemExit(f"{when}: the {form} is not complete ({photos} photos)")


def kill_imports(folder: Path, kills: int) -> None:
    """Kill the process of an import again and again, then let it finish."""
    os.environ["COIN_DATA_DIR"] = str(folder)  # the process finds the catalog there
    catalog = catalog_in(folder)
    count = max(100, 6 * kills)
    write_photos(folder / "in", count)
    rng = random.Random(SEED)
    import_id = ingest.start_import_process(
        catalog, [folder / "in"], who="bench", labels="none"
    )
    during = 0
    for number in tqdm(range(kills), desc="imports"):
        before = ledger.progress_of(catalog, import_id).done
        target = min(before + rng.randint(1, 5), count)
        deadline = time.monotonic() + PATIENCE_S
        while ledger.progress_of(catalog, import_id).done < target:
            if time.monotonic() > deadline:
                raise SystemExit(f"the import did not resume after kill {number}")
            time.sleep(0.02)
        time.sleep(rng.random() * 0.2)
        kill_job(JobKind.IMPORT)
        done = ledger.progress_of(catalog, import_id).done
        during += before < done < count
        check(catalog, f"after kill {number} of an import")
        if done < count:
            ingest.start_again(catalog, import_id)
    while (last := ledger.progress_of(catalog, import_id)).done < count:
        if last.state is ImportState.STOPPED:
            ingest.start_again(catalog, import_id)
        time.sleep(0.2)
    check(catalog, "after all imports", digests=True)
    stored = catalog.queries.find(limit=1).total
    if stored != count or last.failed:
        raise SystemExit(f"{stored} of {count} photos are there, {last.failed} failed")
    print(f"{kills} kills of imports, {during} during the work: all {count} photos")


def kill_job(kind: JobKind) -> None:
    """Kill the process of the job of a kind, if it runs, and wait for its end."""
    for job in list_jobs(kind):
        if job.is_open and job.pid:
            with suppress(ProcessLookupError, ChildProcessError):  # it has ended
                os.kill(job.pid, signal.SIGKILL)
                os.waitpid(job.pid, 0)


if __name__ == "__main__":
    main()
