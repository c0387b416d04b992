"""Sort photos into one folder per ruler, as `evaluate` and `train` expect them.

    python -m benchmarks.sort_photos labels.csv OUT

labels.csv is beside the photos and has the columns `file` and `ruler`. The folders
get symbolic links to the photos.
"""

from __future__ import annotations

import csv
from pathlib import Path

from benchmarks.common import argument_parser


def main() -> None:
    """Link every photo of the list into the folder of its ruler."""
    parser = argument_parser(__doc__)
    parser.add_argument("labels", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    with args.labels.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            photo = (args.labels.parent / row["file"]).resolve(strict=True)
            folder = args.out / Path(row["ruler"]).name
            folder.mkdir(parents=True, exist_ok=True)
            link = folder / photo.name
            if not link.is_symlink():
                link.symlink_to(photo)


if __name__ == "__main__":
    main()
