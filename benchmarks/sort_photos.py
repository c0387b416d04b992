"""Sort photos into one folder per ruler, as `evaluate` and `train` read them.

    python benchmarks/sort_photos.py labels.csv OUT

labels.csv stands beside the photos and has the columns `file` and `ruler`. Photos are
linked, not copied.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path


def main() -> None:
    """Link every photo of the list into the folder of its ruler."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    with given.labels.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            photo = (given.labels.parent / row["file"]).resolve(strict=True)
            folder = given.out / Path(row["ruler"]).name
            folder.mkdir(parents=True, exist_ok=True)
            link = folder / photo.name
            if not link.is_symlink():
                link.symlink_to(photo)


if __name__ == "__main__":
    main()
