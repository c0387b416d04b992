"""`render`: strike coins and write them with the truth about them."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from coin_core.errors import TrainingDataError
from coin_core.rendering import RenderedCoin, render_coin

TRUTH_FILE = "truth.jsonl"


def run(given: argparse.Namespace) -> int:
    """Write the pictures, then the truth in one JSON line each."""
    out: Path = given.out
    if given.folders and (given.scenes or given.kind != "legend"):
        raise TrainingDataError(
            "--folders sorts by ruler, and only the legend names one; "
            "leave --scenes and --kind away."
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
        with (out / TRUTH_FILE).open("w", encoding="utf-8") as truths:
            for index in tqdm(range(given.count), desc="coins", unit="coin"):
                image, truth = _draw(given, index)
                name = f"coin-{given.seed}-{index:06d}.png"
                if given.folders:
                    name = f"{truth['ruler']}/{name}"
                    (out / name).parent.mkdir(exist_ok=True)
                Image.fromarray(image).save(out / name)
                line = {"file": name, "seed": given.seed, "index": index, **truth}
                truths.write(json.dumps(line, ensure_ascii=False) + "\n")
    except OSError as error:
        raise TrainingDataError(
            f"{out} cannot be written ({error.strerror or error})."
        ) from error
    sys.stderr.write(f"{given.count} pictures and {TRUTH_FILE} are in {out}.\n")
    return 0


def _draw(
    given: argparse.Namespace, index: int
) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    if given.scenes:
        from coin_core.rendering.scenes import render_scene

        scene = render_scene(given.seed, index)
        sides = ("left", "top", "right", "bottom")
        faces = [
            {
                "box": {side: round(float(getattr(box, side)), 5) for side in sides},
                "kind": kind,
            }
            for box, kind in zip(scene.boxes, scene.kinds, strict=True)
        ]
        return scene.photo, {"faces": faces}
    coin = render_coin(given.seed, index, size_px=given.size_px, kind=given.kind)
    if not given.two_sided:
        return coin.image, describe(coin)
    # The reverse, which carries the legend, is on the right by custom.
    obverse = render_coin(given.seed, index, size_px=given.size_px, kind="cornucopia")
    image = np.concatenate([obverse.image, coin.image], axis=1)
    return image, describe(coin, first=0.5, width=0.5)


def describe(
    coin: RenderedCoin, *, first: float = 0.0, width: float = 1.0
) -> dict[str, Any]:
    """What is true of a coin that lies in a part of the picture's width.

    Args:
        coin: The coin.
        first: Where the part begins, 0..1.
        width: How much of the width it takes.
    """

    def across(x: float) -> float:
        return round(first + x * width, 5)

    left, top, right, bottom = coin.flan_box
    return {
        "kind": coin.kind,
        "ruler": coin.ruler,
        "legend": list(coin.legend),
        "turn_deg": round(float(coin.turn_deg), 3),
        "flan": {
            "left": across(left),
            "top": round(top, 5),
            "right": across(right),
            "bottom": round(bottom, 5),
        },
        "name_legibility": round(coin.name_legibility, 4),
        "letters": [
            {
                "letter": letter.letter,
                "box": {
                    "left": across(letter.left),
                    "top": round(letter.top, 5),
                    "right": across(letter.right),
                    "bottom": round(letter.bottom, 5),
                },
                "legibility": round(letter.legibility, 4),
                "in_name": letter.in_name,
            }
            for letter in coin.letters
        ],
    }
