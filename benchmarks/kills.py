"""Kills the program again and again, and looks whether anything was lost.

    python benchmarks/kills.py [--imports 50] [--reviews 50] [--exports 50]

Each kill is a SIGKILL at a moment drawn by chance while photos are brought in, while
decisions are made, or while the collection is exported. After each: the database is
whole, every decision that was said to be stored is there, no original lacks its photo
and no photo its original, and no half export lies about. Ends with 1 otherwise.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "benchmarks"))

import numpy as np
from tqdm import tqdm

from coin_core.catalog import (
    Catalog,
    CatalogFace,
    CoinFacts,
    ExcludeReason,
    PhotoRecord,
    RotatedBox,
    Side,
    open_catalog,
)
from coin_core.catalog.exporting.writer import export
from coin_core.catalog.importing import ingest
from coin_core.catalog.importing.records import ImportState
from coin_core.rulers import DEFAULT_CLASSES

SEED = 4_200_011
PHOTOS = 60
PATIENCE_S = 300
FORMS = ("zip", "imagefolder", "coco")


def main() -> None:
    """Kill what is asked for, and say what became of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    for what in ("imports", "reviews", "exports"):
        parser.add_argument(f"--{what}", type=int, default=50, metavar="KILLS")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if given.imports:
            kill_imports(folder / "imports", given.imports)
        if given.reviews:
            kill_reviews(folder / "reviews", given.reviews)
        if given.exports:
            kill_exports(folder / "exports", given.exports)


def catalog_in(folder: Path) -> Catalog:
    """The catalog of that folder, a new one if there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    return open_catalog(f"sqlite:///{folder}/c.sqlite", photos_dir=folder / "photos")


def look_for_damage(catalog: Catalog, when: str, *, digests: bool = False) -> None:
    """End with a sentence where the database or the originals are not whole."""
    problems = catalog.check(digests=digests)
    if problems:
        raise SystemExit(f"{when}: {problems[0].sentence}")


def filled(folder: Path) -> Catalog:
    """A catalog of plain pictures with a ruler each."""
    from import_photos import encode

    catalog = catalog_in(folder)
    face = CatalogFace(
        box=RotatedBox(left=0, top=0, right=1, bottom=1), side=Side.LEGEND
    )
    rng = np.random.default_rng(SEED)
    for number in range(PHOTOS):
        record = PhotoRecord(
            extension="jpg",
            width_px=160,
            height_px=160,
            coin=CoinFacts(ruler_attributed=DEFAULT_CLASSES[number % 3]),
        )
        data = encode(rng.integers(0, 255, (160, 160, 3), dtype=np.uint8), 80)
        catalog.photos.add(data, record, [face], who="bench")
    return catalog


class Worker:
    """A process of its own that works on a catalog, forked to begin at once."""

    def __init__(self, work: Callable[[Catalog, str], None], folder: Path, name: str):
        reading, writing = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(reading)
            try:
                os.dup2(writing, sys.stdout.fileno())
                work(catalog_in(folder), name)
            finally:
                os._exit(0)
        os.close(writing)
        self.told = os.fdopen(reading)
        if self.told.readline() != "ready\n":
            raise SystemExit(f"{name} did not start")

    def end(self, *, kill: bool = True) -> list[str]:
        """Kill it, or wait for it; returns the whole lines that it told."""
        if kill:
            os.kill(self.pid, signal.SIGKILL)
        lines = self.told.readlines()
        os.waitpid(self.pid, 0)
        self.told.close()
        return [line.strip() for line in lines if line.endswith("\n")]


def say(line: str) -> None:
    """Tell the parent, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def review(catalog: Catalog, who: str) -> None:
    """Decide on photos without end, and tell each decision once it is stored."""
    chance = random.Random(who)
    photos = [photo.photo_id for photo in catalog.queries.find(limit=PHOTOS).photos]
    say("ready")
    while True:
        photo_id = chance.choice(photos)
        said = chance.choice((*DEFAULT_CLASSES, "none", "exclude"))
        if said == "exclude":
            # once more would change nothing, and so leave no trace to look for
            catalog.edits.restore([photo_id], who=who)
            catalog.edits.exclude([photo_id], ExcludeReason.NOISE, who=who)
        else:
            catalog.reviews.add(photo_id, None if said == "none" else said, who=who)
        say(f"{photo_id} {said}")


def export_to(catalog: Catalog, out: str) -> None:
    """Export the collection once."""
    say("ready")
    form = Path(out).parent.name
    export(catalog, out, form=form)
    say("done")


def kill_reviews(folder: Path, kills: int) -> None:
    """Kill reviewers at work; what they were told is stored must be stored."""
    catalog = filled(folder)
    chance = random.Random(SEED)
    told = 0
    for number in tqdm(range(kills), desc="reviews"):
        who = f"reviewer {number}"
        worker = Worker(review, folder, who)
        time.sleep(chance.uniform(0, 0.4))
        for line in worker.end():
            photo_id, said = line.split()
            told += 1
            if not is_stored(catalog, int(photo_id), said, who):
                raise SystemExit(f"after kill {number}: {who} lost {line}")
        look_for_damage(catalog, f"after kill {number} of a reviewer")
    print(f"{kills} kills amid reviews: {told} decisions told as stored, 0 lost")


def is_stored(catalog: Catalog, photo_id: int, said: str, who: str) -> bool:
    """Whether a decision stands in the history, and among the reviews if it is one."""
    if said == "exclude":
        return any(
            edit.who == who and edit.after.get("status") == "excluded"
            for edit in catalog.edits.history(photo_id)
        )
    ruler = None if said == "none" else said
    return any(
        (r.reviewer, r.ruler) == (who, ruler)
        for r in catalog.reviews.of_photo(photo_id)
    )


def kill_exports(folder: Path, kills: int) -> None:
    """Kill exports; what lies there is whole, and the next one clears up."""
    catalog = filled(folder)
    chance = random.Random(SEED)
    took: dict[str, float] = {}
    for form in FORMS:
        worker = Worker(export_to, folder, str(folder / "first" / form / "out"))
        begun = time.monotonic()
        worker.end(kill=False)
        took[form] = time.monotonic() - begun
    halves = 0
    for number in tqdm(range(kills), desc="exports"):
        form = FORMS[number % len(FORMS)]
        out = folder / f"again {number}" / form / "out"
        worker = Worker(export_to, folder, str(out))
        time.sleep(chance.uniform(0, took[form]))
        finished = "done" in worker.end()
        if finished and not out.exists():
            raise SystemExit(
                f"after kill {number}: an export told as done is not there"
            )
        if out.exists():
            look_at_export(out, form, f"after kill {number}")
        else:
            halves += 1
            export(catalog, out, form=form)
            look_at_export(out, form, f"after kill {number}")
        lying = [path.name for path in out.parent.iterdir()]
        if lying != ["out"]:
            raise SystemExit(f"after kill {number}: there also lies {lying}")
        look_for_damage(catalog, f"after kill {number} of an export")
    look_for_damage(catalog, "after all exports", digests=True)
    print(f"{kills} kills of exports, {halves} before they were done: no half is left")


def look_at_export(out: Path, form: str, when: str) -> None:
    """End with a sentence where an export is not whole."""
    if form == "zip":
        with zipfile.ZipFile(out) as archive:
            broken = archive.testzip()
            names = archive.namelist()
    else:
        broken = None
        names = [path.name for path in out.rglob("*") if path.is_file()]
    photos = sum(name.endswith(".jpg") for name in names)
    if broken or photos != PHOTOS or "manifest.json" not in names:
        raise SystemExit(f"{when}: the {form} is half there ({photos} photos)")


def kill_imports(folder: Path, kills: int) -> None:
    """Kill the process of an import again and again, then let it finish."""
    from import_photos import write_photos

    catalog = catalog_in(folder)
    count = max(100, 6 * kills)
    write_photos(folder / "in", count)
    chance = random.Random(SEED)
    import_id = ingest.start_import_process(
        catalog, [folder / "in"], who="bench", labels="none"
    )
    in_between = 0
    for number in tqdm(range(kills), desc="imports"):
        seen = ingest.import_progress(catalog, import_id).done
        wanted = min(seen + chance.randint(1, 5), count)
        give_up = time.monotonic() + PATIENCE_S
        while ingest.import_progress(catalog, import_id).done < wanted:
            if time.monotonic() > give_up:
                raise SystemExit(f"nothing happens after kill {number}")
            time.sleep(0.02)
        time.sleep(chance.random() * 0.2)
        for child in ingest._children:
            child.send_signal(signal.SIGKILL)
            child.wait()
        done = ingest.import_progress(catalog, import_id).done
        in_between += seen < done < count
        look_for_damage(catalog, f"after kill {number} of an import")
        if done < count:
            ingest.start_again(catalog, import_id)
    while (last := ingest.import_progress(catalog, import_id)).done < count:
        if last.state is ImportState.STOPPED:
            ingest.start_again(catalog, import_id)
        time.sleep(0.2)
    look_for_damage(catalog, "after all imports", digests=True)
    stored = catalog.queries.find(limit=1).total
    if stored != count or last.failed:
        raise SystemExit(f"{stored} of {count} photos are there, {last.failed} failed")
    print(f"{kills} kills of imports, {in_between} amid the work: all {count} photos")


if __name__ == "__main__":
    main()
