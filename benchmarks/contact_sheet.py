"""Rendered coins and real photos in one sheet, shuffled: can you tell them apart?

    python benchmarks/contact_sheet.py --photos DIR --out sheet.jpg [--seed S]

The key to the sheet is printed, row by row: "." rendered, "R" real.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from PIL import Image

from coin_core.detection import faces
from coin_core.imaging import photo_io
from coin_core.imaging.preprocessing import resized
from coin_core.rendering import render_coin

CELL_PX = 180


def main() -> None:
    """Draw the sheet and print its key."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    real = [photo_io.read(path) for path in photo_io.inside(given.photos)]
    rendered = [
        render_coin(given.seed, index, size_px=CELL_PX).image
        for index in range(len(real))
    ]
    cells = [("R", crop(photo)) for photo in real]
    cells += [(".", crop(photo)) for photo in rendered]
    random.Random(given.seed).shuffle(cells)
    across = int(np.ceil(np.sqrt(len(cells) * 1.5)))
    blank = np.full((CELL_PX, CELL_PX, 3), 255, np.uint8)
    rows = []
    for first in range(0, len(cells), across):
        row = cells[first : first + across]
        print("".join(mark for mark, _ in row))
        pictures = [picture for _, picture in row]
        rows.append(np.hstack(pictures + [blank] * (across - len(row))))
    Image.fromarray(np.vstack(rows)).save(given.out, quality=90)


def crop(photo: np.ndarray) -> np.ndarray:
    """The first coin of a photo, or all of it."""
    boxes = faces.detect_coins(photo)
    if boxes:
        return faces.crop_to_flan(photo, boxes[0], CELL_PX)
    side = min(photo.shape[:2])
    return resized(np.ascontiguousarray(photo[:side, :side]), CELL_PX)


if __name__ == "__main__":
    main()
