"""Run by test_store.py as a process of its own, which forks writers and kills them.

    python writers.py both COUNT    two writers at once, each adding COUNT photos
    python writers.py open COUNT    as many first openings at once
    python writers.py kill ROUNDS   writers one after the other, killed at any moment

Prints the ids of the photos whose review was promised to be written.
"""

import importlib
import os
import signal
import sys
import tempfile
import time

from coin_core.catalog import CatalogFace, PhotoRecord, RotatedBox, open_catalog

FACE = CatalogFace(box=RotatedBox(left=0, top=0, right=1, bottom=1))
RECORD = PhotoRecord(extension="jpg", width_px=4, height_px=4)


def write(who: str, told: int, count: int = 10**9) -> None:
    """Add photos, review each, and tell its id when all of it is written."""
    catalog = open_catalog()
    for k in range(count):
        data = f"{k} by {who} ".encode() * 4000
        added = catalog.photos.add(data, RECORD, [FACE], who=who)
        catalog.reviews.add(added.photo_id, "john_hyrcanus_i", who=who)
        os.write(told, b"%d\n" % added.photo_id)


def open_at_once(count: int) -> None:
    """Many first openings at the same time; each exits with 0 if it succeeded."""
    children = []
    for _ in range(count):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                open_catalog().queries.find()
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    for child in children:
        if os.waitpid(child, 0)[1] != 0:
            sys.exit("an opening failed")


def fork_writer(who: str, count: int = 10**9) -> tuple[int, int]:
    """Start a writer; its process id, and where it tells its photos."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code = 1
        try:
            write(who, writing, count)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    return child, reading


def main(job: str, number: int) -> None:
    lines: list[bytes] = []
    # What is imported here, no child has to import; the tables are left to them.
    with tempfile.TemporaryDirectory() as folder:
        open_catalog(f"sqlite:///{folder}/any.sqlite").close()
    if os.environ["COIN_DATABASE_URL"].startswith("postgresql"):
        importlib.import_module("sqlalchemy.dialects.postgresql.psycopg")
        importlib.import_module("psycopg")
    if job == "open":
        open_at_once(number)
    elif job == "both":
        started = [fork_writer(who, number) for who in ("ada", "bert")]
        for child, reading in started:
            with os.fdopen(reading, "rb") as told:
                lines += told.readlines()
            if os.waitpid(child, 0)[1] != 0:
                sys.exit("a writer failed")
    else:
        for round_ in range(number):
            child, reading = fork_writer(f"writer {round_}")
            with os.fdopen(reading, "rb") as told:
                lines.append(told.readline())
                time.sleep(0.003 * (round_ % 10))
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                lines += told.readlines()
    sys.stdout.write(" ".join(str(int(x)) for x in lines if x.endswith(b"\n")))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
