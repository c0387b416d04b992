"""Rendered coins and real photos in one sheet, shuffled: can you tell them apart?

    python -m benchmarks.contact_sheet --photos DIR --out sheet.jpg [--seed S]

Prints the key to the sheet, row by row: "." rendered, "R" real.
"""

from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.common import argument_parser
from coin_core.detection import detect_coins
from coin_core.imaging import photo_io
from coin_core.imaging.preprocessing import crop_to_flan, resized
from coin_core.rendering import render_coin

CELL_PX = 180


def main() -> None:
    """Write the sheet and print its key."""
    parser = argument_parser(__doc__, seed=0)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    cells = [("R", crop(photo_io.read(path))) for path in photo_io.inside(args.photos)]
    for index in range(len(cells)):
        coin = render_coin(args.seed, index, size_px=CELL_PX)
        cells.append((".", crop(coin.image)))
    random.Random(args.seed).shuffle(cells)
    columns = math.ceil(math.sqrt(len(cells) * 1.5))
    rows = -(-len(cells) // columns)
    sheet = np.full((rows * CELL_PX, columns * CELL_PX, 3), 255, np.uint8)
    for number, (mark, picture) in enumerate(cells):
        row, column = divmod(number, columns)
        y, x = row * CELL_PX, column * CELL_PX
        sheet[y : y + CELL_PX, x : x + CELL_PX] = picture
        print(mark, end="\n" if column == columns - 1 else "")
    print()
    Image.fromarray(sheet).save(args.out, quality=90)


def crop(photo: np.ndarray) -> np.ndarray:
    """The first coin of a photo, or the photo if no coin is found."""
    if boxes := detect_coins(photo):
        return crop_to_flan(photo, boxes[0], CELL_PX)
    side = min(photo.shape[:2])
    return resized(np.ascontiguousarray(photo[:side, :side]), CELL_PX)


if __name__ == "__main__":
    main()
